package catalog_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/pgtest"
	"easel/internal/workbench/imagetest"
)

// imagesOnBoth runs f on SQLite and, unless the test is short, on PostgreSQL.
func imagesOnBoth(t *testing.T, f func(t *testing.T, w *imagetest.World)) {
	t.Helper()
	imagesOnBothAt(t, ticking, f)
}

// imagesOnBothAt is imagesOnBoth with a clock for each.
func imagesOnBothAt(t *testing.T, clock func() func() time.Time, f func(t *testing.T, w *imagetest.World)) {
	t.Helper()
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, imagetest.NewAt(t, imagetest.SQLite(t), clock()))
	})
	if testing.Short() {
		return
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		f(t, imagetest.NewAt(t, pgtest.Start(t), clock()))
	})
}

// ticking returns a clock that is a second later each time it is asked.
func ticking() func() time.Time {
	var mu sync.Mutex
	now := time.UnixMilli(1_700_000_000_000)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

// registration returns a record of "organisation/name:tag" for a project.
func registration(t *testing.T, project, image string) catalog.Registration {
	t.Helper()
	p, err := easel.ParseImagePath("registry.test/" + image)
	if err != nil {
		t.Fatal(err)
	}
	return catalog.Registration{Image: easel.Image{
		Project: project, Workspace: easel.DefaultWorkspace, Type: easel.Dedicated, Path: p.String(), Repo: p.Repo, Name: p.Repo.Name(), Tag: p.Tag,
		Arch: "x86_64", Services: []string{"NOTEBOOK", "SSH"}, ResourceCategories: []string{"CPU"}, Origin: easel.OriginCustomize,
		ServiceType: "UNKNOWN", Visibility: easel.Private,
	}}
}

func register(t *testing.T, w *imagetest.World, r catalog.Registration) easel.Image {
	t.Helper()
	i, err := w.DB.RegisterImage(t.Context(), w.Ann, r)
	if err != nil {
		t.Fatalf("RegisterImage(%s): %v", r.Image.Path, err)
	}
	return i
}

// wantError fails unless err is of kind and noun.
func wantError(t *testing.T, what string, err error, kind easel.Kind, noun easel.Noun) {
	t.Helper()
	var e *easel.Error
	if !errors.As(err, &e) || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s: error %v, want %v %q", what, err, kind, noun)
	}
}

func TestRegisterImage(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		size := w.Push(t, w.Ann, "team/torch:2.3", "base", "torch")
		r := registration(t, imagetest.AcmeOne, "team/torch:2.3")
		r.Image.Description = `Ünïcode, "quotes" & <tags> 🚀`
		r.Tags = []easel.ResourceTag{{Key: "team", Value: "vision"}}
		made := register(t, w, r)

		if !easel.IsUUID(made.ID) || made.Size != size || made.Status != easel.ImageActive || !made.Created.Equal(made.Updated) {
			t.Errorf("made %+v, want a UUID, %d bytes, ACTIVE and equal times", made, size)
		}
		if made.Created.UnixMicro()%1000 != 0 {
			t.Errorf("created at %v, want whole milliseconds", made.Created)
		}
		shown, err := w.DB.Image(t.Context(), made.ID)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(made, shown); diff != "" {
			t.Errorf("Image differs from what RegisterImage returned (-made +shown):\n%s", diff)
		}
		_, err = w.DB.Image(t.Context(), easel.NewUUID(time.Now()))
		wantError(t, "Image of an unknown id", err, easel.NotFound, "image")
	})
}

func TestRegisterImageRefuses(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		size := w.Push(t, w.Ann, "team/torch:2.3", "base", "torch")
		refusal := easel.E(easel.NotFound, "tag", "may not read")
		register(t, w, registration(t, imagetest.AcmeOne, "team/torch:2.3"))
		for _, tt := range []struct {
			name   string
			image  string
			change func(*catalog.Registration)
			kind   easel.Kind
			noun   easel.Noun
		}{
			{"the same again", "team/torch:2.3", nil, easel.Exists, "image"},
			{"the same by another host", "team/torch:2.3", func(r *catalog.Registration) { r.Image.Path = "localhost:1/team/torch:2.3" }, easel.Exists, "image"},
			{"the same in another workspace", "team/torch:2.3", func(r *catalog.Registration) { r.Image.Workspace = "w" }, easel.Exists, "image"},
			{"the same, unreadable", "team/torch:2.3", func(r *catalog.Registration) { r.Refusal = refusal }, easel.Exists, "image"},
			{"unreadable", "team/torch:2.4", func(r *catalog.Registration) { r.Refusal = refusal }, easel.NotFound, "tag"},
			{"no such tag", "team/torch:2.4", nil, easel.NotFound, "tag"},
			{"no such repository", "team/jax:2.3", nil, easel.NotFound, "tag"},
			{"too large", "team/torch:2.3", func(r *catalog.Registration) { r.Image.Project, r.MaxSize = imagetest.AcmeTwo, size-1 }, easel.TooLarge, "image"},
		} {
			r := registration(t, imagetest.AcmeOne, tt.image)
			if tt.change != nil {
				tt.change(&r)
			}
			_, err := w.DB.RegisterImage(t.Context(), w.Ann, r)
			wantError(t, tt.name, err, tt.kind, tt.noun)
		}
		just := registration(t, imagetest.AcmeTwo, "team/torch:2.3")
		just.MaxSize = size
		register(t, w, just)
	})
}

func TestSizeOfAnIndexIsThatOfThePlatform(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.PushIndex(t, w.Ann, "team/multi:1", "s390x=a", "amd64=abc", "arm64=abcdef")
		w.PushIndex(t, w.Ann, "team/other:1", "s390x=abcd", "riscv64=abc")
		config := int64(len(`{"of":""}`))
		for _, tt := range []struct {
			image, arch string
			want        int64
		}{
			{"team/multi:1", "x86_64", config + 2*3},
			{"team/multi:1", "aarch64", config + 2*6},
			{"team/other:1", "x86_64", config + 2*4},
		} {
			r := registration(t, imagetest.AcmeOne, tt.image)
			r.Image.Project, r.Image.Arch = "project-for-"+tt.arch, tt.arch
			if got := register(t, w, r).Size; got != tt.want {
				t.Errorf("%s for %s has %d bytes, want %d", tt.image, tt.arch, got, tt.want)
			}
		}
	})
}

func TestSyncImage(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:2.3", "base")
		made := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:2.3"))
		sync := func() easel.Image {
			t.Helper()
			i, err := w.DB.SyncImage(t.Context(), w.Ann, imagetest.AcmeOne, made.ID)
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		if diff := cmp.Diff(made, sync()); diff != "" {
			t.Errorf("sync of an unchanged image (-want +got):\n%s", diff)
		}
		size := w.Push(t, w.Ann, "team/torch:2.3", "base", "more")
		if i := sync(); i.Size != size || i.Status != easel.ImageActive || !i.Updated.After(made.Updated) {
			t.Errorf("after a push: %+v, want %d bytes, ACTIVE and a later change", i, size)
		}
		w.Untag(t, w.Ann, "team/torch:2.3") // makes the record ERROR
		broken := sync()
		if broken.Status != easel.ImageError || broken.Size != size {
			t.Errorf("without a tag: %+v, want ERROR and the size as it was", broken)
		}
		if diff := cmp.Diff(broken, sync()); diff != "" {
			t.Errorf("second sync without a tag (-want +got):\n%s", diff)
		}
		w.Push(t, w.Ann, "team/torch:2.3", "base")
		if i := sync(); i.Status != easel.ImageActive || i.Size != made.Size || i.StatusMessage != "" {
			t.Errorf("with the tag again: %+v, want ACTIVE, %d bytes, no message", i, made.Size)
		}
		_, err := w.DB.SyncImage(t.Context(), w.Cleo, imagetest.AcmeTwo, made.ID)
		wantError(t, "sync from another project", err, easel.NotFound, "image")
	})
}

func TestRegisterAgainstDelete(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		// Whoever registers while the tag is deleted gets the record or an
		// error, and afterwards no ACTIVE record names a tag that is not there.
		for round := range 8 {
			image := fmt.Sprintf("team/race:%d", round)
			w.Push(t, w.Ann, image, "layer")
			first := register(t, w, registration(t, imagetest.AcmeOne, image))
			var wg sync.WaitGroup
			deleted := make([]error, 2)
			for n := range deleted {
				wg.Go(func() {
					_, _, deleted[n] = w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: []string{first.ID}, Force: true})
				})
			}
			var registered [3]error
			for n := range registered {
				r := registration(t, imagetest.AcmeOne, image)
				wg.Go(func() { _, registered[n] = w.DB.RegisterImage(t.Context(), w.Ann, r) })
			}
			wg.Wait()
			if (deleted[0] == nil) == (deleted[1] == nil) || !errors.Is(errors.Join(deleted...), easel.NotFound) {
				t.Errorf("two deletions: %v, %v; want one success and one NotFound", deleted[0], deleted[1])
			}
			for _, err := range registered {
				if !errors.Is(err, easel.Exists) && !errors.Is(err, easel.NotFound) {
					t.Errorf("register during deletion: %v, want Exists or NotFound", err)
				}
			}
			if w.HasTag(t, image) {
				t.Errorf("%s is still there", image)
			}
		}
		images, total, err := w.DB.Images(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0"}, nil, false, catalog.Page{})
		if err != nil || total != 0 || len(images) != 0 {
			t.Errorf("%d images are left of %d, error %v; want none", len(images), total, err)
		}
	})
}

func TestConcurrentRegistrationsHaveOneWinner(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:2.3", "layer")
		errs := make([]error, 12)
		var wg sync.WaitGroup
		for n := range errs {
			r := registration(t, imagetest.AcmeOne, "team/torch:2.3")
			wg.Go(func() { _, errs[n] = w.DB.RegisterImage(t.Context(), w.Ann, r) })
		}
		wg.Wait()
		won := slices.DeleteFunc(errs, func(err error) bool { return errors.Is(err, easel.Exists) })
		if len(won) != 1 || won[0] != nil {
			t.Errorf("registrations that were not refused as existing: %v, want one success", won)
		}
	})
}
