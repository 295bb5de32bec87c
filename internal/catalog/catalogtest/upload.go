package catalogtest

import (
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
)

var uploadTests = []test{
	{"UploadAdvancesFromWhereItWas", func(t *testing.T, w *world) {
		u, err := w.db.StartUpload(t.Context(), w.ann, "team/a", easel.SHA256, time.Hour)
		w.must(err)
		u.Size, u.Hash, u.Writer = 100, []byte("state"), []byte("parts")
		w.must(w.db.AdvanceUpload(t.Context(), u, 0))
		w.wants(w.db.AdvanceUpload(t.Context(), u, 0), easel.Changed, "upload")
		got, err := w.db.Upload(t.Context(), w.ann, "team/a", u.ID)
		w.must(err)
		if got.Size != 100 || string(got.Hash) != "state" || string(got.Writer) != "parts" || got.Key != u.Key || !got.Until.Equal(u.Until) {
			t.Errorf("Upload = %+v, want %+v", got, u)
		}
	}},
	{"UploadOfAnotherIsNotFound", func(t *testing.T, w *world) {
		u, err := w.db.StartUpload(t.Context(), w.ann, "team/a", easel.SHA256, time.Hour)
		w.must(err)
		_, err = w.db.Upload(t.Context(), w.bob, "team/a", u.ID)
		w.wants(err, easel.NotFound, "upload")
		_, err = w.db.Upload(t.Context(), w.ann, "team/b", u.ID)
		w.wants(err, easel.NotFound, "upload")
		w.wants(w.db.CancelUpload(t.Context(), w.bob, "team/a", u.ID), easel.NotFound, "upload")
	}},
	{"UploadNeedsAnOrganisation", func(t *testing.T, w *world) {
		_, err := w.db.StartUpload(t.Context(), w.ann, "nobody/a", easel.SHA256, time.Hour)
		w.wants(err, easel.NotFound, "organisation")
	}},
	{"FinishTwiceIsNotFound", func(t *testing.T, w *world) {
		u, err := w.db.StartUpload(t.Context(), w.ann, "team/a", easel.SHA256, time.Hour)
		w.must(err)
		w.must(w.finish(w.ann, u, "x"))
		w.wants(w.finish(w.ann, u, "x"), easel.NotFound, "upload")
	}},
	{"SecondUploadOfADigestBecomesGarbage", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "base")
		u, err := w.db.StartUpload(t.Context(), w.bob, "team/b", easel.SHA256, time.Hour)
		w.must(err)
		spare, err := w.db.FinishUpload(t.Context(), w.bob, u, digest("base"), size("base"))
		w.must(err)
		if len(spare) != 1 || spare[0].Key != u.Key {
			t.Errorf("spare = %v, want the second key", spare)
		}
		if !w.has("team/b", "base") {
			t.Error("team/b does not have the blob")
		}
		if g := w.garbage(); len(g) != 1 || g[0] != u.Key {
			t.Errorf("garbage = %v, want the second key %s", g, u.Key)
		}
	}},
	{"CancelledUploadIsUnlinkedTwice", func(t *testing.T, w *world) {
		u, err := w.db.StartUpload(t.Context(), w.ann, "team/a", easel.SHA256, time.Hour)
		w.must(err)
		w.must(w.db.CancelUpload(t.Context(), w.ann, "team/a", u.ID))
		w.unlinkedTwice(u.Key, 2*time.Hour)
	}},
	{"ExpiredUploadIsUnlinkedTwice", func(t *testing.T, w *world) {
		u, err := w.db.StartUpload(t.Context(), w.ann, "team/a", easel.SHA256, time.Hour)
		w.must(err)
		w.pass(time.Hour)
		if n, err := w.db.ExpireUploads(t.Context()); n != 1 || err != nil {
			t.Fatalf("ExpireUploads = %d, %v", n, err)
		}
		w.wants(w.finish(w.ann, u, "x"), easel.NotFound, "upload")
		w.unlinkedTwice(u.Key, time.Hour)
	}},
	{"LostBlobIsHealedByTheNextUpload", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config", "layer")
		b, err := w.db.Blob(t.Context(), "team/a", digest("layer"))
		w.must(err)
		w.must(w.db.SetLost(t.Context(), b.Key))
		if w.has("team/a", "layer") || w.head(w.ann, "team/a", "layer") {
			t.Error("a lost blob is said to be there")
		}
		w.wants(w.put(w.ann, "team/a", m, "v2"), easel.Invalid, "manifest blob")
		_, err = w.db.PinManifest(t.Context(), w.ann, "team/a", easel.Ref{Tag: "v1"})
		w.wants(err, easel.NotFound, "manifest")
		w.upload(w.ann, "team/a", "layer")
		again, err := w.db.Blob(t.Context(), "team/a", digest("layer"))
		w.must(err)
		if again.Key == b.Key {
			t.Error("the healed blob has its old key")
		}
	}},
}

// unlinkedTwice checks that the row of a key that a late writer may still
// fill stays until after hold.
func (w *world) unlinkedTwice(key blob.Key, hold time.Duration) {
	w.t.Helper()
	for _, pass := range []time.Duration{0, hold} {
		w.pass(pass)
		if g := w.garbage(); len(g) != 1 || g[0] != key {
			w.t.Fatalf("after %v: garbage due = %v, want %s", pass, g, key)
		}
		w.must(w.db.Forget(w.t.Context(), []blob.Key{key}))
		if g := w.garbage(); len(g) != 0 {
			w.t.Fatalf("after %v: still due once unlinked: %v", pass, g)
		}
	}
	if _, named, err := w.db.StorageKey(w.t.Context(), key); named || err != nil {
		w.t.Errorf("the row is still there after the hold: %v", err)
	}
}
