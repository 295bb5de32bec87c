package iam

import (
	"net/http"
	"strings"
	"testing"

	"easel/internal/api/apitest"
	"easel/internal/policy"
)

const reading = `{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["swr:repo:download","swr:repo:get*"],"Resource":["swr:*:*:repo:team/*"]}]}`

// roles plays the operations on roles, policies and what groups have.
func (f *fixture) roles(t *testing.T, req func(method, target, body string, headers ...string) *http.Request) {
	t.Helper()
	group := made(t, f.rec.Do(t, req("POST", "/v3/groups", `{"group":{"name":"readers"}}`)).Body.Bytes())
	f.rec.Replace(group, "<readers>")
	system := policy.SystemRoles()[3]
	f.rec.Replace(`"custom_[0-9a-f]{32}"`, `"custom_<policy>"`)
	f.rec.Replace(`"(created|updated)_time": "\d{13}"`, `"${1}_time": "<ms>"`)
	f.rec.Golden(t, "roles",
		req("GET", "/v3/roles?display_name=SWR%20Administrator", ""),
		req("GET", "/v3/roles?page=2&per_page=4", ""),
		req("GET", "/v3/roles?page=2", ""),
		req("GET", "/v3/roles/"+system.ID, ""),
		req("GET", "/v3/roles/nothing", ""))
	answers := f.rec.Golden(t, "policies-made",
		req("POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"team-read","type":"XA","description":"pull from team","policy":`+reading+`}}`),
		req("POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"team-read","type":"XA","policy":`+reading+`}}`),
		req("POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"bad","type":"XA","policy":{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["swr:repo"]}]}}}`),
		req("POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"bad","type":"XX","policy":`+reading+`}}`),
		req("POST", "/v3.0/OS-ROLE/roles", `{"role":{"display_name":"bad","type":"XA"}}`))
	own := made(t, answers[0].Body.Bytes())
	f.rec.Replace(own, "<policy>")
	in := "/v3/domains/" + f.first.DomainID + "/groups/" + group + "/roles"
	project := "/v3/projects/" + projectID + "/groups/" + group + "/roles"
	inherit := "/v3/OS-INHERIT/domains/" + f.first.DomainID + "/groups/" + group + "/roles"
	f.rec.Golden(t, "policies",
		req("GET", "/v3.0/OS-ROLE/roles", ""),
		req("GET", "/v3/roles?domain_id="+f.first.DomainID, ""),
		req("GET", "/v3.0/OS-ROLE/roles/"+own, ""),
		req("GET", "/v3.0/OS-ROLE/roles/"+system.ID, ""),
		req("PATCH", "/v3.0/OS-ROLE/roles/"+own, `{"role":{"description":"pull from the team"}}`),
		req("PATCH", "/v3.0/OS-ROLE/roles/"+system.ID, `{"role":{"description":"x"}}`),
		req("PUT", in+"/"+system.ID, ""),
		req("HEAD", in+"/"+system.ID, ""),
		req("GET", in, ""),
		req("PUT", project+"/"+own, ""),
		req("HEAD", project+"/"+own, ""),
		req("GET", project, ""),
		req("PUT", inherit+"/"+own+"/inherited_to_projects", ""),
		req("HEAD", inherit+"/"+own+"/inherited_to_projects", ""),
		req("GET", inherit+"/inherited_to_projects", ""),
		req("GET", "/v3.0/OS-PERMISSION/role-assignments?subject.group_id="+group, ""),
		req("DELETE", "/v3.0/OS-ROLE/roles/"+own, ""),
		req("DELETE", in+"/"+system.ID, ""),
		req("DELETE", in+"/"+system.ID, ""),
		req("DELETE", project+"/"+own, ""),
		req("DELETE", inherit+"/"+own+"/inherited_to_projects", ""),
		req("DELETE", "/v3.0/OS-ROLE/roles/"+own, ""),
		req("GET", "/v3.0/OS-ROLE/roles/"+own, ""))
}

// TestDelegation: an administrator by a group does what one by birth does,
// until the group's role goes.
func TestDelegation(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	as := func(token, method, target, body string) int {
		return f.do(t, method, target, body, authToken, token).Code
	}
	id, own := f.user(t, "eva")
	group := made(t, f.do(t, "POST", "/v3/groups", `{"group":{"name":"admins"}}`, authToken, token).Body.Bytes())
	role := "/v3/domains/" + f.first.DomainID + "/groups/" + group + "/roles/" + policy.SystemRoles()[0].ID
	member := "/v3/groups/" + group + "/users/" + id
	if code := as(own, "GET", "/v3/groups", ""); code != 403 {
		t.Errorf("before: %d", code)
	}
	if a, b := as(token, "PUT", role, ""), as(token, "PUT", member, ""); a != 204 || b != 204 {
		t.Fatalf("grant: %d, %d", a, b)
	}
	if code := as(own, "POST", "/v3/users", `{"user":{"name":"zoe"}}`); code != 201 {
		t.Errorf("with the role, by a token from before: %d", code)
	}
	if w := f.do(t, "GET", "/v3/auth/tokens", "", authToken, own, subjectToken, own); !strings.Contains(w.Body.String(), `"te_admin"`) {
		t.Errorf("the token does not name the role: %s", w.Body)
	}
	// Now there are two; either may go, not both.
	if code := as(own, "PATCH", "/v3/users/"+f.first.UserID, `{"user":{"enabled":false}}`); code != 200 {
		t.Errorf("disable the first administrator: %d", code)
	}
	for _, path := range []string{role, member, "/v3/groups/" + group, "/v3/users/" + id} {
		if code := as(own, "DELETE", path, ""); code != 409 {
			t.Errorf("DELETE %s would lock everybody out: %d", path, code)
		}
	}
	if code := as(own, "PATCH", "/v3/users/"+f.first.UserID, `{"user":{"enabled":true}}`); code != 200 {
		t.Errorf("enable the first administrator: %d", code)
	}
	if a, b := as(own, "DELETE", role, ""), as(own, "GET", "/v3/groups", ""); a != 204 || b != 403 {
		t.Errorf("the role goes: %d, afterwards %d", a, b)
	}
}

// TestLockOut: nobody takes the last administrator's rights by a policy.
func TestLockOut(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.login(t)
	as := func(method, target, body string) int { return f.do(t, method, target, body, authToken, token).Code }
	group := made(t, f.do(t, "POST", "/v3/groups", `{"group":{"name":"all"}}`, authToken, token).Body.Bytes())
	document := func(effect string) string {
		return `{"role":{"display_name":"p","type":"AX","policy":{"Version":"1.1","Statement":[{"Effect":"` + effect + `","Action":["iam:*:*"]}]}}}`
	}
	allows := made(t, f.do(t, "POST", "/v3.0/OS-ROLE/roles", document("Allow"), authToken, token).Body.Bytes())
	denies := made(t, f.do(t, "POST", "/v3.0/OS-ROLE/roles", strings.Replace(document("Deny"), `"p"`, `"q"`, 1), authToken, token).Body.Bytes())
	roles := "/v3/domains/" + f.first.DomainID + "/groups/" + group + "/roles/"
	member := "/v3/groups/" + group + "/users/" + f.first.UserID
	for _, step := range []struct {
		what, method, target, body string
		want                       int
	}{
		{"a group that may everything", "PUT", roles + allows, "", 204},
		{"the administrator joins", "PUT", member, "", 204},
		{"the policy turns into one that denies", "PATCH", "/v3.0/OS-ROLE/roles/" + allows, document("Deny"), 409},
		{"another that denies", "PUT", roles + denies, "", 409},
		{"the administrator leaves", "DELETE", member, "", 204},
		{"the one that denies", "PUT", roles + denies, "", 204},
		{"the administrator joins again", "PUT", member, "", 409},
		{"nothing was changed", "GET", "/v3/groups", "", 200},
	} {
		if got := as(step.method, step.target, step.body); got != step.want {
			t.Errorf("%s: %d, want %d", step.what, got, step.want)
		}
	}
	if w := f.rec.Do(t, sign(apitest.Request("GET", "/v3/users", ""), "", access, secret)); w.Code != 200 {
		t.Errorf("the administrator's key: %d", w.Code)
	}
}
