package catalog

import (
	"context"
	"errors"
	"strconv"
	"time"

	"easel"
)

// States of a delivery.
const (
	Waiting   = 0 // to be tried, for the first time or again
	Delivered = 1
	GivenUp   = 2 // not tried again, unless somebody asks for it
)

// Delivery is an event on its way to a hook.
type Delivery struct {
	ID               int64
	Event            string // id of the event, and of the audit record it is made of
	Type             string
	State            int
	Tries            int
	Due              time.Time // of the next try, while it waits
	Status           int       // of the last answer; 0: there was none
	Problem          string    // why there was none, or ""
	Created, Updated time.Time
}

const deliveryColumns = `d.id, d.event, d.type, d.state, d.tries, d.due, d.status, d.problem, d.created, d.updated`

func (d *Delivery) columns() (dest []any, done func()) {
	var due, created, updated int64
	return []any{&d.ID, &d.Event, &d.Type, &d.State, &d.Tries, &due, &d.Status, &d.Problem, &created, &updated}, func() {
		d.Due, d.Created, d.Updated = fromMicros(due), fromMicros(created), fromMicros(updated)
	}
}

// DeliveryQuery selects deliveries of a hook, the newest first.
type DeliveryQuery struct {
	Hook   string
	State  int   // -1: all
	Before int64 // only older ones; 0: from the newest
	Limit  int
}

// Deliveries returns the deliveries that q selects.
func (db *DB) Deliveries(ctx context.Context, q DeliveryQuery) (found []Delivery, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (d Delivery, err error) {
			dest, done := d.columns()
			err = s.Scan(dest...)
			done()
			return d, err
		}, `SELECT `+deliveryColumns+` FROM delivery d
			WHERE d.hook = $1 AND ($2 < 0 OR d.state = $2) AND ($3 = 0 OR d.id < $3) ORDER BY d.id DESC LIMIT $4`, q.Hook, q.State, q.Before, q.Limit)
		return err
	})
	return found, err
}

// RetryHook makes what was given up for a hook of who's domain due now, as
// if it were new, and returns how many that is. Errors: NotFound "hook".
func (db *DB) RetryHook(ctx context.Context, who easel.Principal, id string) (n int64, err error) {
	err = db.update(ctx, func(t *tx) error {
		if _, err := t.hook(who.DomainID, id); err != nil {
			return err
		}
		n, err = t.exec(`UPDATE delivery SET state = 0, tries = 0, due = $1, created = $1, updated = $1 WHERE hook = $2 AND state = 2`, t.now, id)
		if err != nil {
			return err
		}
		return t.audit(who, "retryHook", id, 0, nil)
	})
	return n, err
}

// HookTurn is the right to deliver to a hook for a while. Fence tells it from
// later ones.
type HookTurn struct {
	Hook, Domain string
	Fence        int64
}

// DueHooks returns hooks to which something is to be delivered now and whose
// turn nobody has.
func (db *DB) DueHooks(ctx context.Context) (due []HookTurn, err error) {
	err = db.view(ctx, func(t *tx) error {
		due, err = all(t, func(s scanner) (u HookTurn, err error) { err = s.Scan(&u.Hook, &u.Domain); return u, err }, `
			SELECT h.id, h.domain FROM hook h WHERE h.active = 1 AND h.leased <= $1
			AND EXISTS (SELECT 1 FROM delivery d WHERE d.hook = h.id AND d.state = 0 AND d.due <= $1) ORDER BY h.leased, h.id`, t.now)
		return err
	})
	return due, err
}

// TakeTurn gives the caller the turn of a hook for the time of lease, unless
// another process has it.
func (db *DB) TakeTurn(ctx context.Context, hook string, lease time.Duration) (u HookTurn, taken bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		u = HookTurn{}
		taken, err = t.get([]any{&u.Hook, &u.Domain, &u.Fence}, `
			UPDATE hook SET fence = fence + 1, leased = $1 WHERE id = $2 AND active = 1 AND leased <= $3 RETURNING id, domain, fence`,
			t.now+lease.Microseconds(), hook, t.now)
		return err
	})
	return u, taken, err
}

// EndTurn lets others deliver to the hook from now on.
func (db *DB) EndTurn(ctx context.Context, u HookTurn) error {
	return db.update(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE hook SET leased = $1 WHERE id = $2 AND fence = $3`, t.now, u.Hook, u.Fence)
		return err
	})
}

// DueDelivery is a delivery with all that it takes to make it.
type DueDelivery struct {
	Delivery
	Hook   Hook // with its secret
	Record AuditRecord
}

// NextDelivery returns the oldest delivery that is due to the hook; false
// when none is, or when the turn is over.
func (db *DB) NextDelivery(ctx context.Context, u HookTurn) (d DueDelivery, found bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		dest, done := d.Delivery.columns()
		hook, hookDone := d.Hook.columns()
		found, err = t.get(append(append(dest, hook...), &d.Hook.Secret), `
			SELECT `+deliveryColumns+`, `+hookColumns+`, h.secret`+hookFrom+` JOIN delivery d ON d.hook = h.id
			WHERE h.id = $1 AND h.fence = $2 AND h.active = 1 AND d.state = 0 AND d.due <= $3 ORDER BY d.id LIMIT 1`, u.Hook, u.Fence, t.now)
		if err != nil || !found {
			return err
		}
		done()
		if err := hookDone(); err != nil {
			return err
		}
		records, err := all(t, scanAudit, `SELECT `+auditColumns+` FROM audit WHERE id = $1`, d.Event)
		if err == nil && len(records) == 0 {
			err = errors.New("the audit record of the event " + d.Event + " is missing")
		}
		if err == nil {
			d.Record = records[0]
		}
		return err
	})
	return d, found, err
}

// Outcome is what came of trying a delivery.
type Outcome struct {
	State   int
	Status  int
	Problem string
	Wait    time.Duration // until the next try, of one that waits
}

// EndDelivery records the outcome of a try. Errors: Changed "hook" when the
// turn went to another process meanwhile: then its outcome counts.
func (db *DB) EndDelivery(ctx context.Context, u HookTurn, id int64, o Outcome) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`
			UPDATE delivery SET state = $1, tries = tries + 1, due = $2, status = $3, problem = $4, updated = $5
			WHERE id = $6 AND EXISTS (SELECT 1 FROM hook h WHERE h.id = $7 AND h.fence = $8)`,
			o.State, t.now+o.Wait.Microseconds(), o.Status, o.Problem, t.now, id, u.Hook, u.Fence)
		if err == nil && n == 0 {
			err = easel.E(easel.Changed, "hook", "another process delivers to the hook %s", u.Hook)
		}
		return err
	})
}

// HookBacklog is what has not been delivered, over all domains.
type HookBacklog struct{ Waiting, GivenUp int64 }

// HookBacklog counts what waits to be delivered and what was given up.
func (db *DB) HookBacklog(ctx context.Context) (b HookBacklog, err error) {
	err = db.view(ctx, func(t *tx) error {
		_, err := t.get([]any{&b.Waiting, &b.GivenUp}, `SELECT (SELECT count(*) FROM delivery WHERE state = 0), (SELECT count(*) FROM delivery WHERE state = 2)`)
		return err
	})
	return b, err
}

// forgetBatch bounds the rows that one transaction of ForgetDeliveries drops.
const forgetBatch = 1000

// ForgetDeliveries drops the rows of what was delivered or given up before
// the given age.
func (db *DB) ForgetDeliveries(ctx context.Context, delivered, givenUp time.Duration) error {
	for state, age := range map[int]time.Duration{Delivered: delivered, GivenUp: givenUp} {
		for n := int64(forgetBatch); n == forgetBatch; {
			err := db.update(ctx, func(t *tx) (err error) {
				n, err = t.exec(`DELETE FROM delivery WHERE id IN (SELECT id FROM delivery WHERE state = $1 AND updated <= $2 LIMIT `+strconv.Itoa(forgetBatch)+`)`,
					state, t.now-age.Microseconds())
				return err
			})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
