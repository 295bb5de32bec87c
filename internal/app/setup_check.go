package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"easel/internal/client"
	"easel/internal/setup"
)

// setupCheck refuses what the server would refuse in the middle.
type setupCheck struct {
	*setup.Source
	directory
	want, have setup.State
	errs       []error
}

func (c *setupCheck) fail(k setup.Key, format string, args ...any) {
	c.errs = append(c.errs, c.Error(k, format, args...))
}

// names refuses names of nobody.
func (c *setupCheck) names() {
	missing := func(k setup.Key, kind setup.Kind, known map[string]string, what, name string) {
		_, made := c.want[setup.Key{Kind: kind, Of: name}]
		if known[name] == "" && !made {
			c.fail(k, "there is no %s %s", what, name)
		}
	}
	for _, k := range c.want.Keys() {
		switch k.Kind {
		case setup.Member, setup.OrgUser, setup.RepoUser:
			missing(k, setup.User, c.directory.users, "user", k.Name)
		case setup.Images:
			missing(k, 0, c.directory.projects, "project", k.Of)
		case setup.Role:
			missing(k, setup.Policy, c.directory.roles, "role or policy", k.Name)
			if k.At != setup.InAccount && k.At != setup.InAllProjects {
				missing(k, 0, c.directory.projects, "project", k.At)
			}
		case setup.Policy:
			if _, own := c.have[k]; !own && c.directory.roles[k.Of] != "" {
				c.fail(k, "%q is a role that comes with Easel: choose another name", k.Of)
			}
		}
	}
}

// ownLevels takes the caller's own levels out of want, and refuses other ones:
// nobody changes them (swr.md 5).
func (c *setupCheck) ownLevels() {
	for _, k := range c.want.Keys() {
		if k.Kind != setup.OrgUser && k.Kind != setup.RepoUser || k.Name != c.directory.self {
			continue
		}
		mine, known := c.directory.level[k.Of]
		if !known {
			mine = "manage" // who makes it has that
		}
		if c.want[k] != mine {
			c.fail(k, "yours is %s here, and nobody changes the own level: somebody else must apply this", mine)
		}
		delete(c.want, k)
	}
}

// shares refuses deadlines that have passed, and shares of what is public.
func (c *setupCheck) shares(changes []setup.Change, now time.Time) {
	for _, change := range changes {
		k := change.Key
		if k.Kind != setup.Share || change.Op == setup.Remove {
			continue
		}
		if at, err := setup.ParseDeadline(change.New); err == nil && !at.IsZero() && !at.After(now) {
			c.fail(k, "%s has passed: take the line out", change.New)
		}
		visible, said := c.want[setup.Key{Kind: setup.Visibility, Of: k.Of}]
		if !said {
			visible = c.have[setup.Key{Kind: setup.Visibility, Of: k.Of}]
		}
		if visible == visibility(true) {
			c.fail(k, "the repository is public: everybody may pull from it")
		}
		for other := range c.have {
			if other.Kind == setup.Share && other.Of == k.Of && other.Name != k.Name && strings.EqualFold(other.Name, k.Name) {
				c.fail(k, "the domain is spelled %s", other.Name)
			}
		}
	}
}

// taken refuses names of organisations that another domain has.
func (c *setupCheck) taken(ctx context.Context, s *session, changes []setup.Change) error {
	for _, change := range changes {
		if change.Key.Kind != setup.Org {
			continue
		}
		_, err := get[org](ctx, s, orgsPath+"/"+change.Key.Of, nil)
		switch {
		case err == nil || client.IsStatus(err, http.StatusForbidden):
			c.fail(change.Key, "the organisation %s is there, and you may not manage it; names are unique in the installation", change.Key.Of)
		case !client.IsStatus(err, http.StatusNotFound):
			return err
		}
	}
	return nil
}
