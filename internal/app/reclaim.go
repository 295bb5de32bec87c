package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"easel/internal/client"
	"easel/internal/registry"
)

type reclaimCommand struct {
	offline      `embed:""`
	Unregistered bool   `env:"-" help:"Delete tags whose last image record was deleted without --force. Tags that were only pushed stay."`
	Untagged     bool   `env:"-" help:"Delete manifests that no tag names."`
	Org          string `env:"-" placeholder:"NAME" help:"With these: only in this organisation."`
	Now          bool   `env:"-" help:"With these: gone now, whatever the undo windows of organisations."`
	DryRun       bool   `env:"-" help:"With these: list what would go, and change nothing."`
}

// Help is the text below the flags.
func (reclaimCommand) Help() string {
	return `Without --unregistered and --untagged it unlinks what waits for that. The server does this by itself every few seconds; this does it now
and says how much it was.

With them it deletes what was left behind where you may delete. What is protected or immutable stays, and what a push holds.

Examples:

  easel reclaim
  easel reclaim --data-dir /var/lib/easel
  easel reclaim --dry-run --unregistered --untagged
  easel reclaim --untagged --org vision-team`
}

// reclaimed is the answer to both.
type reclaimed struct {
	registry.Reclaimed
	LeftBehind []registry.LeftBehind `json:"left_behind,omitzero"`
}

// Run deletes what was left behind, or unlinks what waits.
func (c *reclaimCommand) Run(ctx context.Context, s *streams) error {
	left := c.Unregistered || c.Untagged
	switch {
	case !left && (c.DryRun || c.Now || c.Org != ""):
		return errors.New("say what is meant: --unregistered, --untagged or both")
	case left && c.DataDir != "":
		return errors.New("--unregistered and --untagged work on a running server: leave --data-dir out")
	case c.DryRun:
		return c.list(ctx, s)
	}
	done, err := c.reclaim(ctx, s)
	if err != nil {
		return err
	}
	p := printer{w: s.out, format: c.Output}
	if left {
		return p.print(done.LeftBehind, func(w io.Writer) { writeLeft(w, done.LeftBehind, "Freed") })
	}
	return p.print(done.Reclaimed, func(w io.Writer) {
		fmt.Fprintf(w, "Freed %s: %s unlinked, %s expired.\n", size(done.Bytes), plural(done.Objects, "object"), plural(done.Uploads, "upload"))
		if done.Waiting > 0 {
			fmt.Fprintf(w, "%s could not be unlinked now; the server's log says why. It is tried again.\n", plural(done.Waiting, "object"))
		}
	})
}

func (c *reclaimCommand) reclaim(ctx context.Context, s *streams) (done reclaimed, err error) {
	if c.DataDir != "" {
		ctx, service, st, err := c.registry(ctx, s)
		if err != nil {
			return done, err
		}
		done.Reclaimed, err = service.Reclaim(ctx)
		return done, errors.Join(err, st.close())
	}
	ses, err := c.open(s)
	if err != nil {
		return done, err
	}
	defer ses.Close()
	ses.deleteNow(c.Now)
	var in any
	if c.Unregistered || c.Untagged {
		in = map[string]any{"unregistered": c.Unregistered, "untagged": c.Untagged, "organisation": c.Org}
	}
	_, err = ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/reclaim", In: in, Out: &done})
	return done, err
}

// list shows what was left behind.
func (c *reclaimCommand) list(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	ses.deleteNow(c.Now)
	query := url.Values{"unregistered": {strconv.FormatBool(c.Unregistered)}, "untagged": {strconv.FormatBool(c.Untagged)}}
	set(query, "organisation", c.Org)
	var found struct {
		Orgs []registry.LeftBehind `json:"organisations"`
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/left-behind", Query: query, Out: &found}); err != nil {
		return err
	}
	return ses.print(found.Orgs, func(w io.Writer) {
		row(w, "LEFT BEHIND", "ONLY HERE", "SINCE")
		for _, o := range found.Orgs {
			for _, l := range o.Items {
				name := string(l.Repo) + "@" + string(l.Digest)
				if l.Tag != "" {
					name = string(l.Repo) + ":" + string(l.Tag)
				}
				row(w, name, size(l.Bytes), time.UnixMilli(l.Since).UTC().Format("2006-01-02 15:04"))
			}
		}
		writeLeft(w, found.Orgs, "Comes back")
	})
}

// writeLeft writes a line for each organisation.
func writeLeft(w io.Writer, orgs []registry.LeftBehind, verb string) {
	for _, o := range orgs {
		fmt.Fprintf(w, "%s: %s and %s. %s: %s", o.Org, plural(o.Tags, "tag"), plural(o.Manifests, "manifest"), verb, size(o.Bytes))
		if o.Shared > 0 {
			fmt.Fprintf(w, "; %s stay because other content needs them", size(o.Shared))
		}
		if o.Pinned > 0 {
			fmt.Fprintf(w, "; %s stay until a push is over", size(o.Pinned))
		}
		fmt.Fprintln(w, ".")
		if o.Trash > 0 {
			fmt.Fprintf(w, "%s: %s in trash.\n", o.Org, size(o.Trash))
		}
		if o.Receipt != "" && o.Trash > 0 {
			fmt.Fprintf(w, "To undo it: easel trash restore %s\n", o.Receipt)
		}
		if o.More {
			fmt.Fprintln(w, "There is more: run it again.")
		}
	}
	if len(orgs) == 0 {
		fmt.Fprintln(w, "Nothing was left behind where you may delete.")
	}
}
