package pgtest_test

import (
	"context"
	"errors"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"easel/internal/pgtest"
)

func TestStartGivesEachTestItsOwn(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	for range 2 {
		conn := connect(t, pgtest.Start(t))
		// In a database that another test had used the table would be there.
		if _, err := conn.Exec(t.Context(), "CREATE TABLE mine (n bigint)"); err != nil {
			t.Errorf("in a fresh database: %v", err)
		}
	}
}

func TestDatabaseIsDroppedWithItsTest(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	var ended string
	t.Run("ended", func(t *testing.T) {
		ended = pgtest.Start(t)
		connect(t, ended) // an open connection does not keep it
	})
	conn, err := pgx.Connect(t.Context(), ended)
	if err == nil {
		conn.Close(t.Context())
		t.Error("the database of a test that has ended is still there")
	}
}

// childEnv makes TestPanics, run in a process of its own, do what it says.
const childEnv = "PGTEST_PANIC"

func TestClusterEndsWithItsProcess(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestPanics$")
	child.Env = append(os.Environ(), childEnv+"=1")
	out, err := child.CombinedOutput()
	if err == nil {
		t.Fatalf("the child did not panic:\n%s", out)
	}
	_, dir, found := strings.Cut(string(out), "cluster in ")
	dir, _, _ = strings.Cut(dir, "\n")
	if !found || dir == "" {
		t.Fatalf("the child started no cluster:\n%s", out)
	}
	// The watchdog removes the directory last, when the server has ended.
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s is still there", dir)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestPanics(t *testing.T) {
	if os.Getenv(childEnv) == "" {
		return
	}
	u, err := url.Parse(pgtest.Start(t))
	if err != nil {
		t.Fatal(err)
	}
	os.Stdout.WriteString("cluster in " + u.Query().Get("host") + "\n")
	panic("on purpose")
}

func connect(t *testing.T, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close(context.Background()) })
	return conn
}
