package app

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/client"
	"easel/internal/human"
	"easel/internal/setup"
)

// directory knows who and what is called how, as the server says.
type directory struct {
	self                            string            // the caller's name
	users, groups, roles, projects  map[string]string // ids by name
	shownUsers, shownRoles, shownAt map[string]string // names by id, of users, roles and projects
	level                           map[string]string // the caller's own, of organisations and repositories
}

// setupReader reads how an account is set up.
type setupReader struct {
	*session
	want  setup.State // what is asked for
	whole bool        // of the named organisations everything, not only what want names
	have  setup.State
	directory
	retention map[easel.Repo]easel.RetentionRule
	bounds    quotas
}

// readSetup returns what want names as it is on the server; with whole,
// everything of the organisations and groups that it names. The caller's own
// levels are left out: nobody changes them.
func (s *session) readSetup(ctx context.Context, want setup.State, whole bool) (setup.State, directory, error) {
	r := &setupReader{session: s, want: want, whole: whole, have: setup.State{}, retention: map[easel.Repo]easel.RetentionRule{}}
	r.level = map[string]string{}
	for _, step := range []struct {
		read  func(context.Context) error
		kinds []setup.Kind // that want must have one of; nil: always
	}{
		{r.readSelf, nil},
		{r.readUsers, []setup.Kind{setup.User, setup.Member, setup.OrgUser, setup.RepoUser, setup.Group, setup.Org}},
		{r.readRoles, []setup.Kind{setup.Policy, setup.Role, setup.Group}},
		{r.readProjects, []setup.Kind{setup.Role, setup.Group, setup.Images}},
		{r.readBounds, []setup.Kind{setup.Images, setup.Org}},
		{r.readGroups, []setup.Kind{setup.Group}},
		{r.readRetention, []setup.Kind{setup.Org}},
		{r.readOrgs, []setup.Kind{setup.Org}},
	} {
		if step.kinds != nil && !want.Has(step.kinds...) {
			continue
		}
		if err := step.read(ctx); err != nil {
			return nil, directory{}, err
		}
	}
	return r.have, r.directory, nil
}

// note keeps a value of something that want names.
func (r *setupReader) note(kind setup.Kind, of, name, value string) {
	r.have[setup.Key{Kind: kind, Of: of, Name: name}] = value
}

func (r *setupReader) wants(kind setup.Kind, of string) bool {
	_, ok := r.want[setup.Key{Kind: kind, Of: of}]
	return ok
}

func (r *setupReader) readSelf(ctx context.Context) error {
	id, err := r.session.self(ctx)
	if err != nil {
		return err
	}
	var out struct {
		User user `json:"user"`
	}
	_, err = r.Do(ctx, client.Call{Method: http.MethodGet, Path: "/v3/users/" + url.PathEscape(id), Out: &out})
	r.directory.self = out.User.Name
	return err
}

func (r *setupReader) readUsers(ctx context.Context) error {
	found, err := r.session.users(ctx)
	r.directory.users, r.shownUsers = map[string]string{}, map[string]string{}
	for _, u := range found {
		r.directory.users[u.Name], r.shownUsers[u.ID] = u.ID, u.Name
		if r.wants(setup.User, u.Name) {
			r.note(setup.User, u.Name, "", "")
		}
	}
	return err
}

func (r *setupReader) readRoles(ctx context.Context) error {
	found, err := r.session.roles(ctx)
	r.directory.roles, r.shownRoles = map[string]string{}, map[string]string{}
	for _, role := range found {
		r.directory.roles[role.Display], r.shownRoles[role.ID] = role.ID, role.Display
		if role.Domain == nil || !r.wants(setup.Policy, role.Display) {
			continue
		}
		text, err := setup.PolicyText(role.Policy)
		if err != nil {
			return err
		}
		r.note(setup.Policy, role.Display, "", text)
	}
	return err
}

func (r *setupReader) readProjects(ctx context.Context) error {
	found, err := r.session.projects(ctx)
	r.directory.projects, r.shownAt = map[string]string{}, map[string]string{}
	for _, p := range found {
		r.directory.projects[p.Name], r.shownAt[p.ID] = p.ID, p.Name
	}
	return err
}

func (r *setupReader) readBounds(ctx context.Context) (err error) {
	r.bounds, err = r.session.quotas(ctx)
	for _, p := range r.bounds.Projects {
		if r.wants(setup.Images, p.Name) && !p.Images.Default {
			r.note(setup.Images, p.Name, "", setup.CountText(p.Images.Limit))
		}
	}
	return err
}

func (r *setupReader) readGroups(ctx context.Context) error {
	found, err := r.session.groups(ctx)
	if err != nil {
		return err
	}
	assigned, err := r.session.assignments(ctx)
	if err != nil {
		return err
	}
	r.directory.groups = map[string]string{}
	for _, g := range found {
		r.directory.groups[g.Name] = g.ID
		if !r.wants(setup.Group, g.Name) {
			continue
		}
		r.note(setup.Group, g.Name, "", "")
		members, err := r.session.members(ctx, g)
		if err != nil {
			return err
		}
		for _, u := range members {
			r.note(setup.Member, g.Name, u.Name, "")
		}
		for _, a := range assigned {
			if a.Group.ID == g.ID {
				r.have[setup.Key{Kind: setup.Role, Of: g.Name, Name: r.shownRoles[a.Role.ID], At: r.at(a)}] = ""
			}
		}
	}
	return nil
}

// at returns where a role is assigned.
func (r *setupReader) at(a assignment) string {
	switch {
	case a.Inherited:
		return setup.InAllProjects
	case a.Scope.Project != nil:
		return r.shownAt[a.Scope.Project.ID]
	}
	return setup.InAccount
}

func (r *setupReader) readRetention(ctx context.Context) error {
	found, err := r.session.retentions(ctx, "")
	for _, p := range found {
		r.retention[p.Repo] = p.Rule
	}
	return err
}

func (r *setupReader) readOrgs(ctx context.Context) error {
	found, err := r.session.orgs(ctx)
	if err != nil {
		return err
	}
	for _, o := range found {
		if !r.wants(setup.Org, o.Name) {
			continue
		}
		r.note(setup.Org, o.Name, "", "")
		if err := r.readOrg(ctx, o.Name); err != nil {
			return err
		}
	}
	return nil
}

func (r *setupReader) readOrg(ctx context.Context, org string) error {
	for _, q := range r.bounds.Orgs {
		if q.Org == org && !q.Repos.Default {
			r.note(setup.Repos, org, "", setup.CountText(q.Repos.Limit))
		}
		if q.Org == org && !q.Space.Default {
			r.note(setup.Space, org, "", setup.SpaceText(q.Space.Limit))
		}
	}
	if err := r.readGrants(ctx, setup.OrgUser, org, orgsPath+"/"+org); err != nil {
		return err
	}
	undo, err := get[undoWindow](ctx, r.session, "/easel/v1/organisations/"+org+"/undo", nil)
	if err != nil {
		return err
	}
	if undo.Window > 0 {
		r.note(setup.Undo, org, "", setup.UndoText(human.Span(time.Duration(undo.Window)*time.Second), human.Bytes(undo.Budget)))
	}
	if err := r.readPatterns(ctx, setup.OrgImmutable, org, "organisations/"+org); err != nil {
		return err
	}
	repos, err := pages[repo](ctx, r.session, "/v2/manage/repos", url.Values{"namespace": {org}, "order_column": {"name"}, "order_type": {"asc"}})
	if err != nil {
		return err
	}
	for _, x := range repos {
		if !r.whole && !r.wants(setup.Repo, org+"/"+x.Name) {
			continue
		}
		if err := r.readRepo(ctx, easel.Repo(org+"/"+x.Name), x); err != nil {
			return err
		}
	}
	return nil
}

func (r *setupReader) readRepo(ctx context.Context, name easel.Repo, x repo) error {
	of := string(name)
	r.note(setup.Repo, of, "", "")
	r.note(setup.Visibility, of, "", visibility(x.Public))
	r.note(setup.Description, of, "", x.Description)
	if rule, ok := r.retention[name]; ok {
		text, err := setup.RuleText(rule)
		if err != nil {
			return err
		}
		r.note(setup.Retention, of, "", text)
	}
	if err := r.readGrants(ctx, setup.RepoUser, of, repoPath(name)); err != nil {
		return err
	}
	if err := r.readPatterns(ctx, setup.RepoImmutable, of, immutablePath(name)); err != nil || x.Public {
		return err
	}
	shares, err := r.session.shares(ctx, name)
	for _, s := range shares {
		until := s.Deadline
		if at, err := time.Parse(time.RFC3339, s.Deadline); err == nil {
			until = setup.DeadlineText(at)
		}
		r.note(setup.Share, of, s.Domain, until)
	}
	return err
}

// userAuth is a level of a user as SWR sends it (swr.md 5).
type userAuth struct {
	ID    string `json:"user_id"`
	Name  string `json:"user_name"`
	Level int    `json:"auth"`
}

func levelName(level int) string { return org{Auth: level}.level() }

func (r *setupReader) readGrants(ctx context.Context, kind setup.Kind, of, path string) error {
	found, err := get[struct {
		Self   userAuth   `json:"self_auth"`
		Others []userAuth `json:"others_auths"`
	}](ctx, r.session, path+"/access", nil)
	if err != nil {
		return err
	}
	r.level[of] = levelName(found.Self.Level)
	for _, g := range found.Others {
		r.directory.users[g.Name] = g.ID // not everybody may list users
		if g.Name != r.directory.self {
			r.note(kind, of, g.Name, levelName(g.Level))
		}
	}
	return nil
}

func (r *setupReader) readPatterns(ctx context.Context, kind setup.Kind, of, path string) error {
	found, err := get[struct {
		Patterns []rule `json:"patterns"`
	}](ctx, r.session, "/easel/v1/"+path+"/immutable-tags", nil)
	var own []string
	for _, p := range found.Patterns {
		if p.Repository == "" == (kind == setup.OrgImmutable) {
			own = append(own, p.Pattern)
		}
	}
	if len(own) > 0 {
		r.note(kind, of, "", setup.PatternsText(own))
	}
	return err
}

// everything names all that the caller may export: the organisations that it
// manages, and for an administrator groups, users, policies and projects.
func (s *session) everything(ctx context.Context) (setup.State, error) {
	all := setup.State{}
	name := func(kind setup.Kind, of string) { all[setup.Key{Kind: kind, Of: of}] = "" }
	orgs, err := s.orgs(ctx)
	if err != nil {
		return nil, err
	}
	for _, o := range orgs {
		if o.level() == "manage" {
			name(setup.Org, o.Name)
		}
	}
	groups, err := s.groups(ctx)
	if client.IsStatus(err, http.StatusForbidden) {
		return all, nil // the rest is the administrators'
	}
	users, err2 := s.users(ctx)
	roles, err3 := s.roles(ctx)
	bounds, err4 := s.quotas(ctx)
	if err := errors.Join(err, err2, err3, err4); err != nil {
		return nil, err
	}
	for _, g := range groups {
		name(setup.Group, g.Name)
	}
	for _, u := range users {
		name(setup.User, u.Name)
	}
	for _, p := range slices.DeleteFunc(roles, func(r role) bool { return r.Domain == nil }) {
		name(setup.Policy, p.Display)
	}
	for _, p := range bounds.Projects {
		name(setup.Images, p.Name)
	}
	return all, nil
}

// immutablePath is the path of a repository's patterns below /easel/v1/.
func immutablePath(r easel.Repo) string {
	return "repositories/" + string(r.Org()) + "/" + strings.ReplaceAll(r.Name(), "/", "$")
}

func visibility(public bool) string {
	if public {
		return "public"
	}
	return "private"
}
