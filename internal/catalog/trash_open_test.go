package catalog_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// TestRestoreWhoMay: a repository that comes back is open to whom it was open
// to, if they are still there and their time is not over.
func TestRestoreWhoMay(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, 24*time.Hour, 0)
		w.Push(t, w.Ann, "team/torch:1", "layer")
		on := catalog.GrantsOn{Org: "team", Repo: "team/torch"}
		gone := catalog.Account{ID: "u-gone", Name: "gone", Password: "x", Enabled: true, Domain: catalog.Domain{ID: w.Ann.DomainID}}
		ok := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		ok(w.DB.AddAccount(t.Context(), gone))
		ok(w.DB.AddGrants(t.Context(), w.Ann, on, []catalog.Grant{{User: w.Ben.UserID, UserName: w.Ben.UserName, Level: 3}, {User: gone.ID, UserName: gone.Name, Level: 7}}))
		ok(w.DB.AddDomain(t.Context(), catalog.Domain{ID: "id-far", Name: "far", Enabled: true}))
		ok(w.DB.AddShare(t.Context(), w.Ann, "team/torch", catalog.Share{DomainName: w.Gus.DomainName, Description: "for the project"}, 10))
		ok(w.DB.AddShare(t.Context(), w.Ann, "team/torch", catalog.Share{DomainName: "far", Ends: time.Unix(1, 0)}, 10))
		shares := func() []string {
			t.Helper()
			found, err := w.DB.Shares(t.Context(), "team/torch", "", 10)
			ok(err)
			var names []string
			for _, x := range found {
				names = append(names, x.DomainName+": "+x.Description+" by "+x.CreatorName)
			}
			return names
		}
		before := shares()
		out, err := w.DB.DeleteRepo(t.Context(), w.Ann, "team/torch", nil)
		ok(err)
		ok(w.DB.DeleteAccount(t.Context(), w.Ann, w.Ann.DomainID, gone.ID, func(catalog.Account, []catalog.HeldRole) bool { return true }))
		if _, err := w.DB.Restore(t.Context(), w.Ann, out.Receipt.ID, ""); err != nil {
			t.Fatal(err)
		}
		grants, err := w.DB.Grants(t.Context(), on)
		ok(err)
		want := map[string]int{w.Ben.UserName: 3}
		got := map[string]int{}
		for _, g := range grants {
			if g.User != w.Ann.UserID { // its creator
				got[g.UserName] = g.Level
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("grants (-want +got):\n%s", diff)
		}
		if got := shares(); len(before) != 2 || len(got) != 1 || got[0] != w.Gus.DomainName+": for the project by "+w.Ann.UserName {
			t.Errorf("shares %q, before %q", got, before)
		}
	})
}

// TestRestoreIntoAQuota: what others have used since stays theirs.
func TestRestoreIntoAQuota(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		bound := func(c catalog.QuotaChange) {
			t.Helper()
			if err := w.DB.SetOrgQuota(t.Context(), w.Ann, "team", c); err != nil {
				t.Fatal(err)
			}
		}
		w.Push(t, w.Ann, "team/torch:1", "a layer of twenty...")
		i := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		out := deleteForced(t, t.Context(), w, i.ID)
		held := w.Push(t, w.Ann, "team/torch:2", "another of twenty...")
		bound(catalog.QuotaChange{Space: &held})
		_, err := w.DB.Restore(t.Context(), w.Ann, out.ID, "")
		wantError(t, "beyond the space", err, easel.Denied, "space quota")
		if w.HasTag(t, "team/torch:1") {
			t.Error("the tag is back")
		}
		sound(t, w)
		both := 2 * held
		bound(catalog.QuotaChange{Space: &both})
		one := int64(1)
		register(t, w, registration(t, imagetest.AcmeOne, "team/torch:2"))
		if err := w.DB.SetProjectQuota(t.Context(), w.Ann, imagetest.AcmeOne, catalog.QuotaChange{Images: &one}); err != nil {
			t.Fatal(err)
		}
		_, err = w.DB.Restore(t.Context(), w.Ann, out.ID, "")
		wantError(t, "beyond the images", err, easel.Denied, "image quota")
		one = 2
		if err := w.DB.SetProjectQuota(t.Context(), w.Ann, imagetest.AcmeOne, catalog.QuotaChange{Images: &one}); err != nil {
			t.Fatal(err)
		}
		if _, err = w.DB.Restore(t.Context(), w.Ann, out.ID, ""); err != nil || !w.HasTag(t, "team/torch:1") {
			t.Errorf("within all quotas: %v", err)
		}
		sound(t, w)
	})
}

// TestTrashInSight: the list is cut to what the asking user may restore before
// it is cut to its length.
func TestTrashInSight(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		for _, repo := range []string{"team/one", "team/two", "team/three"} {
			w.Push(t, w.Ann, repo+":1", repo)
			if repo == "team/one" {
				if err := w.DB.AddGrants(t.Context(), w.Ann, catalog.GrantsOn{Org: "team", Repo: "team/one"}, []catalog.Grant{{User: w.Ben.UserID, UserName: w.Ben.UserName, Level: 7}}); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := w.DB.DeleteTag(t.Context(), w.Ann, easel.Repo(repo), "1", nil); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			name string
			who  easel.Principal
			v    *catalog.Sight
			want []easel.Repo
		}{
			{"all", w.Ann, nil, []easel.Repo{"team/three", "team/two", "team/one"}},
			{"granted", w.Ben, &catalog.Sight{Granted: true}, []easel.Repo{"team/one"}},
			{"granted nothing", w.Gus, &catalog.Sight{Granted: true}, nil},
			{"shown", w.Ben, &catalog.Sight{Granted: true, Shown: []string{"team/t*"}}, []easel.Repo{"team/three", "team/two", "team/one"}},
			{"hidden", w.Ben, &catalog.Sight{Hidden: []string{"team/two"}}, []easel.Repo{"team/three", "team/one"}},
		} {
			found, err := w.DB.Trash(t.Context(), tt.who, catalog.TrashQuery{Domain: w.Ann.DomainID, Sight: tt.v, Limit: 3})
			if err != nil {
				t.Fatal(err)
			}
			var repos []easel.Repo
			for _, x := range found {
				repos = append(repos, x.Repo)
			}
			if diff := cmp.Diff(tt.want, repos); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
		}
	})
}
