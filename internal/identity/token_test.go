package identity

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

// login asks for a token with the administrator's password.
func (f *fixture) login(t testing.TB, scope TokenScope) (string, TokenInfo) {
	t.Helper()
	token, info, err := f.IssueToken(t.Context(), TokenRequest{
		Methods:  []string{"password"},
		Password: Password{UserName: f.first.UserName, DomainName: f.first.DomainName, Password: adminPassword},
		Scope:    scope,
	})
	if err != nil {
		t.Fatalf("IssueToken: %v", err)
	}
	return token, info
}

func TestTokenLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, info := f.login(t, TokenScope{ProjectName: "eu-de"})
	want := f.admin()
	want.AccessKey = ""
	issued := TokenInfo{Who: want, Methods: []string{"password"}, Issued: f.clock.now(), Expires: f.clock.now().Add(24 * time.Hour)}
	if diff := cmp.Diff(issued, info); diff != "" {
		t.Errorf("IssueToken (-want +got):\n%s", diff)
	}
	who, err := f.VerifyToken(t.Context(), token)
	if diff := cmp.Diff(want, who); err != nil || diff != "" {
		t.Errorf("VerifyToken: %v (-want +got):\n%s", err, diff)
	}
	second, _ := f.login(t, TokenScope{})
	if _, err := f.VerifyToken(t.Context(), token); err != nil {
		t.Errorf("the first token after a second one was made: %v", err)
	}
	seen, err := f.InspectToken(t.Context(), who, token)
	if diff := cmp.Diff(issued, seen); err != nil || diff != "" {
		t.Errorf("InspectToken: %v (-want +got):\n%s", err, diff)
	}

	f.clock.advance(24*time.Hour - time.Microsecond)
	if _, err := f.VerifyToken(t.Context(), token); err != nil {
		t.Errorf("VerifyToken just before the end: %v", err)
	}
	f.clock.advance(time.Microsecond)
	_, err = f.VerifyToken(t.Context(), token)
	wantNoun(t, err, easel.Unauthenticated, "token expired")
	_, err = f.InspectToken(t.Context(), who, token)
	wantNoun(t, err, easel.NotFound, "token")
	if err := f.Revoke(t.Context(), who, token); err != nil {
		t.Errorf("Revoke an expired token: %v", err)
	}
	wantNoun(t, f.Revoke(t.Context(), who, token), easel.NotFound, "token")
	_, err = f.VerifyToken(t.Context(), token)
	wantNoun(t, err, easel.Unauthenticated, "token")

	f.clock.advance(48 * time.Hour)
	f.login(t, TokenScope{}) // forgets what expired long ago
	_, err = f.VerifyToken(t.Context(), second)
	wantNoun(t, err, easel.Unauthenticated, "token")
}

func TestTokenScopes(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	other := f.tenant(t, "other")
	disabled := catalog.Project{ID: easel.NewID(), Domain: f.first.DomainID, Name: "eu-de_old", Parent: f.first.ProjectID}
	if err := f.db.AddProject(t.Context(), disabled); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name    string
		scope   TokenScope
		project string
		kind    easel.Kind
		noun    easel.Noun
	}{
		{name: "none", scope: TokenScope{}},
		{name: "domain by id", scope: TokenScope{DomainID: f.first.DomainID}},
		{name: "domain by name", scope: TokenScope{DomainName: "easel"}},
		{name: "project by id", scope: TokenScope{ProjectID: vectorProject}, project: vectorProject},
		{name: "project by name", scope: TokenScope{ProjectName: "eu-de", DomainName: "easel"}, project: vectorProject},
		{name: "unknown project", scope: TokenScope{ProjectID: "0"}, kind: easel.Unauthenticated, noun: "scope"},
		{name: "unknown project name", scope: TokenScope{ProjectName: "eu-nl"}, kind: easel.Unauthenticated, noun: "scope"},
		{name: "name that cannot be stored", scope: TokenScope{ProjectName: "eu\x00de"}, kind: easel.Unauthenticated, noun: "scope"},
		{name: "another domain's project", scope: TokenScope{ProjectID: other.ProjectID}, kind: easel.Unauthenticated, noun: "scope"},
		{name: "another domain", scope: TokenScope{DomainName: "other"}, kind: easel.Unauthenticated, noun: "scope"},
		{name: "project in another domain", scope: TokenScope{ProjectName: "eu-de", DomainID: other.DomainID}, kind: easel.Unauthenticated, noun: "scope"},
		{name: "disabled project", scope: TokenScope{ProjectID: disabled.ID}, kind: easel.Denied, noun: "scope"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, info, err := f.IssueToken(t.Context(), TokenRequest{
				Methods:  []string{"password"},
				Password: Password{UserID: f.first.UserID, Password: adminPassword}, Scope: tt.scope,
			})
			if tt.noun != "" {
				wantNoun(t, err, tt.kind, tt.noun)
				return
			}
			if err != nil || info.Who.ProjectID != tt.project || info.Who.DomainID != f.first.DomainID {
				t.Errorf("IssueToken = project %q, %v, want %q", info.Who.ProjectID, err, tt.project)
			}
		})
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bob := f.user(t, "bob")
	if err := f.db.EnableAccount(t.Context(), bob, false); err != nil {
		t.Fatal(err)
	}
	named := func(user, password string) Password {
		return Password{UserName: user, DomainName: "easel", Password: password}
	}
	for _, tt := range []struct {
		name string
		q    TokenRequest
		kind easel.Kind
		noun easel.Noun
	}{
		{"no method", TokenRequest{}, easel.Invalid, "missing field"},
		{"unknown method", TokenRequest{Methods: []string{"saml"}}, easel.Invalid, "field"},
		{"two methods", TokenRequest{Methods: []string{"password", "totp"}}, easel.Invalid, "field"},
		{"no user", TokenRequest{Methods: []string{"password"}, Password: Password{Password: "x"}}, easel.Invalid, "missing field"},
		{"no password", TokenRequest{Methods: []string{"password"}, Password: named("admin", "")}, easel.Invalid, "missing field"},
		{"name without domain", TokenRequest{Methods: []string{"password"}, Password: Password{UserName: "admin", Password: "x"}}, easel.Invalid, "missing field"},
		{"wrong password", TokenRequest{Methods: []string{"password"}, Password: named("admin", "wrong")}, easel.Unauthenticated, "password"},
		{"unknown user", TokenRequest{Methods: []string{"password"}, Password: named("nobody", adminPassword)}, easel.Unauthenticated, "password"},
		{"user name that cannot be stored", TokenRequest{Methods: []string{"password"}, Password: named("ad\x00min", adminPassword)}, easel.Unauthenticated, "password"},
		{"unknown domain", TokenRequest{Methods: []string{"password"}, Password: Password{UserName: "admin", DomainName: "x", Password: adminPassword}}, easel.Unauthenticated, "password"},
		{"long password", TokenRequest{Methods: []string{"password"}, Password: named("admin", strings.Repeat("x", maxPassword+1))}, easel.Invalid, "password"},
		{"disabled user", TokenRequest{Methods: []string{"password"}, Password: named("bob", "password of bob")}, easel.Denied, "disabled user"},
		{"disabled user, wrong password", TokenRequest{Methods: []string{"password"}, Password: named("bob", "x")}, easel.Unauthenticated, "password"},
		{"no token", TokenRequest{Methods: []string{"token"}}, easel.Invalid, "missing field"},
		{"unknown token", TokenRequest{Methods: []string{"token"}, Token: "x"}, easel.Unauthenticated, "token"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token, _, err := f.IssueToken(t.Context(), tt.q)
			wantNoun(t, err, tt.kind, tt.noun)
			if token != "" {
				t.Errorf("IssueToken returned a token with %v", err)
			}
		})
	}
}

// TestTokenFromToken: rescoping a token must not make it live longer.
func TestTokenFromToken(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, first := f.login(t, TokenScope{})
	f.clock.advance(time.Hour)
	child, second, err := f.IssueToken(t.Context(), TokenRequest{Methods: []string{"token"}, Token: token, Scope: TokenScope{ProjectID: vectorProject}})
	if err != nil {
		t.Fatal(err)
	}
	if !second.Expires.Equal(first.Expires) || second.Who.ProjectID != vectorProject {
		t.Errorf("the new token ends %v in project %q, want %v in %q", second.Expires, second.Who.ProjectID, first.Expires, vectorProject)
	}
	if _, err := f.VerifyToken(t.Context(), child); err != nil {
		t.Errorf("VerifyToken: %v", err)
	}
}

func TestTokenEndsWithItsUser(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		end  func(t *testing.T, f *fixture) error
	}{
		{"disabled", func(t *testing.T, f *fixture) error { return f.db.EnableAccount(t.Context(), f.first.UserID, false) }},
		{"disabled and enabled again", func(t *testing.T, f *fixture) error {
			return errors.Join(f.db.EnableAccount(t.Context(), f.first.UserID, false), f.db.EnableAccount(t.Context(), f.first.UserID, true))
		}},
		{"password reset", func(t *testing.T, f *fixture) error { _, err := f.ResetPassword(t.Context(), "", "admin"); return err }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			token, _ := f.login(t, TokenScope{})
			if err := tt.end(t, f); err != nil {
				t.Fatal(err)
			}
			_, err := f.VerifyToken(t.Context(), token)
			wantNoun(t, err, easel.Unauthenticated, "token")
		})
	}
}

// TestTokenOfWhatIsGone has tokens that nobody deleted when they should have
// ended: the check itself must notice.
func TestTokenOfWhatIsGone(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	disabled := catalog.Project{ID: "disabled", Domain: f.first.DomainID, Name: "eu-de_old", Parent: vectorProject}
	if err := f.db.AddProject(t.Context(), disabled); err != nil {
		t.Fatal(err)
	}
	bob := f.user(t, "bob")
	if err := f.db.EnableAccount(t.Context(), bob, false); err != nil {
		t.Fatal(err)
	}
	now := f.clock.now()
	for _, tt := range []struct{ name, account, project string }{
		{"good", f.first.UserID, vectorProject},
		{"disabled user", bob, ""},
		{"disabled project", f.first.UserID, disabled.ID},
		{"project that is gone", f.first.UserID, "gone"},
	} {
		k := catalog.Token{Hash: tokenHash(tt.name), Account: tt.account, Project: tt.project, Methods: "password", Issued: now, Expires: now.Add(time.Hour)}
		if err := f.db.AddToken(t.Context(), k, now); err != nil {
			t.Fatal(err)
		}
		_, err := f.VerifyToken(t.Context(), tt.name)
		if tt.name == "good" {
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
			}
			continue
		}
		wantNoun(t, err, easel.Unauthenticated, "token")
	}
}

func TestForeignTokens(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, _ := f.login(t, TokenScope{})
	member := f.member(f.user(t, "bob"), "bob")
	otherAdmin := f.tenant(t, "other")
	colleague := f.member(f.userOf(t, f.first.DomainID, "eve", true), "eve")
	colleague.Admin = true
	for _, tt := range []struct {
		name string
		who  easel.Principal
		kind easel.Kind // Internal: allowed
	}{
		{"owner", f.admin(), easel.Internal},
		{"another administrator of the domain", colleague, easel.Internal},
		{"user of the domain", member, easel.Denied},
		{"administrator of another domain", otherAdmin, easel.NotFound},
		{"nobody", easel.Principal{}, easel.Unauthenticated},
	} {
		_, err := f.InspectToken(t.Context(), tt.who, token)
		if tt.kind == easel.Internal && err != nil {
			t.Errorf("%s: InspectToken: %v", tt.name, err)
		}
		if tt.kind != easel.Internal {
			wantNoun(t, err, tt.kind, "token")
			wantNoun(t, f.Revoke(t.Context(), tt.who, token), tt.kind, "token")
		}
	}
	_, err := f.VerifyToken(t.Context(), strings.Repeat("x", maxToken+1))
	wantNoun(t, err, easel.Unauthenticated, "token")
}
