package catalog

import (
	"context"
	"time"

	"easel"
)

// Share lets the users of another domain pull from a repository.
type Share struct {
	DomainName           string
	Ends                 time.Time // zero: never
	Description          string
	Creator, CreatorName string
	Created, Updated     time.Time
	Valid                bool // it has not ended
}

// ShareChange is what UpdateShare sets.
type ShareChange struct {
	Ends        time.Time // zero: never
	Description *string   // nil: as it is
}

// shareEnd is how the end of a share is stored: 0 is never.
func shareEnd(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, micros(t))
}

func scanShare(s scanner) (x Share, err error) {
	var ends, created, updated int64
	err = s.Scan(&x.DomainName, &ends, &x.Description, &x.Creator, &x.CreatorName, &created, &updated, &x.Valid)
	if ends != 0 {
		x.Ends = fromMicros(ends)
	}
	x.Created, x.Updated = fromMicros(created), fromMicros(updated)
	return x, err
}

// AddShare shares a private repository with the domain called s.DomainName,
// in whatever case. A repository has at most limit shares. Errors: NotFound
// "repository"; Invalid "public repository"; Invalid "account" for a domain
// that is not there or the repository's own; Exists "share"; Invalid "parameter"
// beyond the limit.
func (db *DB) AddShare(ctx context.Context, who easel.Principal, repo easel.Repo, s Share, limit int) error {
	return db.update(ctx, func(t *tx) error {
		id, owner, public, err := t.shared(repo)
		if err != nil {
			return err
		}
		if public {
			return easel.E(easel.Invalid, "public repository", "%s is public: everybody can pull from it without a share", repo)
		}
		domain, err := t.shareDomain(s.DomainName)
		if err != nil {
			return err
		}
		if domain == owner {
			return easel.E(easel.Invalid, "account", "a repository is shared with other accounts, not with its own")
		}
		var have int
		if _, err := t.get([]any{&have}, `SELECT COUNT(*) FROM share WHERE repo = $1`, id); err != nil {
			return err
		}
		n, err := t.exec(`
			INSERT INTO share (repo, domain, ends, description, creator, creator_name, created, updated) VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
			ON CONFLICT (repo, domain) DO NOTHING`,
			id, domain, shareEnd(s.Ends), s.Description, who.UserID, who.UserName, t.now)
		switch {
		case err != nil:
			return err
		case n == 0:
			return easel.E(easel.Exists, "share", "%s is shared with %s already", repo, s.DomainName)
		case have >= limit:
			return easel.E(easel.Invalid, "parameter", "a repository is shared with at most %d accounts", limit)
		}
		return t.audit(who, "createImageRepositoryAccessDomain", string(repo)+" "+s.DomainName, 0, nil)
	})
}

// UpdateShare changes a share. An end in the past is one. Errors: NotFound
// "repository" and "share".
func (db *DB) UpdateShare(ctx context.Context, who easel.Principal, repo easel.Repo, domainName string, c ShareChange) error {
	return db.changeShare(ctx, who, repo, domainName, "update", func(t *tx, id int64, domain string) (int64, error) {
		a := args{shareEnd(c.Ends), t.now, id, domain}
		set := `ends = $1, updated = $2`
		if c.Description != nil {
			set += `, description = ` + a.add(*c.Description)
		}
		return t.exec(`UPDATE share SET `+set+` WHERE repo = $3 AND domain = $4`, a...)
	})
}

// DeleteShare ends a share. Errors: NotFound "repository" and "share".
func (db *DB) DeleteShare(ctx context.Context, who easel.Principal, repo easel.Repo, domainName string) error {
	return db.changeShare(ctx, who, repo, domainName, "delete", func(t *tx, id int64, domain string) (int64, error) {
		return t.exec(`DELETE FROM share WHERE repo = $1 AND domain = $2`, id, domain)
	})
}

func (db *DB) changeShare(ctx context.Context, who easel.Principal, repo easel.Repo, domainName, verb string, change func(*tx, int64, string) (int64, error)) error {
	return db.update(ctx, func(t *tx) error {
		id, _, _, err := t.shared(repo)
		if err != nil {
			return err
		}
		domain, err := t.shareDomain(domainName)
		if easel.AsError(err).Kind == easel.Invalid {
			return noShare(repo, domainName)
		}
		if err != nil {
			return err
		}
		n, err := change(t, id, domain)
		if err == nil && n == 0 {
			err = noShare(repo, domainName)
		}
		if err != nil {
			return err
		}
		return t.audit(who, verb+"ImageRepositoryAccessDomain", string(repo)+" "+domainName, 0, nil)
	})
}

// shared locks a repository whose shares are to be changed.
func (t *tx) shared(repo easel.Repo) (id int64, domain string, public bool, err error) {
	if id, err = t.repoID(repo); err != nil {
		return 0, "", false, err
	}
	if err = t.lockRepos(id); err != nil {
		return 0, "", false, err
	}
	ok, err := t.get([]any{&domain, &public}, `SELECT o.domain, r.is_public FROM repo r JOIN org o ON o.id = r.org WHERE r.id = $1`, id)
	if err == nil && !ok {
		err = easel.E(easel.NotFound, "repository", "the repository %s does not exist", repo)
	}
	return id, domain, public, err
}

// shareDomain returns the id of an account by its name, preferably in exactly
// this spelling.
func (t *tx) shareDomain(name string) (id string, err error) {
	ok := false
	if storable(name) {
		ok, err = t.get([]any{&id}, `SELECT id FROM domain WHERE lower(name) = lower($1) ORDER BY CASE WHEN name = $1 THEN 0 ELSE 1 END, id LIMIT 1`, name)
	}
	if err == nil && !ok {
		err = easel.E(easel.Invalid, "account", "there is no account %.100q", name)
	}
	return id, err
}

// Shares returns up to limit shares of a repository by the names of the
// domains; with domainName, in whatever case, only that one.
func (db *DB) Shares(ctx context.Context, repo easel.Repo, domainName string, limit int) (found []Share, err error) {
	if !storable(domainName) {
		return []Share{}, nil
	}
	err = db.view(ctx, func(t *tx) error {
		a := args{string(repo), t.now}
		where := ``
		if domainName != "" {
			where = ` AND lower(d.name) = lower(` + a.add(domainName) + `)`
		}
		found, err = all(t, scanShare, `
			SELECT d.name, s.ends, s.description, s.creator, s.creator_name, s.created, s.updated, CASE WHEN s.ends = 0 OR s.ends > $2 THEN 1 ELSE 0 END
			FROM share s JOIN repo r ON r.id = s.repo JOIN domain d ON d.id = s.domain
			WHERE r.name = $1`+where+` ORDER BY d.name LIMIT `+a.add(limit), a...)
		return err
	})
	return found, err
}

func noShare(repo easel.Repo, domain string) error {
	return easel.E(easel.NotFound, "share", "%s is not shared with %.100q", repo, domain)
}
