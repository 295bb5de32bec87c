package swr

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// listedTag is a tag (swr.md 8.1). The name's key has a capital T.
type listedTag struct {
	ID           int64   `json:"id"`
	RepoID       int64   `json:"repo_id"`
	Name         string  `json:"Tag"`
	ImageID      string  `json:"image_id"`
	Manifest     string  `json:"manifest"`
	Digest       string  `json:"digest"`
	Schema       int64   `json:"schema"`
	Path         string  `json:"path"`
	InternalPath string  `json:"internal_path"`
	Size         int64   `json:"size"`
	Trusted      bool    `json:"is_trusted"`
	Created      string  `json:"created"`
	Updated      string  `json:"updated"`
	Deleted      *string `json:"deleted"`
	DomainID     string  `json:"domain_id"`
	Scanned      bool    `json:"scanned"`
	Type         int64   `json:"tag_type"`
}

// shownTag is one tag (swr.md 8.3): clients expect either spelling of its name.
type shownTag struct {
	listedTag
	Lower string `json:"tag"`
}

func toTag(host string, repo easel.Repo, t catalog.RepoTag) listedTag {
	path := host + "/" + string(repo) + ":" + string(t.Name)
	out := listedTag{
		ID: t.ID, RepoID: t.RepoID, Name: string(t.Name), ImageID: t.Config.Hex(), Manifest: string(t.Body), Digest: string(t.Digest),
		Schema: 2, Path: path, InternalPath: path, Size: t.Size, Created: wireTime(t.Created), Updated: wireTime(t.Updated), DomainID: t.Domain,
	}
	if t.MediaType == easel.MediaTypeOCIIndex || t.MediaType == easel.MediaTypeDockerList {
		out.Type, out.ImageID = 1, t.Digest.Hex()
	}
	return out
}

var tagColumns = map[string]catalog.TagOrder{"updated_at": catalog.TagsByUpdated, "tag": catalog.TagsByName}

func (s *server) listTags(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	q, err := readQuery(r, "offset", "limit", "order_column", "order_type", "tag")
	if err != nil {
		return err
	}
	in := catalog.TagQuery{NamePart: q.values["tag"]}
	if in.Limit, in.Offset, err = q.page(); err != nil {
		return err
	}
	if in.Order, in.Desc, err = order(q, tagColumns, catalog.TagsByUpdated); err != nil {
		return err
	}
	found, total, err := s.registry.RepoTags(r.Context(), repo, in)
	if err != nil {
		return err
	}
	host := s.host(r)
	list := make([]listedTag, len(found))
	for i, t := range found {
		list[i] = toTag(host, repo, t)
	}
	contentRange(w, in.Offset, len(list), total)
	return api.WriteJSON(w, http.StatusOK, list)
}

func (s *server) showTag(w http.ResponseWriter, r *http.Request) error {
	repo, tag, err := pathTag(r)
	if err != nil {
		return err
	}
	found, err := s.registry.RepoTag(r.Context(), repo, tag)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, shownTag{toTag(s.host(r), repo, found), string(found.Name)})
}

func (s *server) deleteTag(w http.ResponseWriter, r *http.Request) error {
	repo, tag, err := pathTag(r)
	if err != nil {
		return err
	}
	if err := s.registry.FindRepo(r.Context(), repo); err != nil {
		return err
	}
	receipt, err := s.registry.DeleteTag(api.Insisting(r), repo, tag)
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// createTag gives a tag a second name (swr.md 8.3).
func (s *server) createTag(w http.ResponseWriter, r *http.Request) error {
	repo, err := pathRepo(r)
	if err != nil {
		return err
	}
	var in struct {
		Source      *string `json:"source_tag"`
		Destination *string `json:"destination_tag"`
		Override    bool    `json:"override"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	switch {
	case in.Source == nil:
		return missing("source_tag")
	case in.Destination == nil:
		return missing("destination_tag")
	}
	from, err := easel.ParseTag(*in.Source)
	if err != nil {
		return err
	}
	to, err := easel.ParseTag(*in.Destination)
	if err != nil {
		return err
	}
	if err := s.registry.Retag(r.Context(), repo, from, to, in.Override); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, empty)
}
