package easel

import (
	"net/netip"
	"strings"
	"testing"
)

func TestParseBound(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name                            string
		repositories, actions, networks []string
		ok                              bool
	}{
		{"all", []string{"*"}, []string{"pull", "push", "delete", "read"}, nil, true},
		{"an organisation", []string{"team/*"}, []string{"pull"}, []string{"10.0.0.0/8", "::1", "192.0.2.1"}, true},
		{"patterns", []string{"team/app-*", "team/*/base", "team/a*b*c"}, []string{"pull"}, nil, true},
		{"no repository", nil, []string{"pull"}, nil, false},
		{"a pattern as organisation", []string{"te*/app"}, []string{"pull"}, nil, false},
		{"an organisation alone", []string{"team"}, []string{"pull"}, nil, false},
		{"all of all", []string{"*/*"}, []string{"pull"}, nil, false},
		{"upper case", []string{"team/App"}, []string{"pull"}, nil, false},
		{"a NUL", []string{"team/a\x00*"}, []string{"pull"}, nil, false},
		{"a wildcard of SQL", []string{"team/%"}, []string{"pull"}, nil, false},
		{"too many", strings.Fields(strings.Repeat("team/app ", 65)), []string{"pull"}, nil, false},
		{"no action", []string{"*"}, nil, nil, false},
		{"another action", []string{"*"}, []string{"pull", "*"}, nil, false},
		{"no network", []string{"*"}, []string{"pull"}, []string{"10.0.0.0/33"}, false},
		{"an empty network", []string{"*"}, []string{"pull"}, []string{""}, false},
	} {
		b, err := ParseBound(tt.repositories, tt.actions, tt.networks)
		if (err == nil) != tt.ok || !tt.ok && AsError(err).Kind != Invalid {
			t.Errorf("%s: ParseBound = %+v, %v", tt.name, b, err)
		}
	}
}

func TestBoundCovers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, repo string
		want          bool
	}{
		{"*", "team/app", true},
		{"team/*", "team/app", true},
		{"team/*", "team/deep/app", true},
		{"team/*", "teams/app", false},
		{"team/*", "other/team/app", false},
		{"team/app", "team/app", true},
		{"team/app", "team/app2", false},
		{"team/app-*", "team/app-", true},
		{"team/app-*", "team/app", false},
		{"team/*-prod", "team/a/b-prod", true},
		{"team/*-prod", "team/a-prod-not", false},
		{"team/a*a", "team/a", false},
		{"team/a*a", "team/aa", true},
		{"team/*x*y", "team/axbxcy", true},
		{"team/*x*y", "team/y", false},
	} {
		b, err := ParseBound([]string{tt.pattern}, []string{"pull"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Covers(tt.repo); got != tt.want {
			t.Errorf("%s covers %s: %v, want %v", tt.pattern, tt.repo, got, tt.want)
		}
	}
}

func TestBoundAdmits(t *testing.T) {
	t.Parallel()
	b, err := ParseBound([]string{"*"}, []string{"pull"}, []string{"10.1.2.3/8", "192.0.2.1", "2001:db8::/32"})
	if err != nil {
		t.Fatal(err)
	}
	for addr, want := range map[string]bool{"10.9.9.9": true, "192.0.2.1": true, "192.0.2.2": false, "2001:db8::1": true, "2001:db9::1": false} {
		if got := b.Admits(netip.MustParseAddr(addr)); got != want {
			t.Errorf("admits %s: %v, want %v", addr, got, want)
		}
	}
	if b.Admits(netip.Addr{}) || !(&Bound{}).Admits(netip.Addr{}) {
		t.Error("an unknown address is admitted from anywhere, and only then")
	}
}
