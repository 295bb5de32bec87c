package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"easel/internal/client"
)

const quotasPath = "/easel/v1/quotas"

type quotaCommands struct {
	Show quotaShow `cmd:"" help:"Show what the domain, organisations and projects may hold, and what they hold."`
	Set  quotaSet  `cmd:"" help:"Bound an organisation, a project or a domain."`
}

// quota is a bound with what is used of it; limit 0 is none.
type quota struct {
	Limit   int64 `json:"limit"`
	Used    int64 `json:"used"`
	Default bool  `json:"default"`
}

// text writes a quota for people, in units of its own.
func (q quota) text(unit func(int64) string) string {
	if q.Limit == 0 {
		return unit(q.Used)
	}
	return unit(q.Used) + " of " + unit(q.Limit)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

// domainQuota is how many organisations a domain may have.
type domainQuota struct {
	Name string `json:"domain"`
	Orgs quota  `json:"organisations"`
}

func (d domainQuota) write(w io.Writer) {
	row(w, "DOMAIN", "ORGANISATIONS")
	row(w, d.Name, d.Orgs.text(number))
}

// quotas are as the server sends them.
type quotas struct {
	Domain domainQuota `json:"domain"`
	Orgs   []struct {
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
	q.Domain.write(w)
	row(w)
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
	return show(ctx, s, &c.viewer, (*session).quotas, func(w io.Writer, q quotas) { q.write(w) })
}

func (s *session) quotas(ctx context.Context) (quotas, error) {
	return get[quotas](ctx, s, quotasPath, nil)
}

type quotaSet struct {
	viewer  `embed:""`
	Org     string `env:"-" xor:"what" placeholder:"NAME" help:"The organisation to bound, or"`
	Project string `env:"-" xor:"what" placeholder:"NAME" help:"the project, by name or id, or"`
	Domain  string `env:"-" xor:"what" placeholder:"NAME" help:"the domain, for those who look after the installation."`
	Repos   string `env:"-" placeholder:"N" help:"Repositories of the organisation."`
	Space   string `env:"-" placeholder:"SIZE" help:"Bytes of the organisation, each blob counted once."`
	Images  string `env:"-" placeholder:"N" help:"Registered images of the project."`
	Orgs    string `env:"-" placeholder:"N" help:"Organisations of the domain."`
}

// Help is the text below the flags.
func (quotaSet) Help() string {
	return `0 is no bound; "default" is what the server's configuration says. What is there already stays.

Examples:

  easel quota set --org vision-team --space 500GiB --repos 40
  easel quota set --project eu-de_vision --images 200
  easel quota set --domain partner --orgs 5
  easel quota set --org vision-team --space default`
}

// in returns what to bound, and the bounds by their names on the wire.
func (c *quotaSet) in() (what string, bounds map[string]int64, err error) {
	texts := map[string]string{"repositories": c.Repos, "bytes": c.Space, "images": c.Images, "organisations": c.Orgs}
	mine := map[string][]string{"organisation": {"repositories", "bytes"}, "project": {"images"}, "domain": {"organisations"}}
	switch {
	case c.Org != "":
		what = "organisation"
	case c.Project != "":
		what = "project"
	case c.Domain != "":
		what = "domain"
	default:
		return "", nil, errors.New("name one to bound: --org NAME, --project NAME or --domain NAME")
	}
	bounds = map[string]int64{}
	for name, text := range texts {
		if text == "" {
			continue
		}
		if !slices.Contains(mine[what], name) {
			return "", nil, errors.New("--repos and --space bound an organisation, --images a project, --orgs a domain")
		}
		if bounds[name], err = bound(text); err != nil {
			return "", nil, err
		}
	}
	if len(bounds) == 0 {
		return "", nil, errors.New("say how much: --repos, --space, --images or --orgs")
	}
	return what, bounds, nil
}

// Run sets quotas and shows all.
func (c *quotaSet) Run(ctx context.Context, s *streams) error {
	what, bounds, err := c.in()
	if err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if what == "domain" {
		var d domainQuota
		call := client.Call{Method: http.MethodPatch, Path: quotasPath + "/domains/" + url.PathEscape(c.Domain), In: bounds, Out: &d}
		if _, err := ses.Do(ctx, call); err != nil {
			return err
		}
		return ses.print(d, d.write)
	}
	path := quotasPath + "/organisations/" + url.PathEscape(c.Org)
	if what == "project" {
		id, _, err := findProject(ctx, ses.Client, c.Project)
		if err != nil {
			return err
		}
		path = quotasPath + "/projects/" + url.PathEscape(id)
	}
	var q quotas
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPatch, Path: path, In: bounds, Out: &q}); err != nil {
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
