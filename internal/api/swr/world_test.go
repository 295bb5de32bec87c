package swr

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/api/apitest"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/identity"
	"easel/internal/pgtest"
	"easel/internal/registry"
)

// The people of the tests; their token is their name. admin rules the domain
// acme, dev and ops are users of it, eve rules another domain.
var people = map[string]easel.Principal{
	"admin": {UserID: "u-admin", UserName: "admin", DomainID: "d-acme", DomainName: "acme", Admin: true},
	"dev":   {UserID: "u-dev", UserName: "dev", DomainID: "d-acme", DomainName: "acme"},
	"ops":   {UserID: "u-ops", UserName: "ops", DomainID: "d-acme", DomainName: "acme"},
	"eve":   {UserID: "u-eve", UserName: "eve", DomainID: "d-evil", DomainName: "evil", Admin: true},
}

type tokens struct{}

func (tokens) Authenticate(r *http.Request) (easel.Principal, error) {
	p, ok := people[r.Header.Get("X-Auth-Token")]
	if !ok {
		return p, easel.E(easel.Unauthenticated, "token", "the token is not valid")
	}
	return p, nil
}

// world is the edge over a registry on real storage.
type world struct {
	t        *testing.T
	catalog  *catalog.DB
	registry *registry.Service
	handler  http.Handler
	clock    func() time.Time
}

func newWorld(t *testing.T, o Options) *world {
	t.Helper()
	return newWorldOn(t, "sqlite:"+t.TempDir()+"/easel.db", o, nil)
}

// onEngines runs f on a world of each engine.
func onEngines(t *testing.T, f func(*testing.T, *world)) {
	t.Helper()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f(t, newWorld(t, Options{}))
	})
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		if testing.Short() {
			return
		}
		f(t, newWorldOn(t, pgtest.Start(t), Options{}, nil))
	})
}

func newWorldOn(t *testing.T, url string, o Options, inUse catalog.Guard) *world {
	t.Helper()
	clock := ticking()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: url, Clock: clock, Quotas: catalog.Quotas{Orgs: 1000}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"admin", "dev", "ops", "eve"} {
		p := people[name]
		d := catalog.Domain{ID: p.DomainID, Name: p.DomainName, Enabled: true}
		if p.Admin { // the first of a domain
			if err := db.AddDomain(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			if err := db.AddProject(t.Context(), catalog.Project{ID: "p-" + p.DomainName, Domain: d.ID, Name: "eu-de", Parent: d.ID, Enabled: true}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.AddAccount(t.Context(), catalog.Account{ID: p.UserID, Name: name, Admin: p.Admin, Enabled: true, Domain: d}); err != nil {
			t.Fatal(err)
		}
	}
	o.PublicURL = func(*http.Request) string { return "http://registry.test:8580" }
	o.Identity = identity.New(identity.Options{Catalog: db, MasterKey: make([]byte, 32), Clock: clock, Region: "eu-de"})
	w := &world{t: t, clock: clock, catalog: db, registry: registry.New(registry.Options{Catalog: db, Blobs: store, Clock: clock, InUse: inUse})}
	edge := New(w.registry, tokens{}, o)
	w.handler = api.Serve(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" {
			Versions(o.PublicURL).ServeHTTP(rw, r)
			return
		}
		edge.ServeHTTP(rw, r)
	}), api.ServeOptions{})
	return w
}

// busy is a guard that lets no registered image go.
func busy(_ context.Context, images []easel.Image) error {
	if len(images) == 0 {
		return nil
	}
	return easel.E(easel.InUse, "image", "the notebook n1 runs on it")
}

// ticking returns a clock that goes on by a second each time it is read.
func ticking() func() time.Time {
	var mu sync.Mutex
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(time.Second)
		return now
	}
}

// as returns a request of one of the people; "" is nobody.
func as(who, method, target, body string, headers ...string) *http.Request {
	if who != "" {
		headers = append(headers, "X-Auth-Token", who)
	}
	return apitest.Request(method, target, body, headers...)
}

// push stores an image whose one layer is content, through the registry.
func (w *world) push(who string, repo easel.Repo, tag easel.Tag, content string) easel.Descriptor {
	w.t.Helper()
	config, layer := w.blob(who, repo, `{"of":"`+content+`"}`), w.blob(who, repo, content)
	return w.manifest(who, repo, tag, easel.MediaTypeOCIManifest,
		`"config":`+descriptor("application/vnd.oci.image.config.v1+json", config)+`,"layers":[`+descriptor("application/vnd.oci.image.layer.v1.tar", layer)+`]`)
}

// index stores an image index of children under tag.
func (w *world) index(who string, repo easel.Repo, tag easel.Tag, children ...easel.Descriptor) {
	w.t.Helper()
	var list []string
	for _, c := range children {
		list = append(list, descriptor(c.MediaType, c))
	}
	w.manifest(who, repo, tag, easel.MediaTypeOCIIndex, `"manifests":[`+strings.Join(list, ",")+`]`)
}

func (w *world) manifest(who string, repo easel.Repo, tag easel.Tag, mediaType, fields string) easel.Descriptor {
	w.t.Helper()
	body := []byte(`{"schemaVersion":2,"mediaType":"` + mediaType + `",` + fields + `}`)
	p := registry.ManifestPush{Ref: easel.Ref{Tag: tag}, ContentType: mediaType, Body: body}
	pushed, err := w.registry.PutManifest(w.ctx(who), repo, p)
	if err != nil {
		w.t.Fatal(err)
	}
	return easel.Descriptor{MediaType: mediaType, Digest: pushed.Digest, Size: int64(len(body))}
}

func (w *world) blob(who string, repo easel.Repo, content string) easel.Descriptor {
	w.t.Helper()
	d := easel.DigestOf(easel.SHA256, []byte(content))
	size := int64(len(content))
	if err := w.registry.PutBlob(w.ctx(who), repo, d, registry.Chunk{Body: strings.NewReader(content), At: registry.AtEnd, Size: size}); err != nil {
		w.t.Fatal(err)
	}
	return easel.Descriptor{Digest: d, Size: size}
}

func descriptor(mediaType string, d easel.Descriptor) string {
	return fmt.Sprintf(`{"mediaType":%q,"digest":%q,"size":%d}`, mediaType, d.Digest, d.Size)
}

func (w *world) ctx(who string) context.Context {
	return easel.WithPrincipal(w.t.Context(), people[who])
}

// measure counts served bytes, and what is stored, for today.
func (w *world) measure(repo easel.Repo, served int64) {
	w.t.Helper()
	if err := w.catalog.AddDownflow(w.t.Context(), map[easel.Repo]int64{repo: served}); err != nil {
		w.t.Fatal(err)
	}
	if err := w.catalog.RecordStore(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// org makes an organisation.
func (w *world) org(who string, name easel.Org) {
	w.t.Helper()
	if err := w.registry.CreateOrg(w.ctx(who), name); err != nil {
		w.t.Fatal(err)
	}
}

// repo makes a repository.
func (w *world) repo(who string, name easel.Repo, public bool) {
	w.t.Helper()
	if err := w.registry.CreateRepo(w.ctx(who), catalog.NewRepository{Name: name, Category: "other", Public: public}); err != nil {
		w.t.Fatal(err)
	}
}

// do sends a request and decodes the answer into the value out points at,
// unless that is nil.
func (w *world) do(t *testing.T, req *http.Request, out any) *httptest.ResponseRecorder {
	t.Helper()
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, req)
	if out != nil && rec.Code < 300 {
		if err := json.Unmarshal(rec.Body.Bytes(), out); err != nil {
			t.Fatalf("%s %s: %v in %s", req.Method, req.RequestURI, err, rec.Body)
		}
	}
	return rec
}

// code returns the error code of an answer; "" for a success.
func code(t *testing.T, rec *httptest.ResponseRecorder) string {
	t.Helper()
	if rec.Code < 400 {
		return ""
	}
	var e errorBody
	if err := json.Unmarshal(rec.Body.Bytes(), &e); err != nil {
		t.Fatalf("%v in %s", err, rec.Body)
	}
	if e.Code == "" || e.Msg == "" || e.ErrorCode != e.Code || len(e.Errors) != 1 || e.Errors[0].ErrorCode != e.Code {
		t.Errorf("incomplete error: %s", rec.Body)
	}
	return fmt.Sprint(rec.Code, " ", strings.TrimPrefix(strings.TrimPrefix(e.Code, "SVCSTG."), "SWR."))
}
