package catalog

import (
	"context"
	"slices"

	"easel"
)

// RepoGrants returns what who was granted on repo, or on its organisation
// while the repository does not exist. No organisation: the zero Grants.
func (db *DB) RepoGrants(ctx context.Context, who easel.Principal, repo easel.Repo) (easel.Grants, error) {
	type question struct {
		user string
		repo easel.Repo
	}
	g, err := remember(db.memo(), rights, question{who.UserID, repo}, func() (g endingGrants, err error) {
		err = db.view(ctx, func(t *tx) error {
			g, err = t.repoGrants(who, repo)
			return err
		})
		return g, err
	})
	g.Shared = g.share && (g.ends == 0 || micros(db.time()) < g.ends)
	return g.Grants, err
}

// endingGrants are Grants with the share that says, at a given time, whether
// they are Shared.
type endingGrants struct {
	easel.Grants
	share bool
	ends  int64 // 0: never
}

func (t *tx) repoGrants(who easel.Principal, repo easel.Repo) (g endingGrants, err error) {
	_, err = t.get([]any{&g.Domain, &g.OrgLevel, &g.Level, &g.Public, &g.share, &g.ends}, `
		SELECT o.domain, coalesce(g.level, 0), `+grantedLevel+`, coalesce(r.is_public, 0),
			CASE WHEN s.repo IS NULL THEN 0 ELSE 1 END, coalesce(s.ends, 0)
		FROM org o
		LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
		LEFT JOIN repo r ON r.name = $2
		LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
		LEFT JOIN share s ON s.repo = r.id AND s.domain = $4
		WHERE o.name = $3`, who.UserID, string(repo), string(repo.Org()), who.DomainID)
	return g, err
}

// grantedLevel is the higher of the levels granted on the organisation, g, and
// on the repository, rg; both are outer joins.
const grantedLevel = `CASE WHEN coalesce(rg.level, 0) > coalesce(g.level, 0) THEN rg.level ELSE coalesce(g.level, 0) END`

// repoID returns the repository's row id; NotFound "repository" when there is none.
func (t *tx) repoID(repo easel.Repo) (id int64, err error) {
	ok, err := t.get([]any{&id}, `SELECT id FROM repo WHERE name = $1`, string(repo))
	if err == nil && !ok {
		err = easel.E(easel.NotFound, "repository", "the repository %s does not exist", repo)
	}
	return id, err
}

// ensureRepo returns the repository's row id and makes it, private and
// uncategorised, when it is not there (swr.md 6.1).
func (t *tx) ensureRepo(who easel.Principal, repo easel.Repo) (int64, error) {
	var id, org int64
	if ok, err := t.get([]any{&id}, `SELECT id FROM repo WHERE name = $1`, string(repo)); ok || err != nil {
		return id, err
	}
	ok, err := t.get([]any{&org}, `SELECT id FROM org WHERE name = $1`, string(repo.Org()))
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, easel.E(easel.NotFound, "organisation", "the organisation %s does not exist; make it first: easel org create %s", repo.Org(), repo.Org())
	}
	if _, err = t.insertRepo(who, org, NewRepository{Name: repo, Category: "other"}); err != nil {
		return 0, err
	}
	return t.repoID(repo)
}

// insertRepo makes a repository of an organisation; made is false when there
// is one of that name. Errors: Denied "repository quota".
func (t *tx) insertRepo(who easel.Principal, org int64, n NewRepository) (made bool, err error) {
	if err := t.roomForRepo(org, n.Name.Org()); err != nil {
		return false, err
	}
	var id int64
	made, err = t.get([]any{&id}, `
		INSERT INTO repo (org, name, category, description, is_public, creator, creator_name, project, downloads, created, updated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9) ON CONFLICT (name) DO NOTHING RETURNING id`,
		org, string(n.Name), n.Category, n.Description, flag(n.Public), who.UserID, who.UserName, who.ProjectID, t.now)
	if err != nil || !made {
		return made, err
	}
	return true, t.openLedgers(id)
}

// lockRepos locks repository rows, in id order. Whoever decides what stays
// and what goes in a repository takes this lock first; what it decides on is
// read in later statements.
func (t *tx) lockRepos(ids ...int64) error {
	if t.engine == sqlite || len(ids) == 0 {
		return nil
	}
	slices.Sort(ids)
	for _, id := range slices.Compact(ids) {
		if _, err := t.exists(`SELECT 1 FROM repo WHERE id = $1 FOR NO KEY UPDATE`, id); err != nil {
			return err
		}
	}
	return nil
}

// Repositories returns up to limit names of domain's repositories after last,
// in byte order, and whether more follow.
func (db *DB) Repositories(ctx context.Context, domain, last string, limit int) (names []easel.Repo, more bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		names, err = all(t, column[easel.Repo], `
			SELECT r.name FROM repo r JOIN org o ON o.id = r.org
			WHERE o.domain = $1 AND r.name > $2 ORDER BY r.name LIMIT $3`, domain, last, limit+1)
		return err
	})
	names, more = page(names, limit)
	return names, more, err
}

// page cuts the extra row that tells whether more follow.
func page[T any](rows []T, limit int) ([]T, bool) {
	if len(rows) > limit {
		return rows[:limit], true
	}
	return rows, false
}
