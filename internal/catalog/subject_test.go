package catalog_test

import (
	"fmt"
	"testing"

	"easel"
	"easel/internal/catalog"
)

func TestTokenSubject(t *testing.T) {
	t.Parallel()
	identityOn(t, func(t *testing.T, db *catalog.DB) {
		ctx := t.Context()
		s, err := db.TokenSubject(ctx, "a1", "AK1", "p1", noon)
		wantEqual(t, "by key, in a project", s, err, catalog.Subject{Account: a1, Project: p1})
		s, err = db.TokenSubject(ctx, "a1", "", "", noon)
		wantEqual(t, "by password, without a project", s, err, catalog.Subject{Account: a1})
		closed := catalog.Project{ID: "p2", Domain: "d1", Name: "eu-de_closed", Parent: "p1"}
		if err := db.AddProject(ctx, closed); err != nil {
			t.Fatal(err)
		}
		none := func(account, access, project string) {
			t.Helper()
			_, err := db.TokenSubject(ctx, account, access, project, noon)
			wantKind(t, fmt.Sprintf("TokenSubject(%q, %q, %q)", account, access, project), err, easel.NotFound, "user")
		}
		none("a9", "", "")
		none("a9", "AK1", "p1") // another's key
		none("a1", "AK9", "p1")
		none("a1", "AK1", "p9")
		none("a1", "AK1", "p2") // disabled
		none("a1\x00", "", "")
		off := false
		if err := db.UpdateKey(ctx, "AK1", &off, nil); err != nil {
			t.Fatal(err)
		}
		none("a1", "AK1", "p1")
		if err := db.EnableAccount(ctx, "a1", false); err != nil {
			t.Fatal(err)
		}
		none("a1", "", "p1")
	})
}
