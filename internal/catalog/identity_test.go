package catalog_test

import (
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/pgtest"
)

// Bootstrap's rows: domain d1 with its region's project p1, administrator a1
// and access key AK1, at noon.
var (
	noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
	d1   = catalog.Domain{ID: "d1", Name: "lab", Description: "ours", Enabled: true, Operator: true, Created: noon}
	p1   = catalog.Project{ID: "p1", Domain: "d1", Name: "eu-de", Parent: "d1", Enabled: true, Created: noon}
	a1   = catalog.Account{ID: "a1", Name: "admin", Password: "hash", Admin: true, Enabled: true, Created: noon, Domain: d1}
	k1   = catalog.AccessKey{Access: "AK1", Account: "a1", Secret: []byte("sealed"), Description: "first", Active: true, Created: noon, Used: noon}
)

// identityOn runs f on both engines, on a catalogue with Bootstrap's rows.
func identityOn(t *testing.T, f func(t *testing.T, db *catalog.DB)) {
	t.Helper()
	run := func(t *testing.T, url string) {
		t.Parallel()
		db := openFor(t, url, func() time.Time { return noon })
		if made, err := db.Bootstrap(t.Context(), d1, p1, a1, k1); err != nil || !made {
			t.Fatalf("Bootstrap = %v, %v", made, err)
		}
		f(t, db)
	}
	t.Run("sqlite", func(t *testing.T) { run(t, "sqlite:"+filepath.Join(t.TempDir(), "easel.db")) })
	if !testing.Short() {
		t.Run("postgres", func(t *testing.T) { run(t, pgtest.Start(t)) })
	}
}

func wantKind(t *testing.T, what string, err error, kind easel.Kind, noun easel.Noun) {
	t.Helper()
	if e := easel.AsError(err); err == nil || e.Kind != kind || e.Noun != noun {
		t.Errorf("%s = %v, want %v %q", what, err, kind, noun)
	}
}

func wantEqual[T any](t *testing.T, what string, got T, err error, want T) {
	t.Helper()
	same := cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })
	if diff := cmp.Diff(want, got, same); err != nil || diff != "" {
		t.Errorf("%s: %v (-want +got):\n%s", what, err, diff)
	}
}

func TestBootstrapRows(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		other := catalog.Domain{ID: "d9", Name: "other", Enabled: true}
		if made, err := db.Bootstrap(t.Context(), other, p1, a1, k1); err != nil || made {
			t.Errorf("a second Bootstrap = %v, %v", made, err)
		}
		some, err := db.HasDomains(t.Context())
		wantEqual(t, "HasDomains", some, err, true)
		owner, err := db.KeyOwner(t.Context(), "AK1")
		wantEqual(t, "KeyOwner", owner, err, catalog.KeyOwner{Key: k1, Account: a1})
		p, err := db.RegionProject(t.Context(), "d1")
		wantEqual(t, "RegionProject", p, err, p1)
		_, err = db.RegionProject(t.Context(), "d9")
		wantKind(t, "RegionProject of nobody", err, easel.NotFound, "project")
	})
}

func TestAccounts(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		d2 := catalog.Domain{ID: "d2", Name: "away", Enabled: false, Created: noon}
		if err := db.AddDomain(ctx, d2); err != nil {
			t.Fatal(err)
		}
		namesake := catalog.Account{ID: "a2", Name: "admin", Enabled: true, Created: noon, Domain: d2}
		bob := catalog.Account{ID: "a3", Name: "bob", Enabled: false, Created: noon, Domain: d1}
		for _, a := range []catalog.Account{namesake, bob} {
			if err := db.AddAccount(ctx, a); err != nil {
				t.Fatal(err)
			}
		}
		wantKind(t, "AddDomain again", db.AddDomain(ctx, catalog.Domain{ID: "d3", Name: "away"}), easel.Exists, "domain")
		wantKind(t, "AddAccount again", db.AddAccount(ctx, catalog.Account{ID: "a4", Name: "bob", Domain: d1}), easel.Exists, "user")
		wantKind(t, "AddAccount nowhere", db.AddAccount(ctx, catalog.Account{ID: "a4", Name: "eve"}), easel.NotFound, "domain")

		got, err := db.Account(ctx, "a3")
		wantEqual(t, "Account", got, err, bob)
		got, err = db.AccountNamed(ctx, "d2", "", "admin")
		wantEqual(t, "AccountNamed by domain id", got, err, namesake)
		got, err = db.AccountNamed(ctx, "", "lab", "admin")
		wantEqual(t, "AccountNamed by domain name", got, err, a1)
		for _, name := range []string{"", "Admin", "admin ", "%", "adm_n", "ad\x00min", "\xff"} {
			_, err = db.AccountNamed(ctx, "d1", "", name)
			wantKind(t, fmt.Sprintf("AccountNamed(%q)", name), err, easel.NotFound, "user")
			_, err = db.Account(ctx, name)
			wantKind(t, fmt.Sprintf("Account(%q)", name), err, easel.NotFound, "user")
		}
		found, err := db.AccountsNamed(ctx, "admin")
		wantEqual(t, "AccountsNamed", found, err, []catalog.Account{a1, namesake})
		found, err = db.Accounts(ctx, "d1", "")
		wantEqual(t, "Accounts", found, err, []catalog.Account{a1, bob})
		found, err = db.Accounts(ctx, "d1", "bob")
		wantEqual(t, "Accounts called bob", found, err, []catalog.Account{bob})
		found, err = db.Accounts(ctx, "d1", "\x00")
		wantEqual(t, "Accounts called NUL", found, err, []catalog.Account{})
		if a1.Usable() != true || bob.Usable() || namesake.Usable() {
			t.Error("an account is usable when it and its domain are enabled")
		}
	})
}

func TestProjects(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		sub := catalog.Project{ID: "p0", Domain: "d1", Name: "eu-de_lab", Parent: "p1", Description: "lab", Created: noon}
		if err := db.AddProject(ctx, sub); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "AddProject again", db.AddProject(ctx, catalog.Project{ID: "p3", Domain: "d1", Name: "eu-de"}), easel.Exists, "project")
		wantKind(t, "AddProject nowhere", db.AddProject(ctx, catalog.Project{ID: "p3", Domain: "d9", Name: "x"}), easel.NotFound, "domain")
		found, err := db.Projects(ctx, "d1", "")
		wantEqual(t, "Projects, the region's own first", found, err, []catalog.Project{p1, sub})
		found, err = db.Projects(ctx, "d1", "eu-de_lab")
		wantEqual(t, "Projects of a name", found, err, []catalog.Project{sub})
		found, err = db.Projects(ctx, "d1", "\x00")
		wantEqual(t, "Projects called NUL", found, err, []catalog.Project{})
		p, err := db.Project(ctx, "d1", "p0")
		wantEqual(t, "Project", p, err, sub)
		for _, q := range [][2]string{{"d1", "p9"}, {"d2", "p1"}, {"d1", "\xff"}} {
			_, err = db.Project(ctx, q[0], q[1])
			wantKind(t, fmt.Sprintf("Project(%q)", q), err, easel.NotFound, "project")
		}
	})
}

func TestAccessKeys(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		k2 := catalog.AccessKey{Access: "AK2", Account: "a1", Secret: []byte{0, 255}, Active: true}
		at, err := db.AddKey(ctx, k2, 2)
		wantEqual(t, "AddKey", at, err, noon)
		_, err = db.AddKey(ctx, catalog.AccessKey{Access: "AK3", Account: "a1", Secret: []byte{1}}, 2)
		wantKind(t, "AddKey over the limit", err, easel.TooMany, "key")
		_, err = db.AddKey(ctx, catalog.AccessKey{Access: "AK1", Account: "a1", Secret: []byte{1}}, 9)
		wantKind(t, "AddKey again", err, easel.Exists, "key")
		_, err = db.AddKey(ctx, catalog.AccessKey{Access: "AK3", Account: "a9", Secret: []byte{1}}, 9)
		wantKind(t, "AddKey of nobody", err, easel.NotFound, "user")

		off, text := false, "second"
		if err := errors.Join(db.UpdateKey(ctx, "AK2", &off, nil), db.UpdateKey(ctx, "AK2", nil, &text), db.UseKey(ctx, "AK1")); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "UpdateKey of none", db.UpdateKey(ctx, "AK9", &off, nil), easel.NotFound, "key")
		keys, err := db.AccountKeys(ctx, "a1")
		wantEqual(t, "AccountKeys", keys, err, []catalog.AccessKey{
			{Access: "AK1", Account: "a1", Description: "first", Active: true, Created: noon, Used: noon},
			{Access: "AK2", Account: "a1", Description: "second", Created: noon, Used: noon},
		})
		if err := db.DeleteKey(ctx, "AK2"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "DeleteKey again", db.DeleteKey(ctx, "AK2"), easel.NotFound, "key")
		for _, access := range []string{"AK2", "ak1", "", "\x00"} {
			_, err = db.KeyOwner(ctx, access)
			wantKind(t, fmt.Sprintf("KeyOwner(%q)", access), err, easel.NotFound, "key")
		}
		if err := db.UseKey(ctx, "AK2"); err != nil {
			t.Errorf("UseKey of a key that went: %v", err)
		}
	})
}

// TestKeyLimitHoldsInARace: requests at the same time do not get past the limit.
func TestKeyLimitHoldsInARace(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		const limit = 3
		var all sync.WaitGroup
		for i := range 8 {
			all.Go(func() {
				_, err := db.AddKey(t.Context(), catalog.AccessKey{Access: fmt.Sprint("RACE", i), Account: "a1", Secret: []byte{1}}, limit)
				if err != nil && !errors.Is(err, easel.TooMany) {
					t.Error(err)
				}
			})
		}
		all.Wait()
		keys, err := db.AccountKeys(t.Context(), "a1")
		if err != nil || len(keys) != limit {
			t.Errorf("%d keys, %v, want %d", len(keys), err, limit)
		}
	})
}

func TestTokens(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		add := func(hash, project string, expires time.Time) catalog.Token {
			t.Helper()
			k := catalog.Token{Hash: hash, Account: "a1", Project: project, Methods: "password", Issued: noon, Expires: expires}
			if err := db.AddToken(ctx, k, noon.Add(-time.Hour)); err != nil {
				t.Fatal(err)
			}
			return k
		}
		bound, unbound, lost := add("h1", "p1", noon.Add(time.Hour)), add("h2", "", noon), add("h3", "p9", noon)
		add("h4", "", noon.Add(-time.Hour-time.Microsecond))
		add("h5", "", noon.Add(time.Hour)) // forgets h4
		for _, tt := range []struct {
			token   catalog.Token
			project catalog.Project
		}{{bound, p1}, {unbound, catalog.Project{}}, {lost, catalog.Project{}}} {
			got, err := db.TokenOwner(ctx, tt.token.Hash)
			wantEqual(t, "TokenOwner "+tt.token.Hash, got, err, catalog.TokenOwner{Token: tt.token, Account: a1, Project: tt.project})
		}
		_, err := db.TokenOwner(ctx, "h4")
		wantKind(t, "TokenOwner of one that expired long ago", err, easel.NotFound, "token")
		if err := db.DeleteToken(ctx, "h1"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "DeleteToken again", db.DeleteToken(ctx, "h1"), easel.NotFound, "token")
		if err := db.SetPassword(ctx, "a1", "new hash"); err != nil {
			t.Fatal(err)
		}
		_, err = db.TokenOwner(ctx, "h5")
		wantKind(t, "a token after a new password", err, easel.NotFound, "token")
		a, err := db.Account(ctx, "a1")
		wantEqual(t, "the new password", a.Password, err, "new hash")
		wantKind(t, "SetPassword of nobody", db.SetPassword(ctx, "a9", ""), easel.NotFound, "user")

		add("h6", "", noon.Add(time.Hour))
		if err := errors.Join(db.EnableAccount(ctx, "a1", true), db.EnableAccount(ctx, "a1", false)); err != nil {
			t.Fatal(err)
		}
		_, err = db.TokenOwner(ctx, "h6")
		wantKind(t, "a token of a disabled user", err, easel.NotFound, "token")
		wantKind(t, "EnableAccount of nobody", db.EnableAccount(ctx, "a9", true), easel.NotFound, "user")
	})
}

func TestSettings(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		_, ok, err := db.Setting(ctx, "x")
		wantEqual(t, "Setting before", ok, err, false)
		got, err := db.InitSetting(ctx, "x", []byte{1, 0})
		wantEqual(t, "InitSetting", got, err, []byte{1, 0})
		got, err = db.InitSetting(ctx, "x", []byte{2})
		wantEqual(t, "InitSetting again", got, err, []byte{1, 0})
		got, _, err = db.Setting(ctx, "x")
		wantEqual(t, "Setting", got, err, []byte{1, 0})
	})
}

func TestDomainNamed(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		found, err := db.DomainNamed(t.Context(), "lab")
		wantEqual(t, "DomainNamed", found, err, d1)
		for _, name := range []string{"", "Lab", "la_", "d1", "lab\x00", "\xff"} {
			_, err := db.DomainNamed(t.Context(), name)
			wantKind(t, "DomainNamed of another", err, easel.NotFound, "domain")
		}
	})
}
