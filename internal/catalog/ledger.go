package catalog

import (
	"slices"
	"strings"
)

// A scopeKind is one of the sets of repositories that the ledger has figures for.
type scopeKind int

const (
	repoScope scopeKind = iota
	orgScope
	domainScope
	userScope
	projectScope
	scopeKinds
)

// String is the kind as tables and the wire have it.
func (k scopeKind) String() string {
	return [scopeKinds]string{"repo", "org", "domain", "user", "project"}[k]
}

// scopes has a row id of ledger for each kind.
type scopes [scopeKinds]int64

// several stands for more than one scope.
const several int64 = -1

// figures are what is added to a row of ledger.
type figures struct{ held, exclusive, blobs int64 }

// entries are changes of the ledger, by row.
type entries map[int64]figures

func (e entries) add(ledger int64, f figures) {
	was := e[ledger]
	e[ledger] = figures{was.held + f.held, was.exclusive + f.exclusive, was.blobs + f.blobs}
}

// heldBlob is a blob that a repository has no reference to, with what is
// known about its other holders.
type heldBlob struct {
	id, size  int64
	of        scopes           // before
	mine      scopes           // those of the repository
	still     [scopeKinds]bool // of several: whether another repository in the scope of mine holds it
	one, next int64            // of several repositories: two that hold it, 0 for none
}

// holding is true of a link l that is there for a manifest.
const holding = `EXISTS (SELECT 1 FROM ref f WHERE f.repo = l.repo AND f.blob = l.blob)`

// heldElsewhere selects, of the blobs that its list is completed with, those
// that the repository $1 has no reference to.
var heldElsewhere = func() string {
	const others = `FROM link l JOIN repo r ON r.id = l.repo WHERE l.blob = b.id AND ` + holding
	var of, mine, still []string
	for k := range scopeKinds {
		of, mine = append(of, "b.of_"+k.String()), append(mine, "me.in_"+k.String())
		if k != repoScope {
			still = append(still, `CASE WHEN b.of_`+k.String()+` = -1 AND EXISTS (SELECT 1 `+others+` AND r.in_`+k.String()+` = me.in_`+k.String()+`) THEN 1 ELSE 0 END`)
		}
	}
	for _, which := range []string{"0", "1"} {
		still = append(still, `CASE WHEN b.of_repo = -1 THEN coalesce((SELECT r.in_repo `+others+` LIMIT 1 OFFSET `+which+`), 0) ELSE 0 END`)
	}
	return `SELECT b.id, CASE WHEN b.lost = 1 THEN 0 ELSE b.size END, ` + strings.Join(slices.Concat(of, mine, still), ", ") + `
		FROM blob b JOIN repo me ON me.id = CAST($1 AS BIGINT)
		WHERE NOT EXISTS (SELECT 1 FROM ref f WHERE f.repo = CAST($1 AS BIGINT) AND f.blob = b.id) AND b.id IN `
}()

func scanHeldBlob(s scanner) (b heldBlob, err error) {
	dest := []any{&b.id, &b.size}
	for k := range scopeKinds {
		dest = append(dest, &b.of[k])
	}
	for k := range scopeKinds {
		dest = append(dest, &b.mine[k])
	}
	for k := orgScope; k < scopeKinds; k++ {
		dest = append(dest, &b.still[k])
	}
	err = s.Scan(append(dest, &b.one, &b.next)...)
	return b, err
}

// gains enters in the ledger that repo is about to get its first references
// to those of blobs that it has none to. The caller holds the repository's lock.
func (t *tx) gains(repo int64, blobs []int64) error {
	if t.engine == postgres {
		err := chunks(blobs, func(ids []int64) error {
			a := args{repo}
			_, err := all(t, column[int64], `
				SELECT b.id FROM blob b WHERE NOT EXISTS (SELECT 1 FROM ref f WHERE f.repo = $1 AND f.blob = b.id)
				AND b.id IN (`+addAll(&a, ids)+`) ORDER BY b.digest FOR NO KEY UPDATE`, a...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return t.changeHolders(repo, blobs, func(b heldBlob, e entries) (scopes, error) { return b.gain(e), nil })
}

// gain enters a new holder and returns whose the blob is now.
func (b heldBlob) gain(e entries) scopes {
	now := b.of
	for k, mine := range b.mine {
		switch of := b.of[k]; {
		case of == 0:
			now[k] = mine
			e.add(mine, figures{b.size, b.size, 1})
		case of == mine, of == several && b.still[k]: // held it before
		case of == several:
			e.add(mine, figures{held: b.size, blobs: 1})
		default:
			now[k] = several
			e.add(of, figures{exclusive: -b.size})
			e.add(mine, figures{held: b.size, blobs: 1})
		}
	}
	return now
}

// loses enters in the ledger that repo has no reference any more to those of
// blobs that it has none to; it had some to all of them. The caller holds the
// locks of the repository and of the blobs.
func (t *tx) loses(repo int64, blobs []int64) error {
	return t.changeHolders(repo, blobs, t.lose)
}

// lose enters that a holder is gone and returns whose the blob is now.
func (t *tx) lose(b heldBlob, e entries) (scopes, error) {
	now := b.of
	for k, mine := range b.mine {
		switch {
		case b.of[repoScope] == b.mine[repoScope]: // no other repository has it
			now[k] = 0
			e.add(mine, figures{-b.size, -b.size, -1})
			continue
		case b.of[k] == mine, b.of[k] == several && b.still[k]: // holds it still
			continue
		}
		e.add(mine, figures{held: -b.size, blobs: -1})
		rest := []int64{b.one, b.next}
		if k := scopeKind(k); k != repoScope {
			var err error
			if rest, err = all(t, column[int64], `
				SELECT DISTINCT r.in_`+k.String()+` FROM link l JOIN repo r ON r.id = l.repo WHERE l.blob = $1 AND `+holding+` LIMIT 2`, b.id); err != nil {
				return now, err
			}
		}
		switch rest = slices.DeleteFunc(rest, func(ledger int64) bool { return ledger == 0 }); len(rest) {
		case 0: // the ledger was wrong, which must not keep anything from going
			now[k] = 0
		case 1:
			now[k] = rest[0]
			e.add(rest[0], figures{exclusive: b.size})
		}
	}
	return now, nil
}

// changeHolders lets change settle each of blobs that repo has no reference
// to, and stores what that changes.
func (t *tx) changeHolders(repo int64, blobs []int64, change func(heldBlob, entries) (scopes, error)) error {
	e, owners := entries{}, map[scopes][]int64{}
	err := chunks(blobs, func(ids []int64) error {
		a := args{repo}
		found, err := all(t, scanHeldBlob, heldElsewhere+`(`+addAll(&a, ids)+`)`, a...)
		if err != nil {
			return err
		}
		for _, b := range found {
			now, err := change(b, e)
			if err != nil {
				return err
			}
			if now != b.of {
				owners[now] = append(owners[now], b.id)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for now, ids := range owners {
		if err := t.setHolders(now, ids); err != nil {
			return err
		}
	}
	return t.enter(e)
}

func (t *tx) setHolders(now scopes, blobs []int64) error {
	return chunks(blobs, func(ids []int64) error {
		a := args{now[repoScope], now[orgScope], now[domainScope], now[userScope], now[projectScope]}
		_, err := t.exec(`UPDATE blob SET of_repo = $1, of_org = $2, of_domain = $3, of_user = $4, of_project = $5 WHERE id IN (`+addAll(&a, ids)+`)`, a...)
		return err
	})
}

// enter adds rows to the ledger.
func (t *tx) enter(e entries) error {
	const most = 32 // rows in a statement: few texts to prepare
	var rows []int64
	for ledger, f := range e {
		if f != (figures{}) {
			rows = append(rows, ledger)
		}
	}
	slices.Sort(rows)
	for some := range slices.Chunk(rows, most) {
		var a args
		values := make([]string, len(some))
		for i, ledger := range some {
			f := e[ledger]
			values[i] = "(" + a.add(ledger) + ", " + a.add(f.held) + ", " + a.add(f.exclusive) + ", " + a.add(f.blobs) + ")"
		}
		if _, err := t.exec(`INSERT INTO ledger_entry (ledger, held, exclusive, blobs) VALUES `+strings.Join(values, ", "), a...); err != nil {
			return err
		}
	}
	return nil
}

// weigh enters that a blob, which stays where it is, has size bytes more: an
// object that was lost counts nothing until it is back. The caller has locked
// the blob by changing it.
func (t *tx) weigh(blob, size int64) error {
	holders, err := all(t, func(s scanner) (in scopes, err error) {
		err = s.Scan(&in[repoScope], &in[orgScope], &in[domainScope], &in[userScope], &in[projectScope])
		return in, err
	}, `SELECT r.in_repo, r.in_org, r.in_domain, r.in_user, r.in_project FROM link l JOIN repo r ON r.id = l.repo WHERE l.blob = $1 AND `+holding, blob)
	if err != nil || size == 0 {
		return err
	}
	e := entries{}
	for k := range scopeKinds {
		in := map[int64]bool{}
		for _, h := range holders {
			in[h[k]] = true
		}
		for ledger := range in {
			f := figures{held: size}
			if len(in) == 1 {
				f.exclusive = size
			}
			e.add(ledger, f)
		}
	}
	return t.enter(e)
}

// openLedgers makes the ledger rows of a repository that was just made.
func (t *tx) openLedgers(repo int64) error {
	if _, err := t.exec(missingLedgers+` AND r.id = $1 ON CONFLICT DO NOTHING`, repo); err != nil {
		return err
	}
	_, err := t.exec(joinLedgers+` AND repo.id = $1`, repo)
	return err
}

// scopeNames are the name of each kind of scope of a repository r in an organisation o.
var scopeNames = [scopeKinds]string{"r.name", "o.name", "o.domain", "r.creator", "r.project"}

// missingLedgers and joinLedgers, which conditions may follow, make the
// ledger rows of repositories that are in none, and put them in.
var missingLedgers, joinLedgers = func() (string, string) {
	var missing, join []string
	for k := range scopeKinds {
		missing = append(missing, `SELECT '`+k.String()+`' AS kind, `+scopeNames[k]+` AS name, o.domain, r.id, r.in_repo FROM repo r JOIN org o ON o.id = r.org`)
		join = append(join, `in_`+k.String()+` = (SELECT l.id FROM ledger l, repo r JOIN org o ON o.id = r.org
			WHERE r.id = repo.id AND l.kind = '`+k.String()+`' AND l.name = `+scopeNames[k]+` AND l.domain = o.domain)`)
	}
	return `INSERT INTO ledger (kind, name, domain, held, exclusive, blobs)
			SELECT r.kind, r.name, r.domain, 0, 0, 0 FROM (` + strings.Join(missing, ` UNION ALL `) + `) r WHERE r.in_repo = 0`,
		`UPDATE repo SET ` + strings.Join(join, `, `) + ` WHERE in_repo = 0`
}()

// closeLedger drops the ledger row of a repository that is gone, and its
// entries, for SQLite may use the number of the row again. Rows of what else
// holds nothing any more stay, and are left out of answers.
func (t *tx) closeLedger(name string) error {
	const row = `SELECT id FROM ledger WHERE kind = 'repo' AND name = $1`
	if _, err := t.exec(`DELETE FROM ledger_entry WHERE ledger IN (`+row+`)`, name); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM ledger WHERE id IN (`+row+`)`, name)
	return err
}
