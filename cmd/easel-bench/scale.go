package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"easel/internal/bench/scale"
	"easel/internal/catalog"
)

type scaleCommand struct {
	Sizes []int  `default:"1000,10000,100000" help:"Image records at which is measured (${default}); 1000000 takes a quarter of an hour and 2 GB."`
	Times int    `default:"50" help:"Times that each operation is done at each size (${default})."`
	Dir   string `placeholder:"DIR" help:"Where the catalogue is made; default: the temporary directory."`
	JSON  string `placeholder:"FILE" help:"Write the table for programs, too."`
	Chart string `placeholder:"FILE" help:"Write a line chart (SVG), too."`
}

// Run implements the command.
func (c *scaleCommand) Run(ctx context.Context) (err error) {
	slices.Sort(c.Sizes)
	if len(c.Sizes) == 0 || c.Sizes[0] < 1 || c.Times < 1 {
		return errors.New("sizes and times must be positive")
	}
	dir, err := os.MkdirTemp(c.Dir, "easel-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	db, err := catalog.Open(ctx, catalog.Options{URL: "sqlite:" + filepath.Join(dir, "easel.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	points, err := scale.Run(ctx, scale.Options{Catalog: db, Sizes: slices.Compact(c.Sizes), Times: c.Times}, progress)
	if err != nil {
		return err
	}
	if err := scale.WriteMarkdown(os.Stdout, points); err != nil {
		return err
	}
	if c.JSON != "" {
		if err := writeJSON(c.JSON, points); err != nil {
			return err
		}
	}
	if c.Chart == "" {
		return nil
	}
	f, err := os.Create(c.Chart)
	if err != nil {
		return fmt.Errorf("write the chart: %w", err)
	}
	return errors.Join(scale.WriteChart(f, points), f.Close())
}
