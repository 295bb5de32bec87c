package catalogtest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

var whyTests = []test{
	{"WhyTellsEveryPath", whyTellsEveryPath},
	{"WhyCountsWhatMayNotBeSeen", whyCountsWhatMayNotBeSeen},
	{"WhyTellsThePins", whyTellsThePins},
	{"WhyIsBounded", whyIsBounded},
	{"WhatMustGoIsEnough", whatMustGoIsEnough},
	{"BlobsOfAnIndex", blobsOfAnIndex},
}

func (w *world) why(who easel.Principal, word string, granted bool) catalog.Why {
	w.t.Helper()
	out, err := w.db.Why(w.t.Context(), who, digest(word), catalog.Sight{Granted: granted})
	w.must(err)
	return out
}

// whyTellsEveryPath holds a layer by a tag, through an index, as a
// referrer of a tagged image and by a manifest without a tag.
func whyTellsEveryPath(t *testing.T, w *world) {
	plain := w.push(w.ann, "team/plain", "v1", "c", "base")
	id := w.register(w.ann, "team/plain", "v1")
	child := image("c", "base")
	w.upload(w.ann, "team/multi", "base")
	w.upload(w.ann, "team/multi", "c")
	w.must(w.put(w.ann, "team/multi", child))
	list := index(child)
	w.must(w.put(w.ann, "team/multi", list, "all", "latest"))
	w.upload(w.ann, "team/signed", "base")
	w.upload(w.ann, "team/signed", "s")
	subject := w.push(w.ann, "team/signed", "v1", "other")
	signature := referrer(subject, "s", "base")
	w.must(w.put(w.ann, "team/signed", signature))
	w.upload(w.ann, "team/loose", "base")
	loose := image("base")
	w.must(w.put(w.ann, "team/loose", loose))

	got := w.why(w.ann, "base", false)
	none := []easel.ReceiptItem{}
	want := []catalog.WhyPath{
		{Repo: "team/loose", Images: none, Manifests: []catalog.WhyStep{{Digest: manifestDigest(loose), As: catalog.AsUntagged}}},
		{Repo: "team/multi", Tag: "all", Images: none, Manifests: []catalog.WhyStep{{Digest: manifestDigest(list), As: catalog.AsTagged}, {Digest: manifestDigest(child), As: catalog.AsChild}}},
		{Repo: "team/multi", Tag: "latest", Images: none, Manifests: []catalog.WhyStep{{Digest: manifestDigest(list), As: catalog.AsTagged}, {Digest: manifestDigest(child), As: catalog.AsChild}}},
		{Repo: "team/plain", Tag: "v1", Images: []easel.ReceiptItem{{ID: id, Path: "localhost/team/plain:v1"}}, Manifests: []catalog.WhyStep{{Digest: manifestDigest(plain), As: catalog.AsTagged}}},
		{Repo: "team/signed", Tag: "v1", Images: none, Manifests: []catalog.WhyStep{{Digest: manifestDigest(subject), As: catalog.AsTagged}, {Digest: manifestDigest(signature), As: catalog.AsReferrer}}},
	}
	if diff := cmp.Diff(want, got.Paths); diff != "" {
		t.Errorf("paths (-want +got):\n%s", diff)
	}
	must := []string{"team/loose@" + string(manifestDigest(loose)), "team/multi:all", "team/multi:latest", "team/plain:v1", "team/signed:v1"}
	if diff := cmp.Diff(must, got.MustGo); diff != "" || got.Cut || got.Elsewhere != 0 || got.Bytes != size("base") {
		t.Errorf("must go (-want +got):\n%s\nand %+v", diff, got)
	}
	if other := w.why(w.bob, "base", false); other.Paths[3].OtherImages != 0 || len(other.Paths[3].Images) != 1 {
		t.Errorf("to another user of the project: %+v", other.Paths[3])
	}
	elsewhere := w.ann
	elsewhere.ProjectID = "another"
	if other := w.why(elsewhere, "base", false).Paths[3]; other.OtherImages != 1 || len(other.Images) != 0 {
		t.Errorf("to a user of another project: %+v", other)
	}
}

// whyCountsWhatMayNotBeSeen: strangers' references are a number, and who sees
// no repository that has the blob learns nothing.
func whyCountsWhatMayNotBeSeen(t *testing.T, w *world) {
	w.push(w.eve, "foreign/app", "v1", "theirs", "base")
	_, err := w.db.Why(t.Context(), w.ann, digest("base"), catalog.Sight{})
	w.wants(err, easel.NotFound, "blob")
	w.push(w.ann, "team/app", "v1", "c", "base")
	if got := w.why(w.ann, "base", false); len(got.Paths) != 1 || got.Elsewhere != 1 {
		t.Errorf("ann learns %+v", got)
	}
	_, err = w.db.Why(t.Context(), w.bob, digest("base"), catalog.Sight{Granted: true}) // granted nothing
	w.wants(err, easel.NotFound, "blob")
	w.must(w.db.UpdateRepo(t.Context(), w.ann, "team/app", catalog.RepoChange{Public: new(true)}))
	if got := w.why(w.bob, "base", true); len(got.Paths) != 1 || got.Elsewhere != 1 {
		t.Errorf("bob learns of a public repository: %+v", got)
	}
	w.upload(w.eve, "foreign/pinned", "base")
	if got := w.why(w.ann, "base", false); got.Elsewhere != 2 || len(got.Pins) != 0 {
		t.Errorf("with a stranger's pin ann learns %+v", got)
	}
	w.pass(pinFor)
	w.sweep()
	if got := w.why(w.ann, "base", false); got.Elsewhere != 1 {
		t.Errorf("with the pin over ann learns %+v", got)
	}
}

func whyTellsThePins(t *testing.T, w *world) {
	m := w.push(w.ann, "team/app", "v1", "c", "base")
	w.pass(pinFor)
	w.sweep()
	w.head(w.bob, "team/app", "base")
	_, err := w.db.PinManifest(t.Context(), w.bob, "team/app", easel.Ref{Digest: manifestDigest(m)})
	w.must(err)
	until := w.clock().Add(pinFor)
	want := []catalog.WhyPin{{Repo: "team/app", User: "bob", Until: until}, {Repo: "team/app", Manifest: manifestDigest(m), User: "bob", Until: until}}
	if diff := cmp.Diff(want, w.why(w.ann, "base", false).Pins); diff != "" {
		t.Errorf("pins (-want +got):\n%s", diff)
	}
	_, err = w.db.DeleteManifest(t.Context(), w.ann, "team/app", manifestDigest(m), nil)
	w.must(err)
	got := w.why(w.ann, "base", false)
	if len(got.Paths) != 1 || got.Paths[0].Manifests[0].As != catalog.AsCondemned || len(got.MustGo) != 0 || len(got.Pins) != 2 {
		t.Errorf("of a deleted manifest that is pinned: %+v", got)
	}
	w.pass(pinFor + time.Second)
	w.sweep()
	_, err = w.db.Why(t.Context(), w.ann, digest("base"), catalog.Sight{})
	w.wants(err, easel.NotFound, "blob")
}

func whyIsBounded(t *testing.T, w *world) {
	w.upload(w.ann, "team/app", "base")
	m := image("base")
	var tags []easel.Tag
	for n := range 1001 {
		tags = append(tags, easel.Tag("t"+string(digest(string(rune(n))).Hex()[:12])))
	}
	w.must(w.put(w.ann, "team/app", m, tags...))
	if got := w.why(w.ann, "base", false); len(got.Paths) != 1000 || !got.Cut {
		t.Errorf("%d paths, cut %v; want 1000 and cut", len(got.Paths), got.Cut)
	}
	ladder := image("base", "rung")
	w.upload(w.ann, "team/deep", "base")
	w.upload(w.ann, "team/deep", "rung")
	w.must(w.put(w.ann, "team/deep", ladder))
	for range 40 {
		ladder = index(ladder)
		w.must(w.put(w.ann, "team/deep", ladder))
	}
	if got := w.why(w.ann, "rung", false); len(got.Paths) != 1 || !got.Cut || got.Paths[0].Manifests[0].As != catalog.AsCut {
		t.Errorf("of a very deep index: %d paths, cut %v", len(got.Paths), got.Cut)
	}
}

// whatMustGoIsEnough deletes what the answer names; then the blob has gone.
func whatMustGoIsEnough(t *testing.T, w *world) {
	w.push(w.ann, "team/a", "v1", "c", "base")
	child := image("c", "base")
	w.upload(w.ann, "team/b", "base")
	w.upload(w.ann, "team/b", "c")
	w.must(w.put(w.ann, "team/b", child, "child"))
	w.must(w.put(w.ann, "team/b", index(child), "all"))
	w.pass(pinFor)
	w.sweep()
	for _, name := range w.why(w.ann, "base", false).MustGo {
		path, err := easel.ParseImagePath(name)
		w.must(err)
		if !w.has(path.Repo, "base") {
			t.Errorf("the blob is not in %s before %s goes", path.Repo, name)
		}
		_, err = w.db.DeleteTag(t.Context(), w.ann, path.Repo, path.Tag, nil)
		w.must(err)
	}
	_, err := w.db.Why(t.Context(), w.ann, digest("base"), catalog.Sight{})
	w.wants(err, easel.NotFound, "blob")
}

func blobsOfAnIndex(t *testing.T, w *world) {
	one, two := image("c1", "base", "layer one"), image("c2", "base", "layer two!")
	for _, word := range []string{"c1", "c2", "base", "layer one", "layer two!"} {
		w.upload(w.ann, "team/multi", word)
	}
	w.must(w.put(w.ann, "team/multi", one))
	w.must(w.put(w.ann, "team/multi", two))
	w.must(w.put(w.ann, "team/multi", index(one, two), "all"))
	got, err := w.db.BlobsOf(t.Context(), "team/multi", easel.Ref{Tag: "all"})
	w.must(err)
	var sizes []int64
	for _, b := range got {
		sizes = append(sizes, b.Size)
	}
	if diff := cmp.Diff([]int64{10, 9, 4, 2, 2}, sizes); diff != "" {
		t.Errorf("sizes (-want +got):\n%s", diff)
	}
	_, err = w.db.BlobsOf(t.Context(), "team/multi", easel.Ref{Tag: "none"})
	w.wants(err, easel.NotFound, "manifest")
}
