package catalog_test

import (
	"errors"
	"strings"
	"testing"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// TestImmutableTags tries every route on which an immutable tag could move or
// go, once for a pattern of the repository and once for one of its organisation.
func TestImmutableTags(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		set := map[string]func(...easel.TagPattern) error{
			"team/torch": func(p ...easel.TagPattern) error {
				return w.DB.SetRepoTagRules(t.Context(), w.Ann, "team/torch", p)
			},
			"team": func(p ...easel.TagPattern) error { return w.DB.SetTagRules(t.Context(), w.Ann, "team", p) },
		}
		w.Push(t, w.Ann, "team/torch:v1", "base", "torch")
		w.Push(t, w.Ann, "team/torch:new", "base", "other")
		i := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:v1"))
		m, err := w.DB.Manifest(t.Context(), "team/torch", easel.Ref{Tag: "v1"})
		if err != nil {
			t.Fatal(err)
		}
		other, err := w.DB.Manifest(t.Context(), "team/torch", easel.Ref{Tag: "new"})
		if err != nil {
			t.Fatal(err)
		}
		for of, set := range set {
			if err := set("v?", "x*"); err != nil {
				t.Fatal(err)
			}
			for name, try := range immutableRoutes(t, w, i, m, other) {
				err := try()
				if !errors.Is(err, easel.InUse) || easel.AsError(err).Noun != "protection" || !strings.Contains(err.Error(), "pattern v? of "+of+", set by ann") {
					t.Errorf("%s: %v; want InUse that names pattern and who set it", name, err)
				}
			}
			if err := putAgain(t, w, "team/torch", m, "v1", "v2"); err != nil {
				t.Errorf("put of the same digest, and of a tag that is new: %v", err)
			}
			if err := set(); err != nil {
				t.Fatal(err)
			}
			w.Untag(t, w.Ann, "team/torch:v2")
		}
		if err := putAgain(t, w, "team/torch", other, "v1"); err != nil {
			t.Errorf("moved when the patterns were gone: %v", err)
		}
	})
}

func immutableRoutes(t *testing.T, w *imagetest.World, i easel.Image, m, other catalog.StoredManifest) map[string]func() error {
	routes := protectedRoutes(t, w, i, m, other)
	delete(routes, "record") // its tag stays
	delete(routes, "group")
	for from, to := range map[string]string{"put with the tag": "v1", "put with ?tag=… …": "v1"} {
		routes[from] = func() error { return putAgain(t, w, "team/torch", other, "3", easel.Tag(to)) }
	}
	routes["tag"] = func() error { _, err := w.DB.DeleteTag(t.Context(), w.Ann, "team/torch", "v1", nil); return err }
	return routes
}

// TestTagRules replaces patterns and reads them back.
func TestTagRules(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:v1", "base")
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		must(w.DB.SetTagRules(t.Context(), w.Ann, "team", []easel.TagPattern{"*"}))
		must(w.DB.SetRepoTagRules(t.Context(), w.Ann, "team/torch", []easel.TagPattern{"a", "b", "a"}))
		must(w.DB.SetRepoTagRules(t.Context(), w.Cleo, "team/torch", []easel.TagPattern{"c", "b"}))
		got, err := w.DB.RepoTagRules(t.Context(), "team/torch")
		must(err)
		var said []string
		for _, r := range got {
			said = append(said, string(r.Pattern)+" of "+string(r.Repo)+" by "+r.Set.UserName)
		}
		if want := "* of  by ann|b of team/torch by ann|c of team/torch by cleo"; strings.Join(said, "|") != want {
			t.Errorf("rules %v, want %s", said, want)
		}
		if got, err := w.DB.TagRules(t.Context(), "rival"); err != nil || len(got) != 0 {
			t.Errorf("another organisation has %v, %v", got, err)
		}
		wantError(t, "no repository", w.DB.SetRepoTagRules(t.Context(), w.Ann, "team/none", nil), easel.NotFound, "repository")
		wantError(t, "no organisation", w.DB.SetTagRules(t.Context(), w.Ann, "none", nil), easel.NotFound, "organisation")
	})
}
