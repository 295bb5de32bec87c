package policy

import (
	"errors"
	"fmt"
	"strings"

	"easel"
)

// actions are all that can be asked about.
var actions = []Action{
	Pull, Push, Delete, ListRepositories,
	CreateOrg, DeleteOrg, ShowOrg, ListOrgs, CreateRepo, ShowRepo, UpdateRepo, ListTags, DeleteRepo, DeleteTag, KeepTags,
	ShowOrgGrants, GrantOrg, ShowRepoGrants, GrantRepo, ShareRepo, ManageHooks, ShowUsage,
	ListImages, RegisterImg, ShowImage, DeleteImage, SyncImage, ListGroups, UpdateGroup, DeleteGroup,
	ListWorkspaces, CreateWorkspace, ShowWorkspace, UpdateWorkspace, DeleteWorkspace, ShowWorkspaceQuotas, UpdateWorkspaceQuotas, EnterWorkspaces,
	ListUsers, ShowUser, CreateUser, UpdateUser, DeleteUser, ListUserGroups, ShowUserGroup, CreateUserGroup, UpdateUserGroup, DeleteUserGroup,
	AddMember, RemoveMember, CreateProject, UpdateProject, ListRoles, CreateRole, UpdateRole, DeleteRole, ListGranted, GrantRole, RevokeRole,
	ManageKeys, ManageTokens, Administer, Operate, Inspect,
}

// Find returns the action that is called name, in whatever case.
func Find(name string) (Action, bool) {
	for _, a := range actions {
		if strings.EqualFold(string(a), name) || anyOf(spellings(a), func(n string) bool { return strings.EqualFold(n, name) }) {
			return a, true
		}
	}
	return "", false
}

// About returns what an action is done to: "repository", "organisation",
// "project", or "domain".
func About(a Action) easel.Noun {
	switch name := spellings(a)[0]; {
	case strings.HasPrefix(name, "modelarts:"):
		return "project"
	case a == CreateOrg || a == ListOrgs || a == ListRepositories || a == Inspect:
		return "domain"
	case a == ShowOrgGrants || a == GrantOrg || a == CreateRepo || strings.HasPrefix(name, "swr:namespace:"):
		return "organisation"
	case need[a] > 0:
		return "repository"
	}
	return "domain"
}

// Explain is Check with the reason why it answers as it does.
func Explain(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) (allowed bool, why string) {
	err := Check(who, g, action, noun, resource)
	s := decide(who, action, noun, resource)
	switch {
	case s != nil && s.Deny:
		return false, s.String() + " denies it"
	case errors.Is(err, easel.NotFound): // missing and hidden must not differ in words
		return false, "the user may see no such thing: it is not there, or nothing was granted and no policy allows it"
	case err != nil:
		return false, refused(who, g, action)
	case g.Owner && (action == UpdateWorkspace || action == DeleteWorkspace):
		return true, "owner of the workspace"
	case who.Admin && (g.Domain == who.DomainID || g.Project != "" || action == Operate || action == ListRepositories):
		return true, "administrator of the account"
	case need[action] > 0 && g.Level >= need[action]:
		on := "repository or its organisation"
		if g.OrgLevel >= need[action] {
			on = "organisation"
		}
		return true, fmt.Sprintf("level %d was granted on the %s; the action takes %d", g.Level, on, need[action])
	case s != nil:
		return true, s.String() + " allows it"
	case need[action] > 0 && g.Public:
		return true, "the repository is public"
	case need[action] > 0 && g.Shared:
		return true, "the repository is shared with the account"
	case need[action] > 0:
		return true, "something was granted that includes it"
	case strings.HasPrefix(string(action), "modelarts:"):
		return true, "users of a project may do everything in the workspaces that they may enter while no policy of theirs speaks of ModelArts"
	}
	return true, "every user may"
}

func refused(who easel.Principal, g easel.Grants, action Action) string {
	switch {
	case action == Operate && !who.Operator:
		return "only the first account looks after the installation"
	case need[action] > 0:
		return fmt.Sprintf("the action takes level %d, level %d was granted, and no policy allows it", need[action], g.Level)
	case strings.HasPrefix(string(action), "modelarts:") && (who.ProjectID == "" || who.ProjectID != g.Project):
		return "the user is not asked about in that project"
	case strings.HasPrefix(string(action), "modelarts:") && !enters(who, g):
		return "the workspace is open to its owner, to users whom it names, and to administrators"
	case strings.HasPrefix(string(action), "modelarts:") && !fineGrained(who):
		return "that is for " + owners(action)
	case strings.HasPrefix(string(action), "modelarts:"):
		return "policies of the user speak of ModelArts, and none allows this"
	}
	return "no policy allows it, and the user is no administrator of the account"
}
