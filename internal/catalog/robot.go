package catalog

import (
	"context"
	"encoding/json"
	"fmt"

	"easel"
)

// Robot is an access key of a machine with the user it belongs to.
type Robot struct {
	Key      AccessKey // without the secret
	UserName string
}

// AddRobot stores the access key of a robot unless its user has limit of
// them; k.Bound must be set. Errors: TooMany "key", Exists "key", NotFound "user".
func (db *DB) AddRobot(ctx context.Context, who easel.Principal, k AccessKey, limit int) (AccessKey, error) {
	err := db.update(ctx, func(t *tx) error {
		if err := t.room(k.Account, `bound <> '' AND trust IS NULL`, limit, "a user has at most %d robots"); err != nil {
			return err
		}
		k.Created = t.time()
		k.Used = k.Created
		if err := t.addKey(k); err != nil {
			return err
		}
		return t.audit(who, "createRobot", k.Access, 0, nil)
	})
	k.Secret = nil
	return k, err
}

// room locks an account, so that two requests cannot both be the last one
// allowed, and fails when it has limit keys that are like the condition says.
func (t *tx) room(account, like string, limit int, tooMany string) error {
	ok, err := t.exists(`SELECT 1 FROM account WHERE id = $1`+t.forNoKeyUpdate(), account)
	if err == nil && !ok {
		return noUser(account)
	}
	if err != nil {
		return err
	}
	var n int
	if _, err := t.get([]any{&n}, `SELECT count(*) FROM access_key WHERE account = $1 AND `+like, account); err != nil {
		return err
	}
	if n >= limit {
		return easel.E(easel.TooMany, "key", tooMany, limit)
	}
	return nil
}

// Robots returns the robots of a domain, oldest first; account "" means all.
func (db *DB) Robots(ctx context.Context, domain, account string) (found []Robot, err error) {
	a := args{domain}
	where := `a.domain = $1 AND k.bound <> '' AND k.trust IS NULL`
	if account != "" {
		where += ` AND k.account = ` + a.add(account)
	}
	if !storable(a...) {
		return []Robot{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(row scanner) (Robot, error) {
			var k keyScan
			var r Robot
			if err := row.Scan(append(k.dest(), &r.UserName)...); err != nil {
				return Robot{}, err
			}
			r.Key, err = k.done()
			r.Key.Secret = nil
			return r, err
		}, `SELECT `+keyColumns+`, a.name FROM access_key k JOIN account a ON a.id = k.account WHERE `+where+` ORDER BY k.created, k.access`, a...)
		return err
	})
	return found, err
}

// DeleteRobot removes the access key of a robot. Errors: NotFound "robot".
func (db *DB) DeleteRobot(ctx context.Context, who easel.Principal, access string) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`DELETE FROM access_key WHERE access = $1 AND bound <> '' AND trust IS NULL`, access)
		if err == nil && n == 0 {
			return easel.E(easel.NotFound, "robot", "there is no robot %.64q", access)
		}
		if err != nil {
			return err
		}
		return t.audit(who, "deleteRobot", access, 0, nil)
	})
}

// boundText is how a bound is stored.
func boundText(b *easel.Bound) (string, error) {
	if b == nil {
		return "", nil
	}
	text, err := json.Marshal(b)
	return string(text), err
}

// readBound is the opposite of boundText. A bound that cannot be read must
// not become none.
func readBound(text string) (*easel.Bound, error) {
	if text == "" {
		return nil, nil
	}
	b := &easel.Bound{}
	if err := json.Unmarshal([]byte(text), b); err != nil {
		return nil, fmt.Errorf("read the bound of an access key: %w", err)
	}
	return b, nil
}
