package attack

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
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
