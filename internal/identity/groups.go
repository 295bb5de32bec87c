package identity

import (
	"context"
	"errors"
	"slices"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Groups returns the groups of the caller's domain by name; name "" means all.
// Errors: Denied "group".
func (s *Service) Groups(ctx context.Context, who easel.Principal, name string) ([]catalog.UserGroup, error) {
	if err := mayGroup(who, policy.ListUserGroups, "groups"); err != nil {
		return nil, err
	}
	return s.catalog.UserGroups(ctx, who.DomainID, name)
}

// Group returns a group of the caller's domain. Errors: Denied "group",
// NotFound "group".
func (s *Service) Group(ctx context.Context, who easel.Principal, id string) (catalog.UserGroup, error) {
	if err := mayGroup(who, policy.ShowUserGroup, "group "+id); err != nil {
		return catalog.UserGroup{}, err
	}
	return s.catalog.UserGroup(ctx, who.DomainID, id)
}

// CreateGroup makes a group of the caller's domain. Errors: Denied "group",
// Invalid "field" and "missing field", Exists "group".
func (s *Service) CreateGroup(ctx context.Context, who easel.Principal, name, description string) (catalog.UserGroup, error) {
	if err := mayGroup(who, policy.CreateUserGroup, "group "+name); err != nil {
		return catalog.UserGroup{}, err
	}
	if err := errors.Join(checkName("group", name), checkDescription(description)); err != nil {
		return catalog.UserGroup{}, err
	}
	return s.catalog.AddUserGroup(ctx, who, catalog.UserGroup{ID: easel.NewID(), Domain: who.DomainID, Name: name, Description: description})
}

// UpdateGroup changes a group. Errors: those of CreateGroup, NotFound "group".
func (s *Service) UpdateGroup(ctx context.Context, who easel.Principal, id string, c catalog.UserGroupChange) (catalog.UserGroup, error) {
	if err := mayGroup(who, policy.UpdateUserGroup, "group "+id); err != nil {
		return catalog.UserGroup{}, err
	}
	if c.Name != nil {
		if err := checkName("group", *c.Name); err != nil {
			return catalog.UserGroup{}, err
		}
	}
	if c.Description != nil {
		if err := checkDescription(*c.Description); err != nil {
			return catalog.UserGroup{}, err
		}
	}
	return s.catalog.UpdateUserGroup(ctx, who, who.DomainID, id, c)
}

// DeleteGroup removes a group; its members lose what was granted to it with
// their next request. Errors: Denied "group", NotFound "group", InUse "administrator".
func (s *Service) DeleteGroup(ctx context.Context, who easel.Principal, id string) error {
	if err := mayGroup(who, policy.DeleteUserGroup, "group "+id); err != nil {
		return err
	}
	return s.catalog.DeleteUserGroup(ctx, who, who.DomainID, id, able)
}

// Members returns the users in a group. Errors: those of Group.
func (s *Service) Members(ctx context.Context, who easel.Principal, group string) ([]catalog.Account, error) {
	if err := mayGroup(who, policy.ShowUserGroup, "group "+group); err != nil {
		return nil, err
	}
	return s.catalog.Members(ctx, who.DomainID, group)
}

// GroupsOf returns the groups that a user is in: one's own, or, for who may
// look at users, another's. Errors: NotFound "user", Denied "user".
func (s *Service) GroupsOf(ctx context.Context, who easel.Principal, user string) ([]catalog.UserGroup, error) {
	a, err := s.account(ctx, who, user, policy.ShowUser)
	if err != nil {
		return nil, err
	}
	return s.catalog.UserGroupsOf(ctx, a.ID)
}

// IsMember is nil when a user is in a group. Errors: those of Group; NotFound "user".
func (s *Service) IsMember(ctx context.Context, who easel.Principal, group, user string) error {
	found, err := s.Members(ctx, who, group)
	if err == nil && !slices.ContainsFunc(found, func(a catalog.Account) bool { return a.ID == user }) {
		err = easel.E(easel.NotFound, "user", "the user %.100s is not in the group", user)
	}
	return err
}

// SetMember puts a user into a group, or takes it out: it has the group's
// rights, or has them no longer, from its next request on. Errors: Denied
// "group"; NotFound "group" and "user"; InUse "administrator".
func (s *Service) SetMember(ctx context.Context, who easel.Principal, group, user string, in bool) error {
	action := policy.AddMember
	if !in {
		action = policy.RemoveMember
	}
	if err := mayGroup(who, action, "group "+group); err != nil {
		return err
	}
	return s.catalog.SetMember(ctx, who, who.DomainID, group, user, in, able)
}

// mayGroup asks about groups of the caller's own domain: those of others are
// never found there.
func mayGroup(who easel.Principal, action policy.Action, resource string) error {
	return policy.Check(who, easel.Grants{Domain: who.DomainID}, action, "group", resource)
}
