package identity

import (
	"errors"
	"testing"
	"time"

	"easel"
)

// TestTemporaryKey: acceptance 6 of iam.md: with its security token it signs,
// without it and after its end it does not.
func TestTemporaryKey(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		header string // X-Security-Token; "own": the key's
		end    func(t *testing.T, f *fixture)
		ok     bool
	}{
		{name: "with its token", header: "own", ok: true},
		{name: "without"},
		{name: "with another", header: "other"},
		{name: "a moment before its end", header: "own", end: func(_ *testing.T, f *fixture) { f.clock.advance(MinTemporary - time.Second) }, ok: true},
		{name: "at its end", header: "own", end: func(_ *testing.T, f *fixture) { f.clock.advance(MinTemporary) }},
		{name: "after the user got another password", header: "own", end: func(t *testing.T, f *fixture) {
			if err := f.db.SetPassword(t.Context(), f.first.UserID, "x"); err != nil {
				t.Fatal(err)
			}
		}},
		{name: "after the user was disabled", header: "own", end: func(t *testing.T, f *fixture) {
			if err := f.db.EnableAccount(t.Context(), f.first.UserID, false); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			token, _ := f.login(t, TokenScope{})
			k, err := f.NewTemporaryKey(t.Context(), token, MinTemporary)
			if err != nil {
				t.Fatal(err)
			}
			if tt.end != nil {
				tt.end(t, f)
			}
			r := signed(t.Context(), "GET", "/v2/manage/repos", k.Access, k.Secret, f.clock.now())
			switch tt.header {
			case "own":
				r.Header["X-Security-Token"] = []string{k.Token}
			case "other":
				r.Header["X-Security-Token"] = []string{k.Token + "x"}
			}
			who, err := f.Verify(t.Context(), r)
			if tt.ok && (err != nil || who.UserID != f.first.UserID || who.AccessKey != k.Access) || !tt.ok && !errors.Is(err, easel.Unauthenticated) {
				t.Errorf("Verify = %+v, %v; want success: %v", who, err, tt.ok)
			}
		})
	}
}

// TestTemporaryKeyBounds: no life out of bounds, none longer than the token's.
func TestTemporaryKeyBounds(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	token, info := f.login(t, TokenScope{})
	for _, life := range []time.Duration{0, MinTemporary - 1, MaxTemporary + 1} {
		if _, err := f.NewTemporaryKey(t.Context(), token, life); !errors.Is(err, easel.Invalid) {
			t.Errorf("a life of %s: %v", life, err)
		}
	}
	f.clock.advance(time.Hour)
	k, err := f.NewTemporaryKey(t.Context(), token, MaxTemporary)
	if err != nil || !k.Expires.Equal(info.Expires) {
		t.Errorf("the key ends at %s, the token at %s: %v", k.Expires, info.Expires, err)
	}
	// A registry login that a temporary key asks for ends with it.
	who := f.admin()
	who.AccessKey = k.Access
	f.clock.advance(22 * time.Hour)
	login, err := f.NewDockerLogin(t.Context(), who, "")
	if err != nil || !login.Expires.Equal(k.Expires) {
		t.Errorf("the login ends at %s, its key at %s: %v", login.Expires, k.Expires, err)
	}
	if _, err := f.CheckLogin(t.Context(), login.User, login.Key); err != nil {
		t.Errorf("the login: %v", err)
	}
	if _, err := f.NewTemporaryKey(t.Context(), "nobody's", MinTemporary); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("nobody's token: %v", err)
	}
}
