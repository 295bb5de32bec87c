package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"easel"
	"easel/internal/client"
	"easel/internal/human"
)

type shareCommands struct {
	Ls     shareLs     `cmd:"" help:"List what is shared, with whom and until when."`
	Add    shareAdd    `cmd:"" help:"Let another domain pull from a repository."`
	Update shareUpdate `cmd:"" help:"Give a share another deadline or description."`
	Rm     shareRm     `cmd:"" help:"End shares, at once."`
}

// share is a share as SWR sends it (swr.md 9).
type share struct {
	Org         string `json:"namespace"`
	Repo        string `json:"repository"`
	Domain      string `json:"access_domain"`
	Deadline    string `json:"deadline"`
	Description string `json:"description"`
	Creator     string `json:"creator_name"`
	Valid       bool   `json:"status"`
}

// forever is the deadline of a share that does not end.
const forever = "forever"

func (s *session) shares(ctx context.Context, repo easel.Repo) ([]share, error) {
	return get[[]share](ctx, s, repoPath(repo)+"/access-domains", nil)
}

type shareLs struct {
	viewer `embed:""`
	Repo   string `arg:"" optional:"" placeholder:"ORG/NAME" help:"Only the shares of this repository."`
	WithMe bool   `env:"-" help:"What other domains share with yours."`
}

// Help is the text below the flags.
func (shareLs) Help() string {
	return `Seeing with whom a repository is shared takes level 7 (manage) on it; without a repository others are left out.

Examples:

  easel share ls
  easel share ls vision-team/torch
  easel share ls --with-me`
}

// Run lists shares.
func (c *shareLs) Run(ctx context.Context, s *streams) error {
	if c.WithMe {
		if c.Repo != "" {
			return errors.New("give a repository or --with-me, not both")
		}
		return show(ctx, s, &c.viewer, (*session).sharedWithMe, func(w io.Writer, found []sharedRepo) {
			row(w, "REPOSITORY", "OF", "PULL WITH", "STATE")
			for _, r := range found {
				row(w, r.Org+"/"+r.Name, r.Domain, dash(r.Path), shareState(r.Valid))
			}
		})
	}
	return show(ctx, s, &c.viewer, c.byMe, func(w io.Writer, found []share) {
		row(w, "REPOSITORY", "DOMAIN", "UNTIL", "STATE", "BY", "DESCRIPTION")
		for _, x := range found {
			row(w, x.Org+"/"+x.Repo, x.Domain, clip(x.Deadline), shareState(x.Valid), x.Creator, x.Description)
		}
	})
}

func shareState(valid bool) string {
	if valid {
		return "valid"
	}
	return "expired"
}

// byMe returns the shares of one repository, or of all that the caller manages.
func (c *shareLs) byMe(s *session, ctx context.Context) ([]share, error) {
	if c.Repo != "" {
		repo, err := easel.ParseRepo(c.Repo)
		if err != nil {
			return nil, err
		}
		return s.shares(ctx, repo)
	}
	repos, err := pages[sharedRepo](ctx, s, "/v2/manage/shared-repositories", url.Values{"center": {"self"}, "order_column": {"name"}, "order_type": {"asc"}})
	if err != nil {
		return nil, err
	}
	all := []share{}
	for _, r := range repos {
		found, err := s.shares(ctx, easel.Repo(r.Org+"/"+r.Name))
		if client.IsStatus(err, http.StatusForbidden) || client.IsStatus(err, http.StatusNotFound) {
			continue // of somebody else, or gone meanwhile
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

// sharedRepo is a repository that is shared, as SWR lists it (swr.md 9.1).
type sharedRepo struct {
	Org    string `json:"namespace"`
	Name   string `json:"name"`
	Domain string `json:"domain_name"`
	Path   string `json:"path"`
	Valid  bool   `json:"status"`
}

func (s *session) sharedWithMe(ctx context.Context) ([]sharedRepo, error) {
	return pages[sharedRepo](ctx, s, "/v2/manage/shared-repositories", url.Values{"center": {"thirdparty"}, "order_column": {"name"}, "order_type": {"asc"}})
}

// deadline is a time as people write it, in the zone of this machine.
type deadline time.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *deadline) UnmarshalText(text []byte) error {
	at, err := human.ParseDeadline(string(text), time.Local)
	*d = deadline(at)
	return err
}

// lifetime says when something ends.
type lifetime struct {
	Until   deadline   `env:"-" xor:"lifetime" placeholder:"DAY" help:"The last day, such as 2027-01-31, or a time such as 2027-01-31T18:00."`
	For     human.Span `env:"-" xor:"lifetime" placeholder:"TIME" help:"How long from now, such as 30d or 12h."`
	Forever bool       `env:"-" xor:"lifetime" help:"Until it is removed."`
}

// deadline returns when that is in SWR's form; "" when no flag says.
func (l lifetime) deadline(now time.Time) (string, error) {
	ends := time.Time(l.Until)
	switch {
	case l.Forever:
		return forever, nil
	case l.For != 0:
		ends = now.Add(time.Duration(l.For))
	case ends.IsZero():
		return "", nil
	}
	if !ends.After(now) {
		return "", fmt.Errorf("%s has passed; easel share rm ends a share now", ends.UTC().Format("2006-01-02 15:04 MST"))
	}
	return deadlineOnWire(ends), nil
}

// deadlineOnWire writes a deadline in SWR's form; the zero time is none.
func deadlineOnWire(at time.Time) string {
	if at.IsZero() {
		return forever
	}
	return at.UTC().Format("2006-01-02T15:04:05Z")
}

// until writes a deadline for people.
func until(deadline string) string {
	if deadline == forever {
		return "until it is removed"
	}
	return "until " + clip(deadline) + " UTC"
}

type shareAdd struct {
	account     `embed:""`
	Repo        string `arg:"" placeholder:"ORG/NAME" help:"A private repository."`
	Domain      string `arg:"" help:"Name of the other domain."`
	lifetime    `embed:""`
	Description string `env:"-" placeholder:"TEXT" help:"For people."`
}

// Help is the text below the flags.
func (shareAdd) Help() string {
	return `All users of the other domain may pull from the repository until the deadline, and do nothing else.

Examples:

  easel share add vision-team/torch partner --for 30d
  easel share add vision-team/torch partner --until 2027-01-31 --description "for the audit"`
}

// Run shares a repository.
func (c *shareAdd) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	ends, err := c.deadline(time.Now())
	if err != nil {
		return err
	}
	if ends == "" {
		return errors.New("say until when: --until DAY, --for TIME or --forever")
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]string{"access_domain": c.Domain, "permit": "read", "deadline": ends, "description": c.Description}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: repoPath(repo) + "/access-domains", In: in}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s may pull %s %s.\n", c.Domain, repo, until(ends))
	return nil
}

// oneShare names a share.
type oneShare struct {
	account `embed:""`
	Repo    string `arg:"" placeholder:"ORG/NAME" help:"The repository."`
	Domain  string `arg:"" help:"Name of the other domain."`
}

func sharePath(repo easel.Repo, domain string) string {
	return repoPath(repo) + "/access-domains/" + url.PathEscape(domain)
}

type shareUpdate struct {
	oneShare    `embed:""`
	lifetime    `embed:""`
	Description *string `env:"-" placeholder:"TEXT" help:"For people."`
}

// Help is the text below the flags.
func (shareUpdate) Help() string {
	return `Examples:

  easel share update vision-team/torch partner --for 90d
  easel share update vision-team/torch partner --forever --description "until the project ends"`
}

// Run changes a share. The deadline is mandatory on the wire: without a flag
// it is the one before.
func (c *shareUpdate) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	ends, err := c.deadline(time.Now())
	if err != nil {
		return err
	}
	if ends == "" && c.Description == nil {
		return errors.New("nothing to change: add --until, --for, --forever or --description")
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if ends == "" {
		found, err := get[share](ctx, ses, sharePath(repo, c.Domain), nil)
		if err != nil {
			return err
		}
		if ends = found.Deadline; ends == "" {
			return fmt.Errorf("%s is not shared with %s; easel share add %s %s shares it", repo, c.Domain, repo, c.Domain)
		}
	}
	in := map[string]string{"permit": "read", "deadline": ends}
	if c.Description != nil {
		in["description"] = *c.Description
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPatch, Path: sharePath(repo, c.Domain), In: in}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s may pull %s %s.\n", c.Domain, repo, until(ends))
	return nil
}

type shareRm struct {
	account `embed:""`
	Repo    string   `arg:"" placeholder:"ORG/NAME" help:"The repository."`
	Domains []string `arg:"" name:"domain" help:"Names of the other domains."`
}

// Run ends shares.
func (c *shareRm) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	for _, domain := range c.Domains {
		if _, err := ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: sharePath(repo, domain)}); err != nil {
			return fmt.Errorf("%s: %w", domain, err)
		}
	}
	fmt.Fprintf(s.out, "%s is no longer shared with %s.\n", repo, strings.Join(c.Domains, ", "))
	return nil
}
