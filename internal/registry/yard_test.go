package registry

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
)

var (
	alice = easel.Principal{UserID: "u-alice", UserName: "alice", DomainID: "d-acme", DomainName: "acme", Admin: true, Operator: true}
	bob   = easel.Principal{UserID: "u-bob", UserName: "bob", DomainID: "d-acme", DomainName: "acme"}
	mal   = easel.Principal{UserID: "u-mal", UserName: "mal", DomainID: "d-evil", DomainName: "evil", Admin: true}
)

// yard is a registry on real storage that can be restarted. alice administers
// acme and owns the organisation team, bob of acme owns lab, mal owns evilcorp.
type yard struct {
	*Service
	t      *testing.T
	o      Options
	dir    string
	db     *catalog.DB
	store  *blob.Dir
	now    time.Time
	asUser easel.Principal
}

func newYard(t *testing.T, change ...func(*Options)) *yard {
	t.Helper()
	return newYardIn(t, t.TempDir(), change...)
}

func newYardIn(t *testing.T, dir string, change ...func(*Options)) *yard {
	t.Helper()
	y := &yard{t: t, dir: dir, asUser: alice, now: time.Now()}
	for _, f := range change {
		f(&y.o)
	}
	y.start()
	t.Cleanup(func() { y.db.Close() })
	for _, d := range []string{"acme", "evil"} {
		must(t, y.db.AddDomain(t.Context(), catalog.Domain{ID: "d-" + d, Name: d, Enabled: true}))
	}
	for _, p := range []easel.Principal{alice, bob, mal} {
		must(t, y.db.AddAccount(t.Context(), catalog.Account{
			ID: p.UserID, Name: p.UserName, Admin: p.Admin, Enabled: true, Domain: catalog.Domain{ID: p.DomainID}}))
	}
	must(t, y.db.CreateOrg(t.Context(), alice, "team"))
	must(t, y.db.CreateOrg(t.Context(), bob, "lab"))
	must(t, y.db.CreateOrg(t.Context(), mal, "evilcorp"))
	t.Cleanup(y.sound)
	return y
}

func (y *yard) start() {
	var err error
	y.db, err = catalog.Open(context.Background(), catalog.Options{URL: "sqlite:" + y.dir + "/easel.db", Clock: func() time.Time { return y.now }, LowSpace: 4 << 20})
	must(y.t, err)
	y.store, err = blob.OpenDir(y.dir + "/blobs")
	must(y.t, err)
	o := y.o
	o.Catalog, o.Blobs, o.Clock = y.db, y.store, func() time.Time { return y.now }
	y.Service = New(o)
}

// restart is what a new process sees of the same directories.
func (y *yard) restart() {
	must(y.t, y.db.Close())
	y.start()
}

func (y *yard) ctx() context.Context { return as(y.asUser) }

func as(who easel.Principal) context.Context {
	return easel.WithPrincipal(context.Background(), who)
}

// sound fails the test when storage and catalogue do not agree.
func (y *yard) sound() {
	y.t.Helper()
	report, err := y.Check(as(alice), CheckOptions{Rehash: true})
	if err != nil || len(report.Findings) > 0 {
		y.t.Errorf("check: %v, findings %v", err, report.Findings)
	}
}

// objects returns how many objects the store has.
func (y *yard) objects() int {
	n := 0
	for _, err := range y.store.List(context.Background()) {
		must(y.t, err)
		n++
	}
	return n
}

// session starts an upload to team/image.
func (y *yard) session() string {
	y.t.Helper()
	u, err := y.StartUpload(y.ctx(), "team/image", "")
	must(y.t, err)
	return u.ID
}

// put stores content in a repository.
func (y *yard) put(who easel.Principal, repo easel.Repo, content string) easel.Digest {
	y.t.Helper()
	d := easel.DigestOf(easel.SHA256, []byte(content))
	must(y.t, y.PutBlob(as(who), repo, d, chunk(AtEnd, content)))
	return d
}

func (y *yard) read(repo easel.Repo, d easel.Digest) string {
	y.t.Helper()
	b, err := y.OpenBlob(y.ctx(), repo, d)
	must(y.t, err)
	defer b.Content.Close()
	content, err := io.ReadAll(b.Content)
	must(y.t, err)
	return string(content)
}

func chunk(at int64, content string) Chunk {
	return Chunk{Body: strings.NewReader(content), At: at, Size: int64(len(content))}
}

func sha256(content string) easel.Digest { return easel.DigestOf(easel.SHA256, []byte(content)) }
func sha512(content string) easel.Digest { return easel.DigestOf(easel.SHA512, []byte(content)) }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantErr checks kind and noun of an error.
func wantErr(t *testing.T, err error, kind easel.Kind, noun easel.Noun) {
	t.Helper()
	if e := easel.AsError(err); err == nil || e.Kind != kind || e.Noun != noun {
		t.Errorf("error = %v (%v %q), want %v %q", err, e.Kind, e.Noun, kind, noun)
	}
}
