package attack

import (
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"easel/internal/issuer/issuertest"
)

// exchange shows a token by a trust.
func (in *installation) exchange(t *testing.T, trust, token string) answer {
	t.Helper()
	return in.send(t, request{"POST", "/easel/v1/exchange", map[string]string{"Content-Type": "application/x-www-form-urlencoded"}, url.Values{
		"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
		"subject_token": {token}, "audience": {trust},
	}.Encode()})
}

// TestExchanged takes what an administrator's trust gives and tries to do more
// with it than the trust says: with the IAM token, by signature and by docker login.
func TestExchanged(t *testing.T) {
	t.Parallel()
	in := start(t)
	ci := issuertest.New(t, time.Now)
	keys, err := json.Marshal(ci.Public())
	must(t, err)
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	in.push(t, "ann", "team/base", "v1", "configuration", "layer")
	trust := field[string](t, in.iam(t, "ann", "POST", "/easel/v1/trusts", `{"name":"ci","issuer":"`+ci.Issuer()+`","audience":"easel.test","claims":{"sub":"job:*"},"jwks":`+string(keys)+`,
		"repositories":["team/app*"],"actions":["pull","read"]}`).want(t, "make a trust", http.StatusCreated), "id")
	a := in.exchange(t, trust, ci.Sign(t, issuertest.Claims{"aud": "easel.test", "sub": "job:1"})).want(t, "exchange", http.StatusOK)
	token := field[string](t, a, "access_token")
	r := robot{in, field[string](t, a, "access_key"), field[string](t, a, "secret_key")}
	for _, tt := range []struct {
		name, method, target, body string
		want                       int
	}{
		{"what it may", "GET", "/v2/manage/namespaces/team/repos/app", "", 200},
		{"beside its pattern", "GET", "/v2/manage/namespaces/team/repos/base", "", 404},
		{"another action", "DELETE", "/v2/manage/namespaces/team/repos/app/tags/v1", "", 403},
		{"images of the project", "GET", "/v1/" + acmeOne + "/images", "", 403},
		{"rights", "POST", "/v2/manage/namespaces/team/access", `[{"user_id":"x","user_name":"ben","auth":7}]`, 403},
		{"a docker login", "POST", "/v2/manage/utils/secret", "", 403},
		{"a key of its user", "POST", "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"` + in.people["ann"].UserID + `"}}`, 403},
		{"a robot", "POST", "/easel/v1/robots", `{"name":"x","repositories":["*"],"actions":["delete"]}`, 403},
		{"a trust", "POST", "/easel/v1/trusts", `{"name":"x","issuer":"https://x","audience":"x","claims":{"sub":"x"},"repositories":["*"],"actions":["delete"]}`, 403},
		{"its trust", "GET", "/easel/v1/trusts/" + trust, "", 403},
		{"the end of its trust", "DELETE", "/easel/v1/trusts/" + trust, "", 403},
		{"another password", "POST", "/v3/users/" + in.people["ann"].UserID + "/password", `{"user":{"original_password":"x","password":"y2345678"}}`, 403},
		{"the audit trail", "GET", "/easel/v1/audit", "", 403},
	} {
		r.signed(t, tt.method, tt.target, tt.body).want(t, tt.name+", signed", tt.want)
		in.send(t, request{tt.method, tt.target, map[string]string{"X-Auth-Token": token}, tt.body}).want(t, tt.name+", with the token", tt.want)
	}
	if got := granted(t, r.token(t, "repository:team/app:pull,push,delete").want(t, "docker login", 200)); got != "repository:team/app:pull" {
		t.Errorf("a registry token grants %q", got)
	}
	for name, body := range map[string]string{
		"a token":         `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `"}}}}`,
		"a temporary key": `{"auth":{"identity":{"methods":["token"],"token":{"id":"` + token + `","duration_seconds":900}}}}`,
	} {
		target := map[bool]string{true: "/v3.0/OS-CREDENTIAL/securitytokens", false: "/v3/auth/tokens"}[name == "a temporary key"]
		in.send(t, request{method: "POST", target: target, body: body}).want(t, name, http.StatusUnauthorized)
	}
	in.iam(t, "gus", "DELETE", "/easel/v1/trusts/"+trust, "").want(t, "a stranger ends it", 404)
	in.iam(t, "ann", "DELETE", "/easel/v1/trusts/"+trust, "").want(t, "its end", 204)
	r.signed(t, "GET", "/v2/manage/namespaces/team/repos/app", "").want(t, "a signature after its end", 401)
	in.send(t, request{"GET", "/v2/manage/namespaces/team/repos/app", map[string]string{"X-Auth-Token": token}, ""}).want(t, "the token after its end", 401)
}
