package registry

import (
	"context"
	"errors"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// UsageQuery says whose bytes to tell, and how deep.
type UsageQuery struct {
	Org   easel.Org  // "": the caller's domain
	Repo  easel.Repo // "" or one repository
	Tag   easel.Tag  // "" or one tag of Repo
	By    catalog.UsageKind
	Depth int // levels of parts below the scope itself
	Limit int // parts of one scope
}

// Usage returns what a scope holds, with its parts, the largest first. By says
// what a domain is divided by: organisations, in which are repositories, in
// which are images; or users, or projects. A caller sees the organisations and
// repositories with a grant to read, what it has pushed itself and the project
// it is logged in to; an administrator all of the domain. The domain as a
// whole is for administrators: others get one of kind "" with its parts.
// Errors: NotFound "organisation", "repository" and "tag".
func (s *Service) Usage(ctx context.Context, q UsageQuery) (catalog.Usage, error) {
	switch {
	case q.Repo != "":
		return s.repoUsage(ctx, q)
	case q.Org != "":
		return s.orgUsage(ctx, q)
	}
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Inspect, "ledger", "the ledger"); err != nil {
		return catalog.Usage{}, err
	}
	var u catalog.Usage
	if policy.SeesEverything(who) {
		var err error
		if u, err = s.usageOf(ctx, catalog.UsageQuery{Kind: catalog.UsageOfDomains, Domain: who.DomainID, Name: who.DomainID}, who.DomainName); err != nil {
			return u, err
		}
	}
	if q.Depth == 0 {
		return u, nil
	}
	parts := catalog.UsageQuery{Kind: q.By, Domain: who.DomainID, Limit: q.Limit}
	if !policy.SeesEverything(who) {
		switch q.By {
		case catalog.UsageOfOrgs:
			parts.Reader = who.UserID
		case catalog.UsageOfUsers:
			parts.Name = who.UserID
		case catalog.UsageOfProjects:
			if parts.Name = who.ProjectID; parts.Name == "" {
				return u, nil
			}
		}
	}
	var err error
	if u.Parts, err = s.catalog.Usage(ctx, parts); err != nil || q.By != catalog.UsageOfOrgs || q.Depth == 1 {
		return u, err
	}
	for i := range u.Parts {
		if err := s.divide(ctx, &u.Parts[i], q, q.Depth-1); err != nil {
			return u, err
		}
	}
	return u, nil
}

// usageOf returns one scope, of which there may be no row yet.
func (s *Service) usageOf(ctx context.Context, q catalog.UsageQuery, name string) (catalog.Usage, error) {
	q.Limit = 1
	found, err := s.catalog.Usage(ctx, q)
	if err != nil || len(found) > 0 {
		return append(found, catalog.Usage{})[0], err
	}
	u := catalog.Usage{Kind: string(q.Kind), Name: name}
	if q.Kind == catalog.UsageOfDomains {
		u.ID = q.Name
	}
	return u, nil
}

func (s *Service) orgUsage(ctx context.Context, q UsageQuery) (catalog.Usage, error) {
	who := easel.PrincipalFrom(ctx)
	o, err := s.catalog.Org(ctx, who, q.Org)
	if err == nil || who.Anonymous() && errors.Is(err, easel.NotFound) {
		err = policy.Check(who, o.Grants, policy.ShowUsage, "organisation", string(q.Org))
	}
	if errors.Is(err, easel.NotFound) { // missing and hidden must not differ in words
		err = easel.E(easel.NotFound, "organisation", "the organisation %s does not exist", q.Org)
	}
	if err != nil {
		return catalog.Usage{}, err
	}
	u, err := s.usageOf(ctx, catalog.UsageQuery{Kind: catalog.UsageOfOrgs, Name: string(q.Org), Domain: o.Grants.Domain}, string(q.Org))
	if err != nil {
		return u, err
	}
	return u, s.divide(ctx, &u, q, q.Depth)
}

func (s *Service) repoUsage(ctx context.Context, q UsageQuery) (catalog.Usage, error) {
	who := easel.PrincipalFrom(ctx)
	g, err := s.catalog.RepoGrants(ctx, who, q.Repo)
	if err == nil {
		err = policy.Check(who, g, policy.ShowUsage, "repository", string(q.Repo))
	}
	if err == nil {
		err = s.catalog.HasRepo(ctx, q.Repo) // the grants may be those on its organisation
	}
	if errors.Is(err, easel.NotFound) {
		err = easel.E(easel.NotFound, "repository", "the repository %s does not exist", q.Repo)
	}
	if err != nil {
		return catalog.Usage{}, err
	}
	if q.Tag != "" {
		found, err := s.catalog.ImageUsage(ctx, q.Repo, q.Tag, 1)
		return append(found, catalog.Usage{})[0], err
	}
	u, err := s.usageOf(ctx, catalog.UsageQuery{Kind: catalog.UsageOfRepos, Name: string(q.Repo)}, string(q.Repo))
	if err != nil {
		return u, err
	}
	return u, s.divide(ctx, &u, q, q.Depth)
}

// shown leaves out repositories that a statement hides from the caller.
func (s *Service) shown(ctx context.Context, parts []catalog.Usage) ([]catalog.Usage, error) {
	who := easel.PrincipalFrom(ctx)
	if len(policy.SeesRepos(who).Hidden) == 0 {
		return parts, nil
	}
	kept := parts[:0]
	for _, p := range parts {
		g, err := s.catalog.RepoGrants(ctx, who, easel.Repo(p.Name))
		if err != nil {
			return nil, err
		}
		if policy.Check(who, g, policy.ShowRepo, "repository", p.Name) == nil {
			kept = append(kept, p)
		}
	}
	return kept, nil
}

// divide fills in the parts of an organisation or a repository.
func (s *Service) divide(ctx context.Context, u *catalog.Usage, q UsageQuery, depth int) (err error) {
	switch {
	case depth <= 0:
	case u.Kind == string(catalog.UsageOfRepos):
		u.Parts, err = s.catalog.ImageUsage(ctx, easel.Repo(u.Name), "", q.Limit)
	case u.Kind == string(catalog.UsageOfOrgs):
		if u.Parts, err = s.catalog.Usage(ctx, catalog.UsageQuery{Kind: catalog.UsageOfRepos, Org: easel.Org(u.Name), Limit: q.Limit}); err != nil {
			return err
		}
		if u.Parts, err = s.shown(ctx, u.Parts); err != nil {
			return err
		}
		for i := range u.Parts {
			if err := s.divide(ctx, &u.Parts[i], q, depth-1); err != nil {
				return err
			}
		}
	}
	return err
}
