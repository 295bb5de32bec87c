package catalog

import (
	"path/filepath"
	"testing"
	"time"

	"easel"
	"easel/internal/pgtest"
)

// TestLedgerIsMended spoils the ledger behind its back: check says so, and
// counts anew when it is told to. So does the first start with a database from
// before there was a ledger.
func TestLedgerIsMended(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		ledgerIsMended(t, "sqlite:"+filepath.Join(t.TempDir(), "easel.db"))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		if testing.Short() {
			t.Skip("left out: -short")
		}
		t.Parallel()
		ledgerIsMended(t, pgtest.Start(t))
	})
}

func ledgerIsMended(t *testing.T, url string) {
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	db, err := Open(t.Context(), Options{URL: url})
	must(err)
	defer func() { db.Close() }()
	lab := Domain{ID: "lab", Name: "lab", Enabled: true}
	ann := easel.Principal{UserID: "ann", UserName: "ann", DomainID: "lab"}
	must(db.AddDomain(t.Context(), lab))
	must(db.AddAccount(t.Context(), Account{ID: "ann", Name: "ann", Enabled: true, Domain: lab}))
	must(db.CreateOrg(t.Context(), ann, "team"))
	body := []byte(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","layers":[],"config":{"mediaType":"x/y","size":6,"digest":"` +
		string(easel.DigestOf(easel.SHA256, []byte("config"))) + `"}}`)
	m, err := easel.ParseManifest(easel.MediaTypeOCIManifest, body)
	must(err)
	for _, repo := range []easel.Repo{"team/a", "team/b"} {
		u, err := db.StartUpload(t.Context(), ann, repo, easel.SHA256, time.Hour)
		must(err)
		_, err = db.FinishUpload(t.Context(), ann, u, m.Config.Digest, 6)
		must(err)
		must(db.PutManifest(t.Context(), ann, ManifestPut{Repo: repo, Digest: easel.DigestOf(easel.SHA256, body), Tags: []easel.Tag{"v1"}, Manifest: m}))
	}
	for _, spoil := range []string{
		`UPDATE ledger SET held = held + 5 WHERE kind = 'org'`,
		`UPDATE ledger SET exclusive = 6 WHERE kind = 'repo'`,
		`DELETE FROM ledger_entry WHERE held > 0`,
		`UPDATE blob SET of_user = -1`,
		`UPDATE blob SET of_repo = 0`,
	} {
		must(db.update(t.Context(), func(t *tx) error { _, err := t.exec(spoil); return err }))
		if found, err := db.Verify(t.Context(), false); err != nil || len(found) == 0 || found[0].Kind != "wrong ledger" {
			t.Errorf("after %s: findings %v, %v", spoil, found, err)
		}
		if found, err := db.Verify(t.Context(), true); err != nil || len(found) == 0 || !found[0].Repaired {
			t.Errorf("repair after %s: findings %v, %v", spoil, found, err)
		}
		if found, err := db.Verify(t.Context(), false); err != nil || len(found) > 0 {
			t.Errorf("after the repair of %s: findings %v, %v", spoil, found, err)
		}
		must(db.update(t.Context(), func(t *tx) error { // so that the next one finds entries
			_, err := t.exec(`INSERT INTO ledger_entry (ledger, held, exclusive, blobs) SELECT id, 1, 0, 0 FROM ledger UNION ALL SELECT id, -1, 0, 0 FROM ledger`)
			return err
		}))
	}
	for _, before := range []string{`DELETE FROM ledger`, `DELETE FROM ledger_entry`, `UPDATE repo SET in_repo = 0`, `UPDATE blob SET of_repo = 0, of_org = 0`} {
		must(db.update(t.Context(), func(t *tx) error { _, err := t.exec(before); return err }))
	}
	must(db.Close())
	db, err = Open(t.Context(), Options{URL: url})
	must(err)
	if found, err := db.Verify(t.Context(), false); err != nil || len(found) > 0 {
		t.Errorf("after a start: findings %v, %v", found, err)
	}
	found, err := db.Usage(t.Context(), UsageQuery{Kind: UsageOfOrgs, Limit: 10})
	if err != nil || len(found) != 1 || found[0].Exclusive != 6 {
		t.Errorf("usage after a start: %+v, %v", found, err)
	}
}
