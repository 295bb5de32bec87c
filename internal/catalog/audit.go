package catalog

import (
	"context"
	"encoding/json"
	"time"

	"easel"
)

// AuditRecord is one change: who did what to what.
type AuditRecord struct {
	ID        string // of the receipt too, where there is one
	At        time.Time
	RequestID string
	Domain    string
	Project   string
	Actor     string // user id
	ActorName string
	Action    string // the audit names of the specs where they have one
	Resource  string
	Bytes     int64          // added, or freed
	About     *About         // the content that Resource does not name
	Receipt   *easel.Receipt // of a deletion
	Seq       int64          // place in the chain of the domain, from 1; 0: not sealed yet
	Hash      []byte         // of the chain up to here; nil: not sealed yet
}

// About names the content that a record is about, where its resource does not.
type About struct {
	Repo   easel.Repo   `json:"repository"`
	Tags   []easel.Tag  `json:"tags"`
	Digest easel.Digest `json:"digest,omitempty"` // of the manifest
}

// audit records a change in the transaction that makes it.
func (t *tx) audit(who easel.Principal, action, resource string, bytes int64, r *easel.Receipt) error {
	if r == nil {
		return t.record(easel.NewUUID(t.time()), who, action, resource, bytes, nil, "")
	}
	receipt, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return t.record(r.ID, who, action, resource, bytes, nil, string(receipt))
}

// auditAbout is audit of a change that is no deletion, with the content that
// it is about.
func (t *tx) auditAbout(who easel.Principal, action, resource string, bytes int64, about About) error {
	return t.record(easel.NewUUID(t.time()), who, action, resource, bytes, &about, "")
}

func (t *tx) record(id string, who easel.Principal, action, resource string, bytes int64, about *About, receipt string) error {
	content := ""
	if about != nil {
		about.Tags = orEmpty(about.Tags)
		b, err := json.Marshal(about)
		if err != nil {
			return err
		}
		content = string(b)
	}
	_, err := t.exec(`
		INSERT INTO audit (id, at, request, domain, project, actor, actor_name, action, resource, bytes, about, receipt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		id, t.now, easel.RequestIDFrom(t.ctx), who.DomainID, who.ProjectID, who.UserID, who.UserName, action, resource, bytes, content, receipt)
	return err
}

// AuditQuery selects records of one domain, newest first.
type AuditQuery struct {
	Domain string    // required
	Action string    // "": all
	Actor  string    // user name; "": all
	Since  time.Time // zero: all
	Before string    // only records older than the one with this id; "": from the newest
	Limit  int       // at most this many
}

const auditColumns = `id, at, request, domain, project, actor, actor_name, action, resource, bytes, about, receipt, coalesce(seq, 0), hash`

// auditRow is a record as it is stored.
type auditRow struct {
	AuditRecord
	at             int64
	about, receipt string
}

func scanAuditRow(s scanner) (r auditRow, err error) {
	err = s.Scan(&r.ID, &r.at, &r.RequestID, &r.Domain, &r.Project, &r.Actor, &r.ActorName, &r.Action, &r.Resource, &r.Bytes,
		&r.about, &r.receipt, &r.Seq, &r.Hash)
	r.At = fromMicros(r.at)
	return r, err
}

func scanAudit(s scanner) (AuditRecord, error) {
	r, err := scanAuditRow(s)
	if err != nil {
		return r.AuditRecord, err
	}
	return r.record()
}

// record reads the parts that are stored as JSON.
func (r auditRow) record() (AuditRecord, error) {
	if r.about != "" {
		r.About = new(About)
		if err := json.Unmarshal([]byte(r.about), r.About); err != nil {
			return r.AuditRecord, err
		}
	}
	if r.receipt == "" {
		return r.AuditRecord, nil
	}
	r.Receipt = new(easel.Receipt)
	return r.AuditRecord, json.Unmarshal([]byte(r.receipt), r.Receipt)
}

// Audit returns the records that q selects.
func (db *DB) Audit(ctx context.Context, q AuditQuery) (found []AuditRecord, err error) {
	if !storable(q.Action, q.Actor, q.Before) {
		return []AuditRecord{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanAudit, `
			SELECT `+auditColumns+` FROM audit
			WHERE domain = $1 AND ($2 = '' OR action = $2) AND ($3 = '' OR actor_name = $3) AND at >= $4 AND ($5 = '' OR id < $5)
			ORDER BY id DESC LIMIT $6`, q.Domain, q.Action, q.Actor, max(0, micros(q.Since)), q.Before, q.Limit)
		return err
	})
	return found, err
}

// Receipt returns the receipt of a deletion in domain, in the bytes in which
// the deletion stored it: JSON of easel.Receipt. Errors: NotFound "receipt".
func (db *DB) Receipt(ctx context.Context, domain, id string) ([]byte, error) {
	if !storable(id) {
		return nil, noReceipt(id)
	}
	var text string
	err := db.view(ctx, func(t *tx) error {
		found, err := t.get([]any{&text}, `SELECT receipt FROM audit WHERE id = $1 AND domain = $2 AND receipt <> ''`, id, domain)
		if err == nil && !found {
			err = noReceipt(id)
		}
		return err
	})
	return []byte(text), err
}

func noReceipt(id string) error {
	return easel.E(easel.NotFound, "receipt", "there is no receipt %.60q", id)
}
