package catalog

import (
	"context"
	"database/sql"
	"time"

	"easel"
)

// Repository is a repository with what the asking user was granted on it.
type Repository struct {
	ID, OrgID             int64
	Name                  easel.Repo
	Domain, DomainName    string
	Category, Description string
	Public                bool
	Creator, CreatorName  string
	Size                  int64 // bytes of the blobs it links
	TagCount              int64
	Downloads             int64
	Created, Updated      time.Time
	Grants                easel.Grants
	Tags                  []easel.Tag // by name; only in listings
}

// NewRepository is what CreateRepo makes.
type NewRepository struct {
	Name                  easel.Repo
	Category, Description string
	Public                bool
}

// RepoChange is what UpdateRepo sets; nil leaves a field as it is.
type RepoChange struct {
	Public                *bool
	Category, Description *string
}

// RepoOrder is what repositories are sorted by.
type RepoOrder string

// The orders. Equal repositories are sorted by full name, ascending.
const (
	ReposByUpdated RepoOrder = "updated"
	ReposByName    RepoOrder = "name" // without the organisation
	ReposByTags    RepoOrder = "tags"
	ReposByOrg     RepoOrder = "org"
	ReposByPublic  RepoOrder = "public"
	ReposByDomain  RepoOrder = "domain"
)

// RepoQuery selects repositories of a domain.
type RepoQuery struct {
	Domain   string
	Sight    Sight  // what of them the asking user sees
	Org      string // "" or exactly this organisation
	OrgPart  string // a part of the organisation's name
	NamePart string // a part of the name after the organisation
	Category string
	Public   *bool
	Order    RepoOrder
	Desc     bool
	Limit    int
	Offset   int64

	Shares     Shares
	Valid      *bool  // with Shares: only those with a share that has not ended, or only the others
	DomainName string // with SharedWith: "" or exactly this owner
}

// Shares restricts a query to shared repositories.
type Shares int

// The kinds of shared repositories.
const (
	NotAsked   Shares = iota
	SharedBy          // those of Domain that are shared with others
	SharedWith        // those of others that are shared with the asking user's domain; Domain does not count
)

// repoOrders are the sort keys over "FROM repo r JOIN org o".
var repoOrders = map[RepoOrder]string{
	ReposByUpdated: `r.updated`,
	ReposByName:    `substr(r.name, length(o.name) + 2)`,
	ReposByTags:    `(SELECT COUNT(*) FROM tag t WHERE t.repo = r.id)`,
	ReposByOrg:     `o.name`,
	ReposByPublic:  `r.is_public`,
	ReposByDomain:  `d.name`,
}

// CreateRepo makes an empty repository. Errors: NotFound "organisation";
// Exists "repository".
func (db *DB) CreateRepo(ctx context.Context, who easel.Principal, n NewRepository) error {
	return db.update(ctx, func(t *tx) error {
		var org int64
		if ok, err := t.get([]any{&org}, `SELECT id FROM org WHERE name = $1`, string(n.Name.Org())); err != nil || !ok {
			return orNotFound(err, "organisation", "the organisation %s does not exist", n.Name.Org())
		}
		made, err := t.insertRepo(who, org, n)
		if err != nil {
			return err
		}
		if !made {
			return easel.E(easel.Exists, "repository", "the repository %s exists already", n.Name)
		}
		return t.audit(who, "createImageRepository", string(n.Name), 0, nil)
	})
}

// UpdateRepo changes the attributes of a repository. Errors: NotFound "repository".
func (db *DB) UpdateRepo(ctx context.Context, who easel.Principal, name easel.Repo, c RepoChange) error {
	return db.update(ctx, func(t *tx) error {
		a := args{t.now}
		set := `updated = $1`
		if c.Public != nil {
			set += `, is_public = ` + a.add(flag(*c.Public))
		}
		if c.Category != nil {
			set += `, category = ` + a.add(*c.Category)
		}
		if c.Description != nil {
			set += `, description = ` + a.add(*c.Description)
		}
		n, err := t.exec(`UPDATE repo SET `+set+` WHERE name = `+a.add(string(name)), a...)
		if err != nil || n == 0 {
			return orNotFound(err, "repository", "the repository %s does not exist", name)
		}
		return t.audit(who, "updateImageRepository", string(name), 0, nil)
	})
}

// repoColumns are what scanRepository reads, of "FROM page p", a selection of
// repositories with organisation and domain. Sums are made for the page only.
const repoColumns = `p.total, p.id, p.org, p.name, p.domain, p.domain_name, p.category, p.description, p.is_public, p.creator, p.creator_name,
	p.downloads, p.created, p.updated, p.org_level, p.level, p.shared, (SELECT COUNT(*) FROM tag t WHERE t.repo = p.id),
	(SELECT CAST(COALESCE(SUM(b.size), 0) AS BIGINT) FROM link l JOIN blob b ON b.id = l.blob WHERE l.repo = p.id)`

// repositories are the columns of "page", of what repoTables joins.
const repositories = `r.id, r.org, r.name, o.domain, d.name AS domain_name, r.category, r.description, r.is_public, r.creator, r.creator_name,
	r.downloads, r.created, r.updated, COALESCE(g.level, 0) AS org_level, ` + grantedLevel + ` AS level,
	CASE WHEN s.repo IS NULL THEN 0 ELSE 1 END AS shared`

// repoTables joins what repositories selects. $1 is the asking user, $2 its
// domain and $3 the time.
const repoTables = `
	FROM repo r JOIN org o ON o.id = r.org JOIN domain d ON d.id = o.domain LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
	LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
	LEFT JOIN share s ON s.repo = r.id AND s.domain = $2 AND (s.ends = 0 OR s.ends > $3)`

// repoRow is a Repository with the number of rows that its query matched.
type repoRow struct {
	Repository
	total int64
}

func scanRepository(s scanner) (r repoRow, err error) {
	var created, updated int64
	err = s.Scan(&r.total, &r.ID, &r.OrgID, &r.Name, &r.Domain, &r.DomainName, &r.Category, &r.Description, &r.Public, &r.Creator, &r.CreatorName,
		&r.Downloads, &created, &updated, &r.Grants.OrgLevel, &r.Grants.Level, &r.Grants.Shared, &r.TagCount, &r.Size)
	r.Created, r.Updated = fromMicros(created), fromMicros(updated)
	r.Grants.Domain, r.Grants.Public = r.Domain, r.Public
	return r, err
}

// Repo returns a repository without its tags. Errors: NotFound "repository".
func (db *DB) Repo(ctx context.Context, who easel.Principal, name easel.Repo) (r Repository, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err := all(t, scanRepository, `SELECT `+repoColumns+` FROM (SELECT 1 AS total, `+repositories+repoTables+` WHERE r.name = $4) p`, who.UserID, who.DomainID, t.now, string(name))
		if err != nil || len(found) == 0 {
			return orNotFound(err, "repository", "the repository %s does not exist", name)
		}
		r = found[0].Repository
		return nil
	})
	return r, err
}

// Repos returns a page of the repositories that q selects, and how many it
// selects in all.
func (db *DB) Repos(ctx context.Context, who easel.Principal, q RepoQuery) (found []Repository, total int64, err error) {
	if !storable(q.Org, q.OrgPart, q.NamePart, q.Category, q.DomainName) {
		return []Repository{}, 0, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, total, err = t.repos(who, q)
		if err != nil {
			return err
		}
		return t.tagNames(found)
	})
	return found, total, err
}

// tagNames fills in the tags of a page of repositories.
func (t *tx) tagNames(repos []Repository) error {
	if len(repos) == 0 {
		return nil
	}
	a, index := args{}, map[int64]int{}
	ids := make([]int64, len(repos))
	for i := range repos {
		repos[i].Tags, ids[i], index[repos[i].ID] = []easel.Tag{}, repos[i].ID, i
	}
	type name struct {
		repo int64
		tag  easel.Tag
	}
	scan := func(s scanner) (n name, err error) { err = s.Scan(&n.repo, &n.tag); return n, err }
	names, err := all(t, scan, `SELECT repo, name FROM tag WHERE repo IN (`+addAll(&a, ids)+`) ORDER BY repo, name`, a...)
	for _, n := range names {
		r := &repos[index[n.repo]]
		r.Tags = append(r.Tags, n.tag)
	}
	return err
}

func (t *tx) repos(who easel.Principal, q RepoQuery) ([]Repository, int64, error) {
	a := args{who.UserID, who.DomainID, t.now}
	selected := repoTables + q.where(&a)
	direction := ``
	if q.Desc {
		direction = ` DESC`
	}
	counted := a[:len(a):len(a)]
	inner := `SELECT (SELECT COUNT(*)` + selected + `) AS total, ` + repoOrders[q.Order] + ` AS place, ` + repositories + selected +
		` ORDER BY place` + direction + `, r.name LIMIT ` + a.add(q.Limit) + ` OFFSET ` + a.add(q.Offset)
	rows, err := all(t, scanRepository, `SELECT `+repoColumns+` FROM (`+inner+`) p ORDER BY p.place`+direction+`, p.name`, a...)
	if err != nil {
		return nil, 0, err
	}
	found := make([]Repository, len(rows))
	for i := range rows {
		found[i] = rows[i].Repository
	}
	if len(rows) > 0 {
		return found, rows[0].total, nil
	}
	var total int64 // an empty page beyond the end has no row to tell it
	_, err = t.get([]any{&total}, `SELECT COUNT(*)`+selected, counted...)
	return found, total, err
}

func (q RepoQuery) where(a *args) string {
	where := ` WHERE ` + q.owner(a)
	where += q.Sight.where(a, `g.level > 0 OR rg.level > 0`, `r.name`)
	if q.Org != "" {
		where += ` AND o.name = ` + a.add(q.Org)
	}
	if q.OrgPart != "" {
		where += ` AND ` + contains(a, `o.name`, q.OrgPart)
	}
	if q.NamePart != "" {
		where += ` AND ` + contains(a, `substr(r.name, length(o.name) + 2)`, q.NamePart)
	}
	if q.Category != "" {
		where += ` AND r.category = ` + a.add(q.Category)
	}
	if q.Public != nil {
		where += ` AND r.is_public = ` + a.add(flag(*q.Public))
	}
	return where
}

// owner selects by the domain that owns a repository, and by shares.
func (q RepoQuery) owner(a *args) string {
	if q.Shares == SharedWith {
		where := `EXISTS (SELECT 1 FROM share x WHERE x.repo = r.id AND x.domain = $2)`
		if q.Valid != nil {
			where += ` AND (s.repo IS NOT NULL) = (` + a.add(flag(*q.Valid)) + ` = 1)`
		}
		if q.DomainName != "" {
			where += ` AND d.name = ` + a.add(q.DomainName)
		}
		return where
	}
	where := `o.domain = ` + a.add(q.Domain)
	if q.Shares == SharedBy {
		where += ` AND EXISTS (SELECT 1 FROM share x WHERE x.repo = r.id)`
		if q.Valid != nil {
			where += ` AND EXISTS (SELECT 1 FROM share x WHERE x.repo = r.id AND (x.ends = 0 OR x.ends > $3)) = (` + a.add(flag(*q.Valid)) + ` = 1)`
		}
	}
	return where
}

// contains is true when part, which is not empty, occurs in the text
// expression; no character of part has a special meaning.
func contains(a *args, expression, part string) string {
	return `replace(` + expression + `, ` + a.add(part) + `, '') <> ` + expression
}

// RepoTag is a tag as listings show it.
type RepoTag struct {
	ID, RepoID       int64
	Name             easel.Tag
	Digest           easel.Digest
	MediaType        string
	Body             []byte       // of the manifest; nil when the page held too much
	Config           easel.Digest // "" for an index
	Size             int64        // bytes of config and layers; of an index: of all its children
	Created, Updated time.Time
	Domain           string
}

// TagOrder is what tags are sorted by.
type TagOrder string

// The orders. Equal tags are sorted by name, ascending.
const (
	TagsByUpdated TagOrder = "updated"
	TagsByName    TagOrder = "name"
)

// TagQuery selects tags of a repository.
type TagQuery struct {
	Name     easel.Tag // "" or exactly this one
	NamePart string    // a part of the name
	Order    TagOrder
	Desc     bool
	Limit    int
	Offset   int64
}

var tagOrders = map[TagOrder]string{TagsByUpdated: `t.updated`, TagsByName: `t.name`}

// maxBodies bounds the manifest bytes of one page of tags (32 MiB): what a
// request may hold in memory.
const maxBodies = 32 << 20

// RepoTags returns a page of the tags that q selects, and how many it selects
// in all. A repository that does not exist has none. Bodies of manifests are
// left out once a page has 32 MiB of them.
func (db *DB) RepoTags(ctx context.Context, repo easel.Repo, q TagQuery) (found []RepoTag, total int64, err error) {
	if !storable(q.NamePart) {
		return []RepoTag{}, 0, nil
	}
	a := args{string(repo)}
	where := ` WHERE r.name = $1`
	if q.Name != "" {
		where += ` AND t.name = ` + a.add(string(q.Name))
	}
	if q.NamePart != "" {
		where += ` AND ` + contains(&a, `t.name`, q.NamePart)
	}
	direction := ``
	if q.Desc {
		direction = ` DESC`
	}
	from := ` FROM tag t JOIN repo r ON r.id = t.repo JOIN org o ON o.id = r.org` + where
	counted := a[:len(a):len(a)]
	inner := `SELECT (SELECT COUNT(*)` + from + `) AS total, ` + tagOrders[q.Order] + ` AS place,
		t.id, t.repo, t.name, t.manifest, t.created, t.updated, o.domain` + from +
		` ORDER BY place` + direction + `, t.name LIMIT ` + a.add(q.Limit) + ` OFFSET ` + a.add(q.Offset)
	err = db.view(ctx, func(t *tx) error {
		bodies := 0
		scan := func(s scanner) (RepoTag, error) { return scanTag(s, &total, &bodies) }
		if found, err = all(t, scan, `SELECT `+tagColumns+` FROM (`+inner+`) p JOIN manifest m ON m.id = p.manifest ORDER BY p.place`+direction+`, p.name`, a...); err != nil || len(found) > 0 {
			return err
		}
		_, err = t.get([]any{&total}, `SELECT COUNT(*)`+from, counted...)
		return err
	})
	return found, total, err
}

// tagColumns are what scanTag reads. The size of an index is the sum over the
// manifests under it, each once.
const tagColumns = `p.total, p.id, p.repo, p.name, p.created, p.updated, p.domain, m.digest, m.media_type, m.body, m.config, m.total, (
	WITH RECURSIVE below (id) AS (
		SELECT c.child FROM child c WHERE c.parent = p.manifest
		UNION SELECT c.child FROM child c JOIN below b ON c.parent = b.id)
	SELECT CAST(SUM(k.total) AS BIGINT) FROM below b JOIN manifest k ON k.id = b.id)`

func scanTag(s scanner, total *int64, bodies *int) (tag RepoTag, err error) {
	var (
		created, updated int64
		below            sql.NullInt64
	)
	err = s.Scan(total, &tag.ID, &tag.RepoID, &tag.Name, &created, &updated, &tag.Domain, &tag.Digest, &tag.MediaType, &tag.Body, &tag.Config, &tag.Size, &below)
	tag.Created, tag.Updated = fromMicros(created), fromMicros(updated)
	tag.Size += below.Int64
	if *bodies += len(tag.Body); *bodies > maxBodies {
		tag.Body = nil
	}
	return tag, err
}
