// Package issuertest is an OpenID provider for tests: it lets everybody in as
// whom a test says, and can be made to misbehave.
package issuertest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ClientID is the client that the provider knows.
const ClientID = "easel"

// Claims are those of a token; nil removes one that the provider would set.
type Claims = map[string]any

// Provider is a provider on this machine.
type Provider struct {
	server *httptest.Server

	mu      sync.Mutex
	now     func() time.Time
	key     *ecdsa.PrivateKey
	id      string                  // of the key
	next    Claims                  // of the user who logs in next
	codes   map[string]url.Values   // what a code was asked for with
	devices map[string]bool         // device codes; true: the user is done
	begun   sync.Cond               // told of each of them
	fetched int                     // how often the keys were asked for
	broken  map[string]http.Handler // by path, in place of what is there
}

// New starts a provider whose clock is now; it ends with the test.
func New(t testing.TB, now func() time.Time) *Provider {
	t.Helper()
	p := Start(now)
	t.Cleanup(p.Close)
	return p
}

// Start is New for whoever has no test; it ends with Close.
func Start(now func() time.Time) *Provider {
	p := &Provider{now: now, next: Claims{}, codes: map[string]url.Values{}, devices: map[string]bool{}, broken: map[string]http.Handler{}}
	p.begun.L = &p.mu
	p.Rotate()
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("POST /device", p.device)
	p.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.mu.Lock()
		broken := p.broken[r.URL.Path]
		p.mu.Unlock()
		if broken != nil {
			broken.ServeHTTP(w, r)
			return
		}
		mux.ServeHTTP(w, r)
	}))
	return p
}

// Close ends the provider.
func (p *Provider) Close() { p.server.Close() }

// Issuer returns the provider's URL.
func (p *Provider) Issuer() string { return p.server.URL }

// Rotate replaces the key.
func (p *Provider) Rotate() {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // there is no randomness
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.key, p.id = key, "key-"+random()[:8]
}

// Break answers path with h; nil mends it.
func (p *Provider) Break(path string, h http.HandlerFunc) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if delete(p.broken, path); h != nil {
		p.broken[path] = h
	}
}

// As says who logs in from now on.
func (p *Provider) As(c Claims) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.next = c
}

// Fetched returns how often the keys were asked for.
func (p *Provider) Fetched() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fetched
}

// Finish ends the log-in with a device code as its user would; it waits for one
// to begin.
func (p *Provider) Finish() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.devices) == 0 {
		p.begun.Wait()
	}
	for code := range p.devices {
		p.devices[code] = true
	}
}

// Public returns the set of public keys.
func (p *Provider) Public() jose.JSONWebKeySet {
	p.mu.Lock()
	defer p.mu.Unlock()
	return jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: p.key.Public(), KeyID: p.id, Algorithm: "ES256", Use: "sig"}}}
}

// Sign returns a token with these claims besides those of every token.
func (p *Provider) Sign(t testing.TB, c Claims) string {
	t.Helper()
	text, err := p.Token(c)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// Token is Sign for whoever has no test.
func (p *Provider) Token(c Claims) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sign(c)
}

func (p *Provider) sign(c Claims) (string, error) {
	now := p.now()
	all := Claims{"iss": p.server.URL, "aud": ClientID, "sub": "subject", "iat": now.Unix(), "exp": now.Add(5 * time.Minute).Unix()}
	for name, value := range c {
		if all[name] = value; value == nil {
			delete(all, name)
		}
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: p.key, KeyID: p.id}}, nil)
	if err != nil {
		return "", err
	}
	return jwt.Signed(signer).Claims(all).Serialize()
}

func (p *Provider) discovery(w http.ResponseWriter, _ *http.Request) {
	u := p.server.URL
	answer(w, http.StatusOK, Claims{"issuer": u, "jwks_uri": u + "/keys", "authorization_endpoint": u + "/authorize", "token_endpoint": u + "/token",
		"device_authorization_endpoint": u + "/device", "id_token_signing_alg_values_supported": []string{"ES256"}})
}

func (p *Provider) keys(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	p.fetched++
	p.mu.Unlock()
	answer(w, http.StatusOK, p.Public())
}

// authorize sends the browser back at once.
func (p *Provider) authorize(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	if q.Get("client_id") != ClientID || q.Get("code_challenge_method") != "S256" {
		http.Error(w, "no such client, or no PKCE", http.StatusBadRequest)
		return
	}
	code := random()
	p.mu.Lock()
	p.codes[code] = q
	p.mu.Unlock()
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}}.Encode(), http.StatusFound)
}

func (p *Provider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	claims := maps.Clone(p.next)
	if claims == nil {
		claims = Claims{}
	}
	code := r.PostFormValue("code")
	if r.PostFormValue("grant_type") == "urn:ietf:params:oauth:grant-type:device_code" {
		code = r.PostFormValue("device_code")
		if done, known := p.devices[code]; known && !done {
			answer(w, http.StatusBadRequest, Claims{"error": "authorization_pending"})
			return
		} else if !known {
			answer(w, http.StatusBadRequest, Claims{"error": "expired_token"})
			return
		}
		delete(p.devices, code)
	} else {
		asked := p.codes[code]
		sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
		delete(p.codes, code)
		if asked == nil || asked.Get("redirect_uri") != r.PostFormValue("redirect_uri") || asked.Get("code_challenge") != base64.RawURLEncoding.EncodeToString(sum[:]) {
			answer(w, http.StatusBadRequest, Claims{"error": "invalid_grant"})
			return
		}
		if _, set := claims["nonce"]; !set {
			claims["nonce"] = asked.Get("nonce")
		}
	}
	text, err := p.sign(claims)
	if raw, ok := claims["raw"].(string); ok { // in place of the token
		text = raw
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	answer(w, http.StatusOK, Claims{"access_token": "unused", "token_type": "Bearer", "id_token": text})
}

func (p *Provider) device(w http.ResponseWriter, _ *http.Request) {
	code := random()
	p.mu.Lock()
	p.devices[code] = false
	p.mu.Unlock()
	p.begun.Broadcast()
	answer(w, http.StatusOK, Claims{"device_code": code, "user_code": "ABCD-EFGH", "verification_uri": p.server.URL + "/go",
		"verification_uri_complete": p.server.URL + "/go?user_code=ABCD-EFGH", "expires_in": 600, "interval": 1})
}

// Browse follows a log-in as a browser does and returns what comes back.
func Browse(t testing.TB, authorization string) url.Values {
	t.Helper()
	c := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := c.Get(authorization)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatalf("%s: %v", resp.Status, err)
	}
	return back.Query()
}

func random() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x", b)
}

func answer(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // a client that hung up is not our matter
}
