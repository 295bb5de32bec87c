package catalog

import (
	"context"
	"encoding/json"
	"time"

	"easel"
)

// Trash is what a deletion took out of one repository and can be restored.
type Trash struct {
	Row       int64  // newer trash has a larger one
	ID        string // of the deletion's receipt
	Repo      easel.Repo
	Actor     string // user id
	ActorName string
	At, Until time.Time
	Bytes     int64 // those that only trash held after the deletion
	Tags      []easel.Tag
	Images    []easel.ReceiptItem
	Manifests int
	Projects  []string     // of the image records, in the order of Images
	Homes     []string     // their workspaces, which may be gone
	Grants    easel.Grants // of the asking user on the repository, or what is left of it
}

// TrashQuery selects trash of a domain, newest first.
type TrashQuery struct {
	Domain string    // required
	ID     string    // "": of all deletions
	Org    easel.Org // "": of all organisations
	Before int64     // only rows before this one; 0: from the newest
	Sight  *Sight    // of repositories, where a grant is one of manage; nil: all
	Limit  int
}

// Trash returns what q selects.
func (db *DB) Trash(ctx context.Context, who easel.Principal, q TrashQuery) (found []Trash, err error) {
	if !storable(q.ID, string(q.Org)) {
		return []Trash{}, nil
	}
	a := args{who.UserID, q.Domain}
	where := `o.domain = $2`
	if q.ID != "" {
		where += ` AND x.receipt = ` + a.add(q.ID)
	}
	if q.Org != "" {
		where += ` AND o.name = ` + a.add(string(q.Org))
	}
	if q.Before > 0 {
		where += ` AND x.id < ` + a.add(q.Before)
	}
	if q.Sight != nil {
		where += q.Sight.where(&a, grantedLevel+` >= 7`, "x.repo")
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanTrash, `
			SELECT x.id, x.receipt, x.repo, x.actor, x.actor_name, x.at, x.until, x.bytes, x.content, (SELECT count(*) FROM trash_manifest m WHERE m.trash = x.id),
				o.domain, coalesce(g.level, 0), `+grantedLevel+`
			FROM trash x JOIN org o ON o.id = x.org
			LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
			LEFT JOIN repo r ON r.name = x.repo
			LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
			WHERE `+where+` ORDER BY x.id DESC LIMIT `+a.add(q.Limit), a...)
		return err
	})
	return found, err
}

func scanTrash(s scanner) (x Trash, err error) {
	var at, until int64
	var text string
	if err = s.Scan(&x.Row, &x.ID, &x.Repo, &x.Actor, &x.ActorName, &at, &until, &x.Bytes, &text, &x.Manifests, &x.Grants.Domain, &x.Grants.OrgLevel, &x.Grants.Level); err != nil {
		return x, err
	}
	x.At, x.Until = fromMicros(at), fromMicros(until)
	var content trashed
	if err = json.Unmarshal([]byte(text), &content); err != nil {
		return x, err
	}
	x.Tags, x.Images, x.Projects, x.Homes = []easel.Tag{}, []easel.ReceiptItem{}, []string{}, []string{}
	for _, tag := range content.Tags {
		x.Tags = append(x.Tags, tag.Name)
	}
	for _, i := range content.Images {
		x.Images = append(x.Images, easel.ReceiptItem{ID: i.Image.ID, Path: i.Image.Path})
		x.Projects, x.Homes = append(x.Projects, i.Image.Project), append(x.Homes, i.Image.Workspace)
	}
	return x, nil
}
