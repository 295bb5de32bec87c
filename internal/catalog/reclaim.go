package catalog

import (
	"context"

	"easel"
	"easel/internal/blob"
)

// Garbage returns up to limit storage keys that are due to be unlinked, after
// the given one in key order: those never unlinked, and those whose hold has passed.
func (db *DB) Garbage(ctx context.Context, after blob.Key, limit int) (due []Garbage, err error) {
	err = db.view(ctx, func(t *tx) error {
		due, err = all(t, func(s scanner) (g Garbage, err error) { err = s.Scan(&g.Key, &g.Size); return g, err }, `
			SELECT storage_key, size FROM garbage WHERE storage_key > $1 AND (unlinked = 0 OR hold <= $2) ORDER BY storage_key LIMIT $3`,
			string(after), t.now, limit)
		return err
	})
	return due, err
}

// Forget drops the rows of keys whose unlinking is durable. A row whose hold
// lies ahead stays: a late writer may still make the object, so it is
// unlinked once more then.
func (db *DB) Forget(ctx context.Context, keys []blob.Key) error {
	if len(keys) == 0 {
		return nil
	}
	return db.update(ctx, func(t *tx) error {
		return chunks(keys, func(keys []blob.Key) error {
			a := args{t.now}
			in := addAll(&a, keys)
			if _, err := t.exec(`DELETE FROM garbage WHERE hold <= $1 AND storage_key IN (`+in+`)`, a...); err != nil {
				return err
			}
			_, err := t.exec(`UPDATE garbage SET unlinked = 1 WHERE hold > $1 AND storage_key IN (`+in+`)`, a...)
			return err
		})
	})
}

// sweepBatch bounds the pins that one transaction of Sweep looks at.
const sweepBatch = 500

// Sweep ends the pins of one repository whose time is over: links that
// nothing else needs go, and condemned manifests whose last pin it was. It
// returns false when no pin has ended; call it until then.
func (db *DB) Sweep(ctx context.Context) (out Removed, more bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		out, more, err = t.sweep()
		return err
	})
	return out, more, err
}

func (t *tx) sweep() (out Removed, more bool, err error) {
	var repo int64
	var name easel.Repo
	itself := easel.Principal{UserName: easel.System} // in the audit trail of whoever owns the repository
	found, err := t.get([]any{&repo, &name, &itself.DomainID}, `
		SELECT r.id, r.name, o.domain FROM repo r JOIN org o ON o.id = r.org WHERE r.id = coalesce(
			(SELECT repo FROM pin WHERE until <= $1 LIMIT 1), (SELECT repo FROM mpin WHERE until <= $1 LIMIT 1),
			(SELECT m.repo FROM manifest m WHERE m.condemned = 1 AND NOT EXISTS (SELECT 1 FROM mpin p WHERE p.repo = m.repo AND p.manifest = m.id) LIMIT 1))`, t.now)
	if err != nil || !found {
		return out, false, err
	}
	if err := t.lockRepos(repo); err != nil {
		return out, false, err
	}
	r := newRemoval(repo, name)
	blobs, err := all(t, column[int64], `SELECT DISTINCT blob FROM pin WHERE repo = $1 AND until <= $2 LIMIT $3`, repo, t.now, sweepBatch)
	if err != nil {
		return out, false, err
	}
	for _, b := range blobs {
		r.blobs[b] = true
	}
	if _, err := t.exec(`DELETE FROM mpin WHERE repo = $1 AND until <= $2`, repo, t.now); err != nil {
		return out, false, err
	}
	r.candidates, err = all(t, column[int64], `
		SELECT m.id FROM manifest m WHERE m.repo = $1 AND m.condemned = 1
		AND NOT EXISTS (SELECT 1 FROM mpin p WHERE p.repo = m.repo AND p.manifest = m.id) LIMIT $2`, repo, sweepBatch)
	if err != nil {
		return out, false, err
	}
	for _, id := range r.candidates {
		r.insisted[id] = true
	}
	return out, true, t.finishSweep(itself, r, &out)
}

// finishSweep records the sweep only when something went: the end of a pin on
// content that stays is no change.
func (t *tx) finishSweep(itself easel.Principal, r *removal, out *Removed) error {
	if len(r.candidates) > 0 {
		return t.unlink(itself, "sweepPins", string(r.name), []*removal{r}, out)
	}
	blobs := make([]int64, 0, len(r.blobs))
	for b := range r.blobs {
		blobs = append(blobs, b)
	}
	if err := t.lockBlobs(blobs); err != nil {
		return err
	}
	if err := t.dropLinks(r.repo, blobs); err != nil {
		return err
	}
	gone, err := t.dropBlobs(blobs)
	if err != nil || len(gone) == 0 {
		return err
	}
	if err := t.fillReceipt(itself, []*removal{r}, gone, blobs, out); err != nil {
		return err
	}
	return t.audit(itself, "sweepPins", string(r.name), out.Receipt.Freed, &out.Receipt)
}
