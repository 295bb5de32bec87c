package identity

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Role is a role that comes with the program, or one of a domain's own
// policies: then Domain and the times are set.
type Role struct {
	ID, Name, DisplayName      string
	Kind, Catalog, Description string
	Document                   string // JSON
	Domain                     string
	Created, Updated           time.Time
}

// RoleChange changes a policy; nil leaves a field as it is.
type RoleChange struct {
	Name, Kind, Description *string
	Document                []byte
}

// maxPolicies bounds the own policies of a domain.
const maxPolicies = 200

// Roles returns the roles that come with the program, or, with own, the
// policies of the caller's domain; name "" means all. Errors: Denied "role".
func (s *Service) Roles(ctx context.Context, who easel.Principal, own bool, name string) ([]Role, error) {
	if err := mayRole(who, policy.ListRoles, "roles"); err != nil {
		return nil, err
	}
	found := []Role{}
	if own {
		stored, err := s.catalog.Policies(ctx, who.DomainID)
		if err != nil {
			return nil, err
		}
		for _, p := range stored {
			found = append(found, storedRole(p))
		}
	} else {
		for _, r := range policy.SystemRoles() {
			found = append(found, systemRole(r))
		}
	}
	return slices.DeleteFunc(found, func(r Role) bool { return name != "" && r.DisplayName != name && r.Name != name }), nil
}

// Role returns a role by its id. Errors: Denied "role", NotFound "role".
func (s *Service) Role(ctx context.Context, who easel.Principal, id string) (Role, error) {
	if err := mayRole(who, policy.ListRoles, "role "+id); err != nil {
		return Role{}, err
	}
	if r, ok := policy.SystemRole(id); ok {
		return systemRole(r), nil
	}
	p, err := s.catalog.Policy(ctx, who.DomainID, id)
	return storedRole(p), err
}

func systemRole(r policy.Role) Role {
	return Role{ID: r.ID, Name: r.Name, DisplayName: r.DisplayName, Kind: r.Kind, Catalog: r.Catalog, Description: r.Description, Document: r.Document}
}

func storedRole(p catalog.Policy) Role {
	return Role{
		ID: p.ID, Name: "custom_" + p.ID, DisplayName: p.Name, Kind: p.Kind, Catalog: "CUSTOMED", Description: p.Description,
		Document: p.Document, Domain: p.Domain, Created: p.Created, Updated: p.Updated,
	}
}

// CreateRole makes a policy of the caller's domain; it counts when a group
// gets it. Errors: Denied "role"; Invalid "policy", "field" and "missing field";
// Exists "role"; TooMany "role".
func (s *Service) CreateRole(ctx context.Context, who easel.Principal, name, kind, description string, document []byte) (Role, error) {
	if err := mayRole(who, policy.CreateRole, "policy "+name); err != nil {
		return Role{}, err
	}
	text, err := checkRole(name, kind, description, document)
	if err != nil {
		return Role{}, err
	}
	p, err := s.catalog.AddPolicy(ctx, who, catalog.Policy{
		ID: easel.NewID(), Domain: who.DomainID, Name: name, Kind: kind, Description: description, Document: text,
	}, maxPolicies)
	return storedRole(p), err
}

// UpdateRole changes a policy of the caller's domain; it counts for everybody's
// next request. Errors: those of CreateRole; NotFound "role"; Denied "system
// role"; InUse "administrator".
func (s *Service) UpdateRole(ctx context.Context, who easel.Principal, id string, c RoleChange) (Role, error) {
	if err := changeableRole(who, policy.UpdateRole, id); err != nil {
		return Role{}, err
	}
	if c.Document != nil { // who holds the role gets what the document says
		if err := mayGroup(who, policy.GrantRole, "groups"); err != nil {
			return Role{}, err
		}
	}
	p, err := s.catalog.Policy(ctx, who.DomainID, id)
	if err != nil {
		return Role{}, err
	}
	document := []byte(p.Document)
	if c.Document != nil {
		document = c.Document
	}
	text, err := checkRole(or(c.Name, p.Name), or(c.Kind, p.Kind), or(c.Description, p.Description), document)
	if err != nil {
		return Role{}, err
	}
	change := catalog.PolicyChange{Name: c.Name, Kind: c.Kind, Description: c.Description}
	if c.Document != nil {
		change.Document = &text
	}
	p, err = s.catalog.UpdatePolicy(ctx, who, who.DomainID, id, change, able)
	return storedRole(p), err
}

// DeleteRole removes a policy that no group has. Errors: Denied "role" and
// "system role", NotFound "role", InUse "role".
func (s *Service) DeleteRole(ctx context.Context, who easel.Principal, id string) error {
	if err := changeableRole(who, policy.DeleteRole, id); err != nil {
		return err
	}
	return s.catalog.DeletePolicy(ctx, who, who.DomainID, id)
}

func changeableRole(who easel.Principal, action policy.Action, id string) error {
	if err := mayRole(who, action, "policy "+id); err != nil {
		return err
	}
	if r, ok := policy.SystemRole(id); ok {
		return easel.E(easel.Denied, "system role", "nobody changes %s: it comes with the program", r.DisplayName)
	}
	return nil
}

// checkRole returns the document without white space.
func checkRole(name, kind, description string, document []byte) (string, error) {
	switch {
	case name == "":
		return "", easel.E(easel.Invalid, "missing field", "role.display_name is required")
	case !easel.IsPolicyName(name):
		return "", easel.E(easel.Invalid, "field", "%.80q is no name for a policy: want 1 to 64 characters", name)
	case kind != "AX" && kind != "XA":
		return "", easel.E(easel.Invalid, "field", "role.type must be \"AX\" (in the account) or \"XA\" (in projects)")
	case len(document) == 0:
		return "", easel.E(easel.Invalid, "missing field", "role.policy is required")
	}
	if err := checkDescription(description); err != nil {
		return "", err
	}
	if _, err := policy.Parse(document); err != nil {
		return "", err
	}
	var text bytes.Buffer
	err := json.Compact(&text, document)
	return text.String(), err
}

// Granted is a role that a group has somewhere.
type Granted struct {
	Role             Role
	Group, GroupName string
	Project          string // "" everywhere in the domain, [catalog.AllProjects], or a project's id
}

// Granted returns the roles of a group of the caller's domain, of all groups
// for "". Errors: Denied "group", NotFound "group".
func (s *Service) Granted(ctx context.Context, who easel.Principal, group string) ([]Granted, error) {
	if err := mayGroup(who, policy.ListGranted, "groups"); err != nil {
		return nil, err
	}
	if group != "" {
		if _, err := s.catalog.UserGroup(ctx, who.DomainID, group); err != nil {
			return nil, err
		}
	}
	stored, err := s.catalog.Assignments(ctx, who.DomainID, group)
	if err != nil {
		return nil, err
	}
	own, err := s.catalog.Policies(ctx, who.DomainID)
	if err != nil {
		return nil, err
	}
	found := []Granted{}
	for _, a := range stored {
		g := Granted{Group: a.Group, GroupName: a.GroupName, Project: a.Project}
		if r, ok := policy.SystemRole(a.Role); ok {
			g.Role = systemRole(r)
		} else if i := slices.IndexFunc(own, func(p catalog.Policy) bool { return p.ID == a.Role }); i >= 0 {
			g.Role = storedRole(own[i])
		} else {
			continue // made or deleted between the two questions
		}
		found = append(found, g)
	}
	return found, nil
}

// GrantedIn returns the roles that a group has in exactly one place: the
// domain, one project, or all projects. Errors: those of Granted; NotFound "project".
func (s *Service) GrantedIn(ctx context.Context, who easel.Principal, group, project string) ([]Role, error) {
	found, err := s.Granted(ctx, who, group)
	if err == nil && project != "" && project != catalog.AllProjects {
		_, err = s.catalog.Project(ctx, who.DomainID, project)
	}
	if err != nil {
		return nil, err
	}
	roles := []Role{}
	for _, g := range found {
		if g.Project == project {
			roles = append(roles, g.Role)
		}
	}
	return roles, nil
}

// Grant gives a role to a group, in the domain, in one project or in all of
// them; it counts from its members' next request on. Errors: Denied "group";
// NotFound "group", "role" and "project"; InUse "administrator".
func (s *Service) Grant(ctx context.Context, who easel.Principal, group, role, project string) error {
	return s.assign(ctx, who, policy.GrantRole, catalog.Assignment{Group: group, Role: role, Project: project})
}

// RevokeRole takes a role from a group. Errors: those of Grant; NotFound "assignment".
func (s *Service) RevokeRole(ctx context.Context, who easel.Principal, group, role, project string) error {
	return s.assign(ctx, who, policy.RevokeRole, catalog.Assignment{Group: group, Role: role, Project: project})
}

func (s *Service) assign(ctx context.Context, who easel.Principal, action policy.Action, a catalog.Assignment) error {
	if err := mayGroup(who, action, "group "+a.Group); err != nil {
		return err
	}
	_, system := policy.SystemRole(a.Role)
	return s.catalog.Assign(ctx, who, who.DomainID, a, !system, action == policy.GrantRole, able)
}

func mayRole(who easel.Principal, action policy.Action, resource string) error {
	return policy.Check(who, easel.Grants{Domain: who.DomainID}, action, "role", resource)
}

// or returns what p points to, or else.
func or[T any](p *T, instead T) T {
	if p != nil {
		return *p
	}
	return instead
}
