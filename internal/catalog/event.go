package catalog

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"easel"
)

// Events are made of audit records, and of nothing else: a change that is
// recorded has its event, one that is rolled back has none, and what a change
// writes does not depend on who wants to be told. When a record is sealed, a
// delivery is queued for each hook that wants it.

// eventTypes are the types of events by action. An action that is not here
// makes no event.
var eventTypes = map[string]string{
	"pushManifest":             "push",
	"createNotebookImage":      "register",
	"deleteNotebookImage":      "delete",
	"deleteNotebookImageGroup": "delete",
	"deleteImageTag":           "delete",
	"deleteManifest":           "delete",
	"deleteBlob":               "delete",
	"deleteImageRepository":    "delete",
	"runRetention":             "delete",
	"free":                     "delete",
	"restoreManifests":         "restore",
	"purgeTrash":               "reclaim",
	"reclaimLeftBehind":        "reclaim",
	"sweepPins":                "reclaim",
	testHook:                   TestEvent,
}

// testHook is the action that makes an event for one hook only.
const testHook = "testHook"

// TestEvent is the type of events that somebody asked for to try a hook.
const TestEvent = "test"

// EventTypes returns the types that a hook can want, in byte order.
func EventTypes() []string {
	types := slices.Compact(slices.Sorted(maps.Values(eventTypes)))
	return slices.DeleteFunc(types, func(t string) bool { return t == TestEvent })
}

// Orgs returns the organisations whose content a record is about, in byte
// order.
func (r AuditRecord) Orgs() []easel.Org {
	seen := map[easel.Org]bool{}
	add := func(name string) {
		if org, _, ok := strings.Cut(name, "/"); ok {
			seen[easel.Org(org)] = true
		}
	}
	add(r.Resource) // the name of a repository, or an id
	if r.About != nil {
		add(string(r.About.Repo))
	}
	if r.Receipt != nil {
		for _, name := range slices.Concat(r.Receipt.Tags, r.Receipt.Manifests, r.Receipt.Condemned) {
			add(name)
		}
		for _, i := range r.Receipt.Images {
			if path, err := easel.ParseImagePath(i.Path); err == nil {
				add(string(path.Repo))
			}
		}
	}
	return slices.Sorted(maps.Keys(seen))
}

// listener is what decides whether a hook wants an event.
type listener struct {
	id      string
	org     easel.Org // "": the domain's
	events  []string
	waiting int // deliveries
}

func (l listener) wants(r AuditRecord, event string) bool {
	if event == TestEvent {
		return r.Resource == l.id
	}
	return slices.Contains(l.events, event) && (l.org == "" || slices.Contains(r.Orgs(), l.org))
}

// maxWaiting bounds the deliveries of a hook that wait: a sink that is gone
// must not fill the database.
const maxWaiting = 10_000

// queue adds a delivery for every hook of the domain that wants an event of
// rows, in their order.
func (t *tx) queue(domain string, rows []auditRow) error {
	if !slices.ContainsFunc(rows, func(r auditRow) bool { return eventTypes[r.Action] != "" }) {
		return nil
	}
	hooks, err := all(t, scanListener, `
		SELECT h.id, coalesce(o.name, ''), h.events, (SELECT count(*) FROM delivery d WHERE d.hook = h.id AND d.state = 0)
		FROM hook h LEFT JOIN org o ON o.id = h.org WHERE h.domain = $1 AND h.active = 1 ORDER BY h.id`, domain)
	if err != nil || len(hooks) == 0 {
		return err
	}
	for _, row := range rows {
		event := eventTypes[row.Action]
		if event == "" {
			continue
		}
		r, err := row.record()
		if err != nil {
			return err
		}
		for i := range hooks {
			if hooks[i].wants(r, event) {
				if err := t.queueFor(&hooks[i], r.ID, event); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func scanListener(s scanner) (l listener, err error) {
	var events string
	if err = s.Scan(&l.id, &l.org, &events, &l.waiting); err == nil {
		err = json.Unmarshal([]byte(events), &l.events)
	}
	return l, err
}

// queueFor adds a delivery. The hook may be gone meanwhile: then there is
// nobody to tell.
func (t *tx) queueFor(l *listener, id, event string) error {
	if l.waiting >= maxWaiting {
		_, err := t.exec(`UPDATE hook SET dropped = dropped + 1 WHERE id = $1`, l.id)
		return err
	}
	l.waiting++
	_, err := t.exec(`
		INSERT INTO delivery (hook, event, type, state, tries, due, status, problem, created, updated)
		SELECT id, CAST($2 AS TEXT), CAST($3 AS TEXT), 0, 0, CAST($4 AS BIGINT), 0, '', CAST($4 AS BIGINT), CAST($4 AS BIGINT) FROM hook WHERE id = $1`, l.id, id, event, t.now)
	return err
}
