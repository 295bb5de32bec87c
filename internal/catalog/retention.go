package catalog

import (
	"context"
	"encoding/json"
	"time"

	"easel"
)

// Retention is the policy of a repository: which of its tags go by themselves.
type Retention struct {
	ID               int64
	Repo             easel.Repo
	Rule             easel.RetentionRule
	CreatorName      string
	Created, Updated time.Time
	Due              time.Time // when it runs next, unless a push comes first

	domain, domainName string // that own the repository
	claim              int64  // the lease, to be given back with FinishRetention
}

// Itself is who runs a policy that is due, in the audit trail of whoever owns
// the repository.
func (r Retention) Itself() easel.Principal {
	return easel.Principal{UserName: easel.System, DomainID: r.domain, DomainName: r.domainName}
}

const retentions = `
	SELECT p.id, r.name, p.rule, p.creator_name, p.created, p.updated, p.due, d.id, d.name
	FROM retention p JOIN repo r ON r.id = p.repo JOIN org o ON o.id = r.org JOIN domain d ON d.id = o.domain`

func scanRetention(s scanner) (r Retention, err error) {
	var rule string
	var created, updated, due int64
	if err = s.Scan(&r.ID, &r.Repo, &rule, &r.CreatorName, &created, &updated, &due, &r.domain, &r.domainName); err != nil {
		return r, err
	}
	r.Created, r.Updated, r.Due = fromMicros(created), fromMicros(updated), fromMicros(due)
	return r, json.Unmarshal([]byte(rule), &r.Rule)
}

// AddRetention gives a repository a policy, which is due at once. Errors:
// NotFound "repository"; Exists "retention": a repository has one.
func (db *DB) AddRetention(ctx context.Context, who easel.Principal, repo easel.Repo, rule easel.RetentionRule) (id int64, err error) {
	text, err := json.Marshal(rule)
	if err != nil {
		return 0, err
	}
	err = db.update(ctx, func(t *tx) error {
		row, err := t.repoID(repo)
		if err != nil {
			return err
		}
		made, err := t.get([]any{&id}, `
			INSERT INTO retention (repo, rule, creator, creator_name, created, updated, ran, due, leased) VALUES ($1, $2, $3, $4, $5, $5, 0, $5, 0)
			ON CONFLICT (repo) DO NOTHING RETURNING id`, row, string(text), who.UserID, who.UserName, t.now)
		if err != nil {
			return err
		}
		if !made {
			return easel.E(easel.Exists, "retention", "%s has a retention policy already: change it, or delete it first", repo)
		}
		return t.audit(who, "createRetention", string(repo), 0, nil)
	})
	return id, err
}

// UpdateRetention gives a policy another rule of the same template; it is due
// at once. Errors: NotFound "repository" and "retention"; Invalid "retention" for
// another template.
func (db *DB) UpdateRetention(ctx context.Context, who easel.Principal, repo easel.Repo, id int64, rule easel.RetentionRule) error {
	text, err := json.Marshal(rule)
	if err != nil {
		return err
	}
	return db.update(ctx, func(t *tx) error {
		old, err := t.retention(repo, id)
		if err != nil {
			return err
		}
		if old.Rule.Template != rule.Template {
			return easel.E(easel.Invalid, "retention", "the template of a policy cannot change from %s to %s: delete the policy and create another", old.Rule.Template, rule.Template)
		}
		if _, err := t.exec(`UPDATE retention SET rule = $1, updated = $2, due = $2 WHERE id = $3`, string(text), t.now, id); err != nil {
			return err
		}
		return t.audit(who, "updateRetention", string(repo), 0, nil)
	})
}

// DeleteRetention ends a policy; its history stays. Errors: NotFound
// "repository" and "retention".
func (db *DB) DeleteRetention(ctx context.Context, who easel.Principal, repo easel.Repo, id int64) error {
	return db.update(ctx, func(t *tx) error {
		if _, err := t.retention(repo, id); err != nil {
			return err
		}
		if _, err := t.exec(`DELETE FROM retention WHERE id = $1`, id); err != nil {
			return err
		}
		return t.audit(who, "deleteRetention", string(repo), 0, nil)
	})
}

// Retention returns the policy of a repository; id 0 is whichever it has.
// Errors: NotFound "repository" and "retention".
func (db *DB) Retention(ctx context.Context, repo easel.Repo, id int64) (r Retention, err error) {
	err = db.view(ctx, func(t *tx) error {
		r, err = t.retention(repo, id)
		return err
	})
	return r, err
}

func (t *tx) retention(repo easel.Repo, id int64) (Retention, error) {
	found, err := all(t, scanRetention, retentions+` WHERE r.name = $1 AND ($2 = 0 OR p.id = $2)`, string(repo), id)
	if err != nil {
		return Retention{}, err
	}
	if len(found) == 0 {
		if _, err := t.repoID(repo); err != nil {
			return Retention{}, err
		}
		return Retention{}, easel.E(easel.NotFound, "retention", "%s has no such retention policy", repo)
	}
	return found[0], nil
}

// Retentions returns the policies of a domain's repositories by name, with
// granted only those on whose repository who was granted something.
func (db *DB) Retentions(ctx context.Context, who easel.Principal, granted bool) (found []Retention, err error) {
	a := args{who.DomainID}
	where := ` WHERE o.domain = $1`
	if granted {
		user := a.add(who.UserID)
		where += ` AND (EXISTS (SELECT 1 FROM org_grant g WHERE g.org = o.id AND g.account = ` + user + `)
			OR EXISTS (SELECT 1 FROM repo_grant g WHERE g.repo = r.id AND g.account = ` + user + `))`
	}
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, scanRetention, retentions+where+` ORDER BY r.name`, a...)
		return err
	})
	return found, err
}

// RetentionRecord is a tag that a policy let go.
type RetentionRecord struct {
	ID, Policy int64
	Rule       string // JSON, as it was
	Tag        easel.Tag
	Digest     easel.Digest // what the tag named
	Receipt    string       // id
	At         time.Time
}

// RetentionLog returns a page of a repository's history, newest first, and
// how many records there are in all.
func (db *DB) RetentionLog(ctx context.Context, repo easel.Repo, limit int, offset int64) (found []RetentionRecord, total int64, err error) {
	err = db.view(ctx, func(t *tx) error {
		id, err := t.repoID(repo)
		if err != nil {
			return err
		}
		if _, err := t.get([]any{&total}, `SELECT COUNT(*) FROM retention_log WHERE repo = $1`, id); err != nil {
			return err
		}
		found, err = all(t, func(s scanner) (r RetentionRecord, err error) {
			var at int64
			err = s.Scan(&r.ID, &r.Policy, &r.Rule, &r.Tag, &r.Digest, &r.Receipt, &at)
			r.At = fromMicros(at)
			return r, err
		}, `SELECT id, retention, rule, tag, digest, receipt, created FROM retention_log WHERE repo = $1 ORDER BY id DESC LIMIT $2 OFFSET $3`, id, limit, offset)
		return err
	})
	return found, total, err
}
