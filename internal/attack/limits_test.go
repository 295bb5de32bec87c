package attack

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// TestLimits asks more often than a caller may: every family says so in its
// own form, says when to come back, and leaves others alone.
func TestLimits(t *testing.T) {
	t.Parallel()
	in := start(t, "--anonymous-rate-limit", "1", "--rate-limit", "1")
	ann := in.token(t, "ann", "")
	bearer := in.bearer(t, "ann", "repository:team/private:pull")
	for _, tt := range []struct {
		name, method, target string
		header               map[string]string
		want                 string // in the body
	}{
		{"images", "GET", "/v1/" + acmeOne + "/images", map[string]string{"X-Auth-Token": ann}, `"error_code":"ModelArts.2799"`},
		{"SWR", "GET", "/v2/manage/namespaces", map[string]string{"X-Auth-Token": ann}, `"error_code":"SVCSTG.SWR.4031042"`},
		{"IAM", "GET", "/v3/projects", map[string]string{"X-Auth-Token": ann}, `"error_code":"IAM.0061"`},
		{"additions", "GET", "/easel/v1/audit", map[string]string{"X-Auth-Token": ann}, `"error_code":"ModelArts.2799"`},
		{"registry", "GET", "/v2/team/private/tags/list", map[string]string{"Authorization": bearer}, `"code":"TOOMANYREQUESTS"`},
		{"registry without a login", "GET", "/v2/team/public/tags/list", nil, `"code":"TOOMANYREQUESTS"`},
		{"registry token without a login", "GET", "/swr/auth/v2/registry/auth/", nil, `"code":"TOOMANYREQUESTS"`},
		{"a wrong token", "GET", "/v3/projects", map[string]string{"X-Auth-Token": "wrong"}, `"error_code":"IAM.0061"`},
	} {
		var last answer
		for range 30 {
			if last = in.send(t, request{tt.method, tt.target, tt.header, ""}); last.status == http.StatusTooManyRequests {
				break
			}
		}
		last.want(t, tt.name, http.StatusTooManyRequests)
		if !strings.Contains(last.body, tt.want) || last.header.Get("Retry-After") != "1" {
			t.Errorf("%s: Retry-After %q, %s; want %s", tt.name, last.header.Get("Retry-After"), last.body, tt.want)
		}
	}
	in.send(t, request{"GET", "/v3/projects", map[string]string{"X-Auth-Token": in.token(t, "mia", "")}, ""}).want(t, "another user", 200)
	metrics := in.send(t, request{method: "GET", target: "/metrics"}).body
	for _, caller := range []string{"user", "address"} {
		if strings.Contains(metrics, fmt.Sprintf("easel_rate_limited_total{caller=%q} 0\n", caller)) || !strings.Contains(metrics, fmt.Sprintf("easel_rate_limited_total{caller=%q}", caller)) {
			t.Errorf("the metrics do not count what %s limits refused", caller)
		}
	}
}

// TestGuessing guesses passwords: soon the answers stop saying whether a guess
// was right, for users that exist and for others, and the metrics tell.
func TestGuessing(t *testing.T) {
	t.Parallel()
	in := start(t, "--lockout-after", "3")
	guess := func(user, password string) answer {
		return in.send(t, request{method: "POST", target: "/v3/auth/tokens", body: fmt.Sprintf(
			`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":"acme"}}}}}}`, user, password)})
	}
	for _, user := range []string{"nobody", "dan"} {
		for i := range 4 { // the fourth comes within the second that it would have to wait
			a := guess(user, "guess")
			locked := strings.Contains(a.body, "IAM.0061") && a.header.Get("Retry-After") != ""
			if a.want(t, user, http.StatusUnauthorized); locked != (i >= 3) {
				t.Fatalf("guess %d at %s: %s", i, user, a.body)
			}
		}
	}
	if a := guess("dan", in.people["dan"].password); !strings.Contains(a.body, "IAM.0061") {
		t.Errorf("the right password after the guesses: %d %s", a.status, a.body)
	}
	guess("ray", in.people["ray"].password).want(t, "somebody else", http.StatusCreated)
	if m := in.send(t, request{method: "GET", target: "/metrics"}).body; !strings.Contains(m, `easel_login_failures_total{kind="password",result="failed"} 6`) ||
		!strings.Contains(m, `easel_login_failures_total{kind="password",result="refused"} 3`) {
		t.Errorf("the metrics do not count the guesses:\n%s", m)
	}
}
