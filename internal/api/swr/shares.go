package swr

import (
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// maxShareDescription is in characters (swr.md 9).
const maxShareDescription = 1000

// forever is the deadline of a share that does not end.
const forever = "forever"

// share is a share on the wire (swr.md 9).
type share struct {
	Namespace    string `json:"namespace"`
	Repository   string `json:"repository"`
	AccessDomain string `json:"access_domain"`
	Permit       string `json:"permit"`
	Deadline     string `json:"deadline"`
	Description  string `json:"description"`
	CreatorID    string `json:"creator_id"`
	CreatorName  string `json:"creator_name"`
	Created      string `json:"created"`
	Updated      string `json:"updated"`
	Status       bool   `json:"status"`
}

// shownShare is one share; clients look at exist first.
type shownShare struct {
	Exist bool `json:"exist"`
	share
}

// noShare is the answer where there is no share: a success.
type noShare struct {
	Exist        bool   `json:"exist"`
	Namespace    string `json:"namespace"`
	Repository   string `json:"repository"`
	AccessDomain string `json:"access_domain"`
}

func toShare(repo easel.Repo, s catalog.Share) share {
	deadline := forever
	if !s.Ends.IsZero() {
		deadline = wireTime(s.Ends)
	}
	return share{
		Namespace: string(repo.Org()), Repository: repo.Name(), AccessDomain: s.DomainName, Permit: "read", Deadline: deadline,
		Description: s.Description, CreatorID: s.Creator, CreatorName: s.CreatorName, Created: wireTime(s.Created), Updated: wireTime(s.Updated),
		Status: s.Valid,
	}
}

// newShare is the body of POST and PATCH.
type newShare struct {
	AccessDomain *string `json:"access_domain"`
	Permit       *string `json:"permit"`
	Deadline     *string `json:"deadline"`
	Description  *string `json:"description"`
}

// read returns the deadline, zero for never.
func (n *newShare) read(r *http.Request) (time.Time, error) {
	if _, err := api.ReadJSON(r, n); err != nil {
		return time.Time{}, err
	}
	switch {
	case n.Permit == nil:
		return time.Time{}, missing("permit")
	case n.Deadline == nil:
		return time.Time{}, missing("deadline")
	case *n.Permit != "read":
		return time.Time{}, easel.E(easel.Invalid, "permit", "permit must be read, not %.40q", *n.Permit)
	}
	if n.Description != nil {
		if strings.ContainsRune(*n.Description, 0) {
			return time.Time{}, easel.E(easel.Invalid, "body field", "the description must not contain the character NUL")
		}
		if utf8.RuneCountInString(*n.Description) > maxShareDescription {
			return time.Time{}, easel.E(easel.TooLarge, "description", "a share's description has at most %d characters", maxShareDescription)
		}
	}
	if *n.Deadline == forever {
		return time.Time{}, nil
	}
	at, err := time.Parse(time.RFC3339, *n.Deadline)
	if err != nil || at.IsZero() {
		return time.Time{}, easel.E(easel.Invalid, "share end", "deadline must be a time like 2026-01-02T03:04:05Z, or forever, not %.40q", *n.Deadline).Because(err)
	}
	return at, nil
}

func (s *server) createShare(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	var in newShare
	ends, err := in.read(r)
	if err != nil {
		return err
	}
	if in.AccessDomain == nil {
		return missing("access_domain")
	}
	made := catalog.Share{DomainName: *in.AccessDomain, Ends: ends}
	if in.Description != nil {
		made.Description = *in.Description
	}
	if err := s.registry.Share(r.Context(), repo, made); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}

func (s *server) listShares(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	found, err := s.registry.Shares(r.Context(), repo, "")
	if err != nil {
		return err
	}
	list := make([]share, min(len(found), defaultLimit))
	for i := range list {
		list[i] = toShare(repo, found[i])
	}
	return api.WriteJSON(w, http.StatusOK, list)
}

func (s *server) showShare(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	account := r.PathValue("access_domain")
	found, err := s.registry.Shares(r.Context(), repo, account)
	if err != nil {
		return err
	}
	if len(found) == 0 {
		return api.WriteJSON(w, http.StatusOK, noShare{Namespace: string(repo.Org()), Repository: repo.Name(), AccessDomain: account})
	}
	return api.WriteJSON(w, http.StatusOK, shownShare{true, toShare(repo, found[0])})
}

func (s *server) updateShare(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	var in newShare
	ends, err := in.read(r)
	if err != nil {
		return err
	}
	c := catalog.ShareChange{Ends: ends, Description: in.Description}
	if err := s.registry.ChangeShare(r.Context(), repo, r.PathValue("access_domain"), c); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}

func (s *server) deleteShare(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	if err := s.registry.EndShare(r.Context(), repo, r.PathValue("access_domain")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var sharedColumns = map[string]catalog.RepoOrder{
	"updated_at": catalog.ReposByUpdated, "name": catalog.ReposByName, "tag_count": catalog.ReposByTags,
	"namespace": catalog.ReposByOrg, "domain_name": catalog.ReposByDomain,
}

// centers are the values of "center": who shares.
var centers = map[string]catalog.Shares{"self": catalog.SharedBy, "thirdparty": catalog.SharedWith}

func sharedQuery(r *http.Request) (catalog.RepoQuery, error) {
	q, err := readQuery(r, "center", "namespace", "name", "domain_name", "status", "limit", "offset", "order_column", "order_type")
	if err != nil {
		return catalog.RepoQuery{}, err
	}
	// Unlike filters, center may stand beside a filter: the SDK always sends it.
	center := q.values["center"]
	if center == "" {
		center = r.URL.Query().Get("center")
	}
	if center == "" {
		return catalog.RepoQuery{}, missing("center")
	}
	shares, ok := centers[center]
	if !ok {
		return catalog.RepoQuery{}, easel.E(easel.Invalid, "parameter", "center must be self or thirdparty, not %.40q", center)
	}
	in := catalog.RepoQuery{Shares: shares, Org: q.values["namespace"], NamePart: slashes(q.values["name"]), DomainName: q.values["domain_name"]}
	if in.Valid, err = q.truth("status"); err != nil {
		return in, err
	}
	if in.Limit, in.Offset, err = q.page(); err != nil {
		return in, err
	}
	in.Order, in.Desc, err = order(q, sharedColumns, catalog.ReposByUpdated)
	return in, err
}

func (s *server) listShared(w http.ResponseWriter, r *http.Request) error {
	q, err := sharedQuery(r)
	if err != nil {
		return err
	}
	found, total, err := s.registry.SharedRepos(r.Context(), q)
	if err != nil {
		return err
	}
	list := toListed(s.host(r), found, total)
	for i, f := range found {
		list[i].Status = q.Shares == catalog.SharedWith && f.Grants.Shared
	}
	contentRange(w, q.Offset, len(list), total)
	return api.WriteJSON(w, http.StatusOK, list)
}
