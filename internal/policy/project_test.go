package policy

import (
	"testing"

	"pgregory.net/rapid"

	"easel"
)

const (
	inVision   = `{"Effect":"Allow","Action":["modelarts:image:*"],"Resource":["modelarts:*:*:workspace:vision"]}`
	notVision  = `{"Effect":"Deny","Action":["modelarts:*:*"],"Resource":["modelarts:*:*:workspace:vision"]}`
	allImages  = `{"Effect":"Allow","Action":["modelarts:image:*"],"Resource":["modelarts:*:*:image:*"]}`
	oneImage   = `{"Effect":"Allow","Action":["modelarts:image:*"],"Resource":["modelarts:*:*:image:i1"]}`
	noWorks    = `{"Effect":"Deny","Action":["modelarts:image:*"],"Resource":["modelarts:*:*:workspace:*"]}`
	updates    = `{"Effect":"Allow","Action":["modelarts:workspace:*"]}`
	neverEnter = `{"Effect":"Deny","Action":["easel:workspace:enter"]}`
)

func TestWorkspaces(t *testing.T) {
	t.Parallel()
	open := easel.Grants{Project: "p1"}
	closed, own, member := open, open, open
	closed.Closed = true
	own.Closed, own.Owner = true, true
	member.Closed, member.Member = true, true
	admin := func(statements string) easel.Principal {
		who := holder(t, statements)
		who.Admin = true
		return who
	}
	plain := callers["user"]
	machine := plain
	machine.Bound = &easel.Bound{Repositories: []string{"*"}, Actions: []string{easel.BoundRead, easel.BoundPush, easel.BoundDelete}}
	for _, tt := range []struct {
		name      string
		who       easel.Principal
		g         easel.Grants
		action    Action
		workspace string
		allowed   bool
	}{
		{"open", plain, open, DeleteImage, "vision", true},
		{"closed", plain, closed, ListImages, "vision", false},
		{"closed to look at, too", plain, closed, ShowWorkspace, "vision", false},
		{"its owner", plain, own, DeleteImage, "vision", true},
		{"whom it names", plain, member, DeleteImage, "vision", true},
		{"an administrator", callers["admin"], closed, DeleteImage, "vision", true},
		{"another account's administrator", callers["foreign"], closed, DeleteImage, "vision", false},
		{"of another project", plain, easel.Grants{Project: "p2", Owner: true}, ShowWorkspace, "vision", false},
		{"everything is allowed", holder(t, everything), closed, ListImages, "vision", true},
		{"to administrators that is denied", admin(neverEnter), closed, ListImages, "vision", false},
		{"ModelArts is allowed", holder(t, allImages), closed, ListImages, "vision", false},

		{"change it", plain, open, UpdateWorkspace, "vision", false},
		{"the owner changes it", plain, own, UpdateWorkspace, "vision", true},
		{"whom it names does not", plain, member, DeleteWorkspace, "vision", false},
		{"an administrator changes it", callers["admin"], closed, DeleteWorkspace, "vision", true},
		{"a policy allows it", holder(t, updates), open, UpdateWorkspace, "vision", true},
		{"where it may enter", holder(t, updates), closed, UpdateWorkspace, "vision", false},
		{"an administrator bounds it", callers["admin"], open, UpdateWorkspaceQuotas, "vision", true},
		{"its owner does not", plain, own, UpdateWorkspaceQuotas, "vision", false},
		{"but sees the bound", plain, own, ShowWorkspaceQuotas, "vision", true},
		{"a policy lets bound it", holder(t, updates), open, UpdateWorkspaceQuotas, "vision", true},
		{"make one", plain, open, CreateWorkspace, "", true},
		{"make one with a policy for others", holder(t, inVision), open, CreateWorkspace, "", false},

		{"a policy for it", holder(t, inVision), open, DeleteImage, "vision", true},
		{"a policy for another", holder(t, inVision), open, DeleteImage, "0", false},
		{"denied in it", holder(t, notVision), open, ListImages, "vision", false},
		{"denied in it, not elsewhere", holder(t, notVision), open, ListImages, "0", true},
		{"denied to its owner", holder(t, notVision), own, UpdateWorkspace, "vision", false},
		{"denied to administrators", admin(notVision), open, ListImages, "vision", false},
		{"all images", holder(t, allImages), open, DeleteImage, "0", true},
		{"an image", holder(t, oneImage), open, DeleteImage, "0", false},

		{"a machine looks", machine, open, ListWorkspaces, "", true},
		{"a machine makes none", machine, open, CreateWorkspace, "", false},
	} {
		err := Check(tt.who, tt.g, tt.action, "workspace", tt.workspace)
		if (err == nil) != tt.allowed {
			t.Errorf("%s: Check(%s) = %v, want allowed: %v", tt.name, tt.action, err, tt.allowed)
		}
		if err != nil && easel.AsError(err).Kind != easel.Denied {
			t.Errorf("%s: Check(%s) = %v, want denied", tt.name, tt.action, err)
		}
		if allowed, why := Explain(tt.who, tt.g, tt.action, "workspace", tt.workspace); allowed != tt.allowed || why == "" {
			t.Errorf("%s: Explain(%s) = %v, %q", tt.name, tt.action, allowed, why)
		}
	}
}

// TestSomewhere: what is refused before the workspace is known is refused in
// each, and what nothing could allow is refused then.
func TestSomewhere(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		statements string
		allowed    bool
	}{
		{inVision, true}, {notVision, true}, {allImages, true}, {oneImage, false}, {noWorks, false}, {updates, false}, {everything + "," + noWorks, false},
	} {
		if err := Somewhere(holder(t, tt.statements), easel.Grants{Project: "p1"}, ListImages, "image", "in project p1"); (err == nil) != tt.allowed {
			t.Errorf("with %s: Somewhere = %v, want allowed: %v", tt.statements, err, tt.allowed)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		who := easel.Principal{UserID: "u", DomainID: "home", ProjectID: rapid.SampledFrom([]string{"p1", "p1", "p2", ""}).Draw(t, "project"), Admin: rapid.Bool().Draw(t, "admin")}
		for range rapid.IntRange(0, 3).Draw(t, "statements") {
			s := easel.Statement{Deny: rapid.Bool().Draw(t, "deny"), Actions: []string{rapid.SampledFrom([]string{"*", "modelarts:*:list*", "modelarts:image:*", "modelarts:workspace:get", "swr:repo:*"}).Draw(t, "action")}}
			if rapid.Bool().Draw(t, "on") {
				s.Resources = []string{rapid.SampledFrom([]string{"*", "modelarts:*:*:workspace:a*", "modelarts:*:*:workspace:*", "modelarts:*:*:image:*", "*:*:*:*:*", "swr:*:*:repo:*"}).Draw(t, "resource")}
			}
			who.Statements = append(who.Statements, s)
		}
		action := rapid.SampledFrom([]Action{ListImages, DeleteImage, ShowWorkspace, CreateWorkspace}).Draw(t, "what")
		g := easel.Grants{Project: "p1"}
		somewhere := Somewhere(who, g, action, "image", "in project p1")
		for _, workspace := range []string{"a", "b", "0"} {
			if err := Check(who, g, action, "workspace", workspace); err == nil && somewhere != nil {
				t.Fatalf("in %s %s is allowed, and refused before: %v", workspace, action, somewhere)
			}
		}
	})
}
