package catalog

import (
	"context"

	"easel"
)

// Guard is asked inside the deleting transaction, after the locks, whether
// something outside the catalogue needs these images: it returns an InUse
// error that names what does. A nil Guard lets everything go.
type Guard func(ctx context.Context, images []easel.Image) error

// deletion is one of something in one repository: drop says in the removal
// what shall go, and the deletion, recorded as action on resource, takes it and
// whatever only that needed.
type deletion struct {
	repo             easel.Repo
	action, resource string
	drop             func(*tx, *removal, *easel.Receipt) error
}

// run makes d one transaction, under the repository's lock, of do: that is
// update, or plan.
func (d deletion) run(ctx context.Context, do func(context.Context, func(*tx) error) error, who easel.Principal) (out Removed, err error) {
	err = do(ctx, func(t *tx) error {
		out = Removed{}
		id, err := t.repoID(d.repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(id); err != nil {
			return err
		}
		r := newRemoval(id, d.repo)
		if err := t.undoOf(r); err != nil {
			return err
		}
		if err := d.drop(t, r, &out.Receipt); err != nil {
			return err
		}
		if err := t.unlink(who, d.action, d.resource, []*removal{r}, &out); err != nil || !r.whole {
			return err
		}
		if _, err = t.exec(`DELETE FROM repo WHERE id = $1`, id); err != nil {
			return err
		}
		return t.closeLedger(string(d.repo))
	})
	return out, err
}

// DeleteTag removes a tag and, with it, its manifest when nothing else needs
// that. Image records that name the tag become ERROR. Errors: NotFound
// "repository" or "tag"; InUse when a built-in or guarded image names it.
func (db *DB) DeleteTag(ctx context.Context, who easel.Principal, repo easel.Repo, tag easel.Tag, guard Guard) (Removed, error) {
	return tagDeletion(repo, tag, guard).run(ctx, db.update, who)
}

func tagDeletion(repo easel.Repo, tag easel.Tag, guard Guard) deletion {
	return deletion{repo, "deleteImageTag", string(repo) + ":" + string(tag), func(t *tx, r *removal, out *easel.Receipt) error {
		found, err := t.dropTag(r, tag, out)
		if err != nil {
			return err
		}
		if !found {
			return easel.E(easel.NotFound, "tag", "the repository %s has no tag %s", repo, tag)
		}
		return t.breakImages(repo, []easel.Tag{tag}, guard, out)
	}}
}

// dropTag deletes a tag, which must not be immutable, and makes its manifest a candidate.
func (t *tx) dropTag(r *removal, tag easel.Tag, out *easel.Receipt) (found bool, err error) {
	dropped, err := all(t, scanDroppedTag, `DELETE FROM tag WHERE repo = $1 AND name = $2 RETURNING name, manifest, created`, r.repo, string(tag))
	if err != nil || len(dropped) == 0 {
		return false, err
	}
	r.tags = append(r.tags, dropped...)
	r.candidates = append(r.candidates, dropped[0].manifest)
	out.Tags = append(out.Tags, string(r.name)+":"+string(tag))
	return true, t.tagsMayGo(r, tag)
}

// DeleteManifest removes a manifest with all its tags, whatever subject it
// has. The caller's own pins on it end; another user's keeps it readable by
// digest until that pin ends (Receipt.Condemned). Errors: NotFound
// "repository" or "manifest"; InUse when an index, a built-in or a guarded
// image names it.
func (db *DB) DeleteManifest(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest, guard Guard) (Removed, error) {
	return manifestDeletion(who, repo, digest, guard).run(ctx, db.update, who)
}

func manifestDeletion(who easel.Principal, repo easel.Repo, digest easel.Digest, guard Guard) deletion {
	return deletion{repo, "deleteManifest", string(repo) + "@" + string(digest), func(t *tx, r *removal, out *easel.Receipt) error {
		_, _, id, err := t.manifest(repo, easel.Ref{Digest: digest})
		if err != nil {
			return err
		}
		var parent string
		named, err := t.get([]any{&parent}, `
			SELECT m.digest FROM child c JOIN manifest m ON m.id = c.parent WHERE c.repo = CAST($1 AS BIGINT) AND c.child = CAST($2 AS BIGINT) LIMIT 1`, r.repo, id)
		if err != nil {
			return err
		}
		if named {
			err := easel.E(easel.InUse, "manifest", "the index %s names this manifest: delete the index first", parent)
			if err := t.refuse(err.Blocked(easel.BlockedByIndex, string(repo)+"@"+string(digest), parent)); err != nil {
				return err
			}
			if _, err := t.exec(`DELETE FROM child WHERE repo = $1 AND child = $2`, r.repo, id); err != nil { // a plan goes on
				return err
			}
		}
		if _, err := t.exec(`DELETE FROM mpin WHERE repo = $1 AND manifest = $2 AND owner = $3`, r.repo, id, who.UserID); err != nil {
			return err
		}
		r.candidates, r.insisted[id] = []int64{id}, true
		tags, err := all(t, scanDroppedTag, `DELETE FROM tag WHERE repo = $1 AND manifest = $2 RETURNING name, manifest, created`, r.repo, id)
		if err != nil {
			return err
		}
		return t.tagsGone(r, tags, guard, out)
	}}
}

// tagsGone records tags that were deleted, and settles the image records that
// name them.
func (t *tx) tagsGone(r *removal, dropped []droppedTag, guard Guard, out *easel.Receipt) error {
	tags := make([]easel.Tag, len(dropped))
	for n, d := range dropped {
		tags[n] = d.name
		out.Tags = append(out.Tags, string(r.name)+":"+string(d.name))
	}
	r.tags = append(r.tags, dropped...)
	if err := t.tagsMayGo(r, tags...); err != nil {
		return err
	}
	return t.breakImages(r.name, tags, guard, out)
}

// DeleteBlob removes a blob from a repository; the caller's own pins on it
// end. Errors: NotFound "repository" or "blob"; InUse when a manifest names it
// or another user's pin holds it.
func (db *DB) DeleteBlob(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest) (Removed, error) {
	d := deletion{repo, "deleteBlob", string(repo) + "@" + string(digest), func(t *tx, r *removal, _ *easel.Receipt) error {
		b, err := t.linkedBlob(repo, digest)
		if err != nil {
			return err
		}
		if err := t.lockBlobs([]int64{b.id}); err != nil {
			return err
		}
		var manifest string
		named, err := t.get([]any{&manifest}, `
			SELECT m.digest FROM ref f JOIN manifest m ON m.id = f.manifest WHERE f.repo = $1 AND f.blob = $2 LIMIT 1`, r.repo, b.id)
		if err != nil {
			return err
		}
		if named {
			return easel.E(easel.InUse, "blob", "the manifest %s names this blob: delete the manifest, and the blob goes with it", manifest)
		}
		if _, err := t.exec(`DELETE FROM pin WHERE repo = $1 AND blob = $2 AND owner = $3`, r.repo, b.id, who.UserID); err != nil {
			return err
		}
		var until int64
		held, err := t.get([]any{&until}, `
			SELECT until FROM pin WHERE repo = $1 AND blob = $2 AND until > $3 AND owner <> $4 ORDER BY until DESC LIMIT 1`, r.repo, b.id, t.now, who.UserID)
		if err != nil {
			return err
		}
		if held {
			return easel.E(easel.InUse, "blob", "another user's push holds this blob until %s", fromMicros(until).Format("15:04:05Z"))
		}
		r.blobs[b.id] = true
		return nil
	}}
	return d.run(ctx, db.update, who)
}

// DeleteRepo removes a repository with everything in it. The caller's own
// pins there end. Errors: NotFound "repository"; InUse when a push of another
// user holds something in it, or a built-in or guarded image names a tag of it.
func (db *DB) DeleteRepo(ctx context.Context, who easel.Principal, repo easel.Repo, guard Guard) (Removed, error) {
	return repoDeletion(who, repo, guard).run(ctx, db.update, who)
}

func repoDeletion(who easel.Principal, repo easel.Repo, guard Guard) deletion {
	return deletion{repo, "deleteImageRepository", string(repo), func(t *tx, r *removal, out *easel.Receipt) error {
		if err := t.endPins(who, r.repo, repo); err != nil {
			return err
		}
		r.whole = true
		return t.takeAll(r, guard, out)
	}}
}

// PlanContent does what DeleteTag, DeleteManifest or, for the zero Ref,
// DeleteRepo does and rolls it back. Its errors are theirs, but for InUse: that is
// among the plan's blockers.
func (db *DB) PlanContent(ctx context.Context, who easel.Principal, repo easel.Repo, ref easel.Ref, guard Guard) (easel.Plan, error) {
	d := repoDeletion(who, repo, guard)
	switch {
	case ref.Tag != "":
		d = tagDeletion(repo, ref.Tag, guard)
	case ref.Digest != "":
		d = manifestDeletion(who, repo, ref.Digest, guard)
	}
	planned, err := d.run(ctx, db.plan, who)
	return planned.asPlan(), err
}

// endPins ends who's own pins in a repository, and refuses while another
// user has a live one.
func (t *tx) endPins(who easel.Principal, repo int64, name easel.Repo) error {
	for _, table := range []string{"pin", "mpin"} {
		if _, err := t.exec(`DELETE FROM `+table+` WHERE repo = $1 AND (owner = $2 OR until <= $3)`, repo, who.UserID, t.now); err != nil {
			return err
		}
	}
	var until int64
	held, err := t.get([]any{&until}, `
		SELECT until FROM (SELECT until, owner FROM pin WHERE repo = $1 UNION ALL SELECT until, owner FROM mpin WHERE repo = $1) p
		WHERE owner <> $2 ORDER BY until DESC LIMIT 1`, repo, who.UserID)
	if err != nil || !held {
		return err
	}
	refusal := easel.E(easel.InUse, "repository", "another user is pushing to %s: what the push was told is there is held until %s; try again then", name, fromMicros(until).Format("15:04:05Z"))
	if err := t.refuse(refusal.Blocked(easel.BlockedByPin, string(name), "")); err != nil {
		return err
	}
	for _, table := range []string{"pin", "mpin"} { // a plan goes on
		if _, err := t.exec(`DELETE FROM `+table+` WHERE repo = $1`, repo); err != nil {
			return err
		}
	}
	return nil
}

// takeAll makes every tag, manifest and blob of a repository go.
func (t *tx) takeAll(r *removal, guard Guard, out *easel.Receipt) error {
	tags, err := all(t, scanDroppedTag, `DELETE FROM tag WHERE repo = $1 RETURNING name, manifest, created`, r.repo)
	if err != nil {
		return err
	}
	if err := t.tagsGone(r, tags, guard, out); err != nil {
		return err
	}
	if r.candidates, err = all(t, column[int64], `SELECT id FROM manifest WHERE repo = $1 ORDER BY id`, r.repo); err != nil {
		return err
	}
	for _, id := range r.candidates {
		r.insisted[id] = true
	}
	links, err := all(t, column[int64], `SELECT blob FROM link WHERE repo = $1`, r.repo)
	for _, b := range links {
		r.blobs[b] = true
	}
	return err
}
