package catalog

import (
	"context"

	"easel"
)

// AccountChange changes an account; nil leaves a field as it is. Password is a
// PHC string.
type AccountChange struct {
	Name, Description, Password *string
	Enabled                     *bool
}

// CreateAccount stores a new account of a.Domain.ID for who. Errors: Exists
// "user", NotFound "domain".
func (db *DB) CreateAccount(ctx context.Context, who easel.Principal, a Account) error {
	return db.update(ctx, func(t *tx) error {
		if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`, a.Domain.ID); err != nil || !ok {
			return orNoDomain(err, a.Domain.ID)
		}
		if err := t.addAccount(a); err != nil {
			return err
		}
		return t.audit(who, "createUser", a.Name, 0, nil)
	})
}

// UpdateAccount changes an account of a domain. Another password, and being
// disabled, end its tokens and temporary keys. Errors: NotFound "user", Exists
// "user", InUse "administrator" when nobody would be left who may change rights.
func (db *DB) UpdateAccount(ctx context.Context, who easel.Principal, domain, id string, c AccountChange, able Able) error {
	return db.update(ctx, func(t *tx) error {
		a, err := t.lockAccount(domain, id)
		if err != nil {
			return err
		}
		set(&a.Name, c.Name)
		set(&a.Description, c.Description)
		set(&a.Password, c.Password)
		set(&a.Enabled, c.Enabled)
		_, err = t.exec(`UPDATE account SET name = $1, description = $2, password = $3, enabled = $4 WHERE id = $5`,
			a.Name, a.Description, a.Password, flag(a.Enabled), id)
		if isUnique(err) {
			return easel.E(easel.Exists, "user", "there is a user %s already", a.Name).Because(err)
		}
		if err == nil && (c.Password != nil || !a.Enabled) {
			err = t.endLogins(id)
		}
		if err == nil && !a.Enabled {
			err = t.keepAdministrator(domain, able)
		}
		if err != nil {
			return err
		}
		return t.audit(who, "updateUser", a.Name, 0, nil)
	})
}

// DeleteAccount removes an account of a domain with its keys, tokens,
// memberships and grants. Errors: NotFound "user", InUse "administrator".
func (db *DB) DeleteAccount(ctx context.Context, who easel.Principal, domain, id string, able Able) error {
	return db.update(ctx, func(t *tx) error {
		a, err := t.lockAccount(domain, id)
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM account WHERE id = $1`, id); err != nil {
			return err
		}
		if err := t.keepAdministrator(domain, able); err != nil {
			return err
		}
		return t.audit(who, "deleteUser", a.Name, 0, nil)
	})
}

// lockAccount returns an account of a domain. The domain is locked first, so
// that two changes cannot each leave the other's administrator as the last.
func (t *tx) lockAccount(domain, id string) (Account, error) {
	if err := t.lockDomain(domain); err != nil {
		return Account{}, err
	}
	a, ok, err := t.account(`a.id = $1 AND d.id = $2`, id, domain)
	if err == nil && !ok {
		err = noUser(id)
	}
	return a, err
}

func (t *tx) lockDomain(id string) error {
	if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`+t.forNoKeyUpdate(), id); err != nil || !ok {
		return orNoDomain(err, id)
	}
	return nil
}

// Able reports whether an account with these roles may still give and take
// rights in its domain. It must not ask the catalogue anything.
type Able func(Account, []HeldRole) bool

// keepAdministrator is InUse "administrator" when no account of the domain is
// able any more. It is the last thing in a transaction that takes rights.
func (t *tx) keepAdministrator(domain string, able Able) error {
	found, err := all(t, scanAccount,
		`SELECT `+accountColumns+` FROM account a JOIN domain d ON d.id = a.domain WHERE d.id = $1 AND a.enabled = 1 ORDER BY a.admin DESC, a.id`, domain)
	if err != nil {
		return err
	}
	for _, a := range found {
		if !a.Admin && !a.Grouped {
			continue
		}
		roles, err := t.heldRoles(a.ID)
		if err != nil {
			return err
		}
		if able(a, roles) {
			return nil
		}
	}
	return easel.E(easel.InUse, "administrator", "nobody would be left who may change rights in the account; make another administrator first")
}

// set gives a field its new value, if there is one.
func set[T any](field *T, value *T) {
	if value != nil {
		*field = *value
	}
}
