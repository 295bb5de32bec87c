// Package seed fills a catalogue through its own methods, for tests of size.
package seed

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
)

// Options say what is made. The catalogue must have had its first start.
type Options struct {
	Catalog *catalog.DB
	BlobDir string // of the store; "": no files are made
	Project string // that the images are registered in; "": none are
	Who     easel.Principal
	Org     easel.Org
	Repos   int // repositories that the images are spread over
	Images  int // image records, each with a tag
	Blobs   int // blobs, each with a link; at least one for each manifest
	Clients int // at once: they share commits
}

// Size is that of each seeded blob; its file, if there is one, is sparse.
const Size = 1 << 20

// tagsPerManifest keeps the number of manifests, and of commits, small.
const tagsPerManifest = 100

// Fill makes what o says. progress is told how far it is.
func Fill(ctx context.Context, o Options, progress func(string)) error {
	if err := o.Catalog.CreateOrg(ctx, o.Who, o.Org); err != nil && !errors.Is(err, easel.Exists) {
		return err
	}
	manifests := (o.Images + tagsPerManifest - 1) / tagsPerManifest
	blobs := max(o.Blobs, manifests)
	perManifest := max(1, blobs/max(1, manifests))
	err := o.each(ctx, manifests, func(ctx context.Context, n int) error { return o.manifest(ctx, n, perManifest) }, progress, "manifests")
	if err == nil {
		err = o.Catalog.FoldLedger(ctx) // as a server does every few seconds
	}
	if err != nil || o.Project == "" {
		return err
	}
	return o.each(ctx, o.Images, o.register, progress, "images")
}

// each calls do for 0 to n-1 with o.Clients at once.
func (o Options) each(ctx context.Context, n int, do func(context.Context, int) error, progress func(string), what string) error {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	var next atomic.Int64
	var all sync.WaitGroup
	for range o.Clients {
		all.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= n {
					return
				}
				if i > 0 && i%100_000 == 0 {
					progress(fmt.Sprintf("%d of %d %s", i, n, what))
				}
				if err := do(ctx, i); err != nil {
					stop(err)
					return
				}
			}
		})
	}
	all.Wait()
	return context.Cause(ctx)
}

func (o Options) repo(manifest int) easel.Repo {
	return easel.Repo(fmt.Sprintf("%s/image%d", o.Org, manifest%o.Repos))
}

func tag(image int) easel.Tag { return easel.Tag(fmt.Sprintf("v%07d", image)) }

// manifest makes a manifest with its blobs and tags.
func (o Options) manifest(ctx context.Context, n, blobs int) error {
	repo := o.repo(n)
	layers := make([]easel.Descriptor, blobs)
	for i := range layers {
		digest := easel.DigestOf(easel.SHA256, fmt.Appendf(nil, "%s %d %d", o.Org, n, i))
		if err := o.blob(ctx, repo, digest); err != nil {
			return err
		}
		layers[i] = easel.Descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar", Digest: digest, Size: Size}
	}
	body, err := imageManifest(layers)
	if err != nil {
		return err
	}
	m, err := easel.ParseManifest(easel.MediaTypeOCIManifest, body)
	if err != nil {
		return err
	}
	put := catalog.ManifestPut{Repo: repo, Digest: easel.DigestOf(easel.SHA256, body), Manifest: m}
	for i := n * tagsPerManifest; i < min(o.Images, (n+1)*tagsPerManifest); i++ {
		put.Tags = append(put.Tags, tag(i))
	}
	return o.Catalog.PutManifest(ctx, o.Who, put)
}

func (o Options) blob(ctx context.Context, repo easel.Repo, digest easel.Digest) error {
	u, err := o.Catalog.StartUpload(ctx, o.Who, repo, easel.SHA256, time.Hour)
	if err != nil {
		return err
	}
	if o.BlobDir != "" {
		if err := sparse(o.BlobDir, u.Key); err != nil {
			return err
		}
	}
	_, err = o.Catalog.FinishUpload(ctx, o.Who, u, digest, Size) // every digest is new: nothing becomes garbage
	return err
}

// sparse makes a file of the right size that takes no space.
func sparse(dir string, key blob.Key) error {
	shard := filepath.Join(dir, "b", string(key[:2]))
	if err := os.MkdirAll(shard, 0o700); err != nil {
		return err
	}
	path := filepath.Join(shard, string(key))
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, Size)
}

func (o Options) register(ctx context.Context, n int) error {
	repo := o.repo(n / tagsPerManifest)
	_, err := o.Catalog.RegisterImage(ctx, o.Who, catalog.Registration{Image: easel.Image{
		Project: o.Project, Workspace: easel.DefaultWorkspace, Type: easel.Dedicated,
		Path: "localhost/" + string(repo) + ":" + string(tag(n)), Repo: repo, Name: repo.Name(), Tag: tag(n), Arch: "x86_64",
		Services: []string{"NOTEBOOK", "SSH"}, ResourceCategories: []string{"CPU"}, ServiceType: "COMMON",
		Origin: easel.OriginCustomize, Visibility: easel.Private,
	}})
	return err
}

// imageManifest returns a manifest whose config is its first layer: nobody
// will run it.
func imageManifest(layers []easel.Descriptor) ([]byte, error) {
	return json.Marshal(map[string]any{
		"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest,
		"config": easel.Descriptor{MediaType: "application/vnd.oci.image.config.v1+json", Digest: layers[0].Digest, Size: layers[0].Size},
		"layers": layers,
	})
}
