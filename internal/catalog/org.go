package catalog

import (
	"context"
	"errors"
	"time"

	"easel"
)

// levelManage is what the creator of an organisation is granted (swr.md 2.9).
const levelManage = 7

// Organisation is an organisation with what the asking user was granted on it.
type Organisation struct {
	ID          int64
	Name        easel.Org
	CreatorName string
	Created     time.Time
	Grants      easel.Grants
	Users       int // accounts with a grant
	Repos       int
}

// OrgQuery says which organisations of a domain to list.
type OrgQuery struct {
	Domain string
	Name   easel.Org // "" or exactly this one
	Sight  Sight     // what of them the asking user sees
	Inside bool      // with Sight.Granted: also those on a repository of which it was granted something
}

// CreateOrg makes an organisation of who's domain and grants who level 7 on
// it. Errors: Exists "organisation", in whichever domain the name is taken;
// TooMany "organisation quota"; NotFound "domain".
func (db *DB) CreateOrg(ctx context.Context, who easel.Principal, name easel.Org) error {
	return db.update(ctx, func(t *tx) error {
		room := t.roomForOrg(who.DomainID)
		if room != nil && !errors.Is(room, easel.TooMany) {
			return room
		}
		var id int64
		ok, err := t.get([]any{&id}, `
			INSERT INTO org (name, domain, creator, creator_name, created) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (name) DO NOTHING RETURNING id`,
			string(name), who.DomainID, who.UserID, who.UserName, t.now)
		if err != nil {
			return err
		}
		if !ok {
			return easel.E(easel.Exists, "organisation", "the organisation name %s is taken; names are unique in the installation", name)
		}
		if room != nil { // that the name is taken comes first
			return room
		}
		_, err = t.exec(`INSERT INTO org_grant (org, account, level) SELECT CAST($1 AS BIGINT), id, CAST($2 AS BIGINT) FROM account WHERE id = $3`,
			id, levelManage, who.UserID)
		if err != nil {
			return err
		}
		return t.audit(who, "createUserNamespace", string(name), 0, nil)
	})
}

// orNotFound returns err, or NotFound when there is none.
func orNotFound(err error, noun easel.Noun, format string, args ...any) error {
	if err != nil {
		return err
	}
	return easel.E(easel.NotFound, noun, format, args...)
}

// grantedInside is true when the asking user, $1, was granted something on a
// repository of o.
const grantedInside = `EXISTS (SELECT 1 FROM repo_grant rg JOIN repo r ON r.id = rg.repo WHERE rg.account = $1 AND r.org = o.id)`

// organisations selects what scanOrganisation reads. $1 is the asking user.
const organisations = `
	SELECT o.id, o.name, o.creator_name, o.created, o.domain, COALESCE(g.level, 0), CASE WHEN ` + grantedInside + ` THEN 1 ELSE 0 END,
		(SELECT COUNT(*) FROM org_grant a WHERE a.org = o.id), (SELECT COUNT(*) FROM repo r WHERE r.org = o.id)
	FROM org o LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1`

func scanOrganisation(s scanner) (o Organisation, err error) {
	var created int64
	err = s.Scan(&o.ID, &o.Name, &o.CreatorName, &created, &o.Grants.Domain, &o.Grants.Level, &o.Grants.Inside, &o.Users, &o.Repos)
	o.Created, o.Grants.OrgLevel = fromMicros(created), o.Grants.Level
	return o, err
}

// Org returns the organisation called name. Errors: NotFound "organisation".
func (db *DB) Org(ctx context.Context, who easel.Principal, name easel.Org) (o Organisation, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err := all(t, scanOrganisation, organisations+` WHERE o.name = $2`, who.UserID, string(name))
		if err != nil || len(found) == 0 {
			return orNotFound(err, "organisation", "the organisation %s does not exist", name)
		}
		o = found[0]
		return nil
	})
	return o, err
}

// Orgs returns the organisations that q asks for, by name.
func (db *DB) Orgs(ctx context.Context, who easel.Principal, q OrgQuery) (found []Organisation, err error) {
	if !storable(string(q.Name)) {
		return []Organisation{}, nil
	}
	a := args{who.UserID}
	where := ` WHERE o.domain = ` + a.add(q.Domain)
	if q.Name != "" {
		where += ` AND o.name = ` + a.add(string(q.Name))
	}
	granted := `g.level > 0`
	if q.Inside {
		granted += ` OR ` + grantedInside
	}
	where += q.Sight.where(&a, granted, `o.name`)
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanOrganisation, organisations+where+` ORDER BY o.name`, a...)
		return err
	})
	return found, err
}

// DeleteOrg removes an organisation and the grants on it. Errors: NotFound
// "organisation"; InUse "organisation" while it holds a repository, empty or not,
// or trash.
func (db *DB) DeleteOrg(ctx context.Context, who easel.Principal, name easel.Org) error {
	return db.update(ctx, func(t *tx) error {
		var id int64
		// The lock keeps a push from making a repository before the row is gone.
		if ok, err := t.get([]any{&id}, `SELECT id FROM org WHERE name = $1`+t.forUpdate(), string(name)); err != nil || !ok {
			return orNotFound(err, "organisation", "the organisation %s does not exist", name)
		}
		var repos int
		if _, err := t.get([]any{&repos}, `SELECT COUNT(*) FROM repo WHERE org = $1`, id); err != nil {
			return err
		}
		if repos > 0 {
			return easel.E(easel.InUse, "organisation", "the organisation %s still holds repositories (%d): delete them first", name, repos)
		}
		var trash int
		if _, err := t.get([]any{&trash}, `SELECT COUNT(DISTINCT receipt) FROM trash WHERE org = $1`, id); err != nil {
			return err
		}
		if trash > 0 {
			return easel.E(easel.InUse, "organisation", "%d deletions in the organisation %s can still be undone: restore or purge them first (easel trash ls --org %s)", trash, name, name)
		}
		if _, err := t.exec(`DELETE FROM org WHERE id = $1`, id); err != nil {
			return err
		}
		return t.audit(who, "deleteUserNamespace", string(name), 0, nil)
	})
}
