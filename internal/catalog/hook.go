package catalog

import (
	"context"
	"encoding/json"
	"time"

	"easel"
)

// Hook is a place that wants to be told of changes.
type Hook struct {
	ID, Domain  string
	Org         easel.Org // "": of the whole domain
	URL         string
	Secret      []byte   // sealed by package identity; only in what is due
	Events      []string // types
	Active      bool
	CreatorName string
	Created     time.Time
	Waiting     int64 // deliveries
	GivenUp     int64 // deliveries
	Dropped     int64 // events that were not queued, because too many waited
}

const hookColumns = `h.id, h.domain, coalesce(o.name, ''), h.url, h.events, h.active, h.creator_name, h.created, h.dropped`

const hookFrom = ` FROM hook h LEFT JOIN org o ON o.id = h.org`

// hooks selects what scanHook reads.
const hooks = `
	SELECT ` + hookColumns + `, (SELECT count(*) FROM delivery d WHERE d.hook = h.id AND d.state = 0), (SELECT count(*) FROM delivery d WHERE d.hook = h.id AND d.state = 2)` + hookFrom

// columns returns what hookColumns is scanned into, and what to call then.
func (h *Hook) columns() (dest []any, done func() error) {
	var events string
	var created int64
	return []any{&h.ID, &h.Domain, &h.Org, &h.URL, &events, &h.Active, &h.CreatorName, &created, &h.Dropped}, func() error {
		h.Created = fromMicros(created)
		return json.Unmarshal([]byte(events), &h.Events)
	}
}

func scanHook(s scanner) (h Hook, err error) {
	dest, done := h.columns()
	if err = s.Scan(append(dest, &h.Waiting, &h.GivenUp)...); err != nil {
		return h, err
	}
	return h, done()
}

// AddHook stores a new hook of who's domain, which may have quota of them.
// Errors: NotFound "organisation", TooMany "hook".
func (db *DB) AddHook(ctx context.Context, who easel.Principal, h Hook, quota int) (made Hook, err error) {
	events, err := json.Marshal(h.Events)
	if err != nil {
		return h, err
	}
	err = db.update(ctx, func(t *tx) error {
		// The lock makes the count exact when several are made at once.
		if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`+t.forNoKeyUpdate(), who.DomainID); err != nil || !ok {
			return orNotFound(err, "domain", "the domain %s does not exist", who.DomainID)
		}
		var have int
		if _, err := t.get([]any{&have}, `SELECT count(*) FROM hook WHERE domain = $1`, who.DomainID); err != nil {
			return err
		}
		if have >= quota {
			return easel.E(easel.TooMany, "hook", "the domain has %d hooks of at most %d: delete one first", have, quota)
		}
		var org any
		if h.Org != "" {
			var id int64
			if ok, err := t.get([]any{&id}, `SELECT id FROM org WHERE name = $1 AND domain = $2`, string(h.Org), who.DomainID); err != nil || !ok {
				return orNotFound(err, "organisation", "the organisation %s does not exist", h.Org)
			}
			org = id
		}
		if _, err := t.exec(`
			INSERT INTO hook (id, domain, org, url, secret, events, active, creator, creator_name, created, dropped, fence, leased)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, 0)`,
			h.ID, who.DomainID, org, h.URL, h.Secret, string(events), flag(h.Active), who.UserID, who.UserName, t.now); err != nil {
			return err
		}
		if made, err = t.hook(who.DomainID, h.ID); err != nil {
			return err
		}
		return t.audit(who, "createHook", h.ID, 0, nil)
	})
	return made, err
}

func (t *tx) hook(domain, id string) (Hook, error) {
	found, err := all(t, scanHook, hooks+` WHERE h.id = $1 AND h.domain = $2`, id, domain)
	if err != nil || len(found) == 0 {
		return Hook{}, orNotFound(err, "hook", "there is no hook %.60q", id)
	}
	return found[0], nil
}

// Hook returns a hook of a domain. Errors: NotFound "hook".
func (db *DB) Hook(ctx context.Context, domain, id string) (h Hook, err error) {
	err = db.view(ctx, func(t *tx) error {
		h, err = t.hook(domain, id)
		return err
	})
	return h, err
}

// Hooks returns the hooks of a domain, the oldest first; org "" means all.
func (db *DB) Hooks(ctx context.Context, domain string, org easel.Org) (found []Hook, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanHook, hooks+` WHERE h.domain = $1 AND ($2 = '' OR o.name = $2) ORDER BY h.created, h.id`, domain, string(org))
		return err
	})
	return found, err
}

// HookChange changes a hook; nil leaves a field as it is.
type HookChange struct {
	URL    *string
	Events []string
	Active *bool
}

// UpdateHook changes a hook of who's domain and returns it. Errors: NotFound "hook".
func (db *DB) UpdateHook(ctx context.Context, who easel.Principal, id string, c HookChange) (h Hook, err error) {
	err = db.update(ctx, func(t *tx) error {
		if h, err = t.hook(who.DomainID, id); err != nil {
			return err
		}
		if c.URL != nil {
			h.URL = *c.URL
		}
		if c.Events != nil {
			h.Events = c.Events
		}
		if c.Active != nil {
			h.Active = *c.Active
		}
		events, err := json.Marshal(h.Events)
		if err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE hook SET url = $1, events = $2, active = $3 WHERE id = $4`, h.URL, string(events), flag(h.Active), id); err != nil {
			return err
		}
		return t.audit(who, "updateHook", id, 0, nil)
	})
	return h, err
}

// RemoveHook removes a hook of who's domain with its deliveries. Errors:
// NotFound "hook".
func (db *DB) RemoveHook(ctx context.Context, who easel.Principal, id string) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM hook WHERE id = $1 AND domain = $2`, id, who.DomainID)
		if err != nil || n == 0 {
			return orNotFound(err, "hook", "there is no hook %.60q", id)
		}
		return t.audit(who, "deleteHook", id, 0, nil)
	})
}

// TestHook makes an event for a hook of who's domain and for no other, and
// returns its id. Errors: NotFound "hook"; Invalid "hook" for one that is not active.
func (db *DB) TestHook(ctx context.Context, who easel.Principal, id string) (event string, err error) {
	err = db.update(ctx, func(t *tx) error {
		h, err := t.hook(who.DomainID, id)
		if err != nil {
			return err
		}
		if !h.Active {
			return easel.E(easel.Invalid, "hook", "the hook %s is not active: nothing is sent to it", id)
		}
		event = easel.NewUUID(t.time())
		return t.record(event, who, testHook, id, 0, nil, "")
	})
	return event, err
}
