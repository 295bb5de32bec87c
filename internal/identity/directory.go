package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
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
	return s.account(ctx, who, id, policy.ShowUser)
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
		own := a.ID == who.UserID && who.Scopes == nil
		if own || policy.Check(who, easel.Grants{Domain: a.Domain.ID}, policy.ListUsers, "user", a.ID) == nil {
			seen = append(seen, a)
		}
	}
	return seen, nil
}

// Project returns a project of the caller's domain. Errors: NotFound "project".
func (s *Service) Project(ctx context.Context, who easel.Principal, id string) (catalog.Project, error) {
	if who.Anonymous() {
		return catalog.Project{}, easel.E(easel.Unauthenticated, "credential", "log in to see projects")
	}
	return s.catalog.Project(ctx, who.DomainID, id)
}

// CreateProject makes a project of the caller's domain; parent is its region's
// own project, or the domain, and the former's name begins the new one's
// (iam.md section 1). Errors: Denied "project", Invalid "field" and "missing
// field", Exists "project", NotFound "parent".
func (s *Service) CreateProject(ctx context.Context, who easel.Principal, parent, name, description string) (catalog.Project, error) {
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.CreateProject, "project", "project "+name); err != nil {
		return catalog.Project{}, err
	}
	if err := errors.Join(checkName("project", name), checkDescription(description)); err != nil {
		return catalog.Project{}, err
	}
	region, err := s.catalog.RegionProject(ctx, who.DomainID)
	if err != nil && !errors.Is(err, easel.NotFound) {
		return catalog.Project{}, err
	}
	if parent == "" {
		parent = region.ID
	}
	if parent == "" {
		parent = who.DomainID
	}
	if prefix := region.Name + "_"; parent == region.ID && (!strings.HasPrefix(name, prefix) || name == prefix) {
		return catalog.Project{}, easel.E(easel.Invalid, "field", "the name of a project in %s begins with %q", region.Name, prefix)
	}
	p := catalog.Project{ID: easel.NewID(), Domain: who.DomainID, Name: name, Parent: parent, Description: description, Enabled: true, Created: s.now().Truncate(time.Microsecond)}
	return p, s.catalog.CreateProject(ctx, who, p)
}

// UpdateProject changes a project of the caller's domain. Errors: those of
// CreateProject, NotFound "project".
func (s *Service) UpdateProject(ctx context.Context, who easel.Principal, id string, c catalog.ProjectChange) (catalog.Project, error) {
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.UpdateProject, "project", "project "+id); err != nil {
		return catalog.Project{}, err
	}
	if c.Name != nil {
		if err := checkName("project", *c.Name); err != nil {
			return catalog.Project{}, err
		}
	}
	if c.Description != nil {
		if err := checkDescription(*c.Description); err != nil {
			return catalog.Project{}, err
		}
	}
	return s.catalog.UpdateProject(ctx, who, who.DomainID, id, c)
}
