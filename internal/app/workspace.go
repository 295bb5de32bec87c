package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"easel"
	"easel/internal/client"
)

type workspaceCommands struct {
	Ls     workspaceLs     `cmd:"" help:"List the project's workspaces."`
	Create workspaceCreate `cmd:"" help:"Make a workspace."`
	Show   workspaceShow   `cmd:"" help:"Show a workspace with the users whom it names."`
	Update workspaceUpdate `cmd:"" help:"Rename or describe a workspace, or say who may enter it."`
	Rm     workspaceRm     `cmd:"" help:"Delete an empty workspace."`
}

// workspace is a workspace as the server sends it.
type workspace struct {
	ID          string           `json:"id"`
	Name        string           `json:"name"`
	Description string           `json:"description"`
	Owner       string           `json:"owner"`
	Access      string           `json:"auth_type"`
	Grants      []workspaceGrant `json:"grants,omitzero"` // not in lists
	Created     int64            `json:"create_time"`
	Updated     int64            `json:"update_time"`
	Quotas      []workspaceQuota `json:"quotas,omitempty"` // of one that is shown
}

// workspaceQuota is the quota of a resource; -1 is no bound.
type workspaceQuota struct {
	Resource string `json:"resource"`
	Quota    int64  `json:"quota"`
	Used     *int64 `json:"used_quota"` // nil without a bound
}

type workspaceGrant struct {
	UserID   string `json:"user_id,omitempty"`
	UserName string `json:"user_name"`
}

// workspaces returns the project's workspaces that match query, by name.
func (s *session) workspaces(ctx context.Context, query url.Values) ([]workspace, error) {
	var out struct {
		Workspaces []workspace `json:"workspaces"`
	}
	query.Set("order", "asc")
	err := s.modelarts(ctx, http.MethodGet, "/workspaces", query, nil, &out)
	return out.Workspaces, err
}

// workspaceID returns the id of the workspace that is called name, or has it
// as its id; "" is the default one.
func (s *session) workspaceID(ctx context.Context, name string) (string, error) {
	if name == "" || name == easel.DefaultWorkspace || name == easel.DefaultWorkspaceName {
		return easel.DefaultWorkspace, nil
	}
	found, err := s.workspaces(ctx, url.Values{})
	if client.IsStatus(err, http.StatusForbidden) { // who may not list them can still name one
		return easel.ParseWorkspaceID(name)
	}
	if err != nil {
		return "", err
	}
	w, err := named(found, "workspace", name, func(w workspace) (string, string) { return w.ID, w.Name })
	return w.ID, err
}

// workspace returns the workspace that is called name, with its grants.
func (s *session) workspace(ctx context.Context, name string) (w workspace, err error) {
	id, err := s.workspaceID(ctx, name)
	if err == nil {
		err = s.modelarts(ctx, http.MethodGet, "/workspaces/"+id, nil, nil, &w)
	}
	if err != nil {
		return w, err
	}
	err = s.modelarts(ctx, http.MethodGet, "/workspaces/"+id+"/quotas", nil, nil, &w)
	if client.IsStatus(err, http.StatusForbidden) { // it takes another right
		err = nil
	}
	return w, err
}

type workspaceLs struct {
	viewer `embed:""`
	Name   string `arg:"" optional:"" help:"Part of the name."`
	Mine   bool   `env:"-" help:"Only those that you may enter."`
}

// Help is the text below the flags.
func (workspaceLs) Help() string {
	return `Every project has the workspace "default", with the id 0. What belongs to no other one is in it.

Examples:

  easel workspace ls
  easel workspace ls vision --mine`
}

// Run lists workspaces.
func (c *workspaceLs) Run(ctx context.Context, s *streams) error {
	query := url.Values{}
	set(query, "name", c.Name)
	if c.Mine {
		query.Set("filter_accessible", "true")
	}
	load := func(ses *session, ctx context.Context) ([]workspace, error) { return ses.workspaces(ctx, query) }
	return show(ctx, s, &c.viewer, load, func(w io.Writer, found []workspace) {
		row(w, "NAME", "ID", "ACCESS", "OWNER", "DESCRIPTION")
		for _, x := range found {
			row(w, x.Name, x.ID, x.Access, x.Owner, x.Description)
		}
	})
}

type workspaceCreate struct {
	viewer      `embed:""`
	Name        string   `arg:"" help:"4 to 64 letters, digits, '_' and '-'."`
	Description string   `env:"-" short:"d" placeholder:"TEXT" help:"For people."`
	Access      string   `env:"-" enum:"public,private,internal,PUBLIC,PRIVATE,INTERNAL" default:"public" help:"public: whoever works in the project enters it; private: you; internal: you and the users whom you name (${default}). Administrators enter all."`
	User        []string `env:"-" placeholder:"NAME" help:"A user who may enter it while it is internal; more than one: give it again."`
}

// Help is the text below the flags.
func (workspaceCreate) Help() string {
	return `Examples:

  easel workspace create vision
  easel workspace create exam --access internal --user eva --user tom
  easel image register vision-team/torch:2.3 --workspace vision`
}

// Run makes a workspace.
func (c *workspaceCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"name": c.Name, "description": c.Description, "auth_type": c.Access, "grants": grantsOf(c.User)}
	var made workspace
	if err := ses.modelarts(ctx, http.MethodPost, "/workspaces", nil, in, &made); err != nil {
		return err
	}
	if !ses.forPeople() {
		return ses.print(made, nil)
	}
	fmt.Fprintf(s.out, "Created %s. Put images into it: easel image register IMAGE --workspace %s\n", made.Name, made.Name)
	return nil
}

func grantsOf(users []string) []workspaceGrant {
	grants := make([]workspaceGrant, len(users))
	for n, name := range users {
		grants[n].UserName = name
	}
	return grants
}

type workspaceShow struct {
	viewer    `embed:""`
	Workspace string `arg:"" help:"Name or id."`
}

// Run shows a workspace.
func (c *workspaceShow) Run(ctx context.Context, s *streams) error {
	load := func(ses *session, ctx context.Context) (workspace, error) { return ses.workspace(ctx, c.Workspace) }
	return show(ctx, s, &c.viewer, load, func(w io.Writer, x workspace) {
		row(w, "NAME", x.Name)
		row(w, "ID", x.ID)
		row(w, "DESCRIPTION", dash(x.Description))
		row(w, "OWNER", x.Owner)
		row(w, "ACCESS", x.Access)
		for _, g := range x.Grants {
			row(w, "USER", g.UserName)
		}
		for _, q := range x.Quotas {
			if q.Used != nil {
				row(w, strings.ToUpper(q.Resource)+"S", fmt.Sprintf("%d of %d", *q.Used, q.Quota))
			}
		}
		row(w, "CREATED", when(x.Created))
		row(w, "UPDATED", when(x.Updated))
	})
}

type workspaceUpdate struct {
	account     `embed:""`
	Workspace   string   `arg:"" help:"Name or id."`
	Name        *string  `env:"-" placeholder:"NAME" help:"Another name."`
	Description *string  `env:"-" short:"d" placeholder:"TEXT" help:"Another description."`
	Access      string   `env:"-" enum:",public,private,internal,PUBLIC,PRIVATE,INTERNAL" default:"" help:"public, private or internal."`
	User        []string `env:"-" placeholder:"NAME" help:"The users who may enter it while it is internal, instead of those so far; more than one: give it again."`
	NoUsers     bool     `env:"-" help:"It names no users any more."`
	Images      *int64   `env:"-" placeholder:"N" help:"How many images it may have; 0 is any number. That is for administrators."`
}

// Help is the text below the flags.
func (workspaceUpdate) Help() string {
	return `What you leave out stays. It counts at once. The default workspace cannot be changed.

Examples:

  easel workspace update vision --access private
  easel workspace update exam --user eva
  easel workspace update exam --images 20`
}

// Validate is called when the command line was parsed.
func (c *workspaceUpdate) Validate() error {
	switch {
	case len(c.changes()) == 0 && c.Images == nil:
		return errors.New("say what to change: --name, --description, --access, --user, --no-users or --images")
	case len(c.User) > 0 && c.NoUsers:
		return errors.New("--user and --no-users contradict each other")
	}
	return nil
}

// Run changes a workspace.
func (c *workspaceUpdate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	id, err := ses.workspaceID(ctx, c.Workspace)
	if err != nil {
		return err
	}
	if c.Images != nil { // the one that takes more rights first
		in := map[string]any{"quotas": []workspaceQuota{{Resource: "image", Quota: cmp.Or(*c.Images, -1)}}}
		if err := ses.modelarts(ctx, http.MethodPut, "/workspaces/"+id+"/quotas", nil, in, nil); err != nil {
			return err
		}
	}
	if in := c.changes(); len(in) > 0 {
		if err := ses.modelarts(ctx, http.MethodPut, "/workspaces/"+id, nil, in, nil); err != nil {
			return err
		}
	}
	fmt.Fprintf(s.out, "Changed %s.\n", c.Workspace)
	return nil
}

// changes returns what the workspace itself is changed by.
func (c *workspaceUpdate) changes() map[string]any {
	in := map[string]any{}
	if c.Name != nil {
		in["name"] = *c.Name
	}
	if c.Description != nil {
		in["description"] = *c.Description
	}
	if c.Access != "" {
		in["auth_type"] = c.Access
	}
	if len(c.User) > 0 || c.NoUsers {
		in["grants"] = grantsOf(c.User)
	}
	return in
}

type workspaceRm struct {
	account   `embed:""`
	Workspace string `arg:"" help:"Name or id."`
	Yes       bool   `env:"-" short:"y" help:"Do not ask."`
}

// Help is the text below the flags.
func (workspaceRm) Help() string {
	return `A workspace that has images stays: delete them first. What is in trash does not keep it; restored later, it comes into
the default workspace.

Examples:

  easel image rm --filter workspace=vision --force
  easel workspace rm vision`
}

// Run deletes a workspace.
func (c *workspaceRm) Run(ctx context.Context, s *streams) error {
	if err := s.sure(c.Yes, "Delete the workspace "+c.Workspace+"?"); err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	id, err := ses.workspaceID(ctx, c.Workspace)
	if err != nil {
		return err
	}
	if err := ses.modelarts(ctx, http.MethodDelete, "/workspaces/"+id, nil, nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Deleted %s.\n", c.Workspace)
	return nil
}
