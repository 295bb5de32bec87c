package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"easel"
	"easel/internal/catalog"
)

func TestPoliciesAndAssignments(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx, who := t.Context(), easel.Principal{UserID: "a1", UserName: "admin", DomainID: "d1"}
		look := catalog.Policy{ID: "r1", Domain: "d1", Name: "look", Kind: "XA", Document: "{}", Created: noon, Updated: noon}
		added, err := db.AddPolicy(ctx, who, look, 1)
		wantEqual(t, "AddPolicy", added, err, look)
		_, err = db.AddPolicy(ctx, who, catalog.Policy{ID: "r2", Domain: "d1", Name: "more"}, 1)
		wantKind(t, "AddPolicy over the limit", err, easel.TooMany, "role")
		_, err = db.AddPolicy(ctx, who, catalog.Policy{ID: "r2", Domain: "d1", Name: "look"}, 9)
		wantKind(t, "AddPolicy again", err, easel.Exists, "role")
		_, err = db.Policy(ctx, "d2", "r1")
		wantKind(t, "Policy from elsewhere", err, easel.NotFound, "role")

		if _, err := db.AddUserGroup(ctx, who, catalog.UserGroup{ID: "g1", Domain: "d1", Name: "vision"}); err != nil {
			t.Fatal(err)
		}
		if err := db.SetMember(ctx, who, "d1", "g1", "a1", true, onlyAdmin); err != nil {
			t.Fatal(err)
		}
		give := func(role, project string, own, give bool) error {
			return db.Assign(ctx, who, "d1", catalog.Assignment{Group: "g1", Role: role, Project: project}, own, give, onlyAdmin)
		}
		wantKind(t, "Assign nothing", give("r9", "", true, true), easel.NotFound, "role")
		wantKind(t, "Assign nowhere", give("r1", "p9", true, true), easel.NotFound, "project")
		for range 2 {
			if err := give("r1", "p1", true, true); err != nil {
				t.Fatal(err)
			}
		}
		if err := give("system", catalog.AllProjects, false, true); err != nil {
			t.Fatal(err)
		}
		held := func(what string, want ...catalog.HeldRole) {
			t.Helper()
			got, err := db.HeldRoles(ctx, "a1")
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s: HeldRoles: %v (-want +got):\n%s", what, err, diff)
			}
		}
		mine := catalog.HeldRole{Group: "vision", Role: "r1", Project: "p1", Name: "look", Document: "{}"}
		theirs := catalog.HeldRole{Group: "vision", Role: "system", Project: "*"}
		held("granted", mine, theirs)
		text := `{"x":1}`
		mine.Document = text
		if _, err := db.UpdatePolicy(ctx, who, "d1", "r1", catalog.PolicyChange{Document: &text}, onlyAdmin); err != nil {
			t.Fatal(err)
		}
		held("changed", mine, theirs)
		wantKind(t, "DeletePolicy in use", db.DeletePolicy(ctx, who, "d1", "r1"), easel.InUse, "role")
		wantKind(t, "take what is not there", give("r1", "", true, false), easel.NotFound, "assignment")
		if err := give("r1", "p1", true, false); err != nil {
			t.Fatal(err)
		}
		held("taken", theirs)
		if err := db.DeletePolicy(ctx, who, "d1", "r1"); err != nil {
			t.Fatal(err)
		}
		if err := db.SetMember(ctx, who, "d1", "g1", "a1", false, onlyAdmin); err != nil {
			t.Fatal(err)
		}
		held("left")
	})
}
