package registry

import (
	"context"
	"errors"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// CreateOrg makes an organisation of the caller's domain (swr.md 4.1). Errors:
// Denied and Exists "organisation", TooMany "organisation quota".
func (s *Service) CreateOrg(ctx context.Context, name easel.Org) error {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.CreateOrg, "organisation", string(name)); err != nil {
		return err
	}
	return s.catalog.CreateOrg(ctx, who, name)
}

// Orgs returns the organisations of the caller's domain on which the caller
// has a level, by name; with q.Inside also those in which the caller has one on
// a repository (swr.md 4.2). Domain and Sight of q are set here. Grants.Level
// is the caller's effective level.
func (s *Service) Orgs(ctx context.Context, q catalog.OrgQuery) ([]catalog.Organisation, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "organisation", "organisations"); err != nil {
		return nil, err
	}
	q.Domain, q.Sight = who.DomainID, sightOf(policy.SeesOrgs(who))
	found, err := s.catalog.Orgs(ctx, who, q)
	for i := range found {
		found[i].Grants.Level = policy.Level(who, found[i].Grants, "organisation", string(found[i].Name))
	}
	return found, err
}

// Org returns an organisation (swr.md 4.3). Grants.Level is the caller's
// effective level. Errors: NotFound "organisation"; Denied "organisation", and
// Denied "foreign organisation" for one of another domain: names are unique
// in the installation, so that they exist is no secret.
func (s *Service) Org(ctx context.Context, name easel.Org) (catalog.Organisation, error) {
	return s.org(ctx, policy.ShowOrg, name)
}

// DeleteOrg removes an organisation that holds no repository (swr.md 4.4).
// Errors: those of Org; InUse "organisation".
func (s *Service) DeleteOrg(ctx context.Context, name easel.Org) error {
	if _, err := s.org(ctx, policy.DeleteOrg, name); err != nil {
		return err
	}
	return s.catalog.DeleteOrg(ctx, easel.PrincipalFrom(ctx), name)
}

// repoSight is which repositories of its domain a list shows to who.
func repoSight(who easel.Principal) catalog.Sight { return sightOf(policy.SeesRepos(who)) }

func sightOf(v policy.Sight) catalog.Sight {
	return catalog.Sight{Granted: !v.All, Shown: v.Shown, Hidden: v.Hidden}
}

// org returns an organisation that the caller may do action to.
func (s *Service) org(ctx context.Context, action policy.Action, name easel.Org) (catalog.Organisation, error) {
	who := easel.PrincipalFrom(ctx)
	o, err := s.catalog.Org(ctx, who, name)
	if err != nil {
		return o, err
	}
	err = policy.Check(who, o.Grants, action, "organisation", string(name))
	if errors.Is(err, easel.NotFound) {
		err = easel.E(easel.Denied, "organisation", "%s has no right on the organisation %s", who.UserName, name)
	}
	if err != nil && foreign(who, o) {
		err = foreignOrg(name)
	}
	o.Grants.Level = policy.Level(who, o.Grants, "organisation", string(name))
	return o, err
}

func foreign(who easel.Principal, o catalog.Organisation) bool {
	return !who.Anonymous() && o.Grants.Domain != who.DomainID
}

func foreignOrg(name easel.Org) error {
	return easel.E(easel.Denied, "foreign organisation", "the organisation %s belongs to another account", name)
}

// CreateRepo makes an empty repository (swr.md 6.1). Errors: those of Org;
// Exists "repository".
func (s *Service) CreateRepo(ctx context.Context, n catalog.NewRepository) error {
	if _, err := s.org(ctx, policy.CreateRepo, n.Name.Org()); err != nil {
		return err
	}
	return s.catalog.CreateRepo(ctx, easel.PrincipalFrom(ctx), n)
}

// Repos returns a page of the repositories of the caller's domain on which the
// caller has a level, and how many q selects in all (swr.md 6.2). Domain and
// Sight of q are set here.
func (s *Service) Repos(ctx context.Context, q catalog.RepoQuery) ([]catalog.Repository, int64, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "repository", "repositories"); err != nil {
		return nil, 0, err
	}
	q.Domain, q.Sight = who.DomainID, repoSight(who)
	return s.catalog.Repos(ctx, who, q)
}

// Repo returns a repository (swr.md 6.3). Errors: NotFound "organisation" and
// "repository"; Denied "repository"; Denied "foreign organisation" for anything in
// an organisation of another domain, there or not, that is not public.
func (s *Service) Repo(ctx context.Context, name easel.Repo) (catalog.Repository, error) {
	return s.repo(ctx, policy.ShowRepo, name)
}

// repo returns a repository that the caller may do action to.
func (s *Service) repo(ctx context.Context, action policy.Action, name easel.Repo) (catalog.Repository, error) {
	who := easel.PrincipalFrom(ctx)
	o, err := s.catalog.Org(ctx, who, name.Org())
	if err != nil {
		return catalog.Repository{}, err
	}
	r, err := s.catalog.Repo(ctx, who, name)
	if err == nil || who.Anonymous() && errors.Is(err, easel.NotFound) { // whether it exists is not for strangers
		err = policy.Check(who, r.Grants, action, "repository", string(name))
	}
	hidden := errors.Is(err, easel.NotFound) || errors.Is(err, easel.Denied)
	switch {
	case hidden && foreign(who, o):
		return catalog.Repository{}, foreignOrg(name.Org())
	case errors.Is(err, easel.NotFound): // missing and hidden must not differ in words either
		return catalog.Repository{}, easel.E(easel.NotFound, "repository", "the repository %s does not exist", name)
	case err != nil:
		return catalog.Repository{}, err
	}
	return r, nil
}

// UpdateRepo changes attributes of a repository (swr.md 6.4). Errors: those of Repo.
func (s *Service) UpdateRepo(ctx context.Context, name easel.Repo, c catalog.RepoChange) error {
	if _, err := s.repo(ctx, policy.UpdateRepo, name); err != nil {
		return err
	}
	return s.catalog.UpdateRepo(ctx, easel.PrincipalFrom(ctx), name, c)
}

// RepoTags returns a page of a repository's tags, and how many q selects in
// all (swr.md 8.1). Errors: those of Repo.
func (s *Service) RepoTags(ctx context.Context, name easel.Repo, q catalog.TagQuery) ([]catalog.RepoTag, int64, error) {
	if _, err := s.repo(ctx, policy.ListTags, name); err != nil {
		return nil, 0, err
	}
	return s.catalog.RepoTags(ctx, name, q)
}

// RepoTag returns one tag (swr.md 8.3). Errors: those of Repo; NotFound "tag".
func (s *Service) RepoTag(ctx context.Context, name easel.Repo, tag easel.Tag) (catalog.RepoTag, error) {
	found, _, err := s.RepoTags(ctx, name, catalog.TagQuery{Name: tag, Order: catalog.TagsByName, Limit: 1})
	if err != nil {
		return catalog.RepoTag{}, err
	}
	if len(found) == 0 {
		return catalog.RepoTag{}, easel.E(easel.NotFound, "tag", "the repository %s has no tag %s", name, tag)
	}
	return found[0], nil
}

// FindRepo reports, in the order of swr.md 2.10, why the caller cannot do a
// deletion in the repository: a missing or foreign organisation, a missing
// repository, a missing right. DeleteRepo and DeleteTag decide for themselves;
// this only finds the more telling error first.
func (s *Service) FindRepo(ctx context.Context, name easel.Repo) error {
	_, err := s.repo(ctx, policy.DeleteTag, name)
	return err
}

// Retag points a tag at what another names (swr.md 8.3); move allows that it
// names something already. Errors: those of Repo; NotFound and Exists "tag";
// InUse "protection".
func (s *Service) Retag(ctx context.Context, name easel.Repo, from, to easel.Tag, move bool) error {
	if _, err := s.repo(ctx, policy.CreateTag, name); err != nil {
		return err
	}
	return s.catalog.Retag(ctx, easel.PrincipalFrom(ctx), name, from, to, move)
}
