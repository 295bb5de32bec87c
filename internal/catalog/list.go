package catalog

import (
	"context"

	"easel"
)

// Tags returns up to limit tags after last, in byte order, and whether more
// follow. Errors: NotFound "repository".
func (db *DB) Tags(ctx context.Context, repo easel.Repo, last string, limit int) (tags []easel.Tag, more bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		id, err := t.repoID(repo)
		if err != nil {
			return err
		}
		tags, err = all(t, column[easel.Tag], `SELECT name FROM tag WHERE repo = $1 AND name > $2 ORDER BY name LIMIT $3`, id, last, limit+1)
		return err
	})
	tags, more = page(tags, limit)
	return tags, more, err
}

// Referrers returns up to limit descriptors of manifests whose subject is
// subject, ordered by digest and after last, and whether more follow.
// artifactType "" means all. A repository that does not exist has none.
func (db *DB) Referrers(ctx context.Context, repo easel.Repo, subject easel.Digest, artifactType string, last easel.Digest, limit int) (found []easel.Descriptor, more bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanReferrer, `
			SELECT m.digest, m.media_type, m.artifact_type, m.size, m.body FROM repo r JOIN manifest m ON m.repo = r.id
			WHERE r.name = $1 AND m.subject = $2 AND ($3 = '' OR m.artifact_type = $3) AND m.digest > $4 ORDER BY m.digest LIMIT $5`,
			string(repo), string(subject), artifactType, string(last), limit+1)
		return err
	})
	found, more = page(found, limit)
	return found, more, err
}

func scanReferrer(s scanner) (d easel.Descriptor, err error) {
	var body []byte
	if err = s.Scan(&d.Digest, &d.MediaType, &d.ArtifactType, &d.Size, &body); err != nil {
		return d, err
	}
	m, err := easel.ParseManifest(d.MediaType, body)
	if err != nil {
		return d, err
	}
	d.Annotations = m.Annotations
	return d, nil
}
