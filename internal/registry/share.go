package registry

import (
	"context"
	"errors"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// maxShares is how many accounts a repository is shared with (swr.md 9).
const maxShares = 500

// Share lets the users of another account pull from a private repository
// until the share ends (swr.md 9). Errors: those of Repo, with Denied "share"
// for who does not manage the repository; Invalid "share end" for an end in the
// past; those of catalog.AddShare.
func (s *Service) Share(ctx context.Context, repo easel.Repo, share catalog.Share) error {
	if err := s.mayShare(ctx, repo); err != nil {
		return err
	}
	if !share.Ends.IsZero() && !share.Ends.After(s.o.Clock()) {
		return easel.E(easel.Invalid, "share end", "the deadline %s has passed", share.Ends.UTC().Format("2006-01-02T15:04:05Z"))
	}
	return s.catalog.AddShare(ctx, easel.PrincipalFrom(ctx), repo, share, maxShares)
}

// Shares returns the shares of a repository, with account only the one with
// the account of that name. Errors: those of Repo, and Denied "share".
func (s *Service) Shares(ctx context.Context, repo easel.Repo, account string) ([]catalog.Share, error) {
	if err := s.mayShare(ctx, repo); err != nil {
		return nil, err
	}
	return s.catalog.Shares(ctx, repo, account, maxShares)
}

// ChangeShare changes a share; an end in the past ends it at once, also for
// registry tokens that exist. Errors: those of Repo, Denied and NotFound "share".
func (s *Service) ChangeShare(ctx context.Context, repo easel.Repo, account string, c catalog.ShareChange) error {
	if err := s.mayShare(ctx, repo); err != nil {
		return err
	}
	return s.catalog.UpdateShare(ctx, easel.PrincipalFrom(ctx), repo, account, c)
}

// EndShare takes a share away: pulls end with the next request, also those
// with registry tokens that exist. Errors: those of ChangeShare.
func (s *Service) EndShare(ctx context.Context, repo easel.Repo, account string) error {
	if err := s.mayShare(ctx, repo); err != nil {
		return err
	}
	return s.catalog.DeleteShare(ctx, easel.PrincipalFrom(ctx), repo, account)
}

func (s *Service) mayShare(ctx context.Context, repo easel.Repo) error {
	_, err := s.repo(ctx, policy.ShareRepo, repo)
	if e := easel.AsError(err); errors.Is(err, easel.Denied) && e.Noun == "repository" {
		return easel.E(easel.Denied, "share", "%s", e.Msg)
	}
	return err
}

// SharedRepos returns a page of the repositories that q.Shares asks for, and
// how many q selects in all (swr.md 9.1). Grants.Shared says whether the
// caller's account may pull now; of what it may not only the name is told.
// Domain and Sight of q are set here.
func (s *Service) SharedRepos(ctx context.Context, q catalog.RepoQuery) ([]catalog.Repository, int64, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "repository", "shared repositories"); err != nil {
		return nil, 0, err
	}
	q.Domain = who.DomainID
	if q.Shares == catalog.SharedBy {
		q.Sight = repoSight(who)
	}
	found, total, err := s.catalog.Repos(ctx, who, q)
	for i, r := range found {
		if q.Shares == catalog.SharedWith && !r.Grants.Shared {
			found[i] = catalog.Repository{Name: r.Name, DomainName: r.DomainName, Category: r.Category, Created: r.Created, Updated: r.Created, Tags: []easel.Tag{}}
		}
	}
	return found, total, err
}
