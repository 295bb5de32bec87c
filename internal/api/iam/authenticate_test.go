package iam

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/identity"
)

// sign signs a request in the plain layout, written independently of package
// identity and only for paths and queries that need no encoding.
func sign(r *http.Request, body, access, secret string) *http.Request {
	date := time.Now().UTC().Format("20060102T150405Z")
	r.Header.Set("X-Sdk-Date", date)
	canonical := strings.Join([]string{
		r.Method, strings.TrimSuffix(r.URL.Path, "/") + "/", r.URL.RawQuery, "x-sdk-date:" + date + "\n", "x-sdk-date", hexSum(body),
	}, "\n")
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte("SDK-HMAC-SHA256\n" + date + "\n" + hexSum(canonical)))
	r.Header.Set("Authorization", "SDK-HMAC-SHA256 Access="+access+", SignedHeaders=x-sdk-date, Signature="+hex.EncodeToString(h.Sum(nil)))
	return r
}

func hexSum(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:])
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	auth := NewAuthenticator(f.svc)
	token := f.login(t)
	get := func(headers ...string) *http.Request {
		return apitest.Request("GET", "/v3/projects?name=x", "", headers...)
	}
	for _, tt := range []struct {
		name string
		r    *http.Request
		noun easel.Noun // "": accepted
	}{
		{"nothing", get(), "credential"},
		{"empty token", get(authToken, ""), "credential"},
		{"token", get(authToken, token), ""},
		{"unknown token", get(authToken, token+"x"), "token"},
		{"token and Basic", get(authToken, token, "Authorization", "Basic eDp5"), ""},
		{"Basic", get("Authorization", "Basic eDp5"), "signature format"},
		{"Bearer", get("Authorization", "Bearer "+token), "signature format"},
		{"signature", sign(get(), "", access, secret), ""},
		{"signature and a bad token", sign(get(authToken, "x"), "", access, secret), ""},
		{"bad signature and a good token", sign(get(authToken, token), "", access, "wrong"), "signature"},
		{"signature in lower case", get(authToken, token, "Authorization", "sdk-hmac-sha256 Access=x"), "signature format"},
		{"derived signature and a good token", get(authToken, token, "Authorization", "V11-HMAC-SHA256 Credential=x"), "signature format"},
	} {
		who, err := auth.Authenticate(tt.r)
		if tt.noun == "" {
			if err != nil || who.UserID != f.first.UserID || who.ProjectID != projectID {
				t.Errorf("%s: Authenticate = %+v, %v", tt.name, who, err)
			}
			continue
		}
		if e := easel.AsError(err); err == nil || e.Kind != easel.Unauthenticated || e.Noun != tt.noun {
			t.Errorf("%s: Authenticate = %v, want not authenticated, %q", tt.name, err, tt.noun)
		}
	}
	two := get(authToken, token)
	two.Header.Add(authToken, token)
	if _, err := auth.Authenticate(two); easel.AsError(err).Noun != "token" {
		t.Errorf("two tokens: %v", err)
	}
	bound := sign(get("X-Project-Id", "0"), "", access, secret)
	if _, err := auth.Authenticate(bound); !errors.Is(err, easel.Denied) {
		t.Errorf("a project that is not the caller's: %v, want denied", err)
	}
}

// TestAuthenticateLeavesTheBody: the handler reads what was signed.
func TestAuthenticateLeavesTheBody(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	auth := NewAuthenticator(f.svc)
	const body = `{"a":1}` + "\n"
	r := sign(apitest.Request("POST", "/v1/x", body), body, access, secret)
	if _, err := auth.Authenticate(r); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(r.Body); err != nil || string(got) != body {
		t.Errorf("the body is %q, %v", got, err)
	}
	r = sign(apitest.Request("POST", "/v1/x", `{"a":2}`), body, access, secret)
	if _, err := auth.Authenticate(r); easel.AsError(err).Noun != "signature" {
		t.Errorf("another body: %v", err)
	}
	large := httptest.NewRequest("POST", "/v1/x", bytes.NewReader(make([]byte, identity.MaxSignedBody+1)))
	if _, err := auth.Authenticate(sign(large, "", access, secret)); !errors.Is(err, easel.TooLarge) {
		t.Errorf("a body over the limit: %v", err)
	}
	broken := httptest.NewRequest("POST", "/v1/x", io.MultiReader(strings.NewReader("x"), failingReader{}))
	if _, err := auth.Authenticate(sign(broken, "", access, secret)); !errors.Is(err, easel.Invalid) {
		t.Errorf("a body that breaks off: %v", err)
	}
}

type failingReader struct{}

func (failingReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestAuthenticateOverTheWire sends paths as they are, through a real server.
func TestAuthenticateOverTheWire(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	auth := NewAuthenticator(f.svc)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := auth.Authenticate(r); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized)
		}
	}))
	t.Cleanup(server.Close)
	for _, path := range []string{"/v2/manage/repos", "/v2/manage/repos/", "/", "", "/a//b"} {
		r, err := http.NewRequestWithContext(t.Context(), "GET", server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		res, err := server.Client().Do(sign(r, "", access, secret))
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("GET %q: %d %s", path, res.StatusCode, text)
		}
	}
}
