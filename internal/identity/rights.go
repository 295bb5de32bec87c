package identity

import (
	"context"
	"fmt"
	"slices"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// principal is an account in a project, or in none, with the statements of
// the roles that it has there.
func (s *Service) principal(ctx context.Context, a catalog.Account, p catalog.Project) (easel.Principal, error) {
	who := bare(a, p)
	if !a.Grouped {
		return who, nil
	}
	roles, err := s.catalog.HeldRoles(ctx, a.ID)
	if err == nil {
		who.Statements, err = statements(roles, p.ID)
	}
	return who, err
}

// bare is principal without roles.
func bare(a catalog.Account, p catalog.Project) easel.Principal {
	return easel.Principal{
		UserID: a.ID, UserName: a.Name, DomainID: a.Domain.ID, DomainName: a.Domain.Name,
		ProjectID: p.ID, ProjectName: p.Name, Admin: a.Admin, Operator: a.Domain.Operator,
	}
}

// statements returns what roles say in a project, "" for none. A policy that
// cannot be read is an error: it may be one that denies. What roles deny in
// projects is denied to a credential of no project, too: else it would be
// enough to ask for one.
func statements(roles []catalog.HeldRole, project string) ([]easel.Statement, error) {
	var all []easel.Statement
	for _, r := range roles {
		held := holds(r, project)
		if !held && project != "" {
			continue
		}
		name, found := r.Name, []easel.Statement(nil)
		if system, ok := policy.SystemRole(r.Role); ok {
			name, found = system.DisplayName, system.Statements
		} else {
			var err error
			if found, err = policy.Parse([]byte(r.Document)); err != nil {
				return nil, fmt.Errorf("the stored policy %s cannot be read: %w", r.Role, err)
			}
		}
		for _, s := range found {
			if !held && !s.Deny {
				continue
			}
			s.Role, s.Group, s.InProject = name, r.Group, r.Project != ""
			all = append(all, s)
		}
	}
	return all, nil
}

// holds is whether a role counts for a credential that is bound to project.
func holds(r catalog.HeldRole, project string) bool {
	return r.Project == "" || project != "" && (r.Project == catalog.AllProjects || r.Project == project)
}

// able is whether an account can still give and take rights.
func able(a catalog.Account, roles []catalog.HeldRole) bool {
	who := bare(a, catalog.Project{})
	var err error
	who.Statements, err = statements(roles, "")
	return err == nil && policy.Administers(who)
}

// RoleName is a role as tokens mention it.
type RoleName struct{ ID, Name string }

// roleNames returns the roles that count for an account in a project, each once.
func (s *Service) roleNames(ctx context.Context, account, project string) ([]RoleName, error) {
	roles, err := s.catalog.HeldRoles(ctx, account)
	if err != nil {
		return nil, err
	}
	var named []RoleName
	for _, r := range roles {
		name := r.Name
		if system, ok := policy.SystemRole(r.Role); ok {
			name = system.Name
		}
		if n := (RoleName{r.Role, name}); holds(r, project) && !slices.Contains(named, n) {
			named = append(named, n)
		}
	}
	return named, nil
}
