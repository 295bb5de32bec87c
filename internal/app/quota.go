package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strconv"

	"easel/internal/client"
)

const quotasPath = "/easel/v1/quotas"

type quotaCommands struct {
	Show quotaShow `cmd:"" help:"Show what organisations and projects may hold, and what they hold."`
	Set  quotaSet  `cmd:"" help:"Bound an organisation or a project."`
}

// quota is a bound with what is used of it; limit 0 is none.
type quota struct {
	Limit int64 `json:"limit"`
	Used  int64 `json:"used"`
}

// text writes a quota for people, in units of its own.
func (q quota) text(unit func(int64) string) string {
	if q.Limit == 0 {
		return unit(q.Used)
	}
	return unit(q.Used) + " of " + unit(q.Limit)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// quotas are as the server sends them.
type quotas struct {
	Orgs []struct {
		Org   string `json:"organisation"`
		Repos quota  `json:"repositories"`
		Space quota  `json:"bytes"`
	} `json:"organisations"`
	Projects []struct {
		ID     string `json:"project_id"`
		Name   string `json:"project"`
		Images quota  `json:"images"`
	} `json:"projects"`
}

func (q quotas) write(w io.Writer) {
	row(w, "ORGANISATION", "REPOSITORIES", "SPACE")
	for _, o := range q.Orgs {
		row(w, o.Org, o.Repos.text(number), o.Space.text(size))
	}
	row(w)
	row(w, "PROJECT", "ID", "IMAGES")
	for _, p := range q.Projects {
		row(w, p.Name, p.ID, p.Images.text(number))
	}
}

type quotaShow struct {
	viewer `embed:""`
}

// Run shows the quotas.
func (c *quotaShow) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var q quotas
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: quotasPath, Out: &q}); err != nil {
		return err
	}
	return ses.print(q, q.write)
}

type quotaSet struct {
	viewer  `embed:""`
	Org     string `env:"-" placeholder:"NAME" help:"The organisation to bound, or"`
	Project string `env:"-" placeholder:"ID" help:"the project."`
	Repos   string `env:"-" placeholder:"N" help:"Repositories of the organisation."`
	Space   string `env:"-" placeholder:"SIZE" help:"Bytes of the organisation, each blob counted once."`
	Images  string `env:"-" placeholder:"N" help:"Registered images of the project."`
}

// Help is the text below the flags.
func (quotaSet) Help() string {
	return `0 is no bound; "default" is what the server's configuration says. What is there already stays.

Examples:

  easel quota set --org vision-team --space 500GiB --repos 40
  easel quota set --project 0123456789abcdef0123456789abcdef --images 200
  easel quota set --org vision-team --space default`
}

// Run sets quotas and shows all.
func (c *quotaSet) Run(ctx context.Context, s *streams) error {
	path, bounds := quotasPath+"/organisations/"+url.PathEscape(c.Org), map[string]string{"repositories": c.Repos, "bytes": c.Space}
	if c.Project != "" {
		path, bounds = quotasPath+"/projects/"+url.PathEscape(c.Project), map[string]string{"images": c.Images}
	}
	switch {
	case (c.Org == "") == (c.Project == ""):
		return errors.New("name one to bound: --org NAME or --project ID")
	case c.Org != "" && c.Images != "" || c.Project != "" && c.Repos+c.Space != "":
		return errors.New("--repos and --space bound an organisation, --images a project")
	}
	in := map[string]int64{}
	for name, text := range bounds {
		if text == "" {
			continue
		}
		n, err := bound(text)
		if err != nil {
			return err
		}
		in[name] = n
	}
	if len(in) == 0 {
		return errors.New("say how much: --repos, --space or --images")
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var q quotas
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPatch, Path: path, In: in, Out: &q}); err != nil {
		return err
	}
	return ses.print(q, q.write)
}

// bound reads a number, a size, or "default".
func bound(text string) (int64, error) {
	if text == "default" {
		return -1, nil
	}
	var b Bytes
	err := b.UnmarshalText([]byte(text))
	return int64(b), err
}
