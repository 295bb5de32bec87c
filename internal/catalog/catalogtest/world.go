// Package catalogtest is the executable specification of the catalogue's
// content model: uploads, pins, manifests, deletions. Every engine runs it.
package catalogtest

import (
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
)

// Open makes an empty catalogue for one test, on the given clock.
type Open func(t *testing.T, clock func() time.Time) *catalog.DB

// Run checks the engine that open opens; each subtest gets a fresh database.
func Run(t *testing.T, open Open) {
	for _, tt := range slicesConcat(uploadTests, pinTests, manifestTests, deleteTests, imageTests, raceTests, whyTests, ledgerTests, useTests, retentionTests, quotaTests, workspaceTests) {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.f(t, newWorld(t, open))
		})
	}
}

type test struct {
	name string
	f    func(*testing.T, *world)
}

func slicesConcat(all ...[]test) (out []test) {
	for _, some := range all {
		out = append(out, some...)
	}
	return out
}

// world is a catalogue with two users of one domain and one of another, each
// domain with an organisation, and a clock that stands until it is moved.
// Blobs are named by words: "base", "numpy", …; nothing is ever stored.
type world struct {
	t             *testing.T
	db            *catalog.DB
	now           atomic.Int64
	ann, bob, eve easel.Principal // ann and bob are of the domain "lab", eve is not
}

const pinFor = 15 * time.Minute

func newWorld(t *testing.T, open Open) *world {
	w := &world{t: t}
	w.now.Store(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC).UnixMicro())
	w.db = open(t, w.clock)
	w.ann, w.bob, w.eve = w.user("ann", "lab"), w.user("bob", "lab"), w.user("eve", "other")
	w.must(w.db.CreateOrg(t.Context(), w.ann, "team"))
	w.must(w.db.CreateOrg(t.Context(), w.eve, "foreign"))
	t.Cleanup(w.settles)
	return w
}

func (w *world) clock() time.Time { return time.UnixMicro(w.now.Load()).UTC() }

func (w *world) pass(d time.Duration) { w.now.Add(d.Microseconds()) }

func (w *world) user(name, domain string) easel.Principal {
	ctx := w.t.Context()
	d := catalog.Domain{ID: domain, Name: domain, Enabled: true, Created: w.clock()}
	if err := w.db.AddDomain(ctx, d); err != nil && !errors.Is(err, easel.Exists) {
		w.t.Fatal(err)
	}
	w.must(w.db.AddAccount(ctx, catalog.Account{ID: name, Name: name, Enabled: true, Created: w.clock(), Domain: d}))
	return easel.Principal{UserID: name, UserName: name, DomainID: domain, DomainName: domain, ProjectID: "project-" + domain, TokenID: "token-" + name}
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

// wants fails unless err is of kind and noun.
func (w *world) wants(err error, kind easel.Kind, noun easel.Noun) {
	w.t.Helper()
	if e := easel.AsError(err); err == nil || e.Kind != kind || e.Noun != noun {
		w.t.Errorf("err = %v (%v, %q), want %v %q", err, easel.AsError(err).Kind, easel.AsError(err).Noun, kind, noun)
	}
}

// settles ends every test: a day later nothing may be needless, and everything
// that is garbage is due.
func (w *world) settles() {
	ctx := w.t.Context()
	if ctx.Err() != nil {
		ctx = contextWithoutCancel(w.t)
	}
	w.pass(25 * time.Hour)
	if _, err := w.db.ExpireUploads(ctx); err != nil {
		w.t.Errorf("expire uploads: %v", err)
	}
	for more, n := true, 0; more; n++ {
		var err error
		if _, more, err = w.db.Sweep(ctx); err != nil || n > 1000 {
			w.t.Errorf("sweep %d: %v", n, err)
			return
		}
	}
	found, err := w.db.Verify(ctx, false)
	if err != nil || len(found) > 0 {
		w.t.Errorf("after the test: findings %v, err %v", found, err)
	}
}

func digest(word string) easel.Digest { return easel.DigestOf(easel.SHA256, []byte(word)) }

func size(word string) int64 { return int64(len(word)) }

// upload finishes an upload of word.
func (w *world) upload(who easel.Principal, repo easel.Repo, word string) {
	w.t.Helper()
	u, err := w.db.StartUpload(w.t.Context(), who, repo, easel.SHA256, time.Hour)
	w.must(err)
	w.must(w.finish(who, u, word))
}

func (w *world) finish(who easel.Principal, u catalog.Upload, word string) error {
	_, err := w.db.FinishUpload(w.t.Context(), who, u, digest(word), size(word))
	return err
}

// image is a manifest with a config and layers.
func image(config string, layers ...string) *easel.Manifest {
	return build(map[string]any{"mediaType": easel.MediaTypeOCIManifest, "config": descriptor(config), "layers": descriptors(layers)})
}

// index is a manifest of manifests.
func index(children ...*easel.Manifest) *easel.Manifest {
	list := []any{}
	for _, c := range children {
		list = append(list, map[string]any{"mediaType": c.MediaType, "digest": manifestDigest(c), "size": len(c.Body)})
	}
	return build(map[string]any{"mediaType": easel.MediaTypeOCIIndex, "manifests": list})
}

// referrer is a manifest with a subject.
func referrer(subject *easel.Manifest, config string, layers ...string) *easel.Manifest {
	return build(map[string]any{"mediaType": easel.MediaTypeOCIManifest, "config": descriptor(config), "layers": descriptors(layers),
		"subject": map[string]any{"mediaType": subject.MediaType, "digest": manifestDigest(subject), "size": len(subject.Body)}})
}

func descriptor(word string) map[string]any {
	return map[string]any{"mediaType": "application/vnd.test", "digest": digest(word), "size": size(word)}
}

func descriptors(words []string) []any {
	list := []any{}
	for _, word := range words {
		list = append(list, descriptor(word))
	}
	return list
}

func build(fields map[string]any) *easel.Manifest {
	fields["schemaVersion"] = 2
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	m, err := easel.ParseManifest(fields["mediaType"].(string), body)
	if err != nil {
		panic(err)
	}
	return m
}

func manifestDigest(m *easel.Manifest) easel.Digest { return easel.DigestOf(easel.SHA256, m.Body) }

// put stores a manifest under tags, or by digest.
func (w *world) put(who easel.Principal, repo easel.Repo, m *easel.Manifest, tags ...easel.Tag) error {
	return w.db.PutManifest(w.t.Context(), who, catalog.ManifestPut{Repo: repo, Digest: manifestDigest(m), Tags: tags, Manifest: m})
}

// push is a whole push of an image, of which every blob is asked for first.
func (w *world) push(who easel.Principal, repo easel.Repo, tag easel.Tag, config string, layers ...string) *easel.Manifest {
	w.t.Helper()
	for _, word := range append([]string{config}, layers...) {
		if !w.head(who, repo, word) {
			w.upload(who, repo, word)
		}
	}
	m := image(config, layers...)
	w.must(w.put(who, repo, m, tag))
	return m
}

// head asks for a blob as a pusher does.
func (w *world) head(who easel.Principal, repo easel.Repo, word string) bool {
	w.t.Helper()
	_, err := w.db.PinBlob(w.t.Context(), who, repo, digest(word))
	if err != nil && !errors.Is(err, easel.NotFound) {
		w.t.Fatal(err)
	}
	return err == nil
}

// has reports whether a puller finds the blob.
func (w *world) has(repo easel.Repo, word string) bool {
	_, err := w.db.Blob(w.t.Context(), repo, digest(word))
	return err == nil
}

func (w *world) hasManifest(repo easel.Repo, m *easel.Manifest) bool {
	_, err := w.db.Manifest(w.t.Context(), repo, easel.Ref{Digest: manifestDigest(m)})
	return err == nil
}

// sweep ends all pins whose time is over and returns the bytes freed.
func (w *world) sweep() (freed int64) {
	w.t.Helper()
	for more := true; more; {
		out, m, err := w.db.Sweep(w.t.Context())
		w.must(err)
		freed, more = freed+out.Receipt.Freed, m
	}
	return freed
}

// bytes compares the four byte counts of a receipt.
func (w *world) bytes(r catalog.Removed, freed, shared, pinned int64) {
	w.t.Helper()
	var garbage int64
	for _, g := range r.Garbage {
		garbage += g.Size
	}
	got := fmt.Sprintf("freed %d, shared %d, pinned %d; garbage %d", r.Receipt.Freed, r.Receipt.Shared, r.Receipt.Pinned, garbage)
	want := fmt.Sprintf("freed %d, shared %d, pinned %d; garbage %d", freed, shared, pinned, freed)
	if got != want {
		w.t.Errorf("receipt: %s; want %s", got, want)
	}
}

// garbage returns the keys that are due to be unlinked.
func (w *world) garbage() []blob.Key {
	w.t.Helper()
	due, err := w.db.Garbage(w.t.Context(), "", 1000)
	w.must(err)
	keys := make([]blob.Key, len(due))
	for i, g := range due {
		keys[i] = g.Key
	}
	return keys
}
