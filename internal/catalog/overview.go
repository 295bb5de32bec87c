package catalog

import (
	"context"
	"maps"
	"slices"
	"time"

	"easel"
)

// AccountQuota is what a domain may have, and has.
type AccountQuota struct {
	Orgs         Quota
	Repos, Space Quota // of all organisations together; no limit unless each of them has one
	Images       Quota // of one project
}

// AccountQuota returns what a domain and one of its projects may have. Errors:
// NotFound "project" when project is not one of the domain's.
func (db *DB) AccountQuota(ctx context.Context, domain, project string) (q AccountQuota, err error) {
	err = db.view(ctx, func(t *tx) error {
		if _, err := t.project(domain, project); err != nil {
			return err
		}
		d, err := t.domainQuota(domain)
		if err != nil {
			return err
		}
		q = AccountQuota{Orgs: d.Orgs}
		_, err = t.get([]any{&q.Repos.Limit, &q.Repos.Used, &q.Space.Limit, &q.Space.Used, &q.Images.Limit, &q.Images.Used}, `
			SELECT `+togetherOf("max_repos", "$3")+`, (SELECT COUNT(*) FROM repo r JOIN org o ON o.id = r.org WHERE o.domain = d.id),
				`+togetherOf("max_space", "$4")+`, `+domainHeld+`, p.max_images, (SELECT COUNT(*) FROM image i WHERE i.project = p.id)
			FROM domain d JOIN project p ON p.id = $2 WHERE d.id = $1`, domain, project, t.quotas.Repos, t.quotas.Space)
		q.Images.orDefault(t.quotas.Images)
		return err
	})
	return q, err
}

// togetherOf selects the sum of a bound of the organisations of a domain d, 0
// when one of them has none. byDefault is the argument that -1 stands for.
func togetherOf(column, byDefault string) string {
	bound := `CASE WHEN o.` + column + ` = -1 THEN CAST(` + byDefault + ` AS BIGINT) ELSE o.` + column + ` END`
	return `CAST((SELECT CASE WHEN MIN(` + bound + `) > 0 THEN SUM(` + bound + `) ELSE 0 END FROM org o WHERE o.domain = d.id) AS BIGINT)`
}

// Overview is what a domain has.
type Overview struct {
	Orgs, Repos, Tags int64
	Store             int64 // bytes that its manifests name, each blob once
	Downflow          int64 // bytes of blobs served, of the days that are kept
}

// Overview counts what a domain has.
func (db *DB) Overview(ctx context.Context, domain string) (o Overview, err error) {
	err = db.view(ctx, func(t *tx) error {
		_, err := t.get([]any{&o.Orgs, &o.Repos, &o.Tags, &o.Store, &o.Downflow}, `
			SELECT (SELECT COUNT(*) FROM org WHERE domain = d.id), (SELECT COUNT(*) FROM repo r JOIN org o ON o.id = r.org WHERE o.domain = d.id),
				(SELECT COUNT(*) FROM tag t JOIN repo r ON r.id = t.repo JOIN org o ON o.id = r.org WHERE o.domain = d.id), `+domainHeld+`,
				CAST(coalesce((SELECT SUM(downflow) FROM domain_day WHERE domain = d.id), 0) AS BIGINT)
			FROM domain d WHERE d.id = $1`, domain)
		return err
	})
	return o, err
}

// domainHeld selects the bytes that a domain d holds, from the ledger.
const domainHeld = `CAST(coalesce((SELECT SUM(l.held) FROM ledger l WHERE l.kind = 'domain' AND l.name = d.id), 0)
	+ coalesce((SELECT SUM(e.held) FROM ledger_entry e JOIN ledger l ON l.id = e.ledger WHERE l.kind = 'domain' AND l.name = d.id), 0) AS BIGINT)`

// Day is a day of a domain.
type Day struct {
	Date            time.Time // midnight UTC
	Downflow, Store int64     // bytes
}

const dayLength = int64(24 * time.Hour / time.Microsecond)

// Days returns the last n days, today included, the oldest first. Of a day on
// which nobody looked both figures are 0.
func (db *DB) Days(ctx context.Context, domain string, n int) ([]Day, error) {
	days := make([]Day, n)
	err := db.view(ctx, func(t *tx) error {
		first := t.now/dayLength - int64(n) + 1
		for i := range days {
			days[i] = Day{Date: fromMicros((first + int64(i)) * dayLength)}
		}
		_, err := all(t, func(s scanner) (_ struct{}, err error) {
			var day, downflow, store int64
			if err = s.Scan(&day, &downflow, &store); err == nil && day-first < int64(n) {
				days[day-first].Downflow, days[day-first].Store = downflow, store
			}
			return struct{}{}, err
		}, `SELECT day, downflow, store FROM domain_day WHERE domain = $1 AND day >= $2`, domain, first)
		return err
	})
	return days, err
}

// keptDays is how long days are kept.
const keptDays = 400

// AddDownflow adds bytes served from repositories to today. A repository that
// is gone is passed over.
func (db *DB) AddDownflow(ctx context.Context, bytes map[easel.Repo]int64) error {
	return db.update(ctx, func(t *tx) error {
		for _, repo := range slices.Sorted(maps.Keys(bytes)) { // in one order, so that two writers never wait for each other
			if _, err := t.exec(`
				INSERT INTO domain_day (domain, day, downflow, store)
				SELECT o.domain, CAST($1 AS BIGINT), CAST($2 AS BIGINT), 0 FROM org o WHERE o.name = $3
				ON CONFLICT (domain, day) DO UPDATE SET downflow = domain_day.downflow + excluded.downflow`,
				t.now/dayLength, bytes[repo], string(repo.Org())); err != nil {
				return err
			}
		}
		return nil
	})
}

// RecordStore notes for today what every domain holds, and forgets days long past.
func (db *DB) RecordStore(ctx context.Context) error {
	return db.update(ctx, func(t *tx) error {
		today := t.now / dayLength
		if _, err := t.exec(`
			INSERT INTO domain_day (domain, day, downflow, store) SELECT d.id, CAST($1 AS BIGINT), 0, `+domainHeld+` FROM domain d WHERE 1 = 1
			ON CONFLICT (domain, day) DO UPDATE SET store = excluded.store`, today); err != nil {
			return err
		}
		_, err := t.exec(`DELETE FROM domain_day WHERE day < $1`, today-keptDays)
		return err
	})
}
