package iam

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/catalog"
)

// wantError fails t unless w is this error, in both forms, with both ids.
func wantError(t *testing.T, what string, w *httptest.ResponseRecorder, status int, code string) {
	t.Helper()
	var body errorBody
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Errorf("%s: %d %q: %v", what, w.Code, w.Body, err)
		return
	}
	if w.Code != status || body.ErrorCode != code || body.Error.Code != status || body.Error.Title != http.StatusText(status) ||
		body.ErrorMsg == "" || body.Error.Message != body.ErrorMsg {
		t.Errorf("%s: %d %s, want %d %s", what, w.Code, w.Body, status, code)
	}
	if id := w.Header().Get("X-Request-Id"); id == "" || id != w.Header().Get("X-IAM-Trace-Id") {
		t.Errorf("%s: request ids %q and %q", what, id, w.Header().Get("X-IAM-Trace-Id"))
	}
}

func TestTokenErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, token := f.user(t, "bob")
	if err := f.db.EnableAccount(t.Context(), id, false); err != nil {
		t.Fatal(err)
	}
	reset, err := f.svc.ResetPassword(t.Context(), "", "bob")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, body string
		status     int
		code       string
	}{
		{"empty", "", 400, "IAM.1101"},
		{"too large", `{"auth":"` + strings.Repeat("x", 32<<10) + `"}`, 400, "IAM.1101"},
		{"no JSON", `{`, 400, "IAM.0011"},
		{"no object", `[]`, 400, "IAM.0011"},
		{"wrong type", `{"auth":{"identity":{"methods":"password"}}}`, 400, "IAM.0011"},
		{"no identity", `{"auth":{}}`, 400, "IAM.0072"},
		{"no methods", `{"auth":{"identity":{}}}`, 400, "IAM.0072"},
		{"unknown method", `{"auth":{"identity":{"methods":["saml2"]}}}`, 400, "IAM.0073"},
		{"no user", `{"auth":{"identity":{"methods":["password"],"password":{"user":{"password":"x"}}}}}`, 400, "IAM.0072"},
		{"wrong password", passwordBody("admin", "x", "{}"), 401, "IAM.0001"},
		{"unknown user", passwordBody("nobody", password, "{}"), 401, "IAM.0001"},
		{"unknown project", passwordBody("admin", password, `{"project":{"name":"eu-nl"}}`), 401, "IAM.0001"},
		{"unknown domain", passwordBody("admin", password, `{"domain":{"name":"other"}}`), 401, "IAM.0001"},
		{"disabled user", passwordBody("bob", reset, "{}"), 403, "IAM.0082"},
		{"dead token", `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}}}}`, 401, "IAM.0067"},
	} {
		w := f.do(t, "POST", "/v3/auth/tokens", tt.body)
		wantError(t, tt.name, w, tt.status, tt.code)
		if w.Header().Get(subjectToken) != "" {
			t.Errorf("%s: there is a token", tt.name)
		}
	}
	wrong, unknown := f.do(t, "POST", "/v3/auth/tokens", passwordBody("admin", "x", "{}")), f.do(t, "POST", "/v3/auth/tokens", passwordBody("x", "x", "{}"))
	if wrong.Body.String() != unknown.Body.String() {
		t.Errorf("a wrong password is told from an unknown user:\n%s%s", wrong.Body, unknown.Body)
	}
	form := f.do(t, "POST", "/v3/auth/tokens", passwordBody("admin", password, "{}"), "Content-Type", "application/x-www-form-urlencoded")
	wantError(t, "form", form, 400, "IAM.0011")
	for _, ct := range []string{"application/json;charset=utf8", "application/json; charset=UTF-8"} {
		w := f.do(t, "POST", "/v3/auth/tokens", passwordBody("admin", password, "{}"), "Content-Type", ct)
		if w.Code != http.StatusCreated {
			t.Errorf("Content-Type %q: %d %s", ct, w.Code, w.Body)
		}
	}
}

// TestTokenLogins are the forms in which clients log in.
func TestTokenLogins(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	for _, tt := range []struct{ name, body, project string }{
		{"by id", `{"auth":{"identity":{"methods":["password"],"password":{"user":{"id":"` + f.first.UserID + `","password":"` + password + `"}}}}}`, ""},
		{"domain by id", `{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"admin","password":"` + password + `","domain":{"id":"` + f.first.DomainID + `"}}}}}}`, ""},
		{"project wins over domain", passwordBody("admin", password, `{"domain":{"name":"other"},"project":{"name":"eu-de"}}`), projectID},
		{"project in a domain", passwordBody("admin", password, `{"project":{"name":"eu-de","domain":{"name":"easel"}}}`), projectID},
		{"token", `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}},"scope":{"project":{"id":"` + projectID + `"}}}}`, projectID},
		{"more than there is", `{"admin":true,"auth":{"identity":{"methods":["password"],"admin":true,"password":{"user":{"name":"admin","admin":false,"enabled":false,"roles":[{"name":"x"}],"password":"` + password + `","domain":{"name":"easel"}}}}}}`, ""},
	} {
		w := f.do(t, "POST", "/v3/auth/tokens", tt.body)
		var body struct {
			Token struct {
				Project, Domain *struct{ ID string }
				Roles           []struct{ Name string }
			}
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusCreated {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
			continue
		}
		if got := body.Token.Project; (got == nil) != (tt.project == "") || (got != nil && got.ID != tt.project) || (got == nil) == (body.Token.Domain == nil) {
			t.Errorf("%s: %s", tt.name, w.Body)
		}
		if len(body.Token.Roles) != 1 || body.Token.Roles[0].Name != "te_admin" {
			t.Errorf("%s: roles %v", tt.name, body.Token.Roles)
		}
	}
	w := f.do(t, "POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["token"],"token":{"id":"x"}}}}`, authToken, token)
	if w.Code != http.StatusCreated {
		t.Errorf("the token in the header does not win: %d %s", w.Code, w.Body)
	}
}

// TestUserHasNoRights walks through what a user may not do.
func TestUserHasNoRights(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	id, bob := f.user(t, "bob")
	admin := f.login(t)
	const keys = "/v3.0/OS-CREDENTIAL/credentials"
	for _, tt := range []struct {
		method, target, body string
		header               []string
		status               int
	}{
		{"GET", "/v3.0/OS-USER/users/" + id, "", nil, 200},
		{"GET", "/v3.0/OS-USER/users/" + f.first.UserID, "", nil, 403},
		{"GET", keys, "", nil, 200},
		{"GET", keys + "?user_id=" + f.first.UserID, "", nil, 403},
		{"POST", keys, `{"credential":{"user_id":"` + f.first.UserID + `"}}`, nil, 403},
		{"POST", keys, `{"credential":{"user_id":"nobody"}}`, nil, 403},
		{"POST", keys, `{"credential":{"user_id":"` + id + `","access":"AKADMIN","secret":"x","admin":true}}`, nil, 201},
		{"GET", keys + "/" + access, "", nil, 403},
		{"PUT", keys + "/" + access, `{"credential":{"status":"inactive"}}`, nil, 403},
		{"DELETE", keys + "/" + access, "", nil, 403},
		{"GET", "/v3/auth/tokens", "", []string{subjectToken, admin}, 403},
		{"DELETE", "/v3/auth/tokens", "", []string{subjectToken, admin}, 403},
		{"GET", "/v3/auth/tokens", "", []string{subjectToken, bob}, 200},
	} {
		w := f.do(t, tt.method, tt.target, tt.body, append(tt.header, authToken, bob)...)
		if w.Code != tt.status {
			t.Errorf("%s %s %s: %d %s, want %d", tt.method, tt.target, tt.body, w.Code, w.Body, tt.status)
		}
		if tt.status == 403 {
			wantError(t, tt.method+" "+tt.target, w, 403, "IAM.0002")
		}
	}
	if _, err := f.db.KeyOwner(t.Context(), "AKADMIN"); !errors.Is(err, easel.NotFound) {
		t.Errorf("the body chose the access key: %v", err)
	}
	w := f.do(t, "GET", "/v3/users", "", authToken, bob)
	if strings.Contains(w.Body.String(), f.first.UserID) {
		t.Errorf("a user sees the administrator: %s", w.Body)
	}
}

// TestOtherDomain: nothing of one domain shows in another.
func TestOtherDomain(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	d := catalog.Domain{ID: easel.NewID(), Name: "other", Enabled: true}
	p := catalog.Project{ID: easel.NewID(), Domain: d.ID, Name: "eu-de", Parent: d.ID, Enabled: true}
	a := catalog.Account{ID: easel.NewID(), Name: "root", Admin: true, Enabled: true, Domain: d}
	if err := errors.Join(f.db.AddDomain(t.Context(), d), f.db.AddProject(t.Context(), p), f.db.AddAccount(t.Context(), a)); err != nil {
		t.Fatal(err)
	}
	reset, err := f.svc.ResetPassword(t.Context(), "", "root")
	if err != nil {
		t.Fatal(err)
	}
	login := strings.Replace(passwordBody("root", reset, `{}`), `"easel"`, `"other"`, 1)
	root := f.do(t, "POST", "/v3/auth/tokens", login).Header().Get(subjectToken)
	admin := f.login(t)
	for _, r := range []*http.Request{
		apitest.Request("GET", "/v3.0/OS-USER/users/"+f.first.UserID, ""),
		apitest.Request("GET", "/v3.0/OS-CREDENTIAL/credentials?user_id="+f.first.UserID, ""),
		apitest.Request("GET", "/v3.0/OS-CREDENTIAL/credentials/"+access, ""),
		apitest.Request("PUT", "/v3.0/OS-CREDENTIAL/credentials/"+access, `{"credential":{"status":"inactive"}}`),
		apitest.Request("DELETE", "/v3.0/OS-CREDENTIAL/credentials/"+access, ""),
		apitest.Request("GET", "/v3/auth/tokens", "", subjectToken, admin),
		apitest.Request("DELETE", "/v3/auth/tokens", "", subjectToken, admin),
	} {
		r.Header.Set(authToken, root)
		wantError(t, r.Method+" "+r.RequestURI, f.rec.Do(t, r), 404, "IAM.0004")
	}
	for _, target := range []string{"/v3/projects", "/v3/auth/projects", "/v3/auth/domains", "/v3/users", "/v3/projects?domain_id=" + f.first.DomainID} {
		w := f.do(t, "GET", target, "", authToken, root)
		text := strings.ReplaceAll(w.Body.String(), target, "") // the list's own link
		if w.Code != http.StatusOK || strings.Contains(text, projectID) || strings.Contains(text, f.first.DomainID) || strings.Contains(text, f.first.UserID) {
			t.Errorf("GET %s: %d %s", target, w.Code, w.Body)
		}
	}
}

func TestProjectFilters(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	for i, enabled := range []bool{true, false} {
		err := f.db.AddProject(t.Context(), catalog.Project{
			ID: fmt.Sprint("sub", i), Domain: f.first.DomainID, Name: fmt.Sprint("eu-de_", i), Parent: projectID, Enabled: enabled,
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	token := f.login(t)
	for query, want := range map[string]string{
		"":                           "eu-de eu-de_0 eu-de_1",
		"name=eu-de":                 "eu-de",
		"name=EU-DE":                 "",
		"name=%25":                   "",
		"name=%00":                   "",
		"name=%ff":                   "",
		"parent_id=" + projectID:     "eu-de_0 eu-de_1",
		"enabled=true":               "eu-de eu-de_0",
		"enabled=false":              "eu-de_1",
		"is_domain=false":            "eu-de eu-de_0 eu-de_1",
		"is_domain=true":             "",
		"domain_id=0":                "",
		"page=1&per_page=2":          "eu-de eu-de_0",
		"page=2&per_page=2":          "eu-de_1",
		"page=3&per_page=2":          "",
		"page=1048576&per_page=5000": "",
		"name=eu-de&domain_id=" + f.first.DomainID: "eu-de",
	} {
		w := f.do(t, "GET", "/v3/projects?"+query, "", authToken, token)
		var body struct{ Projects []struct{ Name string } }
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != http.StatusOK || body.Projects == nil {
			t.Errorf("%s: %d %s", query, w.Code, w.Body)
		}
		var names []string
		for _, p := range body.Projects {
			names = append(names, p.Name)
		}
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	for _, query := range []string{
		"page=1", "per_page=1", "page=0&per_page=1", "page=1&per_page=0", "page=1&per_page=5001", "page=x&per_page=1", "page=-1&per_page=1",
		"page=9223372036854775807&per_page=5000", "enabled=maybe", "is_domain=2",
	} {
		wantError(t, query, f.do(t, "GET", "/v3/projects?"+query, "", authToken, token), 400, "IAM.0007")
	}
	w := f.do(t, "GET", "/v3/auth/projects", "", authToken, token)
	if strings.Contains(w.Body.String(), "eu-de_1") {
		t.Errorf("a disabled project is called usable: %s", w.Body)
	}
	w = f.do(t, "GET", "/v3/auth/domains?name=other", "", authToken, token)
	if !strings.Contains(w.Body.String(), `"domains":[]`) {
		t.Errorf("another domain's name: %s", w.Body)
	}
}

func TestKeyErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	const keys = "/v3.0/OS-CREDENTIAL/credentials"
	for _, tt := range []struct {
		method, target, body string
		status               int
		code                 string
	}{
		{"POST", keys, "", 400, "IAM.1101"},
		{"POST", keys, `{}`, 400, "IAM.0072"},
		{"POST", keys, `{"credential":{"user_id":7}}`, 400, "IAM.0011"},
		{"POST", keys, `{"credential":{"user_id":"` + f.first.UserID + `","description":"` + strings.Repeat("x", 256) + `"}}`, 400, "IAM.0073"},
		{"PUT", keys + "/" + access, `{}`, 400, "IAM.0072"},
		{"PUT", keys + "/" + access, `{"credential":{"status":"gone"}}`, 400, "IAM.0073"},
		{"PUT", keys + "/UNKNOWN", `{"credential":{"status":"active"}}`, 404, "IAM.0004"},
		{"GET", keys + "/%00", "", 404, "IAM.0004"},
		{"DELETE", keys + "/UNKNOWN", "", 404, "IAM.0004"},
		{"GET", keys + "?user_id=unknown", "", 404, "IAM.0004"},
	} {
		wantError(t, tt.method+" "+tt.target+" "+tt.body, f.do(t, tt.method, tt.target, tt.body, authToken, token), tt.status, tt.code)
	}
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	for _, target := range []string{"/v3/nothing", "/v3/auth/tokens/", "/v3/../v3/auth/tokens", "/v3//auth/tokens", "/v3.0/"} {
		w := httptest.NewRecorder()
		family := New(f.svc, NewAuthenticator(f.svc), Options{PublicURL: func(*http.Request) string { return "" }})
		family.ServeHTTP(w, apitest.Request("GET", target, "", authToken, token))
		if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), "IAM.0004") {
			t.Errorf("GET %s: %d %s", target, w.Code, w.Body)
		}
	}
	w := f.do(t, "PUT", "/v3/auth/tokens", "", authToken, token)
	wantError(t, "PUT", w, 405, "IAM.0004")
	for _, method := range []string{"GET", "POST", "DELETE"} {
		if !strings.Contains(w.Header().Get("Allow"), method) {
			t.Errorf("Allow = %q, want %s in it", w.Header().Get("Allow"), method)
		}
	}
	for _, pattern := range f.patterns {
		method, path, _ := strings.Cut(strings.TrimSuffix(pattern, "{$}"), " ")
		if slices.Contains([]string{"/v3", "/v3/"}, path) || strings.HasPrefix(path, "/swr/") ||
			pattern == "POST /v3/auth/tokens" || pattern == "POST /v3.0/OS-CREDENTIAL/securitytokens" {
			continue // public, or with a credential in the body
		}
		w := f.do(t, method, strings.NewReplacer("{user_id}", "x", "{access_key}", "x").Replace(path), "")
		wantError(t, pattern+" of nobody", w, 401, "IAM.0001")
	}
	w = f.rec.Do(t, apitest.Request("GET", "/v3/projects", "", "Authorization", "SDK-HMAC-SHA256 x"))
	wantError(t, "malformed signature", w, 401, "IAM.0001")
}

func TestVersions(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	w := httptest.NewRecorder()
	f.ServeHTTP(w, apitest.Request("GET", "/", ""))
	if w.Code != http.StatusMultipleChoices || !strings.Contains(w.Body.String(), `{"versions":{"values":[{"id":"v3.6"`) {
		t.Errorf("GET /: %d %s", w.Code, w.Body)
	}
}

func TestRegistryAuthErrors(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	form := func(body string) *http.Request {
		return apitest.Request("POST", RegistryAuthPath, body, "Content-Type", "application/x-www-form-urlencoded")
	}
	for _, tt := range []struct {
		name   string
		r      *http.Request
		status int
		code   string
	}{
		{"another service", apitest.Request("GET", RegistryAuthPath+"?service=other", ""), 400, "UNSUPPORTED"},
		{"malformed scope", apitest.Request("GET", RegistryAuthPath+"?scope=repository:a/b:pull&scope=x", ""), 400, "UNSUPPORTED"},
		{"no user", basic(apitest.Request("GET", RegistryAuthPath, ""), "", ""), 401, "DENIED"},
		{"unknown user", basic(apitest.Request("GET", RegistryAuthPath, ""), "eu-de@AK", "x"), 401, "DENIED"},
		{"password of the console", basic(apitest.Request("GET", RegistryAuthPath, ""), "admin", password), 401, "DENIED"},
		{"Bearer", apitest.Request("GET", RegistryAuthPath, "", "Authorization", "Bearer x"), 401, "DENIED"},
		{"broken Basic", apitest.Request("GET", RegistryAuthPath, "", "Authorization", "Basic x"), 401, "DENIED"},
		{"refresh token", form("grant_type=refresh_token&refresh_token=x"), 400, "UNSUPPORTED"},
		{"no grant type", form("username=x"), 400, "UNSUPPORTED"},
		{"nobody", form("grant_type=password"), 401, "DENIED"},
		{"form too large", form("grant_type=" + strings.Repeat("x", 64<<10)), 400, "UNSUPPORTED"},
		{"credentials in the URL", apitest.Request("POST", RegistryAuthPath+"?grant_type=password&username=x&password=y", ""), 400, "UNSUPPORTED"},
		{"another method", apitest.Request("DELETE", RegistryAuthPath, ""), 405, "UNSUPPORTED"},
		{"below", apitest.Request("GET", RegistryAuthPath+"x", ""), 404, "UNSUPPORTED"},
	} {
		w := f.rec.Do(t, tt.r)
		var body struct {
			Errors []struct{ Code, Message string }
		}
		if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil || w.Code != tt.status || len(body.Errors) != 1 || body.Errors[0].Code != tt.code {
			t.Errorf("%s: %d %s, want %d %s", tt.name, w.Code, w.Body, tt.status, tt.code)
		}
	}
}

// TestWire: every kind has an answer, and what is ours tells nothing.
func TestWire(t *testing.T) {
	t.Parallel()
	for kind := easel.Internal; kind <= easel.Unsupported; kind++ {
		if a := wire[kind][""]; a.status < 400 || !strings.HasPrefix(a.code, "IAM.") {
			t.Errorf("%v has no answer", kind)
		}
		w := httptest.NewRecorder()
		writeRegistryError(w, apitest.Request("GET", "/", ""), easel.E(kind, "", "x"))
		if w.Code < 400 {
			t.Errorf("%v at the token endpoint: %d", kind, w.Code)
		}
	}
	for _, write := range []func(http.ResponseWriter, *http.Request, error){writeError, writeRegistryError} {
		w := httptest.NewRecorder()
		write(w, apitest.Request("GET", "/", ""), errors.New("SELECT secret FROM table"))
		if w.Code != 500 || strings.Contains(w.Body.String(), "SELECT") {
			t.Errorf("an error nobody classified: %d %s", w.Code, w.Body)
		}
	}
}
