package catalog

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"easel"
)

// Domain is a tenant: it owns projects, accounts and organisations.
type Domain struct {
	ID, Name, Description string
	Enabled               bool
	Operator              bool // its administrators look after the installation as well
	Created               time.Time
}

// Project is a part of a domain. Parent is the domain's id for a region's
// own project.
type Project struct {
	ID, Domain, Name, Parent, Description string
	Enabled                               bool
	Created                               time.Time
}

// Account is an IAM user with its domain.
type Account struct {
	ID, Name string
	Password string // a PHC string, or "" for an account that cannot log in with one
	Admin    bool   // administrator of Domain
	Enabled  bool
	Created  time.Time
	Domain   Domain
	// Description is for people.
	Description string
	// Grouped says that the account is in a group, so that it may have roles.
	Grouped bool
}

// Usable reports whether account and domain are both enabled.
func (a Account) Usable() bool { return a.Enabled && a.Domain.Enabled }

// AccessKey is an access key. Secret is sealed by package identity.
type AccessKey struct {
	Access, Account string
	Secret          []byte
	Description     string
	Active          bool
	Created, Used   time.Time    // never used: Used is Created
	Expires         time.Time    // zero: never
	Token           string       // hash of the security token of a temporary key that may sign
	Bound           *easel.Bound // of a robot; nil: a person's
	Temporary       bool         // see TemporaryKey
}

// Token is a login. Hash is the hex SHA-256 of what the client holds; Project
// is "" for one that is bound to the domain only.
type Token struct {
	Hash, Account, Project string
	Methods                string // comma-separated
	Issued, Expires        time.Time
}

const accountColumns = `a.id, a.name, a.password, a.admin, a.enabled, a.created, a.description,
	CASE WHEN EXISTS (SELECT 1 FROM member m WHERE m.account = a.id) THEN 1 ELSE 0 END, d.id, d.name, d.description, d.enabled, d.operator, d.created`

// accountScan collects the columns of an account; done fills it in.
type accountScan struct {
	a               Account
	created, domain int64
}

func (s *accountScan) dest() []any {
	return []any{&s.a.ID, &s.a.Name, &s.a.Password, &s.a.Admin, &s.a.Enabled, &s.created, &s.a.Description, &s.a.Grouped,
		&s.a.Domain.ID, &s.a.Domain.Name, &s.a.Domain.Description, &s.a.Domain.Enabled, &s.a.Domain.Operator, &s.domain}
}

func (s *accountScan) done() Account {
	s.a.Created, s.a.Domain.Created = fromMicros(s.created), fromMicros(s.domain)
	return s.a
}

// account reads the one account that where, a condition on a and d, finds.
func (t *tx) account(where string, args ...any) (Account, bool, error) {
	var s accountScan
	if !storable(args...) {
		return Account{}, false, nil
	}
	ok, err := t.get(s.dest(), `SELECT `+accountColumns+` FROM account a JOIN domain d ON d.id = a.domain WHERE `+where, args...)
	return s.done(), ok, err
}

// Account returns the account with this id. Errors: NotFound "user".
func (db *DB) Account(ctx context.Context, id string) (a Account, err error) {
	err = db.view(ctx, func(t *tx) error {
		var ok bool
		if a, ok, err = t.account(`a.id = $1`, id); err == nil && !ok {
			return noUser(id)
		}
		return err
	})
	return a, err
}

// AccountNamed returns the account called name in the domain with this id or
// name. Errors: NotFound "user".
func (db *DB) AccountNamed(ctx context.Context, domainID, domainName, name string) (a Account, err error) {
	err = db.view(ctx, func(t *tx) error {
		var ok bool
		if domainID != "" {
			a, ok, err = t.account(`d.id = $1 AND a.name = $2`, domainID, name)
		} else {
			a, ok, err = t.account(`d.name = $1 AND a.name = $2`, domainName, name)
		}
		if err == nil && !ok {
			return noUser(name)
		}
		return err
	})
	return a, err
}

// AccountsNamed returns the accounts called name, of all domains.
func (db *DB) AccountsNamed(ctx context.Context, name string) (found []Account, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanAccount,
			`SELECT `+accountColumns+` FROM account a JOIN domain d ON d.id = a.domain WHERE a.name = $1 ORDER BY a.id`, name)
		return err
	})
	return found, err
}

// Accounts returns the accounts of a domain by name; name "" means all.
func (db *DB) Accounts(ctx context.Context, domain, name string) (found []Account, err error) {
	err = db.view(ctx, func(t *tx) error {
		a := args{domain}
		where := `d.id = $1`
		if name != "" {
			where += ` AND a.name = ` + a.add(name)
		}
		if found = []Account{}; !storable(a...) {
			return nil
		}
		found, err = all(t, scanAccount,
			`SELECT `+accountColumns+` FROM account a JOIN domain d ON d.id = a.domain WHERE `+where+` ORDER BY a.name`, a...)
		return err
	})
	return found, err
}

func scanAccount(row scanner) (Account, error) {
	var s accountScan
	err := row.Scan(s.dest()...)
	return s.done(), err
}

// AddAccount stores a new account of a.Domain.ID. Errors: Exists "user",
// NotFound "domain".
func (db *DB) AddAccount(ctx context.Context, a Account) error {
	return db.update(ctx, func(t *tx) error {
		if ok, err := t.exists(`SELECT 1 FROM domain WHERE id = $1`, a.Domain.ID); err != nil || !ok {
			return orNoDomain(err, a.Domain.ID)
		}
		return t.addAccount(a)
	})
}

func (t *tx) addAccount(a Account) error {
	_, err := t.exec(`INSERT INTO account (id, domain, name, password, admin, enabled, created, description) VALUES ($1,$2,$3,$4,$5,$6,$7,$8)`,
		a.ID, a.Domain.ID, a.Name, a.Password, flag(a.Admin), flag(a.Enabled), t.now, a.Description)
	if isUnique(err) {
		return easel.E(easel.Exists, "user", "there is a user %s already", a.Name).Because(err)
	}
	return err
}

// EnableAccount enables or disables an account; disabling ends its tokens and
// temporary keys.
// Errors: NotFound "user".
func (db *DB) EnableAccount(ctx context.Context, id string, enabled bool) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE account SET enabled = $1 WHERE id = $2`, flag(enabled), id)
		if err == nil && n == 0 {
			return noUser(id)
		}
		if err != nil || enabled {
			return err
		}
		return t.endLogins(id)
	})
}

// endLogins ends the tokens of an account, its temporary keys, its sessions of
// single sign-on, and what tokens were exchanged for.
func (t *tx) endLogins(account string) error {
	if _, err := t.exec(`DELETE FROM token WHERE account = $1`, account); err != nil {
		return err
	}
	if _, err := t.exec(`DELETE FROM access_key WHERE account = $1 AND (trust IS NOT NULL OR `+isSession+`)`, account); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM temporary_key WHERE account = $1`, account)
	return err
}

// SetPassword replaces the password hash of an account and ends its tokens
// and temporary keys.
// Errors: NotFound "user".
func (db *DB) SetPassword(ctx context.Context, id, hash string) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE account SET password = $1 WHERE id = $2`, hash, id)
		if err == nil && n == 0 {
			return noUser(id)
		}
		if err == nil {
			err = t.endLogins(id)
		}
		return err
	})
}

// storable reports whether every text among values is one that both engines
// can store: nothing is ever found under another.
func storable(values ...any) bool {
	for _, v := range values {
		if s, ok := v.(string); ok && (strings.ContainsRune(s, 0) || !utf8.ValidString(s)) {
			return false
		}
	}
	return true
}

func noUser(name string) error {
	return easel.E(easel.NotFound, "user", "there is no user %.100s", name)
}

func orNoDomain(err error, id string) error {
	if err != nil {
		return err
	}
	return easel.E(easel.NotFound, "domain", "there is no domain %.100s", id)
}
