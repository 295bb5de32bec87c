// Package policy decides who may do what. It is one pure function over
// values: the caller, what the catalogue knows of the caller's grants on the
// resource, the action and the resource. It reads nothing and remembers
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
)

// Administration of a domain and of the installation.
const (
	Administer Action = "easel:admin" // check, reclaim, audit, other users' tokens and keys
	// ManageHooks is to say who is told what happens in an organisation.
	ManageHooks Action = "easel:hooks"
	// Inspect is to ask what holds the bytes that one may see anyway.
	Inspect Action = "easel:inspect"
	// ShowUsage is to see how many bytes an organisation or repository holds:
	// what is public is not that.
	ShowUsage Action = "easel:usage"
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
	Pull: LevelRead, Push: LevelEdit, Delete: LevelManage,
	ShowOrg: LevelRead, DeleteOrg: LevelManage,
	CreateRepo: LevelEdit, UpdateRepo: LevelEdit, ShowRepo: LevelRead, ListTags: LevelRead, DeleteRepo: LevelManage, DeleteTag: LevelManage,
	ShowUsage:     LevelRead,
	ShowOrgGrants: LevelRead, GrantOrg: LevelManage, ShowRepoGrants: LevelRead, GrantRepo: LevelManage, ShareRepo: LevelManage,
	KeepTags:    LevelManage,
	ManageHooks: LevelManage,
}

// Level returns the caller's effective level: manage for an administrator of
// the owning domain, else the highest grant.
func Level(who easel.Principal, g easel.Grants) int {
	if who.Anonymous() || g.Domain == "" {
		return LevelNone
	}
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
// A registry token is for registry actions only, and an action that nobody
// defined is refused.
func Check(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	switch action {
	case Pull, Push, Delete:
		if !who.Scoped("repository", resource, string(action)) && !(action == Pull && g.Public) {
			return denied(who, action, noun, resource)
		}
	case ListRepositories:
		if !who.Scoped("registry", "catalog", "*") || !who.Admin {
			return easel.E(easel.NotFound, noun, "%s not found", resource)
		}
		return nil
	default:
		if who.Scopes != nil {
			return denied(who, action, noun, resource)
		}
	}
	switch action {
	case CreateOrg, Administer:
		return checkAdmin(who, g, action, noun, resource)
	case ListOrgs, Inspect:
		if who.Anonymous() {
			return denied(who, action, noun, resource)
		}
		return nil
	}
	if strings.HasPrefix(string(action), "iam:") {
		return checkAdmin(who, g, action, noun, resource)
	}
	if level, ok := need[action]; ok {
		return checkLevel(who, g, action, level, noun, resource)
	}
	return checkProject(who, g, action, noun, resource)
}

// checkAdmin is for what belongs to a domain, or, without one, to the
// installation: other domains' administrators find nothing.
func checkAdmin(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	if !who.Anonymous() && g.Domain != "" && g.Domain != who.DomainID {
		return easel.E(easel.NotFound, noun, "%s not found", resource)
	}
	if who.Anonymous() || !who.Admin {
		return denied(who, action, noun, resource)
	}
	return nil
}

func checkLevel(who easel.Principal, g easel.Grants, action Action, level int, noun easel.Noun, resource string) error {
	has := Level(who, g)
	public := g.Public && level == LevelRead && action != ShowRepoGrants && action != ShowUsage // who is granted what, and how much is there, is not for everybody
	if has >= level || public {
		return nil
	}
	if g.Shared && !who.Anonymous() && (action == Pull || action == ShowRepo || action == ListTags) {
		return nil
	}
	if !who.Anonymous() && (action == GrantRepo && g.OrgLevel >= LevelEdit || action == ShowOrg && g.Inside) {
		return nil
	}
	if who.Anonymous() {
		return denied(who, action, noun, resource)
	}
	if has == LevelNone && !g.Public && !g.Shared {
		return easel.E(easel.NotFound, noun, "%s %s not found", noun, resource)
	}
	return denied(who, action, noun, resource)
}

// checkProject is for project resources: whoever the credential binds to the
// project has every right in it (images.md section 6: a user without a
// fine-grained policy has every ModelArts permission).
func checkProject(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	if who.Anonymous() || who.ProjectID == "" || who.ProjectID != g.Project || !strings.HasPrefix(string(action), "modelarts:") {
		return denied(who, action, noun, resource)
	}
	return nil
}

func denied(who easel.Principal, action Action, noun easel.Noun, resource string) error {
	if who.Anonymous() {
		return easel.E(easel.Unauthenticated, noun, "log in to %s %s", action, resource)
	}
	return easel.E(easel.Denied, noun, "%s may not %s %s", who.UserName, action, resource)
}
