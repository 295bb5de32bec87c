package policy

import (
	"strings"
	"testing"

	"easel"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	admin := callers["admin"]
	for _, tt := range []struct {
		who      easel.Principal
		g        easel.Grants
		action   Action
		resource string
		allowed  bool
		why      string
	}{
		{admin, easel.Grants{Domain: "home"}, DeleteRepo, "team/web", true, "administrator"},
		{admin, easel.Grants{}, Operate, "", false, "first account"},
		{callers["operator"], easel.Grants{}, Operate, "", true, "administrator"},
		{callers["user"], easel.Grants{Domain: "home", Level: LevelEdit, OrgLevel: LevelEdit}, Push, "team/web", true, "level 3 was granted on the organisation"},
		{callers["user"], easel.Grants{Domain: "home", Level: LevelRead}, Push, "team/web", false, "takes level 3, level 1 was granted"},
		{callers["user"], easel.Grants{Domain: "home", Public: true}, Pull, "team/web", true, "public"},
		{callers["user"], easel.Grants{Domain: "away", Shared: true}, Pull, "team/web", true, "shared"},
		{callers["user"], easel.Grants{Domain: "away"}, Pull, "team/web", false, "may see no such thing"},
		{callers["user"], easel.Grants{}, Pull, "team/web", false, "may see no such thing"},
		{callers["user"], easel.Grants{Project: "p1"}, DeleteImage, "in project p1", true, "no policy of theirs"},
		{callers["user"], easel.Grants{Domain: "home"}, CreateUser, "", false, "no administrator"},
		{callers["user"], easel.Grants{Domain: "home"}, ListOrgs, "", true, "every user"},
		{holder(t, pulls), easel.Grants{Domain: "home"}, Pull, "team/web", true, "statement 1"},
		{holder(t, everything+","+noDeletion), easel.Grants{Domain: "home"}, DeleteTag, "team/web", false, "statement 2"},
		{holder(t, looksAt), easel.Grants{Project: "p1"}, DeleteImage, "in project p1", false, "none allows this"},
	} {
		noun := easel.Noun("repository")
		if tt.g.Project != "" {
			noun = "image"
		}
		allowed, why := Explain(tt.who, tt.g, tt.action, noun, tt.resource)
		if allowed != tt.allowed || !strings.Contains(why, tt.why) {
			t.Errorf("Explain(%s, %s) = %v, %q; want %v, %q", tt.who.UserName, tt.action, allowed, why, tt.allowed, tt.why)
		}
		if err := Check(tt.who, tt.g, tt.action, noun, tt.resource); (err == nil) != allowed {
			t.Errorf("Explain(%s, %s) = %v, Check = %v", tt.who.UserName, tt.action, allowed, err)
		}
	}
}

func TestFind(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]Action{
		"pull": Pull, "SWR:repo:download": Pull, "swr:repo:upload": Push, "swr:repository:deleteTag": Delete, "iam:users:createUser": CreateUser,
		"modelarts:image:delete": DeleteImage, "nonsense": "",
	} {
		if got, ok := Find(name); got != want || ok != (want != "") {
			t.Errorf("Find(%q) = %q, %v", name, got, ok)
		}
	}
	for _, a := range actions {
		if About(a) == "" {
			t.Errorf("About(%q) is nothing", a)
		}
	}
}
