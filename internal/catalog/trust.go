package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"easel"
)

// Trust says whose tokens of another issuer are exchanged for a credential of
// an account, within a bound.
type Trust struct {
	ID, Name         string
	Account          Account
	Issuer, Audience string
	Claims           easel.Conditions
	JWKS             string // the issuer's keys, JSON; "": it is asked
	Bound            easel.Bound
	Life             time.Duration // of the credentials
	Active           bool
	Created, Used    time.Time // never used: Used is Created
}

const trustColumns = `r.id, r.name, r.issuer, r.audience, r.claims, r.jwks, r.bound, r.life, r.active, r.created, r.used, ` + accountColumns

func scanTrust(s scanner) (r Trust, err error) {
	var a accountScan
	var claims, bound string
	var life, created, used int64
	err = s.Scan(append([]any{&r.ID, &r.Name, &r.Issuer, &r.Audience, &claims, &r.JWKS, &bound, &life, &r.Active, &created, &used}, a.dest()...)...)
	if err != nil {
		return Trust{}, err
	}
	r.Account, r.Life, r.Created, r.Used = a.done(), time.Duration(life)*time.Microsecond, fromMicros(created), fromMicros(used)
	if err := json.Unmarshal([]byte(claims), &r.Claims); err != nil {
		return Trust{}, fmt.Errorf("read the conditions of a trust: %w", err)
	}
	b, err := readBound(bound)
	if err != nil || b == nil { // none must not become whatever the user may
		return Trust{}, fmt.Errorf("read the bound of the trust %s: %w", r.ID, err)
	}
	r.Bound = *b
	return r, nil
}

const fromTrust = ` FROM trust r JOIN account a ON a.id = r.account JOIN domain d ON d.id = a.domain `

// AddTrust stores a trust of r.Account.ID, unless that has limit of them.
// Errors: TooMany "trust", NotFound "user".
func (db *DB) AddTrust(ctx context.Context, who easel.Principal, r Trust, limit int) (added Trust, err error) {
	claims, err := json.Marshal(r.Claims)
	if err != nil {
		return Trust{}, err
	}
	bound, err := boundText(&r.Bound)
	if err != nil {
		return Trust{}, err
	}
	err = db.update(ctx, func(t *tx) error {
		ok, err := t.exists(`SELECT 1 FROM account WHERE id = $1`+t.forNoKeyUpdate(), r.Account.ID)
		if err == nil && !ok {
			return noUser(r.Account.ID)
		}
		if err != nil {
			return err
		}
		var n int
		if _, err := t.get([]any{&n}, `SELECT count(*) FROM trust WHERE account = $1`, r.Account.ID); err != nil {
			return err
		}
		if n >= limit {
			return easel.E(easel.TooMany, "trust", "a user has at most %d trusts", limit)
		}
		if _, err := t.exec(`INSERT INTO trust (id, account, name, issuer, audience, claims, jwks, bound, life, active, created, used) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$11)`,
			r.ID, r.Account.ID, r.Name, r.Issuer, r.Audience, string(claims), r.JWKS, bound, r.Life.Microseconds(), flag(r.Active), t.now); err != nil {
			return err
		}
		if added, err = t.trust(r.ID, ""); err != nil {
			return err
		}
		return t.audit(who, "createTrust", r.ID, 0, nil)
	})
	return added, err
}

// Trusts returns the trusts of a domain, oldest first; account "" means all.
func (db *DB) Trusts(ctx context.Context, domain, account string) (found []Trust, err error) {
	if !storable(domain, account) {
		return []Trust{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanTrust, `SELECT `+trustColumns+fromTrust+`WHERE a.domain = $1 AND ($2 = '' OR r.account = $2) ORDER BY r.created, r.id`, domain, account)
		return err
	})
	return found, err
}

// Trust returns a trust. Errors: NotFound "trust".
func (db *DB) Trust(ctx context.Context, id string) (r Trust, err error) {
	err = db.view(ctx, func(t *tx) error {
		r, err = t.trust(id, "")
		return err
	})
	return r, err
}

// trust returns a trust, its row locked as lock says.
func (t *tx) trust(id, lock string) (Trust, error) {
	if !storable(id) {
		return Trust{}, noTrust("")
	}
	if lock != "" {
		if ok, err := t.exists(`SELECT 1 FROM trust WHERE id = $1`+lock, id); err != nil || !ok {
			return Trust{}, orNoTrust(err, id)
		}
	}
	found, err := all(t, scanTrust, `SELECT `+trustColumns+fromTrust+`WHERE r.id = $1`, id)
	if err != nil || len(found) == 0 {
		return Trust{}, orNoTrust(err, id)
	}
	return found[0], nil
}

// SetTrust makes a trust active or not, and returns it. What was exchanged
// ends when it is not. Errors: NotFound "trust".
func (db *DB) SetTrust(ctx context.Context, who easel.Principal, id string, active bool) (r Trust, err error) {
	err = db.update(ctx, func(t *tx) error {
		if r, err = t.trust(id, t.forUpdate()); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE trust SET active = $1 WHERE id = $2`, flag(active), id); err != nil {
			return err
		}
		if r.Active = active; !active {
			if _, err := t.exec(`DELETE FROM access_key WHERE trust = $1`, id); err != nil {
				return err
			}
		}
		return t.audit(who, "updateTrust", id, 0, nil)
	})
	return r, err
}

// DeleteTrust removes a trust with all that was exchanged. Errors: NotFound
// "trust".
func (db *DB) DeleteTrust(ctx context.Context, who easel.Principal, id string) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM trust WHERE id = $1`, id)
		if err != nil || n == 0 {
			return orNoTrust(err, id)
		}
		return t.audit(who, "deleteTrust", id, 0, nil)
	})
}

// Exchanged is the credential that a token was exchanged for: an access key,
// and an IAM token with the key's bound. Both end with the key.
type Exchanged struct {
	Trust   string // id
	Subject string // of the token that was shown, for the audit trail
	Key     AccessKey
	Token   Token
	At      time.Time // by the clock that credentials end by
	Limit   int       // credentials of the trust that have not ended
}

// Exchange stores a credential, and forgets those of all trusts that have
// ended. Errors: NotFound "trust" when it is gone or not active, TooMany "key".
func (db *DB) Exchange(ctx context.Context, who easel.Principal, e Exchanged) error {
	return db.update(ctx, func(t *tx) error {
		r, err := t.trust(e.Trust, t.forUpdate())
		if err == nil && !r.Active {
			err = noTrust(e.Trust)
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM access_key WHERE trust IS NOT NULL AND expires <> 0 AND expires <= $1`, micros(e.At)); err != nil {
			return err
		}
		var n int
		if _, err := t.get([]any{&n}, `SELECT count(*) FROM access_key WHERE trust = $1`, e.Trust); err != nil {
			return err
		}
		if n >= e.Limit {
			return easel.E(easel.TooMany, "key", "a trust has at most %d credentials at a time", e.Limit)
		}
		e.Key.Account, e.Key.Bound, e.Key.Active = r.Account.ID, &r.Bound, true
		if err := t.addKey(e.Key); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE access_key SET trust = $1 WHERE access = $2`, e.Trust, e.Key.Access); err != nil {
			return err
		}
		k := e.Token
		if _, err := t.exec(`INSERT INTO token (hash, account, project, methods, issued, expires, access) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
			k.Hash, r.Account.ID, k.Project, k.Methods, micros(k.Issued), micros(k.Expires), e.Key.Access); err != nil {
			return err
		}
		if _, err := t.exec(`UPDATE trust SET used = $1 WHERE id = $2`, t.now, e.Trust); err != nil {
			return err
		}
		return t.audit(who, "exchangeToken", r.Name+" "+e.Subject, 0, nil)
	})
}

func noTrust(id string) error {
	return easel.E(easel.NotFound, "trust", "there is no trust %.64q", id)
}

func orNoTrust(err error, id string) error {
	if err != nil {
		return err
	}
	return noTrust(id)
}
