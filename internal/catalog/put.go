package catalog

import (
	"context"
	"errors"
	"fmt"

	"easel"
)

// ManifestPut asks to store Manifest under Digest and to point Tags at it.
type ManifestPut struct {
	Repo     easel.Repo
	Digest   easel.Digest
	Tags     []easel.Tag // none: put by digest
	Manifest *easel.Manifest
}

// PutManifest stores a manifest whose blobs and children the repository has,
// and points tags at it. Errors: NotFound "organisation"; Invalid "manifest
// blob" naming the blob or child that is not there; InUse "protection" for a
// tag that must not be moved; Denied "space quota" and "repository quota".
func (db *DB) PutManifest(ctx context.Context, who easel.Principal, p ManifestPut) error {
	return db.update(ctx, func(t *tx) error {
		repo, err := t.ensureRepo(who, p.Repo)
		if err != nil {
			return err
		}
		if err := t.lockRepos(repo); err != nil {
			return err
		}
		return t.putManifest(who, repo, p)
	})
}

func (t *tx) putManifest(who easel.Principal, repo int64, p ManifestPut) error {
	blobs, err := t.namedBlobs(repo, p.Manifest)
	if err != nil {
		return err
	}
	children, err := t.namedChildren(repo, p.Manifest)
	if err != nil {
		return err
	}
	waits, err := t.awaitsSubject(repo, p)
	if err != nil {
		return err
	}
	before, err := t.spaceOf(repo)
	if err != nil {
		return err
	}
	id, made, err := t.insertManifest(repo, p, blobs, children)
	if err != nil {
		return err
	}
	if err := t.within(before, p.Repo.Org()); err != nil {
		return err
	}
	moved, err := t.setTags(repo, id, p)
	if err != nil {
		return err
	}
	if len(p.Tags) == 0 && (waits || p.Manifest.Subject == nil) {
		if err := t.countManifestPin(repo, id, who.UserID); err != nil {
			return err
		}
	}
	if err := t.wanted(repo, id, waits, p.Digest, children); err != nil {
		return err
	}
	if !made && !moved {
		return nil // a put that changes nothing takes no pin back
	}
	if err := t.settlePins(who, repo, p.Digest, blobs, children); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE repo SET updated = $1 WHERE id = $2`, t.now, repo); err != nil {
		return err
	}
	return t.auditAbout(who, "pushManifest", string(p.Repo)+refSuffix(p), p.Manifest.ContentSize(), About{Repo: p.Repo, Tags: p.Tags, Digest: p.Digest})
}

func refSuffix(p ManifestPut) string {
	if len(p.Tags) > 0 {
		return ":" + string(p.Tags[0])
	}
	return "@" + string(p.Digest)
}

// namedBlobs returns the row ids of the manifest's blobs. Every blob that may
// not live elsewhere must be linked.
func (t *tx) namedBlobs(repo int64, m *easel.Manifest) ([]int64, error) {
	named := m.Blobs()
	digests := make([]string, len(named))
	for i, d := range named {
		digests[i] = string(d.Digest)
	}
	have, err := t.idsByDigest(`SELECT b.digest, b.id FROM blob b JOIN link l ON l.blob = b.id WHERE l.repo = CAST($1 AS BIGINT) AND b.lost = 0 AND b.digest IN `, repo, digests)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, 0, len(named))
	for _, d := range named {
		id, ok := have[string(d.Digest)]
		if ok {
			ids = append(ids, id)
		} else if !d.External() {
			return nil, easel.E(easel.Invalid, "manifest blob", "the manifest names the blob %s, which the repository does not have: push it first", d.Digest)
		}
	}
	return ids, nil
}

// namedChildren returns the row ids of an index's children, which must be there.
func (t *tx) namedChildren(repo int64, m *easel.Manifest) ([]int64, error) {
	digests := make([]string, len(m.Children))
	for i, d := range m.Children {
		digests[i] = string(d.Digest)
	}
	have, err := t.idsByDigest(`SELECT digest, id FROM manifest WHERE repo = $1 AND digest IN `, repo, digests)
	if err != nil {
		return nil, err
	}
	ids := make([]int64, 0, len(have))
	seen := map[int64]bool{}
	for _, d := range m.Children {
		id, ok := have[string(d.Digest)]
		if !ok {
			return nil, easel.E(easel.Invalid, "manifest blob", "the index names the manifest %s, which the repository does not have: push it first", d.Digest)
		}
		if !seen[id] {
			seen[id] = true
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// idsByDigest runs query, which selects digest and id and ends in "IN ", for digests.
func (t *tx) idsByDigest(query string, repo int64, digests []string) (map[string]int64, error) {
	ids := make(map[string]int64, len(digests))
	err := chunks(digests, func(digests []string) error {
		a := args{repo}
		rows, err := t.q.QueryContext(t.ctx, query+"("+addAll(&a, digests)+")", a...)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var d string
			var id int64
			if err := rows.Scan(&d, &id); err != nil {
				return err
			}
			ids[d] = id
		}
		return rows.Err()
	})
	return ids, err
}

// awaitsSubject reports whether p is a referrer, without a tag, of a subject
// that is not there yet: it goes when its pin ends, unless the subject comes.
func (t *tx) awaitsSubject(repo int64, p ManifestPut) (bool, error) {
	if p.Manifest.Subject == nil || len(p.Tags) > 0 {
		return false, nil
	}
	there, err := t.exists(`SELECT 1 FROM manifest WHERE repo = $1 AND digest = $2`, repo, string(p.Manifest.Subject.Digest))
	return !there, err
}

// insertManifest stores the manifest with its references; made is false when
// it was there.
func (t *tx) insertManifest(repo int64, p ManifestPut, blobs, children []int64) (id int64, made bool, err error) {
	there, err := t.get([]any{&id}, `SELECT id FROM manifest WHERE repo = $1 AND digest = $2`, repo, string(p.Digest))
	if err != nil || there {
		return id, false, err
	}
	m := p.Manifest
	var subject, config any = nil, ""
	if m.Subject != nil {
		subject = string(m.Subject.Digest)
	}
	if m.Config != nil {
		config = string(m.Config.Digest)
	}
	if _, err = t.get([]any{&id}, `
		INSERT INTO manifest (repo, digest, media_type, artifact_type, subject, config, body, size, total, condemned, created)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0, $10) RETURNING id`,
		repo, string(p.Digest), m.MediaType, m.ArtifactType, subject, config, m.Body, int64(len(m.Body)), m.ContentSize(), t.now); err != nil {
		return 0, false, err
	}
	if err := t.gains(repo, blobs); err != nil {
		return 0, false, err
	}
	if err := t.insertNamed(`INSERT INTO ref (repo, manifest, blob) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), id FROM blob WHERE id IN `, repo, id, blobs); err != nil {
		return 0, false, err
	}
	return id, true, t.insertNamed(`INSERT INTO child (repo, parent, child) SELECT CAST($1 AS BIGINT), CAST($2 AS BIGINT), id FROM manifest WHERE id IN `, repo, id, children)
}

// insertNamed runs insert, which ends in "IN ", for what the manifest id
// names. A row that is gone meanwhile makes a foreign key fail elsewhere or
// the count differ: then the transaction runs again.
func (t *tx) insertNamed(insert string, repo, id int64, named []int64) error {
	return chunks(named, func(named []int64) error {
		a := args{repo, id}
		n, err := t.exec(insert+"("+addAll(&a, named)+")", a...)
		if err == nil && n != int64(len(named)) {
			err = fmt.Errorf("of %d things that the manifest names %d are there: %w", len(named), n, errAgain)
		}
		return err
	})
}

// setTags points p's tags at the manifest and reports whether any was elsewhere.
func (t *tx) setTags(repo, manifest int64, p ManifestPut) (moved bool, err error) {
	for _, tag := range p.Tags {
		var old int64
		if _, err := t.get([]any{&old}, `SELECT manifest FROM tag WHERE repo = $1 AND name = $2`, repo, string(tag)); err != nil {
			return false, err
		}
		if old != 0 && old != manifest {
			if err := t.movable(repo, p.Repo, tag); err != nil {
				return false, err
			}
		}
		moved = moved || old != manifest
		if _, err := t.exec(`
			INSERT INTO tag (repo, name, manifest, created, updated) VALUES ($1, $2, $3, $4, $4)
			ON CONFLICT (repo, name) DO UPDATE SET manifest = excluded.manifest, updated = excluded.updated, left_behind = 0`, repo, string(tag), manifest, t.now); err != nil {
			return false, err
		}
	}
	return moved, nil
}

// wanted takes back the condemnation of a manifest, its children and the
// referrers that waited for it. A referrer that waits for its own subject is
// condemned instead: it goes with its pin.
func (t *tx) wanted(repo, id int64, waits bool, digest easel.Digest, children []int64) error {
	if _, err := t.exec(`UPDATE manifest SET condemned = $1 WHERE id = $2 AND condemned <> $1`, flag(waits), id); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE manifest SET condemned = 0 WHERE repo = $1 AND subject = $2 AND condemned = 1`, repo, string(digest)); err != nil {
		return err
	}
	return chunks(children, func(ids []int64) error {
		var a args
		_, err := t.exec(`UPDATE manifest SET condemned = 0 WHERE condemned = 1 AND id IN (`+addAll(&a, ids)+`)`, a...)
		return err
	})
}

// settlePins takes back one count of each of who's pins that this manifest answers.
func (t *tx) settlePins(who easel.Principal, repo int64, digest easel.Digest, blobs, children []int64) error {
	if err := t.takeBackPins(repo, who.UserID, blobs); err != nil {
		return err
	}
	referrers, err := all(t, column[int64], `
		SELECT m.id FROM manifest m JOIN mpin p ON p.repo = m.repo AND p.manifest = m.id
		WHERE m.repo = CAST($1 AS BIGINT) AND m.subject = CAST($2 AS TEXT) AND p.owner = CAST($3 AS TEXT)`, repo, string(digest), who.UserID)
	if err != nil {
		return err
	}
	return t.takeBackManifestPins(repo, who.UserID, append(children, referrers...))
}

// StoredManifest is a manifest as it was put.
type StoredManifest struct {
	Digest    easel.Digest
	MediaType string
	Body      []byte
	Total     int64 // bytes of config and layers; of an index: 0
}

func (t *tx) manifest(name easel.Repo, ref easel.Ref) (m StoredManifest, repo, id int64, err error) {
	query, arg := `SELECT m.repo, m.id, m.digest, m.media_type, m.body, m.total FROM repo r JOIN manifest m ON m.repo = r.id WHERE r.name = $1 AND m.digest = $2`, ref.String()
	if ref.Tag != "" {
		query = `SELECT m.repo, m.id, m.digest, m.media_type, m.body, m.total FROM repo r JOIN tag t ON t.repo = r.id JOIN manifest m ON m.id = t.manifest WHERE r.name = $1 AND t.name = $2`
	}
	ok, err := t.get([]any{&repo, &id, &m.Digest, &m.MediaType, &m.Body, &m.Total}, query, string(name), arg)
	if err != nil || ok {
		return m, repo, id, err
	}
	if _, err := t.repoID(name); err != nil {
		return m, 0, 0, err
	}
	return m, 0, 0, easel.E(easel.NotFound, "manifest", "the repository %s has no manifest %s", name, ref)
}

// Manifest finds a manifest. Its body must not be changed. Errors: NotFound
// "repository" or "manifest".
func (db *DB) Manifest(ctx context.Context, repo easel.Repo, ref easel.Ref) (m StoredManifest, err error) {
	type question struct {
		repo easel.Repo
		ref  easel.Ref
	}
	read := func() (m StoredManifest, err error) {
		err = db.view(ctx, func(t *tx) error {
			m, _, _, err = t.manifest(repo, ref)
			return err
		})
		return m, err
	}
	return rememberIf(db.memo(), content, question{repo, ref}, read, func(m StoredManifest) bool { return len(m.Body) <= maxBody })
}

// PinManifest finds a manifest for someone who is pushing: it is pinned first.
// One of which a blob is lost is not found, so that it is pushed again. On a full disk it is found without a pin.
func (db *DB) PinManifest(ctx context.Context, who easel.Principal, repo easel.Repo, ref easel.Ref) (StoredManifest, error) {
	found, err := db.Manifest(ctx, repo, ref)
	if err != nil {
		return found, err
	}
	var m StoredManifest
	err = db.update(ctx, func(t *tx) error {
		var repoID, id int64
		if m, repoID, id, err = t.manifest(repo, ref); err != nil {
			return err
		}
		// A client that is told of the manifest may skip its blobs; then a lost one would never come back.
		if lost, err := t.exists(`SELECT 1 FROM ref f JOIN blob b ON b.id = f.blob WHERE f.manifest = $1 AND b.lost = 1 LIMIT 1`, id); err != nil {
			return err
		} else if lost {
			return easel.E(easel.NotFound, "manifest", "a blob of the manifest %s in %s is lost: push it again", ref, repo)
		}
		return t.countManifestPin(repoID, id, who.UserID)
	})
	if errors.Is(err, easel.NoSpace) {
		return found, nil
	}
	return m, err
}
