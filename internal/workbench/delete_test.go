package workbench_test

import (
	gocmp "cmp"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

func TestDelete(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		force bool
		// before gets the image of ann, PRIVATE and ACTIVE, and returns who deletes which id.
		before func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string)
		want   string // the error
		// blocked is what the plan says instead of an error; planned the plan's error where it is another.
		blocked easel.BlockerKind
		planned string
		record  bool // the record is still there
		tag     bool // the tag is still there
		kept    string
	}{
		{name: "record only", tag: true},
		{name: "with content", force: true},
		{name: "tag gone before", before: untagged},
		{name: "tag gone before, forced", force: true, before: untagged},
		{name: "failed save", force: true, before: status(easel.ImageCreateFailed)},
		{name: "broken", force: true, before: status(easel.ImageError)},
		{name: "being saved", force: true, before: status(easel.ImageInit), want: "unavailable: image", blocked: easel.BlockedBySaving, record: true, tag: true},
		{name: "being created", before: status(easel.ImageCreating), want: "unavailable: image", blocked: easel.BlockedBySaving, record: true, tag: true},
		{name: "in use", before: inUse, want: "in use: image", blocked: easel.BlockedByUse, record: true, tag: true},
		{name: "in use, forced", force: true, before: inUse, want: "in use: image", blocked: easel.BlockedByUse, record: true, tag: true},
		{name: "in use comes before rights on content", force: true, want: "in use: image", planned: "denied: image", record: true, tag: true,
			before: func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
				inUse(t, b, i)
				return b.Ben, i.ID
			}},
		{name: "no rights on content", force: true, before: by("ben"), want: "denied: image", record: true, tag: true},
		{name: "no rights on content, none wanted", before: by("ben"), tag: true},
		{name: "no rights on content, none there", force: true, before: func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
			untagged(t, b, i)
			return b.Ben, i.ID
		}},
		{name: "no rights on content, others need it", force: true, tag: true, kept: "shared-tag", before: func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
			b.have(t, b.Cleo, "team/torch:1", easel.Private)
			return b.Ben, i.ID
		}},
		{name: "another record needs it", force: true, tag: true, kept: "shared-tag", before: func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
			b.have(t, b.Cleo, "team/torch:1", easel.Private)
			return b.Ann, i.ID
		}},
		{name: "another project", force: true, before: by("cleo"), want: "not found: image", record: true, tag: true},
		{name: "another domain", force: true, before: by("gus"), want: "not found: image", record: true, tag: true},
		{name: "unknown", force: true, want: "not found: image", record: true, tag: true,
			before: func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
				return b.Ann, "0b6c1f3e-7d5a-4b02-9f27-3a1de0c4a911"
			}},
		{name: "no UUID", want: "not found: image", record: true, tag: true,
			before: func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) { return b.Ann, i.ID + " " }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			i := b.have(t, b.Ann, "team/torch:1", easel.Private)
			who, id := b.Ann, i.ID
			if tt.before != nil {
				who, id = tt.before(t, b, i)
			}
			was, err := b.Show(imagetest.As(t, b.Ann), b.Ann.ProjectID, i.ID)
			must(t, err)
			ctx := imagetest.As(t, who)

			plan, planErr := b.Plan(ctx, workbench.Deletion{Project: who.ProjectID, IDs: []string{id}, Force: tt.force})
			gone, receipt, err := b.Delete(ctx, who.ProjectID, id, tt.force)

			if outcome(err) != tt.want {
				t.Errorf("deletion %q, want %q", outcome(err), tt.want)
			}
			if want := gocmp.Or(tt.planned, tt.want); tt.blocked == "" && outcome(planErr) != want {
				t.Errorf("plan %q, want %q", outcome(planErr), want)
			}
			if tt.blocked != "" && (planErr != nil || len(plan.Blockers) != 1 || plan.Blockers[0].Kind != tt.blocked || plan.Blockers[0].Subject != id || plan.Blockers[0].Message != err.Error()) {
				t.Errorf("plan has the blockers %+v, %v; want %s with the deletion's words: %v", plan.Blockers, planErr, tt.blocked, err)
			}
			if err == nil {
				was.Status = easel.ImageDeleted
				if diff := cmp.Diff(was, gone); diff != "" {
					t.Errorf("image (-as it was +answered):\n%s", diff)
				}
				if diff := cmp.Diff(plan.Receipt, receipt, cmpopts.IgnoreFields(easel.Receipt{}, "ID", "At")); diff != "" {
					t.Errorf("plan and receipt differ (-plan +receipt):\n%s", diff)
				}
			}
			if receipt.Kept != tt.kept {
				t.Errorf("kept %q, want %q", receipt.Kept, tt.kept)
			}
			if _, err := b.Show(imagetest.As(t, b.Ann), b.Ann.ProjectID, i.ID); (err == nil) != tt.record {
				t.Errorf("showing the record afterwards: %v, want it there: %v", err, tt.record)
			}
			if b.pushed("team/torch:1") != tt.tag {
				t.Errorf("the tag is there: %v, want %v", !tt.tag, tt.tag)
			}
		})
	}
}

func untagged(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
	b.Untag(t, b.Ann, "team/torch:1")
	return b.Ann, i.ID
}

func inUse(_ *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
	b.using[i.ID] = true
	return b.Ann, i.ID
}

func status(s easel.ImageStatus) func(*testing.T, *bench, easel.Image) (easel.Principal, string) {
	return func(t *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
		b.SetStatus(t, i.ID, s)
		return b.Ann, i.ID
	}
}

func by(name string) func(*testing.T, *bench, easel.Image) (easel.Principal, string) {
	return func(_ *testing.T, b *bench, i easel.Image) (easel.Principal, string) {
		return map[string]easel.Principal{"ben": b.Ben, "cleo": b.Cleo, "gus": b.Gus}[name], i.ID
	}
}

func TestDeletePublic(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	i := b.have(t, b.Ann, "team/public:1", easel.Public)
	if _, _, err := b.Delete(imagetest.As(t, b.Gus), imagetest.Globex, i.ID, true); outcome(err) != "denied: image" {
		t.Errorf("deletion by another project: %v, want Denied", err)
	}
	// Whoever may not delete tags may still remove the record: force is ignored.
	_, receipt, err := b.Delete(imagetest.As(t, b.Ben), imagetest.AcmeOne, i.ID, true)
	if err != nil || receipt.Kept != "public" || receipt.Freed != 0 || !b.pushed("team/public:1") {
		t.Errorf("forced deletion: %v, receipt %+v; want success, kept because public", err, receipt)
	}
}

func TestDeleteGroup(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	one := b.have(t, b.Ann, "team/torch:1", easel.Private)
	two := b.have(t, b.Ann, "team/torch:2", easel.Private)
	b.have(t, b.Ann, "team/torch:3", easel.Public)
	other := b.have(t, b.Ann, "team/jax:1", easel.Private)
	ctx, id := imagetest.As(t, b.Ann), easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")

	refused := func(what string, who easel.Principal, id, want string) {
		t.Helper()
		_, _, err := b.DeleteGroup(imagetest.As(t, who), who.ProjectID, id, true)
		if outcome(err) != want {
			t.Errorf("%s: %q (%v), want %q", what, outcome(err), err, want)
		}
		if n := len(list(t, b, b.Ann)); n != 4 || !b.pushed("team/torch:1") || !b.pushed("team/torch:2") {
			t.Errorf("%s: %d images are left, want all 4 and their tags", what, n)
		}
	}
	b.using[two.ID] = true
	refused("one is in use", b.Ann, id, "in use: image")
	b.using[two.ID] = false
	b.SetStatus(t, one.ID, easel.ImageCreating)
	refused("one is being saved", b.Ann, id, "unavailable: image")
	b.SetStatus(t, one.ID, easel.ImageActive)
	refused("no rights on content", b.Ben, id, "denied: image")
	refused("another project", b.Cleo, id, "not found: group")
	refused("no UUID", b.Ann, "torch", "not found: group")
	refused("an image's id", b.Ann, one.ID, "not found: group")

	g, receipt, err := b.DeleteGroup(ctx, imagetest.AcmeOne, id, true)
	must(t, err)
	if g.Versions != 3 || g.ID != id || len(receipt.Images) != 3 || receipt.Kept != "public" || receipt.Freed == 0 || receipt.Shared == 0 {
		t.Errorf("group %+v, receipt %+v; want 3 versions, bytes freed, and the public one kept", g, receipt)
	}
	if b.pushed("team/torch:1") || b.pushed("team/torch:2") || !b.pushed("team/torch:3") || !b.pushed("team/jax:1") {
		t.Error("want the private versions gone, the public one and the other group there")
	}
	if left := list(t, b, b.Ann); len(left) != 1 || left[0].ID != other.ID {
		t.Errorf("left: %+v, want the image of the other group", left)
	}
	if _, _, err := b.DeleteGroup(ctx, imagetest.AcmeOne, id, true); outcome(err) != "not found: group" {
		t.Errorf("again: %v, want NotFound", err)
	}
}

func TestBuiltinsCannotBeChanged(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	must(t, b.DB.PutBuiltins(t.Context(), []easel.Image{{Path: "registry.test/stock/base:1", Repo: "stock/base", Tag: "1", Name: "base", Status: easel.ImageActive}}))
	for _, who := range []easel.Principal{b.Ann, b.Gus} {
		ctx, project := imagetest.As(t, who), who.ProjectID
		stock := list(t, b, who)[0]
		if i, err := b.Show(ctx, project, stock.ID); err != nil || i.Name != "base" {
			t.Errorf("show: %+v, %v", i, err)
		}
		groups, _, err := b.Groups(ctx, workbench.Filter{Project: project, Type: easel.BuildIn}, catalog.Page{})
		must(t, err)
		_, _, deleteErr := b.Delete(ctx, project, stock.ID, true)
		_, _, groupErr := b.DeleteGroup(ctx, project, groups[0].ID, true)
		_, updateErr := b.UpdateGroup(ctx, project, groups[0].ID, catalog.GroupUpdate{})
		if outcome(deleteErr) != "denied: image" || outcome(groupErr) != "denied: group" || outcome(updateErr) != "denied: group" {
			t.Errorf("delete %v, delete group %v, update group %v; want all denied", deleteErr, groupErr, updateErr)
		}
	}
}

// TestIsolation asks every operation for things of another project.
func TestIsolation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	private := b.have(t, b.Ann, "team/private:1", easel.Private)
	public := b.have(t, b.Ann, "team/public:1", easel.Public)
	group := easel.GroupID(imagetest.AcmeOne, "0", "team", "private")
	for _, who := range []easel.Principal{b.Cleo, b.Gus} {
		ctx, project := imagetest.As(t, who), who.ProjectID
		one := func(_ any, err error) error { return err }
		two := func(_, _ any, err error) error { return err }
		for _, tt := range []struct {
			name string
			err  error
			want string
		}{
			{"show private", one(b.Show(ctx, project, private.ID)), "not found: image"},
			{"show public", one(b.Show(ctx, project, public.ID)), ""},
			{"sync private", one(b.Sync(ctx, project, private.ID)), "not found: image"},
			{"sync public", one(b.Sync(ctx, project, public.ID)), "denied: image"},
			{"delete private", two(b.Delete(ctx, project, private.ID, true)), "not found: image"},
			{"delete public", two(b.Delete(ctx, project, public.ID, true)), "denied: image"},
			{"delete with others", two(b.DeleteAll(ctx, workbench.Deletion{Project: project, IDs: []string{private.ID}})), "not found: image"},
			{"plan private", one(b.Plan(ctx, workbench.Deletion{Project: project, IDs: []string{private.ID}})), "not found: image"},
			{"plan group", one(b.Plan(ctx, workbench.Deletion{Project: project, Group: group})), "not found: group"},
			{"update group", one(b.UpdateGroup(ctx, project, group, catalog.GroupUpdate{})), "not found: group"},
			{"delete group", two(b.DeleteGroup(ctx, project, group, true)), "not found: group"},
			{"list of the other project", two(b.List(ctx, workbench.Filter{Project: imagetest.AcmeOne}, workbench.Order{}, catalog.Page{})), "denied: project"},
			{"groups of the other project", two(b.Groups(ctx, workbench.Filter{Project: imagetest.AcmeOne}, catalog.Page{})), "denied: project"},
			{"show under the other project", one(b.Show(ctx, imagetest.AcmeOne, private.ID)), "denied: project"},
			{"delete under the other project", two(b.Delete(ctx, imagetest.AcmeOne, private.ID, true)), "denied: project"},
		} {
			if got := outcome(tt.err); got != tt.want {
				t.Errorf("%s by %s: %q, want %q", tt.name, who.UserName, got, tt.want)
			}
		}
		if images := list(t, b, who); len(images) != 0 {
			t.Errorf("%s lists %+v, want nothing", who.UserName, images)
		}
		groups, total, err := b.Groups(ctx, workbench.Filter{Project: project}, catalog.Page{})
		if err != nil || total != 0 || len(groups) != 0 {
			t.Errorf("%s lists groups %+v, %v, want none", who.UserName, groups, err)
		}
	}
	if images := list(t, b, b.Ann); len(images) != 2 {
		t.Errorf("the owner has %d images, want 2", len(images))
	}
}
