package identity

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

func TestKeyLife(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bob := f.user(t, "bob")
	who := f.member(bob, "bob")
	k, secret, err := f.CreateKey(t.Context(), who, bob, "laptop")
	if err != nil {
		t.Fatal(err)
	}
	if k.Secret != nil || len(secret) != 40 || k.Account != bob || !k.Active || k.Created.IsZero() {
		t.Errorf("CreateKey = %+v", k)
	}
	works := func() bool {
		t.Helper()
		p, err := f.Verify(t.Context(), signed(t.Context(), "GET", "/v2", k.Access, secret, f.clock.now()))
		_, err2 := f.CheckLogin(t.Context(), "eu-de@"+k.Access, LoginKey(k.Access, secret))
		if (err == nil) != (err2 == nil) {
			t.Errorf("signature: %v, login: %v; want both or neither", err, err2)
		}
		return err == nil && err2 == nil && p.UserID == bob && !p.Admin
	}
	if !works() {
		t.Error("a new key does not work at once")
	}
	for _, on := range []bool{false, true} {
		changed, err := f.UpdateKey(t.Context(), who, k.Access, KeyChange{Active: &on})
		if err != nil || changed.Active != on || changed.Description != "laptop" {
			t.Errorf("UpdateKey(active %v) = %+v, %v", on, changed, err)
		}
		if works() != on {
			t.Errorf("active is %v, but the key works: %v", on, !on)
		}
	}
	text := "phone"
	if changed, err := f.UpdateKey(t.Context(), who, k.Access, KeyChange{Description: &text}); err != nil || changed.Description != "phone" || !changed.Active {
		t.Errorf("UpdateKey(description) = %+v, %v", changed, err)
	}
	keys, err := f.Keys(t.Context(), who, bob)
	k.Description = "phone"
	if diff := cmp.Diff([]catalog.AccessKey{k}, keys); err != nil || diff != "" {
		t.Errorf("Keys: %v (-want +got):\n%s", err, diff)
	}
	if err := f.DeleteKey(t.Context(), who, k.Access); err != nil {
		t.Fatal(err)
	}
	if works() {
		t.Error("a deleted key works")
	}
	wantNoun(t, f.DeleteKey(t.Context(), who, k.Access), easel.NotFound, "key")
}

func TestKeyLimits(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.o.MaxKeys = 2
	if _, _, err := f.CreateKey(t.Context(), f.admin(), f.first.UserID, ""); err != nil {
		t.Fatal(err)
	}
	_, _, err := f.CreateKey(t.Context(), f.admin(), f.first.UserID, "")
	wantNoun(t, err, easel.TooMany, "key")
	for _, description := range []string{strings.Repeat("ä", maxDescription+1), "\xff", "a\x00b"} {
		_, _, err = f.CreateKey(t.Context(), f.admin(), f.user(t, "u"+easel.NewID()), description)
		wantNoun(t, err, easel.Invalid, "field")
	}
}

// TestForeignKeys tries every call on a key of the first administrator.
func TestForeignKeys(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	calls := map[string]func(easel.Principal) error{
		"create": func(who easel.Principal) error {
			_, _, err := f.CreateKey(t.Context(), who, f.first.UserID, "")
			return err
		},
		"list": func(who easel.Principal) error { _, err := f.Keys(t.Context(), who, f.first.UserID); return err },
		"show": func(who easel.Principal) error { _, err := f.Key(t.Context(), who, vectorAccess); return err },
		"update": func(who easel.Principal) error {
			_, err := f.UpdateKey(t.Context(), who, vectorAccess, KeyChange{Active: new(bool)})
			return err
		},
		"delete": func(who easel.Principal) error { return f.DeleteKey(t.Context(), who, vectorAccess) },
		"user":   func(who easel.Principal) error { _, err := f.User(t.Context(), who, f.first.UserID); return err },
	}
	member, other := f.member(f.user(t, "bob"), "bob"), f.tenant(t, "other")
	registry := f.admin()
	registry.Scopes = []easel.Scope{}
	for name, call := range calls {
		if err := call(member); !errors.Is(err, easel.Denied) {
			t.Errorf("%s by a user of the domain = %v, want denied", name, err)
		}
		want := easel.NotFound
		if name == "create" {
			want = easel.Denied
		}
		if err := call(other); easel.AsError(err).Kind != want {
			t.Errorf("%s by another domain's administrator = %v, want %v", name, err, want)
		}
		if err := call(easel.Principal{}); err == nil {
			t.Errorf("%s by nobody succeeded", name)
		}
	}
	bob := f.user(t, "bob2")
	if err := calls["list"](registry); !errors.Is(err, easel.Denied) {
		t.Errorf("a registry token listed its user's keys: %v", err)
	}
	if _, _, err := f.CreateKey(t.Context(), registry, bob, ""); !errors.Is(err, easel.Denied) {
		t.Errorf("an administrator's registry token made a key for another user: %v", err)
	}
	if _, _, err := f.CreateKey(t.Context(), f.admin(), bob, ""); err != nil {
		t.Errorf("an administrator may not make a key for a user: %v", err)
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	bob := f.user(t, "bob")
	f.tenant(t, "other")
	projects, err := f.Projects(t.Context(), f.admin(), "")
	if err != nil || len(projects) != 1 || projects[0].ID != vectorProject {
		t.Errorf("Projects = %+v, %v, want the domain's own", projects, err)
	}
	if none, err := f.Projects(t.Context(), f.admin(), "eu-nl"); err != nil || none == nil || len(none) != 0 {
		t.Errorf("Projects(eu-nl) = %+v, %v", none, err)
	}
	names := func(who easel.Principal, name string) string {
		found, err := f.Users(t.Context(), who, name)
		if err != nil {
			return err.Error()
		}
		var all []string
		for _, a := range found {
			all = append(all, a.Name)
		}
		return strings.Join(all, " ")
	}
	for _, tt := range []struct {
		who        easel.Principal
		name, want string
	}{
		{f.admin(), "", "admin bob"},
		{f.admin(), "bob", "bob"},
		{f.admin(), "Bob", ""},
		{f.member(bob, "bob"), "", "bob"},
		{f.member(bob, "bob"), "admin", ""},
	} {
		if got := names(tt.who, tt.name); got != tt.want {
			t.Errorf("Users(%s, %q) = %q, want %q", tt.who.UserName, tt.name, got, tt.want)
		}
	}
	if _, err := f.Projects(t.Context(), easel.Principal{}, ""); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("Projects of nobody: %v", err)
	}
	if _, err := f.Users(t.Context(), easel.Principal{}, ""); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("Users of nobody: %v", err)
	}
}
