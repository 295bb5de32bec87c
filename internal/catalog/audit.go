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
	Receipt   *easel.Receipt // of a deletion
}

// audit records a change in the transaction that makes it.
func (t *tx) audit(who easel.Principal, action, resource string, bytes int64, r *easel.Receipt) error {
	id, receipt := easel.NewUUID(t.time()), ""
	if r != nil {
		b, err := json.Marshal(r)
		if err != nil {
			return err
		}
		id, receipt = r.ID, string(b)
	}
	_, err := t.exec(`
		INSERT INTO audit (id, at, request, domain, project, actor, actor_name, action, resource, bytes, receipt)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		id, t.now, easel.RequestIDFrom(t.ctx), who.DomainID, who.ProjectID, who.UserID, who.UserName, action, resource, bytes, receipt)
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

const auditColumns = `id, at, request, domain, project, actor, actor_name, action, resource, bytes, receipt`

func scanAudit(s scanner) (r AuditRecord, err error) {
	var at int64
	var receipt string
	if err = s.Scan(&r.ID, &at, &r.RequestID, &r.Domain, &r.Project, &r.Actor, &r.ActorName, &r.Action, &r.Resource, &r.Bytes, &receipt); err != nil {
		return r, err
	}
	r.At = fromMicros(at)
	if receipt != "" {
		r.Receipt = new(easel.Receipt)
		err = json.Unmarshal([]byte(receipt), r.Receipt)
	}
	return r, err
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
