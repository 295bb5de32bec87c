package identity

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/issuer"
	"easel/internal/issuer/issuertest"
)

const (
	ssoRedirect = "http://127.0.0.1:9/callback"
	ssoVerifier = "0123456789012345678901234567890123456789012"
	ssoNonce    = "nonce-of-the-login"
)

// signing is a service with an identity provider.
type signing struct {
	*fixture
	*issuertest.Provider
}

// newSigning has the provider corp, as change makes it.
func newSigning(t *testing.T, change func(*Provider)) *signing {
	t.Helper()
	f := newFixture(t)
	s := &signing{fixture: f, Provider: issuertest.New(t, f.clock.now)}
	p := Provider{Name: "corp", Client: issuer.Client{Issuer: s.Issuer(), ID: issuertest.ClientID}, Domain: f.first.DomainName,
		Groups: map[string]string{"platform": "dev", "staff": "ops"}}
	if change != nil {
		change(&p)
	}
	if err := p.Check(); err != nil {
		t.Fatal(err)
	}
	f.o.Providers = []Provider{p}
	f.providers = []*issuer.Provider{issuer.NewProvider(p.Client, f.clock.now)}
	t.Cleanup(f.providers[0].Close)
	for _, name := range []string{"dev", "ops"} {
		if _, err := f.CreateGroup(t.Context(), f.admin(), name, ""); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// code lets a browser log in.
func (s *signing) code(t *testing.T) SignOn {
	t.Helper()
	sum := sha256.Sum256([]byte(ssoVerifier))
	at, err := s.SignOnURL(t.Context(), "corp", issuer.Authorization{RedirectURI: ssoRedirect, State: "state-of-the-login", Nonce: ssoNonce, Challenge: base64.RawURLEncoding.EncodeToString(sum[:])})
	if err != nil {
		t.Fatal(err)
	}
	return SignOn{Provider: "corp", Client: "test", Code: issuer.Code{Code: issuertest.Browse(t, at).Get("code"), RedirectURI: ssoRedirect, Verifier: ssoVerifier, Nonce: ssoNonce}}
}

func (s *signing) signOn(t *testing.T, c issuertest.Claims) (Session, error) {
	t.Helper()
	s.As(c)
	return s.SignOn(t.Context(), s.code(t))
}

// may is who a session stands for now, by signature.
func (s *signing) may(t *testing.T, in Session) (easel.Principal, error) {
	t.Helper()
	return s.Verify(t.Context(), signed(t.Context(), "GET", "/v3/projects", in.Access, in.Secret, s.clock.now()))
}

func TestSignOn(t *testing.T) {
	t.Parallel()
	s := newSigning(t, nil)
	alice := issuertest.Claims{"sub": "42", "preferred_username": "alice", "email": "admin@example.org", "groups": []string{"platform", "other"}}
	in, err := s.signOn(t, alice)
	if err != nil || in.User.Name != "alice" || in.User.Admin || in.Expires.Sub(s.clock.now()) != 12*time.Hour {
		t.Fatalf("%+v, %v", in, err)
	}
	who, err := s.may(t, in)
	if err != nil || who.UserID != in.User.ID || who.DomainID != s.first.DomainID || who.Machine {
		t.Fatalf("the session is %+v, %v", who, err)
	}
	if _, err := s.CheckLogin(t.Context(), "region-1@"+in.Access, LoginKey(in.Access, in.Secret)); err != nil {
		t.Errorf("docker login: %v", err)
	}
	docker, err := s.NewDockerLogin(t.Context(), who, "")
	if err != nil || docker.Expires.After(in.Expires) {
		t.Errorf("a temporary login until %v, %v; the session ends at %v", docker.Expires, err, in.Expires)
	}
	if _, _, err := s.CreateKey(t.Context(), who, who.UserID, ""); !errors.Is(err, easel.Denied) {
		t.Errorf("a key that outlives the session: %v", err)
	}
	if _, _, err := s.CreateRobot(t.Context(), who, NewRobot{Name: "x", Bound: easel.Bound{Repositories: []string{"*"}, Actions: []string{"pull"}}}); !errors.Is(err, easel.Denied) {
		t.Errorf("a robot that outlives the session: %v", err)
	}
	if _, _, err := s.CreateKey(t.Context(), s.admin(), who.UserID, ""); err != nil {
		t.Errorf("a key from an administrator: %v", err)
	}

	// A name, an address, the same subject at another issuer: none of them is the user.
	for name, c := range map[string]issuertest.Claims{
		"the administrator's name":    {"sub": "43", "preferred_username": s.first.UserName, "groups": "platform"},
		"the administrator's address": {"sub": "44", "email": "admin@example.org", "email_verified": true, "groups": "staff"},
		"another one called alice":    {"sub": "45", "preferred_username": "alice", "groups": "staff"},
		"the server's own name":       {"sub": "47", "preferred_username": "Easel", "email": "easel@example.org", "groups": "staff"},
		"upper case":                  {"sub": "46", "preferred_username": "../Алиса<script>", "groups": "staff"},
	} {
		got, err := s.signOn(t, c)
		if err != nil || got.User.ID == in.User.ID || got.User.ID == s.first.UserID || got.User.Admin || got.User.Name == s.first.UserName || checkUserName(got.User.Name) != nil {
			t.Errorf("%s: %s %q, %v", name, got.User.ID, got.User.Name, err)
		}
	}
	again, err := s.signOn(t, issuertest.Claims{"sub": "42", "preferred_username": "renamed", "groups": "staff"})
	if err != nil || again.User.ID != in.User.ID || again.User.Name != "alice" {
		t.Errorf("the second log-in: %+v, %v", again.User, err)
	}
	groups, err := s.db.UserGroupsOf(t.Context(), in.User.ID)
	if err != nil || len(groups) != 1 || groups[0].Name != "ops" {
		t.Errorf("groups after the second log-in: %+v, %v", groups, err)
	}
	s.clock.advance(12*time.Hour - time.Second)
	if _, err := s.may(t, in); err != nil {
		t.Errorf("before the session ends: %v", err)
	}
	s.clock.advance(time.Second)
	if _, err := s.may(t, in); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("after the session has ended: %v", err)
	}
}

func TestSignOnRefused(t *testing.T) {
	t.Parallel()
	s := newSigning(t, func(p *Provider) { p.Claims = easel.Conditions{"hd": "example.org"} })
	for name, c := range map[string]issuertest.Claims{
		"in no group":     {"hd": "example.org", "groups": []string{"other"}},
		"without groups":  {"hd": "example.org"},
		"elsewhere":       {"hd": "example.com", "groups": "staff"},
		"many groups":     {"hd": "example.org", "groups": strings.Split(strings.Repeat("staff ", 1001), " ")},
		"a group by name": {"hd": "example.org", "groups": "ops"},
	} {
		if _, err := s.signOn(t, c); !errors.Is(err, easel.Denied) {
			t.Errorf("%s: %v", name, err)
		}
	}
	good := issuertest.Claims{"hd": "example.org", "groups": "staff"}
	in, err := s.signOn(t, good)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.signOn(t, issuertest.Claims{"hd": "example.org", "groups": "other"}); !errors.Is(err, easel.Denied) {
		t.Errorf("without a group any more: %v", err)
	}
	if groups, err := s.db.UserGroupsOf(t.Context(), in.User.ID); err != nil || len(groups) != 0 {
		t.Errorf("who is not let in any more is in %+v, %v", groups, err)
	}
	if _, err := s.may(t, in); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("the session of who is not let in any more: %v", err)
	}
	if in, err = s.signOn(t, good); err != nil {
		t.Fatal(err)
	}
	off := false
	if _, err := s.UpdateUser(t.Context(), s.admin(), in.User.ID, UserChange{Enabled: &off}); err != nil {
		t.Fatal(err)
	}
	if _, err := s.may(t, in); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("the session of a disabled user: %v", err)
	}
	if _, err := s.signOn(t, good); !errors.Is(err, easel.Denied) {
		t.Errorf("a disabled user logs in: %v", err)
	}
	for name, wrong := range map[string]func(*SignOn){
		"no such provider": func(q *SignOn) { q.Provider = "other" },
		"a short verifier": func(q *SignOn) { q.Code.Verifier = "x" },
		"no nonce":         func(q *SignOn) { q.Code.Nonce = "" },
		"elsewhere":        func(q *SignOn) { q.Code.RedirectURI = "https://evil.example.org/callback" },
		"both":             func(q *SignOn) { q.DeviceCode = "x" },
		"nothing":          func(q *SignOn) { q.Code = issuer.Code{} },
		"a long code":      func(q *SignOn) { q.Code.Code = strings.Repeat("x", 5000) },
	} {
		q := s.code(t)
		wrong(&q)
		if _, err := s.SignOn(t.Context(), q); !errors.Is(err, easel.Invalid) && !errors.Is(err, easel.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, a := range map[string]issuer.Authorization{
		"elsewhere":       {RedirectURI: "http://127.0.0.1.example.org:1/callback", State: ssoNonce, Nonce: ssoNonce, Challenge: ssoVerifier},
		"another path":    {RedirectURI: "http://127.0.0.1:1/callback/x", State: ssoNonce, Nonce: ssoNonce, Challenge: ssoVerifier},
		"no challenge":    {RedirectURI: ssoRedirect, State: ssoNonce, Nonce: ssoNonce},
		"a guessed state": {RedirectURI: ssoRedirect, State: "1", Nonce: ssoNonce, Challenge: ssoVerifier},
	} {
		if _, err := s.SignOnURL(t.Context(), "corp", a); !errors.Is(err, easel.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSignOnLockout counts codes that are guessed.
func TestSignOnLockout(t *testing.T) {
	t.Parallel()
	s := newSigning(t, nil)
	q := s.code(t)
	q.Code.Code = "guessed"
	for range 100 {
		s.clock.advance(time.Second / 2)
		if _, err := s.SignOn(t.Context(), q); !errors.Is(err, easel.Unauthenticated) {
			t.Fatal(err)
		}
	}
	if _, err := s.SignOn(t.Context(), q); !errors.Is(err, easel.TooMany) {
		t.Errorf("after 100 guesses: %v", err)
	}
}

func TestSignOnDevice(t *testing.T) {
	t.Parallel()
	s := newSigning(t, func(p *Provider) { p.Anybody, p.NameClaim, p.GroupsClaim = true, "/who/name", "/who/roles" })
	s.As(issuertest.Claims{"sub": "7", "who": issuertest.Claims{"name": "Zoë", "roles": "platform"}})
	d, err := s.Service.SignOnDevice(t.Context(), "corp")
	if err != nil {
		t.Fatal(err)
	}
	q := SignOn{Provider: "corp", DeviceCode: d.Code}
	for range 200 { // waiting is no failure
		if _, err := s.SignOn(t.Context(), q); !errors.Is(err, issuer.ErrPending) {
			t.Fatal(err)
		}
		s.clock.advance(time.Second / 2)
	}
	for range 99 { // but the provider is not asked as often as a stranger likes
		if _, err := s.SignOn(t.Context(), q); !errors.Is(err, issuer.ErrPending) {
			t.Fatal(err)
		}
	}
	if _, err := s.SignOn(t.Context(), q); !errors.Is(err, easel.TooMany) {
		t.Errorf("asked without a pause: %v", err)
	}
	if _, err := s.Service.SignOnDevice(t.Context(), "corp"); !errors.Is(err, easel.TooMany) {
		t.Errorf("another log-in: %v", err)
	}
	s.clock.advance(time.Minute)
	s.Finish()
	in, err := s.SignOn(t.Context(), q)
	if err != nil || in.User.Name != "Zo" {
		t.Errorf("%q, %v", in.User.Name, err)
	}
}

func TestProviderCheck(t *testing.T) {
	t.Parallel()
	good := Provider{Name: "corp", Client: issuer.Client{Issuer: "https://login.example.org", ID: "easel"}, Domain: "easel", Anybody: true}
	if p := good; p.Check() != nil || p.Session != 12*time.Hour {
		t.Errorf("a good one: %v, session %v", p.Check(), p.Session)
	}
	for name, wrong := range map[string]func(*Provider){
		"name": func(p *Provider) { p.Name = "Corp/1" }, "issuer": func(p *Provider) { p.Client.Issuer = "http://login.example.org" },
		"client": func(p *Provider) { p.Client.ID = "" }, "domain": func(p *Provider) { p.Domain = "" }, "nobody": func(p *Provider) { p.Anybody = false },
		"session": func(p *Provider) { p.Session = time.Second }, "long session": func(p *Provider) { p.Session = 31 * 24 * time.Hour },
		"group": func(p *Provider) { p.Groups = map[string]string{"x": "a/b"} },
	} {
		p := good
		wrong(&p)
		if err := p.Check(); !errors.Is(err, easel.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	s := newSigning(t, nil)
	if err := s.CheckProviders(t.Context()); err != nil {
		t.Error(err)
	}
	s.o.Providers[0].Domain = "nowhere"
	if err := s.CheckProviders(t.Context()); !errors.Is(err, easel.Invalid) || !strings.Contains(err.Error(), `"nowhere"`) {
		t.Errorf("an unknown domain: %v", err)
	}
}
