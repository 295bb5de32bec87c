package catalog_test

import (
	"net/netip"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

func TestRobots(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx, who := t.Context(), easel.Principal{UserID: "a1", UserName: "admin", DomainID: "d1"}
		bound := &easel.Bound{Repositories: []string{"team/*"}, Actions: []string{"pull"}, Networks: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
		key := func(access string, expires time.Time) catalog.AccessKey {
			return catalog.AccessKey{Access: access, Account: "a1", Secret: []byte("sealed"), Description: "ci", Active: true, Bound: bound, Expires: expires}
		}
		want := key("R1", noon.Add(time.Hour))
		want.Created, want.Used = noon, noon
		stored := want
		want.Secret = nil
		got, err := db.AddRobot(ctx, who, key("R1", noon.Add(time.Hour)), 2)
		wantEqual(t, "AddRobot", got, err, want)
		if _, err := db.AddRobot(ctx, who, key("R2", time.Time{}), 2); err != nil {
			t.Fatal(err)
		}
		_, err = db.AddRobot(ctx, who, key("R3", time.Time{}), 2)
		wantKind(t, "a third of two", err, easel.TooMany, "key")
		if _, err := db.AddKey(ctx, catalog.AccessKey{Access: "AK2", Account: "a1", Secret: []byte("sealed"), Active: true}, 2); err != nil {
			t.Errorf("robots count as keys: %v", err)
		}

		second := want
		second.Access, second.Expires = "R2", time.Time{}
		found, err := db.Robots(ctx, "d1", "")
		wantEqual(t, "Robots", found, err, []catalog.Robot{{Key: want, UserName: "admin"}, {Key: second, UserName: "admin"}})
		for _, q := range [][2]string{{"d1", "a2"}, {"d2", ""}, {"d1", "a\x00"}} {
			found, err = db.Robots(ctx, q[0], q[1])
			wantEqual(t, "Robots of others", found, err, []catalog.Robot{})
		}
		o, err := db.KeyOwner(ctx, "R1")
		wantEqual(t, "KeyOwner", o, err, catalog.KeyOwner{Key: stored, Account: a1})

		s, err := db.TokenSubject(ctx, "a1", "R1", "p1", noon.Add(time.Hour-time.Microsecond))
		wantEqual(t, "TokenSubject before the deadline", s, err, catalog.Subject{Account: a1, Project: p1, Bound: bound})
		_, err = db.TokenSubject(ctx, "a1", "R1", "p1", noon.Add(time.Hour))
		wantKind(t, "TokenSubject at the deadline", err, easel.NotFound, "user")
		if _, err := db.TokenSubject(ctx, "a1", "R2", "p1", noon.AddDate(100, 0, 0)); err != nil {
			t.Errorf("TokenSubject without a deadline: %v", err)
		}

		wantKind(t, "DeleteRobot of a person's key", db.DeleteRobot(ctx, who, "AK1"), easel.NotFound, "robot")
		if err := db.DeleteRobot(ctx, who, "R2"); err != nil {
			t.Fatal(err)
		}
		wantKind(t, "DeleteRobot again", db.DeleteRobot(ctx, who, "R2"), easel.NotFound, "robot")
		_, err = db.TokenSubject(ctx, "a1", "R2", "p1", noon)
		wantKind(t, "TokenSubject of one that is gone", err, easel.NotFound, "user")
		records, err := db.Audit(ctx, catalog.AuditQuery{Domain: "d1", Action: "deleteRobot", Limit: 10})
		if err != nil || len(records) != 1 || records[0].Action != "deleteRobot" || records[0].Resource != "R2" {
			t.Errorf("the audit trail has %+v, %v", records, err)
		}
	})
}
