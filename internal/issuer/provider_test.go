package issuer_test

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"easel"
	"easel/internal/issuer"
	"easel/internal/issuer/issuertest"
)

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func newClock() *clock { return &clock{t: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

const (
	redirect = "http://127.0.0.1:9/callback"
	verifier = "0123456789012345678901234567890123456789012"
	nonce    = "nonce-of-the-login"
)

// party is a provider with us as its client.
type party struct {
	*issuertest.Provider
	clock *clock
	us    *issuer.Provider
}

func newParty(t *testing.T) *party {
	t.Helper()
	p := &party{clock: newClock()}
	p.Provider = issuertest.New(t, p.clock.now)
	p.us = issuer.NewProvider(issuer.Client{Issuer: p.Issuer(), ID: issuertest.ClientID}, p.clock.now)
	t.Cleanup(p.us.Close)
	return p
}

// code lets a browser log in and returns what it brings back.
func (p *party) code(t *testing.T) issuer.Code {
	t.Helper()
	sum := sha256.Sum256([]byte(verifier))
	at, err := p.us.AuthorizationURL(t.Context(), issuer.Authorization{RedirectURI: redirect, State: "state-of-the-login", Nonce: nonce, Challenge: base64.RawURLEncoding.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	back := issuertest.Browse(t, at)
	if back.Get("state") != "state-of-the-login" || back.Get("code") == "" {
		t.Fatalf("the browser comes back with %v", back)
	}
	return issuer.Code{Code: back.Get("code"), RedirectURI: redirect, Verifier: verifier, Nonce: nonce}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	p.As(issuertest.Claims{"sub": "42", "groups": []string{"a", "b"}})
	c := p.code(t)
	got, err := p.us.Redeem(t.Context(), c)
	if err != nil || got.Subject != "42" || got.Issuer != p.Issuer() || strings.Join(got.Claims.Strings("groups"), " ") != "a b" {
		t.Errorf("the token is %+v, %v", got, err)
	}
	if _, err := p.us.Redeem(t.Context(), c); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("the same code again: %v", err)
	}
	for name, wrong := range map[string]func(*issuer.Code){
		"another verifier": func(c *issuer.Code) { c.Verifier = strings.Repeat("x", 43) },
		"no verifier":      func(c *issuer.Code) { c.Verifier = "" },
		"another nonce":    func(c *issuer.Code) { c.Nonce = "another-nonce-0" },
		"no nonce":         func(c *issuer.Code) { c.Nonce = "" },
		"another address":  func(c *issuer.Code) { c.RedirectURI = "http://127.0.0.1:10/callback" },
		"another code":     func(c *issuer.Code) { c.Code = "guessed" },
	} {
		c := p.code(t)
		wrong(&c)
		if _, err := p.us.Redeem(t.Context(), c); !errors.Is(err, easel.Unauthenticated) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTokens lets the provider send ID tokens that must not count.
func TestTokens(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	other := issuertest.New(t, p.clock.now)
	now := p.clock.now()
	raw := func(text string) issuertest.Claims { return issuertest.Claims{"raw": text} }
	own := issuertest.Claims{"iss": p.Issuer(), "nonce": nonce}
	public, err := json.Marshal(p.Public().Keys[0])
	if err != nil {
		t.Fatal(err)
	}
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(p.Sign(t, own), ".")[1] + "."
	for name, c := range map[string]issuertest.Claims{
		"another audience":       {"aud": "other"},
		"no audience":            {"aud": nil},
		"another party":          {"aud": []string{"easel", "other"}, "azp": "other"},
		"another issuer":         {"iss": "https://other.example.org"},
		"a slash more":           {"iss": p.Issuer() + "/"},
		"expired":                {"exp": now.Unix() - 1},
		"no end":                 {"exp": nil},
		"not yet":                {"nbf": now.Add(2 * time.Minute).Unix()},
		"issued in the future":   {"iat": now.Add(2 * time.Minute).Unix()},
		"another nonce":          {"nonce": "another-nonce-0"},
		"no subject":             {"sub": ""},
		"a long subject":         {"sub": strings.Repeat("x", 256)},
		"NUL in the subject":     {"sub": "a\x00b"},
		"of another provider":    raw(other.Sign(t, own)),
		"without algorithm":      raw(none),
		"without signature":      raw(strings.TrimSuffix(none, ".")),
		"public key as a secret": raw(hmacToken(t, public, p.Public().Keys[0].KeyID, issuertest.Claims{"iss": p.Issuer(), "aud": "easel", "sub": "x", "exp": now.Add(time.Hour).Unix(), "nonce": nonce})),
		"not compact":            raw(`{"payload":"e30","signatures":[]}`),
		"huge":                   {"more": strings.Repeat("x", 17<<10)},
		"nothing":                raw("a.b.c"),
	} {
		p.As(c)
		if got, err := p.us.Redeem(t.Context(), p.code(t)); !errors.Is(err, easel.Unauthenticated) {
			t.Errorf("%s: %+v, %v", name, got, err)
		} else if msg := easel.AsError(err).Msg; msg != "the log-in was not completed, or took too long; begin again" {
			t.Errorf("%s: the answer tells why: %s", name, msg)
		}
	}
	for name, c := range map[string]issuertest.Claims{
		"clocks that differ a little": {"nbf": now.Add(30 * time.Second).Unix(), "iat": now.Add(30 * time.Second).Unix()},
		"for several, us among them":  {"aud": []string{"other", "easel"}, "azp": "easel"},
	} {
		p.As(c)
		if _, err := p.us.Redeem(t.Context(), p.code(t)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// hmacToken is signed with text as a shared secret.
func hmacToken(t *testing.T, text []byte, id string, c issuertest.Claims) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: jose.JSONWebKey{Key: text, KeyID: id}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(signer).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// TestKeys rotates keys, and asks for keys that are not there.
func TestKeys(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	redeem := func(want error) {
		t.Helper()
		if _, err := p.us.Redeem(t.Context(), p.code(t)); !errors.Is(err, want) {
			t.Errorf("a log-in: %v, want %v", err, want)
		}
	}
	redeem(nil)
	p.clock.advance(time.Minute)
	p.Rotate()
	redeem(nil)
	if n := p.Fetched(); n != 2 {
		t.Errorf("the keys were asked for %d times, want 2: at first, and for the new one", n)
	}
	p.Rotate()
	stale := p.Fetched()
	for range 50 {
		redeem(easel.Unauthenticated) // the key is not known yet, and the issuer was asked a moment ago
	}
	if n := p.Fetched(); n != stale {
		t.Errorf("tokens with unknown keys made us ask %d times", n-stale)
	}
	p.clock.advance(10 * time.Second)
	redeem(nil)

	p.Break("/keys", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusInternalServerError) })
	p.clock.advance(time.Hour)
	redeem(nil) // the keys count for a while
	p.clock.advance(24 * time.Hour)
	redeem(easel.Unavailable)
	p.Break("/keys", nil)
	p.clock.advance(10 * time.Second)
	redeem(nil)
}

// TestMoved has a provider that moves its keys and its token endpoint.
func TestMoved(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	if _, err := p.us.Redeem(t.Context(), p.code(t)); err != nil {
		t.Fatal(err)
	}
	asked := 0
	p.Break("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusBadGateway)
	})
	p.clock.advance(25 * time.Hour)
	for range 3 {
		if _, err := p.us.Redeem(t.Context(), p.code(t)); err != nil {
			t.Errorf("what it said before does not count any more: %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times in a moment, want once", asked)
	}
	moved := map[string]string{"issuer": p.Issuer(), "authorization_endpoint": p.Issuer() + "/authorize", "token_endpoint": p.Issuer() + "/moved", "jwks_uri": p.Issuer() + "/keys"}
	p.Break("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(moved)
	})
	p.clock.advance(10 * time.Second)
	if _, err := p.us.Redeem(t.Context(), p.code(t)); err == nil {
		t.Error("the token endpoint is where it was")
	}
}

// TestSecret has a client with a secret: it is sent once, as the provider wants it.
func TestSecret(t *testing.T) {
	t.Parallel()
	for method, want := range map[string]string{"client_secret_basic": "basic s3cret", "client_secret_post": "body s3cret"} {
		c := newClock()
		p := issuertest.New(t, c.now)
		us := issuer.NewProvider(issuer.Client{Issuer: p.Issuer(), ID: issuertest.ClientID, Secret: "s3cret"}, c.now)
		t.Cleanup(us.Close)
		p.Break("/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_ = json.NewEncoder(w).Encode(map[string]any{"issuer": p.Issuer(), "authorization_endpoint": p.Issuer() + "/authorize", "token_endpoint": p.Issuer() + "/token",
				"jwks_uri": p.Issuer() + "/keys", "token_endpoint_auth_methods_supported": []string{method}})
		})
		var sent []string
		p.Break("/token", func(w http.ResponseWriter, r *http.Request) {
			if _, secret, ok := r.BasicAuth(); ok {
				sent = append(sent, "basic "+secret)
			} else {
				sent = append(sent, "body "+r.PostFormValue("client_secret"))
			}
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"error":"invalid_grant"}`))
		})
		if _, err := us.Redeem(t.Context(), issuer.Code{Code: "x", RedirectURI: redirect, Verifier: verifier, Nonce: nonce}); !errors.Is(err, easel.Unauthenticated) {
			t.Errorf("%s: %v", method, err)
		}
		if len(sent) != 1 || sent[0] != want {
			t.Errorf("%s: the secret was sent as %q, want %q", method, sent, want)
		}
	}
}

// TestProviderDown has providers that do not answer, or not as they should:
// we are told so, and try again.
func TestProviderDown(t *testing.T) {
	t.Parallel()
	endless := func(w http.ResponseWriter, r *http.Request) {
		chunk := []byte(`{"keys":[` + strings.Repeat(" ", 64<<10))
		for r.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
	for name, tt := range map[string]struct {
		path string
		h    http.HandlerFunc
	}{
		"discovery fails":        {"/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", http.StatusBadGateway) }},
		"discovery is endless":   {"/.well-known/openid-configuration", endless},
		"discovery is redirect":  {"/.well-known/openid-configuration", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }},
		"discovery is another's": {"/.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"issuer":"https://other"}`)) }},
		"keys are endless":       {"/keys", endless},
		"keys are none":          {"/keys", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"keys":[]}`)) }},
		"keys are secrets": {"/keys", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"keys":[{"kty":"oct","k":"AAAA","kid":"x"}]}`))
		}},
		"the token endpoint fails": {"/token", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "", 500) }},
		"our client is not known": {"/token", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(401)
			_, _ = w.Write([]byte(`{"error":"invalid_client"}`))
		}},
		"there is no ID token": {"/token", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(`{"access_token":"x","token_type":"Bearer"}`))
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newParty(t)
			p.Break(tt.path, tt.h)
			code := issuer.Code{Code: "x", RedirectURI: redirect, Verifier: verifier, Nonce: nonce}
			if !strings.HasPrefix(tt.path, "/.well") {
				code = p.code(t)
			}
			if _, err := p.us.Redeem(t.Context(), code); !errors.Is(err, easel.Unavailable) {
				t.Fatalf("%v, want that it is not available", err)
			}
			p.Break(tt.path, nil)
			p.clock.advance(10 * time.Second)
			if _, err := p.us.Redeem(t.Context(), p.code(t)); err != nil {
				t.Errorf("when it is back: %v", err)
			}
		})
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	p := newParty(t)
	p.As(issuertest.Claims{"sub": "42"})
	d, err := p.us.Device(t.Context())
	if err != nil || d.UserCode == "" || d.URI == "" || d.Interval != time.Second || d.Life <= 0 {
		t.Fatalf("%+v, %v", d, err)
	}
	if _, err := p.us.PollDevice(t.Context(), d.Code); !errors.Is(err, issuer.ErrPending) {
		t.Errorf("before its user is done: %v", err)
	}
	p.Finish()
	if got, err := p.us.PollDevice(t.Context(), d.Code); err != nil || got.Subject != "42" {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := p.us.PollDevice(t.Context(), d.Code); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("the same code again: %v", err)
	}
}

func TestCheckURL(t *testing.T) {
	t.Parallel()
	for text, good := range map[string]bool{
		"https://login.example.org": true, "https://login.example.org/realms/a/": true, "http://127.0.0.1:1": true, "http://localhost:1/x": true, "http://[::1]:1": true,
		"": false, "login.example.org": false, "http://login.example.org": false, "http://10.0.0.1": false, "ftp://x": false, "https://u:p@x": false,
		"https://x?a=b": false, "https://x#y": false, "https://x?": false, "https://": false, "https://" + strings.Repeat("x", 500): false, "http://localhost.example.org": false,
	} {
		if err := issuer.CheckURL(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
}
