package app

import (
	"cmp"
	"context"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"easel"
)

// completing is a command line up to the word that is typed.
type completing struct {
	node  *kong.Node            // the command so far
	flags map[string]*kong.Flag // of node and those above, as they are written
	given map[string]string     // values of flags
	args  int                   // positional arguments before
	typed string
}

// candidates returns what may stand in the place of the last word; some may
// not begin with it.
func candidates(ctx context.Context, root *kong.Node, words []string) []candidate {
	c := &completing{node: root, flags: map[string]*kong.Flag{}, given: map[string]string{}, typed: words[len(words)-1]}
	c.enter(root)
	var valueOf *kong.Flag
	onlyArgs := false
	for _, word := range words[:len(words)-1] {
		switch {
		case valueOf != nil:
			c.given[valueOf.Name] = word
			valueOf = nil
		case onlyArgs || !strings.HasPrefix(word, "-") || word == "-":
			c.positional(word)
		case word == "--":
			onlyArgs = true
		default:
			name, value, attached := strings.Cut(word, "=")
			f := c.flags[name]
			if f == nil {
				continue
			}
			if c.given[f.Name] = value; !attached && !f.IsBool() {
				valueOf = f
			}
		}
	}
	if valueOf != nil {
		return c.values(ctx, valueOf.Value, valueOf.PlaceHolder, "")
	}
	if name, _, attached := strings.Cut(c.typed, "="); attached && c.flags[name] != nil && !onlyArgs {
		return c.values(ctx, c.flags[name].Value, c.flags[name].PlaceHolder, name+"=")
	}
	if strings.HasPrefix(c.typed, "-") && !onlyArgs {
		return c.flagNames()
	}
	return c.words(ctx)
}

// enter makes node the command.
func (c *completing) enter(node *kong.Node) {
	c.node, c.args = node, 0
	for _, f := range node.Flags {
		if f.Hidden {
			continue
		}
		c.flags["--"+f.Name] = f
		if f.Short != 0 {
			c.flags["-"+string(f.Short)] = f
		}
	}
}

func (c *completing) positional(word string) {
	for _, child := range c.node.Children {
		if child.Name == word || slices.Contains(child.Aliases, word) {
			c.enter(child)
			return
		}
	}
	c.args++
}

// flagNames returns the long flags that can still be given.
func (c *completing) flagNames() []candidate {
	var found []candidate
	for name, f := range c.flags {
		if _, given := c.given[f.Name]; strings.HasPrefix(name, "--") && (!given || f.IsCumulative()) {
			found = append(found, candidate{name, f.Help})
		}
	}
	return sorted(found)
}

// words returns subcommands, or the values of the next argument.
func (c *completing) words(ctx context.Context) []candidate {
	var found []candidate
	for _, child := range c.node.Children {
		if child.Type == kong.CommandNode && !child.Hidden {
			found = append(found, candidate{child.Name, child.Help})
		}
	}
	switch {
	case len(found) > 0 && c.args > 0: // after a command that there is not
		return nil
	case len(found) > 0 || len(c.node.Positional) == 0:
		return sorted(found)
	}
	last := len(c.node.Positional) - 1
	if c.args > last && !c.node.Positional[last].IsCumulative() {
		return nil
	}
	arg := c.node.Positional[min(c.args, last)]
	return c.values(ctx, arg, arg.Tag.PlaceHolder, "")
}

// values returns the values of a flag or argument, with prefix in front.
func (c *completing) values(ctx context.Context, v *kong.Value, placeholder, prefix string) []candidate {
	var found []candidate
	switch names := c.names(v, placeholder); {
	case v.Enum != "":
		for _, word := range v.EnumSlice() {
			if word != "" {
				found = append(found, candidate{prefix + word, ""})
			}
		}
	case v.IsBool():
	case placeholder == "FILE" || placeholder == "DIR" || v.Name == "file" || v.Name == "dir":
		return []candidate{{onlyFiles, ""}}
	case names != nil:
		a := account{Server: cmp.Or(c.given["server"], os.Getenv("EASEL_SERVER")), Profile: cmp.Or(c.given["profile"], os.Getenv("EASEL_PROFILE"))}
		ses, err := a.open(&streams{})
		if err != nil {
			return nil
		}
		defer ses.Close()
		all, _ := names(ctx, ses, strings.TrimPrefix(c.typed, prefix)) // whoever types is not told
		for _, word := range all {
			found = append(found, candidate{prefix + word, ""})
		}
	}
	return sorted(found)
}

func sorted(found []candidate) []candidate {
	slices.SortFunc(found, func(a, b candidate) int { return strings.Compare(a.word, b.word) })
	return slices.CompactFunc(found, func(a, b candidate) bool { return a.word == b.word })
}

// names asks the server for names; typed is how they begin, or "".
type names func(ctx context.Context, s *session, typed string) ([]string, error)

// nameSources has where the values of flags and arguments come from: by
// their name, or by the command above and their name.
var nameSources = map[string]names{
	"org": orgNames, "organisation": orgNames, "org name": orgNames, "scope": contentNames, "resource": repoNames,
	"repo": repoNames, "repo repo": contentNames, "repository": repoNames, "path": contentNames, "image": imageNames, "digest-or-image": contentNames,
	"user": listed((*session).users, func(u user) string { return u.Name }), "user name": listed((*session).users, func(u user) string { return u.Name }),
	"group": listed((*session).groups, func(g group) string { return g.Name }), "group name": listed((*session).groups, func(g group) string { return g.Name }),
	"role": listed((*session).roles, func(r role) string { return r.Display }), "policy name": listed((*session).roles, func(r role) string { return r.Display }),
	"project": listed((*session).projects, func(p described) string { return p.Name }), "workspace": workspaceNames,
	"robot":        listed((*session).robots, func(r robot) string { return r.Name }),
	"trust trust":  listed((*session).trusts, func(r trust) string { return r.Name }),
	"access-key":   listed((*session).keys, func(k key) string { return k.Access }),
	"share domain": listed((*session).domains, func(d described) string { return d.Name }),
	"trash id":     listed(allTrash, func(x trashed) string { return x.ID }),
}

// names returns where the values of v come from, nil for nowhere: what is made
// has no name yet.
func (c *completing) names(v *kong.Value, placeholder string) names {
	making := v.Flag == nil && v.Name == "name" && (c.node.Name == "create" || c.node.Name == "ls")
	if making || placeholder == "N" {
		return nil
	}
	if c.node.Parent != nil && nameSources[c.node.Parent.Name+" "+v.Name] != nil && v.Flag == nil {
		return nameSources[c.node.Parent.Name+" "+v.Name]
	}
	return nameSources[v.Name]
}

// listed makes names of a list.
func listed[T any](list func(*session, context.Context) ([]T, error), name func(T) string) names {
	return func(ctx context.Context, s *session, _ string) (all []string, err error) {
		found, err := list(s, ctx)
		for _, x := range found {
			all = append(all, name(x))
		}
		return all, err
	}
}

var orgNames = listed((*session).orgs, func(o org) string { return o.Name })

// repoNames are those of the organisation that is typed, or of all.
func repoNames(ctx context.Context, s *session, typed string) (all []string, err error) {
	query := url.Values{}
	if org, _, ok := strings.Cut(typed, "/"); ok {
		query.Set("namespace", org)
	}
	found, err := pages[repo](ctx, s, "/v2/manage/repos", query)
	for _, r := range found {
		all = append(all, r.Org+"/"+r.Name)
	}
	return all, err
}

// contentNames are repositories, and the tags of one when a colon is typed.
func contentNames(ctx context.Context, s *session, typed string) (all []string, err error) {
	name, _, tagged := strings.Cut(typed, ":")
	if !tagged {
		return repoNames(ctx, s, typed)
	}
	repo, err := easel.ParseRepo(name)
	if err != nil {
		return nil, err
	}
	found, err := pages[tag](ctx, s, repoPath(repo)+"/tags", url.Values{})
	for _, t := range found {
		all = append(all, name+":"+t.Name)
	}
	return all, err
}

func imageNames(ctx context.Context, s *session, _ string) (all []string, err error) {
	found, err := s.images(ctx, url.Values{})
	for _, i := range found {
		if p, err := easel.ParseImagePath(i.Path); err == nil {
			all = append(all, string(p.Repo)+":"+string(p.Tag))
		}
	}
	return all, err
}

func workspaceNames(ctx context.Context, s *session, _ string) (all []string, err error) {
	found, err := s.workspaces(ctx, url.Values{})
	for _, w := range found {
		all = append(all, w.Name)
	}
	return all, err
}

func allTrash(s *session, ctx context.Context) ([]trashed, error) { return s.trash(ctx, "") }
