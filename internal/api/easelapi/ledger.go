package easelapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/registry"
)

// ledger answers how many bytes a scope and its parts hold.
func (s *server) ledger(w http.ResponseWriter, r *http.Request) error {
	q, err := usageQuery(r.URL.Query())
	if err != nil {
		return err
	}
	u, err := s.o.Content.Usage(r.Context(), q)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, u)
}

func usageQuery(query url.Values) (q registry.UsageQuery, err error) {
	if q.Org, q.Repo, q.Tag, err = parseScope(query.Get("scope")); err != nil {
		return q, err
	}
	switch by := query.Get("by"); by {
	case "", "org":
		q.By = catalog.UsageOfOrgs
	case "project":
		q.By = catalog.UsageOfProjects
	case "user":
		q.By = catalog.UsageOfUsers
	default:
		return q, easel.E(easel.Invalid, "parameter", "by must be org, project or user, not %.20q", by)
	}
	if q.By != catalog.UsageOfOrgs && q.Org != "" {
		return q, easel.E(easel.Invalid, "parameter", "an organisation is divided into its repositories: leave by=%s or the scope out", q.By)
	}
	if q.Depth, err = number(query, "depth", 1, 0, 3); err != nil {
		return q, err
	}
	q.Limit, err = number(query, "limit", 100, 1, 1000)
	return q, err
}

// parseScope reads "", ORG, ORG/NAME or ORG/NAME:TAG.
func parseScope(s string) (org easel.Org, repo easel.Repo, tag easel.Tag, err error) {
	switch {
	case s == "":
		return "", "", "", nil
	case !strings.Contains(s, "/"):
		org, err = easel.ParseOrg(s)
		return org, "", "", err
	case !strings.Contains(s, ":"):
		repo, err = easel.ParseRepo(s)
		return repo.Org(), repo, "", err
	}
	path, err := easel.ParseImagePath(s)
	if err == nil && path.Registry != "" {
		err = easel.E(easel.Invalid, "parameter", "scope is organisation/name:tag, without %.200s", path.Registry)
	}
	return path.Repo.Org(), path.Repo, path.Tag, err
}

// number reads a parameter that is a number from least to most.
func number(query url.Values, name string, byDefault, least, most int) (int, error) {
	s := query.Get(name)
	if s == "" {
		return byDefault, nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < least || n > most {
		return 0, easel.E(easel.Invalid, "parameter", "%s must be %d to %d, not %.20q", name, least, most, s)
	}
	return n, nil
}
