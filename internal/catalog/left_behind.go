package catalog

import (
	"context"
	"errors"
	"slices"

	"easel"
)

// Left is content that nobody lists: a tag whose last image record was
// deleted without its content, or a manifest without a tag that nothing names.
type Left struct {
	Repo   easel.Repo   `json:"repository"`
	Tag    easel.Tag    `json:"tag,omitempty"` // "": an untagged manifest
	Digest easel.Digest `json:"digest"`
	Bytes  int64        `json:"bytes"` // that only this holds
	Since  int64        `json:"since"` // ms: the record was deleted, or the manifest pushed
}

// LeftQuery says which kinds of content that was left behind are meant.
type LeftQuery struct {
	Unregistered bool // tags whose last image record was deleted without its content
	Untagged     bool // manifests without a tag
	Repos        []easel.Repo
	Limit        int // at most this many of each kind
}

// unregisteredTag is true of a tag t of a repository r that was left behind;
// untaggedManifest of a manifest m that no tag, index or subject keeps. What a
// pin live at $2 holds is neither.
const (
	unregisteredTag = `t.left_behind > 0
		AND NOT EXISTS (SELECT 1 FROM image i WHERE i.repo = r.name AND i.tag = t.name)
		AND NOT EXISTS (SELECT 1 FROM mpin p WHERE p.repo = t.repo AND p.manifest = t.manifest AND p.until > $2)`
	untaggedManifest = `m.condemned = 0
		AND NOT EXISTS (SELECT 1 FROM tag t WHERE t.repo = m.repo AND t.manifest = m.id)
		AND NOT EXISTS (SELECT 1 FROM child c WHERE c.repo = m.repo AND c.child = m.id)
		AND NOT EXISTS (SELECT 1 FROM manifest s WHERE s.repo = m.repo AND s.digest = m.subject)
		AND NOT EXISTS (SELECT 1 FROM mpin p WHERE p.repo = m.repo AND p.manifest = m.id AND p.until > $2)`
)

// leaveBehind remembers that the tags of images, whose records are gone, have
// no record any more.
func (t *tx) leaveBehind(images []easel.Image, removals map[easel.Repo]*removal) error {
	for _, i := range images {
		r := removals[i.Repo]
		if r == nil {
			continue
		}
		_, err := t.exec(`
			UPDATE tag SET left_behind = $1 WHERE repo = $2 AND name = $3
			AND NOT EXISTS (SELECT 1 FROM image i WHERE i.repo = $4 AND i.tag = $3)`, t.now, r.repo, string(i.Tag), string(i.Repo))
		if err != nil {
			return err
		}
	}
	return nil
}

// LeftRepos returns the repositories of a domain, or of one organisation of
// it, in which something of q was left behind, by name, with what who was
// granted there.
func (db *DB) LeftRepos(ctx context.Context, who easel.Principal, domain string, org easel.Org, q LeftQuery) (found []Holder, err error) {
	if !storable(string(org)) {
		return []Holder{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanHolder, `
			SELECT r.name, o.domain, coalesce(g.level, 0), `+grantedLevel+`, r.is_public
			FROM repo r JOIN org o ON o.id = r.org
			LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
			LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
			WHERE o.domain = $3 AND ($4 = '' OR o.name = $4) AND (
				$5 = 1 AND EXISTS (SELECT 1 FROM tag t WHERE t.repo = r.id AND `+unregisteredTag+`)
				OR $6 = 1 AND EXISTS (SELECT 1 FROM manifest m WHERE m.repo = r.id AND `+untaggedManifest+`))
			ORDER BY r.name`, who.UserID, t.now, domain, string(org), flag(q.Unregistered), flag(q.Untagged))
		return err
	})
	return found, err
}

// LeftBehind lists what was left behind in the repositories of q.
func (db *DB) LeftBehind(ctx context.Context, q LeftQuery) (found []Left, err error) {
	err = db.view(ctx, func(t *tx) error {
		found = []Left{}
		for _, name := range q.Repos {
			id, err := t.repoID(name)
			if errors.Is(err, easel.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			some, err := t.leftIn(id, name, q)
			if err != nil {
				return err
			}
			found = append(found, some...)
		}
		return nil
	})
	return found, err
}

// leftRow is a Left with the row of its manifest.
type leftRow struct {
	Left
	manifest int64
}

// leftIn lists what was left behind in one repository.
func (t *tx) leftIn(repo int64, name easel.Repo, q LeftQuery) ([]Left, error) {
	rows, err := t.leftRows(repo, name, q)
	if err != nil {
		return nil, err
	}
	g := contentGraph{repo: repo, nodes: map[int64]*contentNode{}}
	roots := make([]int64, len(rows))
	for i, x := range rows {
		roots[i] = x.manifest
	}
	if err := t.growGraph(&g, roots); err != nil {
		return nil, err
	}
	found := make([]Left, len(rows))
	for i, x := range rows {
		untagged := map[int64]int64{x.manifest: 0}
		if x.Tag != "" {
			untagged[x.manifest] = 1
		}
		x.Repo, x.Bytes = name, g.exclusive(g.going(untagged))
		found[i] = x.Left
	}
	return found, nil
}

// leftRows finds it. What is immutable is there to stay.
func (t *tx) leftRows(repo int64, name easel.Repo, q LeftQuery) (rows []leftRow, err error) {
	scan := func(s scanner) (x leftRow, err error) {
		err = s.Scan(&x.Tag, &x.Digest, &x.Since, &x.manifest)
		x.Since /= 1000
		return x, err
	}
	if q.Unregistered {
		rows, err = all(t, scan, `
			SELECT t.name, m.digest, t.left_behind, m.id FROM tag t JOIN repo r ON r.id = t.repo JOIN manifest m ON m.id = t.manifest
			WHERE t.repo = $1 AND `+unregisteredTag+` ORDER BY t.name`, repo, t.now)
	}
	if err == nil && len(rows) > 0 {
		var rules []TagRule
		rules, err = t.tagRules(repo)
		rows = slices.DeleteFunc(rows, func(x leftRow) bool { return immutable(rules, name, x.Tag) != nil })
		rows = rows[:min(len(rows), q.Limit)]
	}
	if err != nil || !q.Untagged {
		return rows, err
	}
	more, err := all(t, scan, `
		SELECT '', m.digest, m.created, m.id FROM manifest m WHERE m.repo = $1 AND `+untaggedManifest+` ORDER BY m.id LIMIT $3`, repo, t.now, q.Limit)
	return append(rows, more...), err
}

// ReclaimLeft deletes what was left behind in the repositories of q, those of
// one organisation, in one transaction, and reports whether there may be more
// than q.Limit. What is protected or immutable, and what a pin holds, stays.
func (db *DB) ReclaimLeft(ctx context.Context, who easel.Principal, org easel.Org, q LeftQuery, guard Guard) (out Removed, more bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		out, more, err = t.reclaimLeft(who, org, q, guard)
		return err
	})
	return out, more, err
}

// PlanReclaim does what ReclaimLeft does and rolls it back.
func (db *DB) PlanReclaim(ctx context.Context, who easel.Principal, org easel.Org, q LeftQuery, guard Guard) (out Removed, more bool, err error) {
	err = db.plan(ctx, func(t *tx) error {
		out, more, err = t.reclaimLeft(who, org, q, guard)
		return err
	})
	return out, more, err
}

func (t *tx) reclaimLeft(who easel.Principal, org easel.Org, q LeftQuery, guard Guard) (out Removed, more bool, err error) {
	images := make([]easel.Image, len(q.Repos))
	for i, repo := range q.Repos {
		images[i].Repo = repo
	}
	removals, err := t.lockReposOf(images)
	if err != nil {
		return out, false, err
	}
	var rs []*removal
	left := q
	for _, name := range q.Repos {
		r := removals[name]
		if r == nil {
			continue
		}
		if err := t.undoOf(r); err != nil {
			return out, false, err
		}
		n, err := t.takeLeft(r, left, guard, &out)
		if err != nil {
			return out, false, err
		}
		if n == 0 {
			continue
		}
		rs = append(rs, r)
		if left.Limit -= n; left.Limit <= 0 {
			more = true
			break
		}
	}
	if len(rs) == 0 {
		return out, false, nil
	}
	return out, more, t.unlink(who, "reclaimLeftBehind", string(org), rs, &out)
}

// takeLeft makes what was left behind in a repository go, and returns how much that is.
func (t *tx) takeLeft(r *removal, q LeftQuery, guard Guard, out *Removed) (int, error) {
	rows, err := t.leftRows(r.repo, r.name, q)
	if err != nil {
		return 0, err
	}
	return len(rows), t.dropLeft(r, rows, guard, out)
}

func (t *tx) dropLeft(r *removal, rows []leftRow, guard Guard, out *Removed) error {
	var tags []easel.Tag
	for _, x := range rows {
		if x.Tag == "" {
			r.candidates = append(r.candidates, x.manifest)
			continue
		}
		if _, err := t.dropTag(r, x.Tag, &out.Receipt); err != nil {
			return err
		}
		tags = append(tags, x.Tag)
	}
	return t.breakImages(r.name, tags, guard, &out.Receipt)
}
