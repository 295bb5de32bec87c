package iam

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/identity"
)

func (s *server) domain(r *http.Request, d catalog.Domain) domain {
	return domain{ID: d.ID, Name: d.Name, Description: d.Description, Enabled: d.Enabled, Links: selfLink{s.o.PublicURL(r) + "/v3/domains/" + d.ID}}
}

// listAllDomains is for those who look after the installation.
func (s *server) listAllDomains(w http.ResponseWriter, r *http.Request) error {
	found, err := s.svc.Domains(r.Context(), easel.PrincipalFrom(r.Context()))
	if err != nil {
		return err
	}
	items := []domain{}
	for _, d := range found {
		items = append(items, s.domain(r, d))
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Domains []domain  `json:"domains"`
		Links   listLinks `json:"links"`
	}{items, s.linksOf(r)})
}

// newDomain is the answer to POST /v3/domains: the domain, and how its
// administrator logs in. Nobody can read that again.
type newDomain struct {
	Domain        domain `json:"domain"`
	Project       idName `json:"project"`
	Administrator struct {
		idName
		Password string `json:"password,omitempty"` // when none was given
		Access   string `json:"access"`
		Secret   string `json:"secret"`
	} `json:"administrator"`
}

func (s *server) createDomain(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Domain *struct {
			Name        string `json:"name"`
			Description string `json:"description"`
		} `json:"domain"`
		Administrator struct {
			Name     string `json:"name"`
			Password string `json:"password"`
		} `json:"administrator"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.Domain == nil {
		return missing("domain")
	}
	first, err := s.svc.CreateDomain(r.Context(), easel.PrincipalFrom(r.Context()), identity.NewDomain{
		Name: body.Domain.Name, Description: body.Domain.Description, AdminName: body.Administrator.Name, Password: body.Administrator.Password,
	})
	if err != nil {
		return err
	}
	out := newDomain{
		Domain:  s.domain(r, catalog.Domain{ID: first.DomainID, Name: first.DomainName, Description: body.Domain.Description, Enabled: true}),
		Project: idName{first.ProjectID, first.ProjectName},
	}
	out.Administrator.idName = idName{first.UserID, first.UserName}
	out.Administrator.Password, out.Administrator.Access, out.Administrator.Secret = first.Password, first.AccessKey, first.SecretKey
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, http.StatusCreated, out)
}

func (s *server) explain(w http.ResponseWriter, r *http.Request) error {
	var q struct {
		User     string `json:"user"`
		Action   string `json:"action"`
		Resource string `json:"resource"`
		Project  string `json:"project_id"`
	}
	if err := readJSON(r, &q); err != nil {
		return err
	}
	x, err := s.svc.Explain(r.Context(), easel.PrincipalFrom(r.Context()), identity.Question{User: q.User, Action: q.Action, Resource: q.Resource, Project: q.Project})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		User     string `json:"user"`
		Action   string `json:"action"`
		Resource string `json:"resource"`
		Allowed  bool   `json:"allowed"`
		Reason   string `json:"reason"`
	}{x.User, x.Action, x.Resource, x.Allowed, x.Reason})
}
