package catalog_test

import (
	"path/filepath"
	"testing"
	"time"

	"easel/internal/catalog"
	"easel/internal/catalog/catalogtest"
	"easel/internal/pgtest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	catalogtest.Run(t, func(t *testing.T, clock func() time.Time) *catalog.DB {
		return openFor(t, "sqlite:"+filepath.Join(t.TempDir(), "easel.db"), clock)
	})
}

func TestPostgres(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	t.Parallel()
	catalogtest.Run(t, func(t *testing.T, clock func() time.Time) *catalog.DB {
		return openFor(t, pgtest.Start(t), clock)
	})
}

func openFor(t *testing.T, url string, clock func() time.Time) *catalog.DB {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: url, Clock: clock})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}
