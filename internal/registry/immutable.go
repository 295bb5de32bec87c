package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// maxTagRules is how many patterns an organisation or a repository may have.
const maxTagRules = 20

// TagRules returns an organisation's patterns of immutable tags, which hold in
// all its repositories. Errors: those of Org.
func (s *Service) TagRules(ctx context.Context, org easel.Org) ([]catalog.TagRule, error) {
	if _, err := s.org(ctx, policy.ShowOrg, org); err != nil {
		return nil, err
	}
	return s.catalog.TagRules(ctx, org)
}

// SetTagRules replaces an organisation's patterns and returns them. A tag
// that matches one can neither be deleted nor be moved to other content, by
// any route. Errors: those of Org; Invalid "tag pattern".
func (s *Service) SetTagRules(ctx context.Context, org easel.Org, patterns []easel.TagPattern) ([]catalog.TagRule, error) {
	if _, err := s.org(ctx, policy.KeepTags, org); err != nil {
		return nil, err
	}
	if err := fewRules(patterns); err != nil {
		return nil, err
	}
	if err := s.catalog.SetTagRules(ctx, easel.PrincipalFrom(ctx), org, patterns); err != nil {
		return nil, err
	}
	return s.catalog.TagRules(ctx, org)
}

// RepoTagRules returns the patterns that hold in a repository: its own, and
// those of its organisation. Errors: those of Repo.
func (s *Service) RepoTagRules(ctx context.Context, repo easel.Repo) ([]catalog.TagRule, error) {
	if _, err := s.repo(ctx, policy.ListTags, repo); err != nil {
		return nil, err
	}
	return s.catalog.RepoTagRules(ctx, repo)
}

// SetRepoTagRules is SetTagRules for one repository. Those of its organisation
// hold besides. Errors: those of Repo; Invalid "tag pattern".
func (s *Service) SetRepoTagRules(ctx context.Context, repo easel.Repo, patterns []easel.TagPattern) ([]catalog.TagRule, error) {
	if _, err := s.repo(ctx, policy.KeepTags, repo); err != nil {
		return nil, err
	}
	if err := fewRules(patterns); err != nil {
		return nil, err
	}
	if err := s.catalog.SetRepoTagRules(ctx, easel.PrincipalFrom(ctx), repo, patterns); err != nil {
		return nil, err
	}
	return s.catalog.RepoTagRules(ctx, repo)
}

func fewRules(patterns []easel.TagPattern) error {
	if len(patterns) > maxTagRules {
		return easel.E(easel.Invalid, "tag pattern", "%d patterns are too many: at most %d can be set", len(patterns), maxTagRules)
	}
	return nil
}
