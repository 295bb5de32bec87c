package policy

import "easel"

// within is what a machine's credential must be allowed for an action. What
// is not here no machine may do, whatever its user may: administer, create
// organisations, grant, share, make credentials.
var within = map[Action]string{
	Pull: easel.BoundPull, Push: easel.BoundPush, Delete: easel.BoundDelete,
	DeleteRepo: easel.BoundDelete, DeleteTag: easel.BoundDelete,
	ShowOrg: easel.BoundRead, ListOrgs: easel.BoundRead, ShowRepo: easel.BoundRead, ListTags: easel.BoundRead,
	ListImages: easel.BoundRead, ShowImage: easel.BoundRead, ListGroups: easel.BoundRead, Inspect: easel.BoundRead,
	ListWorkspaces: easel.BoundRead, ShowWorkspace: easel.BoundRead, ShowWorkspaceQuotas: easel.BoundRead,
	RegisterImg: easel.BoundPush, SyncImage: easel.BoundPush, DeleteImage: easel.BoundDelete, DeleteGroup: easel.BoundDelete,
}

// bounded reports whether the bound of the caller's credential lets it do
// action. What is no repository and no organisation, such as the images of a
// project or a list of everything, takes a bound that covers all repositories:
// it would tell of the others.
func bounded(who easel.Principal, action Action, noun easel.Noun, resource string) bool {
	if who.Bound == nil {
		return true
	}
	allowed, known := within[action]
	if !known || !who.Bound.Allows(allowed) {
		return false
	}
	switch {
	case who.Bound.Everything():
		return true
	case action == ListOrgs:
		return false
	case noun == "repository":
		return who.Bound.Covers(resource)
	case noun == "organisation":
		return who.Bound.Touches(resource)
	}
	return false
}

// outOfBounds is the refusal. Of what the credential has nothing to do with,
// of what its user does not see, and of another domain's people it is the one
// for what does not exist.
func outOfBounds(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	named := (noun == "repository" || noun == "organisation") && action != ListOrgs && action != CreateOrg
	switch {
	case !named:
		if g.Domain != "" && g.Domain != who.DomainID {
			return easel.E(easel.NotFound, noun, "%s not found", resource)
		}
	case noun == "repository" && !who.Bound.Covers(resource), noun == "organisation" && !who.Bound.Touches(resource),
		g.Domain != "" && !sees(who, g, noun, resource):
		return easel.E(easel.NotFound, noun, "%s %s not found", noun, resource)
	}
	return easel.E(easel.Denied, noun, "the access key %s of %s may not %s %s", who.AccessKey, who.UserName, action, resource)
}
