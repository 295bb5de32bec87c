package catalog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// TestFree looks at what may go to make room, in which order, and whether a
// plan of a set is to the byte what its deletion does.
func TestFree(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		repos := []easel.Repo{"team/torch", "team/fixed", "team/none"}
		images := map[string]easel.Image{}
		for _, tag := range []string{"one", "two", "used", "guarded", "shared", "public", "left"} {
			w.Push(t, w.Ann, "team/torch:"+tag, "base", "layer of "+tag)
			r := registration(t, imagetest.AcmeOne, "team/torch:"+tag)
			if tag == "public" {
				r.Image.Visibility = easel.Public
			}
			images[tag] = register(t, w, r)
		}
		w.Push(t, w.Ann, "team/torch:pushed", "only pushed")
		w.Push(t, w.Ann, "team/fixed:v1", "fixed")
		register(t, w, registration(t, imagetest.AcmeOne, "team/fixed:v1"))
		register(t, w, registration(t, imagetest.AcmeTwo, "team/torch:shared"))
		if err := w.DB.SetRepoTagRules(t.Context(), w.Ann, "team/fixed", []easel.TagPattern{"v*"}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.DB.ProtectImage(t.Context(), w.Ann, imagetest.AcmeOne, images["guarded"].ID); err != nil {
			t.Fatal(err)
		}
		dropRecord(t, w, images["left"], false)
		m, err := w.DB.Manifest(t.Context(), "team/torch", easel.Ref{Tag: "one"})
		if err != nil {
			t.Fatal(err)
		}
		late := catalog.Pulls{Count: 1, Last: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}
		machine := catalog.Pull{Repo: "team/torch", Digest: m.Digest, Machine: true}
		if m, err = w.DB.Manifest(t.Context(), "team/torch", easel.Ref{Tag: "used"}); err != nil {
			t.Fatal(err)
		}
		if err := w.DB.AddPulls(t.Context(), map[catalog.Pull]catalog.Pulls{machine: late, {Repo: "team/torch", Digest: m.Digest}: late}); err != nil {
			t.Fatal(err)
		}
		items, err := w.DB.FreeCandidates(t.Context(), inDefault(nil, repos...))
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, x := range items {
			order = append(order, x.Kind+" "+string(x.Tag))
		}
		if diff := cmp.Diff([]string{"unregistered left", "image one", "image two", "image used"}, order); diff != "" {
			t.Fatalf("what may go (-want +got):\n%s", diff)
		}
		alone := int64(0)
		for n := range items {
			alone += items[n].Bytes
			plan, err := w.DB.PlanFree(t.Context(), w.Ann, imagetest.AcmeOne, items[:n+1], nil)
			if err != nil || plan.Freed < alone || len(plan.Blockers) > 0 {
				t.Errorf("plan of the first %d: %d bytes, at least %d, %v, %v", n+1, plan.Freed, alone, plan.Blockers, err)
			}
		}
		plan, err := w.DB.PlanFree(t.Context(), w.Ann, imagetest.AcmeOne, items[:2], nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.DB.Free(easel.WithInsisted(t.Context(), plan.ID), w.Ann, imagetest.AcmeOne, items[:3], nil)
		wantError(t, "another set than the plan's", err, easel.Changed, "plan")
		inUse := func(_ context.Context, images []easel.Image) error {
			return easel.E(easel.InUse, "image", "a notebook needs it")
		}
		if _, err := w.DB.Free(t.Context(), w.Ann, imagetest.AcmeOne, items[:2], inUse); !errors.Is(err, easel.InUse) {
			t.Errorf("with an image in use: %v", err)
		}
		done, err := w.DB.Free(easel.WithInsisted(t.Context(), plan.ID), w.Ann, imagetest.AcmeOne, items[:2], nil)
		if err != nil || done.Receipt.Freed != plan.Freed || len(done.Receipt.Images) != 1 || len(done.Receipt.Tags) != 2 {
			t.Errorf("freed %d of %d, %v, %v; %v", done.Receipt.Freed, plan.Freed, done.Receipt.Images, done.Receipt.Tags, err)
		}
		if w.HasTag(t, "team/torch:left") || w.HasTag(t, "team/torch:one") || !w.HasTag(t, "team/torch:two") {
			t.Error("what went is not what was named")
		}
	})
}

// TestFreeCountsWhatASetShares frees two images that only together hold a layer.
func TestFreeCountsWhatASetShares(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		for _, path := range []string{"team/torch:1", "team/other:1"} {
			w.Push(t, w.Ann, path, "weights weights weights weights weights weights weights")
			register(t, w, registration(t, imagetest.AcmeOne, path))
		}
		items, err := w.DB.FreeCandidates(t.Context(), inDefault(nil, "team/torch", "team/other"))
		if err != nil || len(items) != 2 {
			t.Fatalf("%v, %v", items, err)
		}
		done, err := w.DB.Free(t.Context(), w.Ann, imagetest.AcmeOne, items, nil)
		if err != nil || done.Receipt.Freed <= items[0].Bytes+items[1].Bytes || done.Receipt.Shared != 0 {
			t.Errorf("freed %d, alone %d and %d, shared %d; %v", done.Receipt.Freed, items[0].Bytes, items[1].Bytes, done.Receipt.Shared, err)
		}
	})
}

// TestFreeTakesTrash frees trash before anything else, and images for good
// where other deletions can be undone.
func TestFreeTakesTrash(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		var receipts []string
		for _, tag := range []string{"one", "two"} {
			w.Push(t, w.Ann, "team/torch:"+tag, "a layer of both", "layer of "+tag)
			receipts = append(receipts, deleteForced(t, t.Context(), w, register(t, w, registration(t, imagetest.AcmeOne, "team/torch:"+tag)).ID).ID)
		}
		w.Push(t, w.Ann, "team/torch:kept", "a layer of all three", "layer of one")
		register(t, w, registration(t, imagetest.AcmeOne, "team/torch:kept"))
		found, err := w.DB.FreeTrash(t.Context(), w.Ann, w.Ann.DomainID)
		if err != nil || len(found) != 2 || found[0].Receipt != receipts[0] || found[0].Repo != "team/torch" || found[1].Receipt != receipts[1] {
			t.Fatalf("trash %+v, %v", found, err)
		}
		if other, err := w.DB.FreeTrash(t.Context(), w.Ann, "another domain"); err != nil || len(other) != 0 {
			t.Errorf("trash of another domain %+v, %v", other, err)
		}
		items, err := w.DB.FreeCandidates(t.Context(), inDefault(receipts, "team/torch"))
		if err != nil || len(items) != 3 || items[0].Receipt != receipts[0] || items[1].Receipt != receipts[1] || items[2].Tag != "kept" || !items[2].ForGood || items[0].ForGood {
			t.Fatalf("what may go: %+v, %v", items, err)
		}
		stranger := easel.Principal{UserID: "zed", UserName: "zed", DomainID: "another domain"}
		if out, err := w.DB.Free(t.Context(), stranger, imagetest.AcmeOne, items[:2], nil); err != nil || out.Receipt.Freed != 0 {
			t.Errorf("trash of another domain: %+v, %v", out.Receipt, err)
		}
		alone, err := w.DB.PlanFree(t.Context(), w.Ann, imagetest.AcmeOne, items[1:2], nil)
		if err != nil || alone.Freed != items[1].Bytes || alone.Freed == 0 {
			t.Errorf("the second alone: %d bytes, %d were announced; %v", alone.Freed, items[1].Bytes, err)
		}
		both, err := w.DB.PlanFree(t.Context(), w.Ann, imagetest.AcmeOne, items[:2], nil)
		if err != nil || both.Freed <= items[0].Bytes+items[1].Bytes {
			t.Errorf("both: %d bytes, alone %d and %d; %v", both.Freed, items[0].Bytes, items[1].Bytes, err)
		}
		plan, err := w.DB.PlanFree(t.Context(), w.Ann, imagetest.AcmeOne, items, nil)
		if err != nil || plan.Freed <= both.Freed {
			t.Errorf("all: %d bytes, %v", plan.Freed, err)
		}
		done, err := w.DB.Free(easel.WithInsisted(t.Context(), plan.ID), w.Ann, imagetest.AcmeOne, items, nil)
		r := done.Receipt
		if err != nil || r.Freed != plan.Freed || r.Trash != 0 || r.RestoreUntil != nil || len(r.Manifests) != 3 || len(done.Garbage) != len(r.Blobs) {
			t.Errorf("freed %+v, planned %d; %v", r, plan.Freed, err)
		}
		_, err = w.DB.Restore(t.Context(), w.Ann, receipts[0], "")
		wantError(t, "restored after all", err, easel.NotFound, "trash")
		sound(t, w)
	})
}

// inDefault is all that may go in the default workspace of AcmeOne.
func inDefault(receipts []string, repos ...easel.Repo) catalog.FreeScope {
	return catalog.FreeScope{Project: imagetest.AcmeOne, Workspaces: []string{easel.DefaultWorkspace}, Receipts: receipts, Repos: repos}
}
