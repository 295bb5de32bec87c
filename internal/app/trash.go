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
	"easel/internal/catalog"
	"easel/internal/client"
	"easel/internal/human"
)

type trashCommands struct {
	Ls      trashLs      `cmd:"" help:"List what was deleted and can be restored."`
	Restore trashRestore `cmd:"" help:"Undo a deletion."`
	Rm      trashRm      `cmd:"" help:"Free what deletions left to trash, now."`
}

// trashed is what a deletion took out of one repository.
type trashed struct {
	ID         string              `json:"id"`
	Repository string              `json:"repository"`
	Actor      string              `json:"actor"`
	ActorID    string              `json:"actor_id"`
	At         time.Time           `json:"at"`
	Until      time.Time           `json:"restore_until"`
	Bytes      int64               `json:"bytes_trash"`
	Tags       []string            `json:"tags"`
	Images     []easel.ReceiptItem `json:"images"`
	Manifests  int                 `json:"manifests"`
}

const trashPath = "/easel/v1/trash"

// trash lists all trash, of one organisation or, with "", of all.
func (s *session) trash(ctx context.Context, org string) ([]trashed, error) {
	all := []trashed{}
	query := url.Values{}
	set(query, "organisation", org)
	for {
		var page struct {
			Trash []trashed `json:"trash"`
			Next  string    `json:"next"`
		}
		if _, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: trashPath, Query: query, Out: &page}); err != nil {
			return nil, err
		}
		all = append(all, page.Trash...)
		if page.Next == "" {
			return all, nil
		}
		query.Set("before", page.Next)
	}
}

type trashLs struct {
	viewer `embed:""`
	Org    string `env:"-" placeholder:"NAME" help:"Only of this organisation."`
}

// Run lists trash.
func (c *trashLs) Run(ctx context.Context, s *streams) error {
	load := func(s *session, ctx context.Context) ([]trashed, error) { return s.trash(ctx, c.Org) }
	return show(ctx, s, &c.viewer, load, func(w io.Writer, found []trashed) {
		row(w, "ID", "REPOSITORY", "TAGS", "IMAGES", "SIZE", "DELETED BY", "RESTORE UNTIL")
		for _, x := range found {
			tags := strings.Join(x.Tags[:min(len(x.Tags), maxNamed)], ",")
			if len(x.Tags) > maxNamed {
				tags += ",…"
			}
			row(w, x.ID, x.Repository, dash(tags), len(x.Images), size(x.Bytes), x.Actor, when(x.Until.UnixMilli()))
		}
	})
}

type trashRestore struct {
	viewer `embed:""`
	ID     string `arg:"" help:"Id of the deletion: that of its receipt."`
	Tag    string `env:"-" placeholder:"NAME" help:"Another name for the tag, if it is one."`
}

// Help is the text below the flags.
func (trashRestore) Help() string {
	return `Everything comes back as it was, image records with their ids. A tag whose name is in use again comes back as
TAG-restored-1; an image whose workspace was deleted comes into the default one.

Examples:

  easel trash ls
  easel trash restore 01a209a1-7c3e-7000-8000-0123456789ab`
}

// Run restores and says what came back.
func (c *trashRestore) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if err := ses.needProject(ctx); err != nil {
		return err
	}
	var back catalog.Restored
	in := map[string]string{}
	if c.Tag != "" {
		in["tag"] = c.Tag
	}
	_, err = ses.Do(ctx, client.Call{Method: http.MethodPost, Path: trashPath + "/" + url.PathEscape(c.ID) + "/restore", In: in, Out: &back})
	if err != nil {
		return err
	}
	return ses.print(back, func(w io.Writer) {
		for _, t := range back.Tags {
			if t.Is != t.Was {
				fmt.Fprintf(w, "%s is back as %s.\n", t.Was, t.Is)
				continue
			}
			fmt.Fprintf(w, "%s is back.\n", t.Is)
		}
		if n := len(back.Moved); n > 0 {
			fmt.Fprintf(w, "%s in the default workspace now, because their own was deleted.\n", plural(n, "image record"))
		}
		fmt.Fprintf(w, "Restored %s, %s, %s.\n", plural(len(back.Tags), "tag"), plural(len(back.Images), "image record"), size(back.Bytes))
	})
}

type trashRm struct {
	viewer `embed:""`
	IDs    []string `arg:"" optional:"" name:"id" help:"Ids of deletions."`
	Org    string   `env:"-" placeholder:"NAME" help:"Instead of ids: all trash of this organisation."`
	Yes    bool     `env:"-" short:"y" help:"Do not ask."`
}

// Run purges and says what came back.
func (c *trashRm) Run(ctx context.Context, s *streams) error {
	switch {
	case (len(c.IDs) == 0) == (c.Org == ""):
		return errors.New("give ids of deletions, or --org")
	case !c.Yes:
		return errors.New("add --yes to free it for good")
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	ids := c.IDs
	if c.Org != "" {
		found, err := ses.trash(ctx, c.Org)
		if err != nil {
			return err
		}
		for _, x := range found {
			if len(ids) == 0 || ids[len(ids)-1] != x.ID { // one deletion's rows follow each other
				ids = append(ids, x.ID)
			}
		}
	}
	receipts := []easel.Receipt{}
	var errs []error
	for _, id := range ids {
		var r easel.Receipt
		if _, err := ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: trashPath + "/" + url.PathEscape(id), Out: &r}); err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", id, err))
			continue
		}
		receipts = append(receipts, r)
	}
	err = ses.print(receipts, func(w io.Writer) {
		var freed, kept int64
		for _, r := range receipts {
			freed, kept = freed+r.Freed+r.Pending, kept+r.Shared
		}
		fmt.Fprintf(w, "Purged %s. Freed %s", plural(len(receipts), "deletion"), size(freed))
		if kept > 0 {
			fmt.Fprintf(w, "; %s stay because other content needs them", size(kept))
		}
		fmt.Fprintln(w, ".")
	})
	return errors.Join(append(errs, err)...)
}

// undoWindow is how long deletions in an organisation can be undone, as the server sends it.
type undoWindow struct {
	Window int64 `json:"window_seconds"`
	Budget int64 `json:"budget_bytes"`
	Held   int64 `json:"bytes_trash"`
}

type orgUndo struct {
	viewer `embed:""`
	Name   string     `arg:"" help:"Name of the organisation."`
	Window human.Span `env:"-" placeholder:"TIME" help:"How long deletions can be undone, such as 12h or 7d; at most 90d."`
	Budget Bytes      `env:"-" placeholder:"SIZE" help:"How many bytes trash may hold; then the oldest goes. Without: any number."`
	Off    bool       `env:"-" help:"What is deleted from now on is gone at once."`
}

// Help is the text below the flags.
func (orgUndo) Help() string {
	return `With a window, what is deleted in the organisation goes to trash: nobody can pull it any more, and easel trash
restore brings it back. Its bytes come back when the window has passed, when the budget is spent, or with easel trash rm;
--now of image rm and repo rm skips the trash. Without --window and --off: show what is set.

Examples:

  easel org undo vision-team --window 7d --budget 500GiB
  easel org undo vision-team --off`
}

// Run shows or sets the undo window.
func (c *orgUndo) Run(ctx context.Context, s *streams) error {
	switch {
	case c.Off && c.Window != 0, c.Off && c.Budget != 0:
		return errors.New("give --off alone")
	case c.Budget != 0 && c.Window == 0:
		return errors.New("--budget goes with --window")
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var u undoWindow
	call := client.Call{Method: http.MethodGet, Path: "/easel/v1/organisations/" + url.PathEscape(c.Name) + "/undo", Out: &u}
	if c.Off || c.Window != 0 {
		call.Method, call.In = http.MethodPut, map[string]int64{"window_seconds": int64(time.Duration(c.Window) / time.Second), "budget_bytes": int64(c.Budget)}
	}
	if _, err := ses.Do(ctx, call); err != nil {
		return err
	}
	return ses.print(u, func(w io.Writer) {
		switch {
		case u.Window == 0:
			fmt.Fprintf(w, "Deletions in %s cannot be undone.", c.Name)
		case u.Budget == 0:
			fmt.Fprintf(w, "Deletions in %s can be undone for %s.", c.Name, days(time.Duration(u.Window)*time.Second))
		default:
			fmt.Fprintf(w, "Deletions in %s can be undone for %s, while trash holds at most %s.", c.Name, days(time.Duration(u.Window)*time.Second), size(u.Budget))
		}
		fmt.Fprintf(w, " Trash holds %s.\n", size(u.Held))
	})
}

// days writes whole days as such, and else hours, minutes and seconds.
func days(d time.Duration) string {
	if d%(24*time.Hour) == 0 {
		return plural(int(d/(24*time.Hour)), "day")
	}
	return d.String()
}
