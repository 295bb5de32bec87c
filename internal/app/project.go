package app

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"easel/internal/client"
)

type projectCommands struct {
	Ls     projectLs     `cmd:"" help:"List projects."`
	Create projectCreate `cmd:"" help:"Make a project."`
}

type projectLs struct {
	viewer `embed:""`
}

// described is a project or domain as IAM sends it.
type described struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (s *session) projects(ctx context.Context) ([]described, error) {
	found, err := get[struct {
		Projects []described `json:"projects"`
	}](ctx, s, "/v3/projects", nil)
	return found.Projects, err
}

func (s *session) domains(ctx context.Context) ([]described, error) {
	found, err := get[struct {
		Domains []described `json:"domains"`
	}](ctx, s, "/v3/domains", nil)
	return found.Domains, err
}

func writeDescribed(w io.Writer, found []described) {
	row(w, "NAME", "ID", "DESCRIPTION")
	for _, x := range found {
		row(w, x.Name, x.ID, x.Description)
	}
}

// Run lists projects.
func (c *projectLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).projects, writeDescribed)
}

type projectCreate struct {
	account     `embed:""`
	Name        string `arg:"" help:"Begins with the region's project and '_': eu-de_vision."`
	Description string `env:"-" placeholder:"TEXT" help:"For people."`
}

// Run makes a project.
func (c *projectCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"project": map[string]string{"name": c.Name, "description": c.Description}}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3/projects", In: in}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Created %s. Work in it: easel login --project %s\n", c.Name, c.Name)
	return nil
}

type domainCommands struct {
	Ls     domainLs     `cmd:"" help:"List all domains of the installation."`
	Create domainCreate `cmd:"" help:"Make a domain with a project, an administrator and an access key."`
}

type domainLs struct {
	viewer `embed:""`
}

// Run lists domains.
func (c *domainLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).domains, writeDescribed)
}

type domainCreate struct {
	viewer      `embed:""`
	Name        string `arg:"" help:"Name of the domain."`
	Admin       string `env:"-" default:"admin" placeholder:"NAME" help:"Name of its administrator (${default})."`
	Description string `env:"-" placeholder:"TEXT" help:"For people."`
}

// Run makes a domain and prints how to log in to it, once.
func (c *domainCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var out struct {
		Domain struct {
			Name string `json:"name"`
		} `json:"domain"`
		Administrator struct {
			Name     string `json:"name"`
			Password string `json:"password"`
			Access   string `json:"access"`
			Secret   string `json:"secret"`
		} `json:"administrator"`
	}
	in := map[string]any{"domain": map[string]string{"name": c.Name, "description": c.Description}, "administrator": map[string]string{"name": c.Admin}}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3/domains", In: in, Out: &out}); err != nil {
		return err
	}
	return ses.print(out, func(w io.Writer) {
		row(w, "DOMAIN", out.Domain.Name)
		row(w, "ADMINISTRATOR", out.Administrator.Name)
		row(w, "PASSWORD", out.Administrator.Password)
		row(w, "ACCESS KEY", out.Administrator.Access)
		row(w, "SECRET KEY", out.Administrator.Secret)
		fmt.Fprintln(w, "Nobody can read password and secret key again.")
	})
}
