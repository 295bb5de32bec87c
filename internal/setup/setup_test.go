package setup

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"easel"
	"easel/internal/human"
)

// states draws states that a file can say.
var states = rapid.Custom(func(t *rapid.T) State {
	s := State{}
	name := rapid.SampledFrom([]string{"a", "Team 2", "null", "7", "1.10", "x_y-z", "true"})
	policy := rapid.SampledFrom([]string{"a", "null", "1.10", "vision (push)", "Видение", "a: b", "- x", "#1", "&a", "*", "'\"", " x ", "~", "%a", "?", "@b", "[x]", "SWR Admin"})
	level := rapid.SampledFrom([]string{"read", "edit", "manage"})
	patterns := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"v*", "*", "1.10", "????"}), 1, 4), PatternsText)
	some := func(what string) int { return rapid.IntRange(0, 2).Draw(t, what) }
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	bound := func(what string) int64 { return rapid.SampledFrom([]int64{0, 1, 999, 1 << 20, 3 << 40}).Draw(t, what) }
	for range some("policies") {
		s[Key{Kind: Policy, Of: policy.Draw(t, "policy")}] = `{"Statement":[{"Action":["swr:repo:download"],"Effect":"Allow"}],"Version":"1.1"}`
	}
	for range some("users") {
		s[Key{Kind: User, Of: name.Draw(t, "user")}] = ""
	}
	for range some("groups") {
		group := name.Draw(t, "group")
		s[Key{Kind: Group, Of: group}] = ""
		for range some("members") {
			s[Key{Kind: Member, Of: group, Name: name.Draw(t, "member")}] = ""
		}
		for range some("roles") {
			s[Key{Kind: Role, Of: group, Name: policy.Draw(t, "role"), At: rapid.SampledFrom([]string{"", "*", "eu-de"}).Draw(t, "place")}] = ""
		}
	}
	for range some("projects") {
		s[Key{Kind: Images, Of: name.Draw(t, "project")}] = CountText(bound("images"))
	}
	for range some("organisations") {
		org := rapid.SampledFrom([]string{"lab", "team", "null"}).Draw(t, "organisation")
		s[Key{Kind: Org, Of: org}] = ""
		for range some("org users") {
			s[Key{Kind: OrgUser, Of: org, Name: name.Draw(t, "user")}] = level.Draw(t, "level")
		}
		if maybe("bounded") {
			s[Key{Kind: Repos, Of: org}], s[Key{Kind: Space, Of: org}] = CountText(bound("repositories")), SpaceText(bound("space"))
		}
		if maybe("undo") {
			s[Key{Kind: Undo, Of: org}] = UndoText(human.Span(rapid.Int64Range(1, 90*86400).Draw(t, "window")*1e9), human.Bytes(bound("budget")))
		}
		if maybe("immutable") {
			s[Key{Kind: OrgImmutable, Of: org}] = patterns.Draw(t, "patterns")
		}
		for range some("repositories") {
			drawRepo(t, s, org+"/"+rapid.SampledFrom([]string{"app", "a/b", "2"}).Draw(t, "repository"), name, level, patterns)
		}
	}
	return s
})

func drawRepo(t *rapid.T, s State, repo string, name, level, patterns *rapid.Generator[string]) {
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	s[Key{Kind: Repo, Of: repo}] = ""
	s[Key{Kind: Visibility, Of: repo}] = "private"
	if maybe("description") {
		s[Key{Kind: Description, Of: repo}] = rapid.SampledFrom([]string{"x", "two\nlines\n", " spaces ", "a: b # c", "null", "'\"", "1.10"}).Draw(t, "text")
	}
	if maybe("granted") {
		s[Key{Kind: RepoUser, Of: repo, Name: name.Draw(t, "user")}] = level.Draw(t, "level")
	}
	if maybe("immutable") {
		s[Key{Kind: RepoImmutable, Of: repo}] = patterns.Draw(t, "patterns")
	}
	if maybe("retention") {
		var selectors []easel.TagSelector
		if maybe("never") {
			selectors = []easel.TagSelector{{Kind: easel.SelectRegexp, Pattern: "^release-"}, {Kind: easel.SelectLabel, Pattern: "1.10"}}
		}
		rule, err := easel.ParseRetention(rapid.SampledFrom([]string{easel.TagRule, easel.DateRule}).Draw(t, "rule"), rapid.IntRange(1, 365).Draw(t, "number"), selectors)
		if err != nil {
			t.Fatal(err)
		}
		if s[Key{Kind: Retention, Of: repo}], err = RuleText(rule); err != nil {
			t.Fatal(err)
		}
	}
	if maybe("shared") {
		at := time.Unix(rapid.Int64Range(1.7e9, 4e9).Draw(t, "deadline"), 0)
		s[Key{Kind: Share, Of: repo, Name: name.Draw(t, "domain")}] = rapid.SampledFrom([]string{Forever, "2027-01-31", DeadlineText(at)}).Draw(t, "until")
	}
}

// TestDiffLeads wants diff(a, b), applied to a, to give b.
func TestDiffLeads(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a, b := states.Draw(t, "a"), states.Draw(t, "b")
		for _, prune := range []bool{false, true} {
			got := maps.Clone(a)
			got.Apply(Diff(a, b, prune))
			for k, v := range b {
				if got[k] != v {
					t.Errorf("%+v is %q, want %q", k, got[k], v)
				}
				if _, there := got[k]; !there {
					t.Errorf("%+v is missing", k)
				}
			}
			for k, v := range got {
				_, wanted := b[k]
				_, named := b[k.owner()]
				switch {
				case wanted:
				case got[k] != a[k]:
					t.Errorf("%+v became %q though nobody asked", k, v)
				case prune && named && k.Kind.removable():
					t.Errorf("%+v was not pruned", k)
				}
			}
			for k := range a {
				if _, there := got[k]; !there && (!prune || !k.Kind.removable()) {
					t.Errorf("%+v is gone", k)
				}
			}
			if again := Diff(got, b, prune); len(again) > 0 {
				t.Errorf("the second time there are %v", again)
			}
		}
	})
}

// TestFormatReadsBack writes states and reads them.
func TestFormatReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := states.Draw(t, "state")
		text, err := Format(want)
		if err != nil {
			t.Fatal(err)
		}
		got := NewSource()
		if err := got.Add("f", text); err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if diff := cmp.Diff(want, got.State); diff != "" {
			t.Fatalf("(-written +read):\n%s\n%s", diff, text)
		}
	})
}

func TestMistakes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, want string }{
		{"organisation: {}", `f:1:1: there is no key "organisation" here; there are: groups, organisations, policies, projects, users`},
		{"organisations:\n  Lab:\n", `f:2:3: "Lab" is no organisation name`},
		{"organisations:\n  lab:\n    usres: {eva: read}\n", `f:3:5: there is no key "usres" here; there are: immutable_tags, quota, repositories, undo, users`},
		{"organisations:\n  lab:\n    users: {eva: write}\n", `f:3:18: "write" is no level: want read, edit or manage`},
		{"organisations:\n  lab:\n    users: [eva]\n", "f:3:12: want levels by the names of users"},
		{"organisations:\n  lab:\n    quota: {space: big}\n", `f:3:20: "big" is no size`},
		{"organisations:\n  lab:\n    quota: {repositories: 1KiB}\n", `f:3:27: "1KiB" is no number`},
		{"organisations:\n  lab:\n    undo: {window: 91d}\n", "f:3:5: the undo window must be 1s to 90d"},
		{"organisations:\n  lab:\n    undo: {budget: 1GiB}\n", "f:3:5: the undo window must be"},
		{"organisations:\n  lab:\n    immutable_tags: ['a b']\n", `"a b" is no pattern of tags`},
		{"organisations:\n  lab:\n    repositories:\n      app: {retention: {keep: 0}}\n", "must be 1 to 1000, not 0"},
		{"organisations:\n  lab:\n    repositories:\n      app: {retention: {keep: 1, older_than: 3}}\n", "f:4:34: give keep or older_than, not both"},
		{"organisations:\n  lab:\n    repositories:\n      app: {retention: {keep: 1, never: ['(']}}\n", "does not compile"},
		{"organisations:\n  lab:\n    repositories:\n      app: {retention: {never: [x]}}\n", "f:4:13: say what goes: keep: N, or older_than: DAYS"},
		{"organisations:\n  lab:\n    repositories:\n      app: {visibility: secret}\n", "f:4:25: visibility is public or private"},
		{"organisations:\n  lab:\n    repositories:\n      app: {visibility: public, shared_with: {x: forever}}\n", "a public repository needs no share"},
		{"organisations:\n  lab:\n    repositories:\n      app: {shared_with: {x: soon}}\n", `f:4:30: "soon" is no day`},
		{"organisations:\n  lab:\n    repositories:\n      App: {}\n", `"lab/App" is no repository name`},
		{"groups:\n  g:\n    roles:\n      - {project: p}\n", "say which role"},
		{"groups:\n  g:\n    users: [a, a]\n", "f:3:16: this is said already at f:3:13"},
		{"users: [a\x00b]", ""},
		{"users: [Easel]", "f:1:9: Easel is what the server calls itself"},
		{"policies:\n  'a|b': {}\n", `f:2:3: "a|b" is no name of a policy`},
		{"users: ['']", "f:1:9: want the name of a user"},
		{"users: &x [a]\ngroups: {g: {users: *x}}", "f:1:8: want a list of names of users"},
		{"policies:\n  p: {Version: '1.1', Statement: []}\n", "f:2:6: the policy p: "},
		{"policies:\n  p: &p {a: *p}\n", "aliases are not read here"},
		{"projects: {eu-de: {images: -1}}", `f:1:28: "-1" is no size`},
		{"organisations: {lab: {}, lab: {}}", "already defined"},
		{"users: [", "f: "},
		{"- a", "f:1:1: want a mapping"},
		{"users: [a]\n---\nusers: [b]\ngroup: x\n", `f:4:1: there is no key "group"`},
	} {
		err := NewSource().Add("f", []byte(tt.text))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: %v, want %s", tt.text, err, tt.want)
		}
	}
	if err := NewSource().Add("f", []byte(strings.Repeat("#", MaxFile+1))); err == nil {
		t.Error("a file of any size is read")
	}
	err := NewSource().Add("f", []byte("users: ["+strings.Repeat("'', ", 30)+"'']"))
	if err == nil || strings.Count(err.Error(), "\n") != maxErrors || !strings.HasSuffix(err.Error(), "and 11 mistakes more") {
		t.Errorf("31 mistakes are told as %v", err)
	}
}

// TestSeveralFiles lets files speak of one organisation, but not of one thing.
func TestSeveralFiles(t *testing.T) {
	t.Parallel()
	s := NewSource()
	for i, text := range []string{"organisations: {lab: {users: {eva: read}}}", "organisations: {lab: {users: {sam: read}}}", "# nothing\n"} {
		if err := s.Add(fmt.Sprint("f", i), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	err := s.Add("f3", []byte("organisations: {lab: {users: {eva: edit}}}"))
	if err == nil || err.Error() != "f3:1:31: this is said already at f0:1:31" {
		t.Error(err)
	}
	if err := s.Error(Key{Kind: OrgUser, Of: "lab", Name: "sam"}, "no"); err.Error() != "f1:1:31: no" {
		t.Error(err)
	}
}

func TestChangeText(t *testing.T) {
	t.Parallel()
	rule, err := easel.ParseRetention(easel.TagRule, 10, []easel.TagSelector{{Kind: easel.SelectRegexp, Pattern: "^v"}})
	if err != nil {
		t.Fatal(err)
	}
	keep, err := RuleText(rule)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		c    Change
		want string
	}{
		{Change{Add, Key{Kind: Org, Of: "lab"}, "", ""}, "organisation lab + created"},
		{Change{Set, Key{Kind: Policy, Of: "p"}, "{}", "[]"}, "policy p ~ changed"},
		{Change{Add, Key{Kind: User, Of: "eva"}, "", ""}, "user eva + created"},
		{Change{Add, Key{Kind: Member, Of: "g", Name: "eva"}, "", ""}, "group g + user eva"},
		{Change{Remove, Key{Kind: Role, Of: "g", Name: "r", At: "*"}, "", ""}, `group g - role "r" in every project`},
		{Change{Add, Key{Kind: Role, Of: "g", Name: "r", At: "p"}, "", ""}, `group g + role "r" in project p`},
		{Change{Set, Key{Kind: Images, Of: "eu-de"}, "none", "7"}, "project eu-de ~ quota of images: none → 7"},
		{Change{Set, Key{Kind: OrgUser, Of: "lab", Name: "eva"}, "read", "edit"}, "organisation lab ~ user eva: read → edit"},
		{Change{Remove, Key{Kind: Retention, Of: "lab/a"}, keep, ""}, "repository lab/a - retention: keep the last 10 tags, never /^v/"},
		{Change{Add, Key{Kind: Share, Of: "lab/a", Name: "d"}, "", "2027-01-31"}, "repository lab/a + shared with d: until 2027-01-31"},
	} {
		if got := tt.c.Key.Subject() + " " + tt.c.String(); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// FuzzAdd reads anything; what is accepted is written and read again.
func FuzzAdd(f *testing.F) {
	f.Add([]byte("organisations: {lab: {users: {eva: read}, undo: {window: 1d}, repositories: {a: {retention: {keep: 3}}}}}"))
	f.Add([]byte("groups:\n  g:\n    roles: [a, {role: b, project: '*'}]\nusers: [x]\nprojects: {p: {images: none}}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		first, second := NewSource(), NewSource()
		if first.Add("f", text) != nil {
			return
		}
		for k, v := range first.State {
			if k.Kind == Description && v == "" {
				delete(first.State, k) // not written: it is what every repository has
			}
		}
		written, err := Format(first.State)
		if err != nil {
			t.Fatal(err)
		}
		if err := second.Add("again", written); err != nil {
			t.Fatalf("%v\n%s", err, written)
		}
		if !maps.Equal(first.State, second.State) {
			t.Fatalf("%v\nis read as\n%v\n%s", first.State, second.State, written)
		}
	})
}
