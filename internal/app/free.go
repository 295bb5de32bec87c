package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"

	"golang.org/x/term"

	"easel"
	"easel/internal/client"
	"easel/internal/workbench"
)

type freeCommand struct {
	viewer `embed:""`
	Size   string `arg:"" help:"How much: 10GiB, 500MB, 1.5TiB or a number of bytes."`
	DryRun bool   `env:"-" help:"Show what would go, and change nothing."`
	Yes    bool   `env:"-" short:"y" help:"Do not ask."`
}

// Help is the text below the flags.
func (freeCommand) Help() string {
	return `Proposes the safest set that frees that much, of what you may delete: trash, then manifests without a tag and tags that were left
behind, then images of the project, those first that nobody pulled or started for longest. It never proposes what is protected,
immutable, in use, public or built in. What goes is what was shown, or nothing; it goes for good, also where other deletions can be
undone.

Examples:

  easel free 10GiB --dry-run
  easel free 500MB --yes`
}

// Run proposes a set, asks, and deletes it.
func (c *freeCommand) Run(ctx context.Context, s *streams) error {
	bytes, err := parseSize(c.Size)
	if err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if err := ses.needProject(ctx); err != nil {
		return err
	}
	var f workbench.Freeing
	_, err = ses.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/free", Query: url.Values{"bytes": {strconv.FormatInt(bytes, 10)}}, Out: &f})
	switch {
	case err != nil:
		return err
	case c.DryRun:
		return ses.print(f, func(w io.Writer) { writeFreeing(w, f) })
	case len(f.Items) == 0:
		return errors.New("there is nothing that you may delete to make room")
	case !f.Enough && c.Yes:
		return fmt.Errorf("at most %s can be freed; nothing was deleted: ask for that much or less", size(f.Freed))
	case !c.Yes:
		if err := c.confirm(s, f); err != nil {
			return err
		}
	}
	header := http.Header{"If-Match": {strconv.Quote(f.Plan)}}
	var r easel.Receipt
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/free", In: map[string]int64{"bytes": bytes}, Out: &r, Header: header}); err != nil {
		return err
	}
	return ses.print(r, func(w io.Writer) { writeFreed(w, r) })
}

// confirm shows the proposal and asks for a yes.
func (c *freeCommand) confirm(s *streams, f workbench.Freeing) error {
	file, isFile := s.in.(*os.File)
	if !isFile || !term.IsTerminal(int(file.Fd())) {
		return errors.New("nobody is there to ask: add --yes to delete, or --dry-run to see what would go")
	}
	t := printer{w: s.err, format: "table"}
	if err := t.print(f, func(w io.Writer) { writeFreeing(w, f) }); err != nil {
		return err
	}
	answer := ""
	fmt.Fprint(s.err, "Delete all of it? [y/N] ")
	if _, err := fmt.Fscanln(s.in, &answer); err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return errors.New("nothing was deleted")
	}
	return nil
}

// writeFreeing writes what goes, in order, and the sum.
func writeFreeing(w io.Writer, f workbench.Freeing) {
	row(w, "GOES", "ONLY HERE", "LAST USED", "AS")
	final := false
	for _, x := range f.Items {
		name := string(x.Repo) + "@" + string(x.Digest)
		switch {
		case x.Receipt != "":
			name = string(x.Repo) + " " + x.Receipt
		case x.Tag != "":
			name = string(x.Repo) + ":" + string(x.Tag)
		}
		as := x.Kind
		if x.ForGood {
			as, final = as+", for good", true
		}
		row(w, name, size(x.Bytes), when(x.LastUsed), as)
	}
	fmt.Fprintf(w, "Together: %s.\n", size(f.Freed))
	if final {
		fmt.Fprintln(w, "For good: deletions there can be undone, but not this one, which is to bring the bytes back.")
	}
	if !f.Enough {
		fmt.Fprintf(w, "That is the most that can be had; %s were wanted.\n", size(f.Wanted))
	}
}

// writeFreed writes what went and what came back.
func writeFreed(w io.Writer, r easel.Receipt) {
	fmt.Fprintf(w, "Freed %s", size(r.Freed))
	if r.Pending > 0 {
		fmt.Fprintf(w, "; %s more are being unlinked", size(r.Pending))
	}
	fmt.Fprintf(w, ": %s, %s, %s.\n", plural(len(r.Images), "image"), plural(len(r.Tags), "tag"), plural(len(r.Manifests), "manifest"))
	writeKept(w, r)
	fmt.Fprintf(w, "Receipt %s\n", r.ID)
}

// parseSize reads a size for people: powers of 1024 with KiB and so on, of
// 1000 with kB.
func parseSize(text string) (int64, error) {
	number := strings.TrimRight(text, "BKMGTibkmgt ")
	factor, ok := map[string]float64{"": 1, "b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40}[strings.ToLower(strings.TrimSpace(text[len(number):]))]
	value, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
	if !ok || err != nil || !(value*factor >= 1) || value*factor >= math.MaxInt64 {
		return 0, fmt.Errorf("%.40q is no size: want a number with KiB, MiB, GiB, TiB or kB, MB, GB, TB", text)
	}
	return int64(math.Ceil(value * factor)), nil
}
