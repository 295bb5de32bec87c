package iam

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/identity"
)

// role is a role or policy on the wire. The times are milliseconds, as text.
type role struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	DisplayName string          `json:"display_name"`
	DomainID    *string         `json:"domain_id"` // null: it comes with the program
	Type        string          `json:"type"`
	Catalog     string          `json:"catalog"`
	Description string          `json:"description"`
	Policy      json.RawMessage `json:"policy"`
	CreatedTime string          `json:"created_time,omitempty"`
	UpdatedTime string          `json:"updated_time,omitempty"`
	Links       listLinks       `json:"links"`
}

func (s *server) role(r *http.Request, x identity.Role) role {
	out := role{
		ID: x.ID, Name: x.Name, DisplayName: x.DisplayName, Type: x.Kind, Catalog: x.Catalog, Description: x.Description,
		Policy: json.RawMessage(x.Document), Links: listLinks{Self: s.o.PublicURL(r) + "/v3/roles/" + x.ID},
	}
	if x.Domain != "" {
		out.DomainID, out.CreatedTime, out.UpdatedTime = &x.Domain, millis(x.Created), millis(x.Updated)
	}
	return out
}

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

func (s *server) writeRole(w http.ResponseWriter, r *http.Request, status int, x identity.Role) error {
	return api.WriteJSON(w, status, struct {
		Role role `json:"role"`
	}{s.role(r, x)})
}

// writeRoles writes the page of found that the query asks for.
func (s *server) writeRoles(w http.ResponseWriter, r *http.Request, found []identity.Role) error {
	page, perPage, err := paging(r.URL.Query())
	if err != nil {
		return err
	}
	items := []role{}
	for _, x := range pageOf(found, page, perPage) {
		items = append(items, s.role(r, x))
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Roles []role    `json:"roles"`
		Links listLinks `json:"links"`
		Total int       `json:"total_number"`
	}{items, s.linksOf(r), len(found)})
}

// listRoles lists what comes with the program or, with domain_id, the
// domain's own policies.
func (s *server) listRoles(w http.ResponseWriter, r *http.Request) error {
	who, q := easel.PrincipalFrom(r.Context()), r.URL.Query()
	domain := q.Get("domain_id")
	found, err := s.svc.Roles(r.Context(), who, domain != "", q.Get("display_name"))
	if err != nil {
		return err
	}
	kept := []identity.Role{}
	for _, x := range found {
		if (domain == "" || domain == who.DomainID) && (q.Get("name") == "" || x.Name == q.Get("name")) && (q.Get("catalog") == "" || x.Catalog == q.Get("catalog")) {
			kept = append(kept, x)
		}
	}
	return s.writeRoles(w, r, kept)
}

func (s *server) listPolicies(w http.ResponseWriter, r *http.Request) error {
	found, err := s.svc.Roles(r.Context(), easel.PrincipalFrom(r.Context()), true, "")
	if err != nil {
		return err
	}
	return s.writeRoles(w, r, found)
}

func (s *server) showRole(w http.ResponseWriter, r *http.Request) error {
	x, err := s.svc.Role(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("role_id"))
	if err != nil {
		return err
	}
	return s.writeRole(w, r, http.StatusOK, x)
}

func (s *server) showPolicy(w http.ResponseWriter, r *http.Request) error {
	x, err := s.svc.Role(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("role_id"))
	if err == nil && x.Domain == "" {
		err = easel.E(easel.NotFound, "role", "%s is no policy of the account's own", x.DisplayName)
	}
	if err != nil {
		return err
	}
	return s.writeRole(w, r, http.StatusOK, x)
}

// roleFields are the fields of a policy that a body may have. Policy keeps its
// text, so that errors can point into it.
type roleFields struct {
	DisplayName *string         `json:"display_name"`
	Type        *string         `json:"type"`
	Description *string         `json:"description"`
	Policy      json.RawMessage `json:"policy"`
}

func readRole(r *http.Request) (roleFields, error) {
	var body struct {
		Role *roleFields `json:"role"`
	}
	if err := readJSON(r, &body); err != nil {
		return roleFields{}, err
	}
	if body.Role == nil {
		return roleFields{}, missing("role")
	}
	return *body.Role, nil
}

func (s *server) createPolicy(w http.ResponseWriter, r *http.Request) error {
	in, err := readRole(r)
	if err != nil {
		return err
	}
	x, err := s.svc.CreateRole(r.Context(), easel.PrincipalFrom(r.Context()), value(in.DisplayName), value(in.Type), value(in.Description), in.Policy)
	if err != nil {
		return err
	}
	return s.writeRole(w, r, http.StatusCreated, x)
}

func (s *server) updatePolicy(w http.ResponseWriter, r *http.Request) error {
	in, err := readRole(r)
	if err != nil {
		return err
	}
	change := identity.RoleChange{Name: in.DisplayName, Kind: in.Type, Description: in.Description, Document: in.Policy}
	x, err := s.svc.UpdateRole(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("role_id"), change)
	if err != nil {
		return err
	}
	return s.writeRole(w, r, http.StatusOK, x)
}

func (s *server) deletePolicy(w http.ResponseWriter, r *http.Request) error {
	if err := s.svc.DeleteRole(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("role_id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusOK)
	return nil
}

// place returns where a path grants roles: the caller's own domain, one of its
// projects, or all of them.
type place func(*http.Request) (project string, err error)

func inDomainOf(r *http.Request) (string, error) {
	if who := easel.PrincipalFrom(r.Context()); r.PathValue("domain_id") != who.DomainID {
		return "", easel.E(easel.NotFound, "domain", "there is no domain %.100s", r.PathValue("domain_id"))
	}
	return "", nil
}

func inProject(r *http.Request) (string, error) { return r.PathValue("project_id"), nil }

func inAllProjects(r *http.Request) (string, error) {
	_, err := inDomainOf(r)
	return catalog.AllProjects, err
}

func (s *server) listGranted(in place) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		found, err := s.grantedIn(in, r)
		if err != nil {
			return err
		}
		return s.writeRoles(w, r, found)
	}
}

func (s *server) grantedIn(in place, r *http.Request) ([]identity.Role, error) {
	project, err := in(r)
	if err != nil {
		return nil, err
	}
	return s.svc.GrantedIn(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"), project)
}

func (s *server) checkGranted(in place) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		found, err := s.grantedIn(in, r)
		if err != nil {
			return err
		}
		for _, x := range found {
			if x.ID == r.PathValue("role_id") {
				return noContent(w, nil)
			}
		}
		return easel.E(easel.NotFound, "assignment", "the group does not have the role there")
	}
}

func (s *server) grant(in place) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		project, err := in(r)
		if err != nil {
			return err
		}
		return noContent(w, s.svc.Grant(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"), r.PathValue("role_id"), project))
	}
}

func (s *server) revoke(in place) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		project, err := in(r)
		if err != nil {
			return err
		}
		return noContent(w, s.svc.RevokeRole(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"), r.PathValue("role_id"), project))
	}
}

// onlyID is how an assignment mentions things.
type onlyID struct {
	ID string `json:"id"`
}

// assignment is a role of a group on the wire.
type assignment struct {
	Group onlyID `json:"group"`
	Role  onlyID `json:"role"`
	Scope struct {
		Project *onlyID `json:"project,omitempty"`
		Domain  *onlyID `json:"domain,omitempty"`
	} `json:"scope"`
	IsInherited bool `json:"is_inherited"` // in all projects of the domain
}

func (s *server) listAssignments(w http.ResponseWriter, r *http.Request) error {
	who, q := easel.PrincipalFrom(r.Context()), r.URL.Query()
	found, err := s.svc.Granted(r.Context(), who, q.Get("subject.group_id"))
	if err != nil {
		return err
	}
	items := []assignment{}
	for _, g := range found {
		if id := q.Get("role_id"); id != "" && id != g.Role.ID || q.Get("domain_id") != "" && q.Get("domain_id") != who.DomainID {
			continue
		}
		a := assignment{Group: onlyID{g.Group}, Role: onlyID{g.Role.ID}, IsInherited: g.Project == catalog.AllProjects}
		if g.Project == "" || a.IsInherited {
			a.Scope.Domain = &onlyID{who.DomainID}
		} else {
			a.Scope.Project = &onlyID{g.Project}
		}
		items = append(items, a)
	}
	page, perPage, err := paging(q)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Assignments []assignment `json:"role_assignments"`
		Total       int          `json:"total_num"`
	}{pageOf(items, page, perPage), len(items)})
}

// paging reads page and per_page, which go together; 0 is everything.
func paging(q url.Values) (page, perPage int, err error) {
	if q.Has("page") != q.Has("per_page") {
		return 0, 0, badQuery("page and per_page go together")
	}
	if !q.Has("page") {
		return 0, 0, nil
	}
	if page, err = strconv.Atoi(q.Get("page")); err != nil || page < 1 || page > 1<<20 {
		return 0, 0, badQuery("page must be at least 1")
	}
	if perPage, err = strconv.Atoi(q.Get("per_page")); err != nil || perPage < 1 || perPage > 5000 {
		return 0, 0, badQuery("per_page must be 1 to 5000")
	}
	return page, perPage, nil
}

func pageOf[T any](all []T, page, perPage int) []T {
	if page == 0 {
		return all
	}
	from := min((page-1)*perPage, len(all))
	return all[from:min(from+perPage, len(all))]
}
