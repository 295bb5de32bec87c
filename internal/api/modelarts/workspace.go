package modelarts

import (
	"errors"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/workbench"
)

// The bounds of a workspace in characters, and its kinds of access and of users.
const (
	minWorkspaceName = 4
	maxWorkspaceName = 64
	maxWorkspaceText = 256
	maxUserName      = 64
)

var (
	accesses  = []string{easel.Public, easel.Private, easel.InternalAccess}
	userTypes = []string{"IAM"}
)

// enterpriseProject is the only one there is, which everything belongs to.
const enterpriseProject = "0"

// defaultWorkspaces is the page size of the list of workspaces.
const defaultWorkspaces = 1000

// workspace is the Workspace object of the workspace API. Grants are not in lists.
type workspace struct {
	ID             string           `json:"id"`
	Name           string           `json:"name"`
	Description    string           `json:"description"`
	Owner          string           `json:"owner"`
	AuthType       string           `json:"auth_type"`
	Grants         []workspaceGrant `json:"grants,omitzero"`
	CreateTime     int64            `json:"create_time"`
	UpdateTime     int64            `json:"update_time"`
	Status         string           `json:"status"`
	StatusInfo     string           `json:"status_info"`
	Enterprise     string           `json:"enterprise_project_id"`
	EnterpriseName string           `json:"enterprise_project_name"`
}

// workspaceGrant is a user who may enter an INTERNAL workspace.
type workspaceGrant struct {
	UserID   string `json:"user_id"`
	UserName string `json:"user_name"`
	UserType string `json:"user_type"`
}

// wireListed is a workspace in a list.
func wireListed(w easel.Workspace) workspace {
	return workspace{
		ID: w.ID, Name: w.Name, Description: w.Description, Owner: w.OwnerName, AuthType: w.Access,
		CreateTime: w.Created.UnixMilli(), UpdateTime: w.Updated.UnixMilli(), Status: "NORMAL",
		Enterprise: enterpriseProject, EnterpriseName: "default",
	}
}

func wireWorkspace(w easel.Workspace) workspace {
	out := wireListed(w)
	out.Grants = api.WireAll(w.Users, func(u easel.WorkspaceUser) workspaceGrant { return workspaceGrant{u.ID, u.Name, "IAM"} })
	return out
}

// listWorkspaces is ListWorkspace.
func (e *edge) listWorkspaces(w http.ResponseWriter, r *http.Request) error {
	q := queryOf(r)
	in := workbench.WorkspaceQuery{
		Project:   r.PathValue("project_id"),
		Name:      q.text("name"),
		ByUpdated: q.oneOf("sort_by", "name", "update_time", "status") == "update_time", // the status is the same everywhere
		Ascending: q.oneOf("order", "asc", "desc") == "asc",
	}
	if accessible := q.boolean("filter_accessible"); accessible != nil {
		in.Accessible = *accessible
	}
	enterprise := q.text("enterprise_project_id")
	in.Page = catalog.Page{Limit: int(q.number("limit", defaultWorkspaces, 1)), Offset: int(q.number("offset", 0, 0))}
	if q.err != nil {
		return q.err
	}
	found, total, err := e.images.Workspaces(r.Context(), in)
	if err != nil {
		return err
	}
	if enterprise != "" && enterprise != enterpriseProject {
		found, total = nil, 0
	}
	return ok(w, struct {
		Total      int         `json:"total_count"`
		Count      int         `json:"count"`
		Workspaces []workspace `json:"workspaces"`
	}{total, len(found), api.WireAll(found, wireListed)})
}

// workspaceBody is the body of CreateWorkspace and UpdateWorkspace.
type workspaceBody struct {
	Name        *string `json:"name"`
	Description *string `json:"description"`
	AuthType    *string `json:"auth_type"`
	Grants      *[]struct {
		UserID   string `json:"user_id"`
		UserName string `json:"user_name"`
		UserType string `json:"user_type"`
	} `json:"grants"`
	Enterprise string `json:"enterprise_project_id"`
}

// parse checks bounds. An empty auth_type is an absent one.
func (b workspaceBody) parse() (c catalog.WorkspaceChange, err error) {
	var f fields
	c.Name, c.Description = b.Name, b.Description
	if b.Name != nil {
		f.workspaceName(*b.Name)
	}
	if b.Description != nil {
		f.text("description", *b.Description, maxWorkspaceText)
	}
	if b.AuthType != nil && *b.AuthType != "" {
		access := f.enum("auth_type", *b.AuthType, "", accesses)
		c.Access = &access
	}
	if b.Enterprise != "" && b.Enterprise != enterpriseProject {
		f.fail("property", "enterprise_project_id is %.64q: there is only the enterprise project %s", b.Enterprise, enterpriseProject)
	}
	if b.Grants == nil {
		return c, f.err
	}
	users := make([]easel.WorkspaceUser, 0, len(*b.Grants))
	if len(*b.Grants) > catalog.MaxWorkspaceUsers {
		f.fail("property", "there are %d grants; at most %d are taken", len(*b.Grants), catalog.MaxWorkspaceUsers)
		return c, f.err
	}
	for _, g := range *b.Grants {
		if g.UserID == "" && g.UserName == "" {
			f.fail("required", "a grant needs user_id or user_name")
		}
		f.enum("user_type", g.UserType, "IAM", userTypes)
		users = append(users, easel.WorkspaceUser{ID: f.text("user_id", g.UserID, maxUserName), Name: f.text("user_name", g.UserName, maxUserName)})
	}
	c.Users = &users
	return c, f.err
}

// workspaceName checks the name of a workspace.
func (f *fields) workspaceName(name string) {
	if n := utf8.RuneCountInString(name); n < minWorkspaceName || n > maxWorkspaceName {
		f.fail("property", "name has %d characters; want %d to %d", n, minWorkspaceName, maxWorkspaceName)
	}
	if strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '_' || r == utf8.RuneError
	}) {
		f.fail("characters", "name is %.300q: want letters, digits, '-' and '_'", name)
	}
}

// createWorkspace is CreateWorkspace.
func (e *edge) createWorkspace(w http.ResponseWriter, r *http.Request) error {
	body, _, err := readObject[workspaceBody](r)
	if err != nil {
		return err
	}
	if body.Name == nil || *body.Name == "" {
		return easel.E(easel.Invalid, "required", "name is missing")
	}
	c, err := body.parse()
	if err != nil {
		return err
	}
	in := easel.Workspace{Project: r.PathValue("project_id"), Name: *c.Name, Access: easel.Public}
	if c.Description != nil {
		in.Description = *c.Description
	}
	if c.Access != nil {
		in.Access = *c.Access
	}
	if c.Users != nil {
		in.Users = *c.Users
	}
	made, err := e.images.CreateWorkspace(r.Context(), in)
	if err != nil {
		return err
	}
	return ok(w, wireWorkspace(made))
}

// showWorkspace is ShowWorkspace.
func (e *edge) showWorkspace(w http.ResponseWriter, r *http.Request) error {
	found, err := e.images.Workspace(r.Context(), r.PathValue("project_id"), r.PathValue("workspace_id"))
	if err != nil {
		return ofPath(err)
	}
	return ok(w, wireWorkspace(found))
}

// workspaceID is the answer to a change.
type workspaceID struct {
	ID string `json:"workspace_id"`
}

// updateWorkspace is UpdateWorkspace. What the body leaves out stays.
func (e *edge) updateWorkspace(w http.ResponseWriter, r *http.Request) error {
	body, _, err := readObject[workspaceBody](r)
	if err != nil {
		return err
	}
	c, err := body.parse()
	if err != nil {
		return err
	}
	if err := e.images.UpdateWorkspace(r.Context(), r.PathValue("project_id"), r.PathValue("workspace_id"), c); err != nil {
		return ofPath(err)
	}
	return ok(w, workspaceID{r.PathValue("workspace_id")})
}

// deleteWorkspace is DeleteWorkspace.
func (e *edge) deleteWorkspace(w http.ResponseWriter, r *http.Request) error {
	if err := e.images.DeleteWorkspace(r.Context(), r.PathValue("project_id"), r.PathValue("workspace_id")); err != nil {
		return ofPath(err)
	}
	return ok(w, workspaceID{r.PathValue("workspace_id")})
}

// ofPath gives a workspace that is not there the code of the workspace API:
// clients take it for the end of the workspace (errors.md 4.1, decision 5).
func ofPath(err error) error {
	if said := easel.AsError(err); errors.Is(err, easel.NotFound) && said.Noun == "workspace" {
		return easel.E(easel.NotFound, "workspace of the path", "%s", said.Msg)
	}
	return err
}
