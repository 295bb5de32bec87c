package catalog

import (
	"context"

	"easel"
)

// Guard is asked inside the deleting transaction, after the locks, whether
// something outside the catalogue needs these images: it returns an InUse
// error that names what does. A nil Guard lets everything go.
type Guard func(ctx context.Context, images []easel.Image) error

// DeleteTag removes a tag and, with it, its manifest when nothing else needs
// that. Image records that name the tag become ERROR. Errors: NotFound
// "repository" or "tag"; InUse when a built-in or guarded image names it.
func (db *DB) DeleteTag(ctx context.Context, who easel.Principal, repo easel.Repo, tag easel.Tag, guard Guard) (out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		out = Removed{}
		id, err := t.repoID(repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(id); err != nil {
			return err
		}
		r := newRemoval(id, repo)
		found, err := t.dropTag(r, tag, &out)
		if err != nil {
			return err
		}
		if !found {
			return easel.E(easel.NotFound, "tag", "the repository %s has no tag %s", repo, tag)
		}
		if err := t.breakImages(repo, []easel.Tag{tag}, guard, &out); err != nil {
			return err
		}
		return t.unlink(who, "deleteImageTag", string(repo)+":"+string(tag), []*removal{r}, &out)
	})
	return out, err
}

// dropTag deletes a tag and makes its manifest a candidate.
func (t *tx) dropTag(r *removal, tag easel.Tag, out *Removed) (found bool, err error) {
	manifests, err := all(t, column[int64], `DELETE FROM tag WHERE repo = $1 AND name = $2 RETURNING manifest`, r.repo, string(tag))
	if err != nil || len(manifests) == 0 {
		return false, err
	}
	r.candidates = append(r.candidates, manifests...)
	out.Receipt.Tags = append(out.Receipt.Tags, string(r.name)+":"+string(tag))
	return true, nil
}

// DeleteManifest removes a manifest with all its tags, whatever subject it
// has. The caller's own pins on it end; another user's keeps it readable by
// digest until that pin ends (Receipt.Condemned). Errors: NotFound
// "repository" or "manifest"; InUse when an index, a built-in or a guarded
// image names it.
func (db *DB) DeleteManifest(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest, guard Guard) (out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		out = Removed{}
		repoID, err := t.repoID(repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(repoID); err != nil {
			return err
		}
		_, _, id, err := t.manifest(repo, easel.Ref{Digest: digest})
		if err != nil {
			return err
		}
		var parent string
		if ok, err := t.get([]any{&parent}, `
			SELECT m.digest FROM child c JOIN manifest m ON m.id = c.parent WHERE c.repo = $1 AND c.child = $2 LIMIT 1`, repoID, id); err != nil {
			return err
		} else if ok {
			return easel.E(easel.InUse, "manifest", "the index %s names this manifest: delete the index first", parent)
		}
		if _, err := t.exec(`DELETE FROM mpin WHERE repo = $1 AND manifest = $2 AND owner = $3`, repoID, id, who.UserID); err != nil {
			return err
		}
		r := newRemoval(repoID, repo)
		r.candidates, r.insisted[id] = []int64{id}, true
		tags, err := all(t, column[easel.Tag], `DELETE FROM tag WHERE repo = $1 AND manifest = $2 RETURNING name`, repoID, id)
		if err != nil {
			return err
		}
		for _, tag := range tags {
			out.Receipt.Tags = append(out.Receipt.Tags, string(repo)+":"+string(tag))
		}
		if err := t.breakImages(repo, tags, guard, &out); err != nil {
			return err
		}
		return t.unlink(who, "deleteManifest", string(repo)+"@"+string(digest), []*removal{r}, &out)
	})
	return out, err
}

// DeleteBlob removes a blob from a repository; the caller's own pins on it
// end. Errors: NotFound "repository" or "blob"; InUse when a manifest names it
// or another user's pin holds it.
func (db *DB) DeleteBlob(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest) (out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		out = Removed{}
		repoID, err := t.repoID(repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(repoID); err != nil {
			return err
		}
		b, err := t.linkedBlob(repo, digest)
		if err != nil {
			return err
		}
		if err := t.lockBlobs([]int64{b.id}); err != nil {
			return err
		}
		var manifest string
		if ok, err := t.get([]any{&manifest}, `
			SELECT m.digest FROM ref f JOIN manifest m ON m.id = f.manifest WHERE f.repo = $1 AND f.blob = $2 LIMIT 1`, repoID, b.id); err != nil {
			return err
		} else if ok {
			return easel.E(easel.InUse, "blob", "the manifest %s names this blob: delete the manifest, and the blob goes with it", manifest)
		}
		if _, err := t.exec(`DELETE FROM pin WHERE repo = $1 AND blob = $2 AND owner = $3`, repoID, b.id, who.UserID); err != nil {
			return err
		}
		var until int64
		if ok, err := t.get([]any{&until}, `SELECT until FROM pin WHERE repo = $1 AND blob = $2 AND until > $3 ORDER BY until DESC LIMIT 1`, repoID, b.id, t.now); err != nil {
			return err
		} else if ok {
			return easel.E(easel.InUse, "blob", "another user's push holds this blob until %s", fromMicros(until).Format("15:04:05Z"))
		}
		r := newRemoval(repoID, repo)
		r.blobs[b.id] = true
		return t.unlink(who, "deleteBlob", string(repo)+"@"+string(digest), []*removal{r}, &out)
	})
	return out, err
}

// DeleteRepo removes a repository with everything in it. The caller's own
// pins there end. Errors: NotFound "repository"; InUse when a push of another
// user holds something in it, or a built-in or guarded image names a tag of it.
func (db *DB) DeleteRepo(ctx context.Context, who easel.Principal, repo easel.Repo, guard Guard) (out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		out = Removed{}
		id, err := t.repoID(repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(id); err != nil {
			return err
		}
		if err := t.endPins(who, id, repo); err != nil {
			return err
		}
		r := newRemoval(id, repo)
		if err := t.takeAll(r, guard, &out); err != nil {
			return err
		}
		if err := t.unlink(who, "deleteImageRepository", string(repo), []*removal{r}, &out); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM repo WHERE id = $1`, id)
		return err
	})
	return out, err
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
	if err == nil && held {
		err = easel.E(easel.InUse, "repository", "another user is pushing to %s: what the push was told is there is held until %s; try again then", name, fromMicros(until).Format("15:04:05Z"))
	}
	return err
}

// takeAll makes every tag, manifest and blob of a repository go.
func (t *tx) takeAll(r *removal, guard Guard, out *Removed) error {
	tags, err := all(t, column[easel.Tag], `DELETE FROM tag WHERE repo = $1 RETURNING name`, r.repo)
	if err != nil {
		return err
	}
	for _, tag := range tags {
		out.Receipt.Tags = append(out.Receipt.Tags, string(r.name)+":"+string(tag))
	}
	if err := t.breakImages(r.name, tags, guard, out); err != nil {
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
