package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// TestProtectedImage tries every route on which a protected image, its tag or
// its content could go.
func TestProtectedImage(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:1", "base", "torch")
		w.Push(t, w.Ann, "team/torch:2", "base", "other")
		i := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		twin := register(t, w, registration(t, imagetest.AcmeTwo, "team/torch:1"))
		if _, err := w.DB.ProtectImage(t.Context(), w.Ann, imagetest.AcmeOne, i.ID); err != nil {
			t.Fatal(err)
		}
		again, err := w.DB.ProtectImage(t.Context(), w.Cleo, imagetest.AcmeOne, i.ID)
		if err != nil || again.Protected == nil || again.Protected.UserName != "ann" {
			t.Errorf("protected again: %+v, %v; want the protection of ann", again.Protected, err)
		}
		m, err := w.DB.Manifest(t.Context(), "team/torch", easel.Ref{Tag: "1"})
		if err != nil {
			t.Fatal(err)
		}
		two, err := w.DB.Manifest(t.Context(), "team/torch", easel.Ref{Tag: "2"})
		if err != nil {
			t.Fatal(err)
		}
		for name, try := range protectedRoutes(t, w, i, m, two) {
			err := try()
			if !errors.Is(err, easel.InUse) || easel.AsError(err).Noun != "protection" || !strings.Contains(err.Error(), i.ID) || !strings.Contains(err.Error(), "ann") {
				t.Errorf("%s: %v; want InUse that names image and protector", name, err)
			}
		}
		if !w.HasTag(t, "team/torch:1") {
			t.Fatal("the tag is gone")
		}
		// A record without protection goes; what is protected keeps the tag.
		_, out, err := w.DB.DeleteImages(t.Context(), w.Cleo, catalog.ImageDeletion{Project: imagetest.AcmeTwo, IDs: []string{twin.ID}, Force: true})
		if err != nil || out.Receipt.Kept != "shared-tag" {
			t.Errorf("the other project's record: kept %q, %v", out.Receipt.Kept, err)
		}
		// The same content may be put again.
		if err := putAgain(t, w, "team/torch", m, "1"); err != nil {
			t.Errorf("put of the same digest: %v", err)
		}
		if _, err := w.DB.UnprotectImage(t.Context(), w.Cleo, imagetest.AcmeOne, i.ID); err != nil {
			t.Fatal(err)
		}
		if _, _, err := w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: []string{i.ID}, Force: true}); err != nil {
			t.Errorf("deleted after the protection was lifted: %v", err)
		}
		if w.HasTag(t, "team/torch:1") {
			t.Error("the tag is still there")
		}
	})
}

func protectedRoutes(t *testing.T, w *imagetest.World, i easel.Image, m, other catalog.StoredManifest) map[string]func() error {
	deletion := func(d catalog.ImageDeletion) func() error {
		return func() error { _, _, err := w.DB.DeleteImages(t.Context(), w.Ann, d); return err }
	}
	return map[string]func() error{
		"record":         deletion(catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: []string{i.ID}}),
		"record, forced": deletion(catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: []string{i.ID}, Force: true}),
		"group":          deletion(catalog.ImageDeletion{Project: imagetest.AcmeOne, Group: easel.GroupID(i.Project, i.Workspace, "team", "torch")}),
		"tag":            func() error { _, err := w.DB.DeleteTag(t.Context(), w.Ann, "team/torch", "1", nil); return err },
		"manifest": func() error {
			_, err := w.DB.DeleteManifest(t.Context(), w.Ann, "team/torch", m.Digest, nil)
			return err
		},
		"repository":        func() error { _, err := w.DB.DeleteRepo(t.Context(), w.Ann, "team/torch", nil); return err },
		"put with the tag":  func() error { return putAgain(t, w, "team/torch", other, "1") },
		"put with ?tag=… …": func() error { return putAgain(t, w, "team/torch", other, "3", "1") },
	}
}

// putAgain puts a stored manifest under tags.
func putAgain(t *testing.T, w *imagetest.World, repo easel.Repo, m catalog.StoredManifest, tags ...easel.Tag) error {
	t.Helper()
	parsed, err := easel.ParseManifest(m.MediaType, m.Body)
	if err != nil {
		t.Fatal(err)
	}
	return w.DB.PutManifest(t.Context(), w.Ann, catalog.ManifestPut{Repo: repo, Digest: m.Digest, Tags: tags, Manifest: parsed})
}

// TestProtectErrors asks for protection of what there is none for.
func TestProtectErrors(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:1", "base")
		i := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		_, err := w.DB.ProtectImage(t.Context(), w.Cleo, imagetest.AcmeTwo, i.ID)
		wantError(t, "another project's image", err, easel.NotFound, "image")
		_, err = w.DB.UnprotectImage(t.Context(), w.Ann, imagetest.AcmeOne, "00000000-0000-7000-8000-000000000000")
		wantError(t, "no image", err, easel.NotFound, "image")
		if got, err := w.DB.UnprotectImage(t.Context(), w.Ann, imagetest.AcmeOne, i.ID); err != nil || got.Protected != nil {
			t.Errorf("unprotected what was not protected: %+v, %v", got.Protected, err)
		}
		w.Untag(t, w.Ann, "team/torch:1")
		_, err = w.DB.ProtectImage(t.Context(), w.Ann, imagetest.AcmeOne, i.ID)
		wantError(t, "an image without tag", err, easel.NotFound, "tag")
	})
}

// TestPlanNamesProtection plans the deletion of a protected image.
func TestPlanNamesProtection(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:1", "base")
		i := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		if _, err := w.DB.ProtectImage(t.Context(), w.Ann, imagetest.AcmeOne, i.ID); err != nil {
			t.Fatal(err)
		}
		plan, err := w.DB.PlanImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: []string{i.ID}, Force: true})
		if err != nil || len(plan.Blockers) != 1 || plan.Blockers[0].Kind != easel.BlockedByProtection || plan.Blockers[0].Holder != "ann" || plan.Receipt.Freed == 0 {
			t.Errorf("plan: %+v, %v", plan, err)
		}
	})
}
