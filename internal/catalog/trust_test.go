package catalog_test

import (
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

func TestTrusts(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx, who := t.Context(), easel.Principal{UserID: "a1", UserName: "admin", DomainID: "d1"}
		trust := func(id string) catalog.Trust {
			return catalog.Trust{ID: id, Name: "ci", Account: a1, Issuer: "https://ci.example.org", Audience: "easel", Claims: easel.Conditions{"sub": "repo:org/app:**"},
				Bound: easel.Bound{Repositories: []string{"team/*"}, Actions: []string{"pull", "push"}, Networks: nil}, Life: time.Hour, Active: true}
		}
		want := trust("t1")
		want.Created, want.Used = noon, noon
		got, err := db.AddTrust(ctx, who, trust("t1"), 2)
		wantEqual(t, "AddTrust", got, err, want)
		keyed := trust("t2")
		keyed.JWKS, keyed.Active = `{"keys":[]}`, false
		if _, err := db.AddTrust(ctx, who, keyed, 2); err != nil {
			t.Fatal(err)
		}
		_, err = db.AddTrust(ctx, who, trust("t3"), 2)
		wantKind(t, "a third of two", err, easel.TooMany, "trust")
		keyed.Created, keyed.Used = noon, noon
		found, err := db.Trusts(ctx, "d1", "")
		wantEqual(t, "Trusts", found, err, []catalog.Trust{want, keyed})
		for _, q := range [][2]string{{"d1", "a2"}, {"d2", ""}, {"d1", "a\x00"}} {
			found, err = db.Trusts(ctx, q[0], q[1])
			wantEqual(t, "Trusts of others", found, err, []catalog.Trust{})
		}
		for _, id := range []string{"t9", "t\x00"} {
			_, err = db.Trust(ctx, id)
			wantKind(t, "no trust", err, easel.NotFound, "trust")
		}

		exchange := func(trust, access string, at time.Time) error {
			return db.Exchange(ctx, who, catalog.Exchanged{Trust: trust, Subject: "repo:org/app:main", At: at, Limit: 2,
				Key:   catalog.AccessKey{Access: access, Secret: []byte("sealed"), Description: "ci", Expires: at.Add(time.Hour)},
				Token: catalog.Token{Hash: "hash of " + access, Project: "p1", Methods: "token", Issued: at, Expires: at.Add(time.Hour)}})
		}
		alive := func(access string, want bool) {
			t.Helper()
			_, keyErr := db.TokenSubject(ctx, "a1", access, "p1", noon)
			o, tokenErr := db.TokenOwner(ctx, "hash of "+access)
			if (keyErr == nil) != want || (tokenErr == nil) != want {
				t.Errorf("%s: key %v, token %v; want alive %v", access, keyErr, tokenErr, want)
			}
			if want && (o.Access != access || o.Bound == nil || o.Bound.Repositories[0] != "team/*") {
				t.Errorf("%s: the token's bound is %+v", access, o.Bound)
			}
		}
		wantKind(t, "an inactive trust", exchange("t2", "K0", noon), easel.NotFound, "trust")
		wantKind(t, "no trust", exchange("t9", "K0", noon), easel.NotFound, "trust")
		for _, access := range []string{"K1", "K2"} {
			if err := exchange("t1", access, noon); err != nil {
				t.Fatal(err)
			}
			alive(access, true)
		}
		wantKind(t, "a third of two", exchange("t1", "K3", noon), easel.TooMany, "key")
		if robots, err := db.Robots(ctx, "d1", ""); err != nil || len(robots) != 0 {
			t.Errorf("credentials of a trust are robots: %+v, %v", robots, err)
		}
		if keys, err := db.AccountKeys(ctx, "a1"); err != nil || len(keys) != 1 {
			t.Errorf("credentials of a trust are listed: %+v, %v", keys, err)
		}
		// A key that is turned off takes its token along.
		off := false
		if err := db.UpdateKey(ctx, "K2", &off, nil); err != nil {
			t.Fatal(err)
		}
		alive("K2", false)
		// Those that have ended make room, and their tokens go with them.
		if err := exchange("t1", "K4", noon.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
		alive("K1", false)
		alive("K4", true)

		changed, err := db.SetTrust(ctx, who, "t1", false)
		if err != nil || changed.Active {
			t.Errorf("SetTrust = %+v, %v", changed, err)
		}
		alive("K4", false)
		if _, err := db.SetTrust(ctx, who, "t1", true); err != nil {
			t.Fatal(err)
		}
		if err := exchange("t1", "K5", noon); err != nil {
			t.Fatal(err)
		}
		alive("K5", true)
		if err := db.DeleteTrust(ctx, who, "t1"); err != nil {
			t.Fatal(err)
		}
		alive("K5", false)
		wantKind(t, "DeleteTrust again", db.DeleteTrust(ctx, who, "t1"), easel.NotFound, "trust")
		if _, err := db.SetTrust(ctx, who, "t2", true); err != nil {
			t.Fatal(err)
		}
		if err := exchange("t2", "K6", noon); err != nil {
			t.Fatal(err)
		}
		if err := db.EnableAccount(ctx, "a1", false); err != nil {
			t.Fatal(err)
		}
		if err := db.EnableAccount(ctx, "a1", true); err != nil {
			t.Fatal(err)
		}
		alive("K6", false) // disabling ended it for good
	})
}
