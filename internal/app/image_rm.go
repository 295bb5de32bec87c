package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"easel"
	"easel/internal/client"
)

type imageRm struct {
	viewer `embed:""`
	choice `embed:""`
	Force  bool `env:"-" short:"f" help:"With their content in the registry, as far as nothing else needs it."`
	DryRun bool `env:"-" short:"n" help:"Only tell what would happen."`
	Now    bool `env:"-" help:"Gone now, whatever the organisation's undo window."`
	Yes    bool `env:"-" short:"y" help:"Do not ask."`
}

// choice are the images that a command is about.
type choice struct {
	Images []string          `arg:"" optional:"" name:"image" help:"Ids or paths."`
	Filter map[string]string `env:"-" placeholder:"FIELD=VALUE" help:"Images of the project that have all of these: name, name-exact, tag, namespace, type, service-type, visibility, status, workspace (name or id; else the default one), older-than (like 30d)."`
}

// Help is the text below the flags.
func (imageRm) Help() string {
	return `Without --force only the catalogue record goes; what docker pulls stays. With --force the tag goes too, and with
it every layer that nothing else needs: the space is back when the command returns. What you confirm is what
happens: when something changes between the plan and your answer, nothing goes.

Up to 20 images go all together or not at all. More of them, and those of a filter with --yes, go one after the other, as a
job of the server, which goes on when this command is interrupted: easel job ls.

Examples:

  easel image rm vision-team/torch:2.3 --force --dry-run
  easel image rm vision-team/torch:2.3 vision-team/torch:2.2 --force
  easel image rm --filter namespace=vision-team --filter older-than=90d --force
  easel image ls old -o json | jq -r '.[].id' | xargs easel image rm --force --yes`
}

// together is the most images that go in one transaction, during which others wait.
const together = 20

// Run shows what goes, asks, deletes, and says what came back.
func (c *imageRm) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	ses.deleteNow(c.Now)
	what, err := c.what(ctx, ses, c.Force)
	if err != nil {
		return err
	}
	if c.DryRun {
		return ses.showPlan(ctx, what, c.Force)
	}
	plan := ""
	if !c.Yes {
		confirmed, err := c.confirm(ctx, s, ses, what)
		if err != nil {
			return err
		}
		plan, what = confirmed.ID, deletionOf(planned(confirmed), c.Force)
	}
	if images, _ := what["images"].([]string); len(images) == 0 || len(images) > together {
		return ses.deleteByJob(ctx, s, what)
	}
	receipt, err := ses.deleteImages(ctx, what, plan)
	if err != nil {
		return err
	}
	return ses.print([]easel.Receipt{receipt}, func(w io.Writer) { writeReceipt(w, receipt, c.Force) })
}

// Validate is called when the command line was parsed.
func (c *choice) Validate() error {
	switch {
	case len(c.Images) > 0 && len(c.Filter) > 0:
		return errors.New("name images or give a filter, not both")
	case len(c.Images) == 0 && len(c.Filter) == 0:
		return errors.New("name images, or say which with --filter")
	}
	return nil
}

// what returns what a plan, a deletion or a job of the images is asked with.
func (c *choice) what(ctx context.Context, ses *session, force bool) (map[string]any, error) {
	if len(c.Images) > 0 {
		images, err := ses.find(ctx, c.Images)
		return deletionOf(ids(images), force), err
	}
	filter := map[string]any{}
	for field, value := range c.Filter {
		field = strings.ReplaceAll(field, "-", "_")
		if field == "workspace" {
			id, err := ses.workspaceID(ctx, value)
			if err != nil {
				return nil, err
			}
			field, value = "workspace_id", id
		}
		if filter[field] = value; field == "name_exact" {
			filter[field] = value == "true"
		}
	}
	return map[string]any{"filter": filter, "force": force}, nil
}

// planned returns the ids of the images that a plan is about.
func planned(p easel.Plan) []string {
	all := make([]string, len(p.Images))
	for n, i := range p.Images {
		all[n] = i.ID
	}
	return all
}

// confirm shows the plan, asks for a yes, and returns the plan.
func (c *imageRm) confirm(ctx context.Context, s *streams, ses *session, what map[string]any) (plan easel.Plan, err error) {
	f, isFile := s.in.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return plan, errors.New("nobody is there to ask: add --yes to delete, or --dry-run to see what would go")
	}
	if plan, err = ses.plan(ctx, what); err != nil {
		return plan, err
	}
	writePlan(s.err, plan, c.Force)
	if len(plan.Blockers) > 0 && len(plan.Images) <= together {
		return plan, errors.New("nothing was deleted: all of them go, or none")
	}
	answer := ""
	fmt.Fprintf(s.err, "Delete %s? [y/N] ", plural(len(plan.Images), "image"))
	if _, err := fmt.Fscanln(s.in, &answer); err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return plan, errors.New("nothing was deleted")
	}
	return plan, nil
}

// deletionOf is what a plan, a deletion or a job of images is asked with.
func deletionOf(images []string, force bool) map[string]any {
	return map[string]any{"images": images, "force": force}
}

// plan asks the server what a deletion would do.
func (s *session) plan(ctx context.Context, what map[string]any) (easel.Plan, error) {
	var plan easel.Plan
	if err := s.needProject(ctx); err != nil {
		return plan, err
	}
	_, err := s.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/plans",
		In: what, Out: &plan})
	return plan, err
}

func (s *session) showPlan(ctx context.Context, what map[string]any, force bool) error {
	plan, err := s.plan(ctx, what)
	if err != nil {
		return err
	}
	return s.print(plan, func(w io.Writer) { writePlan(w, plan, force) })
}

// writePlan writes for people what goes, what comes back and what stays.
func writePlan(w io.Writer, p easel.Plan, force bool) {
	for _, i := range p.Images {
		fmt.Fprintf(w, "  %s  %s\n", i.ID, i.Path)
	}
	defer writeBlockers(w, p)
	if !force {
		fmt.Fprintf(w, "Goes: %s. The registry content stays; --force takes it along.\n", plural(len(p.Images), "catalogue record"))
		return
	}
	fmt.Fprintf(w, "Goes: %s, %s, %s, %s.\n", plural(len(p.Images), "catalogue record"), plural(len(p.Tags), "tag"),
		plural(len(p.Manifests), "manifest"), plural(len(p.Blobs), "blob"))
	fmt.Fprintf(w, "Comes back: %s.\n", size(p.Freed+p.Pending))
	writeKept(w, p.Receipt)
}

// writeBlockers writes what a deletion would be refused for.
func writeBlockers(w io.Writer, p easel.Plan) {
	for _, b := range p.Blockers {
		fmt.Fprintf(w, "In the way: %s (%s).\n", b.Message, b.Kind)
	}
}

// writeKept writes what a deletion leaves, and why.
func writeKept(w io.Writer, p easel.Receipt) {
	if p.Shared > 0 {
		fmt.Fprintf(w, "Stays: %s that other content needs", size(p.Shared))
		if len(p.SharedWith) > 0 {
			fmt.Fprintf(w, " (%s)", strings.Join(p.SharedWith, ", "))
		}
		fmt.Fprintln(w, ".")
	}
	if p.Trash > 0 || p.RestoreUntil != nil {
		fmt.Fprintf(w, "In trash: %s", size(p.Trash))
		if p.RestoreUntil != nil {
			fmt.Fprintf(w, ", until %s", p.RestoreUntil.UTC().Format("2006-01-02 15:04 MST"))
		}
		fmt.Fprintln(w, ".")
	}
	if p.Pinned > 0 {
		fmt.Fprintf(w, "Stays for now: %s, because a push is under way", size(p.Pinned))
		if len(p.PinnedBy) > 0 {
			fmt.Fprintf(w, " (%s)", strings.Join(p.PinnedBy, ", "))
		}
		if p.PinnedUntil != nil {
			fmt.Fprintf(w, "; it goes by itself, at %s at the latest", p.PinnedUntil.UTC().Format("15:04:05 MST"))
		}
		fmt.Fprintln(w, ".")
	}
	switch p.Kept {
	case "public":
		fmt.Fprintln(w, "Stays: the content of public images; others may rely on it.")
	case "shared-tag":
		fmt.Fprintf(w, "Stays: tags that %s still name.\n", plural(p.KeptFor, "other record"))
	}
}

// deleteImages deletes images, all of them or none. What goes must be what the
// plan said, unless that is empty.
func (s *session) deleteImages(ctx context.Context, what map[string]any, plan string) (r easel.Receipt, err error) {
	header := http.Header{}
	if plan != "" {
		header.Set("If-Match", strconv.Quote(plan))
	}
	if err := s.needProject(ctx); err != nil {
		return r, err
	}
	_, err = s.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/deletions", In: what, Out: &r, Header: header})
	return r, err
}

func ids(images []image) []string {
	all := make([]string, len(images))
	for i, img := range images {
		all[i] = img.ID
	}
	return all
}

// writeReceipt tells people what a deletion did.
func writeReceipt(w io.Writer, r easel.Receipt, force bool) {
	if len(r.Images) == 0 {
		return
	}
	if !force {
		fmt.Fprintf(w, "Deleted %s from the catalogue. The registry content stays.\n", plural(len(r.Images), "image"))
		return
	}
	fmt.Fprintf(w, "Deleted %s. Freed %s", plural(len(r.Images), "image"), size(r.Freed))
	if r.Pending > 0 {
		fmt.Fprintf(w, "; %s more are being unlinked", size(r.Pending))
	}
	fmt.Fprintln(w, ".")
	writeKept(w, r)
	fmt.Fprintf(w, "Receipt %s\n", r.ID)
	if r.RestoreUntil != nil {
		fmt.Fprintf(w, "To undo it: easel trash restore %s\n", r.ID)
	}
}

type imagePlan struct {
	viewer `embed:""`
	choice `embed:""`
}

// Help is the text below the flags.
func (imagePlan) Help() string {
	return `The plan is the deletion itself, rolled back: it and rm --force cannot disagree.

Examples:

  easel image plan vision-team/torch:2.3
  easel image plan vision-team/torch:2.3 vision-team/torch:2.2 -o json
  easel image plan --filter namespace=vision-team --filter older-than=90d`
}

// Run prints the plan.
func (c *imagePlan) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	what, err := c.what(ctx, ses, true)
	if err != nil {
		return err
	}
	return ses.showPlan(ctx, what, true)
}
