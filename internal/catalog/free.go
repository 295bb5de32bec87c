package catalog

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"easel"
)

// FreeItem is something that can go to make room: what a deletion left to
// trash, what was left behind, or an image of the project with its tag.
type FreeItem struct {
	Kind     string       `json:"kind"`              // "trash", "untagged", "unregistered" or "image"
	Receipt  string       `json:"receipt,omitempty"` // of trash: id of the deletion
	Image    string       `json:"image,omitempty"`   // id of the record
	Repo     easel.Repo   `json:"repository"`        // of trash: the first by name
	Tag      easel.Tag    `json:"tag,omitempty"`
	Digest   easel.Digest `json:"digest,omitempty"`   // "" of trash
	Bytes    int64        `json:"bytes"`              // that only this holds; the set holds more together
	LastUsed int64        `json:"last_used"`          // ms: pulled by people, started, registered, pushed or deleted
	ForGood  bool         `json:"for_good,omitempty"` // other deletions in its organisation can be undone, this one cannot

	manifest int64
}

// maxFree bounds the items that are looked at: one transaction takes them.
const maxFree = 1000

// FreeScope is what may go to make room.
type FreeScope struct {
	Project    string
	Workspaces []string     // of the project, whose images may go
	Receipts   []string     // of deletions whose trash may go
	Repos      []easel.Repo // whose tags and manifests may go
}

// FreeCandidates returns what may go to make room, the safest first: what the
// deletions with the receipts left to trash, the oldest first; in the repositories,
// untagged manifests and tags that were left behind, the oldest first; then
// private images of the workspaces by when they were last used, and when that is
// the same, the largest first. Images that are protected, built in or public,
// of which another record names the tag, whose tag is immutable or that lie in
// a public repository are not among them; nor is what a push holds.
func (db *DB) FreeCandidates(ctx context.Context, may FreeScope) (items []FreeItem, err error) {
	err = db.view(ctx, func(t *tx) error {
		items = nil
		trash, err := t.trashItems(may.Receipts)
		if err != nil {
			return err
		}
		var images []FreeItem
		for _, name := range may.Repos {
			id, err := t.repoID(name)
			if errors.Is(err, easel.NotFound) {
				continue
			}
			if err != nil {
				return err
			}
			left, err := t.leftItems(id, name)
			if err != nil {
				return err
			}
			some, err := t.freeImages(id, name, may)
			if err != nil {
				return err
			}
			if err := t.weighItems(id, left, some); err != nil {
				return err
			}
			if err := t.markFinal(id, left, some); err != nil {
				return err
			}
			items, images = append(items, left...), append(images, some...)
		}
		slices.SortFunc(items, func(a, b FreeItem) int {
			return cmp.Or(-cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.LastUsed, b.LastUsed), cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.manifest, b.manifest))
		})
		slices.SortFunc(images, func(a, b FreeItem) int {
			return cmp.Or(cmp.Compare(a.LastUsed, b.LastUsed), -cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Image, b.Image))
		})
		items = slices.Concat(trash, items, images)
		items = items[:min(len(items), maxFree)]
		return nil
	})
	return items, err
}

// trashItems returns what deletions left to trash, the oldest first, with the
// bytes that nothing but that trash holds.
func (t *tx) trashItems(receipts []string) (items []FreeItem, err error) {
	err = chunks(receipts, func(receipts []string) error {
		var a args
		some, err := all(t, func(s scanner) (x FreeItem, err error) {
			x.Kind = "trash"
			err = s.Scan(&x.Receipt, &x.Repo, &x.LastUsed, &x.Bytes)
			x.LastUsed /= 1000
			return x, err
		}, `
			SELECT x.receipt, min(x.repo), min(x.at), (
				SELECT CAST(coalesce(sum(CASE WHEN b.lost = 1 THEN 0 ELSE b.size END), 0) AS BIGINT) FROM blob b
				WHERE b.id IN (SELECT n.blob FROM trash y JOIN trash_blob n ON n.trash = y.id WHERE y.receipt = x.receipt)
				AND NOT EXISTS (SELECT 1 FROM link l WHERE l.blob = b.id)
				AND NOT EXISTS (SELECT 1 FROM trash_blob n JOIN trash y ON y.id = n.trash WHERE n.blob = b.id AND y.receipt <> x.receipt))
			FROM trash x WHERE x.receipt IN (`+addAll(&a, receipts)+`) GROUP BY x.receipt`, a...)
		items = append(items, some...)
		return err
	})
	slices.SortFunc(items, func(a, b FreeItem) int {
		return cmp.Or(cmp.Compare(a.LastUsed, b.LastUsed), cmp.Compare(a.Receipt, b.Receipt))
	})
	return items, err
}

// markFinal marks what goes for good although deletions in the repository can be undone.
func (t *tx) markFinal(repo int64, lists ...[]FreeItem) error {
	undone, err := t.exists(`SELECT 1 FROM repo r JOIN org o ON o.id = r.org WHERE r.id = $1 AND o.undo_window > 0`, repo)
	for _, list := range lists {
		for i := range list {
			list[i].ForGood = undone
		}
	}
	return err
}

// leftItems returns what was left behind in a repository.
func (t *tx) leftItems(repo int64, name easel.Repo) (items []FreeItem, err error) {
	rows, err := t.leftRows(repo, name, LeftQuery{Unregistered: true, Untagged: true, Limit: maxFree})
	for _, x := range rows {
		kind := "untagged"
		if x.Tag != "" {
			kind = "unregistered"
		}
		items = append(items, FreeItem{Kind: kind, Repo: name, Tag: x.Tag, Digest: x.Digest, LastUsed: x.Since, manifest: x.manifest})
	}
	return items, err
}

// freeImages returns the images that may go in a repository.
func (t *tx) freeImages(repo int64, name easel.Repo, may FreeScope) ([]FreeItem, error) {
	if len(may.Workspaces) == 0 {
		return nil, nil
	}
	a := args{repo, may.Project, t.now}
	items, err := all(t, func(s scanner) (x FreeItem, err error) {
		x.Kind, x.Repo = "image", name
		var pushed, registered, human, started int64
		err = s.Scan(&x.Image, &x.Tag, &x.Digest, &x.manifest, &pushed, &registered, &human, &started)
		x.LastUsed = max(pushed, registered, human, started) / 1000
		return x, err
	}, `
		SELECT i.id, i.tag, m.digest, m.id, m.created, i.created, coalesce(u.last_human, 0), coalesce(u.last_start, 0)
		FROM repo r JOIN image i ON i.repo = r.name JOIN tag t ON t.repo = r.id AND t.name = i.tag JOIN manifest m ON m.id = t.manifest
		LEFT JOIN manifest_use u ON u.manifest = m.id
		WHERE r.id = $1 AND r.is_public = 0 AND i.project = $2 AND i.workspace IN (`+addAll(&a, may.Workspaces)+`) AND i.type = 'DEDICATED' AND i.visibility = 'PRIVATE'
		AND i.status IN ('ACTIVE', 'ERROR') AND i.protected_at = 0
		AND NOT EXISTS (SELECT 1 FROM image o WHERE o.repo = i.repo AND o.tag = i.tag AND o.id <> i.id)
		AND NOT EXISTS (SELECT 1 FROM mpin p WHERE p.repo = r.id AND p.manifest = m.id AND p.until > $3)
		ORDER BY i.id`, a...)
	if err != nil || len(items) == 0 {
		return items, err
	}
	rules, err := t.tagRules(repo)
	return slices.DeleteFunc(items, func(x FreeItem) bool { return immutable(rules, name, x.Tag) != nil }), err
}

// weighItems fills in what each item of a repository holds alone.
func (t *tx) weighItems(repo int64, lists ...[]FreeItem) error {
	g := contentGraph{repo: repo, nodes: map[int64]*contentNode{}}
	var roots []int64
	for _, x := range slices.Concat(lists...) {
		roots = append(roots, x.manifest)
	}
	if err := t.growGraph(&g, roots); err != nil {
		return err
	}
	for _, list := range lists {
		for i, x := range list {
			untagged := map[int64]int64{x.manifest: 0}
			if x.Tag != "" {
				untagged[x.manifest] = 1
			}
			list[i].Bytes = g.exclusive(g.going(untagged))
		}
	}
	return nil
}

// Free deletes items in one transaction: what trash of who's domain holds,
// images of the project with their content, and what was left behind, as far as
// it still is. Nothing goes to trash: the bytes are wanted back. Errors: those
// of DeleteImages; Changed "plan".
func (db *DB) Free(ctx context.Context, who easel.Principal, project string, items []FreeItem, guard Guard) (out Removed, err error) {
	err = db.update(ctx, func(t *tx) error {
		out, err = t.free(who, project, items, guard)
		return err
	})
	return out, err
}

// PlanFree does what Free does and rolls it back.
func (db *DB) PlanFree(ctx context.Context, who easel.Principal, project string, items []FreeItem, guard Guard) (easel.Plan, error) {
	var out Removed
	err := db.plan(ctx, func(t *tx) (err error) {
		out, err = t.free(who, project, items, guard)
		return err
	})
	return out.asPlan(), err
}

func (t *tx) free(who easel.Principal, project string, items []FreeItem, guard Guard) (out Removed, err error) {
	d := ImageDeletion{Project: project, Force: true}
	var in []easel.Image
	left := map[easel.Repo]map[string]bool{}
	var receipts []string
	for _, x := range items {
		if x.Receipt != "" {
			receipts = append(receipts, x.Receipt)
			continue
		}
		in = append(in, easel.Image{Repo: x.Repo})
		if x.Image != "" {
			d.IDs = append(d.IDs, x.Image)
			continue
		}
		if left[x.Repo] == nil {
			left[x.Repo] = map[string]bool{}
		}
		left[x.Repo][string(x.Tag)+"@"+string(x.Digest)] = true
	}
	removals, err := t.lockReposOf(in)
	if err != nil {
		return out, err
	}
	if len(d.IDs) > 0 {
		if err := t.freeRecords(d, removals, guard, &out); err != nil {
			return out, err
		}
	}
	trash, err := t.freeTrash(who, receipts, &out)
	if err != nil {
		return out, err
	}
	rs := []*removal{trash}
	for name, r := range removals {
		if left[name] != nil {
			if err := t.freeLeft(r, left[name], guard, &out); err != nil {
				return out, err
			}
		}
		rs = append(rs, r)
	}
	slices.SortFunc(rs, func(a, b *removal) int { return cmp.Compare(a.repo, b.repo) })
	return out, t.unlink(who, "free", project, rs, &out)
}

// freeTrash takes trash of who's domain. Its blobs lie in no repository any
// more: the removal that considers them is of none.
func (t *tx) freeTrash(who easel.Principal, receipts []string, out *Removed) (*removal, error) {
	var rows []int64
	err := chunks(receipts, func(receipts []string) error {
		a := args{who.DomainID}
		some, err := all(t, column[int64], `
			SELECT x.id FROM trash x JOIN org o ON o.id = x.org WHERE o.domain = $1 AND x.receipt IN (`+addAll(&a, receipts)+`)`, a...)
		rows = append(rows, some...)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.Sort(rows)
	_, blobs, err := t.takeTrash(rows, out)
	r := newRemoval(0, "")
	for _, b := range blobs {
		r.blobs[b] = true
	}
	return r, err
}

// freeRecords takes image records with their tags, with the checks of any
// deletion of images.
func (t *tx) freeRecords(d ImageDeletion, removals map[easel.Repo]*removal, guard Guard, out *Removed) error {
	images, err := t.imagesOf(d)
	if err != nil {
		return err
	}
	if images, err = t.deletable(images, d.Project); err != nil {
		return err
	}
	if err := t.ask(guard, images); err != nil {
		return err
	}
	if err := t.dropImages(images, out); err != nil {
		return err
	}
	return t.dropContent(images, removals, out)
}

// freeLeft takes what is wanted of what was left behind in a repository.
func (t *tx) freeLeft(r *removal, wanted map[string]bool, guard Guard, out *Removed) error {
	rows, err := t.leftRows(r.repo, r.name, LeftQuery{Unregistered: true, Untagged: true, Limit: maxFree})
	if err != nil {
		return err
	}
	return t.dropLeft(r, slices.DeleteFunc(rows, func(x leftRow) bool { return !wanted[string(x.Tag)+"@"+string(x.Digest)] }), guard, out)
}

// FreeRepos returns the repositories of a domain with what who was granted there.
func (db *DB) FreeRepos(ctx context.Context, who easel.Principal, domain string) (found []Holder, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanHolder, `
			SELECT r.name, o.domain, coalesce(g.level, 0), `+grantedLevel+`, r.is_public
			FROM repo r JOIN org o ON o.id = r.org
			LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
			LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
			WHERE o.domain = $2 ORDER BY r.name`, who.UserID, domain)
		return err
	})
	return found, err
}

// FreeTrash returns the trash of a domain that holds bytes, with all
// repositories of each deletion and what who was granted there: by receipt, the
// oldest first.
func (db *DB) FreeTrash(ctx context.Context, who easel.Principal, domain string) (found []TrashHolder, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (h TrashHolder, err error) {
			err = s.Scan(&h.Receipt, &h.Repo, &h.Grants.Domain, &h.Grants.OrgLevel, &h.Grants.Level)
			return h, err
		}, `
			SELECT x.receipt, x.repo, o.domain, coalesce(g.level, 0), `+grantedLevel+`
			FROM trash x JOIN org o ON o.id = x.org
			LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
			LEFT JOIN repo r ON r.name = x.repo
			LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
			WHERE o.domain = $2 AND x.receipt IN (SELECT x.receipt FROM trash x WHERE `+holdsBytes+`) ORDER BY x.id`, who.UserID, domain)
		return err
	})
	return found, err
}

// TrashHolder is a repository that a deletion took something out of.
type TrashHolder struct {
	Receipt string
	Holder
}

func scanHolder(s scanner) (h Holder, err error) {
	err = s.Scan(&h.Repo, &h.Grants.Domain, &h.Grants.OrgLevel, &h.Grants.Level, &h.Grants.Public)
	return h, err
}
