package swr

import (
	"net/http"

	"easel/internal/api"
)

// versionDetail describes a version of the API (swr.md section 3). Links is one
// object, not a list.
type versionDetail struct {
	ID         string      `json:"id"`
	Links      versionLink `json:"links"`
	Version    string      `json:"version"`
	Status     string      `json:"status"`
	Updated    string      `json:"updated"`
	MinVersion string      `json:"min_version"`
}

type versionLink struct {
	Href string `json:"href"`
	Rel  string `json:"rel"`
}

func version(base string) versionDetail {
	return versionDetail{
		ID: "v2", Links: versionLink{Href: base + "/v2/", Rel: "self"}, Status: "CURRENT", Updated: "2025-10-01T00:00:00Z",
	}
}

// Versions serves the list of versions, "GET /" of a host of its own. Where
// several families share a listener, the caller decides when "/" is meant for
// this one.
func Versions(publicURL func(*http.Request) string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		api.WriteJSON(w, http.StatusOK, map[string][]versionDetail{"versions": {version(publicURL(r))}})
	})
}

func (s *server) showVersion(w http.ResponseWriter, r *http.Request) error {
	return api.WriteJSON(w, http.StatusOK, map[string]versionDetail{"version": version(s.o.PublicURL(r))})
}
