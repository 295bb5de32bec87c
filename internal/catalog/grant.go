package catalog

import (
	"context"

	"easel"
)

// Grant is what one user may do on an organisation or a repository.
type Grant struct {
	User, UserName string
	Level          int // 1 read, 3 edit, 7 manage
}

// GrantsOn names what grants are on: an organisation, or one repository of it.
type GrantsOn struct {
	Org  easel.Org
	Repo easel.Repo // "": the organisation
}

// grantTable is where the grants of one kind are.
type grantTable struct {
	holder, noun  easel.Noun // of errors: what they are on, and themselves
	table, column string
	find          string // id and domain of what they are on; $1 is its name
	audit         string // what the names of the operations end with
}

var (
	orgGrants = grantTable{"organisation", "organisation grant", "org_grant", "org",
		`SELECT id, domain FROM org WHERE name = $1`, "UserNamespaceAuth"}
	repoGrants = grantTable{"repository", "repository grant", "repo_grant", "repo",
		`SELECT r.id, o.domain FROM repo r JOIN org o ON o.id = r.org WHERE r.name = $1`, "UserRepositoryAuth"}
)

func (on GrantsOn) table() (g grantTable, name string) {
	if on.Repo == "" {
		return orgGrants, string(on.Org)
	}
	return repoGrants, string(on.Repo)
}

// Grants returns the grants on an organisation or repository, by user name.
// Those on the organisation are not among those on a repository. What does not
// exist has none.
func (db *DB) Grants(ctx context.Context, on GrantsOn) (found []Grant, err error) {
	g, name := on.table()
	err = db.view(ctx, func(t *tx) error {
		scan := func(s scanner) (a Grant, err error) { err = s.Scan(&a.User, &a.UserName, &a.Level); return a, err }
		found, err = all(t, scan, `SELECT a.id, a.name, g.level FROM `+g.table+` g JOIN account a ON a.id = g.account JOIN `+g.column+
			` o ON o.id = g.`+g.column+` WHERE o.name = $1 ORDER BY a.name, a.id`, name)
		return err
	})
	return found, err
}

// AddGrants grants levels to users of the owning domain, to all or none.
// Errors: NotFound "organisation" or "repository"; Invalid "grantee" for who is
// not a user of the domain; Exists "organisation grant" or "repository grant".
func (db *DB) AddGrants(ctx context.Context, who easel.Principal, on GrantsOn, grants []Grant) error {
	g, _ := on.table()
	return db.changeGrants(ctx, who, on, "create", func(t *tx, id int64, domain string) error {
		for _, a := range grants {
			if !storable(a.User) {
				return orNoGrantee(nil, a.User)
			}
			if ok, err := t.exists(`SELECT 1 FROM account WHERE id = $1 AND domain = $2`, a.User, domain); err != nil || !ok {
				return orNoGrantee(err, a.User)
			}
			n, err := t.exec(`INSERT INTO `+g.table+` (`+g.column+`, account, level) VALUES ($1, $2, $3) ON CONFLICT (`+g.column+`, account) DO NOTHING`, id, a.User, a.Level)
			if err == nil && n == 0 {
				err = easel.E(easel.Exists, g.noun, "the user %s has a permission already", a.User)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// SetGrants changes the levels of grants, of all or none; none of them may
// have been above the level upTo. Errors: NotFound "organisation", "repository",
// "organisation grant" or "repository grant"; Denied as the latter.
func (db *DB) SetGrants(ctx context.Context, who easel.Principal, on GrantsOn, grants []Grant, upTo int) error {
	g, _ := on.table()
	return db.changeGrants(ctx, who, on, "update", func(t *tx, id int64, _ string) error {
		for _, a := range grants {
			if err := t.checkGrant(g, id, a.User, upTo); err != nil {
				return err
			}
			if _, err := t.exec(`UPDATE `+g.table+` SET level = $1 WHERE `+g.column+` = $2 AND account = $3`, a.Level, id, a.User); err != nil {
				return err
			}
		}
		return nil
	})
}

// RemoveGrants takes the grants of users, of all or none; none of them may be
// above the level upTo. Errors: those of SetGrants.
func (db *DB) RemoveGrants(ctx context.Context, who easel.Principal, on GrantsOn, users []string, upTo int) error {
	g, _ := on.table()
	return db.changeGrants(ctx, who, on, "delete", func(t *tx, id int64, _ string) error {
		for _, user := range users {
			if err := t.checkGrant(g, id, user, upTo); err != nil {
				return err
			}
			if _, err := t.exec(`DELETE FROM `+g.table+` WHERE `+g.column+` = $1 AND account = $2`, id, user); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkGrant locks a grant that is to be changed.
func (t *tx) checkGrant(g grantTable, id int64, user string, upTo int) error {
	var level int
	ok := false
	var err error
	if storable(user) {
		ok, err = t.get([]any{&level}, `SELECT level FROM `+g.table+` WHERE `+g.column+` = $1 AND account = $2`+t.forUpdate(), id, user)
	}
	if err != nil || !ok {
		return orNotFound(err, g.noun, "the user %.100q has no permission here", user)
	}
	if level > upTo {
		return easel.E(easel.Denied, g.noun, "the permission of the user %s is above your own", user)
	}
	return nil
}

func (db *DB) changeGrants(ctx context.Context, who easel.Principal, on GrantsOn, verb string, change func(t *tx, id int64, domain string) error) error {
	g, name := on.table()
	return db.update(ctx, func(t *tx) error {
		var id int64
		var domain string
		if ok, err := t.get([]any{&id, &domain}, g.find, name); err != nil || !ok {
			return orNotFound(err, g.holder, "the %s %s does not exist", g.holder, name)
		}
		if err := change(t, id, domain); err != nil {
			return err
		}
		return t.audit(who, verb+g.audit, name, 0, nil)
	})
}

func orNoGrantee(err error, user string) error {
	if err != nil {
		return err
	}
	return easel.E(easel.Invalid, "grantee", "the account has no user %.100q", user)
}
