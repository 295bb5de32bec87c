package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"easel/internal/client"
)

type grantCommands struct {
	Ls      grantLs      `cmd:"" help:"List which group has which role where."`
	Add     grantAdd     `cmd:"" help:"Give a group a role or policy."`
	Rm      grantRm      `cmd:"" help:"Take a role or policy from a group."`
	Explain grantExplain `cmd:"" help:"Tell whether a user may do something, and why."`
}

// place is where a role is granted.
type place struct {
	Project     string `env:"-" xor:"place" placeholder:"NAME" help:"In this project only (default: everywhere in the account)."`
	AllProjects bool   `env:"-" xor:"place" help:"In every project."`
}

// path returns the path of a role of a group there.
func (p place) path(ctx context.Context, ses *session, g group, r role) (string, error) {
	group := "/groups/" + url.PathEscape(g.ID) + "/roles/" + url.PathEscape(r.ID)
	if p.Project != "" {
		id, _, err := findProject(ctx, ses.Client, p.Project)
		return "/v3/projects/" + url.PathEscape(id) + group, err
	}
	domain, err := ses.domain(ctx)
	if p.AllProjects {
		return "/v3/OS-INHERIT/domains/" + url.PathEscape(domain) + group + "/inherited_to_projects", err
	}
	return "/v3/domains/" + url.PathEscape(domain) + group, err
}

func (p place) String() string {
	switch {
	case p.AllProjects:
		return "in every project"
	case p.Project != "":
		return "in project " + p.Project
	}
	return "in the account"
}

// domain returns the id of the caller's domain.
func (s *session) domain(ctx context.Context) (string, error) {
	var out struct {
		Domains []struct {
			ID string `json:"id"`
		} `json:"domains"`
	}
	if _, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: "/v3/auth/domains", Out: &out}); err != nil || len(out.Domains) == 0 {
		return "", err
	}
	return out.Domains[0].ID, nil
}

// granting names a group, a role and a place.
type granting struct {
	account `embed:""`
	Group   string `arg:"" help:"Name or id of the group."`
	Role    string `arg:"" help:"Name or id of a role or policy: easel policy ls."`
	place   `embed:""`
}

func (c *granting) run(ctx context.Context, s *streams, method, done string) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	g, err := ses.group(ctx, c.Group)
	if err != nil {
		return err
	}
	r, err := ses.role(ctx, c.Role)
	if err != nil {
		return err
	}
	path, err := c.place.path(ctx, ses, g, r)
	if err != nil {
		return err
	}
	if _, err := ses.Do(ctx, client.Call{Method: method, Path: path}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s %s %q %s.\n", g.Name, done, r.Display, c.place)
	return nil
}

type grantAdd struct {
	granting `embed:""`
}

// Help is the text below the flags.
func (grantAdd) Help() string {
	return `It counts from the next request of the group's users on.

Examples:

  easel grant add vision "SWR ReadOnlyAccess"
  easel grant add vision team-push --project eu-de_vision`
}

// Run gives a role.
func (c *grantAdd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, http.MethodPut, "has")
}

type grantRm struct {
	granting `embed:""`
}

// Run takes a role.
func (c *grantRm) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, http.MethodDelete, "no longer has")
}

type grantLs struct {
	viewer `embed:""`
}

// granted is one line of easel grant ls.
type granted struct {
	Group string `json:"group"`
	Role  string `json:"role"`
	Where string `json:"where"`
}

// Run lists what groups have.
func (c *grantLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).granted, func(w io.Writer, found []granted) {
		row(w, "GROUP", "ROLE", "WHERE")
		for _, g := range found {
			row(w, g.Group, g.Role, g.Where)
		}
	})
}

// assignment is a role of a group as IAM sends it; without a project it is in the account.
type assignment struct {
	Group onlyID `json:"group"`
	Role  onlyID `json:"role"`
	Scope struct {
		Project *onlyID `json:"project"`
	} `json:"scope"`
	Inherited bool `json:"is_inherited"` // in every project
}

type onlyID struct {
	ID string `json:"id"`
}

func (s *session) assignments(ctx context.Context) ([]assignment, error) {
	found, err := get[struct {
		Assignments []assignment `json:"role_assignments"`
	}](ctx, s, "/v3.0/OS-PERMISSION/role-assignments", nil)
	return found.Assignments, err
}

func (s *session) granted(ctx context.Context) ([]granted, error) {
	assigned, err := s.assignments(ctx)
	if err != nil {
		return nil, err
	}
	groups, err := s.groups(ctx)
	if err != nil {
		return nil, err
	}
	roles, err := s.roles(ctx)
	if err != nil {
		return nil, err
	}
	name := map[string]string{}
	for _, g := range groups {
		name[g.ID] = g.Name
	}
	for _, r := range roles {
		name[r.ID] = r.Display
	}
	found := []granted{}
	for _, a := range assigned {
		where := place{AllProjects: a.Inherited}
		if a.Scope.Project != nil {
			where.Project = a.Scope.Project.ID
		}
		found = append(found, granted{name[a.Group.ID], name[a.Role.ID], where.String()})
	}
	return found, nil
}

type grantExplain struct {
	viewer   `embed:""`
	User     string `arg:"" help:"Name or id of the user."`
	Action   string `arg:"" help:"Such as pull, push, swr:repo:deleteRepo, modelarts:image:delete, iam:users:createUser."`
	Resource string `arg:"" optional:"" help:"Organisation, ORGANISATION/REPOSITORY, or workspace of the project; without it the default workspace."`
	Project  string `env:"-" placeholder:"NAME" help:"With a credential of this project (default: the region's own)."`
}

// Run explains a right. The exit code is 1 for no.
func (c *grantExplain) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]string{"user": c.User, "action": c.Action, "resource": c.Resource}
	if c.Project != "" {
		if in["project_id"], _, err = findProject(ctx, ses.Client, c.Project); err != nil {
			return err
		}
	}
	var out struct {
		User     string `json:"user"`
		Action   string `json:"action"`
		Resource string `json:"resource"`
		Allowed  bool   `json:"allowed"`
		Reason   string `json:"reason"`
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3.0/OS-EASEL/explain", In: in, Out: &out}); err != nil {
		return err
	}
	err = ses.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "%s: %s\n", map[bool]string{true: "yes", false: "no"}[out.Allowed], out.Reason)
	})
	if err == nil && !out.Allowed {
		return exit(exitFailed)
	}
	return err
}
