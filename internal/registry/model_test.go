package registry

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"pgregory.net/rapid"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/pgtest"
)

// TestModel does random things to the registry and, after each, compares all
// that can be read, and the bytes on disk, with the model: on SQLite. A run
// that fails is made shorter and printed; -rapid.checks asks for more of them.
func TestModel(t *testing.T) {
	bounded(t)
	dir := t.TempDir()
	rapid.Check(t, func(r *rapid.T) {
		here, err := os.MkdirTemp(dir, "")
		check(r, err)
		defer os.RemoveAll(here)
		runModel(r, "sqlite:"+here+"/easel.db", here)
	})
}

// TestModelPostgres is TestModel on PostgreSQL.
func TestModelPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	bounded(t)
	dir, url := t.TempDir(), pgtest.Start(t)
	rapid.Check(t, func(r *rapid.T) {
		here, err := os.MkdirTemp(dir, "")
		check(r, err)
		defer os.RemoveAll(here)
		empty(r, url)
		runModel(r, url, here)
	})
}

// bounded keeps a run to some seconds, unless somebody asked for more.
func bounded(t *testing.T) {
	t.Helper()
	asked := map[string]bool{}
	flag.Visit(func(f *flag.Flag) { asked[f.Name] = true })
	for name, value := range map[string]string{"rapid.checks": "20", "rapid.steps": "50"} {
		if !asked[name] {
			check(t, flag.Set(name, value))
		}
	}
}

// empty drops everything in the database, so that a run begins as the first did.
func empty(t *rapid.T, url string) {
	ctx := context.Background()
	c, err := pgx.Connect(ctx, url)
	check(t, err)
	defer c.Close(ctx)
	_, err = c.Exec(ctx, `DROP SCHEMA public CASCADE; CREATE SCHEMA public`)
	check(t, err)
}

type failer interface {
	Helper()
	Fatal(...any)
}

func check(t failer, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// machine is a registry beside its model.
type machine struct {
	*model
	*Service
	url, dir string
	db       *catalog.DB
	store    *blob.Dir
	made     []*easel.Manifest // all that were ever built
}

var (
	modelRepos = []easel.Repo{"team/a", "team/b"}
	modelTags  = []easel.Tag{"v1", "v2"}
	modelWords = []string{"x", "base", "numpy numpy", "torch torch torch", strings.Repeat("big ", 50)}
)

func runModel(t *rapid.T, url, dir string) {
	m := &machine{model: newModel(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)), url: url, dir: dir}
	m.open(t)
	defer func() { check(t, m.db.Close()) }()
	ctx, domain := context.Background(), catalog.Domain{ID: "d-acme", Name: "acme", Enabled: true}
	check(t, m.db.AddDomain(ctx, domain))
	check(t, m.db.AddProject(ctx, catalog.Project{ID: "p", Domain: domain.ID, Name: "eu-de", Parent: domain.ID, Enabled: true}))
	for _, p := range []easel.Principal{alice, bob} {
		check(t, m.db.AddAccount(ctx, catalog.Account{ID: p.UserID, Name: p.UserName, Admin: true, Enabled: true, Domain: domain}))
	}
	check(t, m.db.CreateOrg(ctx, alice, "team"))
	t.Repeat(map[string]func(*rapid.T){
		"":             m.compare,
		"begin upload": m.beginUpload, "append": m.appendSome, "finish": m.finishOne, "finish wrongly": m.finishWrongly, "cancel": m.cancelOne,
		"push blob": m.pushBlob, "ask": m.ask, "mount": m.mountOne, "pull manifest to push": m.askManifest,
		"put": m.putOne, "push image": m.pushImage, "push another image": m.pushImage, "push a third image": m.pushImage,
		"delete tag": m.deleteTag, "delete manifest": m.deleteManifest, "delete blob": m.deleteBlob, "delete repository": m.deleteRepo,
		"register": m.register, "delete images": m.deleteImages, "delete group": m.deleteGroup,
		"make workspace": m.makeWorkspace, "delete workspace": m.deleteWorkspace,
		"protect": m.protect, "undo window": m.setUndo, "restore": m.restoreOne, "purge": m.purgeOne,
		"sweep": m.sweepOnly, "expire": m.expireOnly, "settle": m.settleOnly, "reclaim": m.maintain,
		"time": m.passes, "restart": m.restart,
	})
}

func (m *machine) open(t *rapid.T) {
	var err error
	clock := func() time.Time { return m.now }
	m.db, err = catalog.Open(context.Background(), catalog.Options{URL: m.url, Clock: clock, PinFor: modelPinFor, LowSpace: 4 << 20})
	check(t, err)
	m.store, err = blob.OpenDir(m.dir + "/blobs")
	check(t, err)
	m.Service = New(Options{Catalog: m.db, Blobs: m.store, Clock: clock, UploadTTL: modelTTL, UnlinkWait: time.Minute})
}

func (m *machine) restart(t *rapid.T) {
	check(t, m.db.Close())
	m.open(t)
}

// user draws one of two users, with one of two registry tokens for everything.
func user(t *rapid.T) (easel.Principal, context.Context) {
	who := rapid.SampledFrom([]easel.Principal{alice, bob}).Draw(t, "user")
	who.Admin = true
	who.TokenID = who.UserName + rapid.SampledFrom([]string{" 1", " 2"}).Draw(t, "token")
	who.Scopes = []easel.Scope{}
	for _, repo := range modelRepos {
		who.Scopes = append(who.Scopes, easel.Scope{Type: "repository", Name: string(repo), Actions: []string{"*"}})
	}
	return who, as(who)
}

// operator is alice without a bound.
func operator() context.Context { return as(alice) }

// wants fails unless err is nil when ok, and else one of kinds.
func wants(t *rapid.T, err error, ok bool, kinds ...easel.Kind) {
	t.Helper()
	if ok != (err == nil) || !ok && !slices.ContainsFunc(kinds, func(k easel.Kind) bool { return errors.Is(err, k) }) {
		t.Fatalf("error %v; want success: %v, else %v", err, ok, kinds)
	}
}

func drawRepo(t *rapid.T, label string) easel.Repo {
	return rapid.SampledFrom(modelRepos).Draw(t, label)
}
func drawTag(t *rapid.T) easel.Tag { return rapid.SampledFrom(modelTags).Draw(t, "tag") }
func drawWord(t *rapid.T) string   { return rapid.SampledFrom(modelWords).Draw(t, "word") }

// compare reads everything there may be.
func (m *machine) compare(t *rapid.T) {
	for _, repo := range modelRepos {
		r := m.repos[repo]
		if r == nil {
			r = newModel(m.now).ensure(repo)
		}
		for _, word := range modelWords {
			if got := m.content(t, repo, sha256(word)); (got == word) != r.links[sha256(word)] || got != word && got != "" {
				t.Fatalf("%s has the blob %.20q: %.20q; the model: %v", repo, word, got, r.links[sha256(word)])
			}
		}
		for n, x := range m.made {
			d := easel.DigestOf(easel.SHA256, x.Body)
			got, err := m.Manifest(operator(), repo, easel.Ref{Digest: d})
			if there := r.manifests[d] != nil; (err == nil) != there || there && string(got.Body) != string(x.Body) {
				t.Fatalf("%s has manifest %d: %v; the model: %v", repo, n, err, there)
			}
		}
		for _, tag := range slices.Concat(modelTags, slices.Collect(maps.Keys(r.tags))) {
			got, err := m.Manifest(operator(), repo, easel.Ref{Tag: tag})
			if got.Digest != r.tags[tag] || (err == nil) != (r.tags[tag] != "") {
				t.Fatalf("%s:%s is %s, %v; the model: %s", repo, tag, got.Digest, err, r.tags[tag])
			}
		}
	}
	for id, i := range m.images {
		got, err := m.db.Image(context.Background(), id)
		check(t, err)
		if got.Workspace != i.workspace {
			t.Fatalf("the image of %s:%s is in the workspace %s; the model: %s", i.repo, i.tag, got.Workspace, i.workspace)
		}
		if gone := got.Status == easel.ImageError; gone != i.gone {
			t.Fatalf("the image of %s:%s is %s; the model: gone %v", i.repo, i.tag, got.Status, i.gone)
		}
	}
	m.compareTrash(t)
	report, err := m.Check(operator(), CheckOptions{Rehash: true})
	check(t, err)
	if len(report.Findings) > 0 || report.Bytes != m.bytes() {
		t.Fatalf("findings %v; %d bytes are on disk, the model: %d", report.Findings, report.Bytes, m.bytes())
	}
}

// content returns a blob's bytes, "" when it is not there.
func (m *machine) content(t *rapid.T, repo easel.Repo, d easel.Digest) string {
	b, err := m.OpenBlob(operator(), repo, d)
	if err != nil {
		wants(t, err, false, easel.NotFound)
		return ""
	}
	defer b.Content.Close()
	got, err := io.ReadAll(b.Content)
	check(t, err)
	return string(got)
}

func (m *machine) passes(t *rapid.T) {
	m.now = m.now.Add(rapid.SampledFrom([]time.Duration{time.Millisecond, 30 * time.Second, 5 * time.Minute, 14 * time.Minute,
		16 * time.Minute, 23 * time.Hour, 25 * time.Hour, 365 * 24 * time.Hour}).Draw(t, "passes"))
}

// upload draws a session; there may be none.
func (m *machine) upload(t *rapid.T) (string, *modelUpload) {
	if len(m.uploads) == 0 {
		t.Skip("no upload")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.uploads))).Draw(t, "upload")
	return id, m.uploads[id]
}

func (m *machine) beginUpload(t *rapid.T) {
	who, ctx := user(t)
	repo := drawRepo(t, "repo")
	u, err := m.StartUpload(ctx, repo, "")
	check(t, err)
	m.ensure(repo)
	m.uploads[u.ID] = &modelUpload{repo: repo, owner: who, word: drawWord(t), until: m.now.Add(modelTTL)}
}

func (m *machine) appendSome(t *rapid.T) {
	id, u := m.upload(t)
	n := rapid.IntRange(0, len(u.word)-u.size).Draw(t, "bytes")
	at := rapid.SampledFrom([]int{u.size, u.size, 0, u.size + 1}).Draw(t, "offset")
	_, err := m.AppendUpload(as(u.owner), u.repo, id, chunk(int64(at), u.word[u.size:u.size+n]))
	wants(t, err, u.until.After(m.now) && at == u.size, easel.NotFound, easel.Range)
	if err == nil {
		m.extend(u)
		u.size += n
		u.until = m.now.Add(modelTTL)
	}
}

func (m *machine) finishOne(t *rapid.T) {
	id, u := m.upload(t)
	_, err := m.FinishUpload(as(u.owner), u.repo, id, sha256(u.word), chunk(AtEnd, u.word[u.size:]))
	wants(t, err, u.until.After(m.now), easel.NotFound)
	if err == nil {
		m.finish(id, u.owner.TokenID)
	}
}

func (m *machine) finishWrongly(t *rapid.T) {
	id, u := m.upload(t)
	_, err := m.FinishUpload(as(u.owner), u.repo, id, sha256("something else"), chunk(AtEnd, u.word[u.size:]))
	wants(t, err, false, easel.Invalid, easel.NotFound)
	if u.until.After(m.now) {
		delete(m.uploads, id)
	}
}

func (m *machine) cancelOne(t *rapid.T) {
	id, u := m.upload(t)
	err := m.CancelUpload(as(u.owner), u.repo, id)
	wants(t, err, u.until.After(m.now), easel.NotFound)
	if err == nil {
		delete(m.uploads, id)
	}
}

func (m *machine) pushBlob(t *rapid.T) {
	who, ctx := user(t)
	m.storeBlob(t, who, ctx, drawRepo(t, "repo"), drawWord(t))
}

func (m *machine) storeBlob(t *rapid.T, who easel.Principal, ctx context.Context, repo easel.Repo, word string) {
	check(t, m.PutBlob(ctx, repo, sha256(word), chunk(AtEnd, word)))
	m.uploads["whole"] = &modelUpload{repo: repo, owner: who, word: word}
	m.finish("whole", who.TokenID)
}

func (m *machine) ask(t *rapid.T) {
	who, ctx := user(t)
	repo, d := drawRepo(t, "repo"), sha256(drawWord(t))
	_, err := m.StatBlob(ctx, repo, d)
	wants(t, err, m.head(who, repo, d), easel.NotFound)
}

func (m *machine) mountOne(t *rapid.T) {
	who, ctx := user(t)
	from, to, d := drawRepo(t, "from"), drawRepo(t, "to"), sha256(drawWord(t))
	mounted, err := m.MountBlob(ctx, to, from, d)
	check(t, err)
	if want := m.mount(who, from, to, d); mounted != want {
		t.Fatalf("mounted: %v; the model: %v", mounted, want)
	}
}

func (m *machine) askManifest(t *rapid.T) {
	who, ctx := user(t)
	repo, tag := drawRepo(t, "repo"), drawTag(t)
	got, err := m.Manifest(ctx, repo, easel.Ref{Tag: tag})
	r := m.repos[repo]
	wants(t, err, r != nil && r.tags[tag] != "", easel.NotFound)
	if err == nil {
		m.told(r.mpins, got.Digest, who, "")
	}
}

// manifest draws one that was built before, or builds another.
func (m *machine) manifest(t *rapid.T) *easel.Manifest {
	if len(m.made) > 0 && rapid.IntRange(0, 2).Draw(t, "known") > 0 {
		return rapid.SampledFrom(m.made).Draw(t, "manifest")
	}
	var b strings.Builder
	if len(m.made) > 0 && rapid.IntRange(0, 3).Draw(t, "form") == 0 {
		fmt.Fprintf(&b, `{"schemaVersion":2,"mediaType":%q,"manifests":[`, easel.MediaTypeOCIIndex)
		children := rapid.SliceOfN(rapid.SampledFrom(m.made), 1, 2).Draw(t, "children")
		for n, c := range children {
			fmt.Fprintf(&b, `%s{"mediaType":%q,"digest":%q,"size":%d}`, ",,"[:min(n, 1)], c.MediaType, easel.DigestOf(easel.SHA256, c.Body), len(c.Body))
		}
		b.WriteString(`]}`)
		return m.build(t, easel.MediaTypeOCIIndex, b.String())
	}
	descriptor := func(word string) string {
		return fmt.Sprintf(`{"mediaType":"application/vnd.test","digest":%q,"size":%d}`, sha256(word), len(word))
	}
	layer := rapid.SampledFrom(modelWords).Draw(t, "layer")
	fmt.Fprintf(&b, `{"schemaVersion":2,"mediaType":%q,"config":%s,"layers":[%s]`, easel.MediaTypeOCIManifest, descriptor(drawWord(t)), descriptor(layer))
	if len(m.made) > 0 && rapid.IntRange(0, 1).Draw(t, "refers") > 0 {
		s := rapid.SampledFrom(m.made).Draw(t, "subject")
		fmt.Fprintf(&b, `,"subject":{"mediaType":%q,"digest":%q,"size":%d}`, s.MediaType, easel.DigestOf(easel.SHA256, s.Body), len(s.Body))
	}
	b.WriteString(`}`)
	return m.build(t, easel.MediaTypeOCIManifest, b.String())
}

func (m *machine) build(t *rapid.T, mediaType, body string) *easel.Manifest {
	x, err := easel.ParseManifest(mediaType, []byte(body))
	check(t, err)
	for _, old := range m.made {
		if string(old.Body) == body {
			return old
		}
	}
	m.made = append(m.made, x)
	return x
}

func (m *machine) putOne(t *rapid.T) {
	who, ctx := user(t)
	repo, x := drawRepo(t, "repo"), m.manifest(t)
	m.storeManifest(t, who, ctx, repo, x, rapid.SampledFrom([]easel.Tag{"", "v1", "v2"}).Draw(t, "as"))
}

func (m *machine) storeManifest(t *rapid.T, who easel.Principal, ctx context.Context, repo easel.Repo, x *easel.Manifest, tag easel.Tag) {
	ref := easel.Ref{Tag: tag}
	if tag == "" {
		ref = easel.Ref{Digest: easel.DigestOf(easel.SHA256, x.Body)}
	}
	_, err := m.PutManifest(ctx, repo, ManifestPush{Ref: ref, ContentType: x.MediaType, Body: x.Body})
	wants(t, err, m.put(who, repo, x, tag), easel.Invalid, easel.InUse)
}
