package catalog_test

import (
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

func TestTemporaryKeys(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		who := easel.Principal{UserID: "a1", UserName: "admin", DomainID: "d1"}
		temporary := func(access, parent string, at time.Time) catalog.TemporaryKey {
			return catalog.TemporaryKey{Access: access, Account: "a1", Secret: []byte("sealed"), Parent: parent, Created: at, Expires: at.Add(time.Hour)}
		}
		add := func(k catalog.TemporaryKey) error { return db.AddTemporaryKey(t.Context(), who, k, 2) }
		for _, k := range []catalog.TemporaryKey{temporary("T1", "", noon), temporary("T2", "AK1", noon)} {
			if err := add(k); err != nil {
				t.Fatal(err)
			}
		}
		wantKind(t, "a third of two", add(temporary("T3", "", noon)), easel.TooMany, "key")
		stranger := temporary("T3", "", noon)
		stranger.Account = "nobody"
		wantKind(t, "a key of nobody", add(stranger), easel.NotFound, "user")

		want := catalog.AccessKey{Access: "T2", Account: "a1", Secret: []byte("sealed"), Active: true, Created: noon, Used: noon, Expires: noon.Add(time.Hour), Temporary: true}
		o, err := db.LoginKey(t.Context(), "T2")
		wantEqual(t, "LoginKey of a temporary key", o, err, catalog.KeyOwner{Key: want, Account: a1})
		o, err = db.LoginKey(t.Context(), "AK1")
		wantEqual(t, "LoginKey of a permanent key", o, err, catalog.KeyOwner{Key: k1, Account: a1})
		_, err = db.KeyOwner(t.Context(), "T2")
		wantKind(t, "a temporary key among the permanent ones", err, easel.NotFound, "key")
		_, err = db.LoginKey(t.Context(), "T\x00")
		wantKind(t, "a name that cannot be stored", err, easel.NotFound, "key")

		_, err = db.TokenSubject(t.Context(), "a1", "T2", "p1", noon.Add(time.Hour-time.Microsecond))
		wantEqual(t, "TokenSubject before the end", true, err, true)
		_, err = db.TokenSubject(t.Context(), "a1", "T2", "p1", noon.Add(time.Hour))
		wantKind(t, "TokenSubject at the end", err, easel.NotFound, "user")

		off := false
		if err := db.UpdateKey(t.Context(), "AK1", &off, nil); err != nil {
			t.Fatal(err)
		}
		active := map[string]bool{}
		for _, access := range []string{"T1", "T2"} {
			o, err := db.LoginKey(t.Context(), access)
			if err != nil {
				t.Fatal(err)
			}
			active[access] = o.Key.Active
			if _, err := db.TokenSubject(t.Context(), "a1", access, "p1", noon); (err == nil) != o.Key.Active {
				t.Errorf("%s is active: %v, and of a token: %v", access, o.Key.Active, err)
			}
		}
		wantEqual(t, "active keys after AK1 was switched off", active, nil, map[string]bool{"T1": true, "T2": false})

		if err := add(temporary("T4", "", noon.Add(time.Hour))); err != nil {
			t.Errorf("a new key when the others have ended: %v", err)
		}
		_, err = db.LoginKey(t.Context(), "T1")
		wantKind(t, "an ended key when another was made", err, easel.NotFound, "key")
		if err := db.SetPassword(t.Context(), "a1", "other"); err != nil {
			t.Fatal(err)
		}
		_, err = db.LoginKey(t.Context(), "T4")
		wantKind(t, "a key after the password changed", err, easel.NotFound, "key")
	})
}
