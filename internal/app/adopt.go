package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"easel"
	"easel/internal/adopt"
)

type adoptCommand struct {
	viewer     `embed:""`
	Dir        string   `arg:"" help:"Storage directory of CNCF distribution or zot."`
	Rehash     bool     `env:"-" help:"Read every file and compare its digest: takes as long as reading the disk."`
	Import     bool     `env:"-" help:"Push what is there to the server, as docker would."`
	Org        []string `env:"-" placeholder:"[OLD=]NEW" help:"With --import: put repositories without an organisation into NEW, or those of OLD."`
	CreateOrgs bool     `env:"-" help:"With --import: create organisations that are not there."`
	Untagged   bool     `env:"-" help:"With --import: also manifests that no tag needs."`
	DryRun     bool     `env:"-" help:"With --import: only tell what would go where."`
}

// Help is the text below the flags.
func (adoptCommand) Help() string {
	return `Tells what is in the directory of another registry, and what of it nobody needs, without changing it. Exit code 0, or 1
when something in it is broken or was not imported. An import can be run again: it goes on where it ended.

Examples:

  easel adopt /var/lib/registry
  easel adopt /var/lib/registry --import --org vision-team --org library=base --create-orgs`
}

// Run reads the directory, and imports it if that was asked for.
func (c *adoptCommand) Run(ctx context.Context, s *streams) error {
	names, err := c.names()
	if err != nil {
		return err
	}
	t, err := adopt.Open(c.Dir)
	if err != nil {
		return err
	}
	defer t.Close()
	if err := c.scan(ctx, s, t); err != nil {
		return err
	}
	if c.Import {
		return c.importAll(ctx, s, t, names)
	}
	l := t.Ledger()
	if err := (printer{w: s.out, format: c.Output}).print(l, func(w io.Writer) { writeAdopted(w, l) }); err != nil {
		return err
	}
	if len(l.Findings) > 0 {
		return exit(exitFailed)
	}
	return nil
}

// names returns the new organisations by the old ones; "" is for
// repositories that have none.
func (c *adoptCommand) names() (map[string]easel.Org, error) {
	if !c.Import && (len(c.Org) > 0 || c.CreateOrgs || c.Untagged || c.DryRun) {
		return nil, errors.New("--org, --create-orgs, --untagged and --dry-run belong to --import")
	}
	names := map[string]easel.Org{}
	for _, text := range c.Org {
		before, after, both := strings.Cut(text, "=")
		if !both {
			before, after = "", text
		}
		org, err := easel.ParseOrg(after)
		if err != nil {
			return nil, fmt.Errorf("--org %s: %w", text, err)
		}
		if _, twice := names[before]; twice {
			return nil, fmt.Errorf("--org %s: what goes there was said before", text)
		}
		names[before] = org
	}
	return names, nil
}

// scan reads the tree, with progress on a terminal.
func (c *adoptCommand) scan(ctx context.Context, s *streams, t *adopt.Tree) error {
	m := newMeter(s)
	defer m.end()
	if err := t.Scan(ctx, m.count("repositories")); err != nil {
		return err
	}
	if !c.Rehash {
		return nil
	}
	return t.Rehash(ctx, m.bytes("reading", t.Content()))
}

// meter shows progress when standard error is a terminal.
type meter struct{ group *mpb.Progress }

func newMeter(s *streams) *meter {
	f, isFile := s.err.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return &meter{}
	}
	return &meter{mpb.New(mpb.WithOutput(f), mpb.WithWidth(50))}
}

// count returns what is told how many of how many are done.
func (m *meter) count(name string) func(done, total int) {
	if m.group == nil {
		return func(int, int) {}
	}
	bar := m.group.AddBar(0, mpb.PrependDecorators(decor.Name(name+" ")), mpb.AppendDecorators(decor.CountersNoUnit("%d/%d")), mpb.BarRemoveOnComplete())
	return func(done, total int) {
		bar.SetTotal(int64(total), done == total)
		bar.SetCurrent(int64(done))
	}
}

// bytes returns what is told how many more bytes are done.
func (m *meter) bytes(name string, total int64) func(int64) {
	if m.group == nil {
		return func(int64) {}
	}
	bar := m.group.AddBar(total, mpb.PrependDecorators(decor.Name(name+" ")), mpb.BarRemoveOnComplete(),
		mpb.AppendDecorators(decor.CountersKibiByte("% .1f / % .1f"), decor.Name(" "), decor.AverageETA(decor.ET_STYLE_GO)))
	return func(n int64) { bar.IncrInt64(n) }
}

// end takes the bars away, whether they are full or not.
func (m *meter) end() {
	if m.group != nil {
		m.group.Shutdown()
	}
}

// maxShownFindings bounds what a table shows; JSON has more.
const maxShownFindings = 20

// writeAdopted writes a ledger for people.
func writeAdopted(w io.Writer, l adopt.Ledger) {
	row(w, "REPOSITORY", "TAGS", "MANIFESTS", "UNTAGGED", "BROKEN", "BYTES", "EXCLUSIVE")
	for _, r := range l.Repositories {
		row(w, r.Name, r.Tags, r.Manifests, r.Untagged, r.Broken, size(r.Bytes), size(r.Exclusive))
	}
	fmt.Fprintf(w, "\n%s in %s, %s of %s.\n", size(l.Bytes), plural(l.Objects, "file"), l.Kind, repositories(len(l.Repositories)))
	fmt.Fprintf(w, "Shared between repositories: %s.\n", size(l.Shared))
	fmt.Fprintf(w, "Needed only by manifests without a tag: %s.\n", size(l.Untagged))
	fmt.Fprintf(w, "Needed by nothing: %s in %s; a collector would free it.\n", size(l.Unreferenced), plural(l.Loose, "file"))
	if l.Uploads > 0 {
		fmt.Fprintf(w, "Left by uploads that never ended: %s.\n", size(l.UploadBytes))
	}
	for _, f := range l.Findings[:min(len(l.Findings), maxShownFindings)] {
		subject := f.Subject
		if f.Repository != "" {
			subject = f.Repository + " " + subject
		}
		fmt.Fprintf(w, "%s: %s: %s\n", f.Kind, subject, f.Detail)
	}
	if more := len(l.Findings) - maxShownFindings + l.MoreFindings; more > 0 && len(l.Findings) > maxShownFindings {
		fmt.Fprintf(w, "And %s; -o json has up to 1,000.\n", plural(more, "more finding"))
	}
}

func repositories(n int) string {
	if n == 1 {
		return "1 repository"
	}
	return fmt.Sprint(n, " repositories")
}

// target returns where a repository goes, and why it cannot.
func target(name string, names map[string]easel.Org) (easel.Repo, error) {
	first, rest, nested := strings.Cut(name, "/")
	if !nested {
		org, ok := names[""]
		if !ok {
			return "", errors.New("it has no organisation: name one with --org")
		}
		return easel.ParseRepo(string(org) + "/" + name)
	}
	if org, ok := names[first]; ok {
		return easel.ParseRepo(string(org) + "/" + rest)
	}
	return easel.ParseRepo(name)
}

// orgsOf returns the organisations of targets, by name.
func orgsOf(all []*imported) []easel.Org {
	var orgs []easel.Org
	for _, r := range all {
		if r.to != "" {
			orgs = append(orgs, r.to.Org())
		}
	}
	slices.Sort(orgs)
	return slices.Compact(orgs)
}
