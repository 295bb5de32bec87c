package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"easel/internal/client"
)

const orgsPath = "/v2/manage/namespaces"

type orgCommands struct {
	Ls     orgLs     `cmd:"" help:"List organisations."`
	Create orgCreate `cmd:"" help:"Create an organisation: the first part of repository names."`
	Show   orgShow   `cmd:"" help:"Show one organisation."`
	Rm     orgRm     `cmd:"" help:"Delete an organisation that has no repositories."`

	Undo      orgUndo      `cmd:"" help:"Show or set how long deletions can be undone."`
	Immutable orgImmutable `cmd:"" help:"Show or set patterns of tags that nobody moves or deletes, in all repositories."`
}

// org is an organisation as SWR sends it (swr.md 4.2).
type org struct {
	ID      int64  `json:"id"`
	Name    string `json:"name"`
	Creator string `json:"creator_name"`
	Auth    int    `json:"auth"`
	Repos   int    `json:"repo_count"`
}

// level names what the caller may do.
func (o org) level() string {
	switch {
	case o.Auth >= 7:
		return "manage"
	case o.Auth >= 3:
		return "edit"
	case o.Auth >= 1:
		return "read"
	}
	return "-"
}

type orgLs struct {
	viewer `embed:""`
}

// orgs returns the organisations of which the caller sees something.
func (s *session) orgs(ctx context.Context) ([]org, error) {
	found, err := get[struct {
		Orgs []org `json:"namespaces"`
	}](ctx, s, orgsPath, nil)
	return found.Orgs, err
}

// Run lists organisations.
func (c *orgLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).orgs, func(w io.Writer, found []org) {
		row(w, "NAME", "REPOSITORIES", "YOU MAY", "CREATED BY")
		for _, o := range found {
			row(w, o.Name, o.Repos, o.level(), o.Creator)
		}
	})
}

type orgCreate struct {
	account `embed:""`
	Name    string `arg:"" help:"Lower-case letters, digits, '.', '_' and '-'."`
}

// Run creates an organisation.
func (c *orgCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: orgsPath, In: map[string]string{"namespace": c.Name}}); err != nil {
		return err
	}
	u, err := url.Parse(ses.profile.Server)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Created %s. Push to it: docker push %s/%s/NAME:TAG\n", c.Name, u.Host, c.Name)
	return nil
}

type orgShow struct {
	viewer `embed:""`
	Name   string `arg:"" help:"Name of the organisation."`
}

// Run shows an organisation.
func (c *orgShow) Run(ctx context.Context, s *streams) error {
	load := func(s *session, ctx context.Context) (org, error) {
		return get[org](ctx, s, orgsPath+"/"+url.PathEscape(c.Name), nil)
	}
	return show(ctx, s, &c.viewer, load, func(w io.Writer, o org) {
		row(w, "NAME", "YOU MAY", "CREATED BY")
		row(w, o.Name, o.level(), o.Creator)
	})
}

type orgRm struct {
	account `embed:""`
	Name    string `arg:"" help:"Name of the organisation."`
}

// Run deletes an organisation.
func (c *orgRm) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	_, err = ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: orgsPath + "/" + url.PathEscape(c.Name)})
	if client.IsStatus(err, http.StatusNotAcceptable) {
		return fmt.Errorf("%w\neasel repo ls --org %s shows what is in it", err, c.Name)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Deleted %s.\n", c.Name)
	return nil
}
