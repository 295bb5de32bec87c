package catalog_test

import (
	"database/sql"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// TestImageCounts: whatever is registered, deleted, synchronised and
// configured, totals and groups are those of the records that are there.
func TestImageCounts(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		random := rand.New(rand.NewPCG(5, 2026))
		pick := func(of ...string) string { return of[random.IntN(len(of))] }
		var registered []string
		repos := []string{"team/torch", "team/torchx", "team/jax/gpu", "rival/torch"}
		for step := range 60 {
			switch repo := pick(repos...); random.IntN(8) {
			case 0, 1, 2, 3:
				tag := fmt.Sprint("v", step)
				who := w.Ann
				if strings.HasPrefix(repo, "rival") {
					who = w.Gus
				}
				w.Push(t, who, repo+":"+tag, "layer")
				r := registration(t, imagetest.AcmeOne, repo+":"+tag)
				r.Image.Workspace, r.Image.ServiceType = pick("0", "0", w.WorkspaceID(t, w.Ann, "other")), pick("DEV", "TRAIN", "")
				registered = append(registered, register(t, w, r).ID)
			case 4:
				must(t, w.DB.PutBuiltins(t.Context(), []easel.Image{builtin(t, "stock/base:"+pick("one", "two"), pick("base-cpu", "base-gpu"))}))
			case 5:
				if len(registered) > 0 {
					n := random.IntN(len(registered))
					_, _, err := w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: registered[n:min(n+3, len(registered))], Force: random.IntN(2) == 0})
					must(t, err)
					registered = slices.Delete(registered, n, min(n+3, len(registered)))
				}
			case 6:
				if len(registered) > 0 { // rolled back: counts nothing
					_, err := w.DB.PlanImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: registered[:1], Force: true})
					must(t, err)
				}
			case 7:
				readMe := fmt.Sprint("guide ", step)
				_, err := w.DB.UpdateImageGroup(t.Context(), w.Ann, imagetest.AcmeOne, easel.GroupID(imagetest.AcmeOne, "0", "team", "torch"), catalog.GroupUpdate{ReadMe: &readMe})
				if err != nil && easel.AsError(err).Kind != easel.NotFound {
					t.Fatal(err)
				}
			}
		}
		wantTotals(t, w)
		found, err := w.DB.Verify(t.Context(), false)
		if err != nil || len(found) > 0 {
			t.Errorf("check found %+v, %v", found, err)
		}
	})
}

// wantTotals compares, for every filter, the total with the list, the list
// with what is left of the whole one, and stored groups with those made of images.
func wantTotals(t *testing.T, w *imagetest.World) {
	t.Helper()
	for _, workspace := range []string{"0", w.WorkspaceID(t, w.Ann, "other")} {
		whole, _, err := w.DB.Images(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: workspace}, nil, false, catalog.Page{})
		must(t, err)
		for _, kind := range []string{"", easel.BuildIn, easel.Dedicated} {
			for _, name := range []string{"", "torch", "base-cpu", "o", "none"} {
				for n := range 12 {
					f := catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: workspace, Type: kind, Name: name, NameExact: n%2 == 0,
						Org: []easel.Org{"", "team"}[n/2%2], ServiceType: []string{"", "DEV", "COMMON"}[n/4]}
					images, total, err := w.DB.Images(t.Context(), f, nil, n%3 == 0, catalog.Page{})
					want := slices.DeleteFunc(slices.Clone(whole), func(i easel.Image) bool { return !matches(f, i) })
					if err != nil || total != int64(len(want)) || len(images) != len(want) {
						t.Errorf("%+v: a total of %d, %d images, %v; want %d", f, total, len(images), err, len(want))
					}
					groups, total, err := w.DB.ImageGroups(t.Context(), f, catalog.Page{})
					if err != nil || total != int64(len(groups)) {
						t.Errorf("%+v: a total of %d, %d groups, %v", f, total, len(groups), err)
					}
				}
			}
		}
	}
}

func matches(f catalog.ImageFilter, i easel.Image) bool {
	name := f.Name == "" || strings.Contains(i.Name, f.Name) && !f.NameExact || i.Name == f.Name
	return name && (f.Type == "" || f.Type == i.Type) && (f.Org == "" || f.Org == i.Repo.Org()) && (f.ServiceType == "" || f.ServiceType == i.ServiceType)
}

// TestVerifyMendsCounts: totals that somebody broke are found and counted again.
func TestVerifyMendsCounts(t *testing.T) {
	t.Parallel()
	url := imagetest.SQLite(t)
	w := imagetest.NewAt(t, url, ticking())
	populated(t, w)
	outside, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	must(t, err)
	defer outside.Close()
	for _, damage := range []string{
		`UPDATE image_count SET images = images + 1 WHERE name = ''`,
		`DELETE FROM image_count WHERE org <> ''`,
		`INSERT INTO image_count VALUES ('` + imagetest.AcmeOne + `', '0', '', '', 'no such', 1, 1)`,
		`UPDATE image_group SET versions = versions + 1, created = 1`,
		`UPDATE image_group SET changed = 1`,
	} {
		if _, err := outside.ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		found, err := w.DB.Verify(t.Context(), true)
		if err != nil || len(found) == 0 || !found[0].Repaired {
			t.Errorf("after %s: found %+v, %v", damage, found, err)
		}
		if found, err = w.DB.Verify(t.Context(), false); err != nil || len(found) > 0 {
			t.Errorf("after the repair of %s: found %+v, %v", damage, found, err)
		}
	}
	wantTotals(t, w)
}
