package catalog

import (
	"context"
	"slices"

	"easel"
)

// TagRule is a pattern of tags that keep what they name: nobody moves or
// deletes them.
type TagRule struct {
	Pattern easel.TagPattern
	Repo    easel.Repo // "": for all repositories of the organisation
	Set     easel.Protection
}

// tagRules selects what scanTagRule reads.
const tagRules = `SELECT i.pattern, coalesce(r.name, ''), i.creator, i.creator_name, i.created FROM immutable_tag i LEFT JOIN repo r ON r.id = i.repo `

func scanTagRule(s scanner) (r TagRule, err error) {
	var at int64
	err = s.Scan(&r.Pattern, &r.Repo, &r.Set.UserID, &r.Set.UserName, &at)
	r.Set.At = fromMicros(at)
	return r, err
}

// TagRules returns the rules of an organisation, in the order in which they
// were set.
func (db *DB) TagRules(ctx context.Context, org easel.Org) (rules []TagRule, err error) {
	err = db.view(ctx, func(t *tx) error {
		rules, err = all(t, scanTagRule, tagRules+`JOIN org o ON o.id = i.org WHERE o.name = $1 AND i.repo IS NULL ORDER BY i.id`, string(org))
		return err
	})
	return rules, err
}

// RepoTagRules returns the rules that hold in a repository: those of its
// organisation, then its own.
func (db *DB) RepoTagRules(ctx context.Context, repo easel.Repo) (rules []TagRule, err error) {
	err = db.view(ctx, func(t *tx) error {
		id, err := t.repoID(repo)
		if err == nil {
			rules, err = t.tagRules(id)
		}
		return err
	})
	return rules, err
}

// tagRules returns the rules that hold in a repository.
func (t *tx) tagRules(repo int64) ([]TagRule, error) {
	return all(t, scanTagRule, tagRules+`WHERE i.org = (SELECT org FROM repo WHERE id = CAST($1 AS BIGINT)) AND (i.repo IS NULL OR i.repo = CAST($1 AS BIGINT))
		ORDER BY CASE WHEN i.repo IS NULL THEN 0 ELSE 1 END, i.id`, repo)
}

// SetTagRules makes patterns the rules of an organisation. Those that it has
// already keep who set them. Errors: NotFound "organisation".
func (db *DB) SetTagRules(ctx context.Context, who easel.Principal, org easel.Org, patterns []easel.TagPattern) error {
	return db.update(ctx, func(t *tx) error {
		var id int64
		if ok, err := t.get([]any{&id}, `SELECT id FROM org WHERE name = $1`+t.forNoKeyUpdate(), string(org)); err != nil || !ok {
			return orNotFound(err, "organisation", "the organisation %s does not exist", org)
		}
		return t.setTagRules(who, id, nil, string(org), patterns)
	})
}

// SetRepoTagRules makes patterns a repository's own rules. Those that it has
// already keep who set them. Errors: NotFound "repository".
func (db *DB) SetRepoTagRules(ctx context.Context, who easel.Principal, repo easel.Repo, patterns []easel.TagPattern) error {
	return db.update(ctx, func(t *tx) error {
		var id, org int64
		if ok, err := t.get([]any{&id, &org}, `SELECT id, org FROM repo WHERE name = $1`+t.forNoKeyUpdate(), string(repo)); err != nil || !ok {
			return orNotFound(err, "repository", "the repository %s does not exist", repo)
		}
		return t.setTagRules(who, org, &id, string(repo), patterns)
	})
}

// setTagRules replaces the rules of an organisation or, with repo, of one
// repository of it. The caller has locked whose rules they are.
func (t *tx) setTagRules(who easel.Principal, org int64, repo *int64, resource string, patterns []easel.TagPattern) error {
	of, a := `org = $1 AND repo IS NULL`, args{org}
	if repo != nil {
		of, a = `org = $1 AND repo = $2`, args{org, *repo}
	}
	had, err := all(t, column[easel.TagPattern], `SELECT pattern FROM immutable_tag WHERE `+of, a...)
	if err != nil {
		return err
	}
	for _, p := range had {
		if slices.Contains(patterns, p) {
			continue
		}
		b := slices.Clone(a)
		if _, err := t.exec(`DELETE FROM immutable_tag WHERE `+of+` AND pattern = `+b.add(string(p)), b...); err != nil {
			return err
		}
	}
	for n, p := range patterns {
		if slices.Contains(had, p) || slices.Contains(patterns[:n], p) {
			continue
		}
		if _, err := t.exec(`INSERT INTO immutable_tag (org, repo, pattern, creator, creator_name, created) VALUES ($1, $2, $3, $4, $5, $6)`,
			org, repo, string(p), who.UserID, who.UserName, t.now); err != nil {
			return err
		}
	}
	return t.audit(who, "setImmutableTags", resource, 0, nil)
}

// immutable returns why a tag must stay as it is, or nil.
func immutable(rules []TagRule, repo easel.Repo, tag easel.Tag) error {
	for _, r := range rules {
		if !r.Pattern.Matches(tag) {
			continue
		}
		of, command := string(repo), "easel repo immutable "+string(repo)
		if r.Repo == "" {
			of, command = string(repo.Org()), "easel org immutable "+string(repo.Org())
		}
		err := easel.E(easel.InUse, "protection", "the tag %s:%s is immutable by the pattern %s of %s, set by %s; change the patterns first: %s",
			repo, tag, r.Pattern, of, since(r.Set), command)
		return err.Blocked(easel.BlockedByRule, string(repo)+":"+string(tag), string(r.Pattern))
	}
	return nil
}
