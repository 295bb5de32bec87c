package catalog

import (
	"context"
	"time"

	"easel"
)

// Undo is an organisation's undo window.
type Undo struct {
	Window time.Duration // how long what is deleted can be restored; 0: not at all
	Budget int64         // bytes that only trash may hold; 0: any number
}

// OrgUndo returns the undo window of an organisation, and how many bytes only its trash
// holds now. Errors: NotFound "organisation".
func (db *DB) OrgUndo(ctx context.Context, org easel.Org) (u Undo, held int64, err error) {
	err = db.view(ctx, func(t *tx) error {
		var id, window int64
		if ok, err := t.get([]any{&id, &window, &u.Budget}, `SELECT id, undo_window, undo_budget FROM org WHERE name = $1`, string(org)); err != nil || !ok {
			return orNotFound(err, "organisation", "the organisation %s does not exist", org)
		}
		u.Window = time.Duration(window) * time.Microsecond
		held, err = t.orgTrash(id)
		return err
	})
	return u, held, err
}

// Undoable is whether a deletion in an organisation can be undone: whether it
// has an undo window. One that is not there has none.
func (db *DB) Undoable(ctx context.Context, org easel.Org) (undoable bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		undoable, err = t.exists(`SELECT 1 FROM org WHERE name = $1 AND undo_window > 0`, string(org))
		return err
	})
	return undoable, err
}

// SetOrgUndo changes the undo window of an organisation, for the deletions to
// come: what is in trash stays until its own time is over. Errors: NotFound "organisation".
func (db *DB) SetOrgUndo(ctx context.Context, who easel.Principal, org easel.Org, u Undo) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE org SET undo_window = $1, undo_budget = $2 WHERE name = $3`, u.Window.Microseconds(), u.Budget, string(org))
		if err != nil || n == 0 {
			return orNotFound(err, "organisation", "the organisation %s does not exist", org)
		}
		return t.audit(who, "setUndoWindow", string(org), u.Budget, nil)
	})
}

// orgTrash returns the bytes that only trash of the organisation holds.
func (t *tx) orgTrash(org int64) (n int64, err error) {
	_, err = t.get([]any{&n}, `
		SELECT CAST(coalesce(sum(CASE WHEN b.lost = 1 THEN 0 ELSE b.size END), 0) AS BIGINT) FROM blob b
		WHERE b.id IN (SELECT x.blob FROM trash x0 JOIN trash_blob x ON x.trash = x0.id WHERE x0.org = $1)
		AND NOT EXISTS (SELECT 1 FROM link l WHERE l.blob = b.id)`, org)
	return n, err
}
