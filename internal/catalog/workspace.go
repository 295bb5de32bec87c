package catalog

import (
	"context"
	"slices"

	"easel"
)

// MaxWorkspaces is how many workspaces a project may have, the default one not
// counted, and MaxWorkspaceUsers how many users one may name.
const (
	MaxWorkspaces     = 100
	MaxWorkspaceUsers = 100
)

// Workspace returns a workspace of a project. Errors: NotFound "workspace".
func (db *DB) Workspace(ctx context.Context, project, id string) (easel.Workspace, error) {
	type question struct{ projectOf, workspace string }
	return remember(db.memo(), rights, question{project, id}, func() (w easel.Workspace, err error) {
		err = db.view(ctx, func(t *tx) error {
			w, err = t.workspace(project, id)
			return err
		})
		return w, err
	})
}

// Workspaces returns the workspaces of a project by name, the default one
// among them.
func (db *DB) Workspaces(ctx context.Context, project string) (found []easel.Workspace, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = t.workspaces(project, "")
		return err
	})
	return found, err
}

// workspaceRows are all workspaces. The default ones, which have no row of
// their own, are made of their projects.
const workspaceRows = `(
	SELECT id, project, name, description, access, owner, owner_name, max_images, bounded, created, updated FROM workspace
	UNION ALL SELECT '` + easel.DefaultWorkspace + `', p.id, '` + easel.DefaultWorkspaceName + `', '', '` + easel.Public + `', '', d.name, 0, p.created, p.created, p.created
		FROM project p JOIN domain d ON d.id = p.domain) AS w`

func scanWorkspace(s scanner) (w easel.Workspace, err error) {
	var bounded, created, updated int64
	err = s.Scan(&w.ID, &w.Project, &w.Name, &w.Description, &w.Access, &w.OwnerID, &w.OwnerName, &w.MaxImages, &bounded, &created, &updated)
	w.Bounded, w.Created, w.Updated = fromMicros(bounded-bounded%1000), fromMicros(created-created%1000), fromMicros(updated-updated%1000)
	return w, err
}

// workspaces returns the workspaces of a project by name, with id only that one.
func (t *tx) workspaces(project, id string) ([]easel.Workspace, error) {
	if !storable(project, id) {
		return []easel.Workspace{}, nil
	}
	found, err := all(t, scanWorkspace, `
		SELECT w.id, w.project, w.name, w.description, w.access, w.owner, w.owner_name, w.max_images, w.bounded, w.created, w.updated FROM `+workspaceRows+`
		WHERE w.project = $1 AND ($2 = '' OR w.id = $2) ORDER BY w.name, w.id`, project, id)
	if err != nil {
		return nil, err
	}
	at := map[string]int{}
	for n, w := range found {
		at[w.ID], found[n].Users = n, []easel.WorkspaceUser{}
	}
	_, err = all(t, func(s scanner) (ignored struct{}, err error) {
		var of string
		var u easel.WorkspaceUser
		if err = s.Scan(&of, &u.ID, &u.Name); err == nil {
			w := &found[at[of]]
			w.Users = append(w.Users, u)
		}
		return ignored, err
	}, `SELECT w.id, a.id, a.name FROM workspace w JOIN workspace_user u ON u.workspace = w.id JOIN account a ON a.id = u.account
		WHERE w.project = $1 AND ($2 = '' OR w.id = $2) ORDER BY w.id, u.n`, project, id)
	return found, err
}

func (t *tx) workspace(project, id string) (easel.Workspace, error) {
	found, err := t.workspaces(project, id)
	if err != nil {
		return easel.Workspace{}, err
	}
	if id == "" || len(found) == 0 {
		return easel.Workspace{}, noWorkspace(id)
	}
	return found[0], nil
}

func noWorkspace(id string) error {
	return easel.E(easel.NotFound, "workspace", "the workspace %.64s does not exist", id)
}

// inWorkspace refuses a workspace that the project does not have. What is put
// into it names it by a foreign key, so it cannot go before that is committed.
func (t *tx) inWorkspace(project, id string) error {
	if id == easel.DefaultWorkspace {
		return nil
	}
	there, err := t.exists(`SELECT 1 FROM workspace WHERE id = $1 AND project = $2`, id, project)
	if err == nil && !there {
		err = noWorkspace(id)
	}
	return err
}

// CreateWorkspace stores a workspace of who and returns it. Of w.Users each
// has an id or a name. Errors: NotFound "project"; Denied "workspace quota";
// Exists "workspace"; Invalid "workspace user" for one that the account has not.
func (db *DB) CreateWorkspace(ctx context.Context, who easel.Principal, w easel.Workspace) (made easel.Workspace, err error) {
	err = db.update(ctx, func(t *tx) error {
		made, err = t.createWorkspace(who, w)
		return err
	})
	return made, err
}

func (t *tx) createWorkspace(who easel.Principal, w easel.Workspace) (easel.Workspace, error) {
	there, err := t.exists(`SELECT 1 FROM project WHERE id = $1`+t.forNoKeyUpdate(), w.Project)
	if err != nil || !there {
		return w, orNotFound(err, "project", "there is no project %.64s", w.Project)
	}
	var others int
	if _, err := t.get([]any{&others}, `SELECT count(*) FROM workspace WHERE project = $1`, w.Project); err != nil {
		return w, err
	}
	if others >= MaxWorkspaces {
		return w, easel.E(easel.Denied, "workspace quota", "the project has %d workspaces, and more are not possible: delete one", others)
	}
	w.ID = easel.NewID()
	_, err = t.exec(`INSERT INTO workspace (id, project, name, description, access, owner, owner_name, max_images, bounded, created, updated)
		VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8, $8)`,
		w.ID, w.Project, w.Name, w.Description, w.Access, who.UserID, who.UserName, t.now)
	if err != nil {
		return w, workspaceTaken(err, w.Name)
	}
	if err := t.nameUsers(who, w.ID, w.Users); err != nil {
		return w, err
	}
	if w, err = t.workspace(w.Project, w.ID); err != nil {
		return w, err
	}
	return w, t.audit(who, "createWorkspace", w.ID, 0, nil)
}

func workspaceTaken(err error, name string) error {
	if isUnique(err) {
		return easel.E(easel.Exists, "workspace", "the project has a workspace %s already", name).Because(err)
	}
	return err
}

// nameUsers makes users those that a workspace names, in this order and each once.
func (t *tx) nameUsers(who easel.Principal, workspace string, users []easel.WorkspaceUser) error {
	if _, err := t.exec(`DELETE FROM workspace_user WHERE workspace = $1`, workspace); err != nil {
		return err
	}
	for n, u := range users {
		name, column := u.ID, `id`
		if u.ID == "" {
			name, column = u.Name, `name`
		}
		unknown := easel.E(easel.Invalid, "workspace user", "the account has no user %.64q", name)
		if !storable(name) {
			return unknown
		}
		var id string
		found, err := t.get([]any{&id}, `SELECT id FROM account WHERE `+column+` = $1 AND domain = $2`, name, who.DomainID)
		if err != nil {
			return err
		}
		if !found {
			return unknown
		}
		if _, err := t.exec(`INSERT INTO workspace_user (workspace, account, n) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`, workspace, id, n); err != nil {
			return err
		}
	}
	return nil
}

// WorkspaceChange changes a workspace; nil leaves a field as it is.
type WorkspaceChange struct {
	Name, Description, Access *string
	Users                     *[]easel.WorkspaceUser
}

// UpdateWorkspace changes a workspace of a project. The time of change moves
// only when something changed. Errors: NotFound "workspace", also for the
// default one; Exists "workspace"; Invalid "workspace user".
func (db *DB) UpdateWorkspace(ctx context.Context, who easel.Principal, project, id string, c WorkspaceChange) error {
	return db.update(ctx, func(t *tx) error {
		if there, err := t.exists(`SELECT 1 FROM workspace WHERE id = $1`+t.forNoKeyUpdate(), id); err != nil || !there {
			if err == nil {
				err = noWorkspace(id)
			}
			return err
		}
		w, err := t.workspace(project, id)
		if err != nil {
			return err
		}
		return t.updateWorkspace(who, w, c)
	})
}

func (t *tx) updateWorkspace(who easel.Principal, w easel.Workspace, c WorkspaceChange) error {
	was := w
	set(&w.Name, c.Name)
	set(&w.Description, c.Description)
	set(&w.Access, c.Access)
	if c.Users != nil {
		if err := t.nameUsers(who, w.ID, *c.Users); err != nil {
			return err
		}
		now, err := t.workspace(w.Project, w.ID)
		if err != nil {
			return err
		}
		w.Users = now.Users
	}
	if was.Name == w.Name && was.Description == w.Description && was.Access == w.Access && slices.Equal(was.Users, w.Users) {
		return nil
	}
	_, err := t.exec(`UPDATE workspace SET name = $1, description = $2, access = $3, updated = $4 WHERE id = $5`, w.Name, w.Description, w.Access, t.now, w.ID)
	if err != nil {
		return workspaceTaken(err, w.Name)
	}
	return t.audit(who, "updateWorkspace", w.ID, 0, nil)
}

// BoundWorkspace sets how many images a workspace of a project may have; 0 is
// any number. What is there already stays. Errors: NotFound "workspace", also for
// the default one.
func (db *DB) BoundWorkspace(ctx context.Context, who easel.Principal, project, id string, images int64) error {
	return db.update(ctx, func(t *tx) error {
		n, err := t.exec(`UPDATE workspace SET max_images = $1, bounded = $2 WHERE id = $3 AND project = $4`, images, t.now, id, project)
		if err != nil {
			return err
		}
		if n == 0 {
			return noWorkspace(id)
		}
		return t.audit(who, "updateWorkspaceQuotas", id, 0, nil)
	})
}

// roomInWorkspace refuses one more image in a workspace that has as many as it
// may.
func (t *tx) roomInWorkspace(id string) error {
	if id == easel.DefaultWorkspace {
		return nil
	}
	limit, err := t.limit(`SELECT max_images FROM workspace WHERE id = $1`, 0, id)
	if err != nil || limit == 0 {
		return err
	}
	used, err := t.imagesIn(id)
	if err != nil || used < limit {
		return err
	}
	return easel.E(easel.Denied, "image quota", "the workspace has %d images of at most %d: delete one (easel image rm), or ask an administrator for more (easel workspace update --images)", used, limit)
}

// imagesIn returns how many images a workspace has that is not a default one.
func (t *tx) imagesIn(id string) (n int64, err error) {
	_, err = t.get([]any{&n}, `SELECT CAST(coalesce(sum(versions), 0) AS BIGINT) FROM image_group WHERE home = $1`, id)
	return n, err
}

// DeleteWorkspace deletes an empty workspace of a project. Trash does not keep
// it: what is restored later comes back into the default one. Errors: NotFound
// "workspace", also for the default one; InUse "workspace" while it holds images.
func (db *DB) DeleteWorkspace(ctx context.Context, who easel.Principal, project, id string) error {
	return db.update(ctx, func(t *tx) error {
		if err := t.inWorkspace(project, id); err != nil {
			return err
		}
		held, err := t.imagesIn(id)
		if err != nil {
			return err
		}
		if held > 0 {
			return easel.E(easel.InUse, "workspace", "the workspace %s is not empty: delete its images first, %d of them", id, held)
		}
		gone, err := t.exec(`DELETE FROM workspace WHERE id = $1 AND project = $2`, id, project)
		if err != nil {
			return err
		}
		if gone == 0 {
			return noWorkspace(id)
		}
		return t.audit(who, "deleteWorkspace", id, 0, nil)
	})
}
