package identity

import (
	"errors"
	"testing"

	"easel"
)

// TestNobodyIsCalledAsTheServer tries all that gives a user a name: in the
// audit trail that of the server must be nobody else's.
func TestNobodyIsCalledAsTheServer(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	who := f.admin()
	eva := f.user(t, "eva")
	for _, name := range []string{easel.System, "Easel"} {
		_, made := f.CreateUser(t.Context(), who, NewUser{Name: name})
		_, renamed := f.UpdateUser(t.Context(), who, eva, UserChange{Name: &name})
		_, domain := f.CreateDomain(t.Context(), who, NewDomain{Name: "lab", AdminName: name})
		_, _, first := emptyService(t).Bootstrap(t.Context(), Bootstrap{AdminName: name})
		for what, err := range map[string]error{"a new user": made, "another name": renamed, "a new domain's administrator": domain, "the first administrator": first} {
			if !errors.Is(err, easel.Invalid) {
				t.Errorf("%s, %s: %v, want it refused as invalid", what, name, err)
			}
		}
	}
	if a, err := f.db.Account(t.Context(), eva); err != nil || a.Name != "eva" {
		t.Errorf("the user is called %q, %v", a.Name, err)
	}
}
