package catalog

import (
	"context"

	"easel"
)

// Usage is what a scope holds, in bytes of blob objects. Exclusive and Shared
// are what its manifests name; Pinned, Waiting and Trash come on top.
type Usage struct {
	Kind      string  `json:"kind"`            // domain, org, repo, user, project or image
	Name      string  `json:"name"`            // organisation, organisation/repository[:tag], or the name of a user, project or domain
	ID        string  `json:"id,omitempty"`    // of a user, project or domain; the digest of an image's manifest
	Exclusive int64   `json:"bytes_exclusive"` // go when the scope goes
	Shared    int64   `json:"bytes_shared"`    // named by manifests elsewhere, too
	Pinned    int64   `json:"bytes_pinned"`    // named by no manifest: only a push under way holds them
	Waiting   int64   `json:"bytes_waiting"`   // of uploads that are not finished
	Trash     int64   `json:"bytes_trash"`     // only trash holds them; 0 of an image
	Blobs     int64   `json:"blobs"`           // that make up Exclusive and Shared
	Parts     []Usage `json:"parts,omitempty"` // the largest first
}

// UsageQuery selects scopes of one kind.
type UsageQuery struct {
	Kind   UsageKind
	Domain string    // "": of all domains
	Name   string    // "" or exactly this one: a name of an organisation or repository, else an id
	Org    easel.Org // "" or only repositories of this organisation
	Reader string    // "" or only organisations on which this user was granted something
	Limit  int
}

// UsageKind is a kind of scope.
type UsageKind string

// The kinds of scopes that the catalogue keeps a ledger of. A repository
// counts for the user who made it, and for the project that this user was
// logged in to.
const (
	UsageOfRepos    UsageKind = "repo"
	UsageOfOrgs     UsageKind = "org"
	UsageOfDomains  UsageKind = "domain"
	UsageOfUsers    UsageKind = "user"
	UsageOfProjects UsageKind = "project"
)

// usage selects what scanUsage reads, of one kind of scope.
func usage(k UsageKind) string {
	in := `r.in_` + string(k)
	name, id, join := `n.name`, `''`, ``
	switch k {
	case UsageOfOrgs:
		join = `JOIN org o ON o.name = n.name AND o.domain = n.domain`
	case UsageOfRepos:
		join = `JOIN repo r ON r.in_repo = n.id JOIN org o ON o.id = r.org`
	case UsageOfUsers:
		name, id, join = `coalesce(a.name, n.name)`, `n.name`, `LEFT JOIN account a ON a.id = n.name`
	case UsageOfProjects:
		name, id, join = `coalesce(a.name, n.name)`, `n.name`, `LEFT JOIN project a ON a.id = n.name`
	case UsageOfDomains:
		name, id, join = `coalesce(a.name, n.name)`, `n.name`, `LEFT JOIN domain a ON a.id = n.name`
	}
	return `SELECT n.kind, ` + name + `, ` + id + `, n.held, n.exclusive, n.blobs, coalesce(p.size, 0) AS pinned, coalesce(u.size, 0) AS waiting, coalesce(x.size, 0) AS trash
		FROM (` + ledgerNow + `) n ` + join + `
		LEFT JOIN (SELECT d.ledger, CAST(sum(d.size) AS BIGINT) AS size FROM (
			SELECT DISTINCT ` + in + ` AS ledger, b.id, b.size FROM pin p JOIN blob b ON b.id = p.blob JOIN repo r ON r.id = p.repo WHERE b.of_repo = 0 AND b.lost = 0) d
			GROUP BY d.ledger) p ON p.ledger = n.id
		LEFT JOIN (SELECT ` + in + ` AS ledger, CAST(sum(u.size) AS BIGINT) AS size FROM upload u JOIN repo r ON r.name = u.repo GROUP BY ` + in + `) u ON u.ledger = n.id
		LEFT JOIN (` + trashBytes(k) + `) x ON x.ledger = n.id
		WHERE n.kind = '` + string(k) + `'`
}

// trashBytes has what only trash holds, of each scope of one kind: an
// organisation and a domain keep what came from repositories that are gone.
func trashBytes(k UsageKind) string {
	in, join := `r.in_`+string(k), `JOIN repo r ON r.name = x.repo`
	switch k {
	case UsageOfOrgs:
		in, join = `l.id`, `JOIN org o ON o.id = x.org JOIN ledger l ON l.kind = 'org' AND l.name = o.name AND l.domain = o.domain`
	case UsageOfDomains:
		in, join = `l.id`, `JOIN org o ON o.id = x.org JOIN ledger l ON l.kind = 'domain' AND l.name = o.domain AND l.domain = o.domain`
	}
	return `SELECT d.ledger, CAST(sum(d.size) AS BIGINT) AS size FROM (
		SELECT DISTINCT ` + in + ` AS ledger, b.id, b.size FROM trash x ` + join + ` JOIN trash_blob n ON n.trash = x.id JOIN blob b ON b.id = n.blob
		WHERE b.lost = 0 AND NOT EXISTS (SELECT 1 FROM link k WHERE k.blob = b.id)) d GROUP BY d.ledger`
}

func scanUsage(s scanner) (u Usage, err error) {
	err = s.Scan(&u.Kind, &u.Name, &u.ID, &u.Shared, &u.Exclusive, &u.Blobs, &u.Pinned, &u.Waiting, &u.Trash)
	u.Shared -= u.Exclusive
	return u, err
}

// Usage returns what the scopes hold that q selects and that hold something,
// the largest first.
func (db *DB) Usage(ctx context.Context, q UsageQuery) (found []Usage, err error) {
	if !storable(q.Name, string(q.Org)) {
		return []Usage{}, nil
	}
	var a args
	query := usage(q.Kind)
	if q.Domain != "" {
		query += ` AND n.domain = ` + a.add(q.Domain)
	}
	if q.Name != "" {
		query += ` AND n.name = ` + a.add(q.Name)
	}
	if q.Org != "" {
		query += ` AND o.name = ` + a.add(string(q.Org))
	}
	if q.Reader != "" {
		query += ` AND EXISTS (SELECT 1 FROM org_grant g WHERE g.org = o.id AND g.account = ` + a.add(q.Reader) + `)`
	}
	query += ` AND n.held + coalesce(p.size, 0) + coalesce(u.size, 0) + coalesce(x.size, 0) > 0
		ORDER BY n.held + coalesce(p.size, 0) + coalesce(u.size, 0) + coalesce(x.size, 0) DESC, n.name LIMIT ` + a.add(q.Limit)
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanUsage, query, a...)
		return err
	})
	return found, err
}

// HasRepo returns NotFound "repository" when there is no such repository.
func (db *DB) HasRepo(ctx context.Context, repo easel.Repo) error {
	return db.view(ctx, func(t *tx) error {
		_, err := t.repoID(repo)
		return err
	})
}
