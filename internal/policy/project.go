package policy

import (
	"strings"

	"easel"
)

// checkProject is for what belongs to a project, in one of its workspaces.
// Whoever the credential binds to the project has every right in it, unless a
// statement allows some of them: then only those (images.md section 6: a user
// without a fine-grained policy has every ModelArts permission). Whatever
// statements allow, a workspace that is closed takes its owner, one whom it
// names, or an administrator.
func checkProject(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	if !inProject(who, g, action) {
		return denied(who, action, noun, resource)
	}
	allowed, _ := verdict(who, action, noun, resource)
	if !who.Admin && !allowed && fineGrained(who) {
		return denied(who, action, noun, resource)
	}
	if !enters(who, g) {
		return easel.E(easel.Denied, noun, "%s may not %s in the workspace %s: it is open to its owner, to users whom it names, and to administrators", who.UserName, action, resource)
	}
	if !owned(who, g, action, allowed) {
		return easel.E(easel.Denied, noun, "%s may not %s %s: that is for %s", who.UserName, action, resource, owners(action))
	}
	return nil
}

// Somewhere is Check of what is done in a workspace of a project before it is
// known in which one: nil when there may be one in which who may do action.
// Errors: Denied.
func Somewhere(who easel.Principal, g easel.Grants, action Action, noun easel.Noun, resource string) error {
	if who.Scopes != nil || !inProject(who, g, action) {
		return denied(who, action, noun, resource)
	}
	if !bounded(who, action, noun, resource) {
		return outOfBounds(who, g, action, noun, resource)
	}
	called, allowed := spellings(action), false
	for i := range who.Statements {
		s := &who.Statements[i]
		if !speaksOf(s, called) {
			continue
		}
		for _, workspace := range workspacesIn(s.Resources, action) {
			if s.Deny && workspace == "*" {
				return deniedBy(who, action, resource, noun, s)
			}
			allowed = allowed || !s.Deny
		}
	}
	if !who.Admin && !allowed && fineGrained(who) {
		return denied(who, action, noun, resource)
	}
	return nil
}

func inProject(who easel.Principal, g easel.Grants, action Action) bool {
	return !who.Anonymous() && who.ProjectID != "" && who.ProjectID == g.Project && strings.HasPrefix(string(action), "modelarts:")
}

// enters is whether who may enter the workspace that g describes.
func enters(who easel.Principal, g easel.Grants) bool {
	return !g.Closed || g.Owner || g.Member || overrules(who)
}

// owned is whether who may change the workspace, where action does.
func owned(who easel.Principal, g easel.Grants, action Action, allowed bool) bool {
	switch action {
	case UpdateWorkspace, DeleteWorkspace:
		return g.Owner || allowed || overrules(who)
	case UpdateWorkspaceQuotas:
		return allowed || overrules(who)
	}
	return true
}

// owners says for whom owned holds.
func owners(action Action) string {
	if action == UpdateWorkspaceQuotas {
		return "administrators, and for whom a policy allows it"
	}
	return "the owner of the workspace, for administrators, and for whom a policy allows it"
}

// overrules is whether who is no stranger in any workspace.
func overrules(who easel.Principal) bool {
	allowed, denied := verdict(who, EnterWorkspaces, "domain", who.DomainID)
	return !denied && (who.Admin || allowed)
}

// fineGrained is whether a statement allows some ModelArts action.
func fineGrained(who easel.Principal) bool {
	for _, s := range who.Statements {
		if !s.Deny && anyOf(s.Actions, func(pattern string) bool {
			service, _, _ := strings.Cut(pattern, ":")
			return glob(service, "modelarts")
		}) {
			return true
		}
	}
	return false
}

// workspacesIn returns the patterns of the workspaces that resources name, for
// an action. All images are those of every workspace.
func workspacesIn(resources []string, action Action) []string {
	found := namesIn(resources, "modelarts", "workspace")
	if len(resources) > 0 && anyOf(resources, func(pattern string) bool { return resourceMatches(pattern, everyOf(action)) }) {
		found = append(found, "*")
	}
	return found
}

// everyOf is what a resource pattern for everything of the action's kind
// matches: "modelarts:*:*:image:*".
func everyOf(action Action) string {
	parts := strings.SplitN(string(action), ":", 3)
	return "modelarts:*:*:" + parts[min(1, len(parts)-1)] + ":"
}
