package identity

import (
	"context"
	"errors"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// NewDomain says what a new domain is. Password "" is made, and returned once.
type NewDomain struct {
	Name, Description   string
	AdminName, Password string
}

// Domains returns all domains, by name, for those who look after the
// installation. Errors: Denied "domain".
func (s *Service) Domains(ctx context.Context, who easel.Principal) ([]catalog.Domain, error) {
	if err := policy.Check(who, easel.Grants{}, policy.Operate, "domain", "the domains"); err != nil {
		return nil, err
	}
	return s.catalog.Domains(ctx)
}

// CreateDomain makes a domain with its region's project, an administrator and
// an access key. Who makes it has no right in it afterwards. Errors: Denied
// "domain", Invalid "field" and "missing field", Exists "domain".
func (s *Service) CreateDomain(ctx context.Context, who easel.Principal, n NewDomain) (FirstLogin, error) {
	if err := policy.Check(who, easel.Grants{}, policy.Operate, "domain", "domain "+n.Name); err != nil {
		return FirstLogin{}, err
	}
	if n.AdminName == "" {
		n.AdminName = "admin"
	}
	if err := errors.Join(checkName("domain", n.Name), checkUserName(n.AdminName), checkDescription(n.Description)); err != nil {
		return FirstLogin{}, err
	}
	b := Bootstrap{DomainName: n.Name, AdminName: n.AdminName, AdminPassword: n.Password, ProjectName: s.o.Region}
	b.setDefaults()
	hash, err := s.newHash(ctx, n.AdminName, b.AdminPassword)
	if err != nil {
		return FirstLogin{}, err
	}
	secret, err := s.seal(b.AccessKey, b.SecretKey)
	if err != nil {
		return FirstLogin{}, err
	}
	d := catalog.Domain{ID: easel.NewID(), Name: n.Name, Description: n.Description, Enabled: true}
	p := catalog.Project{ID: b.ProjectID, Domain: d.ID, Name: b.ProjectName, Parent: d.ID, Enabled: true}
	a := catalog.Account{ID: easel.NewID(), Name: n.AdminName, Password: hash, Admin: true, Enabled: true, Domain: d}
	k := catalog.AccessKey{Access: b.AccessKey, Account: a.ID, Secret: secret, Description: "made with the domain", Active: true}
	if err := s.catalog.CreateDomain(ctx, who, d, p, a, k); err != nil {
		return FirstLogin{}, err
	}
	first := FirstLogin{
		DomainID: d.ID, DomainName: d.Name, ProjectID: p.ID, ProjectName: p.Name, UserID: a.ID, UserName: a.Name,
		AccessKey: b.AccessKey, SecretKey: b.SecretKey,
	}
	if n.Password == "" {
		first.Password = b.AdminPassword
	}
	return first, nil
}
