package registry

import (
	"context"
	"slices"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Granted is who may do what on an organisation or a repository.
type Granted struct {
	ID          int64 // of the organisation or repository
	CreatorName string
	Self        catalog.Grant   // the caller, with its effective level
	Others      []catalog.Grant // everybody else with a grant on exactly this, by name
}

// OrgGrants returns the grants on an organisation (swr.md 5). Errors: those of Org.
func (s *Service) OrgGrants(ctx context.Context, name easel.Org) (Granted, error) {
	o, err := s.org(ctx, policy.ShowOrgGrants, name)
	if err != nil {
		return Granted{}, err
	}
	return s.granted(ctx, o.ID, o.CreatorName, o.Grants.Level, catalog.GrantsOn{Org: name})
}

// RepoGrants returns the grants on a repository, without those on its
// organisation (swr.md 7). Errors: those of Repo.
func (s *Service) RepoGrants(ctx context.Context, name easel.Repo) (Granted, error) {
	r, err := s.repo(ctx, policy.ShowRepoGrants, name)
	if err != nil {
		return Granted{}, err
	}
	level := policy.Level(easel.PrincipalFrom(ctx), r.Grants, "repository", string(name))
	return s.granted(ctx, r.ID, r.CreatorName, level, catalog.GrantsOn{Org: name.Org(), Repo: name})
}

func (s *Service) granted(ctx context.Context, id int64, creator string, level int, on catalog.GrantsOn) (Granted, error) {
	who := easel.PrincipalFrom(ctx)
	found, err := s.catalog.Grants(ctx, on)
	if err != nil {
		return Granted{}, err
	}
	return Granted{
		ID: id, CreatorName: creator,
		Self:   catalog.Grant{User: who.UserID, UserName: who.UserName, Level: level},
		Others: slices.DeleteFunc(found, func(a catalog.Grant) bool { return a.User == who.UserID }),
	}, nil
}

// Grant gives users who have none a grant on an organisation or repository;
// all of them or, on an error, none. It counts from the next request on, also
// for registry tokens that exist. Errors: those of Org or Repo; Denied
// "repository" for a level above the caller's own; of the noun "organisation
// grant" or "repository grant" Invalid (an unknown level, nobody, the caller
// itself) and Exists; Invalid "grantee".
func (s *Service) Grant(ctx context.Context, on catalog.GrantsOn, grants []catalog.Grant) error {
	if _, err := s.mayGrant(ctx, on, grants); err != nil {
		return err
	}
	return s.catalog.AddGrants(ctx, easel.PrincipalFrom(ctx), on, grants)
}

// ChangeGrants gives users other levels. Errors: those of Grant, and NotFound
// instead of Exists; Denied, too, for a grant that was above the caller's own level.
func (s *Service) ChangeGrants(ctx context.Context, on catalog.GrantsOn, grants []catalog.Grant) error {
	level, err := s.mayGrant(ctx, on, grants)
	if err != nil {
		return err
	}
	return s.catalog.SetGrants(ctx, easel.PrincipalFrom(ctx), on, grants, level)
}

// Revoke takes the grants of users; what they were logged in for ends with the
// next request. Errors: those of ChangeGrants.
func (s *Service) Revoke(ctx context.Context, on catalog.GrantsOn, users []string) error {
	grants := make([]catalog.Grant, len(users))
	for i, user := range users {
		grants[i] = catalog.Grant{User: user, Level: policy.LevelRead}
	}
	level, err := s.mayGrant(ctx, on, grants)
	if err != nil {
		return err
	}
	return s.catalog.RemoveGrants(ctx, easel.PrincipalFrom(ctx), on, users, level)
}

// maxGrants bounds what one request changes.
const maxGrants = 1000

// mayGrant checks a change of grants and returns the caller's own level.
func (s *Service) mayGrant(ctx context.Context, on catalog.GrantsOn, grants []catalog.Grant) (int, error) {
	level, noun, err := s.granter(ctx, on)
	if err != nil {
		return 0, err
	}
	if len(grants) == 0 || len(grants) > maxGrants {
		return 0, easel.E(easel.Invalid, noun, "name between 1 and %d users", maxGrants)
	}
	who := easel.PrincipalFrom(ctx)
	for _, g := range grants {
		switch {
		case g.Level != policy.LevelRead && g.Level != policy.LevelEdit && g.Level != policy.LevelManage:
			return 0, easel.E(easel.Invalid, noun, "auth must be 1 (read), 3 (edit) or 7 (manage), not %d", g.Level)
		case g.User == who.UserID:
			return 0, easel.E(easel.Invalid, noun, "nobody changes the own permission")
		case g.Level > level:
			return 0, easel.E(easel.Denied, noun, "%s has level %d here and cannot grant level %d", who.UserName, level, g.Level)
		}
	}
	return level, nil
}

// granter returns the caller's level, if the caller may change grants there.
func (s *Service) granter(ctx context.Context, on catalog.GrantsOn) (int, easel.Noun, error) {
	who := easel.PrincipalFrom(ctx)
	if on.Repo == "" {
		o, err := s.org(ctx, policy.GrantOrg, on.Org)
		return o.Grants.Level, "organisation grant", err
	}
	r, err := s.repo(ctx, policy.GrantRepo, on.Repo)
	return policy.Level(who, r.Grants, "repository", string(on.Repo)), "repository grant", err
}
