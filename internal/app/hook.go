package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"easel/internal/client"
)

const hooksPath = "/easel/v1/hooks"

type hookCommands struct {
	Ls         hookLs         `cmd:"" help:"List hooks."`
	Create     hookCreate     `cmd:"" help:"Make a hook: an address that is told what happens."`
	Show       hookShow       `cmd:"" help:"Show one hook."`
	Pause      hookPause      `cmd:"" help:"Send nothing to a hook any more, and queue nothing for it."`
	Resume     hookResume     `cmd:"" help:"Send to it again."`
	Test       hookTest       `cmd:"" help:"Send a test event to a hook."`
	Deliveries hookDeliveries `cmd:"" help:"List what was, and is to be, delivered to a hook."`
	Retry      hookRetry      `cmd:"" help:"Deliver once more what was given up."`
	Rm         hookRm         `cmd:"" help:"Delete a hook."`
}

// hookInfo is a hook as the server sends it.
type hookInfo struct {
	ID      string   `json:"id"`
	Org     string   `json:"organisation"`
	URL     string   `json:"url"`
	Events  []string `json:"events"`
	Active  bool     `json:"active"`
	Creator string   `json:"creator"`
	Created string   `json:"created_at"`
	Waiting int64    `json:"waiting"`
	GivenUp int64    `json:"given_up"`
	Dropped int64    `json:"dropped"`
	Secret  string   `json:"secret,omitempty"`
}

func writeHooks(w io.Writer, hooks []hookInfo) {
	row(w, "ID", "ORGANISATION", "ACTIVE", "EVENTS", "WAITING", "GIVEN UP", "DROPPED", "URL")
	for _, h := range hooks {
		org, active := h.Org, "yes"
		if org == "" {
			org = "(all)"
		}
		if !h.Active {
			active = "no"
		}
		row(w, h.ID, org, active, strings.Join(h.Events, ","), h.Waiting, h.GivenUp, h.Dropped, h.URL)
	}
}

type hookLs struct {
	viewer `embed:""`
	Org    string `env:"-" placeholder:"ORG" help:"Only those of this organisation."`
}

// Run lists hooks.
func (c *hookLs) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	query := url.Values{}
	set(query, "organisation", c.Org)
	var found struct {
		Hooks []hookInfo `json:"hooks"`
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: hooksPath, Query: query, Out: &found}); err != nil {
		return err
	}
	return ses.print(found.Hooks, func(w io.Writer) { writeHooks(w, found.Hooks) })
}

type hookCreate struct {
	viewer `embed:""`
	URL    string   `arg:"" help:"Address, https://HOST/PATH."`
	Org    string   `env:"-" placeholder:"ORG" help:"Tell only what happens in this organisation."`
	Event  []string `env:"-" placeholder:"TYPE" help:"Tell only events of these types: push, register, delete, restore, reclaim."`
}

// Help is the text below the flags.
func (hookCreate) Help() string {
	return `The secret is shown once. Deliveries are signed with it as Standard Webhooks are: the receiver must verify that.

Examples:

  easel hook create https://ci.example.org/easel --org vision-team --event push
  easel hook test ID`
}

// Run makes a hook.
func (c *hookCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var h hookInfo
	in := map[string]any{"url": c.URL, "organisation": c.Org, "events": append([]string{}, c.Event...)}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: hooksPath, In: in, Out: &h}); err != nil {
		return err
	}
	return ses.print(h, func(w io.Writer) {
		fmt.Fprintf(w, "Created the hook %s.\n", h.ID)
		fmt.Fprintf(w, "Its secret, which is not shown again: %s\n", h.Secret)
	})
}

// hookID is what commands on one hook take.
type hookID struct {
	viewer `embed:""`
	ID     string `arg:"" help:"Id from easel hook ls."`
}

// call makes one call on the hook.
func (c *hookID) call(ctx context.Context, s *streams, method, below string, in, out any) (*session, error) {
	ses, err := c.open(s)
	if err != nil {
		return nil, err
	}
	defer ses.Close()
	_, err = ses.Do(ctx, client.Call{Method: method, Path: hooksPath + "/" + url.PathEscape(c.ID) + below, In: in, Out: out})
	return ses, err
}

type hookShow struct {
	hookID `embed:""`
}

// Run shows a hook.
func (c *hookShow) Run(ctx context.Context, s *streams) error {
	var h hookInfo
	ses, err := c.call(ctx, s, http.MethodGet, "", nil, &h)
	if err != nil {
		return err
	}
	return ses.print(h, func(w io.Writer) { writeHooks(w, []hookInfo{h}) })
}

type hookPause struct {
	hookID `embed:""`
}

// Run makes a hook inactive.
func (c *hookPause) Run(ctx context.Context, s *streams) error {
	return c.activate(ctx, s, false, "Nothing is sent to %s any more.\n")
}

type hookResume struct {
	hookID `embed:""`
}

// Run makes a hook active.
func (c *hookResume) Run(ctx context.Context, s *streams) error {
	return c.activate(ctx, s, true, "%s is sent to again.\n")
}

func (c *hookID) activate(ctx context.Context, s *streams, active bool, text string) error {
	var h hookInfo
	ses, err := c.call(ctx, s, http.MethodPatch, "", map[string]bool{"active": active}, &h)
	if err != nil {
		return err
	}
	return ses.print(h, func(w io.Writer) { fmt.Fprintf(w, text, h.URL) })
}

type hookTest struct {
	hookID `embed:""`
}

// Run queues a test event.
func (c *hookTest) Run(ctx context.Context, s *streams) error {
	var out struct {
		Event string `json:"event"`
	}
	ses, err := c.call(ctx, s, http.MethodPost, "/test", nil, &out)
	if err != nil {
		return err
	}
	return ses.print(out, func(w io.Writer) {
		fmt.Fprintf(w, "The event %s is sent in a moment: easel hook deliveries %s shows what came of it.\n", out.Event, c.ID)
	})
}

type hookRetry struct {
	hookID `embed:""`
}

// Run queues once more what was given up.
func (c *hookRetry) Run(ctx context.Context, s *streams) error {
	var out struct {
		Deliveries int `json:"deliveries"`
	}
	ses, err := c.call(ctx, s, http.MethodPost, "/retry", nil, &out)
	if err != nil {
		return err
	}
	return ses.print(out, func(w io.Writer) { fmt.Fprintf(w, "%s will be sent once more.\n", plural(out.Deliveries, "event")) })
}

type hookRm struct {
	hookID `embed:""`
}

// Run deletes a hook.
func (c *hookRm) Run(ctx context.Context, s *streams) error {
	if _, err := c.call(ctx, s, http.MethodDelete, "", nil, nil); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Deleted the hook %s.\n", c.ID)
	return nil
}

type hookDeliveries struct {
	hookID `embed:""`
	State  string `env:"-" enum:",waiting,delivered,given_up" default:"" help:"Only those that are waiting, delivered or given_up."`
	Limit  int    `env:"-" default:"50" help:"At most this many, newest first, up to 500 (${default})."`
}

// hookDelivery is a delivery as the server sends it.
type hookDelivery struct {
	ID      int64   `json:"id"`
	Event   string  `json:"event"`
	Type    string  `json:"type"`
	State   string  `json:"state"`
	Tries   int     `json:"tries"`
	Status  int     `json:"status"`
	Problem string  `json:"problem"`
	Created string  `json:"created_at"`
	Updated string  `json:"updated_at"`
	Due     *string `json:"next_try_at"`
}

// Run lists deliveries.
func (c *hookDeliveries) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	query := url.Values{"limit": {strconv.Itoa(c.Limit)}}
	set(query, "state", c.State)
	var page struct {
		Deliveries []hookDelivery `json:"deliveries"`
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: hooksPath + "/" + url.PathEscape(c.ID) + "/deliveries", Query: query, Out: &page}); err != nil {
		return err
	}
	return ses.print(page.Deliveries, func(w io.Writer) {
		row(w, "TIME (UTC)", "TYPE", "STATE", "TRIES", "ANSWER", "NEXT TRY", "EVENT")
		for _, d := range page.Deliveries {
			answer, next := d.Problem, "-"
			if d.Status > 0 {
				answer = strconv.Itoa(d.Status)
			}
			if answer == "" {
				answer = "-"
			}
			if d.Due != nil {
				next = clip(*d.Due)
			}
			row(w, clip(d.Created), d.Type, strings.ReplaceAll(d.State, "_", " "), d.Tries, answer, next, d.Event)
		}
	})
}
