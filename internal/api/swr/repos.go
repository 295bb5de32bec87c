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

// maxDescription is in characters (swr.md 6.1).
const maxDescription = 30_000

// listedRepo is a repository in the list (swr.md 6.2).
type listedRepo struct {
	Name         string      `json:"name"`
	Category     string      `json:"category"`
	Description  string      `json:"description"`
	Size         int64       `json:"size"`
	Public       bool        `json:"is_public"`
	Images       int64       `json:"num_images"`
	Downloads    int64       `json:"num_download"`
	Created      string      `json:"created_at"`
	Updated      string      `json:"updated_at"`
	Logo         string      `json:"logo"`
	URL          string      `json:"url"`
	Path         string      `json:"path"`
	InternalPath string      `json:"internal_path"`
	DomainName   string      `json:"domain_name"`
	Namespace    string      `json:"namespace"`
	Tags         []easel.Tag `json:"tags"`
	Status       bool        `json:"status"`
	Total        int64       `json:"total_range"`
}

// shownRepo is one repository (swr.md 6.3): the names of some fields differ.
type shownRepo struct {
	ID           int64  `json:"id"`
	NamespaceID  int64  `json:"ns_id"`
	Name         string `json:"name"`
	Category     string `json:"category"`
	Description  string `json:"description"`
	CreatorID    string `json:"creator_id"`
	CreatorName  string `json:"creator_name"`
	Size         int64  `json:"size"`
	Public       bool   `json:"is_public"`
	Images       int64  `json:"num_images"`
	Download     int64  `json:"num_download"`
	Downloads    int64  `json:"num_downloads"`
	URL          string `json:"url"`
	Path         string `json:"path"`
	InternalPath string `json:"internal_path"`
	Created      string `json:"created"`
	Updated      string `json:"updated"`
	DomainID     string `json:"domain_id"`
	Priority     int    `json:"priority"`
}

// wireTime is RFC 3339 in UTC, as all times here.
func wireTime(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// newRepo is the body of a creation and of a change.
type newRepo struct {
	Repository  *string `json:"repository"`
	Public      *bool   `json:"is_public"`
	Category    *string `json:"category"`
	Description *string `json:"description"`
}

// read reads the body and checks the fields that creation and change share.
// An empty category counts as absent.
func (n *newRepo) read(r *http.Request) error {
	if _, err := api.ReadJSON(r, n); err != nil {
		return err
	}
	if n.Public == nil {
		return missing("is_public")
	}
	if n.Description != nil && utf8.RuneCountInString(*n.Description) > maxDescription {
		return easel.E(easel.TooLarge, "description", "the description has more than %d characters", maxDescription)
	}
	if n.Description != nil && strings.ContainsRune(*n.Description, 0) {
		return easel.E(easel.Invalid, "body field", "the description must not contain the character NUL")
	}
	if n.Category != nil && *n.Category == "" {
		n.Category = nil
	}
	if n.Category == nil {
		return nil
	}
	c, err := category(*n.Category)
	n.Category = &c
	return err
}

func (s *server) createRepo(w http.ResponseWriter, r *http.Request) error {
	org, err := pathOrg(r)
	if err != nil {
		return err
	}
	var in newRepo
	if err := in.read(r); err != nil {
		return err
	}
	if in.Repository == nil {
		return missing("repository")
	}
	made := catalog.NewRepository{Category: "other", Public: *in.Public}
	if made.Name, err = repoName(org, *in.Repository); err != nil {
		return err
	}
	if in.Category != nil {
		made.Category = *in.Category
	}
	if in.Description != nil {
		made.Description = *in.Description
	}
	if err := s.registry.CreateRepo(r.Context(), made); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}

var repoColumns = map[string]catalog.RepoOrder{
	"updated_time": catalog.ReposByUpdated, "updated_at": catalog.ReposByUpdated, "name": catalog.ReposByName,
	"tag_count": catalog.ReposByTags, "namespace": catalog.ReposByOrg, "is_public": catalog.ReposByPublic,
}

func repoQuery(r *http.Request) (catalog.RepoQuery, error) {
	var out catalog.RepoQuery
	q, err := readQuery(r, "namespace", "name", "category", "is_public", "limit", "offset", "order_column", "order_type", "center")
	if err != nil {
		return out, err
	}
	if out.Limit, out.Offset, err = q.page(); err != nil {
		return out, err
	}
	if out.Order, out.Desc, err = order(q, repoColumns, catalog.ReposByUpdated); err != nil {
		return out, err
	}
	if out.Public, err = q.truth("is_public"); err != nil {
		return out, err
	}
	if c := q.values["category"]; c != "" {
		if out.Category, err = category(c); err != nil {
			return out, err
		}
	}
	out.NamePart = slashes(q.values["name"])
	if q.filtered {
		out.OrgPart = q.values["namespace"]
	} else {
		out.Org = q.values["namespace"]
	}
	return out, nil
}

func (s *server) listRepos(w http.ResponseWriter, r *http.Request) error {
	q, err := repoQuery(r)
	if err != nil {
		return err
	}
	found, total, err := s.registry.Repos(r.Context(), q)
	if err != nil {
		return err
	}
	list := toListed(s.host(r), found, total)
	contentRange(w, q.Offset, len(list), total)
	return api.WriteJSON(w, http.StatusOK, list)
}

func toListed(host string, found []catalog.Repository, total int64) []listedRepo {
	list := make([]listedRepo, len(found))
	for i, f := range found {
		path := host + "/" + string(f.Name)
		list[i] = listedRepo{
			Name: f.Name.Name(), Category: f.Category, Description: f.Description, Size: f.Size, Public: f.Public,
			Images: f.TagCount, Downloads: f.Downloads, Created: wireTime(f.Created), Updated: wireTime(f.Updated),
			Path: path, InternalPath: path, DomainName: f.DomainName, Namespace: string(f.Name.Org()), Tags: f.Tags, Total: total,
		}
	}
	return list
}

func (s *server) showRepo(w http.ResponseWriter, r *http.Request) error {
	name, err := pathRepo(r)
	if err != nil {
		return err
	}
	f, err := s.registry.Repo(r.Context(), name)
	if err != nil {
		return err
	}
	path := s.host(r) + "/" + string(f.Name)
	return api.WriteJSON(w, http.StatusOK, shownRepo{
		ID: f.ID, NamespaceID: f.OrgID, Name: f.Name.Name(), Category: f.Category, Description: f.Description,
		CreatorID: f.Creator, CreatorName: f.CreatorName, Size: f.Size, Public: f.Public, Images: f.TagCount,
		Download: f.Downloads, Downloads: f.Downloads, Path: path, InternalPath: path,
		Created: wireTime(f.Created), Updated: wireTime(f.Updated), DomainID: f.Domain,
	})
}

func (s *server) updateRepo(w http.ResponseWriter, r *http.Request) error {
	name, err := pathRepo(r)
	if err != nil {
		return err
	}
	var in newRepo
	if err := in.read(r); err != nil {
		return err
	}
	change := catalog.RepoChange{Public: in.Public, Category: in.Category, Description: in.Description}
	if err := s.registry.UpdateRepo(r.Context(), name, change); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}

func (s *server) deleteRepo(w http.ResponseWriter, r *http.Request) error {
	name, err := pathRepo(r)
	if err != nil {
		return err
	}
	if err := s.registry.FindRepo(r.Context(), name); err != nil {
		return err
	}
	receipt, err := s.registry.DeleteRepo(api.Insisting(r), name)
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	w.WriteHeader(http.StatusNoContent)
	return nil
}
