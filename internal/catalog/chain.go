package catalog

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"hash"
	"strconv"
)

// The audit records of a domain are a chain. Each sealed record has a number
// and a hash over the hash before it and its own content, so that nobody can
// change, remove or insert one without making all hashes after it anew.
//
// Records are sealed after their commit, a batch at a time: a chain that every
// change had to extend would let one change of a domain wait for the other,
// and on PostgreSQL a push of one repository for those of all others. Until
// then, a second or so, nothing vouches for a record.

// chainVersion is the first field of what is hashed. It changes when the
// others do.
const chainVersion = "easel-audit-1"

// chainHash returns the hash of the record r, number seq, behind prev: SHA-256
// over prev (32 bytes; zeros before the first record) and the record's fields
// as netstrings, "LENGTH:BYTES,". Of a receipt its SHA-256 in hex is hashed.
func chainHash(prev []byte, seq int64, r auditRow) []byte {
	h := sha256.New()
	h.Write(prev)
	receipt := ""
	if r.receipt != "" {
		sum := sha256.Sum256([]byte(r.receipt))
		receipt = hex.EncodeToString(sum[:])
	}
	for _, field := range []string{
		chainVersion, r.Domain, strconv.FormatInt(seq, 10), r.ID, strconv.FormatInt(r.at, 10), r.RequestID, r.Project,
		r.Actor, r.ActorName, r.Action, r.Resource, strconv.FormatInt(r.Bytes, 10), r.about, receipt,
	} {
		netstring(h, field)
	}
	return h.Sum(nil)
}

func netstring(h hash.Hash, field string) { fmt.Fprintf(h, "%d:%s,", len(field), field) }

// sealBatch bounds the records that one transaction seals.
const sealBatch = 200

// SealAudit extends the chains of all domains by the records that were
// committed since, in the order of their ids, and returns how many they were.
// Any number of processes may call it at once.
func (db *DB) SealAudit(ctx context.Context) (sealed int, err error) {
	for {
		round, err := db.sealRound(ctx)
		sealed += round
		if err != nil || round == 0 {
			return sealed, err
		}
	}
}

// sealRound seals a batch of every domain that has something to seal.
func (db *DB) sealRound(ctx context.Context) (sealed int, err error) {
	next, domain := `SELECT domain FROM audit WHERE seq IS NULL AND domain >= $1 ORDER BY domain LIMIT 1`, ""
	for {
		found := false
		err := db.view(ctx, func(t *tx) (err error) {
			found, err = t.get([]any{&domain}, next, domain)
			return err
		})
		if err != nil || !found {
			return sealed, err
		}
		n := 0
		err = db.update(ctx, func(t *tx) error {
			n, err = t.seal(domain)
			return err
		})
		if err != nil {
			return sealed, fmt.Errorf("seal the audit trail of domain %s: %w", domain, err)
		}
		sealed += n
		next = `SELECT domain FROM audit WHERE seq IS NULL AND domain > $1 ORDER BY domain LIMIT 1`
	}
}

// seal extends the chain of a domain by one batch. The row of the chain is
// locked before the records are read, so that two sealers do not fork it.
func (t *tx) seal(domain string) (int, error) {
	if _, err := t.exec(`INSERT INTO audit_chain (domain, seq, hash) VALUES ($1, 0, $2) ON CONFLICT (domain) DO NOTHING`, domain, make([]byte, sha256.Size)); err != nil {
		return 0, err
	}
	var seq int64
	var hash []byte
	if _, err := t.get([]any{&seq, &hash}, `SELECT seq, hash FROM audit_chain WHERE domain = $1`+t.forUpdate(), domain); err != nil {
		return 0, err
	}
	rows, err := all(t, scanAuditRow, `SELECT `+auditColumns+` FROM audit WHERE domain = $1 AND seq IS NULL ORDER BY id LIMIT $2`, domain, sealBatch)
	if err != nil || len(rows) == 0 {
		return 0, err
	}
	for _, r := range rows {
		seq++
		hash = chainHash(hash, seq, r)
		if _, err := t.exec(`UPDATE audit SET seq = $1, hash = $2 WHERE id = $3`, seq, hash, r.ID); err != nil {
			return 0, err
		}
	}
	if _, err := t.exec(`UPDATE audit_chain SET seq = $1, hash = $2 WHERE domain = $3`, seq, hash, domain); err != nil {
		return 0, err
	}
	return len(rows), t.queue(domain, rows)
}
