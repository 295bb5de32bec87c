package easelapi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"easel/internal/api/apitest"
	"easel/internal/issuer/issuertest"
)

// The S256 challenge of RFC 7636, appendix B, and its verifier.
const (
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// told returns a field of an answer.
func told(t *testing.T, w *httptest.ResponseRecorder, name string) string {
	t.Helper()
	var all map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil {
		t.Fatalf("%v in %s", err, w.Body)
	}
	text, _ := all[name].(string)
	if text == "" {
		t.Fatalf("no %s in %d %s", name, w.Code, w.Body)
	}
	return text
}

// signOnExchanges are the exchanges of a log-in by single sign-on.
func signOnExchanges(t *testing.T, w *world) {
	t.Helper()
	w.Replace(`http://127\.0\.0\.1:[0-9]+/(authorize|go)`, "https://login.example.org/$1")
	w.Replace(`("(?:code|device_code)": ?")[0-9a-f]{32}`, "${1}<code>")
	const begin = `{"redirect_uri":"http://127.0.0.1:49152/callback","state":"af0ifjsldkj-af0ifjsldkj","nonce":"n-0S6_WzA2Mj-n-0S6_WzA2Mj","code_challenge":"` + challenge + `"}`
	w.provider.As(issuertest.Claims{"sub": "248289761001", "preferred_username": "j.doe"})
	began := w.Golden(t, "sso_begin",
		as("", "GET", "/easel/v1/sso", ""),
		as("", "POST", "/easel/v1/sso/corp/authorization", begin),
		as("", "POST", "/easel/v1/sso/corp/device", ""),
		as("", "POST", "/easel/v1/sso/other/authorization", begin),
	)
	code := issuertest.Browse(t, told(t, began[1], "authorization_url")).Get("code")
	end := `{"code":"` + code + `","redirect_uri":"http://127.0.0.1:49152/callback","nonce":"n-0S6_WzA2Mj-n-0S6_WzA2Mj","code_verifier":"` + verifier + `","client":"easel login on laptop"}`
	device := `{"device_code":"` + told(t, began[2], "device_code") + `"}`
	w.Golden(t, "sso",
		as("", "POST", "/easel/v1/sso/corp/session", device),
		as("", "POST", "/easel/v1/sso/corp/session", end),
		as("", "POST", "/easel/v1/sso/corp/session", end),
		as("", "POST", "/easel/v1/sso/corp/session", `{"code":"x"}`),
	)
	w.provider.Finish()
	if a := w.Do(t, as("", "POST", "/easel/v1/sso/corp/session", device)); a.Code != 201 {
		t.Errorf("the end on another device: %d %s", a.Code, a.Body)
	}
}

// trustExchanges are the exchanges about trusts and what comes of them.
func trustExchanges(t *testing.T, w *world) {
	t.Helper()
	w.Replace(`http://127\.0\.0\.1:[0-9]+"`, `https://ci.example.org"`)
	w.Replace(`("(?:access_token|registry_password)": ?")[A-Za-z0-9_-]{43,64}`, "${1}<secret>")
	w.Replace(`("registry_username": ?"[^"@]+@)[A-Z0-9]{20}`, "${1}<key>")
	w.Replace(`subject_token=[A-Za-z0-9._-]+`, "subject_token=<token>")
	made := w.Golden(t, "trust_create",
		as("ann", "POST", "/easel/v1/trusts", `{"name":"app's main branch","issuer":"`+w.provider.Issuer()+`","audience":"https://easel.example.org","claims":{"sub":"repo:org/app:ref:refs/heads/main"},"repositories":["team/app-*"],"actions":["pull","push"],"lifetime_seconds":600}`),
		as("ann", "POST", "/easel/v1/trusts", `{"name":"everybody's","issuer":"`+w.provider.Issuer()+`","audience":"x","claims":{"sub":"**"},"repositories":["*"],"actions":["pull"]}`),
		as("robot", "POST", "/easel/v1/trusts", `{"name":"x","issuer":"`+w.provider.Issuer()+`","audience":"x","claims":{"sub":"x"},"repositories":["*"],"actions":["pull"]}`),
	)
	id := told(t, made[0], "id")
	form := func(token string) *http.Request {
		return apitest.Request("POST", "/easel/v1/exchange", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:token-exchange"}, "subject_token_type": {"urn:ietf:params:oauth:token-type:jwt"},
			"subject_token": {token}, "audience": {id},
		}.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	}
	w.Golden(t, "exchange",
		form(w.provider.Sign(t, issuertest.Claims{"aud": "https://easel.example.org", "sub": "repo:org/app:ref:refs/heads/main"})),
		form(w.provider.Sign(t, issuertest.Claims{"aud": "https://easel.example.org", "sub": "repo:org/app:ref:refs/heads/other"})),
	)
	if a := w.Do(t, apitest.Request("POST", "/easel/v1/exchange", "grant_type=password", "Content-Type", "application/x-www-form-urlencoded")); a.Code != 400 || told(t, a, "error") != "invalid_request" {
		t.Errorf("another form: %d %s", a.Code, a.Body)
	}
	w.Golden(t, "trust",
		as("ann", "GET", "/easel/v1/trusts", ""),
		as("ann", "GET", "/easel/v1/trusts/"+id, ""),
		as("ann", "PATCH", "/easel/v1/trusts/"+id, `{"active":false}`),
		as("ann", "DELETE", "/easel/v1/trusts/"+id, ""),
		as("ann", "GET", "/easel/v1/trusts/"+id, ""),
	)
}
