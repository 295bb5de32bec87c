package registry

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
)

func imageManifest(config easel.Digest, size int) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[]}`,
		easel.MediaTypeOCIManifest, config, size)
}

func referrerManifest(subject, config easel.Digest, size, note int) []byte {
	return fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"artifactType":"application/x.signature","config":{"mediaType":"application/vnd.oci.empty.v1+json","digest":%q,"size":%d},"layers":[],"subject":{"mediaType":%q,"digest":%q,"size":1},"annotations":{"note":"%0*d"}}`,
		easel.MediaTypeOCIManifest, config, size, easel.MediaTypeOCIManifest, subject, 100_000, note)
}

func TestPutManifest(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	body := imageManifest(y.put(alice, "team/image", "config"), 6)
	for _, tt := range []struct {
		name string
		ref  easel.Ref
		want easel.Digest
	}{
		{"by tag", easel.Ref{Tag: "v1"}, sha256(string(body))},
		{"by sha256", easel.Ref{Digest: sha256(string(body))}, sha256(string(body))},
		{"by sha512", easel.Ref{Digest: sha512(string(body))}, sha512(string(body))},
	} {
		p, err := y.PutManifest(y.ctx(), "team/image", ManifestPush{Ref: tt.ref, ContentType: easel.MediaTypeOCIManifest, Body: body})
		if err != nil || p.Digest != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, p, err)
			continue
		}
		m, err := y.Manifest(y.ctx(), "team/image", tt.ref)
		if err != nil || m.Digest != tt.want || string(m.Body) != string(body) || m.MediaType != easel.MediaTypeOCIManifest {
			t.Errorf("%s: read %+v, %v", tt.name, m, err)
		}
	}
	both := ManifestPush{Ref: easel.Ref{Digest: sha256(string(body))}, Tags: []easel.Tag{"v2", "v3"}, Body: body}
	if _, err := y.PutManifest(y.ctx(), "team/image", both); err != nil {
		t.Fatal(err)
	}
	tags, more, err := y.Tags(y.ctx(), "team/image", "", 2)
	if err != nil || !more || !slices.Equal(tags, []easel.Tag{"v1", "v2"}) {
		t.Errorf("tags = %v, %v, %v", tags, more, err)
	}
}

func TestPutManifestRefuses(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	good := imageManifest(y.put(alice, "team/image", "config"), 6)
	for _, tt := range []struct {
		name string
		push ManifestPush
		kind easel.Kind
		noun easel.Noun
	}{
		{"another digest", ManifestPush{Ref: easel.Ref{Digest: sha256("other")}, Body: good}, easel.Invalid, "digest"},
		{"no JSON", ManifestPush{Ref: easel.Ref{Tag: "v1"}, ContentType: easel.MediaTypeOCIManifest, Body: []byte("no")}, easel.Invalid, "manifest"},
		{"another type", ManifestPush{Ref: easel.Ref{Tag: "v1"}, ContentType: easel.MediaTypeOCIIndex, Body: good}, easel.Invalid, "manifest"},
		{"unknown blob", ManifestPush{Ref: easel.Ref{Tag: "v1"}, Body: imageManifest(sha256("unknown"), 7)}, easel.Invalid, "manifest blob"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := y.PutManifest(y.ctx(), "team/image", tt.push)
			wantErr(t, err, tt.kind, tt.noun)
		})
	}
	_, err := y.PutManifest(as(bob), "team/image", ManifestPush{Ref: easel.Ref{Tag: "v1"}, Body: good})
	wantErr(t, err, easel.NotFound, "repository")
}

// TestToldMeansPinned: who may push and is told that a blob is there may rely
// on it; who only reads it may not.
func TestToldMeansPinned(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		tell   func(*yard, context.Context, easel.Digest) error
		pinned bool
	}{
		{"HEAD", func(y *yard, ctx context.Context, d easel.Digest) error {
			_, err := y.StatBlob(ctx, "lab/image", d)
			return err
		}, true},
		{"GET", func(y *yard, ctx context.Context, d easel.Digest) error {
			b, err := y.OpenBlob(ctx, "lab/image", d)
			if err == nil {
				err = b.Content.Close()
			}
			return err
		}, false},
		{"mount", func(y *yard, ctx context.Context, d easel.Digest) error {
			ok, err := y.MountBlob(ctx, "lab/image", "lab/image", d)
			if err == nil && !ok {
				err = fs.ErrNotExist
			}
			return err
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			d := y.put(alice, "lab/image", "content")
			readOnly := bob
			readOnly.Scopes = []easel.Scope{{Type: "repository", Name: "lab/image", Actions: []string{"pull", "push"}}}
			must(t, tt.tell(y, as(readOnly), d))
			_, err := y.DeleteBlob(as(alice), "lab/image", d)
			if tt.pinned {
				wantErr(t, err, easel.InUse, "blob")
			} else if err != nil {
				t.Errorf("delete after reading: %v", err)
			}
		})
	}
}

// TestManifestPin: a manifest found with a token that may push stays readable
// for that push when another user deletes it.
func TestManifestPin(t *testing.T) {
	t.Parallel()
	for action, pinned := range map[string]bool{"push": true, "pull": false} {
		y := newYard(t)
		body := imageManifest(y.put(alice, "lab/image", "config"), 6)
		p, err := y.PutManifest(as(alice), "lab/image", ManifestPush{Ref: easel.Ref{Tag: "v1"}, Body: body})
		must(t, err)
		who, ref := bob, easel.Ref{Digest: p.Digest}
		who.Scopes = []easel.Scope{{Type: "repository", Name: "lab/image", Actions: []string{"pull", action}}}
		_, err = y.Manifest(as(who), "lab/image", ref)
		must(t, err)
		receipt, err := y.DeleteManifest(as(alice), "lab/image", p.Digest)
		must(t, err)
		if condemned := len(receipt.Condemned) == 1; condemned != pinned {
			t.Errorf("with %s in the token: receipt %+v", action, receipt)
		}
		_, err = y.Manifest(as(who), "lab/image", ref)
		if there := err == nil; there != pinned {
			t.Errorf("with %s in the token: afterwards %v", action, err)
		}
	}
}

func TestMount(t *testing.T) {
	t.Parallel()
	const hers, his, evils = easel.Repo("team/image"), easel.Repo("lab/image"), easel.Repo("evilcorp/image")
	token := func(p easel.Principal, repos ...easel.Repo) easel.Principal {
		p.Scopes = []easel.Scope{}
		for _, r := range repos {
			p.Scopes = append(p.Scopes, easel.Scope{Type: "repository", Name: string(r), Actions: []string{"pull", "push"}})
		}
		return p
	}
	for _, tt := range []struct {
		name         string
		who          easel.Principal
		in, from, to easel.Repo
		mounted      bool
		kind         easel.Kind // Internal: no error
	}{
		{"own", alice, hers, hers, "team/other", true, 0},
		{"of the domain, as its administrator", alice, his, his, "team/other", true, 0},
		{"from anywhere", alice, his, "", "team/other", true, 0},
		{"from anywhere, token for the target only", token(alice, "team/other"), his, "", "team/other", true, 0},
		{"token does not cover the source", token(alice, "team/other"), hers, hers, "team/other", false, easel.Denied},
		{"token covers both", token(alice, "team/other", hers), hers, hers, "team/other", true, 0},
		{"no right to read", bob, hers, hers, "lab/other", false, 0},
		{"no right to read, from anywhere", bob, hers, "", "lab/other", false, 0},
		{"another domain's", mal, his, his, "evilcorp/other", false, 0},
		{"another domain's, from anywhere", mal, his, "", "evilcorp/other", false, 0},
		{"source has no such blob", alice, his, hers, "team/other", false, 0},
		{"no such source", alice, hers, "nobody/image", "team/other", false, 0},
		{"no right to push", bob, his, his, "team/other", false, easel.NotFound},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			owner := map[easel.Repo]easel.Principal{hers: alice, his: bob, evils: mal}[tt.in]
			d := y.put(owner, tt.in, "shared")
			ok, err := y.MountBlob(as(tt.who), tt.to, tt.from, d)
			if tt.kind != easel.Internal {
				wantErr(t, err, tt.kind, "repository")
			} else {
				must(t, err)
			}
			if ok != tt.mounted {
				t.Errorf("mounted = %v, want %v", ok, tt.mounted)
			}
			if _, err := y.db.Blob(t.Context(), tt.to, d); (err == nil) != tt.mounted {
				t.Errorf("the target has the blob: %v, want %v", err == nil, tt.mounted)
			}
		})
	}
}

func TestHiddenContent(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	d := y.put(alice, "team/image", "secret")
	_, err := y.OpenBlob(as(mal), "team/image", d)
	wantErr(t, err, easel.NotFound, "repository")
	_, err = y.OpenBlob(as(mal), "team/absent", d)
	wantErr(t, err, easel.NotFound, "repository")
	_, err = y.StatBlob(as(easel.Principal{}), "team/image", d)
	wantErr(t, err, easel.Unauthenticated, "repository")
	y.put(mal, "evilcorp/image", "other")
	_, err = y.OpenBlob(as(mal), "evilcorp/image", d) // stored, but not in this repository
	wantErr(t, err, easel.NotFound, "blob")
}

// TestReadDuringDeletion: who has opened a blob reads it to its end.
func TestReadDuringDeletion(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	d := y.put(alice, "team/image", "content")
	b, err := y.OpenBlob(y.ctx(), "team/image", d)
	must(t, err)
	defer b.Content.Close()
	_, err = y.DeleteBlob(y.ctx(), "team/image", d)
	must(t, err)
	got := make([]byte, 7)
	if _, err := b.Content.Read(got); err != nil || string(got) != "content" {
		t.Errorf("read %q, %v", got, err)
	}
	_, err = y.OpenBlob(y.ctx(), "team/image", d)
	wantErr(t, err, easel.NotFound, "blob")
}

// TestDamagedBlobIsNotServed: a blob that lost bytes must not look like one
// that is short.
func TestDamagedBlobIsNotServed(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	d := y.put(alice, "team/image", "content")
	b, err := y.db.Blob(t.Context(), "team/image", d)
	must(t, err)
	file := filepath.Join(y.dir, "blobs", "b", string(b.Key[:2]), string(b.Key))
	must(t, os.Truncate(file, 3))
	_, err = y.OpenBlob(y.ctx(), "team/image", d)
	wantErr(t, err, easel.Internal, "")
	must(t, os.WriteFile(file, []byte("content"), 0o600))
	if got := y.read("team/image", d); got != "content" {
		t.Errorf("content = %q", got)
	}
}

// movingStore deletes and pushes a blob again between look-up and open.
type movingStore struct {
	blob.Store
	move func()
}

func (s *movingStore) Open(ctx context.Context, key blob.Key) (blob.Object, error) {
	if move := s.move; move != nil {
		s.move = nil
		move()
	}
	return s.Store.Open(ctx, key)
}

func TestBlobMovesWhileOpening(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	store := &movingStore{Store: y.store}
	y.Service = New(Options{Catalog: y.db, Blobs: store})
	d := y.put(alice, "team/image", "content")
	gone := func() {
		_, err := y.DeleteBlob(y.ctx(), "team/image", d)
		must(t, err)
	}
	store.move = func() { gone(); y.put(alice, "team/image", "content") }
	if got := y.read("team/image", d); got != "content" {
		t.Errorf("content = %q", got)
	}
	store.move = gone
	_, err := y.OpenBlob(y.ctx(), "team/image", d)
	wantErr(t, err, easel.NotFound, "blob")
}

// TestReferrerPages: pages are bounded by bytes, and together they are complete.
func TestReferrerPages(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	config := y.put(alice, "team/image", "{}")
	subject := sha256("subject")
	want := map[easel.Digest]bool{}
	for i := range 50 {
		body := referrerManifest(subject, config, 2, i)
		p, err := y.PutManifest(y.ctx(), "team/image", ManifestPush{Ref: easel.Ref{Digest: sha256(string(body))}, Body: body})
		must(t, err)
		if p.Subject != subject {
			t.Fatalf("subject = %q", p.Subject)
		}
		want[p.Digest] = true
	}
	pages, last := 0, easel.Digest("")
	for more := true; more; pages++ {
		page, next, err := y.Referrers(y.ctx(), "team/image", subject, "application/x.signature", last)
		must(t, err)
		if len(page) == 0 || len(page) > 41 {
			t.Fatalf("a page of %d referrers of 100 kB", len(page))
		}
		for _, d := range page {
			if !want[d.Digest] || d.Digest <= last {
				t.Fatalf("%s is unknown, out of order or listed twice", d.Digest)
			}
			delete(want, d.Digest)
			last = d.Digest
		}
		more = next
	}
	if len(want) > 0 || pages < 2 {
		t.Errorf("%d referrers are missing from %d pages", len(want), pages)
	}
	none, _, err := y.Referrers(y.ctx(), "team/image", subject, "other", "")
	if err != nil || none == nil || len(none) > 0 {
		t.Errorf("other type: %v, %v", none, err)
	}
	if none, _, err := y.Referrers(y.ctx(), "team/never", subject, "", ""); err != nil || none == nil || len(none) > 0 {
		t.Errorf("repository to come: %v, %v", none, err)
	}
}

func TestRepositories(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.put(alice, "team/b", "x")
	y.put(alice, "team/a", "x")
	y.put(bob, "lab/c", "x")
	y.put(mal, "evilcorp/d", "x")
	names, more, err := y.Repositories(as(alice), "", 2)
	if err != nil || !more || !slices.Equal(names, []easel.Repo{"lab/c", "team/a"}) {
		t.Errorf("first page = %v, %v, %v", names, more, err)
	}
	names, more, err = y.Repositories(as(alice), "team/a", 2)
	if err != nil || more || !slices.Equal(names, []easel.Repo{"team/b"}) {
		t.Errorf("second page = %v, %v, %v", names, more, err)
	}
	_, _, err = y.Repositories(as(bob), "", 2)
	wantErr(t, err, easel.NotFound, "route")
}

func TestPullsAreCounted(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	y.Service.o.MachineAgents = []string{"trivy"}
	body := imageManifest(y.put(alice, "team/image", "config"), 6)
	_, err := y.PutManifest(y.ctx(), "team/image", ManifestPush{Ref: easel.Ref{Tag: "v1"}, Body: body})
	must(t, err)
	digest := easel.DigestOf(easel.SHA256, body)
	first := y.now
	y.CountPull(t.Context(), "team/image", digest, "docker/28.0.1 go/go1.23 (linux)")
	y.now = first.Add(time.Minute)
	y.CountPull(t.Context(), "team/image", digest, "containerd/2.0")
	y.now = first.Add(time.Hour)
	y.CountPull(t.Context(), "team/image", digest, "Trivy/0.60")
	y.CountPull(t.Context(), "team/image", sha256("gone"), "docker/28")
	y.CountPull(t.Context(), "team/gone", digest, "docker/28")
	must(t, y.writePulls(t.Context()))
	must(t, y.writePulls(t.Context()))
	r, err := y.Repo(y.ctx(), "team/image")
	if err != nil || r.Downloads != 4 {
		t.Errorf("downloads = %d, %v; want 4", r.Downloads, err)
	}
	use, err := y.Use(y.ctx(), "team/image", easel.Ref{Tag: "v1"})
	want := catalog.Use{Digest: digest, Pushed: first.UnixMilli(), HumanPulls: 2, LastHuman: first.Add(time.Minute).UnixMilli(),
		MachinePull: 1, LastMachine: first.Add(time.Hour).UnixMilli(), LastUsed: first.Add(time.Minute).UnixMilli()}
	if err != nil || use != want {
		t.Errorf("use = %+v, %v; want %+v", use, err, want)
	}
	y.now = first.Add(2 * time.Hour)
	y.CountPull(t.Context(), "team/image", digest, "docker/28")
	must(t, y.writePulls(t.Context()))
	y.now = first // another process, whose counts come later
	y.CountPull(t.Context(), "team/image", digest, "docker/28")
	must(t, y.writePulls(t.Context()))
	if use, err := y.Use(y.ctx(), "team/image", easel.Ref{Tag: "v1"}); err != nil || use.HumanPulls != 4 || use.LastUsed != first.Add(2*time.Hour).UnixMilli() {
		t.Errorf("later: %+v, %v", use, err)
	}
	_, err = y.Use(y.ctx(), "team/image", easel.Ref{Tag: "none"})
	wantErr(t, err, easel.NotFound, "manifest")
	must(t, y.db.FoldLedger(t.Context()))
	_, err = y.DeleteTag(y.ctx(), "team/image", "v1") // its uses go with it
	must(t, err)
}
