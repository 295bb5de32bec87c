package policy

import (
	"testing"

	"easel"
)

// TestBounded asks everything that there is to ask as robots of an
// administrator: the bound is what decides.
func TestBounded(t *testing.T) {
	t.Parallel()
	robot := func(repositories []string, actions ...string) easel.Principal {
		who := callers["admin"]
		who.Machine, who.AccessKey = true, "AK"
		who.Bound = &easel.Bound{Repositories: repositories, Actions: actions}
		return who
	}
	puller := robot([]string{"team/*"}, "pull")
	ci := robot([]string{"team/w*"}, "pull", "push", "read")
	other := robot([]string{"other/*"}, "pull", "push", "delete", "read")
	all := robot([]string{"*"}, "pull", "push", "delete", "read")
	home, project := easel.Grants{Domain: "home"}, easel.Grants{Project: "p1"}
	for _, tt := range []struct {
		name     string
		who      easel.Principal
		g        easel.Grants
		action   Action
		noun     easel.Noun
		resource string
		want     error
	}{
		{"pull", puller, home, Pull, "repository", "team/web", nil},
		{"push without the action", puller, home, Push, "repository", "team/web", easel.Denied},
		{"read without the action", puller, home, ShowRepo, "repository", "team/web", easel.Denied},
		{"push", ci, home, Push, "repository", "team/web", nil},
		{"push beside the pattern", ci, home, Push, "repository", "team/app", easel.NotFound},
		{"delete without the action", ci, home, Delete, "repository", "team/web", easel.Denied},
		{"delete a tag without the action", ci, home, DeleteTag, "repository", "team/web", easel.Denied},
		{"show", ci, home, ShowRepo, "repository", "team/web", nil},
		{"tags", ci, home, ListTags, "repository", "team/web", nil},
		{"its organisation", ci, home, ShowOrg, "organisation", "team", nil},
		{"another organisation", ci, home, ShowOrg, "organisation", "other", easel.NotFound},
		{"organisations", ci, home, ListOrgs, "organisation", "organisations", easel.Denied},
		{"repositories", ci, home, ListOrgs, "repository", "repositories", easel.Denied},
		{"images of the project", ci, project, ListImages, "image", "in project p1", easel.Denied},
		{"another's repository", other, home, Pull, "repository", "team/web", easel.NotFound},
		{"a public repository", other, easel.Grants{Domain: "home", Public: true}, Pull, "repository", "team/web", nil},
		{"push to a public repository", other, easel.Grants{Domain: "home", Public: true}, Push, "repository", "team/web", easel.NotFound},
		{"everything", all, home, ListOrgs, "organisation", "organisations", nil},
		{"everything: images", all, project, ListImages, "image", "in project p1", nil},
		{"everything: another project", all, easel.Grants{Project: "p2"}, ListImages, "image", "in project p2", easel.Denied},
		{"everything: another domain", all, easel.Grants{Domain: "away"}, Pull, "repository", "rival/web", easel.NotFound},
		{"another domain's repository, to change it", all, easel.Grants{Domain: "away"}, UpdateRepo, "repository", "rival/web", easel.NotFound},
		{"another domain's organisation", all, easel.Grants{Domain: "away"}, ManageHooks, "organisation", "rival", easel.NotFound},
		{"another domain's repository that is shared", all, easel.Grants{Domain: "away", Shared: true}, UpdateRepo, "repository", "rival/web", easel.Denied},
		{"another domain's user", all, easel.Grants{Domain: "away"}, ManageKeys, "user", "user u", easel.NotFound},
		{"a user of the own domain", all, home, ManageKeys, "user", "user u", easel.Denied},
		{"administer", all, home, Administer, "user", "u", easel.Denied},
		{"an organisation", all, home, CreateOrg, "organisation", "new", easel.Denied},
		{"the end of an organisation", all, home, DeleteOrg, "organisation", "team", easel.Denied},
		{"grants", all, home, GrantRepo, "repository", "team/web", easel.Denied},
		{"grants on an organisation", all, home, GrantOrg, "organisation", "team", easel.Denied},
		{"a share", all, home, ShareRepo, "repository", "team/web", easel.Denied},
		{"visibility", all, home, UpdateRepo, "repository", "team/web", easel.Denied},
		{"the catalogue", all, easel.Grants{}, ListRepositories, "route", "/v2/_catalog", easel.NotFound},
		{"what nobody defined", all, home, "easel:undefined", "repository", "team/web", easel.Denied},
	} {
		err := Check(tt.who, tt.g, tt.action, tt.noun, tt.resource)
		if (err == nil) != (tt.want == nil) || err != nil && easel.AsError(err).Kind != tt.want {
			t.Errorf("%s: Check = %v, want %v", tt.name, err, tt.want)
		}
	}
}
