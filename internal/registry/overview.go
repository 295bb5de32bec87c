package registry

import (
	"context"
	"errors"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// AccountQuota returns what the caller's account may have and has, whether
// the caller sees it or not (swr.md 12). Errors: Denied "foreign project" when
// project is not one of the account's.
func (s *Service) AccountQuota(ctx context.Context, project string) (catalog.AccountQuota, error) {
	who := easel.PrincipalFrom(ctx)
	if err := s.mayCount(who); err != nil {
		return catalog.AccountQuota{}, err
	}
	q, err := s.catalog.AccountQuota(ctx, who.DomainID, project)
	return q, orForeign(err, project)
}

// CheckProject returns nil for a project of the caller's account. Errors:
// Denied "foreign project".
func (s *Service) CheckProject(ctx context.Context, project string) error {
	who := easel.PrincipalFrom(ctx)
	if err := s.mayCount(who); err != nil {
		return err
	}
	_, err := s.catalog.Project(ctx, who.DomainID, project)
	return orForeign(err, project)
}

// orForeign says what NotFound means here: that the account does not have a project.
func orForeign(err error, project string) error {
	if errors.Is(err, easel.NotFound) {
		return easel.E(easel.Denied, "foreign project", "the project %.64q is not one of the account's", project)
	}
	return err
}

// mayCount is for figures of a whole account, which all its users may know.
func (s *Service) mayCount(who easel.Principal) error {
	return policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "organisation", "organisations")
}

// Overview counts what the caller's account has (swr.md 13).
func (s *Service) Overview(ctx context.Context) (catalog.Overview, error) {
	who := easel.PrincipalFrom(ctx)
	if err := s.mayCount(who); err != nil {
		return catalog.Overview{}, err
	}
	return s.catalog.Overview(ctx, who.DomainID)
}

// reportDays is how far reports go back, today included (swr.md 13).
const reportDays = 30

// Days returns the last 30 days of the caller's account, the oldest first.
func (s *Service) Days(ctx context.Context) ([]catalog.Day, error) {
	who := easel.PrincipalFrom(ctx)
	if err := s.mayCount(who); err != nil {
		return nil, err
	}
	return s.catalog.Days(ctx, who.DomainID, reportDays)
}

// storeEvery is how often the day's figures of the store are noted.
const storeEvery = 10 * time.Minute

// recordStore notes what every domain holds, now and then.
func (s *Service) recordStore(ctx context.Context) error {
	now := s.o.Clock()
	if now.Sub(s.stored) < storeEvery {
		return nil
	}
	s.stored = now
	return s.catalog.RecordStore(ctx)
}
