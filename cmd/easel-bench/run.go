package main

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"easel/internal/bench"
	"easel/internal/bench/load"
	"easel/internal/bench/yardstick"
)

// selection is the work that is done.
type selection struct {
	Profile []string `default:"all" help:"Kinds of work: small, layer, ml, manifests, listing, delete, delete-under-push or all (${default})."`
	Scale   float64  `default:"1" help:"Multiplies images, requests and seconds: 0.1 is a short run (${default})."`
}

func (s selection) names() []string {
	if slices.Contains(s.Profile, "all") {
		return load.Profiles()
	}
	return s.Profile
}

type runCommand struct {
	selection `embed:""`
	URL       string `required:"" help:"The registry: http://HOST:PORT."`
	Label     string `default:"registry" help:"What tables call it (${default})."`
	User      string `help:"User name; none: anonymous."`
	Password  string `env:"EASEL_BENCH_PASSWORD" help:"Password, best given by environment."`
	Prefix    string `default:"bench" help:"Organisation of the repositories that are pushed to; it must be there (${default})."`
	WatchDir  string `placeholder:"DIR" help:"Directory of the store, to see when bytes are really gone."`
	PID       int    `name:"pid" placeholder:"N" help:"Process of the server, for its CPU time and peak memory."`
	Collect   string `placeholder:"COMMAND" help:"Command that is run again and again during delete-under-push, for registries that need a collector."`
	Out       string `default:"-" help:"Result file (${default}: standard output)."`
}

// Run implements the command.
func (c *runCommand) Run(ctx context.Context) error {
	result, err := load.Run(ctx, load.Target{Label: c.Label, URL: c.URL, User: c.User, Password: c.Password, Prefix: c.Prefix,
		WatchDir: c.WatchDir, PID: c.PID, Collect: strings.Fields(c.Collect)}, c.names(), c.Scale, progress)
	if err != nil {
		return err
	}
	return writeJSON(c.Out, result)
}

func writeJSON(path string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	b = append(b, '\n')
	if path == "-" {
		_, err = os.Stdout.Write(b)
		return err
	}
	return os.WriteFile(path, b, 0o644)
}

type yardstickCommand struct {
	Listen string `default:"127.0.0.1:8581" help:"Address (${default})."`
	Dir    string `required:"" help:"Directory of the files; it is made."`
}

// Run implements the command.
func (c *yardstickCommand) Run(ctx context.Context) error {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return err
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return err
	}
	s := &http.Server{Handler: yardstick.New(c.Dir), ReadHeaderTimeout: 10 * time.Second}
	stop := context.AfterFunc(ctx, func() { s.Close() })
	defer stop()
	if err := s.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

type tableCommand struct {
	Results []string `arg:"" help:"Result files; the ratios are of the first one's target."`
	JSON    string   `placeholder:"FILE" help:"Write the table for programs, too."`
	Chart   string   `placeholder:"FILE" help:"Write a bar chart (SVG), too."`
}

// Run implements the command.
func (c *tableCommand) Run() error {
	var results []load.Result
	for _, path := range c.Results {
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var r load.Result
		if err := json.Unmarshal(b, &r); err != nil {
			return err
		}
		results = append(results, r)
	}
	return output(bench.Compare(results[0].Label, results), c.JSON, c.Chart)
}

// output writes a comparison: the table to standard output.
func output(c bench.Comparison, jsonFile, chart string) error {
	if err := c.WriteMarkdown(os.Stdout); err != nil {
		return err
	}
	if jsonFile != "" {
		if err := writeJSON(jsonFile, c); err != nil {
			return err
		}
	}
	if chart == "" {
		return nil
	}
	f, err := os.Create(chart)
	if err != nil {
		return err
	}
	return errors.Join(c.WriteChart(f), f.Close())
}
