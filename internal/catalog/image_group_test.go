package catalog_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

func tags(keysAndValues ...string) []easel.ResourceTag {
	out := []easel.ResourceTag{}
	for n := 0; n < len(keysAndValues); n += 2 {
		out = append(out, easel.ResourceTag{Key: keysAndValues[n], Value: keysAndValues[n+1]})
	}
	return out
}

func TestImageGroups(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		groups, total, err := w.DB.ImageGroups(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0", Type: easel.Dedicated}, catalog.Page{})
		must(t, err)
		var got []string
		for _, g := range groups {
			got = append(got, fmt.Sprintf("%s/%s %d", g.Org, g.Name, g.Versions))
			if want := easel.GroupID(imagetest.AcmeOne, "0", string(g.Org), g.Name); g.ID != want {
				t.Errorf("group %s has id %s, want %s", g.Name, g.ID, want)
			}
		}
		want := []string{"team/torch 2", "team/jax.nightly/gpu 1", "team/torchx 1", "team/torch_x 1"}
		if diff := cmp.Diff(want, got); diff != "" || total != 4 {
			t.Errorf("total %d, groups (-want +got):\n%s", total, diff)
		}
		if g := groups[0]; !g.Created.Before(groups[3].Created) || !g.Updated.After(groups[1].Updated) {
			t.Errorf("group of two %+v: want the time of its oldest and of its newest image", g)
		}
		page, total, err := w.DB.ImageGroups(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0"}, catalog.Page{Limit: 2, Offset: 3})
		if err != nil || total != 6 || len(page) != 2 {
			t.Errorf("second page: %d of %d, %v; want 2 of 6", len(page), total, err)
		}
		stock, total, err := w.DB.ImageGroups(t.Context(), catalog.ImageFilter{Type: easel.BuildIn}, catalog.Page{})
		if err != nil || total != 2 || stock[0].ID != easel.GroupID("", "0", "stock", stock[0].Name) {
			t.Errorf("built-in groups: %+v of %d, %v", stock, total, err)
		}
	})
}

func TestUpdateImageGroup(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		id := easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")
		before, err := w.DB.ImageGroup(t.Context(), imagetest.AcmeOne, id)
		must(t, err)
		update := func(u catalog.GroupUpdate) easel.ImageGroup {
			t.Helper()
			g, err := w.DB.UpdateImageGroup(t.Context(), w.Ann, imagetest.AcmeOne, id, u)
			must(t, err)
			return g
		}
		if diff := cmp.Diff(before, update(catalog.GroupUpdate{})); diff != "" {
			t.Errorf("an update of nothing (-before +after):\n%s", diff)
		}
		guide, set := strings.Repeat("gü", 15000), tags("team", "vision", "gpu", "")
		g := update(catalog.GroupUpdate{ReadMe: &guide, Tags: &set})
		if g.ReadMe != guide || !g.HasReadMe || !g.Updated.After(before.Updated) || g.Versions != 2 {
			t.Errorf("read_me of %d bytes, %+v", len(g.ReadMe), g)
		}
		if diff := cmp.Diff(g, update(catalog.GroupUpdate{ReadMe: &guide, Tags: &set})); diff != "" {
			t.Errorf("the same update again (-first +second):\n%s", diff)
		}
		images, _, err := w.DB.Images(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0", Name: "torch", NameExact: true}, nil, false, catalog.Page{})
		must(t, err)
		for _, i := range images {
			if diff := cmp.Diff(set, i.Tags); diff != "" {
				t.Errorf("tags of image %s (-want +got):\n%s", i.Path, diff)
			}
			if i.Updated.After(before.Updated) {
				t.Errorf("image %s was changed at %v by an update of its group", i.Path, i.Updated)
			}
		}
		none, empty := tags(), ""
		if g := update(catalog.GroupUpdate{Tags: &none}); len(g.Tags) != 0 || g.ReadMe != guide {
			t.Errorf("after clearing the tags: %+v", g.Tags)
		}
		if g := update(catalog.GroupUpdate{ReadMe: &empty}); g.ReadMe != "" || !g.HasReadMe {
			t.Errorf("after clearing the guide: %+v", g)
		}
		_, err = w.DB.UpdateImageGroup(t.Context(), w.Cleo, imagetest.AcmeTwo, id, catalog.GroupUpdate{ReadMe: &guide})
		wantError(t, "update from another project", err, easel.NotFound, "group")
		_, err = w.DB.ImageGroup(t.Context(), imagetest.AcmeTwo, id)
		wantError(t, "another project's group", err, easel.NotFound, "group")
	})
}

func TestGroupOfRegistrations(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		add := func(tag string, readMe *string, set []easel.ResourceTag) (easel.Image, error) {
			w.Push(t, w.Ann, "team/torch:"+tag, "layer")
			r := registration(t, imagetest.AcmeOne, "team/torch:"+tag)
			r.ReadMe, r.Tags = readMe, set
			return w.DB.RegisterImage(t.Context(), w.Ann, r)
		}
		guide := "how to"
		_, err := add("1", &guide, tags("a", "1", "b", "2"))
		must(t, err)
		second, err := add("2", nil, tags("b", "3", "c", "4"))
		must(t, err)
		if diff := cmp.Diff(tags("a", "1", "b", "3", "c", "4"), second.Tags); diff != "" {
			t.Errorf("tags of the second version (-want +got):\n%s", diff)
		}
		var many []easel.ResourceTag
		for n := range catalog.MaxGroupTags {
			many = append(many, easel.ResourceTag{Key: fmt.Sprint("k", n)})
		}
		_, err = add("3", nil, many)
		wantError(t, "too many tags together", err, easel.Invalid, "property")

		id := easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")
		g, err := w.DB.ImageGroup(t.Context(), imagetest.AcmeOne, id)
		if err != nil || g.ReadMe != guide || g.Versions != 2 {
			t.Errorf("group %+v, %v; want its guide and 2 versions", g, err)
		}
		images, removed, err := w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, Group: id})
		if err != nil || len(images) != 2 || len(removed.Receipt.Images) != 2 {
			t.Fatalf("deletion of the group: %v, %+v, %v", images, removed.Receipt, err)
		}
		_, err = w.DB.ImageGroup(t.Context(), imagetest.AcmeOne, id)
		wantError(t, "the group of no images", err, easel.NotFound, "group")
		again, err := add("1", nil, nil)
		must(t, err)
		if g, err = w.DB.ImageGroup(t.Context(), imagetest.AcmeOne, id); err != nil || g.HasReadMe || len(again.Tags) != 0 {
			t.Errorf("the group that came again has %+v and %v, %v; want nothing of the old one", g, again.Tags, err)
		}
	})
}

func TestRegisterAgainstDeletionOfTheGroup(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		id := easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")
		for round := range 8 {
			old, young := fmt.Sprintf("team/torch:old%d", round), fmt.Sprintf("team/torch:young%d", round)
			w.Push(t, w.Ann, old, "layer")
			w.Push(t, w.Ann, young, "layer")
			register(t, w, registration(t, imagetest.AcmeOne, old))
			r := registration(t, imagetest.AcmeOne, young)
			var wg sync.WaitGroup
			var made easel.Image
			var registered, deleted, updated error
			wg.Go(func() { made, registered = w.DB.RegisterImage(t.Context(), w.Ann, r) })
			wg.Go(func() {
				_, _, deleted = w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, Group: id})
			})
			guide := "how to"
			wg.Go(func() {
				_, updated = w.DB.UpdateImageGroup(t.Context(), w.Ann, imagetest.AcmeOne, id, catalog.GroupUpdate{ReadMe: &guide})
			})
			wg.Wait()
			if registered != nil || deleted != nil || (updated != nil && !errors.Is(updated, easel.NotFound)) {
				t.Fatalf("register %v, delete %v, update %v; want success, or NotFound for the update", registered, deleted, updated)
			}
			// The new version went with the group, or it is in a group of its own.
			_, imageErr := w.DB.Image(t.Context(), made.ID)
			g, groupErr := w.DB.ImageGroup(t.Context(), imagetest.AcmeOne, id)
			if (imageErr == nil) != (groupErr == nil) || (groupErr == nil && g.Versions != 1) {
				t.Errorf("image: %v, group %+v: %v; want both there or both gone", imageErr, g, groupErr)
			}
			if groupErr == nil {
				_, _, err := w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, Group: id})
				must(t, err)
			}
		}
	})
}
