// Package pgtest gives tests a PostgreSQL database of their own.
//
// The first call of [Start] in a test binary makes a private cluster in a new
// directory under /tmp and starts it, reachable only through a Unix socket in
// that directory, without fsync. A watchdog process ends it and removes the
// directory when the test binary has ended, however it ended.
//
// PostgreSQL refuses to run as root: for root the cluster runs as the user
// postgres, and package postgresql is installed with apt-get when it is not
// there.
package pgtest

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
)

// theCluster is shared by all tests of the binary: starting one takes seconds.
var theCluster = sync.OnceValues(startCluster)

var databases atomic.Int64

// Start returns the postgres:// URL of a new, empty database, which is dropped
// when the test ends. A machine that has no PostgreSQL and on which none can be
// installed fails the test; callers leave it out under testing.Short.
func Start(t testing.TB) string {
	t.Helper()
	c, err := theCluster()
	if err != nil {
		t.Fatalf("PostgreSQL for tests: %v", err)
	}
	name := fmt.Sprintf("test%d", databases.Add(1))
	if err := c.exec(t.Context(), "CREATE DATABASE "+name); err != nil {
		t.Fatalf("make database %s: %v", name, err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		if err := c.exec(context.Background(), "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return c.url(name)
}

func (c *cluster) url(database string) string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/" + database}
	u.RawQuery = url.Values{"host": {c.dir}}.Encode()
	return u.String()
}

// exec runs one statement in the maintenance database.
func (c *cluster) exec(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, c.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(ctx, statement)
	return err
}
