package iam

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"easel"
	"easel/internal/api"
	"easel/internal/api/apitest"
	"easel/internal/catalog"
	"easel/internal/identity"
)

const (
	access    = "AKCONTRACT0000000001"
	secret    = "skContractSecretKey000000000000000000001"
	password  = "a password for tests"
	projectID = "0123456789abcdef0123456789abcdef"
)

// fixture is the family with one domain, on SQLite.
type fixture struct {
	http.Handler
	svc      *identity.Service
	db       *catalog.DB
	first    identity.FirstLogin
	patterns []string
	rec      *apitest.Recorder
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: "sqlite:" + t.TempDir() + "/easel.db"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	f := &fixture{db: db, svc: identity.New(identity.Options{Catalog: db, MasterKey: make([]byte, 32), MaxKeys: 2})}
	f.first, _, err = f.svc.Bootstrap(t.Context(), identity.Bootstrap{
		AdminPassword: password, AccessKey: access, SecretKey: secret, ProjectID: projectID,
	})
	if err != nil {
		t.Fatal(err)
	}
	base := func(*http.Request) string { return "http://easel.test" }
	family := New(f.svc, NewAuthenticator(f.svc), Options{PublicURL: base, Region: "eu-de"})
	registry := NewRegistryAuth(f.svc)
	f.patterns = slices.Concat(family.Patterns(), registry.Patterns())
	mux := http.NewServeMux()
	mux.Handle("/v3", family)
	mux.Handle("/v3/", family)
	mux.Handle("/v3.0/", family)
	mux.Handle(strings.TrimSuffix(RegistryAuthPath, "/"), registry)
	mux.Handle(RegistryAuthPath, registry)
	mux.Handle("GET /{$}", VersionsHandler(base))
	f.Handler = api.Serve(mux, api.ServeOptions{})
	f.rec = apitest.New(t, f, OpenAPI)
	f.rec.Replace(`"access": "[A-Z0-9]{20}"`, `"access": "<access key>"`)
	f.rec.Replace(`"secret": "[A-Za-z0-9]{40}"`, `"secret": "<secret key>"`)
	f.rec.Replace(`"securitytoken": "[^"]+"`, `"securitytoken": "<security token>"`)
	f.rec.Replace(`"(access_token|token)": "[^"]+"`, `"$1": "<token>"`)
	f.rec.Replace(`"create_time": \d{13}`, `"create_time": <ms>`)
	f.rec.Replace(`(?m)^X-Iam-Trace-Id: .*$`, "X-Iam-Trace-Id: <request-id>")
	return f
}

// do plays a request and checks it against the document.
func (f *fixture) do(t *testing.T, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	return f.rec.Do(t, apitest.Request(method, target, body, headers...))
}

// login returns a new token of the administrator.
func (f *fixture) login(t *testing.T) string {
	t.Helper()
	return f.loginAs(t, "admin", password)
}

func (f *fixture) loginAs(t *testing.T, name, password string) string {
	t.Helper()
	w := f.do(t, "POST", "/v3/auth/tokens?nocatalog=1", passwordBody(name, password, `{"project":{"name":"eu-de"}}`))
	if w.Code != http.StatusCreated {
		t.Fatalf("log in as %s: %d %s", name, w.Code, w.Body)
	}
	return w.Header().Get(subjectToken)
}

// user adds a user without rights, whose token is returned with its id.
func (f *fixture) user(t *testing.T, name string) (id, token string) {
	t.Helper()
	id = easel.NewID()
	err := f.db.AddAccount(t.Context(), catalog.Account{ID: id, Name: name, Enabled: true, Domain: catalog.Domain{ID: f.first.DomainID}})
	if err != nil {
		t.Fatal(err)
	}
	reset, err := f.svc.ResetPassword(t.Context(), "", name)
	if err != nil {
		t.Fatal(err)
	}
	return id, f.loginAs(t, name, reset)
}

func passwordBody(name, password, scope string) string {
	return fmt.Sprintf(`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":"easel"}}}},"scope":%s}}`,
		name, password, scope)
}

func TestContract(t *testing.T) {
	t.Parallel()
	apitest.Contract(t, newFixture(t).patterns, OpenAPI)
}

// TestExchanges plays every operation and keeps what was said in testdata.
func TestExchanges(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, other := f.login(t), f.login(t)
	req := func(method, target, body string, headers ...string) *http.Request {
		return apitest.Request(method, target, body, append([]string{authToken, token}, headers...)...)
	}
	f.rec.Golden(t, "versions",
		apitest.Request("GET", "/v3", ""),
		apitest.Request("GET", "/v3/", ""))
	f.rec.Golden(t, "tokens",
		apitest.Request("POST", "/v3/auth/tokens", passwordBody("admin", password, `{"project":{"name":"eu-de"}}`)),
		apitest.Request("POST", "/v3/auth/tokens?nocatalog=true", passwordBody("admin", password, `{"domain":{"name":"easel"}}`)),
		req("GET", "/v3/auth/tokens?nocatalog=x", "", subjectToken, other),
		req("HEAD", "/v3/auth/tokens", "", subjectToken, other),
		req("DELETE", "/v3/auth/tokens", "", subjectToken, other),
		req("GET", "/v3/auth/tokens", "", subjectToken, other),
		req("GET", "/v3/auth/tokens", ""),
		apitest.Request("GET", "/v3/auth/tokens", "", authToken, other, subjectToken, other),
		apitest.Request("POST", "/v3/auth/tokens", passwordBody("admin", "wrong", `{}`)))
	f.rec.Golden(t, "directory",
		req("GET", "/v3/projects?name=eu-de", ""),
		req("GET", "/v3/projects?name=eu-nl", ""),
		req("GET", "/v3/auth/projects", ""),
		req("GET", "/v3/auth/domains", ""),
		req("GET", "/v3/auth/catalog", ""),
		req("GET", "/v3/users?name=admin", ""),
		req("GET", "/v3.0/OS-USER/users/"+f.first.UserID, ""),
		req("GET", "/v3.0/OS-USER/users/nobody", ""))
	f.users(t, req)
	f.roles(t, req)
	f.rec.Replace(`"password": "[A-Za-z0-9]{20}"`, `"password": "<password>"`)
	f.rec.Golden(t, "domains",
		req("POST", "/v3/domains", `{"domain":{"name":"partner","description":"the other company"}}`),
		req("POST", "/v3/domains", `{"domain":{"name":"partner"}}`),
		req("POST", "/v3/domains", `{"domain":{}}`),
		req("GET", "/v3/domains", ""))
	f.rec.Golden(t, "explain",
		req("POST", "/v3.0/OS-EASEL/explain", `{"action":"iam:users:createUser"}`),
		req("POST", "/v3.0/OS-EASEL/explain", `{"user":"bot","action":"modelarts:image:delete"}`),
		req("POST", "/v3.0/OS-EASEL/explain", `{"action":"pull","resource":"team/web"}`),
		req("POST", "/v3.0/OS-EASEL/explain", `{"action":"pull","resource":"team"}`),
		req("POST", "/v3.0/OS-EASEL/explain", `{"action":"fly"}`),
		req("POST", "/v3.0/OS-EASEL/explain", `{"user":"nobody","action":"pull","resource":"team/web"}`))
	f.rec.Golden(t, "securitytokens",
		req("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":3600}}}}`),
		apitest.Request("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"]}}}`),
		req("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":899}}}}`),
		req("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["assume_role"]}}}`),
		req("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"],"policy":{"Version":"1.1"}}}}`),
		apitest.Request("POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"]}}}`, authToken, "nobody's"))
	made := f.rec.Golden(t, "keys",
		req("POST", "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"`+f.first.UserID+`","description":"laptop"}}`),
		req("POST", "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"`+f.first.UserID+`"}}`),
		req("GET", "/v3.0/OS-CREDENTIAL/credentials?user_id="+f.first.UserID, ""),
		req("GET", "/v3.0/OS-CREDENTIAL/credentials/"+access, ""),
		req("PUT", "/v3.0/OS-CREDENTIAL/credentials/"+access, `{"credential":{"status":"inactive","description":"old"}}`),
		req("DELETE", "/v3.0/OS-CREDENTIAL/credentials/"+access, ""),
		req("GET", "/v3.0/OS-CREDENTIAL/credentials/"+access, ""))
	var key struct {
		Credential struct{ Access, Secret string }
	}
	if err := json.Unmarshal(made[0].Body.Bytes(), &key); err != nil {
		t.Fatal(err)
	}
	name, loginKey := "eu-de@"+key.Credential.Access, identity.LoginKey(key.Credential.Access, key.Credential.Secret)
	f.rec.Replace(key.Credential.Access, "<access key>")
	form := url.Values{"grant_type": {"password"}, "username": {name}, "password": {loginKey}, "service": {"dockyard"}, "scope": {"registry:catalog:*"}}.Encode()
	f.rec.Replace(loginKey, "<login key>")
	f.rec.Golden(t, "registry",
		apitest.Request("GET", "/swr/auth/v2/registry/auth?service=dockyard&scope=repository:team/web:pull", ""),
		basic(apitest.Request("GET", "/swr/auth/v2/registry/auth/?account=x&client_id=docker&offline_token=true&service=dockyard", ""), name, loginKey),
		basic(apitest.Request("GET", "/swr/auth/v2/registry/auth/", ""), name, "wrong"),
		apitest.Request("POST", "/swr/auth/v2/registry/auth", form, "Content-Type", "application/x-www-form-urlencoded"),
		apitest.Request("POST", "/swr/auth/v2/registry/auth/", form, "Content-Type", "application/x-www-form-urlencoded"),
		apitest.Request("GET", "/swr/auth/v2/registry/auth/?scope=bad", ""))
	f.rec.Complete(t)
}

func basic(r *http.Request, name, key string) *http.Request {
	r.SetBasicAuth(name, key)
	return r
}
