package catalog

import (
	"context"
	"slices"

	"easel"
)

// ImageUsage returns what the tags of a repository hold, or one of them, the
// largest first. Exclusive is what would come back if this tag alone were
// deleted, by its image or by itself, and no push held anything. Errors:
// NotFound "repository", or "tag".
func (db *DB) ImageUsage(ctx context.Context, repo easel.Repo, tag easel.Tag, limit int) (found []Usage, err error) {
	err = db.view(ctx, func(t *tx) error {
		id, err := t.repoID(repo)
		if err != nil {
			return err
		}
		tags, err := t.largestTags(id, tag, limit)
		if err != nil {
			return err
		}
		if tag != "" && len(tags) == 0 {
			return easel.E(easel.NotFound, "tag", "the repository %s has no tag %s", repo, tag)
		}
		g := contentGraph{repo: id, nodes: map[int64]*contentNode{}}
		roots := make([]int64, len(tags))
		for i, x := range tags {
			roots[i] = x.manifest
		}
		if err := t.growGraph(&g, roots); err != nil {
			return err
		}
		found = make([]Usage, len(tags))
		for i, x := range tags {
			found[i] = g.usage(x.manifest)
			found[i].Kind, found[i].Name, found[i].ID = "image", string(repo)+":"+x.name, x.digest
		}
		return nil
	})
	return found, err
}

type tagRow struct {
	name, digest string
	manifest     int64
}

// largestTags returns tags by the bytes that they name.
func (t *tx) largestTags(repo int64, tag easel.Tag, limit int) ([]tagRow, error) {
	return all(t, func(s scanner) (x tagRow, err error) { err = s.Scan(&x.name, &x.digest, &x.manifest); return x, err }, `
		SELECT t.name, m.digest, m.id FROM tag t JOIN manifest m ON m.id = t.manifest WHERE t.repo = $1 AND ($2 = '' OR t.name = $2)
		ORDER BY m.total + coalesce((SELECT sum(c.total) FROM child x JOIN manifest c ON c.id = x.child WHERE x.repo = m.repo AND x.parent = m.id), 0) DESC, t.name
		LIMIT $3`, repo, string(tag), limit)
}

// contentGraph is a part of a repository: manifests, and everything below and about them.
type contentGraph struct {
	repo  int64
	nodes map[int64]*contentNode
	refs  map[int64]int64 // blobs: how many manifests of the repository name them; 0 when another repository or trash does
	sizes map[int64]int64
}

type contentNode struct {
	subject           int64 // 0: none that is there
	tags              int64
	parents, children []int64 // of the repository
	referrers         []int64
	blobs             []int64
}

// growGraph adds roots, their children and referrers, and so on.
func (t *tx) growGraph(g *contentGraph, roots []int64) error {
	for len(roots) > 0 {
		var fresh []int64
		for _, id := range roots {
			if g.nodes[id] == nil {
				g.nodes[id] = &contentNode{}
				fresh = append(fresh, id)
			}
		}
		roots = nil
		err := chunks(fresh, func(ids []int64) error {
			next, err := t.readNodes(g, ids)
			roots = append(roots, next...)
			return err
		})
		if err != nil {
			return err
		}
	}
	return t.weighGraph(g)
}

// readNodes fills in nodes and returns their children and referrers.
func (t *tx) readNodes(g *contentGraph, ids []int64) (next []int64, err error) {
	var a args
	in := addAll(&a, ids)
	edge := func(query string, add func(from, to int64)) error {
		_, err := all(t, func(s scanner) (struct{}, error) {
			var from, to int64
			err := s.Scan(&from, &to)
			if err == nil {
				add(from, to)
			}
			return struct{}{}, err
		}, query, a...)
		return err
	}
	for _, q := range []struct {
		query string
		add   func(from, to int64)
	}{
		{`SELECT m.id, s.id FROM manifest m JOIN manifest s ON s.repo = m.repo AND s.digest = m.subject WHERE m.id IN (` + in + `)`,
			func(m, subject int64) { g.nodes[m].subject = subject }},
		{`SELECT m.id, (SELECT count(*) FROM tag t WHERE t.repo = m.repo AND t.manifest = m.id) FROM manifest m WHERE m.id IN (` + in + `)`,
			func(m, n int64) { g.nodes[m].tags = n }},
		{`SELECT c.child, c.parent FROM child c JOIN manifest m ON m.repo = c.repo AND m.id = c.child WHERE m.id IN (` + in + `)`,
			func(m, parent int64) { g.nodes[m].parents = append(g.nodes[m].parents, parent) }},
		{`SELECT parent, child FROM child WHERE parent IN (` + in + `)`,
			func(m, child int64) {
				g.nodes[m].children, next = append(g.nodes[m].children, child), append(next, child)
			}},
		{`SELECT s.id, m.id FROM manifest s JOIN manifest m ON m.repo = s.repo AND m.subject = s.digest WHERE s.id IN (` + in + `)`,
			func(m, referrer int64) {
				g.nodes[m].referrers, next = append(g.nodes[m].referrers, referrer), append(next, referrer)
			}},
		{`SELECT manifest, blob FROM ref WHERE manifest IN (` + in + `)`,
			func(m, blob int64) { g.nodes[m].blobs = append(g.nodes[m].blobs, blob) }},
	} {
		if err := edge(q.query, q.add); err != nil {
			return nil, err
		}
	}
	return next, nil
}

// weighGraph reads the blobs of all nodes.
func (t *tx) weighGraph(g *contentGraph) error {
	g.refs, g.sizes = map[int64]int64{}, map[int64]int64{}
	var blobs []int64
	for _, n := range g.nodes {
		blobs = append(blobs, n.blobs...)
	}
	slices.Sort(blobs)
	return chunks(slices.Compact(blobs), func(ids []int64) error {
		a := args{g.repo}
		_, err := all(t, func(s scanner) (struct{}, error) {
			var id, size, refs int64
			err := s.Scan(&id, &size, &refs)
			g.sizes[id], g.refs[id] = size, refs
			return struct{}{}, err
		}, `
			SELECT b.id, CASE WHEN b.lost = 1 THEN 0 ELSE b.size END,
				CASE WHEN b.of_repo = -1 OR EXISTS (SELECT 1 FROM trash_blob x WHERE x.blob = b.id) THEN 0 ELSE (SELECT count(*) FROM ref f WHERE f.repo = $1 AND f.blob = b.id) END
			FROM blob b WHERE b.id IN (`+addAll(&a, ids)+`)`, a...)
		return err
	})
}

// going returns the manifests that go when the tags in untagged, counted by
// manifest, are taken away: by the rule of decide.
func (g *contentGraph) going(untagged map[int64]int64) map[int64]bool {
	gone := map[int64]bool{}
	var candidates []int64
	for id := range untagged {
		candidates = append(candidates, id)
	}
	for len(candidates) > 0 {
		id := candidates[0]
		candidates = candidates[1:]
		n := g.nodes[id]
		stays := n.tags > untagged[id] || n.subject != 0 && !gone[n.subject] || slices.ContainsFunc(n.parents, func(p int64) bool { return !gone[p] })
		if gone[id] || stays {
			continue
		}
		gone[id] = true
		candidates = append(append(candidates, n.children...), n.referrers...)
	}
	return gone
}

// below returns root and all that is below and about it.
func (g *contentGraph) below(root int64) map[int64]bool {
	seen := map[int64]bool{}
	for next := []int64{root}; len(next) > 0; {
		id := next[0]
		next = next[1:]
		if !seen[id] {
			seen[id] = true
			next = append(append(next, g.nodes[id].children...), g.nodes[id].referrers...)
		}
	}
	return seen
}

// exclusive adds up the blobs that only manifests in gone name.
func (g *contentGraph) exclusive(gone map[int64]bool) (size int64) {
	named := map[int64]int64{}
	for id := range gone {
		for _, b := range g.nodes[id].blobs {
			named[b]++
		}
	}
	for b, n := range named {
		if n == g.refs[b] {
			size += g.sizes[b]
		}
	}
	return size
}

// usage returns what one tag of root holds.
func (g *contentGraph) usage(root int64) (u Usage) {
	seen := map[int64]bool{}
	for id := range g.below(root) {
		for _, b := range g.nodes[id].blobs {
			if !seen[b] {
				seen[b] = true
				u.Shared += g.sizes[b]
				u.Blobs++
			}
		}
	}
	u.Exclusive = g.exclusive(g.going(map[int64]int64{root: 1}))
	u.Shared -= u.Exclusive
	return u
}
