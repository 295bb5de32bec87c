package attack

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"easel/internal/identity"
)

// robot is a robot's key with what it sends.
type robot struct {
	in             *installation
	access, secret string
}

// robot makes a robot of user.
func (in *installation) robot(t *testing.T, user, limits string) robot {
	t.Helper()
	a := in.iam(t, user, "POST", "/easel/v1/robots", `{"name":"ci",`+limits+`}`).want(t, "make a robot", http.StatusCreated)
	return robot{in, field[string](t, a, "access_key"), field[string](t, a, "secret_key")}
}

// signed sends a signed request.
func (r robot) signed(t *testing.T, method, target, body string) answer {
	t.Helper()
	q := &request{method, target, map[string]string{}, body}
	signPlain(q, r.access, r.secret, time.Now())
	return r.in.send(t, *q)
}

// token asks for a registry token.
func (r robot) token(t *testing.T, scope string) answer {
	t.Helper()
	login := base64.StdEncoding.EncodeToString([]byte("project-a1@" + r.access + ":" + identity.LoginKey(r.access, r.secret)))
	return r.in.send(t, request{method: "GET", target: "/swr/auth/v2/registry/auth/?scope=" + url.QueryEscape(scope), header: map[string]string{"Authorization": "Basic " + login}})
}

// TestRobots takes a robot of an administrator and tries to do more with it
// than it may: by signature, by docker login, and by other credentials.
func TestRobots(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	in.push(t, "ann", "team/base", "v1", "configuration", "layer")
	in.register(t, "ann", "team/app:v1")
	r := in.robot(t, "ann", `"repositories":["team/app*"],"actions":["pull","read"]`)
	for _, tt := range []struct {
		name, method, target, body string
		want                       int
	}{
		{"what it may", "GET", "/v2/manage/namespaces/team/repos/app", "", 200},
		{"its tags", "GET", "/v2/manage/namespaces/team/repos/app/tags", "", 200},
		{"beside its pattern", "GET", "/v2/manage/namespaces/team/repos/base", "", 404},
		{"all repositories", "GET", "/v2/manage/repos", "", 403},
		{"all organisations", "GET", "/v2/manage/namespaces", "", 403},
		{"another action", "DELETE", "/v2/manage/namespaces/team/repos/app/tags/v1", "", 403},
		{"visibility", "PATCH", "/v2/manage/namespaces/team/repos/app", `{"is_public":true}`, 403},
		{"rights", "POST", "/v2/manage/namespaces/team/access", `[{"user_id":"x","user_name":"ben","auth":7}]`, 403},
		{"images of the project", "GET", "/v1/" + acmeOne + "/images", "", 403},
		{"a docker login", "POST", "/v2/manage/utils/secret", "", 403},
		{"a key of its user", "POST", "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"` + in.people["ann"].UserID + `"}}`, 403},
		{"the keys of its user", "GET", "/v3.0/OS-CREDENTIAL/credentials?user_id=" + in.people["ann"].UserID, "", 403},
		{"another robot", "POST", "/easel/v1/robots", `{"name":"x","repositories":["*"],"actions":["delete"]}`, 403},
		{"the robots", "GET", "/easel/v1/robots", "", 403},
		{"its own end", "DELETE", "/easel/v1/robots/" + r.access, "", 403},
		{"the audit trail", "GET", "/easel/v1/audit", "", 403},
		{"the check", "POST", "/easel/v1/check", "{}", 403},
		{"a deletion", "POST", "/easel/v1/deletions", `{"images":["00000000-0000-7000-8000-000000000000"]}`, 403},
		{"the metrics", "GET", "/metrics", "", 200}, // everybody's on this machine
	} {
		r.signed(t, tt.method, tt.target, tt.body).want(t, tt.name, tt.want)
	}
	for scope, want := range map[string]string{
		"repository:team/app:pull,push,delete": "repository:team/app:pull",
		"repository:team/base:pull":            "",
		"registry:catalog:*":                   "",
	} {
		got := granted(t, r.token(t, scope).want(t, "docker login", 200))
		if got != want {
			t.Errorf("a token for %s grants %q, want %q", scope, got, want)
		}
	}
	a := in.send(t, request{method: "POST", target: "/v3/auth/tokens", body: fmt.Sprintf(
		`{"auth":{"identity":{"methods":["token"],"token":{"id":%q}}}}`, r.secret)})
	a.want(t, "a token from its secret", http.StatusUnauthorized)
}

// granted returns the scope that a registry token carries.
func granted(t *testing.T, a answer) string {
	t.Helper()
	parts := strings.Split(field[string](t, a, "token"), ".")
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	must(t, err)
	var claims struct {
		Access []struct {
			Type, Name string
			Actions    []string
		}
	}
	must(t, json.Unmarshal(text, &claims))
	if len(claims.Access) == 0 {
		return ""
	}
	c := claims.Access[0]
	return c.Type + ":" + c.Name + ":" + strings.Join(c.Actions, ",")
}

// TestRobotsEnd: the addresses and the end of a robot hold for the tokens
// that it has already.
func TestRobotsEnd(t *testing.T) {
	t.Parallel()
	in := start(t, "--trusted-proxy", "127.0.0.1")
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	r := in.robot(t, "ann", `"repositories":["team/*"],"actions":["pull"],"networks":["127.0.0.0/8"]`)
	bearer := "Bearer " + field[string](t, r.token(t, "repository:team/app:pull"), "token")
	pull := func(from string) int {
		header := map[string]string{"Authorization": bearer}
		if from != "" {
			header["X-Forwarded-For"] = from
		}
		return in.send(t, request{"GET", "/v2/team/app/manifests/v1", header, ""}).status
	}
	if got := pull(""); got != 200 {
		t.Fatalf("pull = %d", got)
	}
	if got := pull("203.0.113.7"); got != 401 {
		t.Errorf("pull from elsewhere with its token = %d", got)
	}
	far := in.robot(t, "ann", `"repositories":["team/*"],"actions":["pull","read"],"networks":["203.0.113.0/24"]`)
	far.token(t, "repository:team/app:pull").want(t, "docker login from elsewhere", 401)
	far.signed(t, "GET", "/v2/manage/namespaces/team", "").want(t, "a signature from elsewhere", 401)

	in.iam(t, "ben", "DELETE", "/easel/v1/robots/"+r.access, "").want(t, "another user ends it", 403)
	in.iam(t, "gus", "DELETE", "/easel/v1/robots/"+r.access, "").want(t, "a stranger ends it", 404)
	in.iam(t, "ann", "DELETE", "/easel/v1/robots/"+r.access, "").want(t, "its end", 204)
	if got := pull(""); got != 401 {
		t.Errorf("pull after its end = %d", got)
	}
}
