package iam

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// group is a group of users on the wire. CreateTime is in milliseconds.
type group struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	DomainID    string    `json:"domain_id"`
	Description string    `json:"description"`
	CreateTime  int64     `json:"create_time"`
	Links       listLinks `json:"links"`
}

func (s *server) group(r *http.Request, g catalog.UserGroup) group {
	return group{
		ID: g.ID, Name: g.Name, DomainID: g.Domain, Description: g.Description, CreateTime: g.Created.UnixMilli(),
		Links: listLinks{Self: s.o.PublicURL(r) + "/v3/groups/" + g.ID},
	}
}

func (s *server) writeGroup(w http.ResponseWriter, r *http.Request, status int, g catalog.UserGroup) error {
	return api.WriteJSON(w, status, struct {
		Group group `json:"group"`
	}{s.group(r, g)})
}

func (s *server) writeGroups(w http.ResponseWriter, r *http.Request, found []catalog.UserGroup) error {
	items := []group{}
	for _, g := range found {
		items = append(items, s.group(r, g))
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Groups []group   `json:"groups"`
		Links  listLinks `json:"links"`
	}{items, s.linksOf(r)})
}

func (s *server) listGroups(w http.ResponseWriter, r *http.Request) error {
	who, q := easel.PrincipalFrom(r.Context()), r.URL.Query()
	found, err := s.svc.Groups(r.Context(), who, q.Get("name"))
	if err != nil {
		return err
	}
	if id := q.Get("domain_id"); id != "" && id != who.DomainID {
		found = nil
	}
	return s.writeGroups(w, r, found)
}

// groupFields are the fields of a group that a body may have.
type groupFields struct {
	Name        *string `json:"name"`
	DomainID    string  `json:"domain_id"`
	Description *string `json:"description"`
}

func readGroup(r *http.Request) (groupFields, error) {
	var body struct {
		Group *groupFields `json:"group"`
	}
	if err := readJSON(r, &body); err != nil {
		return groupFields{}, err
	}
	if body.Group == nil {
		return groupFields{}, missing("group")
	}
	return *body.Group, nil
}

func (s *server) createGroup(w http.ResponseWriter, r *http.Request) error {
	in, err := readGroup(r)
	if err != nil {
		return err
	}
	who := easel.PrincipalFrom(r.Context())
	if err := ownDomain(who, in.DomainID); err != nil {
		return err
	}
	g, err := s.svc.CreateGroup(r.Context(), who, value(in.Name), value(in.Description))
	if err != nil {
		return err
	}
	return s.writeGroup(w, r, http.StatusCreated, g)
}

func (s *server) showGroup(w http.ResponseWriter, r *http.Request) error {
	g, err := s.svc.Group(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"))
	if err != nil {
		return err
	}
	return s.writeGroup(w, r, http.StatusOK, g)
}

func (s *server) updateGroup(w http.ResponseWriter, r *http.Request) error {
	in, err := readGroup(r)
	if err != nil {
		return err
	}
	who := easel.PrincipalFrom(r.Context())
	if err := ownDomain(who, in.DomainID); err != nil {
		return err
	}
	g, err := s.svc.UpdateGroup(r.Context(), who, r.PathValue("group_id"), catalog.UserGroupChange{Name: in.Name, Description: in.Description})
	if err != nil {
		return err
	}
	return s.writeGroup(w, r, http.StatusOK, g)
}

func (s *server) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	return noContent(w, s.svc.DeleteGroup(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id")))
}

func (s *server) listMembers(w http.ResponseWriter, r *http.Request) error {
	found, err := s.svc.Members(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"))
	if err != nil {
		return err
	}
	return s.writeUsers(w, r, found)
}

func (s *server) checkMember(w http.ResponseWriter, r *http.Request) error {
	return noContent(w, s.svc.IsMember(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"), r.PathValue("user_id")))
}

func (s *server) addMember(w http.ResponseWriter, r *http.Request) error {
	return s.setMember(w, r, true)
}

func (s *server) removeMember(w http.ResponseWriter, r *http.Request) error {
	return s.setMember(w, r, false)
}

func (s *server) setMember(w http.ResponseWriter, r *http.Request, in bool) error {
	return noContent(w, s.svc.SetMember(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("group_id"), r.PathValue("user_id"), in))
}
