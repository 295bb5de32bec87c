package iam

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"easel"
	"easel/internal/api/apitest"
)

// made returns the id in an answer like {"user":{"id":"…"}}.
func made(t *testing.T, body []byte) string {
	t.Helper()
	var answer map[string]struct{ ID string }
	if err := json.Unmarshal(body, &answer); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	for _, thing := range answer {
		return thing.ID
	}
	t.Fatalf("nothing was made: %s", body)
	return ""
}

// users plays the operations on users, groups and projects.
func (f *fixture) users(t *testing.T, req func(method, target, body string, headers ...string) *http.Request) {
	t.Helper()
	user := f.rec.Golden(t, "users-made",
		req("POST", "/v3/users", `{"user":{"name":"eva","password":"correct horse","description":"vision team"}}`),
		req("POST", "/v3.0/OS-USER/users", `{"user":{"name":"bot","domain_id":"`+f.first.DomainID+`","enabled":false}}`),
		req("POST", "/v3/users", `{"user":{"name":"eva"}}`),
		req("POST", "/v3/users", `{"user":{"name":"-"}}`),
		req("POST", "/v3/users", `{"user":{"name":"x","password":"short"}}`),
		req("POST", "/v3/users", `{"user":{"name":"x","domain_id":"another"}}`))
	eva := made(t, user[0].Body.Bytes())
	f.rec.Replace(eva, "<eva>")
	group := f.rec.Golden(t, "groups-made",
		req("POST", "/v3/groups", `{"group":{"name":"vision","description":"who sees"}}`),
		req("POST", "/v3/groups", `{"group":{"name":"vision"}}`),
		req("POST", "/v3/groups", `{"group":{}}`))
	vision := made(t, group[0].Body.Bytes())
	f.rec.Replace(vision, "<vision>")
	own := f.loginAs(t, "eva", "correct horse")
	f.rec.Golden(t, "groups",
		req("GET", "/v3/groups?name=vision", ""),
		req("GET", "/v3/groups/"+vision, ""),
		req("PUT", "/v3/groups/"+vision+"/users/"+eva, ""),
		req("HEAD", "/v3/groups/"+vision+"/users/"+eva, ""),
		req("GET", "/v3/groups/"+vision+"/users", ""),
		apitest.Request("GET", "/v3/users/"+eva+"/groups", "", authToken, own),
		apitest.Request("GET", "/v3/groups", "", authToken, own),
		req("PATCH", "/v3/groups/"+vision, `{"group":{"name":"sight"}}`),
		req("DELETE", "/v3/groups/"+vision+"/users/"+eva, ""),
		req("DELETE", "/v3/groups/"+vision+"/users/"+eva, ""),
		req("DELETE", "/v3/groups/"+vision, ""),
		req("GET", "/v3/groups/"+vision, ""))
	f.rec.Golden(t, "users",
		req("GET", "/v3/users?enabled=false", ""),
		req("GET", "/v3/users/"+eva, ""),
		req("PATCH", "/v3/users/"+eva, `{"user":{"description":"left"}}`),
		req("PUT", "/v3.0/OS-USER/users/"+eva, `{"user":{"name":"eve"}}`),
		apitest.Request("GET", "/v3/users/"+eva+"/projects", "", authToken, own),
		apitest.Request("POST", "/v3/users/"+eva+"/password", `{"user":{"password":"battery staple","original_password":"wrong"}}`, authToken, own),
		apitest.Request("POST", "/v3/users/"+eva+"/password", `{"user":{"password":"battery staple","original_password":"correct horse"}}`, authToken, own),
		apitest.Request("GET", "/v3/projects", "", authToken, own),
		req("DELETE", "/v3/users/"+eva, ""),
		req("DELETE", "/v3/users/"+eva, ""),
		req("DELETE", "/v3/users/"+f.first.UserID, ""),
		req("PATCH", "/v3/users/"+f.first.UserID, `{"user":{"enabled":false}}`))
	project := f.rec.Golden(t, "projects-made",
		req("POST", "/v3/projects", `{"project":{"name":"eu-de_vision","parent_id":"`+projectID+`","description":"d"}}`),
		req("POST", "/v3/projects", `{"project":{"name":"eu-de_vision"}}`),
		req("POST", "/v3/projects", `{"project":{"name":"vision","parent_id":"`+projectID+`"}}`),
		req("POST", "/v3/projects", `{"project":{"name":"eu-de_x","parent_id":"nowhere"}}`))
	id := made(t, project[0].Body.Bytes())
	f.rec.Replace(id, "<project>")
	f.rec.Golden(t, "projects",
		req("GET", "/v3/projects/"+id, ""),
		req("PATCH", "/v3/projects/"+id, `{"project":{"description":"new"}}`),
		req("PATCH", "/v3/projects/"+id, `{"project":{"name":"eu-de"}}`),
		req("GET", "/v3/projects/nowhere", ""))
}

// TestUserEnds: what a user was logged in for ends with the password, and with
// the user.
func TestUserEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	as := func(token, method, target, body string) int {
		return f.do(t, method, target, body, authToken, token).Code
	}
	for _, tt := range []struct{ name, method, body string }{
		{"another password", "PATCH", `{"user":{"password":"battery staple"}}`},
		{"disabled", "PATCH", `{"user":{"enabled":false}}`},
		{"deleted", "DELETE", ""},
	} {
		w := f.do(t, "POST", "/v3/users", `{"user":{"name":"eva","password":"correct horse"}}`, authToken, token)
		eva := made(t, w.Body.Bytes())
		own := f.loginAs(t, "eva", "correct horse")
		key := f.do(t, "POST", "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"`+eva+`"}}`, authToken, own)
		var made struct {
			Credential struct{ Access, Secret string }
		}
		if err := json.Unmarshal(key.Body.Bytes(), &made); err != nil {
			t.Fatal(err)
		}
		signed := func() int {
			return f.rec.Do(t, sign(apitest.Request("GET", "/v3/auth/projects", ""), "", made.Credential.Access, made.Credential.Secret)).Code
		}
		if a, b := as(own, "GET", "/v3/auth/projects", ""), signed(); a != 200 || b != 200 {
			t.Fatalf("%s: before: token %d, key %d", tt.name, a, b)
		}
		if code := as(token, tt.method, "/v3/users/"+eva, tt.body); code/100 != 2 {
			t.Fatalf("%s: %d", tt.name, code)
		}
		wantKey := 401
		if strings.Contains(tt.name, "password") {
			wantKey = 200
		}
		if a, b := as(own, "GET", "/v3/auth/projects", ""), signed(); a != 401 || b != wantKey {
			t.Errorf("%s: afterwards: token %d, key %d, want 401, %d", tt.name, a, b, wantKey)
		}
		if tt.method != "DELETE" {
			as(token, "DELETE", "/v3/users/"+eva, "")
		}
	}
}

// TestLastAdministrator: somebody who may change rights always stays.
func TestLastAdministrator(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	for _, try := range [][2]string{{"DELETE", ""}, {"PATCH", `{"user":{"enabled":false}}`}} {
		w := f.do(t, try[0], "/v3/users/"+f.first.UserID, try[1], authToken, token)
		if w.Code != http.StatusConflict {
			t.Errorf("%s of the last administrator: %d %s", try[0], w.Code, w.Body)
		}
	}
	if a, err := f.db.Account(t.Context(), f.first.UserID); err != nil || !a.Enabled {
		t.Errorf("the administrator is gone: %+v, %v", a, err)
	}
	if _, err := f.svc.VerifyToken(t.Context(), token); err != nil {
		t.Errorf("a refusal ended the administrator's token: %v", easel.AsError(err))
	}
}
