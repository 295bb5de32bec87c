package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"

	"easel"
	"easel/internal/client"
)

// rule is a pattern of tags that keep what they name.
type rule struct {
	Pattern    string    `json:"pattern"`
	Repository string    `json:"repository,omitempty"`
	SetBy      string    `json:"set_by"`
	SetByID    string    `json:"set_by_id"`
	SetAt      time.Time `json:"set_at"`
}

// patterns are what repo immutable and org immutable set.
type patterns struct {
	Patterns []string `arg:"" optional:"" name:"pattern" help:"Tags, with * for any characters and ? for one: these instead of those before."`
	Clear    bool     `env:"-" help:"No patterns any more."`
}

// Help is the text below the flags.
func (patterns) Help() string {
	return `A tag that matches cannot be deleted, nor pushed again with other content, by anybody on any route. An organisation's
patterns hold in all its repositories, beside their own. Without patterns: show them.

Examples:

  easel repo immutable vision-team/torch 'v*' '????-??-??'
  easel org immutable vision-team 'release-*'
  easel repo immutable vision-team/torch --clear`
}

// keep shows the patterns at path, or sets them.
func (p *patterns) keep(ctx context.Context, v *viewer, s *streams, path string) error {
	if p.Clear && len(p.Patterns) > 0 {
		return errors.New("give patterns or --clear, not both")
	}
	ses, err := v.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var found struct {
		Patterns []rule `json:"patterns"`
	}
	call := client.Call{Method: http.MethodGet, Path: "/easel/v1/" + path + "/immutable-tags", Out: &found}
	if p.Clear || len(p.Patterns) > 0 {
		call.Method, call.In = http.MethodPut, map[string]any{"patterns": append([]string{}, p.Patterns...)}
	}
	if _, err := ses.Do(ctx, call); err != nil {
		return err
	}
	return ses.print(found.Patterns, func(w io.Writer) {
		row(w, "PATTERN", "OF", "SET BY", "SINCE")
		for _, r := range found.Patterns {
			of := r.Repository
			if of == "" {
				of = "the organisation"
			}
			row(w, r.Pattern, of, r.SetBy, when(r.SetAt.UnixMilli()))
		}
	})
}

type repoImmutable struct {
	viewer   `embed:""`
	Repo     string `arg:"" placeholder:"ORG/NAME" help:"Repository."`
	patterns `embed:""`
}

// Run shows or sets the patterns of a repository.
func (c *repoImmutable) Run(ctx context.Context, s *streams) error {
	repo, err := easel.ParseRepo(c.Repo)
	if err != nil {
		return err
	}
	return c.keep(ctx, &c.viewer, s, immutablePath(repo))
}

type orgImmutable struct {
	viewer   `embed:""`
	Name     string `arg:"" help:"Name of the organisation."`
	patterns `embed:""`
}

// Run shows or sets the patterns of an organisation.
func (c *orgImmutable) Run(ctx context.Context, s *streams) error {
	return c.keep(ctx, &c.viewer, s, "organisations/"+url.PathEscape(c.Name))
}
