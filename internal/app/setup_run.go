package app

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"time"

	"easel"
	"easel/internal/client"
	"easel/internal/setup"
)

// setupRunner makes changes, one after the other.
type setupRunner struct {
	*session
	directory
	state setup.State // as it is after what was made so far
}

// run makes one change: one call, or two where a thing must go before another
// can come. Each sets one thing to what it says, whatever it was before.
func (r *setupRunner) run(ctx context.Context, c setup.Change) error {
	switch k := c.Key; k.Kind {
	case setup.Policy:
		return r.runPolicy(ctx, c)
	case setup.User:
		return r.create(ctx, "/v3/users", "user", k.Of, r.directory.users)
	case setup.Group:
		return r.create(ctx, "/v3/groups", "group", k.Of, r.directory.groups)
	case setup.Member:
		return r.call(ctx, putOrDelete(c), group{ID: r.directory.groups[k.Of]}.path()+"/users/"+url.PathEscape(r.directory.users[k.Name]), nil)
	case setup.Role:
		return r.runRole(ctx, c)
	case setup.Images:
		return r.runBound(ctx, c, "projects/"+url.PathEscape(r.directory.projects[k.Of]), "images")
	case setup.Org:
		return r.call(ctx, http.MethodPost, orgsPath, map[string]string{"namespace": k.Of})
	case setup.Repos:
		return r.runBound(ctx, c, "organisations/"+k.Of, "repositories")
	case setup.Space:
		return r.runBound(ctx, c, "organisations/"+k.Of, "bytes")
	case setup.OrgUser:
		return r.runGrant(ctx, c, orgsPath+"/"+k.Of+"/access")
	case setup.Undo:
		return r.runUndo(ctx, c)
	case setup.OrgImmutable:
		return r.runPatterns(ctx, c, "organisations/"+k.Of)
	}
	return r.runRepo(ctx, c, easel.Repo(c.Key.Of))
}

// runRepo makes a change of a repository.
func (r *setupRunner) runRepo(ctx context.Context, c setup.Change, repo easel.Repo) error {
	switch c.Key.Kind {
	case setup.Repo:
		return r.call(ctx, http.MethodPost, orgsPath+"/"+string(repo.Org())+"/repos", map[string]any{"repository": repo.Name(), "is_public": false})
	case setup.Visibility:
		return r.call(ctx, http.MethodPatch, repoPath(repo), map[string]any{"is_public": c.New == visibility(true)})
	case setup.Description:
		public := r.state[setup.Key{Kind: setup.Visibility, Of: c.Key.Of}] == visibility(true)
		return r.call(ctx, http.MethodPatch, repoPath(repo), map[string]any{"is_public": public, "description": c.New})
	case setup.RepoUser:
		return r.runGrant(ctx, c, repoPath(repo)+"/access")
	case setup.RepoImmutable:
		return r.runPatterns(ctx, c, immutablePath(repo))
	case setup.Retention:
		return r.runRetention(ctx, c, repo)
	}
	return r.runShare(ctx, c, repo)
}

func (r *setupRunner) call(ctx context.Context, method, path string, in any) error {
	_, err := r.Do(ctx, client.Call{Method: method, Path: path, In: in})
	return err
}

// create makes something that IAM gives an id, and remembers it.
func (r *setupRunner) create(ctx context.Context, path, what, name string, ids map[string]string) error {
	var out map[string]onlyID
	_, err := r.Do(ctx, client.Call{Method: http.MethodPost, Path: path, In: map[string]any{what: map[string]string{"name": name}}, Out: &out})
	ids[name] = out[what].ID
	return err
}

const policiesPath = "/v3.0/OS-ROLE/roles"

func (r *setupRunner) runPolicy(ctx context.Context, c setup.Change) error {
	in := map[string]any{"display_name": c.Key.Of, "policy": json.RawMessage(c.New)}
	call := client.Call{Method: http.MethodPatch, Path: policiesPath + "/" + url.PathEscape(r.directory.roles[c.Key.Of]), In: map[string]any{"role": in}}
	if c.Op == setup.Add {
		in["type"], in["description"] = "AX", ""
		call.Method, call.Path = http.MethodPost, policiesPath
	}
	var out struct {
		Role onlyID `json:"role"`
	}
	call.Out = &out
	_, err := r.Do(ctx, call)
	if out.Role.ID != "" {
		r.directory.roles[c.Key.Of] = out.Role.ID
	}
	return err
}

func (r *setupRunner) runRole(ctx context.Context, c setup.Change) error {
	where := place{AllProjects: c.Key.At == setup.InAllProjects}
	if !where.AllProjects {
		where.Project = c.Key.At
	}
	path, err := where.path(ctx, r.session, group{ID: r.directory.groups[c.Key.Of]}, role{ID: r.directory.roles[c.Key.Name]})
	if err != nil {
		return err
	}
	return r.call(ctx, putOrDelete(c), path, nil)
}

// putOrDelete is the method of what is there or not, and has no value.
func putOrDelete(c setup.Change) string {
	if c.Op == setup.Remove {
		return http.MethodDelete
	}
	return http.MethodPut
}

// runBound sets a bound, or lets the configuration's hold again.
func (r *setupRunner) runBound(ctx context.Context, c setup.Change, path, name string) error {
	n := int64(-1)
	if c.Op != setup.Remove {
		var err error
		if n, err = setup.ParseBound(c.New); err != nil {
			return err
		}
	}
	return r.call(ctx, http.MethodPatch, quotasPath+"/"+path, map[string]int64{name: n})
}

// runGrant gives or takes a level. Somebody else may have done so already.
func (r *setupRunner) runGrant(ctx context.Context, c setup.Change, path string) error {
	id := r.directory.users[c.Key.Name]
	if c.Op == setup.Remove {
		err := r.call(ctx, http.MethodDelete, path, []string{id})
		if client.IsStatus(err, http.StatusNotFound) {
			return nil
		}
		return err
	}
	in := []userAuth{{id, c.Key.Name, setup.Levels[c.New]}}
	method, other, refusal := http.MethodPost, http.MethodPatch, http.StatusConflict
	if c.Op == setup.Set {
		method, other, refusal = http.MethodPatch, http.MethodPost, http.StatusNotFound
	}
	err := r.call(ctx, method, path, in)
	if client.IsStatus(err, refusal) {
		err = r.call(ctx, other, path, in)
	}
	return err
}

func (r *setupRunner) runUndo(ctx context.Context, c setup.Change) error {
	var in undoWindow
	if c.Op != setup.Remove {
		window, budget, err := setup.ParseUndo(c.New)
		if err != nil {
			return err
		}
		in.Window, in.Budget = int64(time.Duration(window)/time.Second), int64(budget)
	}
	return r.call(ctx, http.MethodPut, "/easel/v1/organisations/"+c.Key.Of+"/undo", map[string]int64{"window_seconds": in.Window, "budget_bytes": in.Budget})
}

func (r *setupRunner) runPatterns(ctx context.Context, c setup.Change, path string) error {
	return r.call(ctx, http.MethodPut, "/easel/v1/"+path+"/immutable-tags", map[string][]string{"patterns": setup.Patterns(c.New)})
}

func (r *setupRunner) runRetention(ctx context.Context, c setup.Change, repo easel.Repo) error {
	if c.Op == setup.Remove {
		p, err := r.session.retentionOf(ctx, repo)
		if err != nil {
			return err
		}
		return r.session.endRetention(ctx, p)
	}
	var rule easel.RetentionRule
	if err := json.Unmarshal([]byte(c.New), &rule); err != nil {
		return err
	}
	return r.session.setRetention(ctx, repo, rule)
}

func (r *setupRunner) runShare(ctx context.Context, c setup.Change, repo easel.Repo) error {
	if c.Op == setup.Remove {
		return r.call(ctx, http.MethodDelete, sharePath(repo, c.Key.Name), nil)
	}
	at, err := setup.ParseDeadline(c.New)
	if err != nil {
		return err
	}
	in := map[string]string{"permit": "read", "deadline": deadlineOnWire(at)}
	if c.Op == setup.Set {
		return r.call(ctx, http.MethodPatch, sharePath(repo, c.Key.Name), in)
	}
	in["access_domain"] = c.Key.Name
	return r.call(ctx, http.MethodPost, repoPath(repo)+"/access-domains", in)
}
