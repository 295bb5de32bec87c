package catalog

import (
	"context"
	"slices"

	"easel"
)

// PurgeTrash frees at once what a deletion of who's domain left to trash.
// Errors: NotFound "trash".
func (db *DB) PurgeTrash(ctx context.Context, who easel.Principal, receipt string) (out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		out = Removed{}
		rows, err := all(t, column[int64], `
			SELECT x.id FROM trash x JOIN org o ON o.id = x.org WHERE x.receipt = $1 AND o.domain = $2 ORDER BY x.id`, receipt, who.DomainID)
		if err != nil {
			return err
		}
		some, err := t.purge(who, receipt, rows, &out)
		if err == nil && !some {
			err = errNoTrash(receipt)
		}
		return err
	})
	return out, err
}

func errNoTrash(receipt string) error {
	return easel.E(easel.NotFound, "trash", "there is nothing in trash under %.60q: it was restored or purged, or its time was over", receipt)
}

// PurgeEnded frees what one deletion left to trash in a repository, and whose
// time is over; or, of an organisation whose trash holds more than its budget,
// the oldest. It returns false when there is none; call it until then.
func (db *DB) PurgeEnded(ctx context.Context) (out Removed, more bool, err error) {
	return db.purgeOne(ctx, func(t *tx) (int64, error) {
		var row int64
		if found, err := t.get([]any{&row}, `SELECT id FROM trash WHERE until <= $1 ORDER BY until`+limit(1), t.now); err != nil || found {
			return row, err
		}
		return t.overBudget()
	})
}

// PurgeOldest frees the oldest trash of all that holds any bytes, whatever its
// time. It returns false when there is none.
func (db *DB) PurgeOldest(ctx context.Context) (out Removed, more bool, err error) {
	return db.purgeOne(ctx, func(t *tx) (row int64, err error) {
		_, err = t.get([]any{&row}, `SELECT x.id FROM trash x WHERE `+holdsBytes+` ORDER BY x.id`+limit(1))
		return row, err
	})
}

// holdsBytes is true of trash x that names a blob which only trash holds.
const holdsBytes = `EXISTS (SELECT 1 FROM trash_blob b WHERE b.trash = x.id AND NOT EXISTS (SELECT 1 FROM link l WHERE l.blob = b.blob))`

// overBudget returns the oldest trash of an organisation that has too much, 0
// for none.
func (t *tx) overBudget() (row int64, err error) {
	type budget struct{ org, bytes int64 }
	orgs, err := all(t, func(s scanner) (b budget, err error) { err = s.Scan(&b.org, &b.bytes); return b, err }, `
		SELECT o.id, o.undo_budget FROM org o WHERE o.undo_budget > 0 AND EXISTS (SELECT 1 FROM trash x WHERE x.org = o.id) ORDER BY o.id`)
	if err != nil {
		return 0, err
	}
	for _, b := range orgs {
		held, err := t.orgTrash(b.org)
		if err != nil {
			return 0, err
		}
		if held > b.bytes {
			_, err = t.get([]any{&row}, `SELECT x.id FROM trash x WHERE x.org = $1 AND `+holdsBytes+` ORDER BY x.id`+limit(1), b.org)
			return row, err
		}
	}
	return 0, nil
}

// purgeOne purges the row that pick returns, in Easel's own name. Another
// purge or a restore may be faster.
func (db *DB) purgeOne(ctx context.Context, pick func(*tx) (int64, error)) (out Removed, more bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		out, more = Removed{}, false
		row, err := pick(t)
		if err != nil || row == 0 {
			return err
		}
		more = true
		itself := easel.Principal{UserName: easel.System} // in the audit trail of whoever owns the organisation
		var receipt string
		found, err := t.get([]any{&receipt, &itself.DomainID, &itself.DomainName}, `
			SELECT x.receipt, d.id, d.name FROM trash x JOIN org o ON o.id = x.org JOIN domain d ON d.id = o.domain WHERE x.id = $1`, row)
		if err != nil || !found {
			return err
		}
		_, err = t.purge(itself, receipt, []int64{row}, &out)
		return err
	})
	return out, more, err
}

// purge deletes trash rows and the blobs that nothing else needs then, which
// become garbage. It returns false when the rows are gone already.
func (t *tx) purge(who easel.Principal, receipt string, rows []int64, out *Removed) (some bool, err error) {
	some, blobs, err := t.takeTrash(rows, out)
	if err != nil || !some {
		return false, err
	}
	if err := t.lockBlobs(blobs); err != nil {
		return false, err
	}
	gone, err := t.dropBlobs(blobs)
	if err != nil {
		return false, err
	}
	out.Receipt.Action, out.Receipt.Resource = "purgeTrash", receipt
	if err := t.fillReceipt(who, nil, gone, blobs, out); err != nil {
		return false, err
	}
	return true, t.audit(who, out.Receipt.Action, receipt, out.Receipt.Freed, &out.Receipt)
}

// takeTrash deletes those of rows that are there and enters their manifests in
// the receipt. It returns their blobs, which the caller locks and drops.
func (t *tx) takeTrash(rows []int64, out *Removed) (some bool, blobs []int64, err error) {
	if rows, err = t.lockTrash(rows); err != nil || len(rows) == 0 {
		return false, nil, err
	}
	if blobs, err = t.trashBlobs(rows); err != nil {
		return false, nil, err
	}
	err = chunks(rows, func(rows []int64) error {
		var a args
		manifests, err := all(t, column[string], `
			SELECT x.repo || '@' || m.digest FROM trash x JOIN trash_manifest m ON m.trash = x.id WHERE x.id IN (`+addAll(&a, rows)+`) ORDER BY x.repo, m.digest`, a...)
		out.Receipt.Manifests = append(out.Receipt.Manifests, manifests...)
		return err
	})
	if err != nil {
		return false, nil, err
	}
	return true, blobs, t.dropTrash(rows)
}

// lockTrash locks trash rows by id and returns those that are there. Whoever
// also locks repositories does that before; blobs come after.
func (t *tx) lockTrash(rows []int64) (there []int64, err error) {
	err = chunks(rows, func(rows []int64) error {
		var a args
		some, err := all(t, column[int64], `SELECT id FROM trash WHERE id IN (`+addAll(&a, rows)+`) ORDER BY id`+t.forUpdate(), a...)
		there = append(there, some...)
		return err
	})
	return there, err
}

// trashBlobs returns the blobs that trash rows name.
func (t *tx) trashBlobs(rows []int64) (blobs []int64, err error) {
	err = chunks(rows, func(rows []int64) error {
		var a args
		some, err := all(t, column[int64], `SELECT DISTINCT blob FROM trash_blob WHERE trash IN (`+addAll(&a, rows)+`)`, a...)
		blobs = append(blobs, some...)
		return err
	})
	slices.Sort(blobs)
	return slices.Compact(blobs), err
}
