package catalog

import (
	"context"
	"errors"
	"slices"

	"easel"
)

// ImageDeletion says which image records of a project go.
type ImageDeletion struct {
	Project string
	IDs     []string // these, or
	Group   string   // all images of the group
	Force   bool     // with the content of their tags, as far as nothing else needs it
	InUse   Guard    // may be nil
	Step    *JobStep // of a job, or nil: its result is recorded with the deletion
	Refusal error    // what a deletion by force answers if content would go: the caller may not delete tags there
}

// DeleteImages removes image records and, when forced, the content of their
// tags: all or nothing. It returns the images as they were. Errors: NotFound
// "image" or "group"; Denied "image" for built-ins and for public images of
// other projects; Unavailable "image" for one that is being saved; InUse;
// d.Refusal.
func (db *DB) DeleteImages(ctx context.Context, who easel.Principal, d ImageDeletion) (images []easel.Image, out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		images, out, err = t.deleteImages(who, d)
		return err
	})
	return images, out, err
}

// PlanImages does what DeleteImages does and rolls it back, so that the two
// cannot disagree. Its errors are those of the deletion, but for what is among
// the plan's blockers.
func (db *DB) PlanImages(ctx context.Context, who easel.Principal, d ImageDeletion) (easel.Plan, error) {
	var out Removed
	err := db.plan(ctx, func(t *tx) (err error) {
		_, out, err = t.deleteImages(who, d)
		return err
	})
	return out.asPlan(), err
}

func (t *tx) deleteImages(who easel.Principal, d ImageDeletion) ([]easel.Image, Removed, error) {
	var out Removed
	images, err := t.imagesOf(d)
	if err != nil {
		return nil, out, err
	}
	removals, err := t.lockReposOf(images)
	if err != nil {
		return nil, out, err
	}
	if images, err = t.imagesOf(d); err != nil { // only what is read under the locks counts
		return nil, out, err
	}
	if images, err = t.deletable(images, d.Project); err != nil {
		return nil, out, err
	}
	if err := t.ask(d.InUse, images); err != nil {
		return nil, out, err
	}
	if d.Force {
		for _, r := range removals {
			if err := t.undoOf(r); err != nil {
				return nil, out, err
			}
		}
		if err := t.imagesToTrash(images, removals); err != nil {
			return nil, out, err
		}
	}
	if err := t.dropImages(images, &out); err != nil {
		return nil, out, err
	}
	if !d.Force {
		if err := t.leaveBehind(images, removals); err != nil {
			return nil, out, err
		}
	}
	if d.Force {
		if err := t.dropContent(images, removals, &out); err != nil {
			return nil, out, err
		}
		if d.Refusal != nil && len(out.Receipt.Tags) > 0 {
			return nil, out, d.Refusal
		}
	}
	action, resource := "deleteNotebookImageGroup", d.Group
	if d.Group == "" {
		action, resource = "deleteNotebookImage", slices.Min(d.IDs)
	}
	rs := make([]*removal, 0, len(removals))
	for _, r := range removals {
		rs = append(rs, r)
	}
	if err := t.unlink(who, action, resource, rs, &out); err != nil {
		return nil, out, err
	}
	return images, out, t.jobDone(d.Step, JobImage{State: "deleted", Receipt: out.Receipt.ID, Freed: out.Receipt.Freed})
}

// imagesOf reads the records that d names, each of which must exist.
func (t *tx) imagesOf(d ImageDeletion) (images []easel.Image, err error) {
	if d.Group != "" {
		images, err = all(t, scanImage, `SELECT `+imageColumns+` FROM image WHERE image.grp = $1 AND image.project = $2 ORDER BY image.id`, d.Group, d.Project)
		if err == nil && len(images) == 0 {
			err = easel.E(easel.NotFound, "group", "image group %.64q was not found", d.Group)
		}
		return images, err
	}
	ids := slices.Compact(slices.Sorted(slices.Values(d.IDs)))
	err = chunks(ids, func(ids []string) error {
		var a args
		some, err := all(t, scanImage, `SELECT `+imageColumns+` FROM image WHERE image.id IN (`+addAll(&a, ids)+`) ORDER BY image.id`, a...)
		images = append(images, some...)
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		if !slices.ContainsFunc(images, func(i easel.Image) bool { return i.ID == id }) {
			return nil, errNoImage(id)
		}
	}
	if len(images) == 0 {
		return nil, easel.E(easel.Invalid, "image", "no image is named")
	}
	return images, nil
}

func errNoImage(id string) error {
	return easel.E(easel.NotFound, "image", "image %.64q was not found", id)
}

// deletable returns those of images that the project may delete, in the order
// of checks of images.md operation E: visibility, then ownership, then state.
// A plan is left without those that are not the project's.
func (t *tx) deletable(images []easel.Image, project string) ([]easel.Image, error) {
	own := make([]easel.Image, 0, len(images))
	for _, i := range images {
		var err error
		switch {
		case i.Type == easel.BuildIn:
			err = easel.E(easel.Denied, "image", "image %s is built in and cannot be deleted", i.ID).Blocked(easel.BlockedByBuiltin, i.ID, "")
		case i.Project != project && i.Visibility == easel.Public:
			err = easel.E(easel.Denied, "image", "image %s belongs to another project", i.ID).Blocked(easel.BlockedByProject, i.ID, "")
		case i.Project != project:
			err = errNoImage(i.ID)
		case i.Status == easel.ImageInit || i.Status == easel.ImageCreating:
			err = easel.E(easel.Unavailable, "image", "image %s is being saved; delete it when that has ended", i.ID).Blocked(easel.BlockedBySaving, i.ID, "")
		default:
			err = errProtected(i, i.ID)
		}
		if err = t.refuse(err); err != nil {
			return nil, err
		}
		if i.Project == project {
			own = append(own, i)
		}
	}
	return own, nil
}

// ask asks the guard about images that go. A plan asks about one after the
// other, to learn of all that are needed.
func (t *tx) ask(guard Guard, images []easel.Image) error {
	if guard == nil || len(images) == 0 {
		return nil
	}
	if !t.planning {
		return guard(t.ctx, images)
	}
	for _, i := range images {
		if err := t.refuse(subject(guard(t.ctx, []easel.Image{i}), i.ID)); err != nil {
			return err
		}
	}
	return nil
}

// subject names the image that a guard's error is about.
func subject(err error, image string) error {
	if e := (*easel.Error)(nil); errors.As(err, &e) {
		if b, ok := e.Blocker(); ok && b.Subject == "" {
			return e.Blocked(b.Kind, image, b.Holder)
		}
	}
	return err
}

// lockReposOf locks the repositories that exist, in id order, and returns a
// removal for each.
func (t *tx) lockReposOf(images []easel.Image) (map[easel.Repo]*removal, error) {
	found := map[easel.Repo]*removal{}
	var ids []int64
	for _, i := range images {
		if found[i.Repo] != nil {
			continue
		}
		var id int64
		ok, err := t.get([]any{&id}, `SELECT id FROM repo WHERE name = $1`, string(i.Repo))
		if err != nil {
			return nil, err
		}
		if ok {
			found[i.Repo] = newRemoval(id, i.Repo)
			ids = append(ids, id)
		}
	}
	return found, t.lockRepos(ids...)
}

// dropImages deletes records, counts them off, and deletes groups that have no
// images left.
func (t *tx) dropImages(images []easel.Image, out *Removed) error {
	ids := make([]string, len(images))
	for n, i := range images {
		ids[n] = i.ID
		out.Receipt.Images = append(out.Receipt.Images, easel.ReceiptItem{ID: i.ID, Path: i.Path})
	}
	err := chunks(ids, func(ids []string) error {
		var a args
		n, err := t.exec(`DELETE FROM image WHERE id IN (`+addAll(&a, ids)+`)`, a...)
		if err == nil && n != int64(len(ids)) { // another deletion was faster
			err = errNoImage(ids[0])
		}
		return err
	})
	if err != nil {
		return err
	}
	for _, i := range images {
		t.counts.add(i, -1, 0)
	}
	return t.leaveGroups(images)
}

// dropContent removes the tags of private images, unless another live record
// names the same tag. A tag that is not there is success.
func (t *tx) dropContent(images []easel.Image, removals map[easel.Repo]*removal, out *Removed) error {
	for _, i := range images {
		if i.Visibility == easel.Public {
			out.Receipt.Kept = "public"
			continue
		}
		r := removals[i.Repo]
		if r == nil {
			continue
		}
		var others int
		if _, err := t.get([]any{&others}, `SELECT count(*) FROM image WHERE repo = $1 AND tag = $2`, string(i.Repo), string(i.Tag)); err != nil {
			return err
		}
		if others > 0 {
			out.Receipt.Kept, out.Receipt.KeptFor = "shared-tag", out.Receipt.KeptFor+others
			named, err := all(t, column[int64], `SELECT manifest FROM tag WHERE repo = $1 AND name = $2`, r.repo, string(i.Tag))
			if err != nil {
				return err
			}
			r.candidates = append(r.candidates, named...) // its tag keeps it; the receipt counts it
			continue
		}
		if _, err := t.dropTag(r, i.Tag, &out.Receipt); err != nil {
			return err
		}
	}
	return nil
}

// breakImages settles the records of tags that were deleted by another route
// than their image: built-in and guarded ones refuse the deletion, the others
// become ERROR. A record that is being saved belongs to its save.
func (t *tx) breakImages(repo easel.Repo, tags []easel.Tag, guard Guard, out *easel.Receipt) error {
	return chunks(tags, func(tags []easel.Tag) error {
		a := args{string(repo)}
		images, err := all(t, scanImage, `SELECT `+imageColumns+` FROM image WHERE image.repo = $1 AND image.tag IN (`+addAll(&a, tags)+`) ORDER BY image.id`, a...)
		if err != nil || len(images) == 0 {
			return err
		}
		var ids []string
		for _, i := range images {
			if i.Type == easel.BuildIn {
				err := easel.E(easel.InUse, "tag", "%s:%s is the content of the built-in image %s", repo, i.Tag, i.Name)
				if err := t.refuse(err.Blocked(easel.BlockedByBuiltin, string(repo)+":"+string(i.Tag), i.ID)); err != nil {
					return err
				}
			}
			if err := t.refuse(errProtected(i, string(repo)+":"+string(i.Tag))); err != nil {
				return err
			}
			if i.Status == easel.ImageActive {
				ids = append(ids, i.ID)
				out.Broken = append(out.Broken, i.ID)
			}
		}
		if err := t.ask(guard, images); err != nil {
			return err
		}
		if len(ids) == 0 {
			return nil
		}
		a = args{t.now - t.now%1000}
		_, err = t.exec(`UPDATE image SET status = 'ERROR', status_message = 'the tag was deleted from the registry', updated = $1 WHERE id IN (`+addAll(&a, ids)+`)`, a...)
		if err != nil {
			return err
		}
		return t.groupsChanged(t.now-t.now%1000, ids...)
	})
}
