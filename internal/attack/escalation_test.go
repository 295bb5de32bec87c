package attack

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"
)

// TestEscalation gives somebody parts of the administration, none of which is
// the right to give rights: none of them leads to that right, and what denies a
// deletion is not avoided by a policy that deletes.
func TestEscalation(t *testing.T) {
	t.Parallel()
	in := start(t)
	made := func(a answer, object string) string {
		t.Helper()
		a.want(t, object, http.StatusCreated)
		var out map[string]struct{ ID string }
		must(t, json.Unmarshal([]byte(a.body), &out))
		return out[object].ID
	}
	grant := func(user, statements string) (role string) {
		t.Helper()
		role = made(in.iam(t, "ann", "POST", "/v3.0/OS-ROLE/roles", fmt.Sprintf(
			`{"role":{"display_name":"part of %s","type":"AX","policy":{"Version":"1.1","Statement":[%s]}}}`, user, statements)), "role")
		group := made(in.iam(t, "ann", "POST", "/v3/groups", fmt.Sprintf(`{"group":{"name":"of %s"}}`, user)), "group")
		in.iam(t, "ann", "PUT", "/v3/groups/"+group+"/users/"+in.people[user].UserID, "").want(t, "join", http.StatusNoContent)
		in.iam(t, "ann", "PUT", "/v3/domains/domain-acme/groups/"+group+"/roles/"+role, "").want(t, "grant", http.StatusNoContent)
		return role
	}
	role := grant("ben", `{"Effect":"Allow","Action":["iam:users:*","iam:credentials:*","iam:roles:*"]}`)
	ann, dan := in.people["ann"].UserID, in.people["dan"].UserID
	for _, tt := range []struct {
		name, method, target, body string
		want                       int
	}{
		{"the password of an administrator", "PATCH", "/v3/users/" + ann, `{"user":{"password":"taken over 1"}}`, 403},
		{"an administrator goes", "DELETE", "/v3/users/" + ann, "", 403},
		{"a key of an administrator", "POST", "/v3.0/OS-CREDENTIAL/credentials", fmt.Sprintf(`{"credential":{"user_id":%q}}`, ann), 403},
		{"the own policy", "PATCH", "/v3.0/OS-ROLE/roles/" + role, `{"role":{"policy":{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["*"]}]}}}`, 403},
		{"somebody else's description", "PATCH", "/v3/users/" + dan, `{"user":{"description":"of the helpdesk"}}`, 200},
	} {
		in.iam(t, "ben", tt.method, tt.target, tt.body).want(t, tt.name, tt.want)
	}

	in.put(t, "ann", "team/private", "v1", in.image(t, "ann", "team/private", "configuration", "layer")).want(t, "push", http.StatusCreated)
	grant("dan", `{"Effect":"Deny","Action":["swr:repo:delete*"]}`)
	in.iam(t, "ann", "POST", "/v2/manage/namespaces/team/access", fmt.Sprintf(`[{"user_id":%q,"user_name":"dan","auth":7}]`, dan))
	in.iam(t, "dan", "POST", "/v2/manage/namespaces/team/repos/private/retentions",
		`{"algorithm":"or","rules":[{"template":"tag_rule","params":{"num":"1"},"tag_selectors":[]}]}`).want(t, "a retention policy of who may not delete", 403)
}

// TestDenialInAProject: what is denied in a user's project is not had by
// leaving the project out of the credential.
func TestDenialInAProject(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.push(t, "ann", "team/private", "v1", "configuration", "layer")
	in.grant(t, "dan", "team", 7)
	made := func(target, body, object string) string {
		var out map[string]struct{ ID string }
		must(t, json.Unmarshal([]byte(in.iam(t, "ann", "POST", target, body).want(t, object, http.StatusCreated).body), &out))
		return out[object].ID
	}
	role := made("/v3.0/OS-ROLE/roles", `{"role":{"display_name":"keeps tags","type":"XA","policy":{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["swr:repo:delete*"]}]}}}`, "role")
	group := made("/v3/groups", `{"group":{"name":"keepers"}}`, "group")
	in.iam(t, "ann", "PUT", "/v3/groups/"+group+"/users/"+in.people["dan"].UserID, "").want(t, "join", http.StatusNoContent)
	in.iam(t, "ann", "PUT", "/v3/projects/"+acmeOne+"/groups/"+group+"/roles/"+role, "").want(t, "grant", http.StatusNoContent)
	for scope, want := range map[string]int{
		`"project":{"id":"` + acmeOne + `"}`: http.StatusForbidden,
		`"domain":{"id":"domain-acme"}`:      http.StatusForbidden,
		`"project":{"id":"` + acmeTwo + `"}`: http.StatusNotFound, // another project: there is no such tag to delete
	} {
		token := in.send(t, request{method: "POST", target: "/v3/auth/tokens", body: fmt.Sprintf(
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"dan","password":%q,"domain":{"name":"acme"}}}},"scope":{%s}}}`, in.people["dan"].password, scope)}).header.Get("X-Subject-Token")
		in.send(t, request{method: "DELETE", target: "/v2/manage/namespaces/team/repos/private/tags/other", header: map[string]string{"X-Auth-Token": token}}).want(t, "delete a tag, "+scope, want)
	}
}

// TestTemporaryKeyEndsWithItsToken revokes a token: a temporary key that it
// asked for signs no more.
func TestTemporaryKeyEndsWithItsToken(t *testing.T) {
	t.Parallel()
	in := start(t)
	token := in.token(t, "ann", "")
	a := in.send(t, request{method: "POST", target: "/v3.0/OS-CREDENTIAL/securitytokens", body: fmt.Sprintf(
		`{"auth":{"identity":{"methods":["token"],"token":{"id":%q}}}}`, token)})
	a.want(t, "a temporary key", http.StatusCreated)
	var out struct {
		Credential struct{ Access, Secret, SecurityToken string }
	}
	must(t, json.Unmarshal([]byte(a.body), &out))
	signed := func() answer {
		r := request{method: "GET", target: "/v3/projects", header: map[string]string{"X-Security-Token": out.Credential.SecurityToken}}
		signPlain(&r, out.Credential.Access, out.Credential.Secret, time.Now())
		return in.send(t, r)
	}
	signed().want(t, "signed", http.StatusOK)
	in.send(t, request{"DELETE", "/v3/auth/tokens", map[string]string{"X-Auth-Token": in.token(t, "ann", ""), "X-Subject-Token": token}, ""}).want(t, "revoke", http.StatusNoContent)
	signed().want(t, "signed after the token was revoked", http.StatusUnauthorized)
}
