package catalog

import "context"

// Backlog is what has not reached its end: uploads that are not finished,
// storage objects that nothing needs any more and that are not unlinked yet,
// and pins that have not ended.
type Backlog struct {
	Uploads, UploadBytes  int64 // bytes recorded so far
	Garbage, GarbageBytes int64
	Pins                  int64
	Jobs, JobsPaused      int64 // deletions of many images that have not ended
	JobImages             int64 // those of their images that have no result yet
}

// Backlog returns the counts of now.
func (db *DB) Backlog(ctx context.Context) (b Backlog, err error) {
	err = db.view(ctx, func(t *tx) error {
		_, err := t.get([]any{&b.Uploads, &b.UploadBytes, &b.Garbage, &b.GarbageBytes, &b.Pins, &b.Jobs, &b.JobsPaused, &b.JobImages}, `
			SELECT (SELECT count(*) FROM upload), (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM upload),
				(SELECT count(*) FROM garbage WHERE unlinked = 0), (SELECT CAST(coalesce(sum(size), 0) AS BIGINT) FROM garbage WHERE unlinked = 0),
				(SELECT count(*) FROM pin WHERE until > $1) + (SELECT count(*) FROM mpin WHERE until > $1),
				(SELECT count(*) FROM job WHERE state = 'running'), (SELECT count(*) FROM job WHERE state = 'paused'),
				(SELECT CAST(coalesce(sum(total - done), 0) AS BIGINT) FROM job WHERE state IN ('running', 'paused'))`, t.now)
		return err
	})
	return b, err
}
