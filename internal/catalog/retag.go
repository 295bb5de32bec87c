package catalog

import (
	"context"

	"easel"
)

// Retag points the tag to at what the tag from names (swr.md 8.3). Errors:
// NotFound "repository" and "tag"; Exists "tag" for a tag that is there, unless
// it may be moved; InUse "protection" for one that must not be moved.
func (db *DB) Retag(ctx context.Context, who easel.Principal, repo easel.Repo, from, to easel.Tag, move bool) error {
	return db.update(ctx, func(t *tx) error {
		id, err := t.repoID(repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(id); err != nil {
			return err
		}
		var manifest int64
		if ok, err := t.get([]any{&manifest}, `SELECT manifest FROM tag WHERE repo = $1 AND name = $2`, id, string(from)); err != nil || !ok {
			return orNotFound(err, "tag", "the repository %s has no tag %s", repo, from)
		}
		there, err := t.exists(`SELECT 1 FROM tag WHERE repo = $1 AND name = $2`, id, string(to))
		if err != nil {
			return err
		}
		if there && !move {
			return easel.E(easel.Exists, "tag", "%s:%s exists already", repo, to)
		}
		if _, err := t.setTags(id, manifest, ManifestPut{Repo: repo, Tags: []easel.Tag{to}}); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE manifest SET condemned = 0 WHERE id = $1 AND condemned = 1`, manifest); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE repo SET updated = $1 WHERE id = $2`, t.now, id); err != nil {
			return err
		}
		return t.auditAbout(who, "createImageTag", string(repo)+":"+string(to), 0, About{Repo: repo, Tags: []easel.Tag{to}})
	})
}
