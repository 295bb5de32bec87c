package catalog

import (
	"context"
	"fmt"
	"time"

	"easel"
)

// SignOn is a log-in that an identity provider vouches for.
type SignOn struct {
	Domain                    string // id
	Provider, Issuer, Subject string
	ID, Name, Description     string    // of the user, when there is none yet; another name is taken when it is not free
	Groups                    []string  // names of those of the domain that the user is in by it; others of them are left
	Key                       AccessKey // of the session; its account is found out
	Limit                     int       // sessions of one user; the oldest ends when there is one too many
	At                        time.Time // by the clock that sessions end by
}

// SignOn finds the user that issuer and subject are bound to, or makes one,
// sets the memberships that come from log-ins and stores the access key of the
// session. It returns the user, and the groups that the domain does not have.
// Errors: NotFound "domain"; Denied "disabled user".
func (db *DB) SignOn(ctx context.Context, s SignOn) (a Account, unknown []string, err error) {
	err = db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(s.Domain); err != nil { // one log-in at a time makes a user
			return err
		}
		if a, err = t.signedOn(s); err != nil {
			return err
		}
		if !a.Usable() {
			return easel.E(easel.Denied, "disabled user", "the user is disabled")
		}
		who := a.itself()
		if unknown, err = t.setGroups(who, s.Groups); err != nil {
			return err
		}
		if err := t.addSession(a.ID, s); err != nil {
			return err
		}
		return t.audit(who, "signOn", s.Provider, 0, nil)
	})
	return a, unknown, err
}

// SignOff takes away what log-ins gave to the user whom issuer and subject are
// bound to: the memberships, and the sessions. It is for those whom the provider
// knows and the configuration does not let in any more. Nobody there is success.
func (db *DB) SignOff(ctx context.Context, domain, issuer, subject string) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.lockDomain(domain); err != nil {
			return err
		}
		a, ok, err := t.account(`a.id = (SELECT account FROM sso_user WHERE domain = $1 AND issuer = $2 AND subject = $3)`, domain, issuer, subject)
		if err != nil || !ok {
			return err
		}
		who := a.itself()
		if _, err := t.setGroups(who, nil); err != nil {
			return err
		}
		_, err = t.exec(`DELETE FROM access_key WHERE account = $1 AND `+isSession, a.ID)
		return err
	})
}

// itself is an account as the one that changes something of its own.
func (a Account) itself() easel.Principal {
	return easel.Principal{UserID: a.ID, UserName: a.Name, DomainID: a.Domain.ID, DomainName: a.Domain.Name}
}

// signedOn returns the user of a log-in.
func (t *tx) signedOn(s SignOn) (Account, error) {
	var id string
	known, err := t.get([]any{&id}, `SELECT account FROM sso_user WHERE domain = $1 AND issuer = $2 AND subject = $3`, s.Domain, s.Issuer, s.Subject)
	if err == nil && !known {
		id = s.ID
		err = t.addSigned(s)
	}
	if err != nil {
		return Account{}, err
	}
	if _, err := t.exec(`UPDATE sso_user SET seen = $1, provider = $2 WHERE account = $3`, t.now, s.Provider, id); err != nil {
		return Account{}, err
	}
	a, ok, err := t.account(`a.id = $1`, id)
	if err == nil && !ok {
		err = noUser(id)
	}
	return a, err
}

// maxSameName is how many users may be called alike but for a number.
const maxSameName = 100

// addSigned makes the user of a log-in, under a name that nobody has.
func (t *tx) addSigned(s SignOn) error {
	name := s.Name
	for n := 2; ; n++ {
		added, err := t.exec(`INSERT INTO account (id, domain, name, password, admin, enabled, created, description) VALUES ($1,$2,$3,'',0,1,$4,$5)
			ON CONFLICT (domain, name) DO NOTHING`, s.ID, s.Domain, name, t.now, s.Description)
		if err != nil {
			return err
		}
		if added > 0 {
			break
		}
		if name = fmt.Sprintf("%.58s-%d", s.Name, n); n > maxSameName {
			name = fmt.Sprintf("%.31s-%s", s.Name, s.ID)
		}
		if n > maxSameName+1 {
			return easel.E(easel.Exists, "user", "there is a user %s already", name)
		}
	}
	if _, err := t.exec(`INSERT INTO sso_user (domain, issuer, subject, account, provider, created, seen) VALUES ($1,$2,$3,$4,$5,$6,$6)`,
		s.Domain, s.Issuer, s.Subject, s.ID, s.Provider, t.now); err != nil {
		return err
	}
	return t.audit(easel.Principal{UserID: s.ID, UserName: name, DomainID: s.Domain}, "createUser", name, 0, nil)
}

// setGroups lets who be in the groups with these names by single sign-on, and
// in no others by it. Who administers by a group that the provider takes away
// does so no longer, even as the last one: its word counts.
func (t *tx) setGroups(who easel.Principal, names []string) (unknown []string, err error) {
	type membership struct {
		group, name string
		signed      bool
	}
	held, err := all(t, func(row scanner) (m membership, err error) {
		err = row.Scan(&m.group, &m.name, &m.signed)
		return m, err
	}, `SELECT g.id, g.name, m.sso FROM member m JOIN user_group g ON g.id = m.grp WHERE m.account = $1 ORDER BY g.name`, who.UserID)
	if err != nil {
		return nil, err
	}
	extra := map[string]membership{} // what is held and not among names
	for _, m := range held {
		extra[m.name] = m
	}
	for _, name := range names {
		if _, in := extra[name]; in {
			delete(extra, name)
			continue
		}
		added, err := t.exec(`INSERT INTO member (grp, account, sso) SELECT id, $1, 1 FROM user_group WHERE domain = $2 AND name = $3
			ON CONFLICT (grp, account) DO NOTHING`, who.UserID, who.DomainID, name)
		if err != nil {
			return nil, err
		}
		if added == 0 {
			unknown = append(unknown, name)
			continue
		}
		if err := t.audit(who, "addUserToGroup", name+" "+who.UserName, 0, nil); err != nil {
			return nil, err
		}
	}
	for _, m := range held {
		if _, over := extra[m.name]; !over || !m.signed {
			continue
		}
		if _, err := t.exec(`DELETE FROM member WHERE grp = $1 AND account = $2 AND sso = 1`, m.group, who.UserID); err != nil {
			return nil, err
		}
		if err := t.audit(who, "removeUserFromGroup", m.name+" "+who.UserName, 0, nil); err != nil {
			return nil, err
		}
	}
	return unknown, nil
}

// isSession is true of the access keys that log-ins made: a user's own keys do
// not expire.
const isSession = `bound = '' AND expires <> 0`

// addSession stores the key of a session and forgets those that have ended.
func (t *tx) addSession(account string, s SignOn) error {
	if _, err := t.exec(`DELETE FROM access_key WHERE `+isSession+` AND expires <= $1`, micros(s.At)); err != nil {
		return err
	}
	_, err := t.exec(`DELETE FROM access_key WHERE access IN (SELECT access FROM access_key
		WHERE account = $1 AND `+isSession+` ORDER BY created DESC, expires DESC, access LIMIT 1000 OFFSET $2)`, account, s.Limit-1)
	if err != nil {
		return err
	}
	k := s.Key
	k.Account = account
	return t.addKey(k)
}

// SignsOn reports whether a user is one of an identity provider's who has no
// password here. Errors: NotFound "user".
func (db *DB) SignsOn(ctx context.Context, account string) (signs bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		var password string
		ok, err := t.get([]any{&password}, `SELECT password FROM account WHERE id = $1`, account)
		if err == nil && !ok {
			return noUser(account)
		}
		if err != nil || password != "" {
			return err
		}
		signs, err = t.exists(`SELECT 1 FROM sso_user WHERE account = $1`, account)
		return err
	})
	return signs, err
}
