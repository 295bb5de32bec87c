package workbench_test

import (
	"context"
	"strings"
	"testing"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

// closed makes a workspace of ann for users, with an image of a group of its own.
func (b *bench) closed(t *testing.T, access string, users ...easel.WorkspaceUser) (string, easel.Image) {
	t.Helper()
	w, err := b.CreateWorkspace(imagetest.As(t, b.Ann), easel.Workspace{Project: imagetest.AcmeOne, Name: "closed", Access: access, Users: users})
	must(t, err)
	b.Push(t, b.Ann, "team/torch:1", "base", "torch")
	r := ask(b.Ann, "team/torch:1")
	r.Workspace = w.ID
	i, err := b.Register(imagetest.As(t, b.Ann), r)
	must(t, err)
	if i.Workspace != w.ID {
		t.Fatalf("the image is in the workspace %s, want %s", i.Workspace, w.ID)
	}
	return w.ID, i
}

// TestClosedWorkspace does everything that is done with images in a workspace.
func TestClosedWorkspace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, access string
		who          func(*bench) easel.Principal
		users        []easel.WorkspaceUser
		enters       bool
	}{
		{"public", easel.Public, func(b *bench) easel.Principal { return b.Ben }, nil, true},
		{"private", easel.Private, func(b *bench) easel.Principal { return b.Ben }, nil, false},
		{"private, to whom it names", easel.Private, func(b *bench) easel.Principal { return b.Ben }, []easel.WorkspaceUser{{Name: "ben"}}, false},
		{"internal", easel.InternalAccess, func(b *bench) easel.Principal { return b.Ben }, []easel.WorkspaceUser{{Name: "cleo"}}, false},
		{"internal, to whom it names", easel.InternalAccess, func(b *bench) easel.Principal { return b.Ben }, []easel.WorkspaceUser{{Name: "ben"}}, true},
		{"private, to an administrator", easel.Private, func(b *bench) easel.Principal {
			who := b.Cleo
			who.ProjectID = imagetest.AcmeOne
			return who
		}, nil, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			ws, i := b.closed(t, tt.access, tt.users...)
			who := tt.who(b)
			ctx, group := imagetest.As(t, who), easel.GroupID(imagetest.AcmeOne, ws, "team", "torch")
			f, one := workbench.Filter{Project: imagetest.AcmeOne, Workspace: ws}, []string{i.ID}
			for _, did := range []struct {
				what string
				err  error
			}{
				{"list", second(b.List(ctx, f, workbench.Order{}, catalog.Page{}))},
				{"groups", second(b.Groups(ctx, f, catalog.Page{}))},
				{"show", first(b.Show(ctx, imagetest.AcmeOne, i.ID))},
				{"show the workspace", first(b.Workspace(ctx, imagetest.AcmeOne, ws))},
				{"update the group", first(b.UpdateGroup(ctx, imagetest.AcmeOne, group, catalog.GroupUpdate{}))},
				{"plan", first(b.Plan(ctx, workbench.Deletion{Project: imagetest.AcmeOne, IDs: one}))},
				{"plan the group", first(b.Plan(ctx, workbench.Deletion{Project: imagetest.AcmeOne, Group: group}))},
				{"plan by a filter", first(b.Plan(ctx, workbench.Deletion{Project: imagetest.AcmeOne, Filter: &f}))},
				{"start a job", first(b.StartJob(ctx, workbench.Deletion{Project: imagetest.AcmeOne, IDs: one}))},
				{"protection", first(b.Protection(ctx, imagetest.AcmeOne, i.ID))},
			} {
				if got := outcome(did.err); (got == "") != tt.enters || got != "" && got != "denied: workspace" {
					t.Errorf("%s: %q, want allowed: %v", did.what, got, tt.enters)
				}
			}
			b.refused(ctx, t, ws, i, tt.enters)
			images, _, err := b.List(ctx, workbench.Filter{Project: imagetest.AcmeOne}, workbench.Order{}, catalog.Page{})
			if err != nil || len(images) != 0 {
				t.Errorf("the default workspace has %d images, %v", len(images), err)
			}
			_, _, err = b.Delete(ctx, imagetest.AcmeOne, i.ID, false)
			if got := outcome(err); (got == "") != tt.enters || got != "" && got != "denied: workspace" {
				t.Errorf("delete: %q, want allowed: %v", got, tt.enters)
			}
		})
	}
}

func (b *bench) refused(ctx context.Context, t *testing.T, ws string, i easel.Image, enters bool) {
	t.Helper()
	if enters {
		return
	}
	r := ask(easel.PrincipalFrom(ctx), "team/torch:2")
	r.Workspace = ws
	group := easel.GroupID(imagetest.AcmeOne, ws, "team", "torch")
	for what, err := range map[string]error{
		"register":         first(b.Register(ctx, r)),
		"sync":             first(b.Sync(ctx, imagetest.AcmeOne, i.ID)),
		"protect":          first(b.Protect(ctx, imagetest.AcmeOne, i.ID)),
		"delete the group": second(b.DeleteGroup(ctx, imagetest.AcmeOne, group, true)),
		"change it":        b.UpdateWorkspace(ctx, imagetest.AcmeOne, ws, catalog.WorkspaceChange{}),
		"delete it":        b.DeleteWorkspace(ctx, imagetest.AcmeOne, ws),
	} {
		if got := outcome(err); got != "denied: workspace" {
			t.Errorf("%s: %q, want denied", what, got)
		}
	}
}

func first[A any](_ A, err error) error          { return err }
func second[A, B any](_ A, _ B, err error) error { return err }

func names(found []easel.Workspace) string {
	list := ""
	for _, w := range found {
		list += w.Name + " "
	}
	return strings.TrimSpace(list)
}

func TestWorkspaceList(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, access := range map[string]string{"alpha": easel.Public, "beta_": easel.Private, "Alpine": easel.Private, "50%_": easel.Public} {
		_, err := b.CreateWorkspace(imagetest.As(t, b.Ann), easel.Workspace{Project: imagetest.AcmeOne, Name: name, Access: access})
		must(t, err)
	}
	all := catalog.Page{Limit: 1000}
	for _, tt := range []struct {
		who   easel.Principal
		q     workbench.WorkspaceQuery
		want  string
		total int
	}{
		{b.Ben, workbench.WorkspaceQuery{Page: all, Ascending: true}, "50%_ Alpine alpha beta_ default", 5},
		{b.Ben, workbench.WorkspaceQuery{Page: all}, "default beta_ alpha Alpine 50%_", 5},
		{b.Ben, workbench.WorkspaceQuery{Page: all, Ascending: true, Accessible: true}, "50%_ alpha default", 3},
		{b.Ann, workbench.WorkspaceQuery{Page: all, Ascending: true, Accessible: true}, "50%_ Alpine alpha beta_ default", 5},
		{b.Ben, workbench.WorkspaceQuery{Page: all, Ascending: true, Name: "alp"}, "Alpine alpha", 2},
		{b.Ben, workbench.WorkspaceQuery{Page: all, Name: "%"}, "50%_", 1},
		{b.Ben, workbench.WorkspaceQuery{Page: catalog.Page{Limit: 2, Offset: 1}, Ascending: true}, "Alpine alpha", 5},
		{b.Ben, workbench.WorkspaceQuery{Page: catalog.Page{Limit: 2, Offset: 9}}, "", 5},
	} {
		tt.q.Project = imagetest.AcmeOne
		found, total, err := b.Workspaces(imagetest.As(t, tt.who), tt.q)
		if got := names(found); err != nil || got != tt.want || total != tt.total {
			t.Errorf("%+v: %q of %d, %v; want %q of %d", tt.q, got, total, err, tt.want, tt.total)
		}
	}
	limited := b.Ben
	limited.Statements = []easel.Statement{{Deny: true, Actions: []string{"modelarts:*:*"}, Resources: []string{"modelarts:*:*:workspace:0"}}}
	found, _, err := b.Workspaces(imagetest.As(t, limited), workbench.WorkspaceQuery{Project: imagetest.AcmeOne, Page: all, Ascending: true})
	if got := names(found); err != nil || got != "50%_ Alpine alpha beta_" {
		t.Errorf("without the default one: %q, %v", got, err)
	}
}

// TestWorkspaceIsItsOwners: who may change a workspace that others may enter,
// and what nobody may.
func TestWorkspaceIsItsOwners(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ws, i := b.closed(t, easel.Public)
	_, _, err := b.Delete(imagetest.As(t, b.Ann), imagetest.AcmeOne, i.ID, true)
	must(t, err)
	name := "default"
	for _, tt := range []struct {
		what string
		err  error
		want string
	}{
		{"change by another", b.UpdateWorkspace(imagetest.As(t, b.Ben), imagetest.AcmeOne, ws, catalog.WorkspaceChange{}), "denied: workspace"},
		{"deletion by another", b.DeleteWorkspace(imagetest.As(t, b.Ben), imagetest.AcmeOne, ws), "denied: workspace"},
		{"the name of the default one", b.UpdateWorkspace(imagetest.As(t, b.Ann), imagetest.AcmeOne, ws, catalog.WorkspaceChange{Name: &name}), "already exists: workspace"},
		{"change of the default one", b.UpdateWorkspace(imagetest.As(t, b.Ann), imagetest.AcmeOne, "0", catalog.WorkspaceChange{}), "denied: default workspace"},
		{"deletion of the default one", b.DeleteWorkspace(imagetest.As(t, b.Ann), imagetest.AcmeOne, "0"), "denied: default workspace"},
		{"one of another project", b.DeleteWorkspace(imagetest.As(t, b.Cleo), imagetest.AcmeTwo, ws), "not found: workspace"},
		{"by nobody", b.DeleteWorkspace(t.Context(), imagetest.AcmeOne, ws), "unauthenticated"},
		{"no id", b.DeleteWorkspace(imagetest.As(t, b.Ann), imagetest.AcmeOne, "x"), "invalid: workspace"},
		{"by its owner", b.DeleteWorkspace(imagetest.As(t, b.Ann), imagetest.AcmeOne, ws), ""},
	} {
		if got := outcome(tt.err); got != tt.want && !(tt.want == "unauthenticated" && strings.HasPrefix(got, "not authenticated")) {
			t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
		}
	}
}

// TestFreeStaysOutOfClosedWorkspaces: who may delete all tags of a repository
// is not proposed the images of a workspace that it may not enter.
func TestFreeStaysOutOfClosedWorkspaces(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.closed(t, easel.Private)
	must(t, b.DB.AddGrants(t.Context(), b.Ann, catalog.GrantsOn{Org: "team"}, []catalog.Grant{{User: b.Ben.UserID, UserName: "ben", Level: 7}}))
	f, err := b.PlanFree(imagetest.As(t, b.Ben), imagetest.AcmeOne, 1)
	if err != nil || len(f.Items) != 0 {
		t.Errorf("proposed %+v, %v", f.Items, err)
	}
	if f, err = b.PlanFree(imagetest.As(t, b.Ann), imagetest.AcmeOne, 1); err != nil || len(f.Items) != 1 {
		t.Errorf("proposed to the owner %+v, %v", f.Items, err)
	}
}

// TestPublicImageInAClosedWorkspace: everybody may see it, unless a policy
// denies that, and nobody else changes it.
func TestPublicImageInAClosedWorkspace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ws, _ := b.closed(t, easel.Private)
	b.Push(t, b.Ann, "team/torch:public", "base", "public")
	r := ask(b.Ann, "team/torch:public")
	r.Workspace, r.Visibility = ws, easel.Public
	i, err := b.Register(imagetest.As(t, b.Ann), r)
	must(t, err)
	denied := b.Ben
	denied.Statements = []easel.Statement{{Deny: true, Actions: []string{"modelarts:image:get"}, Resources: []string{"modelarts:*:*:workspace:" + ws}}}
	for _, tt := range []struct {
		what string
		err  error
		want string
	}{
		{"shown", first(b.Show(imagetest.As(t, b.Ben), imagetest.AcmeOne, i.ID)), ""},
		{"shown in another account", first(b.Show(imagetest.As(t, b.Gus), imagetest.Globex, i.ID)), ""},
		{"denied", first(b.Show(imagetest.As(t, denied), imagetest.AcmeOne, i.ID)), "denied: workspace"},
		{"its protection", first(b.Protect(imagetest.As(t, b.Ben), imagetest.AcmeOne, i.ID)), "denied: workspace"},
		{"its deletion", second(b.DeleteAll(imagetest.As(t, b.Ben), workbench.Deletion{Project: imagetest.AcmeOne, IDs: []string{i.ID}})), "denied: workspace"},
	} {
		if got := outcome(tt.err); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.what, got, tt.want)
		}
	}
}

// TestJobInAClosedWorkspace: whose workspace it is not learns how far the job
// is, not what its images are, also when the workspace is gone.
func TestJobInAClosedWorkspace(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	ws, i := b.closed(t, easel.Private)
	open := b.have(t, b.Ann, "team/jax:1", easel.Private)
	job, err := b.StartJob(imagetest.As(t, b.Ann), workbench.Deletion{Project: imagetest.AcmeOne, IDs: []string{i.ID, open.ID}})
	must(t, err)
	for _, id := range []string{i.ID, open.ID} {
		_, _, err := b.Delete(imagetest.As(t, b.Ann), imagetest.AcmeOne, id, false)
		must(t, err)
	}
	admin := b.Cleo
	admin.ProjectID = imagetest.AcmeOne
	for _, gone := range []bool{false, true} {
		if gone {
			must(t, b.DeleteWorkspace(imagetest.As(t, b.Ann), imagetest.AcmeOne, ws))
		}
		for who, want := range map[string]int{"ann": 2, "cleo": 2, "ben": 1} {
			seen, images, err := b.JobImages(imagetest.As(t, map[string]easel.Principal{"ann": b.Ann, "ben": b.Ben, "cleo": admin}[who]), job.ID, 0, 10)
			if err != nil || len(images) != want || seen.Total != 2 || who == "ben" && images[0].Path != open.Path {
				t.Errorf("gone: %v, %s sees %+v of %d, %v; want %d", gone, who, images, seen.Total, err, want)
			}
		}
	}
}
