package catalog

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"easel"
)

type engine uint8

const (
	sqlite engine = iota
	postgres
)

// DB is the catalogue. It is safe for concurrent use.
type DB struct {
	engine  engine
	read    *sql.DB  // SQLite: read-only connections; PostgreSQL: the pool
	readers querier  // read, with prepared statements
	group   *group   // SQLite: the one writer
	reserve *reserve // SQLite: disk space that deletions can count on
	clock   func() time.Time
	pinFor  time.Duration
	quotas  Quotas
	observe func(ctx context.Context, op string, d time.Duration)
	watch   func(context.Context, querier) querier // tests stop transactions between two statements; else nil
}

// Options say how to open a catalogue.
type Options struct {
	// URL is "sqlite:PATH" or "postgres://…".
	URL string
	// Clock is the time of transactions. Nil: time.Now on SQLite, the
	// database's own clock on PostgreSQL, so that all replicas agree.
	Clock func() time.Time
	// PinFor is how long a pin lasts after it was last counted; 0: 15 minutes.
	PinFor time.Duration
	// Quotas hold where no others were set.
	Quotas Quotas
	// LowSpace is the mark of free bytes on SQLite's disk below which the
	// catalogue gives up its reserve, so that deletions have room; 0: 64 MiB.
	LowSpace int64
	// Observe, if set, is told how long each transaction took, retries
	// included; op is "view" or "update".
	Observe func(ctx context.Context, op string, d time.Duration)
}

// Open opens or creates the catalogue and brings its schema up to date.
func Open(ctx context.Context, o Options) (*DB, error) {
	db := &DB{clock: o.Clock, pinFor: o.PinFor, quotas: o.Quotas, observe: o.Observe}
	if db.pinFor == 0 {
		db.pinFor = 15 * time.Minute
	}
	if db.observe == nil {
		db.observe = func(context.Context, string, time.Duration) {}
	}
	path, isSQLite := strings.CutPrefix(o.URL, "sqlite:")
	switch {
	case isSQLite:
		if err := db.openSQLite(ctx, path, cmp.Or(o.LowSpace, 64<<20)); err != nil {
			return nil, err
		}
	case strings.HasPrefix(o.URL, "postgres://"), strings.HasPrefix(o.URL, "postgresql://"):
		if err := db.openPostgres(ctx, o.URL); err != nil {
			return nil, err
		}
	default:
		return nil, easel.E(easel.Invalid, "database", "the database URL must start with sqlite: or postgres://")
	}
	if err := db.beginLedger(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("count the ledger: %w", err), db.Close())
	}
	return db, nil
}

// Close ends all connections. Transactions under way finish first.
func (db *DB) Close() error {
	if p, ok := db.readers.(*prepared); ok {
		p.close()
	}
	err := db.read.Close()
	if db.engine == sqlite {
		db.group.close()                                // after the readers: the connection that closes last decides what becomes of the log
		err = errors.Join(err, db.reserve.file.Close()) // last: closing a file drops the process's locks on it
	}
	return err
}

// Ping reports whether the database answers.
func (db *DB) Ping(ctx context.Context) error {
	return db.view(ctx, func(t *tx) error {
		_, err := t.exists(`SELECT 1`)
		return err
	})
}

// memo returns what keeps answers, nil when nothing may.
func (db *DB) memo() *memo {
	if db.engine == sqlite {
		return db.group.memo
	}
	return nil
}

// view runs f, which only reads; each statement sees a snapshot of its own.
func (db *DB) view(ctx context.Context, f func(*tx) error) error {
	start := time.Now()
	defer func() { db.observe(ctx, "view", time.Since(start)) }()
	return classify(f(db.newTx(ctx, db.readers)))
}

// update runs f in a write transaction and commits it. When the database
// says that another transaction was in the way, f runs again from the
// start: it must not remember anything from a failed try. f runs with a
// context that the client cannot cancel in the middle of a statement.
func (db *DB) update(ctx context.Context, f func(*tx) error) error {
	start := time.Now()
	defer func() { db.observe(ctx, "update", time.Since(start)) }()
	do := func(t *tx) error {
		if err := f(t); err != nil {
			return err
		}
		return t.writeImageCounts()
	}
	if db.engine == sqlite {
		db.reserve.mind(ctx, db.group)
		return classify(db.group.do(ctx, do))
	}
	var err error
	for try := range maxTries {
		if err = ctx.Err(); err != nil {
			return err
		}
		if err = db.tryPostgres(context.WithoutCancel(ctx), do); !retryable(err) {
			return classify(err)
		}
		time.Sleep(rand.N(time.Millisecond << min(try, 6)))
	}
	return classify(fmt.Errorf("gave up after %d tries: %w", maxTries, err))
}

// maxTries bounds the tries of one transaction. In the stress runs of the
// deletion model 50 were never used up.
const maxTries = 50

// errRollback makes update roll back and return nil: a plan.
var errRollback = errors.New("rolled back on purpose")

// plan runs f like update and rolls back whatever it did.
func (db *DB) plan(ctx context.Context, f func(*tx) error) error {
	err := db.update(ctx, func(t *tx) error {
		t.planning = true
		if err := f(t); err != nil {
			return err
		}
		return errRollback
	})
	if errors.Is(err, errRollback) {
		return nil
	}
	return err
}

// newTx returns a transaction on q that happens now.
func (db *DB) newTx(ctx context.Context, q querier) *tx {
	if db.watch != nil {
		q = db.watch(ctx, q)
	}
	return &tx{ctx: ctx, q: q, engine: db.engine, now: micros(db.time()), pinFor: db.pinFor, quotas: db.quotas, reserve: db.reserve}
}

func (db *DB) time() time.Time {
	if db.clock != nil {
		return db.clock()
	}
	return time.Now()
}

// classify gives the errors of the engines that a user can do something about
// their kind.
func classify(err error) error {
	if err == nil || easel.AsError(err).Kind != easel.Internal {
		return err
	}
	switch {
	case isFull(err):
		return easel.E(easel.NoSpace, "database", "the disk that holds the database is full: free some space, deleting works").Because(err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return easel.E(easel.Unavailable, "database", "the request was cancelled or took too long").Because(err)
	}
	return err
}
