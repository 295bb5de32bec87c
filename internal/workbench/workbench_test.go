package workbench_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/registry"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

// bench is a Service over a real catalogue and a real registry.
type bench struct {
	*imagetest.World
	*workbench.Service
	using map[string]bool // ids of images that a notebook needs
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{World: imagetest.New(t, imagetest.SQLite(t)), using: map[string]bool{}}
	store, err := blob.OpenDir(t.TempDir())
	must(t, err)
	b.Service = workbench.New(workbench.Options{
		Catalog:  b.DB,
		Registry: registry.New(registry.Options{Catalog: b.DB, Blobs: store}),
		InUse:    []workbench.InUse{b},
		Port:     8580,
		Hosts:    []string{"alias.test:5000"},
	})
	return b
}

// ImagesInUse refuses what is in using.
func (b *bench) ImagesInUse(_ context.Context, images []easel.Image) error {
	for _, i := range images {
		if b.using[i.ID] {
			return easel.E(easel.InUse, "image", "the notebook nb-1 needs image %s", i.ID)
		}
	}
	return nil
}

// ask returns a registration of "organisation/name:tag" by who.
func ask(who easel.Principal, path string) workbench.Registration {
	return workbench.Registration{
		Project: who.ProjectID, Path: path, Host: "registry.test", Arch: "x86_64", Origin: easel.OriginCustomize, ServiceType: "UNKNOWN",
		Services: []string{"SSH"}, ResourceCategories: []string{"CPU"}, Visibility: easel.Private,
	}
}

// have pushes an image and registers it.
func (b *bench) have(t *testing.T, who easel.Principal, image, visibility string) easel.Image {
	t.Helper()
	if !b.pushed(image) {
		b.Push(t, b.Ann, image, "base", image)
	}
	r := ask(who, image)
	r.Visibility = visibility
	i, err := b.Register(imagetest.As(t, who), r)
	must(t, err)
	return i
}

func (b *bench) pushed(image string) bool {
	p, err := easel.ParseImagePath(image)
	if err != nil {
		return false
	}
	_, err = b.DB.Manifest(context.Background(), p.Repo, easel.Ref{Tag: p.Tag})
	return err == nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// outcome names the kind and noun of an error: "denied image"; "" for none.
func outcome(err error) string {
	var e *easel.Error
	if err == nil {
		return ""
	}
	if !errors.As(err, &e) {
		return err.Error()
	}
	return fmt.Sprintf("%v: %s", e.Kind, e.Noun)
}

func list(t *testing.T, b *bench, who easel.Principal) []easel.Image {
	t.Helper()
	images, _, err := b.List(imagetest.As(t, who), workbench.Filter{Project: who.ProjectID}, workbench.Order{}, catalog.Page{})
	must(t, err)
	return images
}
