package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"

	"easel"
	"easel/internal/catalog"
	"easel/internal/client"
	"easel/internal/registry"
)

// offline is the flags of commands that work on a stopped server too.
type offline struct {
	viewer   `embed:""`
	DataDir  string `env:"-" placeholder:"DIR" help:"Work on this data directory of a stopped server instead."`
	Database string `placeholder:"URL" help:"With --data-dir: the database, when it is not in the directory."`
	Blobs    string `placeholder:"URL" help:"With --data-dir: the blobs, when they are not in the directory."`
}

// registry opens the data directory and returns a registry on it, and a
// context in which the operator of the machine may do everything.
func (o *offline) registry(ctx context.Context, s *streams) (context.Context, *registry.Service, *stores, error) {
	p := Place{DataDir: o.DataDir, Database: o.Database, Blobs: o.Blobs}
	if err := errors.Join(p.exists(), p.complete()); err != nil {
		return ctx, nil, nil, err
	}
	st, err := openStores(ctx, p, os.Getenv("EASEL_MASTER_KEY"), catalog.Options{})
	if err != nil {
		return ctx, nil, nil, err
	}
	log, err := newLog(s.err, "text", "warn")
	if err != nil {
		return ctx, nil, nil, errors.Join(err, st.close())
	}
	ctx = easel.WithPrincipal(ctx, easel.Principal{UserID: "local", UserName: "local operator", Admin: true, Operator: true})
	return ctx, registry.New(registry.Options{Catalog: st.catalog, Blobs: st.blobs, Log: log}), st, nil
}

type checkCommand struct {
	offline `embed:""`
	Rehash  bool `env:"-" help:"Read every object and compare its digest: takes as long as reading the disk."`
	Repair  bool `env:"-" help:"Mend what can be mended."`
}

// Help is the text below the flags.
func (checkCommand) Help() string {
	return `Compares the list of stored objects with the catalogue, in both directions. Exit code 0: nothing is wrong; 1: something
is, and it is printed; 2: the check could not be made.

Examples:

  easel check
  easel check --rehash
  easel check --data-dir /var/lib/easel --repair`
}

// exitNoCheck is the exit code of a check that could not look.
const exitNoCheck = 2

// Run checks and prints what it found.
func (c *checkCommand) Run(ctx context.Context, s *streams) error {
	report, err := c.report(ctx, s)
	if err != nil {
		return c.failed(s, err)
	}
	p := printer{w: s.out, format: c.Output}
	if err := p.print(report, func(w io.Writer) { writeReport(w, report) }); err != nil {
		return c.failed(s, err)
	}
	if len(report.Findings) > 0 {
		return exit(exitFailed)
	}
	return nil
}

func (c *checkCommand) failed(s *streams, err error) error {
	report(s.err, fmt.Errorf("the check could not be made: %w", err))
	return exit(exitNoCheck)
}

func (c *checkCommand) report(ctx context.Context, s *streams) (r registry.Report, err error) {
	if c.DataDir != "" {
		ctx, service, st, err := c.registry(ctx, s)
		if err != nil {
			return r, err
		}
		r, err = service.Check(ctx, registry.CheckOptions{Rehash: c.Rehash, Repair: c.Repair})
		return r, errors.Join(err, st.close())
	}
	ses, err := c.open(s)
	if err != nil {
		return r, err
	}
	defer ses.Close()
	_, err = ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/easel/v1/check",
		In: map[string]bool{"rehash": c.Rehash, "repair": c.Repair}, Out: &r})
	return r, err
}

// writeReport writes a report for people.
func writeReport(w io.Writer, r registry.Report) {
	fmt.Fprintf(w, "Compared %s, %s, with the catalogue.\n", plural(r.Objects, "object"), size(r.Bytes))
	if r.Rehashed > 0 || r.Manifests > 0 {
		fmt.Fprintf(w, "Hashed %s and %s.\n", size(r.Rehashed), plural(r.Manifests, "manifest"))
	}
	for _, f := range r.Findings {
		state := ""
		if f.Repaired {
			state = " (repaired)"
		}
		fmt.Fprintf(w, "%s%s: %s: %s\n", f.Kind, state, f.Subject, f.Detail)
	}
	if len(r.Findings) == 0 {
		fmt.Fprintln(w, "Nothing is wrong.")
		return
	}
	fmt.Fprintf(w, "%s.\n", plural(len(r.Findings), "finding"))
}
