package ociapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"easel"
	"easel/internal/api"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/policy"
	"easel/internal/registry"
)

// The people of the tests. admin rules the domain acme, which owns the
// organisation team; dev is a user of acme with an organisation lab of its own
// and no right on team; eve rules another domain.
var (
	admin = easel.Principal{UserID: "u-admin", UserName: "admin", DomainID: "d-acme", DomainName: "acme", Admin: true}
	dev   = easel.Principal{UserID: "u-dev", UserName: "dev", DomainID: "d-acme", DomainName: "acme"}
	eve   = easel.Principal{UserID: "u-eve", UserName: "eve", DomainID: "d-evil", DomainName: "evil", Admin: true}
)

// world is a registry on real storage with its edge and a token endpoint.
type world struct {
	t        *testing.T
	catalog  *catalog.DB
	store    *blob.Dir
	registry *registry.Service
	handler  http.Handler
	tokens   *tokens
}

func newWorld(t *testing.T, change ...func(*registry.Options)) *world {
	t.Helper()
	return newWorldOn(t, "sqlite:"+t.TempDir()+"/easel.db", change...)
}

// newWorldOn is newWorld on another database.
func newWorldOn(t *testing.T, database string, change ...func(*registry.Options)) *world {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	store, err := blob.OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	people(t, db)
	o := registry.Options{Catalog: db, Blobs: store}
	for _, f := range change {
		f(&o)
	}
	w := &world{t: t, catalog: db, store: store, registry: registry.New(o), tokens: &tokens{db: db, known: map[string]easel.Principal{}}}
	mux := http.NewServeMux()
	mux.Handle("/v2/", New(w.registry, w.tokens, Options{PublicURL: func(r *http.Request) string { return "http://" + r.Host }}))
	mux.Handle("/swr/auth/v2/registry/auth/", w.tokens)
	w.handler = api.Serve(mux, api.ServeOptions{})
	return w
}

func people(t *testing.T, db *catalog.DB) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, d := range []string{"acme", "evil"} {
		check(db.AddDomain(t.Context(), catalog.Domain{ID: "d-" + d, Name: d, Enabled: true}))
	}
	for _, p := range []easel.Principal{admin, dev, eve} {
		check(db.AddAccount(t.Context(), catalog.Account{
			ID: p.UserID, Name: p.UserName, Admin: p.Admin, Enabled: true, Domain: catalog.Domain{ID: p.DomainID}}))
	}
	check(db.CreateOrg(t.Context(), admin, "team"))
	check(db.CreateOrg(t.Context(), dev, "lab"))
	check(db.CreateOrg(t.Context(), eve, "evilcorp"))
}

// server serves the world on a port of its own.
func (w *world) server() *httptest.Server {
	s := httptest.NewServer(w.handler)
	w.t.Cleanup(s.Close)
	return s
}

// do sends a request in process. header has names and values in turn; who ""
// sends no token.
func (w *world) do(who, method, target, body string, header ...string) *httptest.ResponseRecorder {
	w.t.Helper()
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if who != "" {
		r.Header.Set("Authorization", "Bearer "+w.token(who))
	}
	rec := httptest.NewRecorder()
	w.handler.ServeHTTP(rec, r)
	return rec
}

// token returns a token for a person, for scopes as the token endpoint reads
// them; without scopes it is unbounded.
func (w *world) token(name string, scopes ...string) string {
	p := person(name)
	if len(scopes) > 0 {
		p.Scopes = parseScopes(scopes)
	}
	return w.tokens.add(p)
}

func person(name string) easel.Principal {
	return map[string]easel.Principal{"admin": admin, "dev": dev, "eve": eve}[name]
}

// tokens is a small token endpoint and the verifier of its tokens.
type tokens struct {
	db *catalog.DB

	mu    sync.Mutex
	known map[string]easel.Principal
}

func (k *tokens) add(p easel.Principal) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	p.TokenID = easel.NewID()
	k.known[p.TokenID] = p
	return p.TokenID
}

// VerifyRegistryToken implements Verifier.
func (k *tokens) VerifyRegistryToken(_ context.Context, token string) (easel.Principal, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	p, ok := k.known[token]
	if !ok {
		return p, easel.E(easel.Unauthenticated, "token", "the token is not valid")
	}
	return p, nil
}

func parseScopes(all []string) []easel.Scope {
	found := []easel.Scope{}
	for _, s := range strings.Fields(strings.Join(all, " ")) {
		typ, rest, _ := strings.Cut(s, ":")
		if i := strings.LastIndexByte(rest, ':'); i > 0 {
			found = append(found, easel.Scope{Type: typ, Name: rest[:i], Actions: strings.Split(rest[i+1:], ",")})
		}
	}
	return found
}

// ServeHTTP hands out tokens: the password is the user's name.
func (k *tokens) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var p easel.Principal
	if user, password, ok := r.BasicAuth(); ok {
		if p = person(user); p.UserID == "" || password != user {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
	}
	asked := parseScopes(r.URL.Query()["scope"])
	granted := []easel.Scope{}
	for _, s := range asked {
		s.Actions = slices.DeleteFunc(s.Actions, func(action string) bool { return !k.allowed(r.Context(), p, s, action) })
		if len(s.Actions) > 0 {
			granted = append(granted, s)
		}
	}
	p.Scopes = granted
	token := k.add(p)
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{"token": token, "access_token": token, "expires_in": 900})
}

func (k *tokens) allowed(ctx context.Context, p easel.Principal, s easel.Scope, action string) bool {
	if s.Type == "registry" {
		return policy.Check(p, easel.Grants{}, policy.ListRepositories, "route", s.Name) == nil
	}
	g, err := k.db.RepoGrants(ctx, p, easel.Repo(s.Name))
	if action == "*" {
		action = string(policy.Delete)
	}
	return err == nil && policy.Check(p, g, policy.Action(action), "repository", s.Name) == nil
}
