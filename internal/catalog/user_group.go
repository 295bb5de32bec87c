package catalog

import (
	"context"
	"time"

	"easel"
)

// UserGroup is a group of users of one domain. Rights are given to groups.
type UserGroup struct {
	ID, Domain, Name, Description string
	Created                       time.Time
}

// UserGroupChange changes a group; nil leaves a field as it is.
type UserGroupChange struct{ Name, Description *string }

const userGroupColumns = `g.id, g.domain, g.name, g.description, g.created`

func scanUserGroup(s scanner) (g UserGroup, err error) {
	var created int64
	err = s.Scan(&g.ID, &g.Domain, &g.Name, &g.Description, &created)
	g.Created = fromMicros(created)
	return g, err
}

// AddUserGroup stores a new group. Errors: Exists "group", NotFound "domain".
func (db *DB) AddUserGroup(ctx context.Context, who easel.Principal, g UserGroup) (added UserGroup, err error) {
	err = db.update(ctx, func(t *tx) error {
		if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`, g.Domain); err != nil || !ok {
			return orNoDomain(err, g.Domain)
		}
		_, err := t.exec(`INSERT INTO user_group (id, domain, name, description, created) VALUES ($1,$2,$3,$4,$5)`, g.ID, g.Domain, g.Name, g.Description, t.now)
		if err != nil {
			return orGroupExists(err, g.Name)
		}
		added = g
		added.Created = t.time()
		return t.audit(who, "createGroup", g.Name, 0, nil)
	})
	return added, err
}

// UserGroups returns the groups of a domain by name; name "" means all.
func (db *DB) UserGroups(ctx context.Context, domain, name string) (found []UserGroup, err error) {
	if !storable(domain, name) {
		return []UserGroup{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanUserGroup, `SELECT `+userGroupColumns+` FROM user_group g WHERE g.domain = $1 AND ($2 = '' OR g.name = $2) ORDER BY g.name`, domain, name)
		return err
	})
	return found, err
}

// UserGroup returns a group of a domain. Errors: NotFound "group".
func (db *DB) UserGroup(ctx context.Context, domain, id string) (g UserGroup, err error) {
	err = db.view(ctx, func(t *tx) error {
		g, err = t.group(domain, id, "")
		return err
	})
	return g, err
}

// group returns a group of a domain, locked as lock says.
func (t *tx) group(domain, id, lock string) (UserGroup, error) {
	if !storable(domain, id) {
		return UserGroup{}, noGroup("")
	}
	found, err := all(t, scanUserGroup, `SELECT `+userGroupColumns+` FROM user_group g WHERE g.domain = $1 AND g.id = $2`+lock, domain, id)
	if err != nil {
		return UserGroup{}, err
	}
	if len(found) == 0 {
		return UserGroup{}, noGroup(id)
	}
	return found[0], nil
}

// UpdateUserGroup changes a group of a domain and returns it. Errors: NotFound
// "group", Exists "group".
func (db *DB) UpdateUserGroup(ctx context.Context, who easel.Principal, domain, id string, c UserGroupChange) (g UserGroup, err error) {
	err = db.update(ctx, func(t *tx) error {
		if g, err = t.group(domain, id, t.forUpdate()); err != nil {
			return err
		}
		set(&g.Name, c.Name)
		set(&g.Description, c.Description)
		if _, err := t.exec(`UPDATE user_group SET name = $1, description = $2 WHERE id = $3`, g.Name, g.Description, id); err != nil {
			return orGroupExists(err, g.Name)
		}
		return t.audit(who, "updateGroup", g.Name, 0, nil)
	})
	return g, err
}

// DeleteUserGroup removes a group of a domain with what was granted to it.
// Errors: NotFound "group", InUse "administrator".
func (db *DB) DeleteUserGroup(ctx context.Context, who easel.Principal, domain, id string, able Able) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(domain); err != nil {
			return err
		}
		g, err := t.group(domain, id, t.forUpdate())
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM user_group WHERE id = $1`, id); err != nil {
			return err
		}
		if err := t.keepAdministrator(domain, able); err != nil {
			return err
		}
		return t.audit(who, "deleteGroup", g.Name, 0, nil)
	})
}

// Members returns the accounts in a group of a domain, by name. Errors:
// NotFound "group".
func (db *DB) Members(ctx context.Context, domain, group string) (found []Account, err error) {
	err = db.view(ctx, func(t *tx) error {
		if _, err := t.group(domain, group, ""); err != nil {
			return err
		}
		found, err = all(t, scanAccount, `SELECT `+accountColumns+`
			FROM member m JOIN account a ON a.id = m.account JOIN domain d ON d.id = a.domain WHERE m.grp = $1 ORDER BY a.name`, group)
		return err
	})
	return found, err
}

// UserGroupsOf returns the groups that an account is in, by name.
func (db *DB) UserGroupsOf(ctx context.Context, account string) (found []UserGroup, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanUserGroup, `SELECT `+userGroupColumns+` FROM member m JOIN user_group g ON g.id = m.grp WHERE m.account = $1 ORDER BY g.name`, account)
		return err
	})
	return found, err
}

// SetMember puts an account of a domain into a group of it, or takes it out.
// Putting in who is in by single sign-on only makes them stay. Errors: NotFound "group" and "user",
// the latter also for taking out who is not in; InUse "administrator".
func (db *DB) SetMember(ctx context.Context, who easel.Principal, domain, group, account string, in bool, able Able) error {
	return db.update(ctx, func(t *tx) error {
		a, err := t.lockAccount(domain, account)
		if err != nil {
			return err
		}
		g, err := t.group(domain, group, t.forNoKeyUpdate())
		if err != nil {
			return err
		}
		action := "addUserToGroup"
		if in {
			_, err = t.exec(`INSERT INTO member (grp, account) VALUES ($1, $2) ON CONFLICT (grp, account) DO UPDATE SET sso = 0`, group, account)
		} else {
			var n int64
			action = "removeUserFromGroup"
			if n, err = t.exec(`DELETE FROM member WHERE grp = $1 AND account = $2`, group, account); err == nil && n == 0 {
				return easel.E(easel.NotFound, "user", "the user %s is not in the group %s", a.Name, g.Name)
			}
		}
		if err != nil {
			return err
		}
		if err := t.keepAdministrator(domain, able); err != nil { // a group may also take rights
			return err
		}
		return t.audit(who, action, g.Name+" "+a.Name, 0, nil)
	})
}

func noGroup(id string) error {
	return easel.E(easel.NotFound, "group", "there is no group %.100s", id)
}

func orGroupExists(err error, name string) error {
	if isUnique(err) {
		return easel.E(easel.Exists, "group", "there is a group %s already", name).Because(err)
	}
	return err
}
