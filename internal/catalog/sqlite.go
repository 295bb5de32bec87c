package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"runtime"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"easel/internal/failpoint"
)

// openSQLite opens path with one writing connection, owned by the group, and
// a pool of reading ones.
func (db *DB) openSQLite(ctx context.Context, path string, lowSpace int64) error {
	w, err := sql.Open("sqlite", sqliteDSN(path, "journal_mode(wal)", "synchronous(full)", "foreign_keys(1)", "temp_store(memory)"))
	if err != nil {
		return err
	}
	w.SetMaxOpenConns(1)
	conn, err := w.Conn(ctx)
	if err != nil {
		w.Close()
		return fmt.Errorf("open %s: %w", path, err)
	}
	// The WAL is kept when the last connection closes and never truncated: on
	// a full disk its blocks are what commits are written to (reserve.go). RESTART
	// lets the next writer start over at its beginning.
	err = conn.Raw(func(c any) error {
		_, err := c.(driver.FileControl).FileControlPersistWAL("main", 1)
		return err
	})
	if err == nil {
		// The first commit after the migrations makes them durable, too.
		_, err = conn.ExecContext(ctx, `PRAGMA wal_checkpoint(RESTART); PRAGMA synchronous = NORMAL`)
	}
	conn.Close()
	if err == nil {
		err = migrate(ctx, w, sqlite)
	}
	if err == nil {
		_, err = w.ExecContext(ctx, `PRAGMA synchronous = FULL`)
	}
	if err != nil {
		w.Close()
		return fmt.Errorf("open %s: %w", path, err)
	}
	if db.read, err = sql.Open("sqlite", sqliteDSN(path, "query_only(1)")); err != nil {
		w.Close()
		return err
	}
	db.read.SetMaxOpenConns(max(4, 2*runtime.NumCPU()))
	db.read.SetMaxIdleConns(max(4, 2*runtime.NumCPU()))
	db.readers = &prepared{on: db.read}
	if db.group, err = newGroup(ctx, w, db.newTx); err != nil {
		db.read.Close()
		w.Close()
		return err
	}
	if db.reserve, err = db.openReserve(ctx, path, lowSpace); err != nil {
		return err
	}
	db.reserve.mind(ctx, db.group) // transactions look at it: not before it is there
	return nil
}

func sqliteDSN(path string, pragmas ...string) string {
	v := url.Values{"_pragma": append(pragmas, "busy_timeout(10000)"), "_txlock": {"deferred"}}
	return (&url.URL{Scheme: "file", Opaque: (&url.URL{Path: path}).EscapedPath(), RawQuery: v.Encode()}).String()
}

// group is the one writer of a SQLite database. Requests that arrive while a
// commit is under way share the next one: each in a savepoint of its own,
// acknowledged only after COMMIT.
type group struct {
	pool    *sql.DB
	conn    *sql.Conn
	q       *prepared // on conn
	newTx   func(context.Context, querier) *tx
	members chan *member
	done    chan struct{}
	memo    *memo
	changed topicSet            // by the transaction under way
	known   map[string]topicSet // of statements
}

type member struct {
	ctx    context.Context
	f      func(*tx) error
	err    error
	result chan error
}

// maxGroup bounds the members of one commit: latency, and what a failure repeats.
const maxGroup = 64

func newGroup(ctx context.Context, pool *sql.DB, newTx func(context.Context, querier) *tx) (*group, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	g := &group{pool: pool, conn: conn, q: &prepared{on: conn}, newTx: newTx, members: make(chan *member, maxGroup), done: make(chan struct{}),
		memo: &memo{}, known: map[string]topicSet{}}
	g.q.observe = g.note
	go g.run()
	return g, nil
}

func (g *group) close() {
	close(g.members)
	<-g.done
	g.q.close()
	g.conn.Close()
	g.pool.Close()
}

// do waits for its turn and for the commit. A caller that gives up before its
// member starts gets its context's error and nothing happens.
func (g *group) do(ctx context.Context, f func(*tx) error) error {
	result, err := g.begin(ctx, f)
	if err != nil {
		return err
	}
	return <-result
}

// begin is do without the wait for the commit, of which it returns the result.
func (g *group) begin(ctx context.Context, f func(*tx) error) (<-chan error, error) {
	m := &member{ctx: ctx, f: f, result: make(chan error, 1)}
	select {
	case g.members <- m:
		return m.result, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (g *group) run() {
	defer close(g.done)
	for first := range g.members {
		batch := []*member{first}
	more:
		for len(batch) < maxGroup {
			select {
			case m, ok := <-g.members:
				if !ok {
					break more
				}
				batch = append(batch, m)
			default:
				break more
			}
		}
		g.commit(batch)
	}
}

// commit runs the batch in one transaction; when the transaction as a whole
// dies, every member runs again alone.
func (g *group) commit(batch []*member) {
	err := g.try(batch)
	switch {
	case err != nil && len(batch) == 1:
		batch[0].err = err
	case err != nil:
		for _, m := range batch {
			if err := g.try([]*member{m}); err != nil { // else its own error is in it already
				m.err = err
			}
		}
	}
	for _, m := range batch {
		m.result <- m.err
	}
}

// note adds what a statement may change to what the transaction changed.
func (g *group) note(query string) {
	set, ok := g.known[query]
	if !ok {
		set = changes(query)
		if len(g.known) < maxPrepared {
			g.known[query] = set
		}
	}
	g.changed |= set
}

// try returns an error when the transaction as a whole failed; the errors of
// single members are left in them. Every error of a savepoint statement, and
// every error that makes SQLite roll back by itself, ends the transaction.
func (g *group) try(batch []*member) (err error) {
	ctx := context.Background()
	g.changed = 0
	if _, err := g.q.ExecContext(ctx, `BEGIN IMMEDIATE`); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			g.q.ExecContext(ctx, `ROLLBACK`) // an error here says that SQLite rolled back already
		}
	}()
	wrote := false
	for _, m := range batch {
		if m.err = m.ctx.Err(); m.err != nil {
			continue
		}
		if _, err := g.q.ExecContext(ctx, `SAVEPOINT m`); err != nil {
			return err
		}
		m.err = protect(m.f, g.newTx(context.WithoutCancel(m.ctx), g.q))
		if m.err != nil {
			if killsTransaction(m.err) {
				return m.err
			}
			if _, err := g.q.ExecContext(ctx, `ROLLBACK TO m`); err != nil {
				return err
			}
		} else {
			wrote = true
		}
		if _, err := g.q.ExecContext(ctx, `RELEASE m`); err != nil {
			return err
		}
	}
	if !wrote {
		_, err := g.q.ExecContext(ctx, `ROLLBACK`)
		return err
	}
	if err := failpoint.Err("catalog.commit"); err != nil {
		return err
	}
	defer g.memo.change(g.changed)()
	_, err = g.q.ExecContext(ctx, `COMMIT`)
	failpoint.Hit("catalog.committed")
	return err
}

// protect turns a panic of one member into its error: it must not take the
// others with it.
func protect(f func(*tx) error, t *tx) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic in a transaction: %v", p)
		}
	}()
	return f(t)
}

func sqliteCode(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// killsTransaction reports whether SQLite may have rolled the whole
// transaction back.
func killsTransaction(err error) bool {
	switch sqliteCode(err) & 0xff {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CORRUPT:
		return true
	}
	return false
}
