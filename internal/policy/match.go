package policy

import (
	"strings"

	"easel"
)

// names are what an action is called in policies, beside its own name (swr.md
// 2.9, images.md section 6).
var names = map[Action][]string{
	Pull:             {"swr:repo:download"},
	Push:             {"swr:repo:upload"},
	Delete:           {"swr:repo:deleteRepoTag", "swr:repository:deleteTag"},
	ListRepositories: {"swr:repo:listRepos"},
	DeleteTag:        {"swr:repo:deleteRepoTag", "swr:repository:deleteTag"},
	ShowOrg:          {"swr:namespace:getNamespace", "swr:repository:getNamespace"},
	ListOrgs:         {"swr:namespace:listNamespaces", "swr:repository:listNamespace"},
	ShowRepo:         {"swr:repo:getRepo", "swr:repository:getRepository"},
	ListTags:         {"swr:repo:listRepoTags", "swr:repository:listTags"},
}

// spellings returns every name of an action, in lower case.
func spellings(a Action) []string {
	known := names[a]
	if known == nil {
		return []string{strings.ToLower(string(a))}
	}
	lower := make([]string, len(known))
	for i, n := range known {
		lower[i] = strings.ToLower(n)
	}
	return lower
}

// target is the resource as policies name it.
func target(noun easel.Noun, resource string) string {
	switch noun {
	case "repository":
		return "swr:*:*:repo:" + resource
	case "organisation":
		return "swr:*:*:namespace:" + resource
	case "workspace":
		return "modelarts:*:*:workspace:" + resource
	}
	return "*:*:*:" + string(noun) + ":" + resource
}

// decide returns the first statement that denies, else the first that allows,
// else nil.
func decide(who easel.Principal, action Action, noun easel.Noun, resource string) *easel.Statement {
	if len(who.Statements) == 0 {
		return nil
	}
	called, on := spellings(action), []string{target(noun, resource)}
	if noun == "workspace" {
		on = append(on, everyOf(action))
	}
	var allows *easel.Statement
	for i := range who.Statements {
		s := &who.Statements[i]
		if (s.Deny || allows == nil && !(s.InProject && wide(called))) && applies(s, called, on) {
			if s.Deny {
				return s
			}
			allows = s
		}
	}
	return allows
}

// wide is whether an action is about the domain: a role in a project allows none.
func wide(called []string) bool {
	return strings.HasPrefix(called[0], "iam:") || strings.HasPrefix(called[0], "easel:")
}

// verdict is decide for those who need no names.
func verdict(who easel.Principal, action Action, noun easel.Noun, resource string) (allowed, denied bool) {
	s := decide(who, action, noun, resource)
	return s != nil && !s.Deny, s != nil && s.Deny
}

func applies(s *easel.Statement, called, on []string) bool {
	return speaksOf(s, called) && (len(s.Resources) == 0 || anyOf(s.Resources, func(pattern string) bool {
		return anyOf(on, func(name string) bool { return resourceMatches(pattern, name) })
	}))
}

func speaksOf(s *easel.Statement, called []string) bool {
	return anyOf(s.Actions, func(pattern string) bool {
		return anyOf(called, func(name string) bool { return actionMatches(pattern, name) })
	})
}

func anyOf(list []string, ok func(string) bool) bool {
	for _, s := range list {
		if ok(s) {
			return true
		}
	}
	return false
}

// actionMatches compares segment by segment; "*" alone is every action.
func actionMatches(pattern, name string) bool {
	if pattern == "*" {
		return true
	}
	p, n := strings.Split(pattern, ":"), strings.Split(name, ":")
	if len(p) != len(n) {
		return false
	}
	for i := range p {
		if !glob(p[i], n[i]) {
			return false
		}
	}
	return true
}

// resourceMatches compares service, type and path. Region and account are the
// only ones there are: [Parse] refuses others.
func resourceMatches(pattern, on string) bool {
	if pattern == "*" {
		return true
	}
	p, n := strings.SplitN(pattern, ":", 5), strings.SplitN(on, ":", 5)
	if len(p) != 5 || len(n) != 5 {
		return false
	}
	return (n[0] == "*" || glob(p[0], n[0])) && glob(p[3], n[3]) && glob(p[4], n[4])
}

// glob reports whether pattern, in which "*" stands for any text, is s.
func glob(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	if len(parts) == 1 {
		return pattern == s
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(s) < len(first)+len(last) || !strings.HasPrefix(s, first) || !strings.HasSuffix(s, last) {
		return false
	}
	s = s[len(first) : len(s)-len(last)]
	for _, part := range parts[1 : len(parts)-1] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return true
}

// Sight says which organisations or repositories statements show or hide, by
// patterns of names in which "*" stands for any text. What it does not name is
// up to levels.
type Sight struct {
	All           bool // shown, unless hidden
	Shown, Hidden []string
}

// everything is whether nothing is hidden.
func (v Sight) everything() bool { return v.All && len(v.Hidden) == 0 }

// SeesEverything is whether who sees all repositories of its domain.
func SeesEverything(who easel.Principal) bool { return SeesRepos(who).everything() }

// SeesRepos returns which repositories of the own domain who sees without a level.
func SeesRepos(who easel.Principal) Sight { return sight(who, ShowRepo, "repository") }

// SeesOrgs returns which organisations of the own domain who sees without a level.
func SeesOrgs(who easel.Principal) Sight { return sight(who, ShowOrg, "organisation") }

// SeesTrash returns from which repositories of the own domain who may restore
// trash without a level. A machine may from none.
func SeesTrash(who easel.Principal) Sight { return sight(who, RestoreTrash, "repository") }

func sight(who easel.Principal, action Action, noun easel.Noun) Sight {
	v := Sight{All: who.Admin}
	kind, called := strings.Split(target(noun, ""), ":")[3], spellings(action)
	for i := range who.Statements {
		s := &who.Statements[i]
		if !speaksOf(s, called) || !s.Deny && s.InProject && wide(called) {
			continue
		}
		for _, name := range namesIn(s.Resources, "swr", kind) {
			switch {
			case s.Deny:
				v.Hidden = append(v.Hidden, name)
			case name == "*":
				v.All = true
			default:
				v.Shown = append(v.Shown, name)
			}
		}
	}
	return v
}

// namesIn returns the name patterns of the resources of a service and kind.
func namesIn(resources []string, service, kind string) []string {
	if len(resources) == 0 {
		return []string{"*"}
	}
	var found []string
	for _, r := range resources {
		p := strings.SplitN(r, ":", 5)
		switch {
		case r == "*":
			found = append(found, "*")
		case len(p) == 5 && glob(p[0], service) && glob(p[3], kind):
			found = append(found, p[4])
		}
	}
	return found
}
