package catalogtest

import (
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

var pinTests = []test{
	{"PushAMomentAgoIsFreedAtOnce", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config", "layer")
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("config")+size("layer"), 0, 0)
	}},
	{"HeadByTheTokenThatUploadedIsNotCounted", func(t *testing.T, w *world) { // docker asks after each upload
		w.upload(w.ann, "team/a", "config")
		w.head(w.ann, "team/a", "config")
		w.must(w.put(w.ann, "team/a", image("config"), "v1"))
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("config"), 0, 0)
	}},
	{"HeadByAnotherTokenIsCounted", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		again := w.ann
		again.TokenID = "another"
		w.head(again, "team/a", "config")
		w.must(w.put(w.ann, "team/a", image("config"), "v1"))
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, 0, 0, size("config"))
		if out.Receipt.PinnedUntil == nil || len(out.Receipt.PinnedBy) != 1 || out.Receipt.PinnedBy[0] != "ann" {
			t.Errorf("PinnedUntil = %v, PinnedBy = %v", out.Receipt.PinnedUntil, out.Receipt.PinnedBy)
		}
		w.pass(pinFor)
		if freed := w.sweep(); freed != size("config") {
			t.Errorf("the sweep freed %d, want %d", freed, size("config"))
		}
	}},
	{"WhoeverWasToldItIsThereCanPush", func(t *testing.T, w *world) { // layers skipped by HEAD while their image is deleted
		w.push(w.ann, "team/a", "v1", "config", "layer")
		if !w.head(w.bob, "team/a", "layer") {
			t.Fatal("the layer is not there")
		}
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("config"), 0, size("layer"))
		w.upload(w.bob, "team/a", "config2")
		w.must(w.put(w.bob, "team/a", image("config2", "layer"), "v2"))
		out, err = w.db.DeleteTag(t.Context(), w.bob, "team/a", "v2", nil)
		w.must(err)
		w.bytes(out, size("config2")+size("layer"), 0, 0)
	}},
	{"MountPinsUntilThePut", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config", "layer")
		_, err := w.db.Mount(t.Context(), w.bob, "team/a", "team/b", digest("layer"))
		w.must(err)
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		if out.Receipt.Freed != size("config") || !w.has("team/b", "layer") || w.has("team/a", "layer") {
			t.Errorf("receipt %+v", out.Receipt)
		}
		w.upload(w.bob, "team/b", "config")
		w.must(w.put(w.bob, "team/b", image("config", "layer"), "v1"))
	}},
	{"MountOfWhatIsNotThere", func(t *testing.T, w *world) {
		_, err := w.db.Mount(t.Context(), w.bob, "team/a", "team/b", digest("layer"))
		w.wants(err, easel.NotFound, "repository")
		w.upload(w.ann, "team/a", "other")
		_, err = w.db.Mount(t.Context(), w.bob, "team/a", "team/b", digest("layer"))
		w.wants(err, easel.NotFound, "blob")
	}},
	{"PutThatChangesNothingTakesNothing", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		w.head(w.bob, "team/a", "config")
		w.must(w.put(w.bob, "team/a", m, "v1"))
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, 0, 0, size("config"))
	}},
	{"TwoTellingsTakeTwoPuts", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "c1", "layer")
		w.head(w.bob, "team/a", "layer")
		w.head(w.bob, "team/a", "layer")
		w.upload(w.bob, "team/a", "c2")
		w.must(w.put(w.bob, "team/a", image("c2", "layer"), "v2"))
		for _, tag := range []easel.Tag{"v1", "v2"} {
			_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", tag, nil)
			w.must(err)
		}
		if !w.has("team/a", "layer") {
			t.Error("the second telling was forgotten")
		}
		w.upload(w.bob, "team/a", "c3")
		w.must(w.put(w.bob, "team/a", image("c3", "layer"), "v3"))
	}},
	{"EndedPinHoldsNothing", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		w.head(w.bob, "team/a", "config")
		w.pass(pinFor)
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("config"), 0, 0)
	}},
	{"EndedPinStartsAtOneAgain", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config", "layer")
		w.head(w.bob, "team/a", "layer")
		w.pass(pinFor)
		w.head(w.bob, "team/a", "layer")
		w.upload(w.bob, "team/a", "c2")
		w.must(w.put(w.bob, "team/a", image("c2", "layer"), "v2"))
		for _, tag := range []easel.Tag{"v1", "v2"} {
			_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", tag, nil)
			w.must(err)
		}
		if w.has("team/a", "layer") {
			t.Error("a telling whose pin had ended was counted again")
		}
	}},
	{"ArrivingBytesKeepPinsAlive", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "first")
		u, err := w.db.StartUpload(t.Context(), w.ann, "team/a", easel.SHA256, 48*time.Hour)
		w.must(err)
		for i := range int64(100) { // 16 h 40 min in pieces of 10 min
			w.pass(10 * time.Minute)
			u.Size = i + 1
			w.must(w.db.AdvanceUpload(t.Context(), u, i))
			w.sweep()
		}
		if !w.has("team/a", "first") {
			t.Fatal("the first layer went while the second was on its way")
		}
		for i := range int64(100) {
			w.pass(10 * time.Minute)
			u.Size = 101 + i
			w.must(w.db.AdvanceUpload(t.Context(), u, 100+i))
			w.sweep()
		}
		if w.has("team/a", "first") {
			t.Error("a pin was kept alive for more than a day")
		}
	}},
	{"UnusedUploadGoesWithItsPin", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "forgotten")
		w.pass(pinFor - time.Second)
		if freed := w.sweep(); freed != 0 || !w.has("team/a", "forgotten") {
			t.Errorf("freed %d before the pin ended", freed)
		}
		w.pass(time.Second)
		if freed := w.sweep(); freed != size("forgotten") || w.has("team/a", "forgotten") {
			t.Errorf("freed %d, want %d", freed, size("forgotten"))
		}
	}},
	{"DeleteOfABlobEndsOnesOwnPin", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "layer")
		out, err := w.db.DeleteBlob(t.Context(), w.ann, "team/a", digest("layer"))
		w.must(err)
		w.bytes(out, size("layer"), 0, 0)
	}},
	{"DeleteOfABlobThatAnotherPushHoldsIsRefused", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "layer")
		_, err := w.db.DeleteBlob(t.Context(), w.bob, "team/a", digest("layer"))
		w.wants(err, easel.InUse, "blob")
		w.pass(pinFor)
		out, err := w.db.DeleteBlob(t.Context(), w.bob, "team/a", digest("layer"))
		w.must(err)
		w.bytes(out, size("layer"), 0, 0)
	}},
	{"ManifestOfAnotherPushIsCondemned", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		_, err := w.db.PinManifest(t.Context(), w.bob, "team/a", easel.Ref{Digest: manifestDigest(m)})
		w.must(err)
		out, err := w.db.DeleteManifest(t.Context(), w.ann, "team/a", manifestDigest(m), nil)
		w.must(err)
		w.bytes(out, 0, 0, size("config"))
		if len(out.Receipt.Condemned) != 1 || len(out.Receipt.Tags) != 1 || out.Receipt.PinnedUntil == nil || !w.hasManifest("team/a", m) {
			t.Errorf("receipt %+v", out.Receipt)
		}
		w.pass(pinFor)
		if freed := w.sweep(); freed != size("config") || w.hasManifest("team/a", m) {
			t.Errorf("the sweep freed %d", freed)
		}
	}},
	{"PutTakesACondemnationBack", func(t *testing.T, w *world) {
		child := image("config")
		w.push(w.ann, "team/a", "v1", "config")
		_, err := w.db.PinManifest(t.Context(), w.bob, "team/a", easel.Ref{Digest: manifestDigest(child)})
		w.must(err)
		_, err = w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.must(w.put(w.bob, "team/a", index(child), "all"))
		w.pass(time.Hour)
		w.sweep()
		if !w.hasManifest("team/a", child) || !w.has("team/a", "config") {
			t.Error("the child of a live index went")
		}
	}},
	{"RepositoryThatAnotherPushHoldsStays", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		w.head(w.bob, "team/a", "config")
		_, err := w.db.DeleteRepo(t.Context(), w.ann, "team/a", nil)
		w.wants(err, easel.InUse, "repository")
		w.pass(pinFor)
		out, err := w.db.DeleteRepo(t.Context(), w.ann, "team/a", nil)
		w.must(err)
		w.bytes(out, size("config"), 0, 0)
	}},
	{"UploadOutlivesItsRepository", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		u, err := w.db.StartUpload(t.Context(), w.bob, "team/a", easel.SHA256, time.Hour)
		w.must(err)
		_, err = w.db.DeleteRepo(t.Context(), w.ann, "team/a", nil)
		w.must(err)
		w.must(w.finish(w.bob, u, "layer"))
		if !w.has("team/a", "layer") {
			t.Error("the layer that was on its way is lost")
		}
	}},
	{"PlanChangesNothing", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config", "layer")
		id := w.register(w.ann, "team/a", "v1")
		d := catalog.ImageDeletion{Project: w.ann.ProjectID, IDs: []string{id}, Force: true}
		plan, err := w.db.PlanImages(t.Context(), w.ann, d)
		w.must(err)
		if plan.Freed != size("config")+size("layer") || plan.Shared != 0 || plan.Pinned != 0 {
			t.Errorf("the plan frees %d, shared %d, pinned %d", plan.Freed, plan.Shared, plan.Pinned)
		}
		if !w.has("team/a", "layer") || len(w.garbage()) != 0 {
			t.Error("the plan was carried out")
		}
		_, out, err := w.db.DeleteImages(t.Context(), w.ann, d)
		w.must(err)
		w.bytes(out, plan.Freed, 0, 0)
		if out.Receipt.Plan != plan.ID {
			t.Errorf("the deletion is %s, planned was %s", out.Receipt.Plan, plan.ID)
		}
	}},
}
