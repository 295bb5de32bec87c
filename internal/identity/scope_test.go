package identity

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
)

func TestParseScope(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		want easel.Scope
	}{
		{"repository:team/web:pull", easel.Scope{Type: "repository", Name: "team/web", Actions: []string{"pull"}}},
		{"repository:team/web:push,pull", easel.Scope{Type: "repository", Name: "team/web", Actions: []string{"push", "pull"}}},
		{"repository:team/web:pull,pull", easel.Scope{Type: "repository", Name: "team/web", Actions: []string{"pull"}}},
		{"repository(plugin):team/web:*", easel.Scope{Type: "repository", Name: "team/web", Actions: []string{"*"}}},
		{"repository:localhost:5000/team/web:pull", easel.Scope{Type: "repository", Name: "localhost:5000/team/web", Actions: []string{"pull"}}},
		{"repository:team/web:", easel.Scope{Type: "repository", Name: "team/web"}},
		{"registry:catalog:*", easel.Scope{Type: "registry", Name: "catalog", Actions: []string{"*"}}},
	} {
		got, err := ParseScope(tt.text)
		if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
			t.Errorf("ParseScope(%q): %v (-want +got):\n%s", tt.text, err, diff)
		}
	}
	for _, text := range []string{
		"", "repository", "repository:team/web", "repository::pull", ":team/web:pull", "repository:team/web:pull,", "repository:team/web:,pull",
		"repository:team/web:PULL", "repository:team/web:pull push", "repo\x00sitory:a:pull", "(x):team/web:pull", "repository:" + strings.Repeat("a", 512) + ":pull",
	} {
		_, err := ParseScope(text)
		wantNoun(t, err, easel.Invalid, "scope")
	}
}

func TestParseScopes(t *testing.T) {
	t.Parallel()
	got, err := ParseScopes([]string{"repository:a/b:pull  repository:a/c:push", "", "registry:catalog:*"})
	if err != nil || FormatScopes(got) != "repository:a/b:pull repository:a/c:push registry:catalog:*" {
		t.Errorf("ParseScopes = %q, %v", FormatScopes(got), err)
	}
	if _, err := ParseScopes([]string{"repository:a/b:pull bad"}); err == nil {
		t.Error("a malformed scope beside a good one was taken")
	}
	many := strings.Repeat("repository:a/b:pull ", MaxScopes)
	if _, err := ParseScopes([]string{many}); err != nil {
		t.Errorf("%d scopes: %v", MaxScopes, err)
	}
	_, err = ParseScopes([]string{many, "repository:a/b:pull"})
	wantNoun(t, err, easel.Invalid, "scope")
}

// FuzzParseScope: what parses is printed in a form that parses to the same.
func FuzzParseScope(f *testing.F) {
	for _, s := range []string{"repository:a/b:pull,push", "repository(x):h:5000/a/b:*", "registry:catalog:*", "a:b:", "a(b:c)d:e:f", "::"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseScope(text)
		if err != nil {
			return
		}
		again, err := ParseScope(FormatScopes([]easel.Scope{s}))
		if diff := cmp.Diff(s, again); err != nil || diff != "" {
			t.Errorf("ParseScope(%q) = %+v, printed and parsed again: %v\n%s", text, s, err, diff)
		}
	})
}

// TestGrant: a token carries what was asked for and is allowed now.
func TestGrant(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	if err := f.db.CreateOrg(t.Context(), f.admin(), "team"); err != nil {
		t.Fatal(err)
	}
	other := f.tenant(t, "other")
	member := f.member(f.user(t, "bob"), "bob")
	for _, tt := range []struct {
		name   string
		who    easel.Principal
		scopes string
		want   string
	}{
		{"administrator, new repository", f.admin(), "repository:team/web:pull,push", "repository:team/web:pull,push"},
		{"everything", f.admin(), "repository:team/web:*", "repository:team/web:pull,push,delete"},
		{"delete only", f.admin(), "repository:team/web:delete", "repository:team/web:delete"},
		{"in several scopes", f.admin(), "repository:team/web:pull repository:team/api:pull repository:team/web:pull,push", "repository:team/web:pull,push repository:team/api:pull"},
		{"unknown action", f.admin(), "repository:team/web:pull,admin", "repository:team/web:pull"},
		{"no action", f.admin(), "repository:team/web:", ""},
		{"unknown type", f.admin(), "organisation:team:pull", ""},
		{"organisation that does not exist", f.admin(), "repository:nobody/web:push", ""},
		{"name that cannot exist", f.admin(), "repository:web:push repository:../etc:pull", ""},
		{"class", f.admin(), "repository(plugin):team/web:pull", "repository:team/web:pull"},
		{"the catalogue", f.admin(), "registry:catalog:*", "registry:catalog:*"},
		{"the catalogue, another action", f.admin(), "registry:catalog:pull", ""},
		{"user without a grant", member, "repository:team/web:pull,push registry:catalog:*", ""},
		{"administrator of another domain", other, "repository:team/web:pull,push", ""},
		{"nobody", easel.Principal{}, "repository:team/web:pull registry:catalog:*", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			token := f.registryToken(t, tt.who, tt.scopes)
			if got := FormatScopes(token.Granted); got != tt.want {
				t.Errorf("granted %q, want %q", got, tt.want)
			}
			if tt.who.UserID == other.UserID {
				return // has no access key here
			}
			who, err := f.VerifyRegistryToken(t.Context(), token.Token)
			if got := FormatScopes(who.Scopes); err != nil || got != tt.want {
				t.Errorf("the token says %q, %v, want %q", got, err, tt.want)
			}
		})
	}
}
