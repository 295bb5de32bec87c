package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"easel"
)

// A deletion in an organisation with an undo window is like any other, but for
// three tables. trash has a row for each repository that it took something out
// of, trash_manifest a copy of the manifests, and trash_blob names their blobs:
// dropBlobs keeps what is named there. Links, manifests and tags go as always,
// so what is in trash cannot be read, mounted or found by anybody. The rows end
// with a restore, which makes links and manifests again, or with a purge,
// after which the blobs that nothing else needs become garbage.

// trashed is the part of a trash row that is JSON: what is neither a manifest
// nor a blob.
type trashed struct {
	Repo   *trashedRepo   `json:"repository,omitempty"` // when it went as a whole
	Tags   []trashedTag   `json:"tags"`
	Images []trashedImage `json:"images"`
	Broken []string       `json:"broken"` // records that became ERROR because their tag went
}

type trashedRepo struct {
	Category    string `json:"category"`
	Description string `json:"description"`
	Public      bool   `json:"is_public"`

	Grants []trashedGrant `json:"grants,omitempty"`
	Shares []trashedShare `json:"shares,omitempty"`
}

type trashedGrant struct {
	Account string `json:"account"`
	Level   int    `json:"level"`
}

type trashedShare struct {
	Domain      string `json:"domain"`
	Ends        int64  `json:"ends"` // µs; 0: never
	Description string `json:"description"`
	Creator     string `json:"creator"`
	CreatorName string `json:"creator_name"`
	Created     int64  `json:"created"` // µs
}

type trashedTag struct {
	Name     easel.Tag `json:"name"`
	Manifest int64     `json:"manifest"` // as in trash_manifest
	Created  int64     `json:"created"`  // µs
}

// trashedImage is a record with what its group said, should that be gone.
type trashedImage struct {
	Image  easel.Image `json:"image"`
	ReadMe *string     `json:"read_me,omitempty"`
}

// droppedTag is a tag that a deletion has removed.
type droppedTag struct {
	name              easel.Tag
	manifest, created int64
}

func scanDroppedTag(s scanner) (d droppedTag, err error) {
	err = s.Scan(&d.name, &d.manifest, &d.created)
	return d, err
}

// undoOf reads whether a deletion in the repository can be undone, unless its
// caller wants it gone now.
func (t *tx) undoOf(r *removal) error {
	if easel.DeletesNow(t.ctx) {
		return nil
	}
	var u undo
	found, err := t.get([]any{&u.org, &u.window, &u.budget, &u.repo.Category, &u.repo.Description, &u.repo.Public}, `
		SELECT o.id, o.undo_window, o.undo_budget, r.category, r.description, r.is_public FROM repo r JOIN org o ON o.id = r.org WHERE r.id = CAST($1 AS BIGINT)`, r.repo)
	if err == nil && found && u.window > 0 {
		r.undo = &u
	}
	return err
}

// undo is how a deletion in a repository can be undone.
type undo struct {
	org    int64
	window int64 // µs
	budget int64 // bytes; 0: any number
	repo   trashedRepo

	images    []trashedImage // records that go with their content
	manifests []int64        // to be copied
	row       int64          // in trash; 0: there is none
}

// imagesToTrash remembers records that go by force, before they go.
func (t *tx) imagesToTrash(images []easel.Image, removals map[easel.Repo]*removal) error {
	readMes := map[string]*string{}
	for _, i := range images {
		r := removals[i.Repo]
		if r == nil || r.undo == nil {
			continue
		}
		group := easel.GroupID(i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())
		readMe, known := readMes[group]
		if !known {
			if _, err := t.get([]any{&readMe}, `SELECT read_me FROM image_group WHERE id = $1`, group); err != nil {
				return err
			}
			readMes[group] = readMe
		}
		r.undo.images = append(r.undo.images, trashedImage{i, readMe})
	}
	return nil
}

// considerTrash finds the manifests that a restore needs: those that go, now
// or when their last pin ends, those that lose a tag, and what they name. Their blobs are
// considered with the others, and so are locked.
func (t *tx) considerTrash(r *removal) error {
	if r.undo == nil || len(r.tags)+len(r.going)+len(r.condemned)+len(r.undo.images) == 0 {
		r.undo = nil
		return nil
	}
	seen := map[int64]bool{}
	for _, ids := range []map[int64]easel.Digest{r.going, r.condemned} {
		for id := range ids {
			seen[id] = true
		}
	}
	for _, tag := range r.tags {
		seen[tag.manifest] = true
	}
	for level := slices.Sorted(maps.Keys(seen)); len(level) > 0; {
		var next []int64
		err := chunks(level, func(ids []int64) error {
			var a args
			children, err := all(t, column[int64], `SELECT DISTINCT child FROM child WHERE parent IN (`+addAll(&a, ids)+`)`, a...)
			for _, id := range children {
				if !seen[id] {
					seen[id], next = true, append(next, id)
				}
			}
			return err
		})
		if err != nil {
			return err
		}
		level = next
	}
	r.undo.manifests = slices.Sorted(maps.Keys(seen))
	blobs, err := t.blobsOf(r.undo.manifests)
	for _, b := range blobs {
		r.blobs[b] = true
	}
	return err
}

// copyInReserve is how many bytes of manifests a deletion can copy with what the
// reserve keeps for it on a full disk: less than the log was grown to.
const copyInReserve = reserveBytes / 2

// fitTrash gives up that a deletion can be undone when the disk of the database
// has no room for the copies that would take: in the log, in the database, and
// once more. Deleting has to work on a full disk, and trash would not outlast it.
func (t *tx) fitTrash(rs []*removal) error {
	if t.reserve == nil {
		return nil
	}
	var copies int64
	for _, r := range rs {
		if r.undo == nil {
			continue
		}
		err := chunks(r.undo.manifests, func(ids []int64) error {
			var a args
			var n int64
			_, err := t.get([]any{&n}, `SELECT coalesce(sum(length(body)), 0) FROM manifest WHERE id IN (`+addAll(&a, ids)+`)`, a...)
			copies += n
			return err
		})
		if err != nil {
			return err
		}
	}
	if copies <= copyInReserve || 3*copies < t.reserve.free.Load() {
		return nil
	}
	for _, r := range rs {
		r.undo = nil
	}
	return nil
}

// fillTrash copies what a restore needs, before it goes. The blobs are locked.
func (t *tx) fillTrash(who easel.Principal, r *removal, receipt *easel.Receipt) error {
	u := r.undo
	if u == nil {
		return nil
	}
	content := trashed{Tags: []trashedTag{}, Images: u.images, Broken: receipt.Broken}
	if r.whole {
		if err := t.opened(r.repo, &u.repo); err != nil {
			return err
		}
		content.Repo = &u.repo
	}
	for _, tag := range r.tags {
		content.Tags = append(content.Tags, trashedTag{tag.name, tag.manifest, tag.created})
	}
	slices.SortFunc(content.Tags, func(a, b trashedTag) int { return strings.Compare(string(a.Name), string(b.Name)) }) // a restore names them in this order
	text, err := json.Marshal(content)
	if err != nil {
		return err
	}
	if _, err := t.get([]any{&u.row}, `
		INSERT INTO trash (receipt, org, repo, actor, actor_name, at, until, bytes, content) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) RETURNING id`,
		receipt.ID, u.org, string(r.name), who.UserID, who.UserName, t.now, t.now+u.window, string(text)); err != nil {
		return err
	}
	return chunks(u.manifests, func(ids []int64) error {
		a := args{u.row}
		in := addAll(&a, ids)
		if _, err := t.exec(`
			INSERT INTO trash_manifest (trash, manifest, digest, media_type, body)
			SELECT CAST($1 AS BIGINT), id, digest, media_type, body FROM manifest WHERE id IN (`+in+`)`, a...); err != nil {
			return err
		}
		_, err := t.exec(`
			INSERT INTO trash_blob (trash, blob) SELECT DISTINCT CAST($1 AS BIGINT), f.blob FROM ref f WHERE f.manifest IN (`+in+`) ON CONFLICT DO NOTHING`, a...)
		return err
	})
}

// opened reads to whom a repository is open: its own grants and its shares.
func (t *tx) opened(repo int64, was *trashedRepo) (err error) {
	was.Grants, err = all(t, func(s scanner) (g trashedGrant, err error) {
		err = s.Scan(&g.Account, &g.Level)
		return g, err
	}, `SELECT account, level FROM repo_grant WHERE repo = $1 ORDER BY account`, repo)
	if err != nil {
		return err
	}
	was.Shares, err = all(t, func(s scanner) (x trashedShare, err error) {
		err = s.Scan(&x.Domain, &x.Ends, &x.Description, &x.Creator, &x.CreatorName, &x.Created)
		return x, err
	}, `SELECT domain, ends, description, creator, creator_name, created FROM share WHERE repo = $1 ORDER BY domain`, repo)
	return err
}

// settleTrash weighs what the deletion left to trash, after its links have
// gone. An organisation whose budget is too small for this deletion alone
// keeps nothing of it.
func (t *tx) settleTrash(rs []*removal, receipt *easel.Receipt) error {
	orgs := map[int64][]*undo{}
	for _, r := range rs {
		if r.undo != nil {
			orgs[r.undo.org] = append(orgs[r.undo.org], r.undo)
		}
	}
	for _, org := range slices.Sorted(maps.Keys(orgs)) {
		var rows []int64
		for _, u := range orgs[org] {
			rows = append(rows, u.row)
		}
		only, err := t.onlyTrash(rows)
		if err != nil {
			return err
		}
		u := orgs[org][0]
		if u.budget > 0 && only > u.budget {
			if err := t.dropTrash(rows); err != nil {
				return err
			}
			continue
		}
		until := fromMicros(t.now + u.window)
		if receipt.RestoreUntil == nil || until.Before(*receipt.RestoreUntil) {
			receipt.RestoreUntil = &until
		}
		for _, row := range rows {
			if _, err := t.exec(`UPDATE trash SET bytes = $1 WHERE id = $2`, only, row); err != nil {
				return err
			}
		}
	}
	return nil
}

// onlyTrash returns the bytes of the rows' blobs that only trash holds.
func (t *tx) onlyTrash(rows []int64) (n int64, err error) {
	var a args
	_, err = t.get([]any{&n}, `
		SELECT CAST(coalesce(sum(CASE WHEN b.lost = 1 THEN 0 ELSE b.size END), 0) AS BIGINT) FROM blob b
		WHERE b.id IN (SELECT x.blob FROM trash_blob x WHERE x.trash IN (`+addAll(&a, rows)+`))
		AND NOT EXISTS (SELECT 1 FROM link l WHERE l.blob = b.id)`, a...)
	return n, err
}

// dropTrash deletes rows with what they name.
func (t *tx) dropTrash(rows []int64) error {
	return chunks(rows, func(rows []int64) error {
		var a args
		_, err := t.exec(`DELETE FROM trash WHERE id IN (`+addAll(&a, rows)+`)`, a...)
		return err
	})
}

// limit is a LIMIT clause.
func limit(n int) string { return ` LIMIT ` + strconv.Itoa(n) }
