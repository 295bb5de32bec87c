package catalog_test

import (
	"testing"

	"easel"
	"easel/internal/catalog"
)

func onlyAdmin(a catalog.Account, _ []catalog.HeldRole) bool { return a.Admin }

func TestUserGroups(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx, who := t.Context(), easel.Principal{UserID: "a1", UserName: "admin", DomainID: "d1"}
		eva := catalog.Account{ID: "a2", Name: "eva", Enabled: true, Created: noon, Domain: d1, Description: "sees"}
		if err := db.CreateAccount(ctx, who, eva); err != nil {
			t.Fatal(err)
		}
		got, err := db.Account(ctx, "a2")
		wantEqual(t, "Account", got, err, eva)
		wantKind(t, "CreateAccount again", db.CreateAccount(ctx, who, catalog.Account{ID: "a3", Name: "eva", Domain: d1}), easel.Exists, "user")
		wantKind(t, "CreateAccount nowhere", db.CreateAccount(ctx, who, catalog.Account{ID: "a3", Name: "x", Domain: catalog.Domain{ID: "d9"}}), easel.NotFound, "domain")

		vision := catalog.UserGroup{ID: "g1", Domain: "d1", Name: "vision", Created: noon}
		added, err := db.AddUserGroup(ctx, who, vision)
		wantEqual(t, "AddUserGroup", added, err, vision)
		_, err = db.AddUserGroup(ctx, who, catalog.UserGroup{ID: "g2", Domain: "d1", Name: "vision"})
		wantKind(t, "AddUserGroup again", err, easel.Exists, "group")
		for range 2 { // being in twice is being in
			if err := db.SetMember(ctx, who, "d1", "g1", "a2", true, onlyAdmin); err != nil {
				t.Fatal(err)
			}
		}
		eva.Grouped = true
		members, err := db.Members(ctx, "d1", "g1")
		wantEqual(t, "Members", members, err, []catalog.Account{eva})
		groups, err := db.UserGroupsOf(ctx, "a2")
		wantEqual(t, "UserGroupsOf", groups, err, []catalog.UserGroup{vision})
		_, err = db.Members(ctx, "d2", "g1")
		wantKind(t, "Members from elsewhere", err, easel.NotFound, "group")
		wantKind(t, "SetMember of nobody", db.SetMember(ctx, who, "d1", "g1", "a\x00", true, onlyAdmin), easel.NotFound, "user")
		wantKind(t, "SetMember nowhere", db.SetMember(ctx, who, "d1", "g9", "a2", true, onlyAdmin), easel.NotFound, "group")
		name := "sight"
		vision.Name = name
		changed, err := db.UpdateUserGroup(ctx, who, "d1", "g1", catalog.UserGroupChange{Name: &name})
		wantEqual(t, "UpdateUserGroup", changed, err, vision)

		if err := db.DeleteAccount(ctx, who, "d1", "a2", onlyAdmin); err != nil {
			t.Fatal(err)
		}
		members, err = db.Members(ctx, "d1", "g1")
		wantEqual(t, "Members", members, err, []catalog.Account{})
		if err := db.DeleteUserGroup(ctx, who, "d1", "g1", onlyAdmin); err != nil {
			t.Fatal(err)
		}
		_, err = db.UserGroup(ctx, "d1", "g1")
		wantKind(t, "UserGroup", err, easel.NotFound, "group")
	})
}

func TestLastAdministratorStays(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx, who, off := t.Context(), easel.Principal{UserID: "a1", DomainID: "d1"}, false
		disable := func(id string) error {
			return db.UpdateAccount(ctx, who, "d1", id, catalog.AccountChange{Enabled: &off}, onlyAdmin)
		}
		wantKind(t, "disable the only one", disable("a1"), easel.InUse, "administrator")
		wantKind(t, "delete the only one", db.DeleteAccount(ctx, who, "d1", "a1", onlyAdmin), easel.InUse, "administrator")
		got, err := db.Account(ctx, "a1")
		wantEqual(t, "Account", got, err, a1)
		if err := db.AddAccount(ctx, catalog.Account{ID: "a2", Name: "other", Admin: true, Enabled: true, Domain: d1}); err != nil {
			t.Fatal(err)
		}
		// Two that go for each other at once: one of them stays.
		done := make(chan error, 2)
		for _, id := range []string{"a1", "a2"} {
			go func() { done <- disable(id) }()
		}
		first, second := <-done, <-done
		if (first == nil) == (second == nil) {
			t.Errorf("both were answered alike: %v, %v", first, second)
		}
	})
}
