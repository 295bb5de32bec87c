package identity

import (
	"strings"
	"testing"
	"time"

	"easel"
)

// TestDockerLogin follows a login command from its making to its end.
func TestDockerLogin(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := f.admin()
	made, err := f.NewDockerLogin(t.Context(), who, "")
	if err != nil {
		t.Fatal(err)
	}
	project, access, _ := strings.Cut(made.User, "@")
	if project != "region-1" || made.Expires != f.clock.now().Add(6*time.Hour) {
		t.Errorf("the login is for %q until %v", project, made.Expires)
	}
	got, err := f.CheckLogin(t.Context(), made.User, made.Key)
	if want := who.UserID; err != nil || got.UserID != want || got.ProjectID != who.ProjectID || got.AccessKey != access {
		t.Fatalf("CheckLogin = %+v, %v", got, err)
	}
	token, err := f.RegistryToken(t.Context(), got, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.VerifyRegistryToken(t.Context(), token.Token); err != nil {
		t.Errorf("its registry token: %v", err)
	}
	_, err = f.CheckLogin(t.Context(), made.User, strings.Repeat("0", 64))
	wantNoun(t, err, easel.Unauthenticated, "login")
	_, err = f.Verify(t.Context(), signed(t.Context(), "GET", "/v2", access, made.Key, f.clock.now()))
	wantNoun(t, err, easel.Unauthenticated, "signature")

	f.clock.advance(6*time.Hour - time.Second)
	late, err := f.RegistryToken(t.Context(), got, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.CheckLogin(t.Context(), made.User, made.Key); err != nil {
		t.Errorf("a second before its end: %v", err)
	}
	f.clock.advance(time.Second)
	_, err = f.CheckLogin(t.Context(), made.User, made.Key)
	wantNoun(t, err, easel.Unauthenticated, "login")
	_, err = f.VerifyRegistryToken(t.Context(), late.Token)
	wantNoun(t, err, easel.Unauthenticated, "token")
}

// TestDockerLoginEnds takes away what a login depends on.
func TestDockerLoginEnds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bob := f.user(t, "bob")
	byToken := f.member(bob, "bob")
	key, _, err := f.CreateKey(t.Context(), byToken, bob, "")
	if err != nil {
		t.Fatal(err)
	}
	byKey := byToken
	byKey.AccessKey = key.Access
	for _, tt := range []struct {
		name string
		who  easel.Principal
		end  func() error
	}{
		{"the access key goes", byKey, func() error { return f.DeleteKey(t.Context(), byToken, key.Access) }},
		{"the password changes", byToken, func() error { return f.db.SetPassword(t.Context(), bob, "x") }},
		{"the user is disabled", byToken, func() error { return f.db.EnableAccount(t.Context(), bob, false) }},
	} {
		made, err := f.NewDockerLogin(t.Context(), tt.who, "eu-de")
		if err != nil {
			t.Fatal(err)
		}
		who, err := f.CheckLogin(t.Context(), made.User, made.Key)
		if err != nil {
			t.Fatal(err)
		}
		token, err := f.RegistryToken(t.Context(), who, nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := tt.end(); err != nil {
			t.Fatal(err)
		}
		if _, err := f.CheckLogin(t.Context(), made.User, made.Key); err == nil {
			t.Errorf("%s, and the login goes on", tt.name)
		}
		if _, err := f.VerifyRegistryToken(t.Context(), token.Token); err == nil {
			t.Errorf("%s, and a registry token made with the login goes on", tt.name)
		}
	}
}

func TestDockerLoginRefused(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	_, err := f.NewDockerLogin(t.Context(), f.admin(), "no-such-project")
	wantNoun(t, err, easel.Invalid, "project")
	_, err = f.NewDockerLogin(t.Context(), easel.Principal{}, "")
	wantNoun(t, err, easel.Unauthenticated, "login")
	token := f.admin()
	token.Scopes = []easel.Scope{}
	_, err = f.NewDockerLogin(t.Context(), token, "")
	wantNoun(t, err, easel.Denied, "login")
}
