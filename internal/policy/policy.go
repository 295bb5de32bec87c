// Package policy decides who may do what. It is one pure function over
// values: the caller with the statements of its roles, what the catalogue knows
// of the caller's grants on the resource, the action and the resource. It reads nothing and remembers
// nothing, so a decision can be explained and tested as a table.
//
// Every service calls [Check] before it acts; no edge does.
package policy

import (
	"strings"

	"easel"
)

// Action is an operation in the words of the service that defines it.
type Action string

// Registry actions are bounded by the scopes of a registry token as well.
const (
	Pull   Action = "pull"
	Push   Action = "push"
	Delete Action = "delete"
	// ListRepositories is "/v2/_catalog".
	ListRepositories Action = "catalog"
)

// Organisation and repository management (swr.md 2.9).
const (
	CreateOrg  Action = "swr:namespace:createNamespace"
	DeleteOrg  Action = "swr:namespace:deleteNamespace"
	ShowOrg    Action = "swr:namespace:getNamespace"
	ListOrgs   Action = "swr:namespace:listNamespaces"
	CreateRepo Action = "swr:repo:createRepo"
	ShowRepo   Action = "swr:repo:getRepo"
	UpdateRepo Action = "swr:repo:updateRepo"
	ListTags   Action = "swr:repo:listRepoTags"
	DeleteRepo Action = "swr:repo:deleteRepo"
	DeleteTag  Action = "swr:repo:deleteRepoTag"

	ShowOrgGrants  Action = "swr:namespace:showAuth"
	GrantOrg       Action = "swr:namespace:grant"
	ShowRepoGrants Action = "swr:repo:showAuth"
	// GrantRepo takes manage on the repository, or edit on its organisation
	// (swr.md 7). Nobody grants more than the own level: that is for the caller
	// of Check to compare.
	GrantRepo Action = "swr:repo:grant"
	ShareRepo Action = "swr:repo:share"
	// KeepTags is to say which tags nobody moves or deletes.
	KeepTags Action = "easel:tag:keep"
	// SetUndo is to change the undo window of an organisation, RestoreTrash to
	// bring back what was deleted, or to purge it.
	SetUndo      Action = "easel:org:undo"
	RestoreTrash Action = "easel:trash:restore"
)

// Retention (swr.md 10) and second names for tags (8.3). SetRetention is to make, change, end, preview and run
// a policy: it deletes tags.
const (
	ShowRetention Action = "swr:repo:showRetention"
	SetRetention  Action = "swr:repo:setRetention"
	CreateTag     Action = "swr:repo:createRepoTag"
)

// Image actions (images.md section 6).
const (
	ListImages  Action = "modelarts:image:list"
	RegisterImg Action = "modelarts:image:register"
	ShowImage   Action = "modelarts:image:get"
	DeleteImage Action = "modelarts:image:delete"
	SyncImage   Action = "modelarts:image:sync"
	ListGroups  Action = "modelarts:image:listGroup"
	UpdateGroup Action = "modelarts:image:updateGroup"
	DeleteGroup Action = "modelarts:image:deleteGroup"
)

// Workspace actions. To change or delete one takes its owner, an
// administrator, or a statement that allows it.
const (
	ListWorkspaces  Action = "modelarts:workspace:list"
	CreateWorkspace Action = "modelarts:workspace:create"
	ShowWorkspace   Action = "modelarts:workspace:get"
	UpdateWorkspace Action = "modelarts:workspace:update"
	DeleteWorkspace Action = "modelarts:workspace:delete"
	// UpdateWorkspaceQuotas bounds the owner, too, so it is not for the owner.
	ShowWorkspaceQuotas   Action = "modelarts:workspace:getQuotas"
	UpdateWorkspaceQuotas Action = "modelarts:workspace:updateQuotas"
	// EnterWorkspaces is to work in workspaces that are closed, and to change them.
	EnterWorkspaces Action = "easel:workspace:enter"
)

// Administration of a domain's users and rights. What belongs to the caller
// itself takes none of them.
const (
	ListUsers       Action = "iam:users:listUsers"
	ShowUser        Action = "iam:users:getUser"
	CreateUser      Action = "iam:users:createUser"
	UpdateUser      Action = "iam:users:updateUser"
	DeleteUser      Action = "iam:users:deleteUser"
	ListUserGroups  Action = "iam:groups:listGroups"
	ShowUserGroup   Action = "iam:groups:getGroup"
	CreateUserGroup Action = "iam:groups:createGroup"
	UpdateUserGroup Action = "iam:groups:updateGroup"
	DeleteUserGroup Action = "iam:groups:deleteGroup"
	// AddMember and RemoveMember also give and take the rights of the group.
	AddMember     Action = "iam:permissions:addUserToGroup"
	RemoveMember  Action = "iam:permissions:removeUserFromGroup"
	CreateProject Action = "iam:projects:createProject"
	UpdateProject Action = "iam:projects:updateProject"
	ListRoles     Action = "iam:roles:listRoles"
	CreateRole    Action = "iam:roles:createRole"
	UpdateRole    Action = "iam:roles:updateRole"
	DeleteRole    Action = "iam:roles:deleteRole"
	ListGranted   Action = "iam:permissions:listRolesForGroup"
	GrantRole     Action = "iam:permissions:grantRoleToGroup"
	RevokeRole    Action = "iam:permissions:revokeRoleFromGroup"
	// ManageKeys and ManageTokens are about those of other users.
	ManageKeys   Action = "iam:credentials:manage"
	ManageTokens Action = "iam:tokens:manage"
)

// Administration of a domain and of the installation.
const (
	Administer Action = "easel:domain:administer" // the audit trail
	// Operate is to look after the installation, which all domains share:
	// check, reclaim, metrics, domains. Only those of the first domain can be
	// allowed to.
	Operate Action = "easel:installation:operate"
	// Inspect is to ask what holds the bytes that one may see anyway.
	Inspect Action = "easel:blob:inspect"
	// ManageHooks is to say who is told what happens in an organisation.
	ManageHooks Action = "easel:hook:manage"
	// ShowUsage is to see how many bytes an organisation or repository holds:
	// what is public is not that.
	ShowUsage Action = "easel:usage:show"
)

// Levels of a grant on an organisation or repository (swr.md 2.9).
const (
	LevelNone   = 0
	LevelRead   = 1
	LevelEdit   = 3
	LevelManage = 7
)

// need is the level an action takes on its organisation or repository.
var need = map[Action]int{
	ShowRetention: LevelRead, SetRetention: LevelManage, CreateTag: LevelEdit,
	Pull: LevelRead, Push: LevelEdit, Delete: LevelManage,
	ShowOrg: LevelRead, DeleteOrg: LevelManage,
	CreateRepo: LevelEdit, UpdateRepo: LevelEdit, ShowRepo: LevelRead, ListTags: LevelRead, DeleteRepo: LevelManage, DeleteTag: LevelManage,
	ShowUsage:     LevelRead,
	ShowOrgGrants: LevelRead, GrantOrg: LevelManage, ShowRepoGrants: LevelRead, GrantRepo: LevelManage, ShareRepo: LevelManage,
	KeepTags: LevelManage, SetUndo: LevelManage, RestoreTrash: LevelManage,
	ManageHooks: LevelManage,
}

// levels are the actions that make a level on an organisation or repository,
// beside those of the levels below it.
var levels = map[easel.Noun][]struct {
	level   int
	actions []Action
}{
	"repository":   {{LevelRead, []Action{Pull, ShowRepo}}, {LevelEdit, []Action{Push, UpdateRepo}}, {LevelManage, []Action{DeleteRepo, DeleteTag, GrantRepo, ShareRepo}}},
	"organisation": {{LevelRead, []Action{ShowOrg}}, {LevelEdit, []Action{CreateRepo}}, {LevelManage, []Action{DeleteOrg, GrantOrg}}},
}

// Level returns the caller's effective level on an organisation or repository:
// manage for an administrator of the owning domain, else the highest grant or
// what statements allow, less what they deny. That something is public or
// shared gives no level.
func Level(who easel.Principal, g easel.Grants, noun easel.Noun, resource string) int {
	if who.Anonymous() || g.Domain == "" {
		return LevelNone
	}
	has := granted(who, g)
	if len(who.Statements) == 0 {
		return has
	}
	effective := LevelNone
	for _, l := range levels[noun] {
		for _, action := range l.actions {
			allowed, denied := verdict(who, action, noun, resource)
			if denied || has < l.level && !(allowed && g.Domain == who.DomainID) {
				return effective
			}
		}
		effective = l.level
	}
	return effective
}

// granted is the level without statements.
func granted(who easel.Principal, g easel.Grants) int {
	if who.Admin && who.DomainID == g.Domain {
		return LevelManage
	}
	return g.Level
}

// Check returns nil when who may do action on the resource that g describes.
// Otherwise its error is
//   - Unauthenticated for an anonymous caller,
//   - NotFound when the caller may not even know that the resource exists,
//   - Denied when it may, naming the action and the resource.
//
// A statement that denies wins over everything, one that allows counts in the
// caller's own domain. A registry token is for registry actions only, and an
// action that nobody defined is refused.
func Check(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	switch action {
	case Pull, Push, Delete:
		if !who.Scoped("repository", resource, string(action)) && !(action == Pull && g.Public) {
			return denied(who, action, noun, resource)
		}
	case ListRepositories:
		if !SeesRepos(who).everything() || who.Bound != nil {
			return easel.E(easel.NotFound, noun, "%s not found", resource)
		}
		if !who.Scoped("registry", "catalog", "*") {
			return denied(who, action, noun, resource)
		}
		return nil
	default:
		if who.Scopes != nil {
			return denied(who, action, noun, resource)
		}
	}
	if !bounded(who, action, noun, resource) && !(action == Pull && g.Public) {
		return outOfBounds(who, g, action, noun, resource)
	}
	if level, ok := need[action]; ok {
		return checkLevel(who, g, action, level, noun, resource)
	}
	if s := decide(who, action, noun, resource); s != nil && s.Deny {
		if g.Domain != "" && g.Domain != who.DomainID {
			return easel.E(easel.NotFound, noun, "%s not found", resource)
		}
		return deniedBy(who, action, resource, noun, s)
	}
	switch {
	case action == Operate:
		return checkOperator(who, action, noun, resource)
	case action == CreateOrg, action == Administer, action == EnterWorkspaces, strings.HasPrefix(string(action), "iam:"):
		return checkAdmin(who, g, action, noun, resource)
	case action == ListOrgs, action == Inspect:
		if who.Anonymous() {
			return denied(who, action, noun, resource)
		}
		return nil
	}
	return checkProject(who, g, action, noun, resource)
}

// checkOperator is for what concerns the installation.
func checkOperator(who easel.Principal, action Action, noun easel.Noun, resource string) error {
	allowed, _ := verdict(who, action, noun, resource)
	if who.Anonymous() || !who.Operator || !who.Admin && !allowed {
		return denied(who, action, noun, resource)
	}
	return nil
}

// checkAdmin is for what belongs to a domain: other domains' administrators
// find nothing.
func checkAdmin(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	if !who.Anonymous() && g.Domain != who.DomainID {
		return easel.E(easel.NotFound, noun, "%s not found", resource)
	}
	allowed, _ := verdict(who, action, noun, resource)
	if who.Anonymous() || !who.Admin && !allowed {
		return denied(who, action, noun, resource)
	}
	return nil
}

func checkLevel(who easel.Principal, g easel.Grants, action Action, level int, noun easel.Noun, resource string) error {
	s := decide(who, action, noun, resource)
	if s == nil || !s.Deny {
		if byLevel(who, g, action, level, s != nil) {
			return nil
		}
		s = nil
	}
	switch {
	case who.Anonymous():
		return denied(who, action, noun, resource)
	case !sees(who, g, noun, resource):
		return easel.E(easel.NotFound, noun, "%s %s not found", noun, resource)
	case s != nil:
		return deniedBy(who, action, resource, noun, s)
	}
	return denied(who, action, noun, resource)
}

// byLevel is whether levels, or a statement that allows, let who do action.
func byLevel(who easel.Principal, g easel.Grants, action Action, level int, allowed bool) bool {
	if g.Public && level == LevelRead && action != ShowRepoGrants && action != ShowUsage && action != ShowRetention { // who is granted what, and how much is there, is not for everybody
		return true
	}
	if who.Anonymous() || g.Domain == "" {
		return false
	}
	if granted(who, g) >= level || allowed && g.Domain == who.DomainID {
		return true
	}
	if g.Shared && (action == Pull || action == ShowRepo || action == ListTags) {
		return true
	}
	return action == GrantRepo && g.OrgLevel >= LevelEdit || action == ShowOrg && g.Inside
}

// sees is whether who may know that an organisation or repository exists.
func sees(who easel.Principal, g easel.Grants, noun easel.Noun, resource string) bool {
	look := ShowRepo
	if noun == "organisation" {
		look = ShowOrg
	}
	allowed, denied := verdict(who, look, noun, resource)
	return !denied && byLevel(who, g, look, LevelRead, allowed)
}

// Administers is whether who can still give and take rights in its domain:
// the last one who can is not to be removed.
func Administers(who easel.Principal) bool {
	for _, action := range []Action{GrantRole, RevokeRole, UpdateUser} {
		if Check(who, easel.Grants{Domain: who.DomainID}, action, "group", "groups") != nil {
			return false
		}
	}
	return true
}

// CheckNow returns nil when who, who may delete in a repository where that can
// be undone, may do so for good: that is to purge what a deletion leaves, and
// takes RestoreTrash. A registry token needs no more scopes for it.
func CheckNow(who easel.Principal, g easel.Grants, repo easel.Repo) error {
	who.Scopes = nil
	return Check(who, g, RestoreTrash, "repository", string(repo))
}

func deniedBy(who easel.Principal, action Action, resource string, noun easel.Noun, s *easel.Statement) error {
	return easel.E(easel.Denied, noun, "%s may not %s %s: %s denies it", who.UserName, action, resource, s)
}

func denied(who easel.Principal, action Action, noun easel.Noun, resource string) error {
	if who.Anonymous() {
		return easel.E(easel.Unauthenticated, noun, "log in to %s %s", action, resource)
	}
	return easel.E(easel.Denied, noun, "%s may not %s %s", who.UserName, action, resource)
}
