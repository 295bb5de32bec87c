package swr

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// namespace is an organisation on the wire (swr.md 4.2, 4.3).
type namespace struct {
	ID          int64  `json:"id"`
	Name        string `json:"name"`
	CreatorName string `json:"creator_name"`
	Auth        int    `json:"auth"`
}

// listedNamespace has two undocumented fields that Terraform reads.
type listedNamespace struct {
	namespace
	Users int `json:"access_user_count"`
	Repos int `json:"repo_count"`
}

func toNamespace(o catalog.Organisation) namespace {
	return namespace{ID: o.ID, Name: string(o.Name), CreatorName: o.CreatorName, Auth: o.Grants.Level}
}

func (s *server) createOrg(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Namespace *string `json:"namespace"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	if in.Namespace == nil {
		return missing("namespace")
	}
	name, err := easel.ParseOrg(*in.Namespace)
	if err != nil {
		return err
	}
	if err := s.registry.CreateOrg(r.Context(), name); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}

func missing(field string) error {
	return easel.E(easel.Invalid, "field", "the field %q is mandatory", field)
}

func (s *server) listOrgs(w http.ResponseWriter, r *http.Request) error {
	q, err := readQuery(r, "namespace", "mode")
	if err != nil {
		return err
	}
	if mode := q.values["mode"]; q.filtered && mode != "" && mode != "visible" {
		return easel.E(easel.Invalid, "filter", "the filter's mode must be visible, not %.40q", mode)
	}
	visible := q.filtered && q.values["mode"] == "visible"
	found, err := s.registry.Orgs(r.Context(), catalog.OrgQuery{Name: easel.Org(q.values["namespace"]), Inside: visible})
	if err != nil {
		return err
	}
	list := make([]listedNamespace, len(found))
	for i, o := range found {
		list[i] = listedNamespace{toNamespace(o), o.Users, o.Repos}
	}
	return api.WriteJSON(w, http.StatusOK, map[string][]listedNamespace{"namespaces": list})
}

func (s *server) showOrg(w http.ResponseWriter, r *http.Request) error {
	name, err := pathOrg(r)
	if err != nil {
		return err
	}
	o, err := s.registry.Org(r.Context(), name)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, toNamespace(o))
}

func (s *server) deleteOrg(w http.ResponseWriter, r *http.Request) error {
	name, err := pathOrg(r)
	if err != nil {
		return err
	}
	if err := s.registry.DeleteOrg(r.Context(), name); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
