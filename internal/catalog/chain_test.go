package catalog

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
	"easel/internal/pgtest"
)

// onEngines runs f on an empty catalogue of each engine.
func onEngines(t *testing.T, f func(*testing.T, *DB)) {
	t.Helper()
	open := func(t *testing.T, url string) {
		t.Parallel()
		db, err := Open(t.Context(), Options{URL: url})
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		f(t, db)
	}
	t.Run("sqlite", func(t *testing.T) { open(t, "sqlite:"+filepath.Join(t.TempDir(), "easel.db")) })
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("left out: -short")
		}
		open(t, pgtest.Start(t))
	})
}

// note adds n audit records of domain.
func note(t *testing.T, db *DB, domain string, n int) {
	t.Helper()
	who := easel.Principal{UserID: "u", UserName: "ann", DomainID: domain, ProjectID: "p"}
	for i := range n {
		err := db.update(t.Context(), func(t *tx) error {
			if i%3 == 0 {
				return t.audit(who, "deleteImageTag", fmt.Sprint("team/a:", i), 5, &easel.Receipt{ID: easel.NewUUID(t.time())})
			}
			return t.auditAbout(who, "pushManifest", fmt.Sprint("team/a:", i), 5, About{Repo: "team/a", Tags: []easel.Tag{"1"}})
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func sealAll(t *testing.T, db *DB) int {
	t.Helper()
	n, err := db.SealAudit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// span returns the whole chain of a domain.
func span(t *testing.T, db *DB, domain string) AuditSpan {
	t.Helper()
	h, err := db.AuditHead(t.Context(), domain)
	if err != nil {
		t.Fatal(err)
	}
	return AuditSpan{Domain: domain, From: 1, Limit: 1 << 20, To: h}
}

// checkChain looks at a span and at what is behind the head.
func checkChain(t *testing.T, db *DB, s AuditSpan) (int, *AuditFinding) {
	t.Helper()
	n, f, err := db.CheckAudit(t.Context(), s)
	if err == nil && f == nil {
		f, err = db.CheckAuditEnd(t.Context(), s)
	}
	if err != nil {
		t.Fatal(err)
	}
	return n, f
}

func TestChainFits(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, db *DB) {
		note(t, db, "lab", sealBatch+10)
		note(t, db, "other", 3)
		note(t, db, "", 1)
		if u, err := db.AuditUnsealed(t.Context(), "lab"); err != nil || u.Records != sealBatch+10 || u.Oldest.IsZero() {
			t.Errorf("before: %+v unsealed, %v", u, err)
		}
		if n := sealAll(t, db); n != sealBatch+14 {
			t.Errorf("sealed %d records, want %d", n, sealBatch+14)
		}
		note(t, db, "lab", 5)
		if n := sealAll(t, db); n != 5 {
			t.Errorf("then sealed %d records, want 5", n)
		}
		for domain, want := range map[string]int{"lab": sealBatch + 15, "other": 3, "": 1, "none": 0} {
			s := span(t, db, domain)
			if n, f := checkChain(t, db, s); n != want || f != nil || s.To.Seq != int64(want) {
				t.Errorf("%q: %d records fit, head %d, finding %+v; want %d", domain, n, s.To.Seq, f, want)
			}
		}
		s := span(t, db, "lab")
		s.From, s.Limit = 7, 100
		if n, f, err := db.CheckAudit(t.Context(), s); n != 100 || f != nil || err != nil {
			t.Errorf("100 from the seventh on: %d fit, %+v, %v", n, f, err)
		}
		records, err := db.Audit(t.Context(), AuditQuery{Domain: "lab", Limit: 1})
		if err != nil || records[0].Seq != s.To.Seq || !slices.Equal(records[0].Hash, s.To.Hash) {
			t.Errorf("the newest record is %+v, the head %+v, %v", records, s.To, err)
		}
		if seq, err := db.AuditSeq(t.Context(), "lab", records[0].ID); err != nil || seq != s.To.Seq {
			t.Errorf("its place is %d, %v", seq, err)
		}
		if _, err := db.AuditSeq(t.Context(), "other", records[0].ID); easel.AsError(err).Kind != easel.NotFound {
			t.Errorf("its place in another domain: %v", err)
		}
	})
}

// TestChainFindsTampering changes the stored trail in each way that a hand in
// the database could.
func TestChainFindsTampering(t *testing.T) {
	t.Parallel()
	const copied = `INSERT INTO audit (id, at, request, domain, project, actor, actor_name, action, resource, bytes, about, receipt, seq, hash)
		SELECT 'zz', at, request, domain, project, actor, actor_name, action, resource, bytes, about, receipt, `
	hands := []struct {
		name   string
		sql    []string
		seq    int64
		detail string
	}{
		{"an actor changed", []string{`UPDATE audit SET actor_name = 'eve' WHERE seq = 4`}, 4, "was changed"},
		{"a time changed", []string{`UPDATE audit SET at = at + 1 WHERE seq = 4`}, 4, "was changed"},
		{"bytes changed", []string{`UPDATE audit SET bytes = 6 WHERE seq = 4`}, 4, "was changed"},
		{"a receipt changed", []string{`UPDATE audit SET receipt = '{}' WHERE seq = 4`}, 4, "was changed"},
		{"a receipt emptied", []string{`UPDATE audit SET receipt = '' WHERE seq = 4`}, 4, "was changed"},
		{"its subject changed", []string{`UPDATE audit SET about = '' WHERE seq = 5`}, 5, "was changed"},
		{"a hash changed", []string{`UPDATE audit SET hash = (SELECT hash FROM audit WHERE domain = 'lab' AND seq = 1) WHERE domain = 'lab' AND seq = 4`}, 4, "was changed"},
		{"a record removed", []string{`DELETE FROM audit WHERE seq = 4`}, 4, "removed"},
		{"a record removed, the others moved up", []string{`DELETE FROM audit WHERE seq = 4`, `UPDATE audit SET seq = seq - 1000 WHERE seq > 4`,
			`UPDATE audit SET seq = seq + 999 WHERE seq < 0`}, 4, "does not fit"},
		{"the first removed", []string{`DELETE FROM audit WHERE seq = 1`}, 1, "removed"},
		{"the last removed", []string{`DELETE FROM audit WHERE seq = 9`}, 9, "removed"},
		{"a record inserted", []string{`UPDATE audit SET seq = -seq WHERE seq > 4`, `UPDATE audit SET seq = 1 - seq WHERE seq < 0`,
			copied + `5, hash FROM audit WHERE seq = 2`}, 5, "does not fit"},
		{"one put behind the head", []string{copied + `10, hash FROM audit WHERE seq = 9`}, 10, "behind the head"},
		{"the end cut off with the head set back", []string{`DELETE FROM audit WHERE seq > 6`, `UPDATE audit_chain SET seq = 6`}, 6, "another hash than its head"},
		{"the end cut off as if it had never been", []string{`DELETE FROM audit WHERE seq > 6`,
			`UPDATE audit_chain SET seq = 6, hash = (SELECT hash FROM audit WHERE seq = 6)`}, 7, "before the head that was kept"},
		{"everything sealed anew", []string{`UPDATE audit SET actor_name = 'eve', seq = NULL, hash = NULL`, `DELETE FROM audit_chain`, "seal"}, 9, "written anew"},
	}
	onEngines(t, func(t *testing.T, db *DB) {
		for _, tt := range hands {
			t.Run(tt.name, func(t *testing.T) {
				change(t, db, `DELETE FROM audit`, `DELETE FROM audit_chain`)
				note(t, db, "lab", 9)
				sealAll(t, db)
				kept := span(t, db, "lab").To
				change(t, db, tt.sql...)
				s := span(t, db, "lab")
				s.Kept = &kept
				n, f := checkChain(t, db, s)
				if f == nil || f.Seq != tt.seq || !strings.Contains(f.Detail, tt.detail) || int64(n) != tt.seq-1 {
					t.Errorf("%d fit, then %+v; want %d %q", n, f, tt.seq, tt.detail)
				}
			})
		}
	})
}

// change runs statements; "seal" seals.
func change(t *testing.T, db *DB, statements ...string) {
	t.Helper()
	for _, sql := range statements {
		if sql == "seal" {
			sealAll(t, db)
			continue
		}
		if err := db.update(t.Context(), func(t *tx) error { _, err := t.exec(sql); return err }); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSealersDoNotFork lets several seal while others write.
func TestSealersDoNotFork(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, db *DB) {
		writing, stop := context.WithCancel(t.Context())
		var sealers, writers sync.WaitGroup
		for range 3 {
			sealers.Go(func() {
				for writing.Err() == nil {
					if _, err := db.SealAudit(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for n := range 3 {
			writers.Go(func() { note(t, db, fmt.Sprint("domain", n%2), 30) })
		}
		writers.Wait()
		stop()
		sealers.Wait()
		sealAll(t, db)
		for domain, want := range map[string]int{"domain0": 60, "domain1": 30} {
			if n, f := checkChain(t, db, span(t, db, domain)); n != want || f != nil {
				t.Errorf("%s: %d fit, finding %+v; want %d", domain, n, f, want)
			}
		}
	})
}

// TestChainHash fixes what is hashed: a verifier elsewhere depends on it.
func TestChainHash(t *testing.T) {
	t.Parallel()
	r := auditRow{AuditRecord: AuditRecord{ID: "01a20993-fba6-7557-9f78-87f3e5ab0000", RequestID: "req", Domain: "d", Project: "p", Actor: "u", ActorName: "ann",
		Action: "deleteImageTag", Resource: "team/a:1", Bytes: 7}, at: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC).UnixMicro(), receipt: "{}"}
	got := fmt.Sprintf("%x", chainHash(make([]byte, 32), 1, r))
	if want := "454097a5ad0ac4c8a09875610aacc0663ea58e80637be595cfad9f88d5aed1fd"; got != want {
		t.Errorf("hash = %s, want %s", got, want)
	}
}
