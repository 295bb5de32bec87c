package catalog

import (
	"cmp"
	"maps"
	"slices"

	"easel"
)

// whyGraph is the manifests from which references lead to a blob.
type whyGraph struct {
	nodes  map[int64]*whyNode
	direct []int64 // those that name the blob themselves
	cut    bool
	found  []WhyPath
}

type whyNode struct {
	id        int64
	repo      easel.Repo
	digest    easel.Digest
	condemned bool
	subject   *int64
	parents   []int64
	tags      []easel.Tag
}

// whyGraph reads the graph from the blob upwards, a level at a time.
func (t *tx) whyGraph(who easel.Principal, sight Sight, blob int64) (*whyGraph, error) {
	g := &whyGraph{nodes: map[int64]*whyNode{}}
	a := args{blob, maxWhyPaths + 1}
	direct, err := all(t, column[int64], `
		SELECT f.manifest FROM link l JOIN repo rp ON rp.id = l.repo JOIN org o ON o.id = rp.org
		JOIN ref f ON f.repo = l.repo AND f.blob = l.blob
		WHERE l.blob = $1 AND `+visible(&a, who, sight)+` ORDER BY rp.name, f.manifest LIMIT $2`, a...)
	if err != nil {
		return nil, err
	}
	g.direct, g.cut = page(direct, maxWhyPaths)
	level := g.direct
	for depth := 0; len(level) > 0; depth++ {
		if depth == maxWhyDepth || len(g.nodes)+len(level) > maxWhyNodes {
			g.cut = true
			break
		}
		if err := t.whyLevel(g, level); err != nil {
			return nil, err
		}
		level = g.above(level)
	}
	return g, nil
}

// whyLevel reads manifests with their tags and parents.
func (t *tx) whyLevel(g *whyGraph, ids []int64) error {
	var a args
	in := addAll(&a, ids)
	nodes, err := all(t, func(s scanner) (*whyNode, error) {
		n := &whyNode{}
		return n, s.Scan(&n.id, &n.repo, &n.digest, &n.condemned, &n.subject)
	}, `
		SELECT m.id, rp.name, m.digest, m.condemned, s.id FROM manifest m JOIN repo rp ON rp.id = m.repo
		LEFT JOIN manifest s ON s.repo = m.repo AND s.digest = m.subject WHERE m.id IN (`+in+`)`, a...)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		g.nodes[n.id] = n
	}
	limit := a.add(maxWhyNodes + 1)
	tags, err := all(t, func(s scanner) (x struct {
		id  int64
		tag easel.Tag
	}, err error) {
		err = s.Scan(&x.id, &x.tag)
		return x, err
	}, `SELECT m.id, t.name FROM manifest m JOIN tag t ON t.repo = m.repo AND t.manifest = m.id WHERE m.id IN (`+in+`) ORDER BY t.name LIMIT `+limit, a...)
	if err != nil {
		return err
	}
	for _, x := range tags {
		g.nodes[x.id].tags = append(g.nodes[x.id].tags, x.tag)
	}
	parents, err := all(t, func(s scanner) (x [2]int64, err error) { err = s.Scan(&x[0], &x[1]); return x, err },
		`SELECT m.id, c.parent FROM manifest m JOIN child c ON c.repo = m.repo AND c.child = m.id WHERE m.id IN (`+in+`) ORDER BY c.parent LIMIT `+limit, a...)
	for _, x := range parents {
		g.nodes[x[0]].parents = append(g.nodes[x[0]].parents, x[1])
	}
	g.cut = g.cut || len(tags) > maxWhyNodes || len(parents) > maxWhyNodes
	return err
}

// above returns what holds the manifests and has not been read yet.
func (g *whyGraph) above(level []int64) []int64 {
	next := map[int64]bool{}
	for _, id := range level {
		n := g.nodes[id]
		if n == nil {
			continue
		}
		for _, h := range n.holders() {
			if g.nodes[h.id] == nil {
				next[h.id] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(next))
}

// holder is a manifest that keeps another, and as what.
type holder struct {
	id int64
	as string
}

func (n *whyNode) holders() []holder {
	var h []holder
	for _, p := range n.parents {
		h = append(h, holder{p, AsChild})
	}
	if n.subject != nil {
		h = append(h, holder{*n.subject, AsReferrer})
	}
	return h
}

func (g *whyGraph) ids() []int64 { return slices.Sorted(maps.Keys(g.nodes)) }

// paths returns the paths, and what must go for all of them to go.
func (g *whyGraph) paths() (paths []WhyPath, mustGo []string) {
	g.found = []WhyPath{}
	for _, id := range g.direct {
		if n := g.nodes[id]; n != nil { // else it went meanwhile
			g.climb(n, nil)
		}
	}
	slices.SortStableFunc(g.found, func(a, b WhyPath) int {
		return cmp.Or(cmp.Compare(a.Repo, b.Repo), cmp.Compare(a.Tag, b.Tag), cmp.Compare(a.Manifests[0].Digest, b.Manifests[0].Digest))
	})
	must := map[string]bool{}
	for _, p := range g.found {
		switch first := p.Manifests[0]; first.As {
		case AsTagged:
			must[string(p.Repo)+":"+string(p.Tag)] = true
		case AsUntagged:
			must[string(p.Repo)+"@"+string(first.Digest)] = true
		}
	}
	return g.found, append([]string{}, slices.Sorted(maps.Keys(must))...)
}

// climb finds the paths that lead to below through n. Every way up ends in a
// path, so that the bound on paths bounds the work too.
func (g *whyGraph) climb(n *whyNode, below []WhyStep) {
	for _, tag := range n.tags {
		g.add(n, tag, AsTagged, below)
	}
	holders := n.holders()
	if len(n.tags) == 0 && len(holders) == 0 {
		as := AsUntagged
		if n.condemned {
			as = AsCondemned
		}
		g.add(n, "", as, below)
	}
	for _, h := range holders {
		if len(g.found) >= maxWhyPaths {
			g.cut = true
			return
		}
		above := g.nodes[h.id]
		if above == nil || len(below) >= maxWhyDepth {
			g.cut = true
			g.add(n, "", AsCut, below)
			continue
		}
		g.climb(above, append([]WhyStep{{n.digest, h.as}}, below...))
	}
}

func (g *whyGraph) add(n *whyNode, tag easel.Tag, as string, below []WhyStep) {
	if len(g.found) >= maxWhyPaths {
		g.cut = true
		return
	}
	g.found = append(g.found, WhyPath{Repo: n.repo, Tag: tag, Images: []easel.ReceiptItem{}, Manifests: append([]WhyStep{{n.digest, as}}, below...)})
}
