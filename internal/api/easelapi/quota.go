package easelapi

import (
	"context"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/registry"
)

// Quotas bounds what organisations and projects hold.
type Quotas interface {
	Quotas(ctx context.Context) (registry.Quotas, error)
	SetDomainQuota(ctx context.Context, domain string, orgs *int64) (catalog.DomainQuota, error)
	SetOrgQuota(ctx context.Context, org easel.Org, c catalog.QuotaChange) error
	SetProjectQuota(ctx context.Context, project string, c catalog.QuotaChange) error
}

// quotas answers the bounds that the caller can see.
func (s *server) quotas(w http.ResponseWriter, r *http.Request) error {
	q, err := s.o.Content.Quotas(r.Context())
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, q)
}

// setDomainQuota bounds a domain.
func (s *server) setDomainQuota(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Orgs *int64 `json:"organisations"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	q, err := s.o.Content.SetDomainQuota(r.Context(), r.PathValue("domain"), in.Orgs)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, q)
}

// setOrgQuota bounds an organisation.
func (s *server) setOrgQuota(w http.ResponseWriter, r *http.Request) error {
	org, err := easel.ParseOrg(r.PathValue("organisation"))
	if err != nil {
		return err
	}
	var in struct {
		Repos *int64 `json:"repositories"`
		Space *int64 `json:"bytes"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := s.o.Content.SetOrgQuota(r.Context(), org, catalog.QuotaChange{Repos: in.Repos, Space: in.Space}); err != nil {
		return err
	}
	return s.quotas(w, r)
}

// setProjectQuota bounds a project.
func (s *server) setProjectQuota(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Images *int64 `json:"images"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	if err := s.o.Content.SetProjectQuota(r.Context(), r.PathValue("project_id"), catalog.QuotaChange{Images: in.Images}); err != nil {
		return err
	}
	return s.quotas(w, r)
}
