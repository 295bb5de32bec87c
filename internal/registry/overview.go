package registry

import (
	"context"
	"errors"

	"easel"
	"easel/internal/policy"
)

// OrgCount returns how many organisations the caller's account has, whether
// the caller sees them or not (swr.md 12). Errors: Denied "foreign
// project" when project is not one of the account's.
func (s *Service) OrgCount(ctx context.Context, project string) (int, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "organisation", "organisations"); err != nil {
		return 0, err
	}
	n, err := s.catalog.OrgCount(ctx, who.DomainID, project)
	if errors.Is(err, easel.NotFound) {
		return 0, easel.E(easel.Denied, "foreign project", "the project %.64q is not one of the account's", project)
	}
	return n, err
}
