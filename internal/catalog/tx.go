package catalog

import (
	"context"
	"database/sql"
	"errors"
	"math/bits"
	"strconv"
	"strings"
	"time"

	"easel"
)

// querier is what *sql.DB, *sql.Conn and *sql.Tx have in common.
type querier interface {
	ExecContext(context.Context, string, ...any) (sql.Result, error)
	QueryContext(context.Context, string, ...any) (*sql.Rows, error)
	QueryRowContext(context.Context, string, ...any) *sql.Row
}

// tx is one transaction with its context and its time. Helpers take it and
// never commit.
type tx struct {
	ctx     context.Context
	q       querier
	engine  engine
	now     int64         // microseconds; one clock for the whole transaction
	pinFor  time.Duration // how long a pin lasts
	quotas  Quotas        // where no others were set
	reserve *reserve      // nil: the disk is the server's concern
	counts  imageCounts   // of images that came and went, written last

	planning bool            // everything is rolled back at the end
	blockers []easel.Blocker // what a deletion would have been refused for
}

// refuse is where a deletion stops because of err, which says what stands in
// its way. A plan notes that and goes on as if it were not there, so that it
// shows everything that stands in the way: then refuse returns nil, and the
// caller has to leave alone, or take away, what would make a foreign key fail.
// Errors that are no blockers, such as NotFound, are returned in both.
func (t *tx) refuse(err error) error {
	if err == nil || !t.planning {
		return err
	}
	b, ok := easel.AsError(err).Blocker()
	if !ok {
		return err
	}
	t.blockers = append(t.blockers, b)
	return nil
}

// exec runs a statement and returns the number of rows it changed.
func (t *tx) exec(query string, args ...any) (int64, error) {
	r, err := t.q.ExecContext(t.ctx, query, args...)
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// get scans the only row of query into dest. It returns false when there is none.
func (t *tx) get(dest []any, query string, args ...any) (bool, error) {
	err := t.q.QueryRowContext(t.ctx, query, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// exists reports whether query returns a row; it must select one column.
func (t *tx) exists(query string, args ...any) (bool, error) {
	var ignored any
	return t.get([]any{&ignored}, query, args...)
}

// scanner is a row under the cursor.
type scanner interface{ Scan(dest ...any) error }

// all runs query and returns what scan makes of each row, never nil.
func all[T any](t *tx, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := t.q.QueryContext(t.ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	out := []T{}
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// column scans a row of one column.
func column[T any](s scanner) (v T, err error) { err = s.Scan(&v); return v, err }

// args collects the parameters of a statement that is put together from parts.
type args []any

// add appends v and returns its placeholder.
func (a *args) add(v any) string {
	*a = append(*a, v)
	return "$" + strconv.Itoa(len(*a))
}

// addAll appends vs and returns their placeholders, comma-separated, for "IN
// (…)". vs must not be empty. The last value is repeated up to a power of two,
// so that there are few texts to prepare.
func addAll[T any](a *args, vs []T) string {
	var b strings.Builder
	for i := range powerOfTwo(len(vs)) {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(a.add(vs[min(i, len(vs)-1)]))
	}
	return b.String()
}

// powerOfTwo returns the smallest power of two that is at least n, which is positive.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

// maxList bounds the values of one generated list: a power of two below
// SQLite's limit of 32,766 parameters and PostgreSQL's of 65,535.
const maxList = 8192

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}
