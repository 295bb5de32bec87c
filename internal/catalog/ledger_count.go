package catalog

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// foldBatch bounds the entries that one transaction of FoldLedger adds up.
const foldBatch = 5000

// FoldLedger adds the entries to the rows of the ledger, so that reading it
// stays cheap. It changes no answer. Any number of processes may call it.
func (db *DB) FoldLedger(ctx context.Context) error {
	for more := true; more; {
		some := false
		err := db.view(ctx, func(t *tx) (err error) {
			some, err = t.exists(`SELECT 1 FROM ledger_entry LIMIT 1`)
			return err
		})
		if err != nil || !some {
			return err
		}
		err = db.update(ctx, func(t *tx) error {
			n, err := t.fold()
			more = n == foldBatch
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *tx) fold() (int, error) {
	type entry struct {
		ledger int64
		figures
	}
	// The lock of another process's fold is waited for here, not in the middle of the rows.
	taken, err := all(t, func(s scanner) (x entry, err error) {
		err = s.Scan(&x.ledger, &x.held, &x.exclusive, &x.blobs)
		return x, err
	}, `DELETE FROM ledger_entry WHERE id IN (SELECT id FROM ledger_entry ORDER BY id LIMIT $1`+t.forUpdate()+`) RETURNING ledger, held, exclusive, blobs`, foldBatch)
	if err != nil {
		return 0, err
	}
	e := entries{}
	for _, x := range taken {
		e.add(x.ledger, x.figures)
	}
	for _, ledger := range slices.Sorted(maps.Keys(e)) {
		f := e[ledger]
		if f == (figures{}) {
			continue
		}
		if _, err := t.exec(`UPDATE ledger SET held = held + $1, exclusive = exclusive + $2, blobs = blobs + $3 WHERE id = $4`, f.held, f.exclusive, f.blobs, ledger); err != nil {
			return 0, err
		}
	}
	return len(taken), nil
}

// recounted is the ledger of one kind, counted from the references.
func recounted(k scopeKind) string {
	return `SELECT c.ledger, CAST(sum(c.size) AS BIGINT) AS held, CAST(sum(CASE WHEN c.holders = 1 THEN c.size ELSE 0 END) AS BIGINT) AS exclusive, count(*) AS blobs
		FROM (SELECT w.ledger, CASE WHEN b.lost = 1 THEN 0 ELSE b.size END AS size, count(*) OVER (PARTITION BY w.blob) AS holders
			FROM (SELECT DISTINCT f.blob, r.in_` + k.String() + ` AS ledger FROM ref f JOIN repo r ON r.id = f.repo) w JOIN blob b ON b.id = w.blob) c
		GROUP BY c.ledger`
}

// holderOf is whose a blob is, counted from the references.
func holderOf(k scopeKind) string {
	in := `r.in_` + k.String()
	return `coalesce((SELECT CASE WHEN min(` + in + `) = max(` + in + `) THEN min(` + in + `) WHEN min(` + in + `) IS NULL THEN 0 ELSE -1 END
		FROM link l JOIN repo r ON r.id = l.repo WHERE l.blob = blob.id AND ` + holding + `), 0)`
}

// ledgerNow has the rows of the ledger with what is not folded yet.
const ledgerNow = `
	SELECT l.id, l.kind, l.name, l.domain, l.held + coalesce(e.held, 0) AS held, l.exclusive + coalesce(e.exclusive, 0) AS exclusive,
		l.blobs + coalesce(e.blobs, 0) AS blobs
	FROM ledger l LEFT JOIN (
		SELECT ledger, CAST(sum(held) AS BIGINT) AS held, CAST(sum(exclusive) AS BIGINT) AS exclusive, CAST(sum(blobs) AS BIGINT) AS blobs
		FROM ledger_entry GROUP BY ledger) e ON e.ledger = l.id`

// verifyLedger compares the ledger with a recount and, when repair is set,
// replaces it.
func (t *tx) verifyLedger(repair bool) (found []Finding, err error) {
	if repair && t.engine == postgres {
		if _, err := t.exec(`LOCK TABLE ref, blob, repo IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return nil, err
		}
	}
	for k := range scopeKinds {
		some, err := all(t, func(s scanner) (f Finding, err error) {
			var held, exclusive, blobs, heldIs, exclusiveIs, blobsAre int64
			err = s.Scan(&f.Subject, &held, &exclusive, &blobs, &heldIs, &exclusiveIs, &blobsAre)
			f.Kind, f.Repaired = "wrong ledger", repair
			f.Detail = fmt.Sprintf("it says %d bytes in %d blobs, %d of them exclusive; counted are %d in %d, %d exclusive",
				held, blobs, exclusive, heldIs, blobsAre, exclusiveIs)
			return f, err
		}, `
			SELECT n.kind || ' ' || n.name, n.held, n.exclusive, n.blobs, coalesce(c.held, 0), coalesce(c.exclusive, 0), coalesce(c.blobs, 0)
			FROM (`+ledgerNow+`) n LEFT JOIN (`+recounted(k)+`) c ON c.ledger = n.id
			WHERE n.kind = '`+k.String()+`' AND (n.held <> coalesce(c.held, 0) OR n.exclusive <> coalesce(c.exclusive, 0) OR n.blobs <> coalesce(c.blobs, 0))
			ORDER BY n.name`)
		if err != nil {
			return nil, err
		}
		found = append(found, some...)
		wrong, err := all(t, func(s scanner) (Finding, error) {
			f := Finding{Kind: "wrong ledger", Detail: "the ledger has another " + k.String() + " as the only one that holds this blob", Repaired: repair}
			return f, s.Scan(&f.Subject)
		}, `SELECT digest FROM blob WHERE of_`+k.String()+` <> `+holderOf(k)+` ORDER BY digest LIMIT 100`)
		if err != nil {
			return nil, err
		}
		found = append(found, wrong...)
	}
	if !repair || len(found) == 0 {
		return found, nil
	}
	return found, t.recount()
}

// recount makes the ledger anew from the references. Nobody else changes
// them meanwhile.
func (t *tx) recount() error {
	steps := []string{missingLedgers + ` ON CONFLICT DO NOTHING`, joinLedgers, `DELETE FROM ledger_entry`, `UPDATE ledger SET held = 0, exclusive = 0, blobs = 0`}
	var of []string
	for k := range scopeKinds {
		of = append(of, `of_`+k.String()+` = `+holderOf(k))
		steps = append(steps, `UPDATE ledger SET held = c.held, exclusive = c.exclusive, blobs = c.blobs FROM (`+recounted(k)+`) c WHERE c.ledger = ledger.id`)
	}
	for _, s := range append(steps, `UPDATE blob SET `+strings.Join(of, `, `)) {
		if _, err := t.exec(s); err != nil {
			return err
		}
	}
	return nil
}

// beginLedger counts what was there before there was a ledger.
func (db *DB) beginLedger(ctx context.Context) error {
	const before = `SELECT 1 FROM repo WHERE in_repo = 0 LIMIT 1`
	var some bool
	err := db.view(ctx, func(t *tx) (err error) {
		some, err = t.exists(before)
		return err
	})
	if err != nil || !some {
		return err
	}
	return db.update(ctx, func(t *tx) error {
		if t.engine == postgres {
			if _, err := t.exec(`LOCK TABLE ref, blob, repo IN SHARE ROW EXCLUSIVE MODE`); err != nil {
				return err
			}
		}
		return t.recount()
	})
}
