package attack

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel/internal/identity"
	"easel/internal/issuer/issuertest"
)

// TestMatrixOfNewDomain sends every line as the people of a domain that was made
// through the API: its administrator, a user without rights, a robot of the
// administrator with everything that a robot can have, a job of a CI system that
// the administrator trusts as far, and nobody. None of them gets more than the
// administrator of a domain that was always there, and none learns whether a
// thing of acme's exists.
func TestMatrixOfNewDomain(t *testing.T) {
	t.Parallel()
	m := settleMatrix(t, start(t))
	for name, from := range m.newDomain(t) {
		m.sendAll(t, name+" of a new domain", otherDomain, from)
	}
	m.allIsThere(t)
}

// TestMatrixOfRobot sends every line as a robot of ben, who is granted nothing,
// and as one of cleo, who may do everything, that is for other repositories:
// they get no more than ben.
func TestMatrixOfRobot(t *testing.T) {
	t.Parallel()
	m := settleMatrix(t, start(t))
	for user, repositories := range map[string]string{"ben": "*", "cleo": "elsewhere/*"} {
		who := m.people[user]
		m.sendAll(t, "robot of "+user, ungranted, m.matrixRobot(t, m.installation.token(t, user, ""), who.ProjectID, who.ProjectName, repositories))
	}
	m.allIsThere(t)
}

// sendAll sends every line as somebody who gets what the stranger like gets, or
// less.
func (m *matrix) sendAll(t *testing.T, name string, like int, from sender) {
	t.Helper()
	for _, a := range attempts {
		want, mayKnow := a.status(like)
		there, absent := from.request(a, a.target, m.present), from.request(a, a.missing, m.absent)
		what := fmt.Sprintf("%s %s as %s", there.method, there.target, name)
		if want == 0 && there.method != "GET" && there.method != "HEAD" {
			continue // what it may do to its own
		}
		got := m.send(t, there)
		m.tellsNothing(t, what, like, there, got)
		if want == 0 || a.want == public {
			continue
		}
		if refused := slices.Contains([]int{401, 403, 404}, got.status); got.status != want && (strings.HasPrefix(name, "administrator") || !refused) {
			t.Errorf("%s: %d, want %d: %s", what, got.status, want, got.body)
		}
		if a.missing == "" || mayKnow {
			continue
		}
		if diff := cmp.Diff(plain(got, there, absent), plain(m.send(t, absent), absent, there)); diff != "" {
			t.Errorf("%s: the answer tells whether it exists (-there +absent):\n%s", what, diff)
		}
	}
}

// newDomain makes the domain initech through the API, as ann, who looks after
// the installation, and returns what its people have to send requests with.
func (m *matrix) newDomain(t *testing.T) map[string]sender {
	t.Helper()
	made := m.iam(t, "ann", "POST", "/v3/domains", `{"domain":{"name":"initech"},"administrator":{"name":"ivy","password":"password of ivy"}}`)
	project := field[struct{ ID, Name string }](t, made.want(t, "make a domain", http.StatusCreated), "project")
	admin := field[struct{ ID, Access, Secret string }](t, made, "administrator")
	token := func(name string) string {
		t.Helper()
		a := m.send(t, request{method: "POST", target: "/v3/auth/tokens", body: fmt.Sprintf(
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":"password of %s","domain":{"name":"initech"}}}},"scope":{"project":{"id":%q}}}}`, name, name, project.ID)})
		return a.want(t, "log in", http.StatusCreated).header.Get("X-Subject-Token")
	}
	as := func(token, target, body string) answer {
		t.Helper()
		return m.send(t, request{"POST", target, map[string]string{"X-Auth-Token": token}, body}).want(t, target, http.StatusCreated)
	}
	ivy := sender{token: token("ivy"), project: project.ID, bearer: m.scoped(t, project.Name, admin.Access, admin.Secret)}
	as(ivy.token, "/v2/manage/namespaces", `{"namespace":"initech-org"}`)
	user := field[struct{ ID string }](t, as(ivy.token, "/v3/users", `{"user":{"name":"ian","password":"password of ian"}}`), "user")
	ian := sender{token: token("ian"), project: project.ID}
	key := field[struct{ Access, Secret string }](t, as(ian.token, "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"`+user.ID+`"}}`), "credential")
	ian.bearer = m.scoped(t, project.Name, key.Access, key.Secret)
	robot := m.matrixRobot(t, ivy.token, project.ID, project.Name, "*")
	return map[string]sender{"administrator": ivy, "user": ian, "robot": robot, "job": m.job(t, ivy.token, project.ID, project.Name), "nobody": {project: acmeOne, bearer: m.scoped(t, "", "", "")}}
}

// matrixRobot makes a robot with everything that a robot can have on these
// repositories.
func (m *matrix) matrixRobot(t *testing.T, token, project, projectName, repositories string) sender {
	t.Helper()
	bot := m.send(t, request{"POST", "/easel/v1/robots", map[string]string{"X-Auth-Token": token}, `{"name":"ci","repositories":["` + repositories + `"],"actions":["pull","push","delete","read"]}`}).
		want(t, "make a robot", http.StatusCreated)
	robot := sender{project: project, key: field[string](t, bot, "access_key"), secret: field[string](t, bot, "secret_key")}
	robot.bearer = m.scoped(t, projectName, robot.key, robot.secret)
	return robot
}

// job makes a trust with everything that a trust can give, and shows a token by it.
func (m *matrix) job(t *testing.T, token, project, projectName string) sender {
	t.Helper()
	ci := issuertest.New(t, time.Now)
	keys, err := json.Marshal(ci.Public())
	must(t, err)
	trust := m.send(t, request{"POST", "/easel/v1/trusts", map[string]string{"X-Auth-Token": token}, `{"name":"ci","issuer":"` + ci.Issuer() + `","audience":"easel.test","claims":{"sub":"job:*"},
		"jwks":` + string(keys) + `,"repositories":["*"],"actions":["pull","push","delete","read"]}`}).want(t, "make a trust", http.StatusCreated)
	a := m.exchange(t, field[string](t, trust, "id"), ci.Sign(t, issuertest.Claims{"aud": "easel.test", "sub": "job:1"})).want(t, "exchange", http.StatusOK)
	access, secret := field[string](t, a, "access_key"), field[string](t, a, "secret_key")
	return sender{project: project, token: field[string](t, a, "access_token"), bearer: m.scoped(t, projectName, access, secret)}
}

// scoped asks for a registry token with everything that the table asks for;
// access "" is nobody's.
func (m *matrix) scoped(t *testing.T, project, access, secret string) string {
	t.Helper()
	r := request{method: "GET", target: "/swr/auth/v2/registry/auth/?scope=" + strings.Join(matrixScopes, "&scope="), header: map[string]string{}}
	if access != "" {
		r.header["Authorization"] = "Basic " + base64.StdEncoding.EncodeToString([]byte(project+"@"+access+":"+identity.LoginKey(access, secret)))
	}
	var out struct{ Token string }
	must(t, json.Unmarshal([]byte(m.send(t, r).want(t, "registry token", http.StatusOK).body), &out))
	return "Bearer " + out.Token
}
