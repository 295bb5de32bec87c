package catalog_test

import (
	"database/sql"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// uploadRows counts the rows of upload: of sessions, and of spare keys.
func uploadRows(t *testing.T, url string) (sessions, spare int) {
	t.Helper()
	outside, err := sql.Open("sqlite", strings.TrimPrefix(url, "sqlite:"))
	must(t, err)
	defer outside.Close()
	must(t, outside.QueryRowContext(t.Context(), `SELECT count(*) FILTER (WHERE owner <> ''), count(*) FILTER (WHERE owner = '') FROM upload`).Scan(&sessions, &spare))
	return sessions, spare
}

// TestSpareKeys: every session has a key of its own that was recorded before
// it, and what is left of them goes when the catalogue closes.
func TestSpareKeys(t *testing.T) {
	t.Parallel()
	url := imagetest.SQLite(t)
	w := imagetest.New(t, url)
	const clients, each = 4, 50
	var mu sync.Mutex
	keys := map[string]bool{}
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for range each {
				u, err := w.DB.StartUpload(t.Context(), w.Ann, "team/torch", easel.SHA256, time.Hour)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := w.DB.Upload(t.Context(), w.Ann, "team/torch", u.ID)
				if err != nil || got.Key != u.Key {
					t.Errorf("session %s: %+v, %v", u.ID, got, err)
				}
				mu.Lock()
				keys[string(u.Key)] = true
				mu.Unlock()
			}
		})
	}
	all.Wait()
	if sessions, spare := uploadRows(t, url); len(keys) != clients*each || sessions != clients*each || spare == 0 {
		t.Errorf("%d keys, %d sessions and %d spare keys; want %d different keys and some spare", len(keys), sessions, spare, clients*each)
	}
	if b, err := w.DB.Backlog(t.Context()); err != nil || b.Uploads != clients*each {
		t.Errorf("%d uploads are under way, %v", b.Uploads, err)
	}
	_, err := w.DB.StartUpload(t.Context(), w.Ann, "nobody/torch", easel.SHA256, time.Hour)
	wantError(t, "an upload to no organisation", err, easel.NotFound, "organisation")
	again, err := catalog.Open(t.Context(), catalog.Options{URL: "sqlite:" + t.TempDir() + "/easel.db"})
	must(t, err)
	must(t, again.Close()) // without ever having had a key
}

// TestSpareKeysOfTheDead: a key that no session took is garbage after the next
// start, for a session that took it may have been lost with its power.
func TestSpareKeysOfTheDead(t *testing.T) {
	t.Parallel()
	url := imagetest.SQLite(t)
	w := imagetest.New(t, url)
	_, err := w.DB.StartUpload(t.Context(), w.Ann, "team/torch", easel.SHA256, time.Hour)
	must(t, err)
	_, before := uploadRows(t, url)
	next, err := catalog.Open(t.Context(), catalog.Options{URL: url}) // the first is still open, as if it had died
	must(t, err)
	n, err := next.ExpireUploads(t.Context())
	if err != nil || n != 0 {
		t.Errorf("%d sessions ended, %v; want none", n, err)
	}
	due, err := next.Garbage(t.Context(), "", 1000)
	if sessions, spare := uploadRows(t, url); err != nil || before == 0 || len(due) != before || sessions != 1 || spare != 0 {
		t.Errorf("of %d spare keys %d are garbage, %v; left are %d sessions and %d spare keys", before, len(due), err, sessions, spare)
	}
	must(t, next.Close())
	// The first one's keys are not its own any more: it records others.
	if _, err := w.DB.StartUpload(t.Context(), w.Ann, "team/torch", easel.SHA256, time.Hour); err != nil {
		t.Error(err)
	}
}

// TestSpareKeysGrowOld: keys that waited too long are not used, and leave nothing behind.
func TestSpareKeysGrowOld(t *testing.T) {
	t.Parallel()
	now := time.UnixMilli(1_700_000_000_000)
	url := imagetest.SQLite(t)
	w := imagetest.NewAt(t, url, func() time.Time { return now })
	start := func() {
		_, err := w.DB.StartUpload(t.Context(), w.Ann, "team/torch", easel.SHA256, 24*time.Hour)
		must(t, err)
	}
	start()
	now = now.Add(2 * time.Hour)
	n, err := w.DB.ExpireUploads(t.Context())
	if sessions, spare := uploadRows(t, url); err != nil || n != 0 || sessions != 1 || spare != 0 {
		t.Errorf("%d ended, %v; %d sessions and %d spare keys are left; want the session", n, err, sessions, spare)
	}
	due, err := w.DB.Garbage(t.Context(), "", 10)
	if err != nil || len(due) > 0 {
		t.Errorf("garbage %v, %v; want none", due, err)
	}
	start()
	now = now.Add(2 * time.Hour)
	start() // without a maintenance between
}
