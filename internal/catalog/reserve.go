package catalog

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// reserve keeps deletions working on a full disk. A deletion needs room in
// three places:
//
//   - in the write-ahead log, which is grown past the 4 MiB at which SQLite
//     checkpoints it by writing the reserve in one transaction, and is kept;
//   - for what the checkpoint adds to the database file: blocks beyond its
//     end are allocated ahead while there is space. (SQLite cuts them off at
//     each checkpoint, so they are topped up before the next write.);
//   - for pages that later deletions add: the rows of the table reserve, which
//     are given up when space is low, leave free pages inside the file.
type reserve struct {
	file *os.File // the database, open for as long as SQLite has it open
	mark int64    // free bytes below which space is low
	held atomic.Bool
	free atomic.Int64 // bytes, before the last write
}

const (
	reserveBytes = 6 << 20 // of rows; also how far the log is grown
	aheadBytes   = 8 << 20 // allocated beyond the end of the file …
	aheadLeast   = 6 << 20 // … and topped up when less is left
)

func (db *DB) openReserve(ctx context.Context, path string, mark int64) (*reserve, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	r := &reserve{file: f, mark: mark}
	err = db.view(ctx, func(t *tx) error {
		held, err := t.exists(`SELECT 1 FROM reserve LIMIT 1`)
		r.held.Store(held)
		return err
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the reserve: %w", err), f.Close())
	}
	return r, nil
}

// mind looks at the free space before a write, which costs a microsecond, and
// gives up or takes back what is needed. What fails is tried before the next
// write; the write itself finds out whether there is room.
func (r *reserve) mind(ctx context.Context, g *group) {
	var disk unix.Statfs_t
	var file unix.Stat_t
	fd := int(r.file.Fd())
	if unix.Fstatfs(fd, &disk) != nil || unix.Fstat(fd, &file) != nil {
		return
	}
	free := int64(disk.Bavail) * disk.Bsize
	r.free.Store(free)
	switch {
	case free < r.mark && r.held.CompareAndSwap(true, false):
		if g.do(ctx, execAlone(`DELETE FROM reserve`)) != nil {
			r.held.Store(true)
		}
	case free > 2*r.mark && free > 4*reserveBytes && r.held.CompareAndSwap(false, true):
		taken, err := g.begin(context.WithoutCancel(ctx), execAlone(`INSERT INTO reserve (filler) VALUES (zeroblob($1))`, reserveBytes))
		if err != nil {
			r.held.Store(false)
			return
		}
		go func() { // a write that follows is behind it anyway, in the group
			if <-taken != nil {
				r.held.Store(false)
			}
		}()
	}
	if free >= r.mark && file.Blocks*512 < file.Size+aheadLeast {
		// On a file system that cannot do it the other two have to suffice.
		_ = unix.Fallocate(fd, unix.FALLOC_FL_KEEP_SIZE, 0, file.Size+aheadBytes)
	}
}

func execAlone(query string, args ...any) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec(query, args...)
		return err
	}
}
