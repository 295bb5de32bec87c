package catalogtest

import (
	"slices"
	"testing"
	"time"

	"easel"
)

var manifestTests = []test{
	{"PutNeedsEveryBlob", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		w.wants(w.put(w.ann, "team/a", image("config", "missing"), "v1"), easel.Invalid, "manifest blob")
		w.upload(w.ann, "team/b", "missing") // of another repository: not enough
		w.wants(w.put(w.ann, "team/a", image("config", "missing"), "v1"), easel.Invalid, "manifest blob")
	}},
	{"PutNeedsEveryChild", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		w.wants(w.put(w.ann, "team/a", index(image("config")), "v1"), easel.Invalid, "manifest blob")
	}},
	{"ForeignLayerNeedNotBeThere", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		m := build(map[string]any{"mediaType": easel.MediaTypeOCIManifest, "config": descriptor("config"), "layers": []any{
			map[string]any{"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar", "digest": digest("elsewhere"), "size": 9}}})
		w.must(w.put(w.ann, "team/a", m, "v1"))
	}},
	{"LayerListedTwice", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "same")
		w.must(w.put(w.ann, "team/a", image("same", "same", "same"), "v1"))
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("same"), 0, 0)
	}},
	{"TagsArePagedInByteOrder", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		w.must(w.put(w.ann, "team/a", image("config"), "b", "a", "B", "_x", "1"))
		first, more, err := w.db.Tags(t.Context(), "team/a", "", 3)
		w.must(err)
		rest, last, err := w.db.Tags(t.Context(), "team/a", string(first[2]), 3)
		w.must(err)
		if got := append(first, rest...); !slices.Equal(got, []easel.Tag{"1", "B", "_x", "a", "b"}) || !more || last {
			t.Errorf("pages %v, more %v %v", got, more, last)
		}
		_, _, err = w.db.Tags(t.Context(), "team/none", "", 3)
		w.wants(err, easel.NotFound, "repository")
	}},
	{"MovedTagLeavesItsManifest", func(t *testing.T, w *world) {
		old := w.push(w.ann, "team/a", "latest", "c1")
		w.push(w.ann, "team/a", "latest", "c2")
		if !w.hasManifest("team/a", old) {
			t.Error("the old manifest went")
		}
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "latest", nil) // what it names now
		w.must(err)
		w.bytes(out, size("c2"), 0, 0)
	}},
	{"ReferrersByTypeAndPage", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		var want []easel.Digest
		for _, word := range []string{"sig", "sbom", "scan"} {
			w.upload(w.ann, "team/a", word)
			r := referrer(m, word)
			w.must(w.put(w.ann, "team/a", r))
			want = append(want, manifestDigest(r))
		}
		slices.Sort(want)
		first, more, err := w.db.Referrers(t.Context(), "team/a", manifestDigest(m), "", "", 2)
		w.must(err)
		rest, _, err := w.db.Referrers(t.Context(), "team/a", manifestDigest(m), "application/vnd.test", first[1].Digest, 2)
		w.must(err)
		var got []easel.Digest
		for _, d := range append(first, rest...) {
			got = append(got, d.Digest)
		}
		if !slices.Equal(got, want) || !more {
			t.Errorf("referrers %v, more %v; want %v", got, more, want)
		}
		none, _, err := w.db.Referrers(t.Context(), "team/a", manifestDigest(m), "application/other", "", 2)
		if len(none) != 0 || err != nil {
			t.Errorf("referrers of another type: %v, %v", none, err)
		}
	}},
	{"ReferrerWaitsForItsSubject", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		w.upload(w.ann, "team/a", "sig")
		subject := image("config")
		r := referrer(subject, "sig")
		w.must(w.put(w.ann, "team/a", r))
		w.must(w.put(w.ann, "team/a", subject, "v1"))
		w.pass(time.Hour)
		w.sweep()
		if !w.hasManifest("team/a", r) {
			t.Error("the referrer went although its subject came")
		}
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("config")+size("sig"), 0, 0)
	}},
	{"ReferrerWithoutSubjectGoesWithItsPin", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "sig")
		r := referrer(image("never"), "sig")
		w.must(w.put(w.ann, "team/a", r))
		w.pass(pinFor)
		if freed := w.sweep(); freed != size("sig") || w.hasManifest("team/a", r) {
			t.Errorf("freed %d", freed)
		}
	}},
	{"ManifestPutByDigestStays", func(t *testing.T, w *world) {
		w.upload(w.ann, "team/a", "config")
		m := image("config")
		w.must(w.put(w.ann, "team/a", m))
		w.pass(time.Hour)
		if freed := w.sweep(); freed != 0 || !w.hasManifest("team/a", m) {
			t.Errorf("freed %d", freed)
		}
	}},
	{"RepositoriesOfADomain", func(t *testing.T, w *world) {
		w.push(w.ann, "team/b", "v1", "c")
		w.push(w.ann, "team/a", "v1", "c")
		w.push(w.eve, "foreign/a", "v1", "c")
		names, more, err := w.db.Repositories(t.Context(), "lab", "", 10)
		if !slices.Equal(names, []easel.Repo{"team/a", "team/b"}) || more || err != nil {
			t.Errorf("repositories %v, %v, %v", names, more, err)
		}
	}},
	{"HoldersAreThoseOneMayRead", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "base")
		w.push(w.eve, "foreign/a", "v1", "base")
		for _, who := range []easel.Principal{w.ann, w.eve} {
			found, err := w.db.BlobHolders(t.Context(), who, digest("base"))
			if err != nil || len(found) != 1 || found[0].Grants.Domain != who.DomainID {
				t.Errorf("holders for %s: %v, %v", who.UserID, found, err)
			}
		}
		if found, err := w.db.BlobHolders(t.Context(), easel.Principal{}, digest("base")); err != nil || len(found) != 0 {
			t.Errorf("holders for a stranger: %v, %v", found, err)
		}
	}},
}
