package catalog

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	_ "github.com/jackc/pgx/v5/stdlib" // the driver "pgx"
	sqlite3 "modernc.org/sqlite/lib"

	"easel/internal/failpoint"
)

func (db *DB) openPostgres(ctx context.Context, url string) error {
	db.engine = postgres
	var err error
	if db.read, err = sql.Open("pgx", url); err != nil {
		return fmt.Errorf("open the database: %w", err)
	}
	db.readers = db.read
	// Idle connections are kept: on a full disk PostgreSQL cannot make new ones.
	db.read.SetMaxOpenConns(16)
	db.read.SetMaxIdleConns(16)
	if err := migrate(ctx, db.read, postgres); err != nil {
		db.read.Close()
		return err
	}
	return nil
}

// tryPostgres runs f once, READ COMMITTED.
func (db *DB) tryPostgres(ctx context.Context, f func(*tx) error) error {
	s, err := db.read.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	defer s.Rollback()
	t := db.newTx(ctx, s)
	if db.clock == nil {
		if _, err := t.get([]any{&t.now}, `SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint`); err != nil {
			return err
		}
	}
	if err := protect(f, t); err != nil {
		return err
	}
	if err := failpoint.Err("catalog.commit"); err != nil {
		return err
	}
	if err := s.Commit(); err != nil {
		return err
	}
	return failpoint.Err("catalog.committed")
}

// errAgain says that what a transaction read is no longer so.
var errAgain = errors.New("changed by another transaction")

// The SQLSTATEs that mean "another transaction was in the way": serialisation
// failure, deadlock, foreign key.
func retryable(err error) bool {
	if errors.Is(err, errAgain) {
		return true
	}
	switch sqlState(err) {
	case "40001", "40P01", "23503":
		return true
	}
	return false
}

func sqlState(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

func isFull(err error) bool {
	code := sqliteCode(err)
	return code&0xff == sqlite3.SQLITE_FULL || code == sqlite3.SQLITE_IOERR_SHMSIZE || sqlState(err) == "53100"
}

// isUnique reports whether err says that a row with the same key exists.
func isUnique(err error) bool {
	code := sqliteCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY || sqlState(err) == "23505"
}

// forUpdate and forNoKeyUpdate are PostgreSQL's row locks; on SQLite the
// transaction itself is the lock.
func (t *tx) forUpdate() string {
	if t.engine == postgres {
		return " FOR UPDATE"
	}
	return ""
}

func (t *tx) forNoKeyUpdate() string {
	if t.engine == postgres {
		return " FOR NO KEY UPDATE"
	}
	return ""
}

func (t *tx) time() time.Time { return fromMicros(t.now) }
