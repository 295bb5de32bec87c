package catalog

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"easel"
)

func openTest(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "easel.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	return db
}

// setting stores a row, to see later whether its member was committed.
func setting(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec(`INSERT INTO setting (name, value) VALUES ($1, $2)`, name, []byte("x"))
		return err
	}
}

// oneGroup hands fs to the writer as one batch and returns their errors.
func oneGroup(t *testing.T, db *DB, fs ...func(*tx) error) []error {
	t.Helper()
	batch := make([]*member, len(fs))
	for i, f := range fs {
		batch[i] = &member{ctx: t.Context(), f: f, result: make(chan error, 1)}
	}
	// The writer is busy with a member of ours while we use its connection.
	var errs []error
	err := db.group.do(t.Context(), func(*tx) error {
		db.group.conn.ExecContext(t.Context(), `ROLLBACK`)
		db.group.commit(batch)
		for _, m := range batch {
			errs = append(errs, <-m.result)
		}
		return errors.New("this member was only the way in")
	})
	if err == nil {
		t.Fatal("the way in was committed")
	}
	return errs
}

func stored(t *testing.T, db *DB) string {
	t.Helper()
	var names []string
	err := db.view(t.Context(), func(x *tx) (err error) {
		names, err = all(x, column[string], `SELECT name FROM setting ORDER BY name`)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(names, " ")
}

func TestGroupCommit(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	tests := []struct {
		name string
		bad  func(*tx) error
	}{
		{"own error", func(x *tx) error { setting("bad")(x); return boom }},
		{"unique", setting("a")},
		{"check", func(x *tx) error {
			setting("bad")(x)
			_, err := x.exec(`INSERT INTO pin (repo, blob, owner, uses, until, counted, finisher) VALUES (1, 1, '', -1, 0, 0, '')`)
			return err
		}},
		{"foreign key", func(x *tx) error {
			setting("bad")(x)
			_, err := x.exec(`INSERT INTO link (repo, blob) VALUES (77, 78)`)
			return err
		}},
		{"panic", func(x *tx) error { setting("bad")(x); panic("boom") }},
		{"rolls everything back", func(x *tx) error {
			setting("bad")(x)
			_, err := x.exec(`INSERT OR ROLLBACK INTO link (repo, blob) VALUES (NULL, NULL)`)
			return err
		}},
		{"ends the transaction behind our back", func(x *tx) error { _, err := x.exec(`ROLLBACK`); return errors.Join(err, boom) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			db := openTest(t)
			errs := oneGroup(t, db, setting("a"), tt.bad, setting("b"))
			if errs[0] != nil || errs[1] == nil || errs[2] != nil {
				t.Errorf("errors = %v, want only the second", errs)
			}
			if got := stored(t, db); got != "a b" {
				t.Errorf("stored %q, want the two good members", got)
			}
		})
	}
}

// TestDeadGroup: a group that one member kills is run again member by member,
// and each gets its own outcome.
func TestDeadGroup(t *testing.T) {
	t.Parallel()
	db, own := openTest(t), errors.New("own error")
	kill := func(x *tx) error {
		_, err := x.exec(`INSERT OR ROLLBACK INTO link (repo, blob) VALUES (NULL, NULL)`)
		return err
	}
	errs := oneGroup(t, db, setting("a"), func(x *tx) error { setting("bad")(x); return own }, kill, setting("b"), setting("a"))
	if errs[0] != nil || !errors.Is(errs[1], own) || errs[2] == nil || errs[3] != nil || !isUnique(errs[4]) {
		t.Errorf("errors = %v", errs)
	}
	if got := stored(t, db); got != "a b" {
		t.Errorf("stored %q", got)
	}
}

func TestCancelledMember(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := db.update(cancelled, setting("never")); err == nil {
		t.Error("a request that had ended was carried out")
	}
	ctx, cancel := context.WithCancel(t.Context())
	err := db.update(ctx, func(x *tx) error { // the client hangs up in the middle
		cancel()
		return setting("whole")(x)
	})
	if err != nil {
		t.Errorf("a transaction under way was cut off: %v", err)
	}
	if got := stored(t, db); got != "whole" {
		t.Errorf("stored %q", got)
	}
}

func TestAcknowledgedSurvivesReopening(t *testing.T) {
	t.Parallel()
	url := "sqlite:" + filepath.Join(t.TempDir(), "a b%20#?.db") // names that a URL would mangle
	db, err := Open(t.Context(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			if err := db.update(t.Context(), setting(fmt.Sprintf("%03d", i))); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again, err := Open(t.Context(), Options{URL: url})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if n := len(strings.Fields(stored(t, again))); n != 200 {
		t.Errorf("%d of 200 acknowledged transactions are there", n)
	}
}

func TestParametersAreBoundByNumber(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	var got string
	err := db.view(t.Context(), func(x *tx) error {
		_, err := x.get([]any{&got}, `SELECT $2 || $1 || $2`, "a", "b")
		return err
	})
	if got != "bab" || err != nil {
		t.Errorf("got %q, %v: one SQL text for both engines depends on this", got, err)
	}
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	db := openTest(t)
	want := map[string]string{"journal_mode": "wal", "synchronous": "2", "foreign_keys": "1", "auto_vacuum": "0"}
	for pragma, value := range want {
		var got string
		if err := db.update(t.Context(), func(x *tx) error {
			_, err := x.get([]any{&got}, `PRAGMA `+pragma)
			return err
		}); err != nil || got != value {
			t.Errorf("%s = %q, %v; want %q", pragma, got, err, value)
		}
	}
	if err := db.view(t.Context(), setting("x")); err == nil {
		t.Error("a reading connection can write")
	}
}

func TestMigrationIsTranslated(t *testing.T) {
	t.Parallel()
	const text = "CREATE TABLE x (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, b BLOB, t TEXT);\nCREATE INDEX y ON x(n);\n"
	if got, want := translate(sqlite, text), strings.Replace(text, "TEXT);", "TEXT) STRICT;", 1); got != want {
		t.Errorf("sqlite: %s\nwant %s", got, want)
	}
	want := "CREATE TABLE x (id BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY, n BIGINT NOT NULL, b BYTEA, t TEXT COLLATE \"C\");\nCREATE INDEX y ON x(n);\n"
	if got := translate(postgres, text); got != want {
		t.Errorf("postgres: %s\nwant %s", got, want)
	}
}

func TestOpenRefusesOtherURLs(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "mysql://x", "easel.db"} {
		if _, err := Open(t.Context(), Options{URL: url}); !errors.Is(err, easel.Invalid) {
			t.Errorf("Open(%q) = %v, want Invalid", url, err)
		}
	}
}

func TestClassify(t *testing.T) {
	t.Parallel()
	for _, kind := range []easel.Kind{easel.NoSpace, easel.NotFound} {
		if err := classify(easel.E(kind, "x", "y")); !errors.Is(err, kind) {
			t.Errorf("classify changed %v to %v", kind, err)
		}
	}
	if err := classify(fmt.Errorf("query: %w", context.DeadlineExceeded)); !errors.Is(err, easel.Unavailable) {
		t.Errorf("classify(deadline) = %v, want Unavailable", err)
	}
}
