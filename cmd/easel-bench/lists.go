package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"easel/internal/bench/lists"
	"easel/internal/bench/load"
	"easel/internal/bench/peer"
	"easel/internal/client"
)

type listsCommand struct {
	Images int    `default:"100000" help:"Image records (${default}); 1000000 take a few minutes to make, and 2 GB."`
	Blobs  int    `default:"0" help:"Blobs; at least one for every hundred images is made."`
	Repos  int    `default:"1000" help:"Repositories that they are spread over (${default})."`
	Times  int    `default:"20" help:"Times that each request is sent (${default})."`
	Starts int    `default:"5" help:"Times that the server is started with nothing, and with everything (${default})."`
	Easel  string `placeholder:"PATH" help:"The easel program; default: built from the module in the current directory."`
	Dir    string `placeholder:"DIR" help:"Where storage is made; default: the temporary directory."`
	JSON   string `placeholder:"FILE" help:"Write the rows for programs, too."`
}

// Run implements the command.
func (c *listsCommand) Run(ctx context.Context) error {
	if c.Images < 1 || c.Times < 2 || c.Starts < 1 {
		return errors.New("there must be an image and a start, and two times at least")
	}
	dir, err := os.MkdirTemp(c.Dir, "easel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	program := c.Easel
	if program == "" {
		if program, err = buildEasel(ctx, dir); err != nil {
			return err
		}
	}
	progress("starting it with nothing")
	nothing, home, err := c.startFresh(program, dir)
	if err != nil {
		return err
	}
	fill := seedCommand{DataDir: peer.DataDir(home), Images: c.Images, Blobs: c.Blobs, Repos: c.Repos, Org: "seeded", Admin: "admin"}
	if err := fill.Run(ctx); err != nil {
		return err
	}
	progress("starting it with everything")
	everything, server, err := c.startAgain(program, home)
	if err != nil {
		return err
	}
	defer server.Stop()
	progress("reading lists")
	rows, err := c.read(ctx, server.Target.URL, fill.Org)
	if err != nil {
		return err
	}
	rows = append([]lists.Row{nothing, everything}, rows...)
	if err := lists.WriteMarkdown(os.Stdout, rows); err != nil {
		return err
	}
	peak, err := load.PeakMemory(server.Target.PID)
	if err != nil {
		return err
	}
	fmt.Printf("\npeak memory of the server: %.3g MiB\n", float64(peak)/(1<<20))
	if c.JSON == "" {
		return nil
	}
	return writeJSON(c.JSON, rows)
}

// startFresh starts servers with empty storage and ends them again. It returns
// where the last one's is.
func (c *listsCommand) startFresh(program, dir string) (row lists.Row, home string, err error) {
	var took []time.Duration
	for n := range c.Starts {
		home = filepath.Join(dir, fmt.Sprint("start", n))
		if err := os.Mkdir(home, 0o700); err != nil {
			return row, "", err
		}
		begin := time.Now()
		s, err := peer.StartEasel(program, home)
		if err != nil {
			return row, "", err
		}
		took = append(took, time.Since(begin))
		s.Stop()
	}
	return lists.Summary("start to listening, with nothing", 0, took), home, nil
}

// startAgain starts the server on the same storage again and again; the last
// one goes on.
func (c *listsCommand) startAgain(program, home string) (row lists.Row, s *peer.Server, err error) {
	var took []time.Duration
	for range c.Starts {
		if s != nil {
			s.Stop()
		}
		begin := time.Now()
		if s, err = peer.StartEasel(program, home); err != nil {
			return row, nil, err
		}
		took = append(took, time.Since(begin))
	}
	return lists.Summary("start to listening, with everything", c.Images, took), s, nil
}

func (c *listsCommand) read(ctx context.Context, url, org string) ([]lists.Row, error) {
	cl, err := client.New(url, peer.Admin)
	if err != nil {
		return nil, err
	}
	defer cl.Close()
	return lists.Run(ctx, lists.Options{Client: cl, Project: peer.Admin.ProjectID, Org: org, Images: c.Images, Times: c.Times})
}

// buildEasel builds the server of the module in the current directory in dir.
func buildEasel(ctx context.Context, dir string) (program string, err error) {
	program = filepath.Join(dir, "easel")
	if err := command(ctx, nil, "go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, "./cmd/easel"); err != nil {
		return "", fmt.Errorf("build easel: %w; run this in the project's directory, or name a program with --easel", err)
	}
	return program, nil
}
