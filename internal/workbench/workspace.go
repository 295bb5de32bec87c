package workbench

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// enter returns the workspace that id names ("": the default one), where the
// caller wants to do action. Errors: Invalid "workspace" for what is no
// workspace id; NotFound "workspace"; Denied "workspace".
func (s *Service) enter(ctx context.Context, project, id string, action policy.Action) (string, error) {
	id, err := easel.ParseWorkspaceID(id)
	if err != nil {
		return "", err
	}
	return id, s.mayIn(ctx, project, id, action)
}

// mayIn asks whether the caller may do action in a workspace of the project.
// Errors: NotFound "workspace"; Denied "workspace".
func (s *Service) mayIn(ctx context.Context, project, id string, action policy.Action) error {
	w := easel.DefaultWorkspaceOf(project)
	if id != easel.DefaultWorkspace {
		var err error
		if w, err = s.catalog.Workspace(ctx, project, id); err != nil {
			return err
		}
	}
	who := easel.PrincipalFrom(ctx)
	return policy.Check(who, w.Grants(who), action, "workspace", id)
}

// workspacesFor returns the ids of those where the caller may do action.
func (s *Service) workspacesFor(ctx context.Context, project string, action policy.Action) (ids []string, err error) {
	all, err := s.catalog.Workspaces(ctx, project)
	if err != nil {
		return nil, err
	}
	who := easel.PrincipalFrom(ctx)
	for _, w := range all {
		if policy.Check(who, w.Grants(who), action, "workspace", w.ID) == nil {
			ids = append(ids, w.ID)
		}
	}
	return ids, nil
}

// WorkspaceQuery says which workspaces of a project are wanted, and in which
// order: by name, or by when they changed.
type WorkspaceQuery struct {
	Project    string
	Name       string // part of the name, in whatever case; "": all
	Accessible bool   // only those that the caller may enter
	ByUpdated  bool
	Ascending  bool
	Page       catalog.Page
}

// Workspaces returns a page of a project's workspaces, and how many match.
// Those that the caller may not enter are among them, unless Accessible says
// otherwise. Errors: those of May.
func (s *Service) Workspaces(ctx context.Context, q WorkspaceQuery) ([]easel.Workspace, int, error) {
	if err := s.May(ctx, q.Project, policy.ListWorkspaces); err != nil {
		return nil, 0, err
	}
	found, err := s.catalog.Workspaces(ctx, q.Project)
	if err != nil {
		return nil, 0, err
	}
	who := easel.PrincipalFrom(ctx)
	found = slices.DeleteFunc(found, func(w easel.Workspace) bool {
		g := easel.Grants{Project: q.Project}
		if q.Accessible {
			g = w.Grants(who)
		}
		return !strings.Contains(strings.ToLower(w.Name), strings.ToLower(q.Name)) ||
			policy.Check(who, g, policy.ListWorkspaces, "workspace", w.ID) != nil
	})
	slices.SortFunc(found, func(a, b easel.Workspace) int {
		order := 0
		if q.ByUpdated {
			order = a.Updated.Compare(b.Updated)
		}
		order = cmp.Or(order, cmp.Compare(a.Name, b.Name))
		if !q.Ascending {
			order = -order
		}
		return order
	})
	total := len(found)
	found = found[min(q.Page.Offset, total):]
	return found[:min(q.Page.Limit, len(found))], total, nil
}

// Workspace returns a workspace of a project. Errors: those of May and enter.
func (s *Service) Workspace(ctx context.Context, project, id string) (easel.Workspace, error) {
	if err := s.May(ctx, project, policy.ShowWorkspace); err != nil {
		return easel.Workspace{}, err
	}
	id, err := s.enter(ctx, project, id, policy.ShowWorkspace)
	if err != nil {
		return easel.Workspace{}, err
	}
	return s.catalog.Workspace(ctx, project, id)
}

// CreateWorkspace makes a workspace of the caller and returns it. Of w count
// Project, Name, Description, Access and Users, each with an id or a name.
// Errors: those of May; Denied "workspace" and "workspace quota"; Exists
// "workspace", also for the name of the default one; Invalid "workspace user".
func (s *Service) CreateWorkspace(ctx context.Context, w easel.Workspace) (easel.Workspace, error) {
	if err := s.May(ctx, w.Project, policy.CreateWorkspace); err != nil {
		return easel.Workspace{}, err
	}
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Project: w.Project}, policy.CreateWorkspace, "workspace", ""); err != nil {
		return easel.Workspace{}, err
	}
	if err := reserved(w.Name); err != nil {
		return easel.Workspace{}, err
	}
	return s.catalog.CreateWorkspace(ctx, who, w)
}

// reserved refuses the name of the default workspace.
func reserved(name string) error {
	if name == easel.DefaultWorkspaceName {
		return easel.E(easel.Exists, "workspace", "%s is the name of the default workspace: choose another", name)
	}
	return nil
}

// UpdateWorkspace changes a workspace of a project. Errors: those of May and
// enter; Denied "default workspace"; Exists "workspace"; Invalid "workspace user".
func (s *Service) UpdateWorkspace(ctx context.Context, project, id string, c catalog.WorkspaceChange) error {
	id, err := s.ownWorkspace(ctx, project, id, policy.UpdateWorkspace)
	if err != nil {
		return err
	}
	if c.Name != nil {
		if err := reserved(*c.Name); err != nil {
			return err
		}
	}
	return s.catalog.UpdateWorkspace(ctx, easel.PrincipalFrom(ctx), project, id, c)
}

// DeleteWorkspace deletes an empty workspace of a project. Errors: those of
// May and enter; Denied "default workspace"; InUse "workspace" while it holds images.
func (s *Service) DeleteWorkspace(ctx context.Context, project, id string) error {
	id, err := s.ownWorkspace(ctx, project, id, policy.DeleteWorkspace)
	if err != nil {
		return err
	}
	return s.catalog.DeleteWorkspace(ctx, easel.PrincipalFrom(ctx), project, id)
}

// ownWorkspace is enter for those who want to change the workspace itself.
func (s *Service) ownWorkspace(ctx context.Context, project, id string, action policy.Action) (string, error) {
	if err := s.May(ctx, project, action); err != nil {
		return "", err
	}
	if id == easel.DefaultWorkspace { // nobody owns it
		return "", easel.E(easel.Denied, "default workspace", "nobody may %s the default workspace: it is always there and open to its project", action)
	}
	return s.enter(ctx, project, id, action)
}

// WorkspaceQuota is how many images a workspace may have, and how many it has.
type WorkspaceQuota struct {
	Images, Used int64     // Images 0: any number
	Set          time.Time // or made, if nobody set it
}

// WorkspaceQuota returns the quota of a workspace. Errors: those of May and enter.
func (s *Service) WorkspaceQuota(ctx context.Context, project, id string) (WorkspaceQuota, error) {
	if err := s.May(ctx, project, policy.ShowWorkspaceQuotas); err != nil {
		return WorkspaceQuota{}, err
	}
	id, err := s.enter(ctx, project, id, policy.ShowWorkspaceQuotas)
	if err != nil {
		return WorkspaceQuota{}, err
	}
	return s.workspaceQuota(ctx, project, id)
}

func (s *Service) workspaceQuota(ctx context.Context, project, id string) (WorkspaceQuota, error) {
	w, err := s.catalog.Workspace(ctx, project, id)
	if err != nil {
		return WorkspaceQuota{}, err
	}
	_, used, err := s.catalog.Images(ctx, Filter{Project: project, Workspace: id, Type: easel.Dedicated}, nil, false, catalog.Page{Limit: 1})
	return WorkspaceQuota{w.MaxImages, used, w.Bounded}, err
}

// SetWorkspaceQuota bounds the images of a workspace, 0 to any number, and
// returns the quota. What is there already stays. Errors: those of May and enter; Denied
// "default workspace".
func (s *Service) SetWorkspaceQuota(ctx context.Context, project, id string, images int64) (WorkspaceQuota, error) {
	id, err := s.ownWorkspace(ctx, project, id, policy.UpdateWorkspaceQuotas)
	if err != nil {
		return WorkspaceQuota{}, err
	}
	if err := s.catalog.BoundWorkspace(ctx, easel.PrincipalFrom(ctx), project, id, images); err != nil {
		return WorkspaceQuota{}, err
	}
	return s.workspaceQuota(ctx, project, id)
}
