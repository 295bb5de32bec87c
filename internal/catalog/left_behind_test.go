package catalog_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

var everythingLeft = catalog.LeftQuery{Unregistered: true, Untagged: true, Repos: []easel.Repo{"team/torch", "team/other", "team/none"}, Limit: 100}

// left names what is left behind: a tag, or "@" for an untagged manifest.
func left(t *testing.T, w *imagetest.World) map[string]int64 {
	t.Helper()
	found, err := w.DB.LeftBehind(t.Context(), everythingLeft)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]int64{}
	for _, l := range found {
		if l.Tag == "" {
			out[string(l.Repo)+"@"] += l.Bytes
			continue
		}
		out[string(l.Repo)+":"+string(l.Tag)] = l.Bytes
	}
	return out
}

func dropRecord(t *testing.T, w *imagetest.World, i easel.Image, force bool) {
	t.Helper()
	if _, _, err := w.DB.DeleteImages(t.Context(), w.Ann, catalog.ImageDeletion{Project: i.Project, IDs: []string{i.ID}, Force: force}); err != nil {
		t.Fatal(err)
	}
}

// TestLeftBehind follows tags through all that makes them left behind, or not.
func TestLeftBehind(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		for _, tag := range []string{"pushed", "left", "twice", "again", "repushed", "forced"} {
			w.Push(t, w.Ann, "team/torch:"+tag, "base", "layer of "+tag)
		}
		records := map[string]easel.Image{}
		for _, tag := range []string{"left", "twice", "again", "repushed", "forced"} {
			records[tag] = register(t, w, registration(t, imagetest.AcmeOne, "team/torch:"+tag))
		}
		twin := register(t, w, registration(t, imagetest.AcmeTwo, "team/torch:twice"))
		if diff := cmp.Diff(map[string]int64{}, left(t, w)); diff != "" {
			t.Errorf("before a record went (-want +got):\n%s", diff)
		}
		for tag, i := range records {
			dropRecord(t, w, i, tag == "forced")
		}
		register(t, w, registration(t, imagetest.AcmeOne, "team/torch:again"))
		w.Push(t, w.Ann, "team/torch:repushed", "base", "layer of repushed")
		got := left(t, w)
		if _, ok := got["team/torch:left"]; !ok || len(got) != 1 {
			t.Errorf("left behind: %v, want the tag left only", got)
		}
		dropRecord(t, w, twin, false)
		if got := left(t, w); len(got) != 2 {
			t.Errorf("after the last record of twice went: %v", got)
		}

		// A tag that moved leaves a manifest behind.
		w.Push(t, w.Ann, "team/other:v1", "base", "old old old")
		w.Push(t, w.Ann, "team/other:v1", "base", "new")
		promised := int64(0)
		for _, bytes := range left(t, w) {
			promised += bytes
		}
		plan, more, err := w.DB.PlanReclaim(t.Context(), w.Ann, "team", everythingLeft, nil)
		if err != nil || more || plan.Receipt.Freed != promised || len(plan.Receipt.Tags) != 2 {
			t.Errorf("plan: %d bytes of %d, more %v, %v; %v", plan.Receipt.Freed, promised, more, err, plan.Receipt.Tags)
		}
		done, _, err := w.DB.ReclaimLeft(t.Context(), w.Ann, "team", everythingLeft, nil)
		if err != nil || done.Receipt.Freed != promised || done.Receipt.Action != "reclaimLeftBehind" {
			t.Errorf("reclaim: %d bytes of %d, %v", done.Receipt.Freed, promised, err)
		}
		if got := left(t, w); len(got) > 0 {
			t.Errorf("still left behind: %v", got)
		}
		for path, want := range map[string]bool{"team/torch:pushed": true, "team/torch:again": true, "team/torch:repushed": true, "team/torch:left": false, "team/other:v1": true} {
			if w.HasTag(t, path) != want {
				t.Errorf("%s is there: %v, want %v", path, !want, want)
			}
		}
		again, _, err := w.DB.ReclaimLeft(t.Context(), w.Ann, "team", everythingLeft, nil)
		if err != nil || again.Receipt.ID != "" {
			t.Errorf("reclaim of nothing: receipt %q, %v", again.Receipt.ID, err)
		}
	})
}

// TestReclaimSpares leaves alone what is immutable and what a push holds, and
// what is not asked for.
func TestReclaimSpares(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		w.Push(t, w.Ann, "team/torch:v1", "base")
		w.Push(t, w.Ann, "team/torch:pinned", "other")
		w.Push(t, w.Ann, "team/other:v1", "old")
		w.Push(t, w.Ann, "team/other:v1", "new")
		for _, tag := range []string{"v1", "pinned"} {
			dropRecord(t, w, register(t, w, registration(t, imagetest.AcmeOne, "team/torch:"+tag)), false)
		}
		if _, err := w.DB.PinManifest(t.Context(), w.Ben, "team/torch", easel.Ref{Tag: "pinned"}); err != nil {
			t.Fatal(err)
		}
		if err := w.DB.SetRepoTagRules(t.Context(), w.Ann, "team/torch", []easel.TagPattern{"v*"}); err != nil {
			t.Fatal(err)
		}
		q := everythingLeft
		q.Untagged = false
		out, _, err := w.DB.ReclaimLeft(t.Context(), w.Ann, "team", q, nil)
		if err != nil || out.Receipt.ID != "" {
			t.Errorf("reclaimed %v, %v; want nothing", out.Receipt.Tags, err)
		}
		q.Unregistered, q.Untagged, q.Limit = false, true, 1
		out, more, err := w.DB.ReclaimLeft(t.Context(), w.Ann, "team", q, nil)
		if err != nil || len(out.Receipt.Manifests) != 1 || !more {
			t.Errorf("reclaimed %v, more %v, %v; want the untagged manifest", out.Receipt.Manifests, more, err)
		}
		if !w.HasTag(t, "team/torch:v1") || !w.HasTag(t, "team/torch:pinned") {
			t.Error("a tag that was to be spared is gone")
		}
		repos, err := w.DB.LeftRepos(t.Context(), w.Ann, w.Ann.DomainID, "", everythingLeft)
		if err != nil || len(repos) != 1 || repos[0].Repo != "team/torch" {
			t.Errorf("repositories with something left behind: %v, %v", repos, err)
		}
	})
}

// TestReclaimCanBeUndone reclaims where there is an undo window.
func TestReclaimCanBeUndone(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		w.Push(t, w.Ann, "team/torch:left", "base", "left")
		dropRecord(t, w, register(t, w, registration(t, imagetest.AcmeOne, "team/torch:left")), false)
		w.Push(t, w.Ann, "team/torch:moved", "before")
		w.Push(t, w.Ann, "team/torch:moved", "after")
		promised := int64(0)
		for _, bytes := range left(t, w) {
			promised += bytes
		}
		out, _, err := w.DB.ReclaimLeft(t.Context(), w.Ann, "team", everythingLeft, nil)
		if r := out.Receipt; err != nil || r.Freed != 0 || r.Trash != promised || r.RestoreUntil == nil || len(r.Manifests) != 2 {
			t.Errorf("reclaimed %+v, %v; want %d bytes in trash", r, err, promised)
		}
		sound(t, w)
		if back, err := w.DB.Restore(t.Context(), w.Ann, out.Receipt.ID, ""); err != nil || len(back.Tags) != 1 || !w.HasTag(t, "team/torch:left") {
			t.Errorf("restored %+v, %v", back, err)
		}
		sound(t, w)
		q := everythingLeft
		q.Unregistered = false
		out, _, err = w.DB.ReclaimLeft(easel.WithDeleteNow(t.Context()), w.Ann, "team", q, nil)
		if r := out.Receipt; err != nil || r.Freed == 0 || r.Trash != 0 || len(r.Manifests) != 1 {
			t.Errorf("reclaimed now: %+v, %v", r, err)
		}
	})
}
