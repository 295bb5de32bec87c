package catalog

import "context"

// Backlog counts what waits: uploads that are not finished, and storage
// objects that nothing needs any more and that are not unlinked yet.
type Backlog struct {
	Uploads      int64
	Garbage      int64
	GarbageBytes int64
}

// Backlog returns the counts of now.
func (db *DB) Backlog(ctx context.Context) (b Backlog, err error) {
	err = db.view(ctx, func(t *tx) error {
		if _, err := t.get([]any{&b.Uploads}, `SELECT COUNT(*) FROM upload`); err != nil {
			return err
		}
		_, err := t.get([]any{&b.Garbage, &b.GarbageBytes}, `SELECT COUNT(*), CAST(COALESCE(SUM(size), 0) AS BIGINT) FROM garbage`)
		return err
	})
	return b, err
}
