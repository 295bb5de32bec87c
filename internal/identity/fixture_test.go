package identity

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = t
}

func (c *clock) advance(d time.Duration) { c.set(c.now().Add(d)) }

// fixture is a service with one domain, on SQLite.
type fixture struct {
	*Service
	db    *catalog.DB
	clock *clock
	first FirstLogin
}

const adminPassword = "correct horse battery staple"

// newFixture has the vector key and project; its clock stands at the vector time.
func newFixture(t testing.TB) *fixture {
	return newFixtureWith(t, vectorAccess, vectorSecret, vectorProject, vectorTime)
}

func newFixtureWith(t testing.TB, access, secret, project, at string) *fixture {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: "sqlite:" + t.TempDir() + "/easel.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	start, err := time.Parse(signingTime, at)
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{db: db, clock: &clock{t: start}}
	f.Service = New(Options{Catalog: db, MasterKey: make([]byte, masterKeySize), Clock: f.clock.now, Region: "region-1"})
	f.passwords = newPasswords(cost{memory: 64, passes: 1, lanes: 1})
	f.first, _, err = f.Bootstrap(t.Context(), Bootstrap{
		AdminPassword: adminPassword, AccessKey: access, SecretKey: secret, ProjectID: project,
	})
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// user adds a user without rights to the first domain and returns its id.
func (f *fixture) user(t *testing.T, name string) string {
	t.Helper()
	return f.userOf(t, f.first.DomainID, name, false)
}

func (f *fixture) userOf(t *testing.T, domain, name string, admin bool) string {
	t.Helper()
	hash, err := f.passwords.hash(t.Context(), "password of "+name)
	if err != nil {
		t.Fatal(err)
	}
	id := easel.NewID()
	err = f.db.AddAccount(t.Context(), catalog.Account{
		ID: id, Name: name, Password: hash, Admin: admin, Enabled: true, Domain: catalog.Domain{ID: domain},
	})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// tenant adds another domain with a project "eu-de" and an administrator, and
// returns the administrator.
func (f *fixture) tenant(t *testing.T, name string) easel.Principal {
	t.Helper()
	d := catalog.Domain{ID: easel.NewID(), Name: name, Enabled: true}
	p := catalog.Project{ID: easel.NewID(), Domain: d.ID, Name: "eu-de", Parent: d.ID, Enabled: true}
	if err := f.db.AddDomain(t.Context(), d); err != nil {
		t.Fatal(err)
	}
	if err := f.db.AddProject(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	id := f.userOf(t, d.ID, "admin", true)
	return bare(catalog.Account{ID: id, Name: "admin", Admin: true, Domain: d}, p)
}

// admin is the first administrator in the first project.
func (f *fixture) admin() easel.Principal {
	return easel.Principal{
		UserID: f.first.UserID, UserName: f.first.UserName, DomainID: f.first.DomainID, DomainName: f.first.DomainName,
		ProjectID: f.first.ProjectID, ProjectName: f.first.ProjectName, Admin: true, Operator: true, AccessKey: f.first.AccessKey,
	}
}

func (f *fixture) member(id, name string) easel.Principal {
	p := f.admin()
	p.UserID, p.UserName, p.Admin, p.AccessKey = id, name, false, ""
	return p
}

// request is the vector as it arrives.
func (v vector) request() SignedRequest {
	path, query, _ := strings.Cut(v.target, "?")
	r := SignedRequest{Method: v.method, RawPath: path, RawQuery: query, Host: v.host, Header: map[string][]string{}}
	for name, value := range v.header {
		r.Header[name] = []string{value}
	}
	r.Body = func() ([]byte, error) { return []byte(v.body), nil }
	return r
}

// signed returns a request that is signed with a key, in the plain layout.
func signed(ctx context.Context, method, target, access, secret string, at time.Time) SignedRequest {
	v := vector{method: method, target: target, header: map[string]string{"X-Sdk-Date": at.UTC().Format(signingTime)}}
	r := v.request()
	resign(&r, access, secret, "", []string{"x-sdk-date"}, variant{})
	return r
}

// resign signs r as it is; scope "" is the plain layout.
func resign(r *SignedRequest, access, secret, scope string, headers []string, v variant) {
	a := authorization{access: access, scope: scope, headers: headers}
	body, _ := r.Body() // from memory
	canonical, err := r.canonical(a, body, v)
	if err != nil {
		panic(err)
	}
	at, err := time.Parse(signingTime, r.Header["X-Sdk-Date"][0])
	if err != nil {
		panic(err)
	}
	who := "Access=" + access
	if scope != "" {
		who = "Credential=" + access + "/" + scope
	}
	r.Header["Authorization"] = []string{algorithm + " " + who + ", SignedHeaders=" + strings.Join(headers, ";") +
		", Signature=" + hexOf(a.sign(at, secret, canonical))}
}
