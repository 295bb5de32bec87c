package identity

import (
	"context"

	"easel"
	"easel/internal/catalog"
)

// Projects returns the projects that who can use, the region's own first;
// name "" means all. All users of a domain can use all of its projects.
func (s *Service) Projects(ctx context.Context, who easel.Principal, name string) ([]catalog.Project, error) {
	if who.Anonymous() {
		return nil, easel.E(easel.Unauthenticated, "credential", "log in to see projects")
	}
	return s.catalog.Projects(ctx, who.DomainID, name)
}

// User returns a user of the caller's domain: itself, or any for an
// administrator. Errors: NotFound "user", Denied "user".
func (s *Service) User(ctx context.Context, who easel.Principal, id string) (catalog.Account, error) {
	return s.managed(ctx, who, id)
}

// Users returns the users of the caller's domain that it may see; name ""
// means all. Who is no administrator sees itself only.
func (s *Service) Users(ctx context.Context, who easel.Principal, name string) ([]catalog.Account, error) {
	if who.Anonymous() {
		return nil, easel.E(easel.Unauthenticated, "credential", "log in to see users")
	}
	found, err := s.catalog.Accounts(ctx, who.DomainID, name)
	if err != nil {
		return nil, err
	}
	seen := []catalog.Account{}
	for _, a := range found {
		if mayManage(who, a, "user", a.ID) == nil {
			seen = append(seen, a)
		}
	}
	return seen, nil
}
