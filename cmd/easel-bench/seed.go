package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"easel"
	"easel/internal/bench/seed"
	"easel/internal/catalog"
)

type seedCommand struct {
	DataDir string `required:"" placeholder:"DIR" help:"Data directory of a server that was started once and is stopped now."`
	Images  int    `default:"100000" help:"Image records, each with a tag (${default})."`
	Blobs   int    `default:"0" help:"Blobs; at least one for every hundred images is made."`
	Repos   int    `default:"100" help:"Repositories (${default})."`
	Org     string `default:"seeded" help:"Organisation (${default})."`
	Admin   string `default:"admin" help:"Administrator whose they are (${default})."`
	Files   bool   `help:"Make a sparse file for each blob."`
}

// Run implements the command.
func (c *seedCommand) Run(ctx context.Context) (err error) {
	org, err := easel.ParseOrg(c.Org)
	if err != nil {
		return err
	}
	db, err := catalog.Open(ctx, catalog.Options{URL: "sqlite:" + filepath.Join(c.DataDir, "easel.db")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	found, err := db.AccountsNamed(ctx, c.Admin)
	if err != nil {
		return err
	}
	if len(found) != 1 {
		return fmt.Errorf("%d users are called %s: start the server once, then name its administrator with --admin", len(found), c.Admin)
	}
	project, err := db.RegionProject(ctx, found[0].Domain.ID)
	if err != nil {
		return err
	}
	o := seed.Options{Catalog: db, Project: project.ID, Org: org, Repos: c.Repos, Images: c.Images, Blobs: c.Blobs, Clients: 64,
		Who: easel.Principal{UserID: found[0].ID, UserName: c.Admin, DomainID: found[0].Domain.ID, DomainName: found[0].Domain.Name, ProjectID: project.ID, Admin: true}}
	if c.Files {
		o.BlobDir = filepath.Join(c.DataDir, "blobs")
	}
	return seed.Fill(ctx, o, progress)
}
