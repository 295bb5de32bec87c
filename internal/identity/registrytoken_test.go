package identity

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

// vectorLogin is the login key of the vector key (iam.md 10.1).
const vectorLogin = "c7856b31ddce3b9011bf3d52ff735ae5c615e3e23638b7be385dc351e2bc5cf7"

func TestLoginKey(t *testing.T) {
	t.Parallel()
	if got := LoginKey(vectorAccess, vectorSecret); got != vectorLogin {
		t.Errorf("LoginKey = %s, want %s", got, vectorLogin)
	}
}

func TestCheckLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.tenant(t, "other")
	disabled := catalog.Project{ID: easel.NewID(), Domain: f.first.DomainID, Name: "eu-de_old", Parent: f.first.ProjectID}
	foreign := catalog.Project{ID: easel.NewID(), Domain: other.DomainID, Name: "eu-de_theirs", Parent: other.ProjectID, Enabled: true}
	for _, p := range []catalog.Project{disabled, foreign} {
		if err := f.db.AddProject(t.Context(), p); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		user, key string
		ok        bool
	}{
		{"eu-de@" + vectorAccess, vectorLogin, true},
		{"region-1@" + vectorAccess, vectorLogin, true},
		{"eu-de@" + vectorAccess, vectorLogin[:63] + "8", false},
		{"eu-de@" + vectorAccess, strings.ToUpper(vectorLogin), false},
		{"eu-de@" + vectorAccess, vectorSecret, false},
		{"eu-de@" + vectorAccess, "", false},
		{"eu-de@UNKNOWN", vectorLogin, false},
		{"eu-de@UNKNOWN", LoginKey("UNKNOWN", ""), false}, // the key of an empty secret
		{"eu-nl@" + vectorAccess, vectorLogin, false},
		{"eu-de_old@" + vectorAccess, vectorLogin, false},
		{"eu-de_theirs@" + vectorAccess, vectorLogin, false},
		{"x@eu-de@" + vectorAccess, vectorLogin, false},
		{"@" + vectorAccess, vectorLogin, false},
		{vectorAccess, vectorLogin, false},
		{"", "", false},
	} {
		who, err := f.CheckLogin(t.Context(), tt.user, tt.key)
		if !tt.ok {
			wantNoun(t, err, easel.Unauthenticated, "login")
			if e := easel.AsError(err); e.Msg != loginFailed {
				t.Errorf("CheckLogin(%q) says %q: every failure must look alike", tt.user, e.Msg)
			}
			continue
		}
		if diff := cmp.Diff(f.admin(), who); err != nil || diff != "" {
			t.Errorf("CheckLogin(%q): %v (-want +got):\n%s", tt.user, err, diff)
		}
	}
}

// registryToken returns a token for nothing: docker login asks for that.
func (f *fixture) registryToken(t *testing.T, who easel.Principal, scopes ...string) RegistryToken {
	t.Helper()
	requested, err := ParseScopes(scopes)
	if err != nil {
		t.Fatal(err)
	}
	token, err := f.RegistryToken(t.Context(), who, requested)
	if err != nil {
		t.Fatalf("RegistryToken: %v", err)
	}
	return token
}

func TestRegistryTokenLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.registryToken(t, f.admin())
	if got := token.Expires.Sub(token.Issued); got != 900*time.Second {
		t.Errorf("the token lives %v, want 900s", got)
	}
	who, err := f.VerifyRegistryToken(t.Context(), token.Token)
	if err != nil {
		t.Fatal(err)
	}
	want := f.admin()
	want.TokenID, want.Scopes = who.TokenID, []easel.Scope{}
	if diff := cmp.Diff(want, who); diff != "" || who.TokenID == "" || who.Scopes == nil {
		t.Errorf("VerifyRegistryToken (-want +got):\n%s", diff)
	}
	if again := f.registryToken(t, f.admin()); again.Token == token.Token {
		t.Error("two tokens are equal")
	}
	f.clock.advance(900*time.Second - time.Nanosecond)
	if _, err := f.VerifyRegistryToken(t.Context(), token.Token); err != nil {
		t.Errorf("just before the end: %v", err)
	}
	f.clock.advance(time.Nanosecond)
	_, err = f.VerifyRegistryToken(t.Context(), token.Token)
	wantNoun(t, err, easel.Unauthenticated, "token expired")
	f.clock.advance(-911 * time.Second)
	_, err = f.VerifyRegistryToken(t.Context(), token.Token)
	wantNoun(t, err, easel.Unauthenticated, "token")
}

func TestAnonymousRegistryToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.registryToken(t, easel.Principal{}, "repository:team/web:pull,push", "registry:catalog:*")
	if len(token.Granted) != 0 {
		t.Errorf("granted %v to nobody", token.Granted)
	}
	who, err := f.VerifyRegistryToken(t.Context(), token.Token)
	if err != nil || !who.Anonymous() || who.Scopes == nil || len(who.Scopes) != 0 || who.TokenID == "" {
		t.Errorf("VerifyRegistryToken = %+v, %v, want the anonymous caller with empty scopes", who, err)
	}
}

func TestRegistryTokenEndsWithItsSubject(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, f *fixture) error
	}{
		{"user disabled", func(t *testing.T, f *fixture) error { return f.db.EnableAccount(t.Context(), f.first.UserID, false) }},
		{"key deleted", func(t *testing.T, f *fixture) error { return f.DeleteKey(t.Context(), f.admin(), vectorAccess) }},
		{"key inactive", func(t *testing.T, f *fixture) error {
			_, err := f.UpdateKey(t.Context(), f.admin(), vectorAccess, KeyChange{Active: new(bool)})
			return err
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			token := f.registryToken(t, f.admin())
			request := signed(t.Context(), "GET", "/v2", vectorAccess, vectorSecret, f.clock.now())
			if err := tt.end(t, f); err != nil {
				t.Fatal(err)
			}
			_, err := f.VerifyRegistryToken(t.Context(), token.Token)
			wantNoun(t, err, easel.Unauthenticated, "token")
			_, err = f.CheckLogin(t.Context(), "eu-de@"+vectorAccess, vectorLogin)
			wantNoun(t, err, easel.Unauthenticated, "login")
			_, err = f.Verify(t.Context(), request)
			wantNoun(t, err, easel.Unauthenticated, "signature")
		})
	}
}

// forge signs claims with a header of the attacker's choice.
func forge(t *testing.T, alg jose.SignatureAlgorithm, key any, c claims, header map[string]any) string {
	t.Helper()
	options := (&jose.SignerOptions{}).WithType("JWT")
	for name, value := range header {
		options = options.WithHeader(jose.HeaderKey(name), value)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, options)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(s).Claims(c).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// goodClaims are those of a token that would be accepted.
func (f *fixture) goodClaims() claims {
	now := f.clock.now()
	return claims{Claims: jwt.Claims{
		Issuer: "easel", Subject: f.first.UserID, Audience: jwt.Audience{Audience}, ID: "1",
		IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}, Access: []access{{"repository", "team/web", []string{"pull", "push", "delete"}}}}
}

func TestRegistryTokenAttacks(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	sign, err := f.registrySigner(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	headerJSON, err := base64.RawURLEncoding.DecodeString(sign.header)
	if err != nil {
		t.Fatal(err)
	}
	var ours struct{ Kid string }
	if err := json.Unmarshal(headerJSON, &ours); err != nil || ours.Kid == "" {
		t.Fatalf("header %s: %v", headerJSON, err)
	}
	kid := map[string]any{"kid": ours.Kid}
	good := forge(t, jose.HS256, sign.key, f.goodClaims(), kid)
	if _, err := f.VerifyRegistryToken(t.Context(), good); err != nil {
		t.Fatalf("the forger's good token is refused, so nothing below means anything: %v", err)
	}
	parts := strings.Split(good, ".")
	plain := func(header string) string {
		return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + parts[1] + "."
	}
	claim := func(change func(*claims)) string {
		c := f.goodClaims()
		change(&c)
		return forge(t, jose.HS256, sign.key, c, kid)
	}
	with := func(name string, value any) string {
		return forge(t, jose.HS256, sign.key, f.goodClaims(), map[string]any{"kid": ours.Kid, name: value})
	}
	other := f.user(t, "bob")
	for name, token := range map[string]string{
		"empty":                     "",
		"no token":                  "token",
		"alg none":                  plain(`{"alg":"none","typ":"JWT"}`),
		"alg none, our key id":      plain(`{"alg":"none","kid":"` + ours.Kid + `","typ":"JWT"}`),
		"our header, no signature":  parts[0] + "." + parts[1] + ".",
		"another key":               forge(t, jose.HS256, make([]byte, 32), f.goodClaims(), kid),
		"stronger algorithm":        forge(t, jose.HS512, append(sign.key, sign.key...), f.goodClaims(), kid),
		"RSA":                       forge(t, jose.RS256, rsaKey, f.goodClaims(), kid),
		"key id is a path":          forge(t, jose.HS256, sign.key, f.goodClaims(), map[string]any{"kid": "../../dev/null"}),
		"no key id":                 forge(t, jose.HS256, sign.key, f.goodClaims(), nil),
		"brings its own key":        with("jwk", jose.JSONWebKey{Key: &rsaKey.PublicKey}),
		"names its own key set":     with("jku", "https://attacker.test/keys"),
		"brings its own chain":      with("x5c", []string{base64.StdEncoding.EncodeToString([]byte("x"))}),
		"critical extension":        with("crit", []string{"x"}),
		"another audience":          claim(func(c *claims) { c.Audience = jwt.Audience{"other"} }),
		"two audiences":             claim(func(c *claims) { c.Audience = jwt.Audience{Audience, "other"} }),
		"no audience":               claim(func(c *claims) { c.Audience = nil }),
		"another issuer":            claim(func(c *claims) { c.Issuer = "other" }),
		"no end":                    claim(func(c *claims) { c.Expiry = nil }),
		"no beginning":              claim(func(c *claims) { c.NotBefore = nil }),
		"no id":                     claim(func(c *claims) { c.ID = "" }),
		"subject that is no user":   claim(func(c *claims) { c.Subject = "root" }),
		"another user's key":        claim(func(c *claims) { c.Subject, c.Key = other, vectorAccess }),
		"another domain's project":  claim(func(c *claims) { c.Project = f.tenant(t, "other").ProjectID }),
		"other claims, old sum":     parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":""}`)) + "." + parts[2],
		"longer than any of ours":   parts[0] + "." + strings.Repeat("A", maxRegistryToken) + "." + parts[2],
		"a token of the IAM family": strings.Repeat("A", 43),
	} {
		_, err := f.VerifyRegistryToken(t.Context(), token)
		if e := easel.AsError(err); err == nil || e.Kind != easel.Unauthenticated || e.Noun != "token" {
			t.Errorf("%s: VerifyRegistryToken = %v, want Unauthenticated token", name, err)
		}
	}
	_, err = f.VerifyRegistryToken(t.Context(), claim(func(c *claims) { c.Expiry = jwt.NewNumericDate(f.clock.now()) }))
	wantNoun(t, err, easel.Unauthenticated, "token expired")
}

// TestSignerIsShared: replicas and restarts verify each other's tokens.
func TestSignerIsShared(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token := f.registryToken(t, f.admin())
	replica := New(Options{Catalog: f.db, MasterKey: make([]byte, masterKeySize), Clock: f.clock.now})
	if _, err := replica.VerifyRegistryToken(t.Context(), token.Token); err != nil {
		t.Errorf("a replica refuses the token: %v", err)
	}
	stranger := New(Options{Catalog: f.db, MasterKey: append(make([]byte, masterKeySize-1), 1), Clock: f.clock.now})
	if _, _, err := stranger.Bootstrap(t.Context(), Bootstrap{}); easel.AsError(err).Kind != easel.Internal || err == nil {
		t.Errorf("Bootstrap with another master key = %v, want an internal error", err)
	}
}
