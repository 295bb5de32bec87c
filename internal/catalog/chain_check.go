package catalog

import (
	"bytes"
	"context"
	"time"

	"easel"
)

// AuditHead is how far the audit trail of a domain is sealed. Whoever keeps
// one outside can tell later that nothing up to it was changed.
type AuditHead struct {
	Seq  int64 // of the last sealed record; 0: none is
	Hash []byte
}

// AuditHead returns the head of a domain's chain as it is now.
func (db *DB) AuditHead(ctx context.Context, domain string) (h AuditHead, err error) {
	err = db.view(ctx, func(t *tx) error {
		_, err := t.get([]any{&h.Seq, &h.Hash}, `SELECT seq, hash FROM audit_chain WHERE domain = $1`, domain)
		return err
	})
	return h, err
}

// AuditFinding is a place where a chain does not fit.
type AuditFinding struct {
	Seq    int64  // the number that does not fit
	ID     string // of the record there; "" when there is none
	Detail string
}

// AuditUnsealed says what waits to be sealed.
type AuditUnsealed struct {
	Records int64
	Oldest  time.Time // zero when there are none
}

// AuditUnsealed counts the records of a domain that nothing vouches for yet.
func (db *DB) AuditUnsealed(ctx context.Context, domain string) (u AuditUnsealed, err error) {
	err = db.view(ctx, func(t *tx) error {
		var oldest int64
		_, err := t.get([]any{&u.Records, &oldest}, `SELECT count(*), coalesce(min(at), 0) FROM audit WHERE domain = $1 AND seq IS NULL`, domain)
		if u.Records > 0 {
			u.Oldest = fromMicros(oldest)
		}
		return err
	})
	return u, err
}

// AuditSeq returns the place of a record in its domain's chain. Errors:
// NotFound "audit record", also for one that is not sealed yet.
func (db *DB) AuditSeq(ctx context.Context, domain, id string) (seq int64, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err := t.get([]any{&seq}, `SELECT seq FROM audit WHERE id = $1 AND domain = $2 AND seq IS NOT NULL`, id, domain)
		if err == nil && !found {
			err = easel.E(easel.NotFound, "audit record", "the chain has no audit record %.60q", id)
		}
		return err
	})
	return seq, err
}

// checkPage is how many records CheckAudit reads in one statement: receipts
// can be large.
const checkPage = 200

// AuditSpan is a part of a chain.
type AuditSpan struct {
	Domain string
	From   int64      // first number, from 1
	Limit  int        // at most this many records
	To     AuditHead  // how far the chain is sealed
	Kept   *AuditHead // a head from outside; nil: none
}

// CheckAudit computes the hashes of span anew. It returns how many records
// fit, and the first that does not. The hash of the record before From is
// believed.
func (db *DB) CheckAudit(ctx context.Context, s AuditSpan) (checked int, _ *AuditFinding, err error) {
	prev, finding, err := db.hashBefore(ctx, s)
	if err != nil || finding != nil {
		return 0, finding, err
	}
	for next := s.From; next <= s.To.Seq && checked < s.Limit; {
		var rows []auditRow
		last := min(next+checkPage, s.To.Seq+1, s.From+int64(s.Limit)) - 1
		err := db.view(ctx, func(t *tx) error {
			rows, err = all(t, scanAuditRow, `SELECT `+auditColumns+` FROM audit WHERE domain = $1 AND seq BETWEEN $2 AND $3 ORDER BY seq`, s.Domain, next, last)
			return err
		})
		if err != nil {
			return checked, nil, err
		}
		for _, r := range rows {
			if r.Seq != next {
				break
			}
			if finding := s.fits(prev, r); finding != nil {
				return checked, finding, nil
			}
			prev, next, checked = r.Hash, next+1, checked+1
		}
		if next <= last {
			return checked, &AuditFinding{Seq: next, Detail: "the record is missing: it was removed"}, nil
		}
	}
	return checked, nil, nil
}

// fits compares a record with the chain up to it, and with the heads.
func (s AuditSpan) fits(prev []byte, r auditRow) *AuditFinding {
	hash := chainHash(prev, r.Seq, r)
	switch {
	case !bytes.Equal(hash, r.Hash):
		return &AuditFinding{r.Seq, r.ID, "the record does not fit the one before it: it was changed, or put there later"}
	case s.Kept != nil && s.Kept.Seq == r.Seq && !bytes.Equal(hash, s.Kept.Hash):
		return &AuditFinding{r.Seq, r.ID, "the chain up to here is not the one whose head was kept: it was written anew"}
	case s.To.Seq == r.Seq && !bytes.Equal(hash, s.To.Hash):
		return &AuditFinding{r.Seq, r.ID, "the chain ends with another hash than its head has: it was written anew"}
	}
	return nil
}

// hashBefore returns the hash that the first record of the span continues.
func (db *DB) hashBefore(ctx context.Context, s AuditSpan) (prev []byte, finding *AuditFinding, err error) {
	prev = make([]byte, 32)
	err = db.view(ctx, func(t *tx) error {
		if s.From > 1 {
			found, err := t.get([]any{&prev}, `SELECT hash FROM audit WHERE domain = $1 AND seq = $2`, s.Domain, s.From-1)
			if err == nil && !found {
				finding = &AuditFinding{Seq: s.From - 1, Detail: "the record is missing: it was removed"}
			}
			return err
		}
		return nil
	})
	return prev, finding, err
}

// CheckAuditEnd looks behind the head, where nothing may be, and compares the
// chain with a head that was kept outside, which must not lie behind it.
func (db *DB) CheckAuditEnd(ctx context.Context, s AuditSpan) (finding *AuditFinding, err error) {
	if s.Kept != nil && s.Kept.Seq > s.To.Seq {
		return &AuditFinding{Seq: s.To.Seq + 1, Detail: "the chain ends before the head that was kept: records were removed from its end"}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		var f AuditFinding
		found, err := t.get([]any{&f.Seq, &f.ID}, `
			SELECT a.seq, a.id FROM audit a WHERE a.domain = $1
			AND a.seq > coalesce((SELECT seq FROM audit_chain WHERE domain = $1), 0) ORDER BY a.seq LIMIT 1`, s.Domain)
		if found {
			f.Detail = "the record lies behind the head of the chain: it was put there, or the head was changed"
			finding = &f
		}
		return err
	})
	return finding, err
}
