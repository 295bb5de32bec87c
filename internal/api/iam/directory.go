package iam

import (
	"net/http"
	"net/url"
	"strconv"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// project is a project on the wire (iam.md 5.1).
type project struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	DomainID    string   `json:"domain_id"`
	ParentID    string   `json:"parent_id"`
	Description string   `json:"description"`
	Enabled     bool     `json:"enabled"`
	IsDomain    bool     `json:"is_domain"`
	Links       selfLink `json:"links"`
}

func (s *server) project(r *http.Request, p catalog.Project) project {
	return project{
		ID: p.ID, Name: p.Name, DomainID: p.Domain, ParentID: p.Parent, Description: p.Description, Enabled: p.Enabled,
		Links: selfLink{s.o.PublicURL(r) + "/v3/projects/" + url.PathEscape(p.ID)},
	}
}

// projectFilter is the query of GET /v3/projects.
type projectFilter struct {
	name, parent, domain string
	enabled, isDomain    *bool
	page, perPage        int // 0: everything
}

func parseProjectFilter(q url.Values) (projectFilter, error) {
	f := projectFilter{name: q.Get("name"), parent: q.Get("parent_id"), domain: q.Get("domain_id")}
	var err error
	if f.enabled, err = optionalBool(q, "enabled"); err != nil {
		return f, err
	}
	if f.isDomain, err = optionalBool(q, "is_domain"); err != nil {
		return f, err
	}
	f.page, f.perPage, err = paging(q)
	return f, err
}

func optionalBool(q url.Values, name string) (*bool, error) {
	if !q.Has(name) {
		return nil, nil
	}
	b, err := strconv.ParseBool(q.Get(name))
	if err != nil {
		return nil, badQuery("%s must be true or false", name)
	}
	return &b, nil
}

func badQuery(format string, args ...any) error {
	return easel.E(easel.Invalid, "query", format, args...)
}

func (f projectFilter) keeps(p catalog.Project) bool {
	return (f.parent == "" || p.Parent == f.parent) && (f.domain == "" || p.Domain == f.domain) &&
		(f.enabled == nil || p.Enabled == *f.enabled) && (f.isDomain == nil || !*f.isDomain)
}

func (s *server) listProjects(w http.ResponseWriter, r *http.Request) error {
	f, err := parseProjectFilter(r.URL.Query())
	if err != nil {
		return err
	}
	found, err := s.svc.Projects(r.Context(), easel.PrincipalFrom(r.Context()), f.name)
	if err != nil {
		return err
	}
	items := []project{}
	for _, p := range found {
		if f.keeps(p) {
			items = append(items, s.project(r, p))
		}
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Projects []project `json:"projects"`
		Links    listLinks `json:"links"`
	}{pageOf(items, f.page, f.perPage), s.linksOf(r)})
}

func (s *server) listUsableProjects(w http.ResponseWriter, r *http.Request) error {
	found, err := s.svc.Projects(r.Context(), easel.PrincipalFrom(r.Context()), "")
	if err != nil {
		return err
	}
	items := []project{}
	for _, p := range found {
		if p.Enabled {
			items = append(items, s.project(r, p))
		}
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Projects []project `json:"projects"`
		Links    selfLink  `json:"links"`
	}{items, selfLink{s.linksOf(r).Self}})
}

// domain is a domain on the wire (iam.md 5.3).
type domain struct {
	ID          string   `json:"id"`
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Enabled     bool     `json:"enabled"`
	Links       selfLink `json:"links"`
}

// listDomains lists the caller's domain, which is enabled: else there would be no caller.
func (s *server) listDomains(w http.ResponseWriter, r *http.Request) error {
	who := easel.PrincipalFrom(r.Context())
	items := []domain{}
	if name := r.URL.Query().Get("name"); name == "" || name == who.DomainName {
		items = append(items, domain{
			ID: who.DomainID, Name: who.DomainName, Enabled: true,
			Links: selfLink{s.o.PublicURL(r) + "/v3/domains/" + who.DomainID},
		})
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Domains []domain  `json:"domains"`
		Links   listLinks `json:"links"`
	}{items, s.linksOf(r)})
}

// newProject is the body of POST /v3/projects.
type newProject struct {
	Project *struct {
		Name        string `json:"name"`
		ParentID    string `json:"parent_id"`
		DomainID    string `json:"domain_id"`
		Description string `json:"description"`
	} `json:"project"`
}

func (s *server) createProject(w http.ResponseWriter, r *http.Request) error {
	var body newProject
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.Project == nil {
		return missing("project")
	}
	who := easel.PrincipalFrom(r.Context())
	if err := ownDomain(who, body.Project.DomainID); err != nil {
		return err
	}
	p, err := s.svc.CreateProject(r.Context(), who, body.Project.ParentID, body.Project.Name, body.Project.Description)
	if err != nil {
		return err
	}
	return s.writeProject(w, r, http.StatusCreated, p)
}

func (s *server) showProject(w http.ResponseWriter, r *http.Request) error {
	p, err := s.svc.Project(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("project_id"))
	if err != nil {
		return err
	}
	return s.writeProject(w, r, http.StatusOK, p)
}

func (s *server) updateProject(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Project *struct {
			Name        *string `json:"name"`
			Description *string `json:"description"`
		} `json:"project"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.Project == nil {
		return missing("project")
	}
	change := catalog.ProjectChange{Name: body.Project.Name, Description: body.Project.Description}
	p, err := s.svc.UpdateProject(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("project_id"), change)
	if err != nil {
		return err
	}
	return s.writeProject(w, r, http.StatusOK, p)
}

func (s *server) writeProject(w http.ResponseWriter, r *http.Request, status int, p catalog.Project) error {
	return api.WriteJSON(w, status, struct {
		Project project `json:"project"`
	}{s.project(r, p)})
}

// listUserProjects lists the projects of one user: all of the domain's.
func (s *server) listUserProjects(w http.ResponseWriter, r *http.Request) error {
	who := easel.PrincipalFrom(r.Context())
	if _, err := s.svc.User(r.Context(), who, r.PathValue("user_id")); err != nil {
		return err
	}
	return s.listProjects(w, r)
}

func missing(field string) error {
	return easel.E(easel.Invalid, "missing field", "%s is required", field)
}

// ownDomain refuses a body that names another domain than the caller's, there
// or not.
func ownDomain(who easel.Principal, id string) error {
	if id != "" && id != who.DomainID {
		return easel.E(easel.Denied, "domain", "domain_id is not the caller's domain")
	}
	return nil
}
