package catalog_test

import (
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

// signOn is the n-th log-in of subject.
func signOn(n, subject string, groups ...string) catalog.SignOn {
	hours, _ := time.ParseDuration(n + "h")
	return catalog.SignOn{
		Domain: "d1", Provider: "corp", Issuer: "https://login", Subject: subject, ID: "new-" + n, Name: "alice", Groups: groups, Limit: 2, At: noon,
		Key: catalog.AccessKey{Access: "SESSION" + n, Secret: []byte("sealed"), Active: true, Expires: noon.Add(hours)},
	}
}

func TestSignOn(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx, who := t.Context(), easel.Principal{UserID: "a1", UserName: "admin", DomainID: "d1"}
		for _, name := range []string{"dev", "ops", "hand"} {
			if _, err := db.AddUserGroup(ctx, who, catalog.UserGroup{ID: "g-" + name, Domain: "d1", Name: name}); err != nil {
				t.Fatal(err)
			}
		}
		able := func(catalog.Account, []catalog.HeldRole) bool { return true }
		in := func(s catalog.SignOn, id, name string, unknown ...string) {
			t.Helper()
			a, missing, err := db.SignOn(ctx, s)
			if err != nil || a.ID != id || a.Name != name || a.Admin || a.Password != "" {
				t.Errorf("SignOn = %s %s, %v; want %s %s", a.ID, a.Name, err, id, name)
			}
			wantEqual(t, "groups that are not there", missing, nil, unknown)
		}
		groups := func(id string, want ...string) {
			t.Helper()
			found, err := db.UserGroupsOf(ctx, id)
			names := []string{}
			for _, g := range found {
				names = append(names, g.Name)
			}
			wantEqual(t, "groups", names, err, append([]string{}, want...))
		}
		in(signOn("1", "s1", "dev", "gone"), "new-1", "alice", "gone")
		groups("new-1", "dev")
		in(signOn("2", "s2"), "new-2", "alice-2")
		other := signOn("3", "s1", "ops")
		other.Issuer = "https://login/"
		in(other, "new-3", "alice-3") // another issuer's s1 is somebody else

		// What was given by hand stays; what a log-in gave goes.
		for _, g := range []string{"g-hand", "g-ops"} {
			if err := db.SetMember(ctx, who, "d1", g, "new-1", true, able); err != nil {
				t.Fatal(err)
			}
		}
		in(signOn("4", "s1", "ops"), "new-1", "alice")
		groups("new-1", "hand", "ops")
		in(signOn("5", "s1"), "new-1", "alice")
		groups("new-1", "hand", "ops")
		in(signOn("6", "s1", "dev"), "new-1", "alice")
		if err := db.SetMember(ctx, who, "d1", "g-dev", "new-1", true, able); err != nil { // now by hand, too
			t.Fatal(err)
		}
		in(signOn("7", "s1"), "new-1", "alice")
		groups("new-1", "dev", "hand", "ops")

		// Two sessions at a time, and they are no keys of the user's.
		keys, err := db.AccountKeys(ctx, "new-1")
		var held []string
		for _, k := range keys {
			held = append(held, k.Access)
		}
		wantEqual(t, "sessions", held, err, []string{"SESSION6", "SESSION7"})
		if _, err := db.AddKey(ctx, catalog.AccessKey{Access: "OWN", Account: "new-1", Secret: []byte("sealed"), Active: true}, 1); err != nil {
			t.Errorf("sessions count as keys: %v", err)
		}
		// Whom the configuration lets in no more.
		in(signOn("20", "s2", "dev"), "new-2", "alice-2")
		for range 2 {
			if err := db.SignOff(ctx, "d1", "https://login", "s2"); err != nil {
				t.Fatal(err)
			}
		}
		groups("new-2")
		if keys, err := db.AccountKeys(ctx, "new-2"); err != nil || len(keys) != 0 {
			t.Errorf("sessions after SignOff: %+v, %v", keys, err)
		}
		if err := db.SignOff(ctx, "d1", "https://login", "nobody"); err != nil {
			t.Errorf("SignOff of nobody: %v", err)
		}
		for id, want := range map[string]bool{"new-1": true, "a1": false} {
			signs, err := db.SignsOn(ctx, id)
			wantEqual(t, "SignsOn "+id, signs, err, want)
		}

		if err := db.EnableAccount(ctx, "new-1", false); err != nil {
			t.Fatal(err)
		}
		_, _, err = db.SignOn(ctx, signOn("8", "s1"))
		wantKind(t, "a disabled user", err, easel.Denied, "disabled user")
		s := signOn("9", "s9")
		s.Domain = "nowhere"
		_, _, err = db.SignOn(ctx, s)
		wantKind(t, "no domain", err, easel.NotFound, "domain")
		if err := db.SetPassword(ctx, "new-2", "phc"); err != nil {
			t.Fatal(err)
		}
		signs, err := db.SignsOn(ctx, "new-2")
		wantEqual(t, "SignsOn with a password", signs, err, false)
		if err := db.DeleteAccount(ctx, who, "d1", "new-1", able); err != nil {
			t.Fatal(err)
		}
		in(signOn("10", "s1"), "new-10", "alice")
	})
}
