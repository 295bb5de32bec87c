package easel

import (
	"slices"
	"strings"
	"time"
)

// InternalAccess is the access of a workspace that names who may enter it; the other
// two are Public and Private.
const InternalAccess = "INTERNAL"

// Workspace is a part of a project. Images belong to one: the default one, or
// one that somebody made.
type Workspace struct {
	ID, Project        string // DefaultWorkspace, or 32 of 0-9, a-z
	Name, Description  string
	Access             string          // Public: who is in the project enters it; Private: its owner; InternalAccess: Users as well
	OwnerID, OwnerName string          // who made it; the default one is the account's and has no id
	Users              []WorkspaceUser // in the order in which they were named; they count while Access is InternalAccess
	MaxImages          int64           // 0: any number
	Bounded            time.Time       // when MaxImages was set, or Created
	Created, Updated   time.Time
}

// WorkspaceUser is a user that a workspace names.
type WorkspaceUser struct{ ID, Name string }

// DefaultWorkspaceName is the name of every project's default workspace.
const DefaultWorkspaceName = "default"

// DefaultWorkspaceOf returns the default workspace of a project as far as
// rights go: without times and owner.
func DefaultWorkspaceOf(project string) Workspace {
	return Workspace{ID: DefaultWorkspace, Project: project, Name: DefaultWorkspaceName, Access: Public}
}

// Default reports whether w is the default workspace, which is always there
// and open to its project.
func (w Workspace) Default() bool { return w.ID == DefaultWorkspace }

// Grants is what package policy decides on for who.
func (w Workspace) Grants(who Principal) Grants {
	return Grants{
		Project: w.Project,
		Closed:  w.Access != Public,
		Owner:   w.OwnerID != "" && w.OwnerID == who.UserID,
		Member:  w.Access == InternalAccess && slices.ContainsFunc(w.Users, func(u WorkspaceUser) bool { return u.ID == who.UserID }),
	}
}

// ParseWorkspaceID returns the id of a workspace; "" is the default one.
// Errors: Invalid "workspace".
func ParseWorkspaceID(s string) (string, error) {
	if s == "" || s == DefaultWorkspace {
		return DefaultWorkspace, nil
	}
	if len(s) != 32 || strings.Trim(s, "0123456789abcdefghijklmnopqrstuvwxyz") != "" {
		return "", E(Invalid, "workspace", "%.64q is no workspace id: want 0 or 32 of 0-9, a-z", s)
	}
	return s, nil
}
