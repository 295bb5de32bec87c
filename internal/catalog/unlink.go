package catalog

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"easel"
	"easel/internal/blob"
)

// Removed is the outcome of a deletion: the receipt, and the storage keys that
// the caller should now unlink. They are in the garbage table: whoever dies
// before unlinking them loses nothing.
type Removed struct {
	Receipt easel.Receipt
	Garbage []Garbage
	plan    easel.Plan // of a plan, but for the receipt
}

// asPlan returns the outcome of a deletion that was rolled back.
func (r Removed) asPlan() easel.Plan {
	r.plan.Receipt = r.Receipt
	r.plan.ID = r.Receipt.Plan
	r.plan.Blockers, r.plan.Sharers = orEmpty(r.plan.Blockers), orEmpty(r.plan.Sharers)
	return r.plan
}

// Garbage is a storage key that nothing needs any more.
type Garbage struct {
	Key  blob.Key
	Size int64 // bytes
}

// removal is what one deletion takes out of one repository. The caller holds
// the repository's lock, has removed tags, and names the manifests that may
// go as candidates.
type removal struct {
	repo       int64
	name       easel.Repo
	candidates []int64        // to be decided on
	insisted   map[int64]bool // go whatever their parents and subjects say
	going      map[int64]easel.Digest
	condemned  map[int64]easel.Digest // wanted gone, kept by a live pin
	kept       []int64                // candidates that something else needs
	whole      bool                   // the repository itself goes, too
	named      []int64                // blobs of the manifests that go
	rules      []TagRule              // nil: not read yet
	tags       []droppedTag           // that the deletion removed
	undo       *undo                  // nil: what goes cannot be restored
	blobs      map[int64]bool         // more blobs to consider, beside those of manifests that go
}

func newRemoval(repo int64, name easel.Repo) *removal {
	return &removal{repo: repo, name: name, insisted: map[int64]bool{}, going: map[int64]easel.Digest{}, condemned: map[int64]easel.Digest{}, blobs: map[int64]bool{}}
}

// unlink is the part that all deletions share: it decides which candidates
// go, takes them and everything only they needed out of the catalogue, and
// moves the storage keys of blobs that nobody links any more to garbage. It
// fills in the receipt, but for images and tags, and stores it under action.
//
// The order of statements is the one that survived the attack on the model:
// locks in statements of their own, blobs in digest order, then decisions,
// then writes; keys move by DELETE … RETURNING. A foreign key that fails
// means that somebody was told "it is there" meanwhile: the whole
// transaction runs again and keeps what it must.
func (t *tx) unlink(who easel.Principal, action, resource string, rs []*removal, out *Removed) error {
	out.Receipt.ID = easel.NewUUID(t.time())
	blobs, err := t.consider(rs)
	if err != nil {
		return err
	}
	if err := t.fitTrash(rs); err != nil {
		return err
	}
	for _, r := range rs {
		if err := t.fillTrash(who, r, &out.Receipt); err != nil {
			return err
		}
		if err := t.dropManifests(slices.Sorted(maps.Keys(r.going))); err != nil {
			return err
		}
		if err := t.loses(r.repo, r.named); err != nil {
			return err
		}
		if err := t.dropLinks(r.repo, slices.Sorted(maps.Keys(r.blobs))); err != nil {
			return err
		}
	}
	if err := t.settleTrash(rs, &out.Receipt); err != nil {
		return err
	}
	gone, err := t.dropBlobs(blobs)
	if err != nil {
		return err
	}
	out.Receipt.Action, out.Receipt.Resource = action, resource
	if err := t.fillReceipt(who, rs, gone, blobs, out); err != nil {
		return err
	}
	out.Receipt.Plan = fingerprint(&out.Receipt)
	if t.planning {
		out.plan.Blockers = t.blockers
		return nil
	}
	if err := t.insisted(&out.Receipt); err != nil {
		return err
	}
	return t.audit(who, action, resource, out.Receipt.Freed, &out.Receipt)
}

// consider decides what goes, and locks and returns the blobs that may go with it.
func (t *tx) consider(rs []*removal) ([]int64, error) {
	considered := map[int64]bool{}
	for _, r := range rs {
		if err := t.decide(r); err != nil {
			return nil, err
		}
		if err := t.considerTrash(r); err != nil {
			return nil, err
		}
		var err error
		if r.named, err = t.blobsOf(slices.Collect(maps.Keys(r.going))); err != nil {
			return nil, err
		}
		waiting, err := t.blobsOf(slices.Collect(maps.Keys(r.condemned)))
		if err != nil {
			return nil, err
		}
		for _, b := range slices.Concat(r.named, waiting) {
			r.blobs[b] = true
		}
		for b := range r.blobs {
			considered[b] = true
		}
	}
	blobs := slices.Sorted(maps.Keys(considered))
	return blobs, t.lockBlobs(blobs)
}

// decide settles each candidate: it goes unless a tag, a parent or a subject
// that stays needs it, or a live pin holds it. What goes makes its children
// and referrers candidates.
func (t *tx) decide(r *removal) error {
	for len(r.candidates) > 0 {
		id := r.candidates[0]
		r.candidates = r.candidates[1:]
		if _, decided := r.going[id]; decided {
			continue
		}
		digest, stays, err := t.needed(r, id)
		if err != nil {
			return err
		}
		if stays {
			r.kept = append(r.kept, id)
			continue
		}
		pinned, err := t.exists(`SELECT 1 FROM mpin WHERE repo = $1 AND manifest = $2 AND until > $3`, r.repo, id, t.now)
		if err != nil {
			return err
		}
		if pinned {
			r.condemned[id] = digest
			if _, err := t.exec(`UPDATE manifest SET condemned = 1 WHERE id = $1`, id); err != nil {
				return err
			}
			continue
		}
		delete(r.condemned, id)
		r.going[id] = digest
		next, err := all(t, column[int64], `
			SELECT child FROM child WHERE repo = $1 AND parent = $2
			UNION ALL SELECT id FROM manifest WHERE repo = $1 AND subject = $3`, r.repo, id, string(digest))
		if err != nil {
			return err
		}
		r.candidates = append(r.candidates, next...)
	}
	return nil
}

// needed reports whether something that stays names the manifest.
func (t *tx) needed(r *removal, id int64) (digest easel.Digest, needed bool, err error) {
	var subject *int64
	var tagged bool
	found, err := t.get([]any{&digest, &subject, &tagged}, `
		SELECT m.digest, s.id, EXISTS (SELECT 1 FROM tag WHERE repo = m.repo AND manifest = m.id)
		FROM manifest m LEFT JOIN manifest s ON s.repo = m.repo AND s.digest = m.subject
		WHERE m.repo = CAST($1 AS BIGINT) AND m.id = CAST($2 AS BIGINT)`, r.repo, id)
	if err != nil || !found || tagged {
		return digest, true, err
	}
	if r.insisted[id] {
		return digest, false, nil
	}
	if subject != nil && !r.goes(*subject) {
		return digest, true, nil
	}
	parents, err := all(t, column[int64], `SELECT parent FROM child WHERE repo = $1 AND child = $2`, r.repo, id)
	if err != nil {
		return digest, true, err
	}
	return digest, slices.ContainsFunc(parents, func(p int64) bool { return !r.goes(p) }), nil
}

func (r *removal) goes(id int64) bool { _, ok := r.going[id]; return ok }

// blobsOf returns the blobs that the manifests name.
func (t *tx) blobsOf(manifests []int64) (blobs []int64, err error) {
	err = chunks(manifests, func(ids []int64) error {
		var a args
		some, err := all(t, column[int64], `SELECT DISTINCT blob FROM ref WHERE manifest IN (`+addAll(&a, ids)+`)`, a...)
		blobs = append(blobs, some...)
		return err
	})
	return blobs, err
}

// lockBlobs locks blob rows in digest order. The digests decide the order
// across chunks, so they are read first.
func (t *tx) lockBlobs(ids []int64) error {
	if t.engine == sqlite || len(ids) == 0 {
		return nil
	}
	type row struct {
		digest string
		id     int64
	}
	var rows []row
	err := chunks(ids, func(ids []int64) error {
		var a args
		some, err := all(t, func(s scanner) (r row, err error) { err = s.Scan(&r.digest, &r.id); return r, err },
			`SELECT digest, id FROM blob WHERE id IN (`+addAll(&a, ids)+`)`, a...)
		rows = append(rows, some...)
		return err
	})
	if err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b row) int { return strings.Compare(a.digest, b.digest) })
	return chunks(rows, func(rows []row) error {
		var a args
		ids := make([]int64, len(rows))
		for i, r := range rows {
			ids[i] = r.id
		}
		_, err := all(t, column[int64], `SELECT id FROM blob WHERE id IN (`+addAll(&a, ids)+`) ORDER BY digest`+t.forUpdate(), a...)
		return err
	})
}

// dropManifests deletes manifests with their references. Only ended pins go
// with them: a live one that came meanwhile makes the foreign key fail.
func (t *tx) dropManifests(ids []int64) error {
	err := chunks(ids, func(ids []int64) error { // all of them first: a child may stand in an earlier chunk than its parent
		var a args
		_, err := t.exec(`DELETE FROM child WHERE parent IN (`+addAll(&a, ids)+`)`, a...)
		return err
	})
	if err != nil {
		return err
	}
	return chunks(ids, func(ids []int64) error {
		var a args
		in := addAll(&a, ids)
		ended := append(a[:len(a):len(a)], t.now)
		if _, err := t.exec(`DELETE FROM mpin WHERE manifest IN (`+in+`) AND until <= $`+strconv.Itoa(len(ended)), ended...); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM manifest WHERE id IN (`+in+`)`, a...)
		return err
	})
}

// dropLinks deletes the repository's links to blobs that neither a manifest
// nor a live pin needs.
func (t *tx) dropLinks(repo int64, blobs []int64) error {
	return chunks(blobs, func(blobs []int64) error {
		a := args{repo}
		in := addAll(&a, blobs)
		ended := append(a[:len(a):len(a)], t.now)
		if _, err := t.exec(`DELETE FROM pin WHERE repo = $1 AND blob IN (`+in+`) AND until <= $`+strconv.Itoa(len(ended)), ended...); err != nil {
			return err
		}
		_, err := t.exec(`
			DELETE FROM link WHERE repo = $1 AND blob IN (`+in+`)
			AND NOT EXISTS (SELECT 1 FROM pin p WHERE p.repo = link.repo AND p.blob = link.blob)
			AND NOT EXISTS (SELECT 1 FROM ref f WHERE f.repo = link.repo AND f.blob = link.blob)`, a...)
		return err
	})
}

// goneBlob is a blob row that was deleted.
type goneBlob struct {
	easel.ReceiptBlob
	key blob.Key
}

// dropBlobs deletes the blobs that no repository links any more and no trash
// names, and moves their keys to garbage.
func (t *tx) dropBlobs(ids []int64) (gone []goneBlob, err error) {
	err = chunks(ids, func(ids []int64) error {
		var a args
		some, err := all(t, func(s scanner) (b goneBlob, err error) { err = s.Scan(&b.Digest, &b.key, &b.Size); return b, err }, `
			DELETE FROM blob WHERE id IN (`+addAll(&a, ids)+`) AND NOT EXISTS (SELECT 1 FROM link l WHERE l.blob = blob.id)
			AND NOT EXISTS (SELECT 1 FROM trash_blob x WHERE x.blob = blob.id)
			RETURNING digest, storage_key, CASE WHEN lost = 1 THEN 0 ELSE size END`, a...)
		gone = append(gone, some...)
		return err
	})
	if err != nil {
		return nil, err
	}
	garbage := make([]Garbage, len(gone))
	for i, b := range gone {
		garbage[i] = Garbage{Key: b.key, Size: b.Size}
	}
	return gone, t.discard(garbage, 0)
}

// discard records keys as garbage. The rows stay at least until hold (µs).
func (t *tx) discard(g []Garbage, hold int64) error {
	for len(g) > 0 {
		n := min(powerOfTwo(len(g)+1)/2, maxList/4) // in powers of two, so that there are few texts to prepare
		var a args
		values := make([]string, n)
		for i, x := range g[:n] {
			values[i] = "(" + a.add(string(x.Key)) + ", " + a.add(x.Size) + ", " + a.add(hold) + ", 0)"
		}
		if _, err := t.exec(`INSERT INTO garbage (storage_key, size, hold, unlinked) VALUES `+strings.Join(values, ", "), a...); err != nil {
			return err
		}
		g = g[n:]
	}
	return nil
}
