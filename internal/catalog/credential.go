package catalog

import (
	"context"
	"errors"
	"time"

	"easel"
)

// KeyOwner is an access key with the account it belongs to.
type KeyOwner struct {
	Key     AccessKey
	Account Account
}

const keyColumns = `k.access, k.account, k.secret, k.description, k.active, k.created, k.used, k.bound, k.expires`

type keyScan struct {
	k                      AccessKey
	created, used, expires int64
	bound                  string
}

func (s *keyScan) dest() []any {
	return []any{&s.k.Access, &s.k.Account, &s.k.Secret, &s.k.Description, &s.k.Active, &s.created, &s.used, &s.bound, &s.expires}
}

func (s *keyScan) done() (AccessKey, error) {
	s.k.Created, s.k.Used = fromMicros(s.created), fromMicros(s.used)
	if s.expires != 0 {
		s.k.Expires = fromMicros(s.expires)
	}
	var err error
	s.k.Bound, err = readBound(s.bound)
	return s.k, err
}

// KeyOwner returns an access key and its account. Errors: NotFound "key".
func (db *DB) KeyOwner(ctx context.Context, access string) (KeyOwner, error) {
	type question struct{ access string }
	return remember(db.memo(), rights, question{access}, func() (o KeyOwner, err error) {
		err = db.view(ctx, func(t *tx) error {
			o, err = t.keyOwner(access)
			return err
		})
		return o, err
	})
}

func (t *tx) keyOwner(access string) (KeyOwner, error) {
	var k keyScan
	var a accountScan
	if !storable(access) {
		return KeyOwner{}, noKey("")
	}
	ok, err := t.get(append(k.dest(), a.dest()...), `SELECT `+keyColumns+`, `+accountColumns+
		` FROM access_key k JOIN account a ON a.id = k.account JOIN domain d ON d.id = a.domain WHERE k.access = $1`, access)
	if err == nil && !ok {
		return KeyOwner{}, noKey(access)
	}
	if err != nil {
		return KeyOwner{}, err
	}
	key, err := k.done()
	return KeyOwner{Key: key, Account: a.done()}, err
}

// AccountKeys returns the access keys of an account, oldest first, without
// secrets, and without those that tokens were exchanged for.
func (db *DB) AccountKeys(ctx context.Context, account string) (found []AccessKey, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(row scanner) (AccessKey, error) {
			var s keyScan
			if err := row.Scan(s.dest()...); err != nil {
				return AccessKey{}, err
			}
			s.k.Secret = nil
			return s.done()
		}, `SELECT `+keyColumns+` FROM access_key k WHERE k.account = $1 AND k.trust IS NULL ORDER BY k.created, k.access`, account)
		return err
	})
	return found, err
}

// AddKey stores a new access key unless its account has limit of them. The
// key's times are set to that of the transaction and returned. Errors:
// TooMany "key", Exists "key", NotFound "user".
func (db *DB) AddKey(ctx context.Context, k AccessKey, limit int) (at time.Time, err error) {
	err = db.update(ctx, func(t *tx) error {
		if err := t.room(k.Account, `bound = '' AND expires = 0`, limit, "a user has at most %d access keys"); err != nil {
			return err
		}
		at = t.time()
		return t.addKey(k)
	})
	return at, err
}

func (t *tx) addKey(k AccessKey) error {
	bound, err := boundText(k.Bound)
	if err != nil {
		return err
	}
	expires := int64(0)
	if !k.Expires.IsZero() {
		expires = micros(k.Expires)
	}
	_, err = t.exec(`INSERT INTO access_key (access, account, secret, description, active, created, used, bound, expires) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)`,
		k.Access, k.Account, k.Secret, k.Description, flag(k.Active), t.now, t.now, bound, expires)
	if isUnique(err) {
		return easel.E(easel.Exists, "key", "there is an access key %s already", k.Access).Because(err)
	}
	return err
}

// UpdateKey sets activity and description of an access key; nil leaves one
// as it is. Errors: NotFound "key".
func (db *DB) UpdateKey(ctx context.Context, access string, active *bool, description *string) error {
	return db.update(ctx, func(t *tx) error {
		var k keyScan
		ok, err := t.get(k.dest(), `SELECT `+keyColumns+` FROM access_key k WHERE k.access = $1`+t.forUpdate(), access)
		if err == nil && !ok {
			return noKey(access)
		}
		if err != nil {
			return err
		}
		if active != nil {
			k.k.Active = *active
		}
		if description != nil {
			k.k.Description = *description
		}
		_, err = t.exec(`UPDATE access_key SET active = $1, description = $2 WHERE access = $3`, flag(k.k.Active), k.k.Description, access)
		return err
	})
}

// DeleteKey removes an access key. Errors: NotFound "key".
func (db *DB) DeleteKey(ctx context.Context, access string) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM access_key WHERE access = $1`, access)
		if err == nil && n == 0 {
			return noKey(access)
		}
		return err
	})
}

// UseKey records that an access key was used now. A key that is gone is left gone.
func (db *DB) UseKey(ctx context.Context, access string) error {
	return db.update(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE access_key SET used = $1 WHERE access = $2 AND used < $1`, t.now, access)
		return err
	})
}

func noKey(access string) error {
	return easel.E(easel.NotFound, "key", "there is no access key %.64q", access)
}

// TokenOwner is a token with the account and the project it is bound to.
type TokenOwner struct {
	Token   Token
	Account Account
	Project Project // zero when the token is bound to the domain only, or the project is gone
	Access  string  // the access key that it goes with, and whose bound it has; "" for a person's
	Bound   *easel.Bound
}

// AddToken stores a login and forgets the tokens that expired before forget.
func (db *DB) AddToken(ctx context.Context, k Token, forget time.Time) error {
	return db.update(ctx, func(t *tx) error {
		if _, err := t.exec(`DELETE FROM token WHERE expires < $1`, micros(forget)); err != nil {
			return err
		}
		_, err := t.exec(`INSERT INTO token (hash, account, project, methods, issued, expires) VALUES ($1,$2,$3,$4,$5,$6)`,
			k.Hash, k.Account, k.Project, k.Methods, micros(k.Issued), micros(k.Expires))
		return err
	})
}

// TokenOwner returns a token, expired or not. Errors: NotFound "token".
func (db *DB) TokenOwner(ctx context.Context, hash string) (TokenOwner, error) {
	type question struct{ hash string }
	return remember(db.memo(), rights, question{hash}, func() (o TokenOwner, err error) {
		err = db.view(ctx, func(t *tx) error {
			o, err = t.tokenOwner(hash)
			return err
		})
		return o, err
	})
}

func (t *tx) tokenOwner(hash string) (o TokenOwner, err error) {
	var a accountScan
	var issued, expires int64
	var bound string
	dest := append([]any{&o.Token.Hash, &o.Token.Account, &o.Token.Project, &o.Token.Methods, &issued, &expires, &o.Access, &bound}, a.dest()...)
	ok, err := t.get(dest, `SELECT t.hash, t.account, t.project, t.methods, t.issued, t.expires, coalesce(k.access, ''), coalesce(k.bound, ''), `+accountColumns+`
		FROM token t JOIN account a ON a.id = t.account JOIN domain d ON d.id = a.domain LEFT JOIN access_key k ON k.access = t.access
		WHERE t.hash = $1 AND (t.access IS NULL OR k.active = 1)`, hash)
	if err == nil && !ok {
		err = easel.E(easel.NotFound, "token", "there is no such token")
	}
	if err != nil {
		return o, err
	}
	o.Token.Issued, o.Token.Expires, o.Account = fromMicros(issued), fromMicros(expires), a.done()
	if o.Bound, err = readBound(bound); err != nil {
		return o, err
	}
	if o.Token.Project != "" {
		o.Project, err = t.project(o.Account.Domain.ID, o.Token.Project)
	}
	if errors.Is(err, easel.NotFound) {
		return o, nil
	}
	return o, err
}

// DeleteToken removes a token. Errors: NotFound "token".
func (db *DB) DeleteToken(ctx context.Context, hash string) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM token WHERE hash = $1`, hash)
		if err == nil && n == 0 {
			return easel.E(easel.NotFound, "token", "there is no such token")
		}
		return err
	})
}

// RegionProject returns the region's own project of a domain. Errors: NotFound "project".
func (db *DB) RegionProject(ctx context.Context, domain string) (Project, error) {
	return db.Project(ctx, domain, "")
}

// Subject is whom a registry token stands for.
type Subject struct {
	Account Account
	Project Project      // the zero Project when the token names none
	Bound   *easel.Bound // of the key
}

// TokenSubject returns the account of a registry token, and its project unless
// project is "", in one question, for every request asks it. access is the
// key that the subject logged in with, permanent or temporary, or "". Errors:
// NotFound when one of them is gone, disabled, inactive, expired at the time at
// or another's.
func (db *DB) TokenSubject(ctx context.Context, account, access, project string, at time.Time) (Subject, error) {
	type question struct{ account, access, project string }
	s, err := remember(db.memo(), rights, question{account, access, project}, func() (s endingSubject, err error) {
		err = db.view(ctx, func(t *tx) error {
			s, err = t.tokenSubject(account, access, project)
			return err
		})
		return s, err
	})
	if err == nil && s.ends != 0 && micros(at) >= s.ends {
		err = easel.E(easel.NotFound, "user", "the key has expired")
	}
	if err != nil {
		return Subject{}, err
	}
	return s.Subject, nil
}

// endingSubject is a Subject with the end of its key; 0: it has none.
type endingSubject struct {
	Subject
	ends int64
}

func (t *tx) tokenSubject(account, access, project string) (s endingSubject, err error) {
	var a accountScan
	var p projectScan
	if !storable(account, access, project) {
		return s, easel.E(easel.NotFound, "user", "there is no such user")
	}
	var bound string
	ok, err := t.get(append(append(a.dest(), p.dest()...), &s.ends, &bound), `
		SELECT `+accountColumns+`, `+optionalProject+`, coalesce(k.expires, own.expires, 0), coalesce(own.bound, '')
		FROM account a JOIN domain d ON d.id = a.domain
		LEFT JOIN project p ON p.domain = a.domain AND p.id = $3
		LEFT JOIN temporary_key k ON k.access = $2 AND k.account = a.id AND `+parentActive+`
		LEFT JOIN access_key own ON own.access = $2 AND own.account = a.id AND own.active = 1
		WHERE a.id = $1 AND a.enabled = 1 AND d.enabled = 1
			AND ($2 = '' OR k.access IS NOT NULL OR own.access IS NOT NULL)
			AND ($3 = '' OR p.enabled = 1)`, account, access, project)
	if err == nil && !ok {
		err = easel.E(easel.NotFound, "user", "the user, key or project is gone or disabled")
	}
	if err == nil {
		s.Bound, err = readBound(bound)
	}
	s.Account, s.Project = a.done(), p.done()
	return s, err
}

// optionalProject are the columns of a project that may not be there.
const optionalProject = `coalesce(p.id, ''), coalesce(p.domain, ''), coalesce(p.name, ''), coalesce(p.parent, ''), coalesce(p.description, ''), coalesce(p.enabled, 0), coalesce(p.created, 0)`

type projectScan struct {
	p       Project
	created int64
}

func (s *projectScan) dest() []any {
	return []any{&s.p.ID, &s.p.Domain, &s.p.Name, &s.p.Parent, &s.p.Description, &s.p.Enabled, &s.created}
}

func (s *projectScan) done() Project {
	if s.p.ID != "" {
		s.p.Created = fromMicros(s.created)
	}
	return s.p
}
