package identity

import (
	"context"
	"errors"
	"strings"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Question asks whether a user may do something. User is a name or an id of
// the asking user's domain; Resource is an organisation, a repository, a
// workspace of the project, or the name that policies give them, "" for the default
// workspace and for what concerns the domain; Project is an id, "" for the region's own.
type Question struct{ User, Action, Resource, Project string }

// Explanation is the answer, and by which grant or statement.
type Explanation struct {
	User, Action, Resource string
	Allowed                bool
	Reason                 string
}

// Explain tells whether a user may do something, and why. One's own rights
// everybody may ask about. Errors: Denied and NotFound "user"; Invalid
// "action" and "resource"; NotFound "project".
func (s *Service) Explain(ctx context.Context, who easel.Principal, q Question) (Explanation, error) {
	action, known := policy.Find(q.Action)
	if !known {
		return Explanation{}, easel.E(easel.Invalid, "field", "there is no action %.100q; actions look like swr:repo:download, modelarts:image:delete, iam:users:createUser", q.Action)
	}
	a, err := s.subject(ctx, who, q.User)
	if err != nil {
		return Explanation{}, err
	}
	p, err := s.usableProject(ctx, a, q.Project)
	if errors.Is(err, easel.NotFound) && q.Project == "" {
		p, err = catalog.Project{}, nil
	}
	if err != nil {
		return Explanation{}, err
	}
	them, err := s.principal(ctx, a, p)
	if err != nil {
		return Explanation{}, err
	}
	noun, name, g, err := s.grantsOn(ctx, them, action, q.Resource)
	if err != nil {
		return Explanation{}, err
	}
	out := Explanation{User: a.Name, Action: q.Action, Resource: name}
	if !a.Usable() {
		out.Reason = "the user is disabled"
		return out, nil
	}
	out.Allowed, out.Reason = policy.Explain(them, g, action, noun, name)
	return out, nil
}

// subject returns the user of the caller's domain that is called name.
func (s *Service) subject(ctx context.Context, who easel.Principal, name string) (catalog.Account, error) {
	if who.Scopes == nil && !who.Anonymous() && (name == "" || name == who.UserName || name == who.UserID) {
		return s.catalog.Account(ctx, who.UserID)
	}
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListGranted, "user", "user "+name); err != nil {
		return catalog.Account{}, err
	}
	a, err := s.catalog.AccountNamed(ctx, who.DomainID, "", name)
	if errors.Is(err, easel.NotFound) {
		if a, err = s.catalog.Account(ctx, name); err == nil && a.Domain.ID != who.DomainID {
			err = easel.E(easel.NotFound, "user", "there is no user %.100s", name)
		}
	}
	return a, absent(err, "user", "there is no user %.100s", name)
}

// grantsOn returns what an action is done to, and what them was granted on it.
func (s *Service) grantsOn(ctx context.Context, them easel.Principal, action policy.Action, resource string) (easel.Noun, string, easel.Grants, error) {
	name := resource
	if parts := strings.SplitN(resource, ":", 5); len(parts) == 5 {
		name = parts[4]
	}
	bad := func(what string) error {
		return easel.E(easel.Invalid, "field", "%s is done to %s; %.100q is none", action, what, resource)
	}
	switch noun := policy.About(action); noun {
	case "repository":
		repo, err := easel.ParseRepo(name)
		if err != nil {
			return "", "", easel.Grants{}, bad("a repository, ORGANISATION/NAME")
		}
		g, err := s.catalog.RepoGrants(ctx, them, repo)
		return noun, name, g, err
	case "organisation":
		org, err := easel.ParseOrg(name)
		if err != nil {
			return "", "", easel.Grants{}, bad("an organisation")
		}
		o, err := s.catalog.Org(ctx, them, org)
		if errors.Is(err, easel.NotFound) {
			return noun, name, easel.Grants{}, nil
		}
		return noun, name, o.Grants, err
	case "project":
		w, err := s.workspaceOn(ctx, them, action, name)
		if errors.Is(err, easel.NotFound) {
			err = bad("a workspace of the project, by name or id")
		}
		return "workspace", w.ID, w.Grants(them), err
	}
	if action == policy.CreateOrg {
		return "organisation", name, easel.Grants{Domain: them.DomainID}, nil
	}
	return "domain", name, easel.Grants{Domain: them.DomainID}, nil
}

// workspaceOn returns the workspace of them's project that is called name, or
// has it as its id; "" is the default one, and for what is done in no workspace
// one without an id. Errors: NotFound "workspace".
func (s *Service) workspaceOn(ctx context.Context, them easel.Principal, action policy.Action, name string) (easel.Workspace, error) {
	w := easel.DefaultWorkspaceOf(them.ProjectID)
	switch {
	case name == "" && (action == policy.CreateWorkspace || action == policy.ListWorkspaces):
		w.ID = ""
		return w, nil
	case name == "", name == easel.DefaultWorkspace, name == them.ProjectID:
		return w, nil
	}
	all, err := s.catalog.Workspaces(ctx, them.ProjectID)
	for _, w := range all {
		if w.ID == name || w.Name == name {
			return w, nil
		}
	}
	if err == nil {
		err = easel.E(easel.NotFound, "workspace", "there is no workspace %.64q", name)
	}
	return easel.Workspace{}, err
}
