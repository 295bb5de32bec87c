package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"easel"
	"easel/internal/client"
)

type imageRm struct {
	viewer `embed:""`
	Images []string `arg:"" name:"image" help:"Ids or paths."`
	Force  bool     `env:"-" short:"f" help:"With their content in the registry, as far as nothing else needs it."`
	DryRun bool     `env:"-" short:"n" help:"Only tell what would happen."`
	Yes    bool     `env:"-" short:"y" help:"Do not ask."`
}

// Help is the text below the flags.
func (imageRm) Help() string {
	return `Without --force only the catalogue record goes; what docker pulls stays. With --force the tag goes too, and with
it every layer that nothing else needs: the space is back when the command returns.

Examples:

  easel image rm vision-team/torch:2.3 --force --dry-run
  easel image rm vision-team/torch:2.3 vision-team/torch:2.2 --force
  easel image ls old -o json | jq -r '.[].id' | xargs easel image rm --force --yes`
}

// Run shows what goes, asks, deletes, and says what came back.
func (c *imageRm) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	images, err := ses.find(ctx, c.Images)
	if err != nil {
		return err
	}
	if c.DryRun {
		return ses.showPlan(ctx, images, c.Force)
	}
	plan := ""
	if !c.Yes {
		if plan, err = c.confirm(ctx, s, ses, images); err != nil {
			return err
		}
	}
	receipts, err := ses.deleteImages(ctx, s, images, c.Force, plan)
	printed := ses.print(receipts, func(w io.Writer) {
		var freed int64
		for _, r := range receipts {
			writeReceipt(w, r, c.Force)
			freed += r.Freed + r.Pending
		}
		if len(receipts) > 1 && c.Force {
			fmt.Fprintf(w, "Together: freed %s.\n", size(freed))
		}
	})
	return errors.Join(err, printed)
}

// confirm shows the plan, asks for a yes, and returns the plan's id.
func (c *imageRm) confirm(ctx context.Context, s *streams, ses *session, images []image) (string, error) {
	f, isFile := s.in.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return "", errors.New("nobody is there to ask: add --yes to delete, or --dry-run to see what would go")
	}
	plan, err := ses.plan(ctx, deletionOf(images, c.Force))
	if err != nil {
		return "", err
	}
	writePlan(s.err, plan, c.Force)
	if len(plan.Blockers) > 0 {
		return "", errors.New("nothing was deleted: all of them go, or none")
	}
	answer := ""
	fmt.Fprintf(s.err, "Delete %s? [y/N] ", plural(len(images), "image"))
	if _, err := fmt.Fscanln(s.in, &answer); err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return "", errors.New("nothing was deleted")
	}
	return plan.ID, nil
}

// deletionOf is what a plan or a deletion of images is asked with.
func deletionOf(images []image, force bool) map[string]any {
	return map[string]any{"images": ids(images), "force": force}
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

func (s *session) showPlan(ctx context.Context, images []image, force bool) error {
	plan, err := s.plan(ctx, deletionOf(images, force))
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

// batch is how many images go in one call: all of them or none. A call is one
// transaction, during which others wait.
const batch = 250

// deleteImages deletes in batches and returns the receipts. It stops at the
// first batch that is refused, of which nothing has gone. What goes in one batch
// must be what the plan said, unless that is empty.
func (s *session) deleteImages(ctx context.Context, std *streams, images []image, force bool, plan string) ([]easel.Receipt, error) {
	header := http.Header{}
	if plan != "" && len(images) <= batch {
		header.Set("If-Match", strconv.Quote(plan))
	}
	bar := progress(std, len(images))
	defer bar.wait()
	receipts := []easel.Receipt{}
	for part := range slices.Chunk(images, batch) {
		var r easel.Receipt
		_, err := s.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/deletions",
			In: deletionOf(part, force), Out: &r, Header: header})
		if err != nil {
			bar.abort()
			if left := len(images) - batch*len(receipts); left > 1 {
				err = fmt.Errorf("%w\nThe last %d images were not deleted", err, left)
			}
			return receipts, err
		}
		receipts = append(receipts, r)
		bar.step(len(part))
	}
	return receipts, nil
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
}

// steps shows progress on a terminal when there are many steps.
type steps struct {
	group *mpb.Progress
	bar   *mpb.Bar
}

func progress(s *streams, n int) *steps {
	f, isFile := s.err.(*os.File)
	if n <= batch || !isFile || !term.IsTerminal(int(f.Fd())) {
		return &steps{}
	}
	group := mpb.New(mpb.WithOutput(f), mpb.WithWidth(50))
	return &steps{group, group.AddBar(int64(n), mpb.PrependDecorators(decor.Name("deleting ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d/%d")), mpb.BarRemoveOnComplete())}
}

func (s *steps) step(n int) {
	if s.bar != nil {
		s.bar.IncrBy(n)
	}
}

func (s *steps) abort() {
	if s.bar != nil {
		s.bar.Abort(true)
	}
}

func (s *steps) wait() {
	if s.group != nil {
		s.group.Wait()
	}
}

type imagePlan struct {
	viewer `embed:""`
	Images []string `arg:"" name:"image" help:"Ids or paths."`
}

// Help is the text below the flags.
func (imagePlan) Help() string {
	return `The plan is the deletion itself, rolled back: it and rm --force cannot disagree.

Examples:

  easel image plan vision-team/torch:2.3
  easel image plan vision-team/torch:2.3 vision-team/torch:2.2 -o json`
}

// Run prints the plan.
func (c *imagePlan) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	images, err := ses.find(ctx, c.Images)
	if err != nil {
		return err
	}
	return ses.showPlan(ctx, images, true)
}
