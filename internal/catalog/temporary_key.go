package catalog

import (
	"context"
	"time"

	"easel"
)

// TemporaryKey is an access key that ends by itself. Secret is sealed by
// package identity. Parent is the access key that asked for it, "" for a token.
type TemporaryKey struct {
	Access, Account  string
	Secret           []byte
	Parent           string
	Token            string // hex SHA-256 of the security token; "" for a registry login, which cannot sign
	Created, Expires time.Time
}

// AddTemporaryKey stores a temporary access key, unless its account has limit
// of them that have not ended, and forgets those that have ended at k.Created.
// Errors: TooMany "key", Exists "key", NotFound "user".
func (db *DB) AddTemporaryKey(ctx context.Context, who easel.Principal, k TemporaryKey, limit int) error {
	return db.update(ctx, func(t *tx) error {
		// The account is locked, so that two requests cannot both be the last one allowed.
		ok, err := t.exists(`SELECT 1 FROM account WHERE id = $1`+t.forNoKeyUpdate(), k.Account)
		if err == nil && !ok {
			return noUser(k.Account)
		}
		if err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM temporary_key WHERE expires <= $1`, micros(k.Created)); err != nil {
			return err
		}
		var n int
		if _, err := t.get([]any{&n}, `SELECT count(*) FROM temporary_key WHERE account = $1`, k.Account); err != nil {
			return err
		}
		if n >= limit {
			return easel.E(easel.TooMany, "key", "a user has at most %d temporary keys at a time", limit)
		}
		_, err = t.exec(`INSERT INTO temporary_key (access, account, secret, parent, created, expires, token) VALUES ($1,$2,$3,$4,$5,$6,$7)`,
			k.Access, k.Account, k.Secret, k.Parent, micros(k.Created), micros(k.Expires), k.Token)
		if isUnique(err) {
			return easel.E(easel.Exists, "key", "there is an access key %s already", k.Access).Because(err)
		}
		if err != nil {
			return err
		}
		action := "createDockerConfig"
		if k.Token != "" {
			action = "createTemporaryAccessKey"
		}
		return t.audit(who, action, k.Access, 0, nil)
	})
}

// LoginKey returns the access key of a login or a signature with its account: a
// permanent one, or a temporary one, expired or not, which is active while the
// key that asked for it is. Errors: NotFound "key".
func (db *DB) LoginKey(ctx context.Context, access string) (o KeyOwner, err error) {
	err = db.view(ctx, func(t *tx) error {
		if o, err = t.keyOwner(access); easel.AsError(err).Kind != easel.NotFound {
			return err
		}
		o, err = t.temporaryKey(access)
		return err
	})
	return o, err
}

// parentActive is true of a temporary key k whose parent, if it has one, may
// be used.
const parentActive = `(k.parent = '' OR EXISTS (SELECT 1 FROM access_key k2 WHERE k2.access = k.parent AND k2.active = 1)
	OR EXISTS (SELECT 1 FROM token k3 WHERE k3.hash = k.parent))`

func (t *tx) temporaryKey(access string) (KeyOwner, error) {
	if !storable(access) {
		return KeyOwner{}, noKey("")
	}
	var k AccessKey
	var a accountScan
	var created, expires int64
	dest := append([]any{&k.Access, &k.Account, &k.Secret, &k.Active, &created, &expires, &k.Token}, a.dest()...)
	ok, err := t.get(dest, `
		SELECT k.access, k.account, k.secret,
			CASE WHEN `+parentActive+` THEN 1 ELSE 0 END,
			k.created, k.expires, k.token, `+accountColumns+`
		FROM temporary_key k JOIN account a ON a.id = k.account JOIN domain d ON d.id = a.domain WHERE k.access = $1`, access)
	if err != nil {
		return KeyOwner{}, err
	}
	if !ok {
		return KeyOwner{}, noKey(access)
	}
	k.Temporary = true
	k.Created, k.Used, k.Expires = fromMicros(created), fromMicros(created), fromMicros(expires)
	return KeyOwner{Key: k, Account: a.done()}, nil
}
