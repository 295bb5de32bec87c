package swr

import (
	"math"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// quota is a bound of the account with what is used of it (swr.md 12).
type quota struct {
	Limit int32  `json:"quota_limit"`
	Key   string `json:"quota_key"`
	Unit  string `json:"unit"`
	Used  int32  `json:"used"`
}

// toQuota writes a bound; none is -1.
func toQuota(key string, q catalog.Quota) quota {
	out := quota{Limit: int32(min(q.Limit, math.MaxInt32)), Key: key, Used: int32(min(q.Used, math.MaxInt32))}
	if q.Limit == 0 {
		out.Limit = -1
	}
	return out
}

// inMiB writes a bound of bytes so that it fits what the wire has: 32 bits.
func inMiB(key string, q catalog.Quota) quota {
	const unit = 1 << 20
	out := toQuota(key, catalog.Quota{Limit: (q.Limit + unit - 1) / unit, Used: (q.Used + unit - 1) / unit})
	out.Unit = "MiB"
	return out
}

// projectOf returns the project in the path. An SDK that was given an address
// and no project leaves the name of the parameter there: it means its own.
func projectOf(r *http.Request) string {
	if id := r.PathValue("project_id"); id != "{project_id}" {
		return id
	}
	return easel.PrincipalFrom(r.Context()).ProjectID
}

// listQuotas answers the bound of organisations, and the others where there
// are any: strict clients know "namespace" only.
func (s *server) listQuotas(w http.ResponseWriter, r *http.Request) error {
	q, err := s.registry.AccountQuota(r.Context(), projectOf(r))
	if err != nil {
		return err
	}
	list := []quota{toQuota("namespace", q.Orgs)}
	for _, more := range []quota{toQuota("repo", q.Repos), inMiB("space", q.Space), toQuota("image", q.Images)} {
		if more.Limit > 0 {
			list = append(list, more)
		}
	}
	return api.WriteJSON(w, http.StatusOK, map[string][]quota{"quotas": list})
}

// gates are the features of swr.md 13 that clients ask about. None of them is built.
var gates = []string{
	"enable_experience", "enable_hss_service", "enable_image_scan", "enable_sm3", "enable_image_sync", "enable_cci_service", "enable_image_label",
	"enable_pipeline", "enable_authorization_token", "enable_resource", "enable_list_v3", "enable_image_quota",
}

func (s *server) showFeatureGates(w http.ResponseWriter, r *http.Request) error {
	if err := s.registry.CheckProject(r.Context(), projectOf(r)); err != nil {
		return err
	}
	out := map[string]bool{}
	for _, g := range gates {
		out[g] = false
	}
	return api.WriteJSON(w, http.StatusOK, out)
}
