package attack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/identity"
)

// signPlain signs r with an access key in the plain layout (iam.md 8.2), as it
// is: X-Sdk-Date and nothing else.
func signPlain(r *request, access, secret string, at time.Time) {
	if r.header == nil {
		r.header = map[string]string{}
	}
	date := at.UTC().Format("20060102T150405Z")
	path, query, _ := strings.Cut(r.target, "?")
	decoded, err := url.PathUnescape(path)
	if err != nil {
		panic(err)
	}
	segments := strings.Split(decoded, "/")
	for i, s := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(s), "+", "%20")
	}
	pairs := strings.FieldsFunc(query, func(c rune) bool { return c == '&' })
	slices.Sort(pairs)
	body := sha256.Sum256([]byte(r.body))
	canonical := strings.Join([]string{r.method, strings.TrimSuffix(strings.Join(segments, "/"), "/") + "/", strings.Join(pairs, "&"),
		"x-sdk-date:" + date, "", "x-sdk-date", hex.EncodeToString(body[:])}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("SDK-HMAC-SHA256\n" + date + "\n" + hex.EncodeToString(sum[:])))
	r.header["X-Sdk-Date"] = date
	r.header["Authorization"] = "SDK-HMAC-SHA256 Access=" + access + ", SignedHeaders=x-sdk-date, Signature=" + hex.EncodeToString(mac.Sum(nil))
}

// expired gives the stranger of that name tokens that were good yesterday.
func (m *matrix) expired(t *testing.T, scopes []string) {
	t.Helper()
	yesterday := m.identityAt(t, func() time.Time { return time.Now().Add(-25 * time.Hour) })
	mia := m.people["mia"]
	token, _, err := yesterday.IssueToken(t.Context(), identity.TokenRequest{
		Methods: []string{"password"}, Password: identity.Password{UserID: mia.UserID, Password: mia.password}, Scope: identity.TokenScope{ProjectID: acmeOne},
	})
	must(t, err)
	requested, err := identity.ParseScopes(scopes)
	must(t, err)
	registry, err := yesterday.RegistryToken(t.Context(), easel.Principal(mia.Principal), requested)
	must(t, err)
	m.token[expiredToken], m.bearer[expiredToken] = token, "Bearer "+registry.Token
}

// TestSignatures attacks a signed deletion on its way.
func TestSignatures(t *testing.T) {
	t.Parallel()
	in := start(t)
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	id := in.register(t, "ann", "team/app:v1")
	ann, now := in.people["ann"], time.Now()
	deletion := func() *request {
		return &request{method: "DELETE", target: "/v1/" + acmeOne + "/images/" + id + "?force=false"}
	}
	for _, tt := range []struct {
		name   string
		at     time.Time
		change func(*request)
		want   int
	}{
		{"24 force altered", now, func(r *request) { r.target = strings.Replace(r.target, "force=false", "force=true", 1) }, 401},
		{"24 force added", now, func(r *request) { r.target += "&force=true" }, 401},
		{"24 force repeated in another case", now, func(r *request) { r.target += "&FORCE=true" }, 401},
		{"24 force in the body", now, func(r *request) { r.body = `{"is_force":true}` }, 401},
		{"24 another method", now, func(r *request) { r.method = "GET" }, 401},
		{"24 another image", now, func(r *request) { r.target = strings.Replace(r.target, id, easel.NewUUID(now), 1) }, 401},
		{"24 an encoded letter of the path, in another place", now, func(r *request) { r.target = strings.Replace(r.target, "/images/", "/%69mages%2F", 1) }, 404},
		{"24 another time", now, func(r *request) { r.header["X-Sdk-Date"] = now.Add(time.Minute).UTC().Format("20060102T150405Z") }, 401},
		{"24 too old", now.Add(-16 * time.Minute), func(*request) {}, 401},
		{"24 too young", now.Add(16 * time.Minute), func(*request) {}, 401},
		{"24 another access key", now, func(r *request) {
			r.header["Authorization"] = strings.Replace(r.header["Authorization"], ann.AccessKey, in.people["gus"].AccessKey, 1)
		}, 401},
		{"24 another project", now, func(r *request) { r.header["X-Project-Id"] = acmeTwo }, 403},
		{"24 a project of another domain", now, func(r *request) { r.header["X-Project-Id"] = globexOne }, 403},
		{"24 a good token beside a bad signature", now, func(r *request) {
			r.header["X-Auth-Token"] = in.token(t, "ann", "")
			r.header["Authorization"] = strings.Replace(r.header["Authorization"], "Signature=", "Signature=00", 1)
		}, 401},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := deletion()
			signPlain(r, ann.AccessKey, ann.secret, tt.at)
			tt.change(r)
			in.send(t, *r).want(t, r.method+" "+r.target, tt.want)
		})
	}
	// In the scoped layout only the first of them would be signed.
	in.iam(t, "ann", "DELETE", deletion().target+"&force=true", "").want(t, "24 two values that contradict each other", http.StatusBadRequest)
	in.iam(t, "ann", "GET", "/v1/"+acmeOne+"/images/"+id, "").want(t, "the image after all that", http.StatusOK)
	r := deletion()
	signPlain(r, ann.AccessKey, ann.secret, now)
	in.send(t, *r).want(t, "the request as it was signed", http.StatusOK)
	in.send(t, *r).want(t, "24 replayed: it verifies, and there is nothing left", http.StatusNotFound)
}

// TestNobodyBecomesAdmin sends fields that some API might have bound, and logs
// in with what other products ship with.
func TestNobodyBecomesAdmin(t *testing.T) {
	t.Parallel()
	in := start(t)
	ben := in.people["ben"]
	token := in.iam(t, "ben", "POST", "/v3/auth/tokens", fmt.Sprintf(`{"admin":true,"auth":{"identity":{"methods":["password"],"password":{"user":{"id":%q,
		"password":%q,"admin":true,"is_domain_owner":true}}},"scope":{"project":{"id":%q,"roles":[{"name":"te_admin"}]}}},"roles":[{"name":"te_admin"}]}`,
		ben.UserID, ben.password, acmeOne)).want(t, "log in", http.StatusCreated)
	if strings.Contains(token.body, "te_admin") {
		t.Errorf("25 ben's token has a role: %s", token.body)
	}
	in.iam(t, "ben", "POST", "/v3.0/OS-CREDENTIAL/credentials", fmt.Sprintf(`{"credential":{"user_id":%q,"admin":true,"domain_id":"domain-globex"},"admin":true}`, ben.UserID)).
		want(t, "a key of one's own", http.StatusCreated)
	in.iam(t, "ben", "GET", "/easel/v1/audit", "").want(t, "25 an administrator's page afterwards", http.StatusForbidden)
	for path, body := range map[string]string{
		"/v3/users": `{"user":{"name":"eve","password":"correct horse","is_domain_owner":true}}`, "/v3/projects": `{"project":{"name":"eu-de_x"}}`,
		"/v3/groups": `{"group":{"name":"admin"}}`,
	} {
		in.send(t, request{method: "POST", target: path, body: body}).want(t, "25 register at "+path, http.StatusUnauthorized)
		in.iam(t, "ben", "POST", path, body).want(t, "25 register at "+path+" as a user", http.StatusForbidden)
	}
	made := in.iam(t, "ann", "POST", "/v3/users", `{"user":{"name":"eve","password":"correct horse","admin":true,"is_domain_owner":true}}`).want(t, "make a user", http.StatusCreated)
	if owner, _ := field[map[string]any](t, made, "user")["is_domain_owner"].(bool); owner {
		t.Errorf("25 a new user is an administrator: %s", made.body)
	}
	for _, password := range []string{"admin", "Admin12345", "password", "easel", "Harbor12345"} {
		for _, name := range []string{"admin", "ann", "easel"} {
			in.send(t, request{method: "POST", target: "/v3/auth/tokens", body: fmt.Sprintf(
				`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":%q,"password":%q,"domain":{"name":"acme"}}}}}}`, name, password)}).
				want(t, "25 log in as "+name+" with "+password, http.StatusUnauthorized)
		}
	}
}

// TestSecretsStayOut looks for every secret in the log and in the files.
func TestSecretsStayOut(t *testing.T) {
	t.Parallel()
	in := start(t, "--log-level", "debug")
	in.push(t, "ann", "team/app", "v1", "configuration", "layer")
	ann := in.people["ann"]
	token, bearer := in.token(t, "ann", ""), in.bearer(t, "ann", "repository:team/app:pull")
	in.send(t, request{method: "GET", target: "/v3/users", header: map[string]string{"X-Auth-Token": token}}).want(t, "a request with the token", http.StatusOK)
	in.send(t, request{method: "GET", target: "/v2/team/app/tags/list", header: map[string]string{"Authorization": bearer}}).want(t, "a request with the registry token", http.StatusOK)
	in.send(t, request{method: "GET", target: "/v3/users?token=" + token}).want(t, "a token in a query", http.StatusUnauthorized)
	secrets := map[string]string{
		"password": ann.password, "secret key": ann.secret, "token": token, "registry token": strings.TrimPrefix(bearer, "Bearer "),
		"login key": identity.LoginKey(ann.AccessKey, ann.secret), "master key": masterKey,
	}
	for what, secret := range secrets {
		if strings.Contains(in.log.String(), secret) {
			t.Errorf("the log has the %s: %s", what, grep(in.log.String(), secret))
		}
	}
	must(t, filepath.WalkDir(in.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		for what, secret := range secrets {
			if strings.Contains(string(content), secret) {
				t.Errorf("the file %s has the %s", filepath.Base(path), what)
			}
		}
		return err
	}))
}
