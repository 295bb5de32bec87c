package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Quotas are bounds with what is used of them.
type Quotas struct {
	Domain   catalog.DomainQuota    `json:"domain"`        // the caller's
	Orgs     []catalog.OrgQuota     `json:"organisations"` // by name
	Projects []catalog.ProjectQuota `json:"projects"`      // by name
}

// Quotas returns the bounds of the caller's domain, its organisations and its
// projects; for who is no administrator only of organisations on which the caller
// was granted something, and of the caller's own project.
func (s *Service) Quotas(ctx context.Context) (q Quotas, err error) {
	who := easel.PrincipalFrom(ctx)
	if err := s.mayCount(who); err != nil {
		return q, err
	}
	if q.Domain, err = s.catalog.DomainQuota(ctx, who.DomainID); err != nil {
		return q, err
	}
	everything := policy.SeesEverything(who)
	if q.Orgs, err = s.catalog.OrgQuotas(ctx, who, !everything); err != nil {
		return q, err
	}
	if q.Projects = []catalog.ProjectQuota{}; !everything && who.ProjectID == "" {
		return q, nil
	}
	project := who.ProjectID
	if everything {
		project = ""
	}
	q.Projects, err = s.catalog.ProjectQuotas(ctx, who.DomainID, project)
	return q, err
}

// SetOrgQuota bounds the repositories and the bytes of an organisation; what
// is there already stays, and can be pulled and deleted. Errors: Denied for who
// is no administrator; Invalid "quota"; NotFound "organisation".
func (s *Service) SetOrgQuota(ctx context.Context, org easel.Org, c catalog.QuotaChange) error {
	who, err := s.mayBound(ctx, string(org), c.Repos, c.Space)
	if err != nil {
		return err
	}
	return s.catalog.SetOrgQuota(ctx, who, org, c)
}

// SetProjectQuota bounds the image records of a project. Errors: those of
// SetOrgQuota; NotFound "project".
func (s *Service) SetProjectQuota(ctx context.Context, project string, c catalog.QuotaChange) error {
	who, err := s.mayBound(ctx, project, c.Images)
	if err != nil {
		return err
	}
	return s.catalog.SetProjectQuota(ctx, who, project, c)
}

// SetDomainQuota bounds the organisations of the domain called name; those who
// look after the installation may. Errors: Denied and NotFound "domain"; Invalid
// "quota".
func (s *Service) SetDomainQuota(ctx context.Context, name string, orgs *int64) (catalog.DomainQuota, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{}, policy.Operate, "domain", "the quota of a domain"); err != nil {
		return catalog.DomainQuota{}, err
	}
	if err := validBounds(orgs); err != nil {
		return catalog.DomainQuota{}, err
	}
	return s.catalog.SetDomainQuota(ctx, who, name, *orgs)
}

func (s *Service) mayBound(ctx context.Context, what string, bounds ...*int64) (easel.Principal, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Administer, "quota", "the quota of "+what); err != nil {
		return who, err
	}
	return who, validBounds(bounds...)
}

func validBounds(bounds ...*int64) error {
	some := false
	for _, b := range bounds {
		if b != nil && *b < catalog.DefaultQuota {
			return easel.E(easel.Invalid, "quota", "a quota is a number, 0 for none, or -1 for the default of the installation; not %d", *b)
		}
		some = some || b != nil
	}
	if !some {
		return easel.E(easel.Invalid, "quota", "name a quota to set")
	}
	return nil
}
