package policy

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"easel"
)

// holder is a user of the domain "home" with a policy.
func holder(t *testing.T, statements string) easel.Principal {
	t.Helper()
	found, err := Parse([]byte(`{"Version":"1.1","Statement":[` + statements + `]}`))
	if err != nil {
		t.Fatal(err)
	}
	return easel.Principal{UserID: "u", UserName: "user", DomainID: "home", ProjectID: "p1", Statements: found}
}

const (
	pulls      = `{"Effect":"Allow","Action":["swr:repo:download","swr:repo:get*","swr:repo:list*"],"Resource":["swr:*:*:repo:team/*"]}`
	pushes     = `{"Effect":"Allow","Action":["swr:repo:upload"],"Resource":["swr:*:*:repo:team/web"]}`
	noDeletion = `{"Effect":"Deny","Action":["swr:repo:delete*"]}`
	noSecrets  = `{"Effect":"Deny","Action":["swr:*:*"],"Resource":["swr:*:*:repo:team/secret*"]}`
	everything = `{"Effect":"Allow","Action":["*"]}`
	looksAt    = `{"Effect":"Allow","Action":["modelarts:image:get","modelarts:image:list*"]}`
	noImages   = `{"Effect":"Deny","Action":["modelarts:*:delete*"]}`
	otc        = `{"Effect":"Allow","Action":["swr:repository:getRepository","swr:repository:deleteTag"]}`
)

func TestStatements(t *testing.T) {
	t.Parallel()
	home, away := easel.Grants{Domain: "home"}, easel.Grants{Domain: "away"}
	manage, public := easel.Grants{Domain: "home", Level: LevelManage}, easel.Grants{Domain: "home", Public: true}
	for _, tt := range []struct {
		statements string
		g          easel.Grants
		action     Action
		noun       easel.Noun
		resource   string
		want       easel.Kind
	}{
		{pulls, home, Pull, "repository", "team/web", allowed},
		{pulls, home, ListTags, "repository", "team/web/deep", allowed},
		{pulls, home, Push, "repository", "team/web", easel.Denied},
		{pulls, home, Pull, "repository", "other/web", easel.NotFound},
		{pulls, away, Pull, "repository", "team/web", easel.NotFound},
		{pulls, easel.Grants{}, Pull, "repository", "team/missing", easel.NotFound},
		{pushes, home, Push, "repository", "team/web", allowed},
		{pushes, home, Pull, "repository", "team/web", easel.NotFound}, // to push is not to see
		{otc, home, DeleteTag, "repository", "team/web", allowed},
		{otc, home, Delete, "repository", "team/web", allowed},
		{otc, home, ShowRepo, "repository", "team/web", allowed},

		{noDeletion, manage, DeleteRepo, "repository", "team/web", easel.Denied},
		{noDeletion, manage, Delete, "repository", "team/web", easel.Denied},
		{noDeletion, manage, Push, "repository", "team/web", allowed},
		{noSecrets, manage, Pull, "repository", "team/secret-1", easel.NotFound},
		{noSecrets, manage, DeleteRepo, "repository", "team/secret-1", easel.NotFound},
		{noSecrets, public, Pull, "repository", "team/secret", easel.NotFound},
		{noSecrets, manage, Pull, "repository", "team/web", allowed},
		{everything + "," + noSecrets, home, ShowRepo, "repository", "team/secret", easel.NotFound},
		{noSecrets + "," + everything, home, ShowRepo, "repository", "team/secret", easel.NotFound}, // in whatever order

		{everything, home, CreateOrg, "organisation", "new", allowed},
		{everything, home, CreateUser, "user", "user x", allowed},
		{everything, away, ShowUser, "user", "user x", easel.NotFound},
		{everything, home, Administer, "audit", "the audit trail", allowed},
		{everything, easel.Grants{}, Operate, "registry", "check", easel.Denied}, // the domain is not the first
		{pulls, home, CreateUser, "user", "user x", easel.Denied},
		{`{"Effect":"Allow","Action":["iam:users:*"]}`, home, DeleteUser, "user", "user x", allowed},
		{`{"Effect":"Allow","Action":["iam:users:*"]}`, home, GrantRole, "group", "group x", easel.Denied},

		{pulls, easel.Grants{Project: "p1"}, DeleteImage, "image", "in project p1", allowed}, // no word about images
		{looksAt, easel.Grants{Project: "p1"}, ShowImage, "image", "in project p1", allowed},
		{looksAt, easel.Grants{Project: "p1"}, ListGroups, "image", "in project p1", allowed},
		{looksAt, easel.Grants{Project: "p1"}, DeleteImage, "image", "in project p1", easel.Denied},
		{noImages, easel.Grants{Project: "p1"}, DeleteImage, "image", "in project p1", easel.Denied},
		{noImages, easel.Grants{Project: "p1"}, ShowImage, "image", "in project p1", allowed},
		{everything, easel.Grants{Project: "p2"}, ShowImage, "image", "in project p2", easel.Denied},
	} {
		err := Check(holder(t, tt.statements), tt.g, tt.action, tt.noun, tt.resource)
		if kind := easel.AsError(err).Kind; err != nil && kind != tt.want || err == nil && tt.want != allowed {
			t.Errorf("with %s: %s %s: %v, want %v", tt.statements, tt.action, tt.resource, err, tt.want)
		}
	}
}

// TestInProject: what a project's role allows is the project's.
func TestInProject(t *testing.T) {
	t.Parallel()
	who := holder(t, everything)
	who.Statements[0].InProject = true
	if err := Check(who, easel.Grants{Domain: "home"}, CreateUser, "user", "x"); !errors.Is(err, easel.Denied) {
		t.Errorf("a role in a project makes users: %v", err)
	}
	if err := Check(who, easel.Grants{Domain: "home"}, Pull, "repository", "team/web"); err != nil {
		t.Error(err)
	}
}

func TestDenyNamesTheStatement(t *testing.T) {
	t.Parallel()
	who := holder(t, everything+","+noDeletion)
	who.Statements[1].Role, who.Statements[1].Group = "careful", "interns"
	err := Check(who, easel.Grants{Domain: "home"}, DeleteTag, "repository", "team/web")
	if want := `statement 2 of the policy "careful", granted to the group "interns"`; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("Check = %v, want %s in it", err, want)
	}
}

func TestStatementLevel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		statements string
		level      int
		want       int
	}{
		{everything, 0, LevelManage},
		{pulls, 0, LevelRead},
		{pulls, LevelEdit, LevelEdit},
		{pushes, 0, LevelNone},
		{noDeletion, LevelManage, LevelEdit},
		{everything + "," + noDeletion, 0, LevelEdit},
		{noSecrets, LevelManage, LevelManage},
	} {
		if got := Level(holder(t, tt.statements), easel.Grants{Domain: "home", Level: tt.level}, "repository", "team/web"); got != tt.want {
			t.Errorf("with %s and level %d: Level = %d, want %d", tt.statements, tt.level, got, tt.want)
		}
	}
}

// TestSightIsCheck: what a list shows is what may be looked at.
func TestSightIsCheck(t *testing.T) {
	t.Parallel()
	pattern := rapid.SampledFrom([]string{"*", "team/*", "team/web", "*/web", "t*b", "other/*", "Team/*"})
	rapid.Check(t, func(t *rapid.T) {
		who := easel.Principal{UserID: "u", DomainID: "home"}
		for range rapid.IntRange(0, 4).Draw(t, "statements") {
			s := easel.Statement{Deny: rapid.Bool().Draw(t, "deny"), Actions: []string{rapid.SampledFrom([]string{"*", "swr:repo:get*", "swr:repo:upload"}).Draw(t, "action")}}
			if rapid.Bool().Draw(t, "on") {
				s.Resources = []string{"swr:*:*:repo:" + pattern.Draw(t, "pattern")}
			}
			who.Statements = append(who.Statements, s)
		}
		g := easel.Grants{Domain: "home", Level: rapid.SampledFrom([]int{0, 1, 3}).Draw(t, "level")}
		name := rapid.SampledFrom([]string{"team/web", "team/api", "other/web", "x/y"}).Draw(t, "name")
		v := SeesRepos(who)
		shown := (v.All || g.Level > 0 || slices.ContainsFunc(v.Shown, func(p string) bool { return glob(p, name) })) &&
			!slices.ContainsFunc(v.Hidden, func(p string) bool { return glob(p, name) })
		if err := Check(who, g, ShowRepo, "repository", name); (err == nil) != shown {
			t.Fatalf("a list shows %s: %v; Check: %v", name, shown, err)
		}
	})
}

func TestGlob(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"*", "", true}, {"a", "a", true}, {"a", "b", false}, {"a*", "a", true}, {"a*a", "a", false}, {"a*a", "aa", true},
		{"*b*", "abc", true}, {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false}, {"**", "x", true}, {"a*bb*b", "abbb", true}, {"a*bb*b", "abb", false},
	} {
		if got := glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("glob(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}
