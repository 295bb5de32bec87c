package swr

import (
	"net/http"

	"easel/internal/api"
)

// quota is a bound of the account with what is used of it (swr.md 12).
type quota struct {
	Limit int    `json:"quota_limit"`
	Key   string `json:"quota_key"`
	Unit  string `json:"unit"`
	Used  int    `json:"used"`
}

func (s *server) listQuotas(w http.ResponseWriter, r *http.Request) error {
	n, err := s.registry.OrgCount(r.Context(), r.PathValue("project_id"))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string][]quota{"quotas": {{Limit: s.o.OrgQuota, Key: "namespace", Used: n}}})
}

// gates are the features of swr.md 13 that clients ask about. None of them is built.
var gates = []string{
	"enable_experience", "enable_hss_service", "enable_image_scan", "enable_sm3", "enable_image_sync", "enable_cci_service", "enable_image_label",
	"enable_pipeline", "enable_authorization_token", "enable_resource", "enable_list_v3", "enable_image_quota",
}

func (s *server) showFeatureGates(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.registry.OrgCount(r.Context(), r.PathValue("project_id")); err != nil {
		return err
	}
	out := map[string]bool{}
	for _, g := range gates {
		out[g] = false
	}
	return api.WriteJSON(w, http.StatusOK, out)
}
