package catalog

import (
	"context"
	"time"

	"easel"
)

// Why is what keeps a blob, as far as the asking user may know it.
type Why struct {
	Digest    easel.Digest `json:"digest"`
	Bytes     int64        `json:"bytes"`     // of the object; 0 when it was lost
	Paths     []WhyPath    `json:"paths"`     // at most 1000, by repository and tag
	Pins      []WhyPin     `json:"pins"`      // live ones, of the blob and of the manifests on the paths
	MustGo    []string     `json:"must_go"`   // "repository:tag" and "repository@digest": when all have gone, Paths is empty
	Elsewhere int64        `json:"elsewhere"` // references and live pins in repositories that the user may not see
	Trash     []WhyTrash   `json:"trash"`     // deletions that can be undone
	Cut       bool         `json:"cut"`       // there is more than was followed
}

// WhyPath is one way from a tag, or from a manifest that nothing names, to a blob.
type WhyPath struct {
	Repo        easel.Repo          `json:"repository"`
	Tag         easel.Tag           `json:"tag,omitempty"`
	Images      []easel.ReceiptItem `json:"images"`       // records of the user's project that name the tag
	OtherImages int                 `json:"other_images"` // further records that name it
	Manifests   []WhyStep           `json:"manifests"`    // from what holds to what names the blob
}

// WhyStep is a manifest on a path.
type WhyStep struct {
	Digest easel.Digest `json:"digest"`
	As     string       `json:"as"` // how it is held: see the constants
}

// How a manifest on a path is held. The first of a path is tagged, untagged,
// condemned or cut, the others are a child or a referrer of the one before.
const (
	AsTagged    = "tagged"
	AsUntagged  = "untagged"  // until it is deleted by its digest
	AsCondemned = "condemned" // deleted, kept by a pin
	AsCut       = "cut"       // what holds it was not followed
	AsChild     = "child"
	AsReferrer  = "referrer"
)

// WhyPin is a push that holds a blob or a manifest.
type WhyPin struct {
	Repo     easel.Repo   `json:"repository"`
	Manifest easel.Digest `json:"manifest,omitempty"` // "": the blob itself
	User     string       `json:"user"`
	Until    time.Time    `json:"until"`
}

// WhyTrash is a deletion that holds a blob until it can no longer be undone.
type WhyTrash struct {
	ID    string     `json:"id"` // of its receipt
	Repo  easel.Repo `json:"repository"`
	Until time.Time  `json:"until"`
}

// The bounds of one answer.
const (
	maxWhyPaths = 1000
	maxWhyNodes = 5000
	maxWhyDepth = 32
)

// Why tells what keeps a blob that a repository of who's domain has, as far as
// sight shows it; public ones count as granted.
// It reads statement by statement, without a lock. Errors: NotFound "blob".
func (db *DB) Why(ctx context.Context, who easel.Principal, digest easel.Digest, sight Sight) (out Why, err error) {
	err = db.view(ctx, func(t *tx) error {
		out = Why{Digest: digest, Paths: []WhyPath{}, Pins: []WhyPin{}, MustGo: []string{}, Trash: []WhyTrash{}}
		blob, err := t.visibleBlob(who, sight, &out)
		if err != nil {
			return err
		}
		g, err := t.whyGraph(who, sight, blob)
		if err != nil {
			return err
		}
		if out.Trash, err = t.whyTrash(who, sight, blob); err != nil {
			return err
		}
		out.Paths, out.MustGo = g.paths()
		out.Cut = g.cut
		if err := t.whyImages(who, out.Paths); err != nil {
			return err
		}
		out.Pins, err = t.whyPins(who, sight, blob, g)
		return err
	})
	return out, err
}

// visible is the condition on "org o" and "repo rp" that who may see the repository.
func visible(a *args, who easel.Principal, sight Sight) string {
	condition, granted := `o.domain = `+a.add(who.DomainID), ``
	if sight.Granted {
		user := a.add(who.UserID)
		granted = `rp.is_public = 1 OR EXISTS (SELECT 1 FROM org_grant g WHERE g.org = o.id AND g.account = ` + user + ` AND g.level > 0)
			OR EXISTS (SELECT 1 FROM repo_grant g WHERE g.repo = rp.id AND g.account = ` + user + ` AND g.level > 0)`
	}
	return condition + sight.where(a, granted, `rp.name`)
}

// visibleBlob finds the blob and counts what holds it elsewhere.
func (t *tx) visibleBlob(who easel.Principal, sight Sight, out *Why) (id int64, err error) {
	a := args{string(out.Digest)}
	found, err := t.get([]any{&id, &out.Bytes}, `
		SELECT b.id, CASE WHEN b.lost = 1 THEN 0 ELSE b.size END FROM blob b WHERE b.digest = $1 AND (
			EXISTS (SELECT 1 FROM link l JOIN repo rp ON rp.id = l.repo JOIN org o ON o.id = rp.org WHERE l.blob = b.id AND `+visible(&a, who, sight)+`)
			OR EXISTS (SELECT 1 FROM trash_blob tb JOIN `+trashPlaces+` WHERE tb.blob = b.id AND `+visible(&a, who, sight)+`))`, a...)
	if err != nil || !found {
		return 0, orNotFound(err, "blob", "no repository that you may see has a blob %s", out.Digest)
	}
	a = args{id, t.now}
	_, err = t.get([]any{&out.Elsewhere}, `
		SELECT coalesce(sum(CASE WHEN `+visible(&a, who, sight)+` THEN 0 ELSE
			(SELECT count(*) FROM ref f WHERE f.repo = l.repo AND f.blob = l.blob) +
			(SELECT count(*) FROM pin p WHERE p.repo = l.repo AND p.blob = l.blob AND p.until > $2) END), 0)
		FROM link l JOIN repo rp ON rp.id = l.repo JOIN org o ON o.id = rp.org WHERE l.blob = $1`, a...)
	if err != nil {
		return 0, err
	}
	var inTrash int64
	a = args{id}
	_, err = t.get([]any{&inTrash}, `
		SELECT coalesce(sum(CASE WHEN `+visible(&a, who, sight)+` THEN 0 ELSE 1 END), 0) FROM trash_blob tb JOIN `+trashPlaces+` WHERE tb.blob = $1`, a...)
	out.Elsewhere += inTrash
	return id, err
}

// trashPlaces continues a join of trash_blob tb with where its trash is from;
// the repository may be gone.
const trashPlaces = `trash x ON x.id = tb.trash JOIN org o ON o.id = x.org LEFT JOIN repo rp ON rp.name = x.repo`

// whyTrash returns the deletions whose trash names the blob.
func (t *tx) whyTrash(who easel.Principal, sight Sight, blob int64) ([]WhyTrash, error) {
	a := args{blob, maxWhyPaths}
	return all(t, func(s scanner) (w WhyTrash, err error) {
		var until int64
		err = s.Scan(&w.ID, &w.Repo, &until)
		w.Until = fromMicros(until)
		return w, err
	}, `SELECT x.receipt, x.repo, x.until FROM trash_blob tb JOIN `+trashPlaces+` WHERE tb.blob = $1 AND `+visible(&a, who, sight)+` ORDER BY x.id LIMIT $2`, a...)
}

// whyImages adds the image records that name the tags of paths.
func (t *tx) whyImages(who easel.Principal, paths []WhyPath) error {
	tags := map[easel.Repo][]easel.Tag{}
	for _, p := range paths {
		if p.Tag != "" {
			tags[p.Repo] = append(tags[p.Repo], p.Tag)
		}
	}
	type record struct {
		tag      easel.Tag
		project  string
		id, path string
	}
	records := map[string][]record{}
	for repo, tags := range tags {
		a := args{string(repo)}
		found, err := all(t, func(s scanner) (r record, err error) { err = s.Scan(&r.tag, &r.project, &r.id, &r.path); return r, err },
			`SELECT tag, project, id, path FROM image WHERE repo = $1 AND tag IN (`+addAll(&a, tags)+`) ORDER BY id`, a...)
		if err != nil {
			return err
		}
		for _, r := range found {
			name := string(repo) + ":" + string(r.tag)
			records[name] = append(records[name], r)
		}
	}
	for n := range paths {
		p := &paths[n]
		for _, r := range records[string(p.Repo)+":"+string(p.Tag)] {
			if r.project == who.ProjectID && r.project != "" {
				p.Images = append(p.Images, easel.ReceiptItem{ID: r.id, Path: r.path})
			} else {
				p.OtherImages++
			}
		}
	}
	return nil
}

// whyPins returns the live pins of the blob and of the manifests of g.
func (t *tx) whyPins(who easel.Principal, sight Sight, blob int64, g *whyGraph) ([]WhyPin, error) {
	scan := func(s scanner) (p WhyPin, err error) {
		var until int64
		err = s.Scan(&p.Repo, &p.Manifest, &p.User, &until)
		p.Until = fromMicros(until)
		return p, err
	}
	a := args{blob, t.now, maxWhyPaths}
	pins, err := all(t, scan, `
		SELECT rp.name, '', coalesce(a.name, p.owner), p.until
		FROM link l JOIN pin p ON p.repo = l.repo AND p.blob = l.blob JOIN repo rp ON rp.id = l.repo JOIN org o ON o.id = rp.org
		LEFT JOIN account a ON a.id = p.owner
		WHERE l.blob = $1 AND p.until > $2 AND `+visible(&a, who, sight)+` ORDER BY rp.name, p.owner LIMIT $3`, a...)
	if err != nil {
		return nil, err
	}
	err = chunks(g.ids(), func(ids []int64) error {
		a := args{t.now, maxWhyPaths}
		some, err := all(t, scan, `
			SELECT rp.name, m.digest, coalesce(a.name, p.owner), p.until
			FROM manifest m JOIN mpin p ON p.repo = m.repo AND p.manifest = m.id JOIN repo rp ON rp.id = m.repo
			LEFT JOIN account a ON a.id = p.owner
			WHERE p.until > $1 AND m.id IN (`+addAll(&a, ids)+`) ORDER BY rp.name, m.digest, p.owner LIMIT $2`, a...)
		pins = append(pins, some...)
		return err
	})
	return pins, err
}
