package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"easel/internal/bench"
	"easel/internal/bench/load"
	"easel/internal/bench/peer"
)

type compareCommand struct {
	selection `embed:""`
	Peer      []string `default:"distribution" enum:"distribution,yardstick" help:"What easel is compared with: distribution, yardstick (${default}); the yardstick runs anyway unless --no-yardstick."`
	Yardstick bool     `default:"true" negatable:"" help:"Measure the machine's own limit, too."`
	Rounds    int      `default:"3" help:"Rounds (${default})."`
	Easel     string   `placeholder:"PATH" help:"The easel program; default: built from the module in the current directory."`
	Cache     string   `placeholder:"DIR" help:"Where peers are installed; default: the user's cache directory."`
	Dir       string   `placeholder:"DIR" help:"Where storage is made; default: the temporary directory."`
	Out       string   `placeholder:"DIR" help:"Directory for all result files."`
	JSON      string   `placeholder:"FILE" help:"Write the table for programs, too."`
	Chart     string   `placeholder:"FILE" help:"Write a bar chart (SVG), too."`
}

// Run implements the command.
func (c *compareCommand) Run(ctx context.Context) error {
	dir, err := os.MkdirTemp(c.Dir, "easel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if c.Out != "" {
		if err := os.MkdirAll(c.Out, 0o755); err != nil {
			return err
		}
	}
	kinds, err := c.kinds(ctx, dir)
	if err != nil {
		return err
	}
	var results []load.Result
	for round := range c.Rounds {
		for n := range kinds {
			// Each is the first one once: the state of the disk's cache must favour nobody.
			k := kinds[(n+round)%len(kinds)]
			progress(fmt.Sprintf("round %d of %d: %s %s", round+1, c.Rounds, k.Label, k.Version))
			result, err := c.measure(ctx, k, filepath.Join(dir, fmt.Sprint(round, "-", n)))
			if err != nil {
				return err
			}
			results = append(results, result)
			if c.Out == "" {
				continue
			}
			if err := writeJSON(filepath.Join(c.Out, fmt.Sprintf("%s-%d.json", strings.ReplaceAll(k.Label, " ", "-"), round+1)), result); err != nil {
				return err
			}
		}
	}
	return output(bench.Compare("easel", results), c.JSON, c.Chart)
}

// kinds returns what is compared, installed.
func (c *compareCommand) kinds(ctx context.Context, dir string) ([]peer.Kind, error) {
	program := c.Easel
	if program == "" {
		var err error
		if program, err = buildEasel(ctx, dir); err != nil {
			return nil, err
		}
	}
	kinds := []peer.Kind{peer.Easel(program, "")}
	if slices.Contains(c.Peer, "distribution") {
		progress("installing distribution " + peer.DistributionVersion + ", unless it is there")
		registry, err := peer.InstallDistribution(ctx, c.Cache)
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, peer.Distribution(registry, peer.DistributionVersion, false))
		if slices.Contains(c.names(), "delete-under-push") {
			kinds = append(kinds, peer.Distribution(registry, peer.DistributionVersion, true))
		}
	}
	if c.Yardstick || slices.Contains(c.Peer, "yardstick") {
		self, err := os.Executable()
		if err != nil {
			return nil, err
		}
		kinds = append(kinds, peer.Yardstick(self))
	}
	return kinds, nil
}

func command(ctx context.Context, env []string, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// measure runs what of the work makes sense for the kind, on fresh storage.
func (c *compareCommand) measure(ctx context.Context, k peer.Kind, dir string) (load.Result, error) {
	names := c.names()
	switch k.Label {
	case "yardstick": // it knows no tags to list and nothing to delete
		names = slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == "listing" || strings.HasPrefix(n, "delete") })
	case "distribution with collector":
		names = []string{"delete-under-push"}
	}
	if len(names) == 0 {
		return load.NewResult(k.Label, c.Scale, names), nil
	}
	unix.Sync() // what others left to be written is not this one's work
	if err := os.Mkdir(dir, 0o700); err != nil {
		return load.Result{}, err
	}
	s, err := k.Start(ctx, dir)
	if err != nil {
		return load.Result{}, err
	}
	result, err := load.Run(ctx, s.Target, names, c.Scale, progress)
	return result, errors.Join(err, s.Remove())
}
