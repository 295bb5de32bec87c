package catalog

import (
	"context"
	"fmt"

	"easel"
	"easel/internal/blob"
)

// Finding is something that `easel check` found to be wrong.
type Finding struct {
	Kind     string `json:"kind"`    // what sort of thing, e.g. "missing object"
	Subject  string `json:"subject"` // which one
	Detail   string `json:"detail"`
	Repaired bool   `json:"repaired"`
}

// NamedKey is a storage key with the row that names it.
type NamedKey struct {
	Key    blob.Key
	Table  string       // "upload", "blob" or "garbage"
	Size   int64        // bytes; of an upload those recorded so far
	Digest easel.Digest // of a blob
	Lost   bool         // of a blob: known to be missing
}

const namedKeys = `
	SELECT storage_key, 'upload' AS home, size, '' AS digest, 0 AS lost FROM upload
	UNION ALL SELECT storage_key, 'blob', size, digest, lost FROM blob
	UNION ALL SELECT storage_key, 'garbage', size, '', 0 FROM garbage`

func scanNamedKey(s scanner) (k NamedKey, err error) {
	err = s.Scan(&k.Key, &k.Table, &k.Size, &k.Digest, &k.Lost)
	return k, err
}

// StorageKeys returns up to limit storage keys after the given one, in order.
func (db *DB) StorageKeys(ctx context.Context, after blob.Key, limit int) (keys []NamedKey, err error) {
	err = db.view(ctx, func(t *tx) error {
		keys, err = all(t, scanNamedKey, `SELECT storage_key, home, size, digest, lost FROM (`+namedKeys+`) k WHERE storage_key > $1 ORDER BY storage_key LIMIT $2`, string(after), limit)
		return err
	})
	return keys, err
}

// StorageKey returns the row that names key now; false when none does.
func (db *DB) StorageKey(ctx context.Context, key blob.Key) (k NamedKey, named bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err := all(t, scanNamedKey, `SELECT storage_key, home, size, digest, lost FROM (`+namedKeys+`) k WHERE storage_key = $1`, string(key))
		if len(found) > 0 {
			k, named = found[0], true
		}
		return err
	})
	return k, named, err
}

// Discard records objects that no row names as garbage.
func (db *DB) Discard(ctx context.Context, g []Garbage) error {
	return db.update(ctx, func(t *tx) error { return t.discard(g, 0) })
}

// SetLost records that a blob's object has vanished or is damaged: the blob
// counts as not there, what is left of the object becomes garbage, and the next
// upload of the digest heals everything that names it.
func (db *DB) SetLost(ctx context.Context, key blob.Key) error {
	return db.update(ctx, func(t *tx) error {
		// A fresh key, of which there is no object, keeps the column unique.
		var id, size int64
		found, err := t.get([]any{&id, &size}, `UPDATE blob SET lost = 1, storage_key = $1 WHERE storage_key = $2 RETURNING id, size`, string(blob.NewKey()), string(key))
		if err != nil || !found {
			return err
		}
		if err := t.weigh(id, -size); err != nil {
			return err
		}
		return t.discard([]Garbage{{Key: key}}, 0)
	})
}

// ManifestRow is a manifest for re-hashing.
type ManifestRow struct {
	ID     int64
	Repo   easel.Repo
	Digest easel.Digest
	Body   []byte
}

// Manifests returns up to limit manifests after the row id, in order.
func (db *DB) Manifests(ctx context.Context, after int64, limit int) (found []ManifestRow, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (m ManifestRow, err error) {
			err = s.Scan(&m.ID, &m.Repo, &m.Digest, &m.Body)
			return m, err
		}, `SELECT m.id, r.name, m.digest, m.body FROM manifest m JOIN repo r ON r.id = m.repo WHERE m.id > $1 ORDER BY m.id LIMIT $2`, after, limit)
		return err
	})
	return found, err
}

// TrashedManifest is a manifest in trash for re-hashing.
type TrashedManifest struct {
	ManifestRow        // ID is the row that it had
	Trash       int64  // row
	Receipt     string // of the deletion
}

// TrashedManifests returns up to limit manifests in trash after the given one,
// in order.
func (db *DB) TrashedManifests(ctx context.Context, after TrashedManifest, limit int) (found []TrashedManifest, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (m TrashedManifest, err error) {
			err = s.Scan(&m.Trash, &m.Receipt, &m.ID, &m.Repo, &m.Digest, &m.Body)
			return m, err
		}, `SELECT x.id, x.receipt, m.manifest, x.repo, m.digest, m.body FROM trash_manifest m JOIN trash x ON x.id = m.trash
			WHERE m.trash > $1 OR m.trash = $1 AND m.manifest > $2 ORDER BY m.trash, m.manifest LIMIT $3`, after.Trash, after.ID, limit)
		return err
	})
	return found, err
}

// rule is something that must hold in the tables beyond what foreign keys
// keep: query returns a row id and a name for each violation, repair mends
// the one whose row id is $1.
type rule struct {
	kind, detail, query string
	repair              string
}

const noNeed = `NOT EXISTS (SELECT 1 FROM pin p WHERE p.repo = l.repo AND p.blob = l.blob) AND NOT EXISTS (SELECT 1 FROM ref f WHERE f.repo = l.repo AND f.blob = l.blob)`

var rules = []rule{
	{"key named twice", "two rows name this storage key",
		`SELECT '', storage_key FROM (` + namedKeys + `) k GROUP BY storage_key HAVING count(*) > 1`, ``},
	{"needless link", "no manifest and no pin needs this blob here",
		`SELECT CAST(l.blob AS TEXT), r.name || '@' || b.digest FROM link l JOIN repo r ON r.id = l.repo JOIN blob b ON b.id = l.blob WHERE ` + noNeed, `blob`},
	{"needless blob", "no repository links this blob, and no trash names it",
		`SELECT CAST(b.id AS TEXT), b.digest FROM blob b WHERE NOT EXISTS (SELECT 1 FROM link l WHERE l.blob = b.id)
			AND NOT EXISTS (SELECT 1 FROM trash_blob x WHERE x.blob = b.id)`, `blob`},
	{"image without tag", "the record is ACTIVE but the registry has no such tag",
		`SELECT i.id, i.path FROM image i WHERE i.status = 'ACTIVE' AND i.type = 'DEDICATED' AND NOT EXISTS (
			SELECT 1 FROM repo r JOIN tag t ON t.repo = r.id WHERE r.name = i.repo AND t.name = i.tag)`,
		`UPDATE image SET status = 'ERROR' WHERE id = $1`},
	{"empty group", "no image is in this group",
		`SELECT g.id, g.org || '/' || g.name FROM image_group g WHERE NOT EXISTS (SELECT 1 FROM image i WHERE i.grp = g.id)`,
		`DELETE FROM image_group WHERE id = $1`},
	{"wrong group", "the group does not say what its images say",
		`SELECT g.id, g.org || '/' || g.name FROM image_group g JOIN (
			SELECT grp, count(*) AS versions, min(created) AS created, max(updated) AS updated FROM image WHERE grp IS NOT NULL GROUP BY grp) i ON i.grp = g.id
		WHERE g.versions <> i.versions OR g.created <> i.created OR g.changed <> CASE WHEN g.updated > i.updated THEN g.updated ELSE i.updated END`,
		`group`},
	{"image outside of a workspace", "the image or its group does not belong to a workspace of its project",
		`SELECT i.id, i.path FROM image i LEFT JOIN image_group g ON g.id = i.grp
		WHERE i.workspace <> coalesce(g.workspace, i.workspace) OR i.workspace <> coalesce(g.home, '` + easel.DefaultWorkspace + `')
			OR i.workspace <> '` + easel.DefaultWorkspace + `' AND NOT EXISTS (SELECT 1 FROM workspace w WHERE w.id = i.workspace AND w.project = i.project)`, ``},
	{"wrong image count", "the total of a list of images is not their number", // after the rules whose repair removes groups
		`SELECT project, project || '/' || workspace || ', organisation ' || org || ', service type ' || service_type || ', name ' || name FROM (
			SELECT project, workspace, org, service_type, name, images, image_groups FROM image_count
			UNION ALL SELECT project, workspace, org, service_type, name, -images, -image_groups FROM (` + recount + `) AS there) AS difference
		GROUP BY project, workspace, org, service_type, name HAVING sum(images) <> 0 OR sum(image_groups) <> 0`,
		`counts`},
}

// recount is what image_count must have.
const recount = `
	SELECT project, workspace, CASE WHEN o.n = 1 THEN org ELSE '' END AS org, CASE WHEN s.n = 1 THEN service_type ELSE '' END AS service_type,
		CASE WHEN m.n = 1 THEN name ELSE '' END AS name, count(*) AS images, CASE WHEN s.n = 1 THEN 0 ELSE count(DISTINCT grp) END AS image_groups
	FROM image CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) o CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) s CROSS JOIN (SELECT 0 AS n UNION ALL SELECT 1) m
	WHERE s.n = 0 OR service_type <> ''
	GROUP BY project, workspace, o.n, s.n, m.n, CASE WHEN o.n = 1 THEN org ELSE '' END, CASE WHEN s.n = 1 THEN service_type ELSE '' END,
		CASE WHEN m.n = 1 THEN name ELSE '' END`

// Verify checks what must hold between the tables, and mends it when repair
// is set. On SQLite it also asks the engine to check the file.
func (db *DB) Verify(ctx context.Context, repair bool) (found []Finding, err error) {
	run := db.view
	if repair {
		run = db.update
	}
	err = run(ctx, func(t *tx) error {
		found = nil
		if err := t.checkFile(&found); err != nil {
			return err
		}
		for _, r := range rules {
			some, err := t.verify(r, repair)
			if err != nil {
				return fmt.Errorf("check for %s: %w", r.kind, err)
			}
			found = append(found, some...)
		}
		some, err := t.verifyLedger(repair)
		found = append(found, some...)
		return err
	})
	return found, err
}

func (t *tx) verify(r rule, repair bool) ([]Finding, error) {
	type row struct{ id, name string }
	rows, err := all(t, func(s scanner) (x row, err error) { err = s.Scan(&x.id, &x.name); return x, err }, r.query)
	if err != nil {
		return nil, err
	}
	found := make([]Finding, 0, len(rows))
	for _, x := range rows {
		f := Finding{Kind: r.kind, Subject: x.name, Detail: r.detail}
		if repair && r.repair != "" {
			if err := t.mend(r.repair, x.id); err != nil {
				return nil, err
			}
			f.Repaired = true
		}
		found = append(found, f)
	}
	return found, nil
}

// mend runs a rule's repair. Some are more than a statement.
func (t *tx) mend(repair, id string) error {
	switch repair {
	case "blob":
		return t.mendBlob(id)
	case "group":
		if _, err := t.exec(`UPDATE image_group SET versions = (SELECT count(*) FROM image WHERE image.grp = image_group.id) WHERE id = $1`, id); err != nil {
			return err
		}
		return t.settleGroup(id)
	case "counts":
		if _, err := t.exec(`DELETE FROM image_count WHERE project = $1`, id); err != nil {
			return err
		}
		_, err := t.exec(`
			INSERT INTO image_count (project, workspace, org, service_type, name, images, image_groups)
			SELECT project, workspace, org, service_type, name, images, image_groups FROM (`+recount+`) AS there WHERE project = $1`, id)
		return err
	}
	_, err := t.exec(repair, id)
	return err
}

// mendBlob drops the blob's needless links and, when none is left, the blob.
func (t *tx) mendBlob(id string) error {
	var blobID int64
	if _, err := fmt.Sscan(id, &blobID); err != nil {
		return err
	}
	repos, err := all(t, column[int64], `SELECT repo FROM link WHERE blob = $1 ORDER BY repo`, blobID)
	if err != nil {
		return err
	}
	if err := t.lockRepos(repos...); err != nil {
		return err
	}
	if err := t.lockBlobs([]int64{blobID}); err != nil {
		return err
	}
	for _, repo := range repos {
		if err := t.dropLinks(repo, []int64{blobID}); err != nil {
			return err
		}
	}
	_, err = t.dropBlobs([]int64{blobID})
	return err
}

// checkFile runs SQLite's own checks.
func (t *tx) checkFile(found *[]Finding) error {
	if t.engine != sqlite {
		return nil
	}
	lines, err := all(t, column[string], `PRAGMA quick_check(20)`)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if l != "ok" {
			*found = append(*found, Finding{Kind: "database damaged", Subject: "easel.db", Detail: l})
		}
	}
	broken, err := all(t, func(s scanner) (string, error) {
		var table, parent string
		var row, key any
		err := s.Scan(&table, &row, &parent, &key)
		return fmt.Sprintf("row %v of %s names a row of %s that is not there", row, table, parent), err
	}, `PRAGMA foreign_key_check`)
	for _, b := range broken {
		*found = append(*found, Finding{Kind: "dangling row", Subject: "easel.db", Detail: b})
	}
	return err
}
