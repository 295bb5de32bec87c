package setup

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"easel"
	"easel/internal/human"
	"easel/internal/policy"
)

// Bounds of what the server takes, so that a file is refused as a whole.
const (
	maxTagRules    = 20
	maxDescription = 30_000               // characters (swr.md 6.1)
	maxUndo        = 90 * 24 * 3600 * 1e9 // a human.Span
)

func (r *reader) document(n ast.Node) {
	r.fields(n, "a mapping with organisations, groups, …", map[string]func(entry){
		"organisations": func(e entry) { r.each(e, "organisations by name", r.organisation) },
		"projects":      func(e entry) { r.each(e, "projects by name", r.project) },
		"groups":        func(e entry) { r.each(e, "groups by name", r.group) },
		"policies":      func(e entry) { r.each(e, "policies by name", r.policy) },
		"users": func(e entry) {
			for _, element := range r.list(e.value, "names of users") {
				if name, ok := r.name(element, "user"); ok {
					r.set(element, Key{Kind: User, Of: name}, "")
				}
			}
		},
	})
}

func (r *reader) each(e entry, what string, read func(entry)) {
	for _, e := range r.mapping(e.value, what) {
		read(e)
	}
}

// name returns the name of a user, group, policy, project or domain.
func (r *reader) name(n ast.Node, what string) (string, bool) {
	name, ok := r.text(n, "the name of a "+what)
	valid := easel.IsAccountName
	if what == "policy" || what == "role" {
		valid = easel.IsPolicyName
	}
	switch {
	case !ok:
		return "", false
	case what == "user" && easel.IsSystem(name):
		r.fail(n, "%s is what the server calls itself: no user is called so", name)
	case !valid(name):
		r.fail(n, "%.80q is no name of a %s", name, what)
	default:
		return name, true
	}
	return "", false
}

func (r *reader) organisation(e entry) {
	if _, err := easel.ParseOrg(e.key); r.wrong(e.node, err) {
		return
	}
	r.set(e.node, Key{Kind: Org, Of: e.key}, "")
	r.fields(e.value, "a mapping with users, quota, …", map[string]func(entry){
		"users": func(u entry) { r.users(u, OrgUser, e.key) },
		"quota": func(q entry) {
			r.fields(q.value, "a mapping with repositories and space", map[string]func(entry){
				"repositories": func(b entry) { r.bound(b, Key{Kind: Repos, Of: e.key}, false) },
				"space":        func(b entry) { r.bound(b, Key{Kind: Space, Of: e.key}, true) },
			})
		},
		"undo":           func(u entry) { r.undo(u, e.key) },
		"immutable_tags": func(p entry) { r.patterns(p, Key{Kind: OrgImmutable, Of: e.key}) },
		"repositories": func(all entry) {
			r.each(all, "repositories by name", func(x entry) { r.repository(e.key, x) })
		},
	})
}

func (r *reader) repository(org string, e entry) {
	repo := org + "/" + e.key
	if _, err := easel.ParseRepo(repo); r.wrong(e.node, err) {
		return
	}
	r.set(e.node, Key{Kind: Repo, Of: repo}, "")
	r.fields(e.value, "a mapping with users, retention, …", map[string]func(entry){
		"visibility": func(v entry) {
			text, _ := scalar(v.value)
			if text != "public" && text != "private" {
				r.fail(v.value, "visibility is public or private")
				return
			}
			r.set(v.node, Key{Kind: Visibility, Of: repo}, text)
		},
		"description": func(d entry) {
			text, ok := scalar(d.value)
			if !ok || utf8.RuneCountInString(text) > maxDescription || strings.ContainsRune(text, 0) {
				r.fail(d.value, "a description is a text of at most %d characters", maxDescription)
				return
			}
			r.set(d.node, Key{Kind: Description, Of: repo}, text)
		},
		"users":          func(u entry) { r.users(u, RepoUser, repo) },
		"immutable_tags": func(p entry) { r.patterns(p, Key{Kind: RepoImmutable, Of: repo}) },
		"retention":      func(x entry) { r.retention(x, repo) },
		"shared_with":    func(x entry) { r.shares(x, repo) },
	})
	if r.State[Key{Kind: Visibility, Of: repo}] != "public" {
		return
	}
	for k := range r.State {
		if k.Kind == Share && k.Of == repo {
			r.fail(e.node, "a public repository needs no share: everybody may pull from it")
			return
		}
	}
}

func (r *reader) users(e entry, kind Kind, of string) {
	for _, u := range r.mapping(e.value, "levels by the names of users") {
		level, ok := r.text(u.value, "read, edit or manage")
		if _, known := Levels[level]; ok && !known {
			r.fail(u.value, "%.20q is no level: want read, edit or manage", level)
			ok = false
		}
		if name, named := r.name(u.node, "user"); named && ok {
			r.set(u.node, Key{Kind: kind, Of: of, Name: name}, level)
		}
	}
}

// bound reads how much something may hold.
func (r *reader) bound(e entry, k Key, bytes bool) {
	text, ok := r.text(e.value, "a number, or none")
	if !ok {
		return
	}
	n, err := ParseBound(text)
	if _, plain := strconv.ParseUint(text, 10, 63); err == nil && !bytes && text != None && plain != nil {
		err = fmt.Errorf("%.20q is no number", text)
	}
	switch {
	case r.wrong(e.value, err):
	case bytes:
		r.set(e.node, k, SpaceText(n))
	default:
		r.set(e.node, k, CountText(n))
	}
}

func (r *reader) undo(e entry, org string) {
	var window human.Span
	var budget human.Bytes
	unmarshal := func(into interface{ UnmarshalText([]byte) error }) func(entry) {
		return func(x entry) {
			if text, ok := r.text(x.value, "a time or a size"); ok {
				r.wrong(x.value, into.UnmarshalText([]byte(text)))
			}
		}
	}
	before := len(r.errs)
	r.fields(e.value, "a mapping with window and budget", map[string]func(entry){"window": unmarshal(&window), "budget": unmarshal(&budget)})
	switch {
	case len(r.errs) > before:
	case window <= 0 || window > maxUndo || window%1e9 != 0:
		r.fail(e.node, "the undo window must be 1s to 90d, in whole seconds; leave undo out for none")
	default:
		r.set(e.node, Key{Kind: Undo, Of: org}, UndoText(window, budget))
	}
}

func (r *reader) patterns(e entry, k Key) {
	texts, before := r.texts(e.value, "patterns of tags"), len(r.errs)
	for _, text := range texts {
		_, err := easel.ParseTagPattern(text)
		r.wrong(e.value, err)
	}
	if len(texts) > maxTagRules {
		r.fail(e.value, "%d patterns are too many: at most %d can be set", len(texts), maxTagRules)
	}
	if len(texts) > 0 && len(r.errs) == before {
		r.set(e.node, k, PatternsText(texts))
	}
}

func (r *reader) retention(e entry, repo string) {
	var template string
	var number int
	var selectors []easel.TagSelector
	rule := func(name string) func(entry) {
		return func(x entry) {
			text, _ := scalar(x.value)
			n, err := strconv.Atoi(text)
			switch {
			case err != nil:
				r.fail(x.value, "want a number")
			case template != "":
				r.fail(x.node, "give keep or older_than, not both")
			default:
				template, number = name, n
			}
		}
	}
	except := func(kind string) func(entry) {
		return func(x entry) {
			for _, text := range r.texts(x.value, "tags that stay") {
				selectors = append(selectors, easel.TagSelector{Kind: kind, Pattern: text})
			}
		}
	}
	before := len(r.errs)
	r.fields(e.value, "a mapping with keep or older_than", map[string]func(entry){
		"keep": rule(easel.TagRule), "older_than": rule(easel.DateRule), "never": except(easel.SelectRegexp), "never_tag": except(easel.SelectLabel)})
	if len(r.errs) > before {
		return
	}
	if template == "" {
		r.fail(e.node, "say what goes: keep: N, or older_than: DAYS")
		return
	}
	parsed, err := easel.ParseRetention(template, number, selectors)
	if r.wrong(e.value, err) {
		return
	}
	if text, err := RuleText(parsed); !r.wrong(e.value, err) {
		r.set(e.node, Key{Kind: Retention, Of: repo}, text)
	}
}

func (r *reader) shares(e entry, repo string) {
	for _, x := range r.mapping(e.value, "deadlines by the names of domains") {
		text, ok := r.text(x.value, "a day such as 2027-01-31, or forever")
		if !ok {
			continue
		}
		at, err := ParseDeadline(text)
		if r.wrong(x.value, err) {
			continue
		}
		if text != Forever {
			text = DeadlineText(at)
		}
		if name, ok := r.name(x.node, "domain"); ok {
			r.set(x.node, Key{Kind: Share, Of: repo, Name: name}, text)
		}
	}
}

func (r *reader) project(e entry) {
	name, ok := r.name(e.node, "project")
	if !ok {
		return
	}
	r.fields(e.value, "a mapping with images", map[string]func(entry){
		"images": func(b entry) { r.bound(b, Key{Kind: Images, Of: name}, false) },
	})
}

func (r *reader) group(e entry) {
	group, ok := r.name(e.node, "group")
	if !ok {
		return
	}
	r.set(e.node, Key{Kind: Group, Of: group}, "")
	r.fields(e.value, "a mapping with users and roles", map[string]func(entry){
		"users": func(u entry) {
			for _, element := range r.list(u.value, "names of users") {
				if name, ok := r.name(element, "user"); ok {
					r.set(element, Key{Kind: Member, Of: group, Name: name}, "")
				}
			}
		},
		"roles": func(all entry) {
			for _, element := range r.list(all.value, "roles") {
				r.role(element, group)
			}
		},
	})
}

// role reads the name of a role, or a mapping that says where, too.
func (r *reader) role(n ast.Node, group string) {
	k := Key{Kind: Role, Of: group}
	if _, plain := scalar(n); plain {
		var ok bool
		if k.Name, ok = r.name(n, "role"); ok {
			r.set(n, k, "")
		}
		return
	}
	before := len(r.errs)
	r.fields(n, "the name of a role, or a mapping with role and project", map[string]func(entry){
		"role": func(x entry) { k.Name, _ = r.name(x.value, "role") },
		"project": func(x entry) {
			if text, ok := scalar(x.value); ok && text == InAllProjects {
				k.At = InAllProjects
				return
			}
			k.At, _ = r.name(x.value, "project")
		},
	})
	switch {
	case len(r.errs) > before:
	case k.Name == "":
		r.fail(n, "say which role")
	default:
		r.set(n, k, "")
	}
}

func (r *reader) policy(e entry) {
	name, ok := r.name(e.node, "policy")
	if !ok {
		return
	}
	for _, n := range ast.Filter(ast.AliasType, e.value) {
		r.fail(n, "aliases are not read here")
		return
	}
	var v any
	if err := yaml.NodeToValue(e.value, &v); r.wrong(e.value, err) {
		return
	}
	document, err := json.Marshal(v)
	if r.wrong(e.value, err) {
		return
	}
	if _, err := policy.Parse(document); err != nil {
		// Its line and column are those of the JSON, which nobody has seen.
		_, message, cut := strings.Cut(err.Error(), "): ")
		if !cut {
			message = err.Error()
		}
		r.fail(e.value, "the policy %s: %s", name, message)
		return
	}
	if text, err := PolicyText(document); !r.wrong(e.value, err) {
		r.set(e.node, Key{Kind: Policy, Of: name}, text)
	}
}
