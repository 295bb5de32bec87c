// Package setup holds how an account is set up: which organisations there are,
// what they may hold and for how long, and who may do what. A State comes from
// a file that people write (Parse) or from a server; Diff tells what makes one
// of the other. Nothing here speaks to a server.
//
// A State is flat: one Key for each thing that can be set by itself, with its
// value in one canonical form, so that two of them can be compared. Content is
// no part of it: nothing here makes a tag or a repository go.
package setup

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"easel"
)

// Kind is what can be set. The order is the one in which things are made: what
// another needs comes first, and what keeps tags before what deletes them.
type Kind int

// The kinds, with what Of and Name of their keys are and the form of the value.
const (
	Policy        Kind = iota + 1 // of a policy: its document, canonical JSON
	User                          // of a user
	Group                         // of a group
	Member                        // of a group, name of a user
	Role                          // of a group, name of a role or policy, At a place
	Images                        // of a project: a number or None
	Org                           // of an organisation
	Repos                         // of an organisation: a number or None
	Space                         // of an organisation: a size or None
	OrgUser                       // of an organisation, name of a user: a level
	Undo                          // of an organisation: see UndoText
	OrgImmutable                  // of an organisation: patterns, sorted, with spaces between
	Repo                          // of a repository
	Visibility                    // of a repository: public or private
	Description                   // of a repository: text
	RepoUser                      // of a repository, name of a user: a level
	RepoImmutable                 // of a repository: patterns
	Retention                     // of a repository: an easel.RetentionRule in JSON
	Share                         // of a repository, name of a domain: see DeadlineText
)

// Places of a Role that are not the name of a project.
const (
	InAccount     = ""
	InAllProjects = "*"
)

// None is the value of a bound that is none.
const None = "none"

// Levels are the values of OrgUser and RepoUser, with their numbers (swr.md 2.9).
var Levels = map[string]int{"read": 1, "edit": 3, "manage": 7}

// Key says what is set. Of is a name; that of a repository has its
// organisation in front.
type Key struct {
	Kind         Kind
	Of, Name, At string
}

func (k Key) compare(l Key) int {
	return cmp.Or(cmp.Compare(k.Kind, l.Kind), strings.Compare(k.Of, l.Of), strings.Compare(k.Name, l.Name), strings.Compare(k.At, l.At))
}

// owner is the organisation or group that k belongs to; zero for others.
func (k Key) owner() Key {
	switch {
	case k.Kind == Member || k.Kind == Role:
		return Key{Kind: Group, Of: k.Of}
	case k.Kind >= Repos && k.Kind <= OrgImmutable:
		return Key{Kind: Org, Of: k.Of}
	case k.Kind >= Repo:
		return Key{Kind: Org, Of: string(easel.Repo(k.Of).Org())}
	}
	return Key{}
}

// removable reports whether a kind can be taken away: not what holds
// something, nor what everything of its kind has.
func (k Kind) removable() bool {
	switch k {
	case Member, Role, Repos, Space, OrgUser, Undo, OrgImmutable, RepoUser, RepoImmutable, Retention, Share:
		return true
	}
	return false
}

// State is what is set, with its value.
type State map[Key]string

// Keys returns the keys in the order of their making.
func (s State) Keys() []Key { return slices.SortedFunc(maps.Keys(s), Key.compare) }

// Op is what a change does.
type Op string

// The operations.
const (
	Add    Op = "add"
	Set    Op = "change"
	Remove Op = "remove"
)

// Change is one step from a state to another.
type Change struct {
	Op       Op
	Key      Key
	Old, New string
}

// Diff returns what makes have into want, in the order in which it can be
// done. What want does not mention stays as it is; with prune, that of the
// organisations and groups that want names goes, last, if it can.
func Diff(have, want State, prune bool) []Change {
	var changes []Change
	for _, k := range want.Keys() {
		old, there := have[k]
		switch {
		case !there:
			changes = append(changes, Change{Add, k, "", want[k]})
		case old != want[k]:
			changes = append(changes, Change{Set, k, old, want[k]})
		}
	}
	if !prune {
		return changes
	}
	gone := have.Keys()
	slices.Reverse(gone)
	for _, k := range gone {
		_, stays := want[k]
		if _, named := want[k.owner()]; named && !stays && k.Kind.removable() {
			changes = append(changes, Change{Remove, k, have[k], ""})
		}
	}
	return changes
}

// Apply makes the changes to s.
func (s State) Apply(changes []Change) {
	for _, c := range changes {
		if c.Op == Remove {
			delete(s, c.Key)
		} else {
			s[c.Key] = c.New
		}
	}
}

// Names returns the names of everything of a kind: the Of of its keys.
func (s State) Names(kind Kind) []string {
	found := map[string]bool{}
	for k := range s {
		if k.Kind == kind {
			found[k.Of] = true
		}
	}
	return slices.Sorted(maps.Keys(found))
}

// Has reports whether s has anything of one of the kinds.
func (s State) Has(kinds ...Kind) bool {
	for k := range s {
		if slices.Contains(kinds, k.Kind) {
			return true
		}
	}
	return false
}

// words name the kinds for people; "" is for what is made as a whole.
var words = map[Kind]string{
	Images: "quota of images", Repos: "quota of repositories", Space: "quota of space", Undo: "undo", OrgImmutable: "immutable tags", Visibility: "visibility",
	Description: "description", RepoImmutable: "immutable tags", Retention: "retention",
}

// Subject returns what the key is about, for people.
func (k Key) Subject() string {
	switch {
	case k.Kind == Policy:
		return "policy " + k.Of
	case k.Kind == User:
		return "user " + k.Of
	case k.Kind <= Role:
		return "group " + k.Of
	case k.Kind == Images:
		return "project " + k.Of
	case k.Kind <= OrgImmutable:
		return "organisation " + k.Of
	}
	return "repository " + k.Of
}

// What returns what of the subject the key is about, for people; "" for the
// subject itself.
func (k Key) What() string {
	switch k.Kind {
	case Member, OrgUser, RepoUser:
		return "user " + k.Name
	case Role:
		switch k.At {
		case InAccount:
			return fmt.Sprintf("role %q", k.Name)
		case InAllProjects:
			return fmt.Sprintf("role %q in every project", k.Name)
		}
		return fmt.Sprintf("role %q in project %s", k.Name, k.At)
	case Share:
		return "shared with " + k.Name
	}
	return words[k.Kind]
}

// valueText writes a value for people.
func (k Key) valueText(value string) string {
	switch k.Kind {
	case Policy:
		return "" // too long to read in a line
	case Retention:
		var rule easel.RetentionRule
		if json.Unmarshal([]byte(value), &rule) == nil {
			return rule.String()
		}
	case Share:
		return "until " + value
	case Description:
		return fmt.Sprintf("%.60q", value)
	}
	return value
}

// String writes the change as a line for people, without its subject.
func (c Change) String() string {
	what, old, now := c.Key.What(), c.Key.valueText(c.Old), c.Key.valueText(c.New)
	switch {
	case c.Op == Add && what == "":
		what = "created"
	case c.Op == Set && what == "":
		what = "changed"
	case c.Op == Set:
		return "~ " + what + ": " + old + " → " + now
	}
	sign, value := "+ ", now
	if c.Op == Remove {
		sign, value = "- ", old
	} else if c.Op == Set {
		sign = "~ "
	}
	if value != "" {
		value = ": " + value
	}
	return sign + what + value
}
