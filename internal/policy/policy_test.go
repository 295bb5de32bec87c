package policy

import (
	"errors"
	"testing"

	"easel"
)

// Who asks. Everybody but anonymous has a domain; admin administers "home".
var callers = map[string]easel.Principal{
	"anonymous": {},
	"admin":     {UserID: "a", UserName: "admin", DomainID: "home", ProjectID: "p1", Admin: true},
	"operator":  {UserID: "o", UserName: "operator", DomainID: "first", Admin: true, Operator: true},
	"user":      {UserID: "u", UserName: "user", DomainID: "home", ProjectID: "p1"},
	"unbound":   {UserID: "u", UserName: "user", DomainID: "home"},
	"foreign":   {UserID: "f", UserName: "foreign", DomainID: "away", ProjectID: "p9", Admin: true},

	// Registry tokens.
	"pull token":      token("admin", true, "pull"),
	"push token":      token("admin", true, "pull", "push"),
	"full token":      token("admin", true, "*"),
	"user pull token": token("user", false, "pull"),
	"other's token": {UserID: "a", UserName: "admin", DomainID: "home", ProjectID: "p1", Admin: true,
		TokenID: "t", Scopes: []easel.Scope{{Type: "repository", Name: "team/other", Actions: []string{"*"}}}},
	"login token":     {UserID: "a", UserName: "admin", DomainID: "home", ProjectID: "p1", Admin: true, TokenID: "t", Scopes: []easel.Scope{}},
	"anonymous token": {TokenID: "t", Scopes: []easel.Scope{}},
	"catalogue token": {UserID: "a", UserName: "admin", DomainID: "home", Admin: true, TokenID: "t",
		Scopes: []easel.Scope{{Type: "registry", Name: "catalog", Actions: []string{"*"}}}},
	"user catalogue token": {UserID: "u", UserName: "user", DomainID: "home", TokenID: "t",
		Scopes: []easel.Scope{{Type: "registry", Name: "catalog", Actions: []string{"*"}}}},
}

func token(name string, admin bool, actions ...string) easel.Principal {
	return easel.Principal{
		UserID: name[:1], UserName: name, DomainID: "home", ProjectID: "p1", Admin: admin, TokenID: "t",
		Scopes: []easel.Scope{{Type: "repository", Name: "team/web", Actions: actions}},
	}
}

// What is asked for: team/web of the domain "home", as the catalogue knows it.
var resources = map[string]easel.Grants{
	"missing":        {},
	"private":        {Domain: "home"},
	"read":           {Domain: "home", Level: LevelRead},
	"edit":           {Domain: "home", Level: LevelEdit},
	"manage":         {Domain: "home", Level: LevelManage},
	"public":         {Domain: "home", Public: true},
	"public edit":    {Domain: "home", Public: true, Level: LevelEdit},
	"theirs, shared": {Domain: "away", Level: LevelRead},

	"edit on the organisation": {Domain: "home", Level: LevelEdit, OrgLevel: LevelEdit},
	"shared":                   {Domain: "home", Shared: true},
	"something inside":         {Domain: "home", Inside: true},

	"theirs":        {Domain: "away"},
	"project":       {Project: "p1"},
	"other project": {Project: "p2"},
	"no project":    {},
}

const allowed = easel.Internal // no error is of this kind

func TestCheck(t *testing.T) {
	t.Parallel()
	type row struct {
		who, resource string
		want          map[Action]easel.Kind
	}
	all := func(k easel.Kind, actions ...Action) map[Action]easel.Kind {
		m := map[Action]easel.Kind{}
		for _, a := range actions {
			m[a] = k
		}
		return m
	}
	repo := []Action{Pull, Push, Delete, ShowRepo, ListTags, UpdateRepo, DeleteRepo, DeleteTag, SetRetention}
	images := []Action{ListImages, RegisterImg, ShowImage, DeleteImage, SyncImage, ListGroups, UpdateGroup, DeleteGroup}
	for _, r := range []row{
		{"anonymous", "missing", all(easel.Unauthenticated, repo...)},
		{"anonymous", "private", all(easel.Unauthenticated, repo...)},
		{"anonymous", "public", map[Action]easel.Kind{
			Pull: allowed, ShowRepo: allowed, ListTags: allowed,
			Push: easel.Unauthenticated, Delete: easel.Unauthenticated, DeleteRepo: easel.Unauthenticated, DeleteTag: easel.Unauthenticated,
		}},
		{"anonymous", "project", all(easel.Unauthenticated, images...)},
		{"anonymous", "no project", all(easel.Unauthenticated, images...)},
		{"anonymous", "private", all(easel.Unauthenticated, CreateOrg, ListOrgs, Administer)},
		{"anonymous", "missing", all(easel.NotFound, ListRepositories)},

		{"admin", "private", all(allowed, repo...)},
		{"admin", "private", all(allowed, ShowOrg, DeleteOrg, CreateRepo, CreateOrg, ListOrgs, Administer, ListRepositories)},
		{"admin", "missing", all(easel.NotFound, repo...)},
		{"admin", "missing", all(easel.NotFound, Administer, CreateOrg)},
		{"admin", "missing", all(easel.Denied, Operate)}, // its domain does not look after the installation
		{"operator", "missing", all(allowed, Operate)},
		{"user", "missing", all(easel.Denied, Operate)},
		{"anonymous", "missing", all(easel.Unauthenticated, Operate)},
		{"admin", "theirs", all(easel.NotFound, append(repo, Administer, CreateOrg)...)},
		{"admin", "theirs, shared", map[Action]easel.Kind{Pull: allowed, ShowRepo: allowed, Push: easel.Denied, Delete: easel.Denied, DeleteTag: easel.Denied}},

		{"user", "private", all(easel.NotFound, repo...)},
		{"user", "missing", all(easel.NotFound, repo...)},
		{"user", "read", map[Action]easel.Kind{
			Pull: allowed, ShowRepo: allowed, ListTags: allowed, ShowOrg: allowed,
			Push: easel.Denied, CreateRepo: easel.Denied, UpdateRepo: easel.Denied, Delete: easel.Denied, DeleteRepo: easel.Denied, DeleteTag: easel.Denied, DeleteOrg: easel.Denied,
		}},
		{"user", "edit", map[Action]easel.Kind{
			Pull: allowed, Push: allowed, CreateRepo: allowed, UpdateRepo: allowed,
			Delete: easel.Denied, DeleteRepo: easel.Denied, DeleteTag: easel.Denied, DeleteOrg: easel.Denied,
		}},
		{"user", "manage", all(allowed, append(repo, ShowOrg, DeleteOrg)...)},
		{"user", "public", map[Action]easel.Kind{Pull: allowed, ShowRepo: allowed, Push: easel.Denied, Delete: easel.Denied, DeleteRepo: easel.Denied}},
		{"user", "public edit", map[Action]easel.Kind{Pull: allowed, Push: allowed, Delete: easel.Denied}},
		{"user", "private", map[Action]easel.Kind{CreateOrg: easel.Denied, Administer: easel.Denied, ListOrgs: allowed, ListRepositories: easel.NotFound}},
		{"user", "manage", all(allowed, ShowOrgGrants, GrantOrg, ShowRepoGrants, GrantRepo)},
		{"user", "read", map[Action]easel.Kind{ShowOrgGrants: allowed, ShowRepoGrants: allowed, GrantOrg: easel.Denied, GrantRepo: easel.Denied}},
		{"user", "edit", map[Action]easel.Kind{GrantOrg: easel.Denied, GrantRepo: easel.Denied}}, // edit on the repository alone
		{"user", "edit on the organisation", map[Action]easel.Kind{GrantRepo: allowed, GrantOrg: easel.Denied}},
		{"user", "public", all(easel.Denied, ShowRepoGrants, GrantRepo)},
		{"foreign", "shared", map[Action]easel.Kind{Pull: allowed, ShowRepo: allowed, ListTags: allowed,
			Push: easel.Denied, Delete: easel.Denied, UpdateRepo: easel.Denied, DeleteTag: easel.Denied, ShowRepoGrants: easel.Denied, GrantRepo: easel.Denied, ShareRepo: easel.Denied}},
		{"anonymous", "shared", all(easel.Unauthenticated, Pull, ShowRepo, ListTags, ShareRepo)},
		{"user", "edit on the organisation", all(easel.Denied, ShareRepo)},
		{"user", "manage", all(allowed, ShareRepo)},
		{"user", "something inside", map[Action]easel.Kind{ShowOrg: allowed, DeleteOrg: easel.NotFound, ShowOrgGrants: easel.NotFound, CreateRepo: easel.NotFound}},
		{"anonymous", "something inside", all(easel.Unauthenticated, ShowOrg, GrantOrg)},
		{"anonymous", "public", all(easel.Unauthenticated, ShowRepoGrants, GrantRepo)},
		{"full token", "private", all(easel.Denied, ShowRepoGrants, GrantRepo, ShowOrgGrants, GrantOrg)},
		{"user", "project", all(allowed, images...)},
		{"user", "other project", all(easel.Denied, images...)},
		{"unbound", "project", all(easel.Denied, images...)},
		{"unbound", "no project", all(easel.Denied, images...)},
		{"foreign", "project", all(easel.Denied, images...)},
		{"foreign", "private", all(easel.NotFound, append(repo, Administer)...)},
		{"foreign", "public", map[Action]easel.Kind{Pull: allowed, Push: easel.Denied, Delete: easel.Denied}},

		{"pull token", "private", map[Action]easel.Kind{Pull: allowed, Push: easel.Denied, Delete: easel.Denied}},
		{"push token", "private", map[Action]easel.Kind{Pull: allowed, Push: allowed, Delete: easel.Denied}},
		{"full token", "private", map[Action]easel.Kind{Pull: allowed, Push: allowed, Delete: allowed, ListRepositories: easel.Denied}},
		{"full token", "private", all(easel.Denied, ShowRepo, ListTags, UpdateRepo, DeleteRepo, DeleteTag, CreateOrg, DeleteOrg, ListOrgs, Administer)},
		{"full token", "project", all(easel.Denied, images...)},
		{"user pull token", "private", map[Action]easel.Kind{Pull: easel.NotFound, Push: easel.Denied}}, // the grant went
		{"user pull token", "edit", map[Action]easel.Kind{Pull: allowed, Push: easel.Denied}},
		{"other's token", "private", map[Action]easel.Kind{Pull: easel.Denied, Push: easel.Denied, Delete: easel.Denied}},
		{"other's token", "missing", map[Action]easel.Kind{Pull: easel.Denied, Push: easel.Denied, Delete: easel.Denied}}, // as for one that exists
		{"other's token", "public", map[Action]easel.Kind{Pull: allowed, Push: easel.Denied, Delete: easel.Denied}},
		{"login token", "public", map[Action]easel.Kind{Pull: allowed, Push: easel.Denied}},
		{"anonymous token", "public", map[Action]easel.Kind{Pull: allowed, Push: easel.Unauthenticated}},
		{"anonymous token", "private", all(easel.Unauthenticated, Pull, Push, Delete, Administer, ListOrgs)},
		{"catalogue token", "missing", map[Action]easel.Kind{ListRepositories: allowed, Administer: easel.Denied}},
		{"user catalogue token", "missing", map[Action]easel.Kind{ListRepositories: easel.NotFound}},
	} {
		who, ok := callers[r.who]
		g, ok2 := resources[r.resource]
		if !ok || !ok2 {
			t.Fatalf("no caller %q or resource %q", r.who, r.resource)
		}
		for action, want := range r.want {
			err := Check(who, g, action, "repository", "team/web")
			if (want == allowed) != (err == nil) || (err != nil && !errors.Is(err, want)) {
				t.Errorf("%s, %s: Check(%s) = %v, want %v", r.who, r.resource, action, err, want)
			}
		}
	}
}

// TestUnknownAction: what nobody defined is refused, even to those who may do
// everything else.
func TestUnknownAction(t *testing.T) {
	t.Parallel()
	g := easel.Grants{Domain: "home", Project: "p1", Level: LevelManage, Public: true}
	for _, action := range []Action{"", "swr:namespace:rename", "PULL", "notebook"} {
		if err := Check(callers["admin"], g, action, "image", "x"); !errors.Is(err, easel.Denied) {
			t.Errorf("Check(%q) = %v, want denied", action, err)
		}
	}
}

// TestNotFoundSaysNothing: whether a resource exists must not show in what is
// said to those who may not know.
func TestNotFoundSaysNothing(t *testing.T) {
	t.Parallel()
	for _, action := range []Action{Pull, Push, Delete, ShowRepo, DeleteRepo, ShowOrg, Administer} {
		for _, who := range []string{"anonymous", "user", "foreign", "other's token", "user pull token", "anonymous token"} {
			exists := Check(callers[who], easel.Grants{Domain: "third"}, action, "repository", "team/web")
			missing := Check(callers[who], easel.Grants{Domain: "fourth"}, action, "repository", "team/web")
			if action != Administer {
				missing = Check(callers[who], easel.Grants{}, action, "repository", "team/web")
			}
			if exists == nil || missing == nil || exists.Error() != missing.Error() || easel.AsError(exists).Kind != easel.AsError(missing).Kind {
				t.Errorf("%s, %s: %v for one that exists, %v for one that does not", who, action, exists, missing)
			}
		}
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		who, resource string
		want          int
	}{
		{"anonymous", "manage", LevelNone},
		{"admin", "private", LevelManage},
		{"admin", "missing", LevelNone},
		{"admin", "theirs, shared", LevelRead},
		{"user", "edit", LevelEdit},
		{"foreign", "private", LevelNone},
	} {
		if got := Level(callers[tt.who], resources[tt.resource], "repository", "team/app"); got != tt.want {
			t.Errorf("Level(%s, %s) = %d, want %d", tt.who, tt.resource, got, tt.want)
		}
	}
}
