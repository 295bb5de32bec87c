package catalogtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

var workspaceTests = []test{
	{"WorkspaceIsMadeChangedAndDeleted", workspaceIsMadeChangedAndDeleted},
	{"WorkspaceRefuses", workspaceRefuses},
	{"WorkspaceWithImagesStays", workspaceWithImagesStays},
	{"WorkspacesAreBounded", workspacesAreBounded},
	{"ImagesOfAWorkspaceAreBounded", imagesOfAWorkspaceAreBounded},
	{"WorkspaceGoesDuringRegistration", workspaceGoesDuringRegistration},
	{"WorkspaceForgetsUsersThatAreGone", workspaceForgetsUsersThatAreGone},
}

// lab stores the project of ann and bob.
func (w *world) lab() {
	w.t.Helper()
	w.must(w.db.AddProject(w.t.Context(), catalog.Project{ID: w.ann.ProjectID, Domain: "lab", Name: "eu-de", Parent: "lab", Enabled: true}))
}

// workspace makes a workspace of ann that is open to the project.
func (w *world) workspace(name string) easel.Workspace {
	w.t.Helper()
	made, err := w.db.CreateWorkspace(w.t.Context(), w.ann, easel.Workspace{Project: w.ann.ProjectID, Name: name, Access: easel.Public})
	w.must(err)
	return made
}

// registerIn registers a tag in a workspace.
func (w *world) registerIn(ctx context.Context, workspace string, repo easel.Repo, tag easel.Tag) (easel.Image, error) {
	return w.db.RegisterImage(ctx, w.ann, catalog.Registration{Image: easel.Image{
		Project: w.ann.ProjectID, Workspace: workspace, Type: easel.Dedicated, Path: "host/" + string(repo) + ":" + string(tag),
		Repo: repo, Tag: tag, Name: repo.Name(), Visibility: easel.Private}})
}

func workspaceIsMadeChangedAndDeleted(t *testing.T, w *world) {
	w.lab()
	ctx, project := t.Context(), w.ann.ProjectID
	first, err := w.db.Workspaces(ctx, project)
	w.must(err)
	if len(first) != 1 || !first[0].Default() || first[0].Name != "default" || first[0].Access != easel.Public || first[0].OwnerName != "lab" {
		t.Errorf("a new project has the workspaces %+v, want the default one", first)
	}
	made, err := w.db.CreateWorkspace(ctx, w.ann, easel.Workspace{Project: project, Name: "vision", Description: "cameras", Access: easel.InternalAccess,
		Users: []easel.WorkspaceUser{{ID: "bob"}, {Name: "ann"}, {Name: "bob"}}})
	w.must(err)
	want := easel.Workspace{ID: made.ID, Project: project, Name: "vision", Description: "cameras", Access: easel.InternalAccess, OwnerID: "ann", OwnerName: "ann",
		Users: []easel.WorkspaceUser{{ID: "bob", Name: "bob"}, {ID: "ann", Name: "ann"}}, Bounded: w.clock(), Created: w.clock(), Updated: w.clock()}
	w.same("made", made, want)
	if id, err := easel.ParseWorkspaceID(made.ID); err != nil || id != made.ID {
		t.Errorf("the id %q: %v", made.ID, err)
	}
	shown, err := w.db.Workspace(ctx, project, made.ID)
	w.must(err)
	w.same("shown", shown, want)

	w.pass(time.Hour)
	name, access, users := "sight", easel.Private, []easel.WorkspaceUser{{Name: "ann"}}
	w.must(w.db.UpdateWorkspace(ctx, w.ann, project, made.ID, catalog.WorkspaceChange{Name: &name, Access: &access, Users: &users}))
	want.Name, want.Access, want.Users, want.Updated = name, access, []easel.WorkspaceUser{{ID: "ann", Name: "ann"}}, w.clock()
	w.pass(time.Hour)
	w.must(w.db.UpdateWorkspace(ctx, w.ann, project, made.ID, catalog.WorkspaceChange{Name: &name, Users: &users})) // the same again changes nothing
	shown, err = w.db.Workspace(ctx, project, made.ID)
	w.must(err)
	w.same("changed", shown, want)
	w.workspace("audio")
	all, err := w.db.Workspaces(ctx, project)
	w.must(err)
	names := ""
	for _, x := range all {
		names += x.Name + " "
	}
	if names != "audio default sight " {
		t.Errorf("workspaces %s", names)
	}
	w.must(w.db.DeleteWorkspace(ctx, w.ann, project, made.ID))
	_, err = w.db.Workspace(ctx, project, made.ID)
	w.wants(err, easel.NotFound, "workspace")
	records, err := w.db.Audit(ctx, catalog.AuditQuery{Domain: "lab", Limit: 10})
	w.must(err)
	got := ""
	for _, r := range records {
		if r.Resource == made.ID {
			got += r.Action + " "
		}
	}
	if got != "deleteWorkspace updateWorkspace createWorkspace " {
		t.Errorf("audit of the workspace: %s", got)
	}
}

func (w *world) same(what string, got, want easel.Workspace) {
	w.t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		w.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func workspaceRefuses(t *testing.T, w *world) {
	w.lab()
	ctx, project := t.Context(), w.ann.ProjectID
	vision, audio := w.workspace("vision"), w.workspace("audio")
	name, nobody := vision.Name, []easel.WorkspaceUser{{Name: "nobody"}}
	create := func(x easel.Workspace) error {
		x.Access = easel.Public
		_, err := w.db.CreateWorkspace(ctx, w.ann, x)
		return err
	}
	w.wants(create(easel.Workspace{Project: project, Name: "vision"}), easel.Exists, "workspace")
	w.wants(create(easel.Workspace{Project: "elsewhere", Name: "vision"}), easel.NotFound, "project")
	w.wants(create(easel.Workspace{Project: project, Name: "new1", Users: nobody}), easel.Invalid, "workspace user")
	w.wants(create(easel.Workspace{Project: project, Name: "new1", Users: []easel.WorkspaceUser{{ID: "eve"}}}), easel.Invalid, "workspace user") // of another account
	w.wants(create(easel.Workspace{Project: project, Name: "new1", Users: []easel.WorkspaceUser{{ID: "a\x00"}}}), easel.Invalid, "workspace user")
	w.wants(w.db.UpdateWorkspace(ctx, w.ann, project, audio.ID, catalog.WorkspaceChange{Name: &name}), easel.Exists, "workspace")
	w.wants(w.db.UpdateWorkspace(ctx, w.ann, project, audio.ID, catalog.WorkspaceChange{Users: &nobody}), easel.Invalid, "workspace user")
	for _, place := range [][2]string{{"elsewhere", audio.ID}, {project, easel.NewID()}, {project, easel.DefaultWorkspace}} {
		w.wants(w.db.UpdateWorkspace(ctx, w.ann, place[0], place[1], catalog.WorkspaceChange{Name: &name}), easel.NotFound, "workspace")
		w.wants(w.db.DeleteWorkspace(ctx, w.ann, place[0], place[1]), easel.NotFound, "workspace")
	}
	_, err := w.db.Workspace(ctx, "elsewhere", audio.ID)
	w.wants(err, easel.NotFound, "workspace")
	_, err = w.db.Workspace(ctx, project, "a\x00")
	w.wants(err, easel.NotFound, "workspace")
	w.push(w.ann, "team/a", "v1", "base")
	_, err = w.registerIn(ctx, easel.NewID(), "team/a", "v1")
	w.wants(err, easel.NotFound, "workspace")
	if all, err := w.db.Workspaces(ctx, project); err != nil || len(all) != 3 {
		t.Errorf("after what was refused: %d workspaces, %v", len(all), err)
	}
}

func workspaceWithImagesStays(t *testing.T, w *world) {
	w.lab()
	ctx, project := t.Context(), w.ann.ProjectID
	vision := w.workspace("vision")
	for _, tag := range []easel.Tag{"v1", "v2"} {
		w.push(w.ann, "team/a", tag, "base")
		_, err := w.registerIn(ctx, vision.ID, "team/a", tag)
		w.must(err)
	}
	w.wants(w.db.DeleteWorkspace(ctx, w.ann, project, vision.ID), easel.InUse, "workspace")
	_, _, err := w.db.DeleteImages(ctx, w.ann, catalog.ImageDeletion{Project: project, Group: easel.GroupID(project, vision.ID, "team", "a"), Force: true})
	w.must(err)
	w.must(w.db.DeleteWorkspace(ctx, w.ann, project, vision.ID))
}

func workspacesAreBounded(t *testing.T, w *world) {
	w.lab()
	var wg sync.WaitGroup
	errs := make([]error, catalog.MaxWorkspaces+8)
	for n := range errs {
		wg.Go(func() {
			_, errs[n] = w.db.CreateWorkspace(t.Context(), w.ann, easel.Workspace{Project: w.ann.ProjectID, Name: fmt.Sprint("space-", n), Access: easel.Public})
		})
	}
	wg.Wait()
	refused := 0
	for _, err := range errs {
		if err != nil {
			refused++
			w.wants(err, easel.Denied, "workspace quota")
		}
	}
	if refused != 8 {
		t.Errorf("%d of %d workspaces were refused, want 8", refused, len(errs))
	}
}

// imagesOfAWorkspaceAreBounded: also when many come at once, or are restored.
func imagesOfAWorkspaceAreBounded(t *testing.T, w *world) {
	w.lab()
	ctx, project := t.Context(), w.ann.ProjectID
	w.must(w.db.SetOrgUndo(ctx, w.ann, "team", catalog.Undo{Window: 48 * time.Hour}))
	vision := w.workspace("vision")
	w.pass(time.Hour)
	w.must(w.db.BoundWorkspace(ctx, w.ann, project, vision.ID, 3))
	shown, err := w.db.Workspace(ctx, project, vision.ID)
	w.must(err)
	vision.MaxImages, vision.Bounded = 3, w.clock()
	w.same("bounded", shown, vision)
	var wg sync.WaitGroup
	errs := make([]error, 8)
	images := make([]easel.Image, len(errs))
	for n := range errs {
		tag := easel.Tag(fmt.Sprint("v", n))
		w.push(w.ann, "team/a", tag, "base")
		wg.Go(func() { images[n], errs[n] = w.registerIn(ctx, vision.ID, "team/a", tag) })
	}
	wg.Wait()
	var there []string
	for n, err := range errs {
		if err == nil {
			there = append(there, images[n].ID)
			continue
		}
		w.wants(err, easel.Denied, "image quota")
	}
	if len(there) != 3 {
		t.Fatalf("%d images are in a workspace of at most 3", len(there))
	}
	_, out, err := w.db.DeleteImages(ctx, w.ann, catalog.ImageDeletion{Project: project, IDs: there[:1], Force: true})
	w.must(err)
	w.push(w.ann, "team/b", "v1", "base")
	_, err = w.registerIn(ctx, vision.ID, "team/b", "v1")
	w.must(err)
	_, err = w.db.Restore(ctx, w.ann, out.Receipt.ID, "")
	w.wants(err, easel.Denied, "image quota")
	w.must(w.db.BoundWorkspace(ctx, w.ann, project, vision.ID, 1)) // less than there is
	_, _, err = w.db.DeleteImages(ctx, w.ann, catalog.ImageDeletion{Project: project, IDs: there[1:2]})
	w.must(err)
	w.must(w.db.BoundWorkspace(ctx, w.ann, project, vision.ID, 0))
	_, err = w.db.Restore(ctx, w.ann, out.Receipt.ID, "")
	w.must(err)
	w.wants(w.db.BoundWorkspace(ctx, w.ann, project, easel.DefaultWorkspace, 1), easel.NotFound, "workspace")
	w.wants(w.db.BoundWorkspace(ctx, w.ann, "elsewhere", vision.ID, 1), easel.NotFound, "workspace")
}

// workspaceGoesDuringRegistration: whoever is later is told so, and no image
// is left in a workspace that is gone. settles looks for one.
func workspaceGoesDuringRegistration(t *testing.T, w *world) {
	w.lab()
	ctx, project := t.Context(), w.ann.ProjectID
	for n := range 20 {
		tag := easel.Tag(fmt.Sprint("v", n))
		w.push(w.ann, "team/a", tag, "base")
		vision := w.workspace(fmt.Sprint("vision-", n))
		var registered, deleted error
		var wg sync.WaitGroup
		wg.Go(func() { _, registered = w.registerIn(ctx, vision.ID, "team/a", tag) })
		wg.Go(func() { deleted = w.db.DeleteWorkspace(ctx, w.ann, project, vision.ID) })
		wg.Wait()
		switch {
		case registered == nil:
			w.wants(deleted, easel.InUse, "workspace")
		case deleted == nil:
			w.wants(registered, easel.NotFound, "workspace")
		default:
			t.Errorf("registration: %v, deletion: %v; want one of them done", registered, deleted)
		}
	}
}

func workspaceForgetsUsersThatAreGone(t *testing.T, w *world) {
	w.lab()
	ctx, project := t.Context(), w.ann.ProjectID
	made, err := w.db.CreateWorkspace(ctx, w.bob, easel.Workspace{Project: project, Name: "vision", Access: easel.InternalAccess, Users: []easel.WorkspaceUser{{ID: "ann"}, {ID: "bob"}}})
	w.must(err)
	w.must(w.db.AddAccount(ctx, catalog.Account{ID: "root", Name: "root", Admin: true, Enabled: true, Domain: catalog.Domain{ID: "lab"}}))
	w.must(w.db.DeleteAccount(ctx, w.ann, "lab", "bob", func(catalog.Account, []catalog.HeldRole) bool { return true }))
	shown, err := w.db.Workspace(ctx, project, made.ID)
	w.must(err)
	made.Users = []easel.WorkspaceUser{{ID: "ann", Name: "ann"}}
	w.same("afterwards", shown, made)
}
