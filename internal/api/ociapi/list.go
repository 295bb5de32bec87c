package ociapi

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"easel"
	"easel/internal/api"
)

type wireTags struct {
	Name easel.Repo  `json:"name"`
	Tags []easel.Tag `json:"tags"`
}

// listTags serves the tags of a repository in byte order (end-8).
func (s *server) listTags(w *api.Response, r *http.Request, c call) error {
	n, last, err := parsePage(r.URL.Query())
	if err != nil {
		return err
	}
	found, more, err := s.registry.Tags(r.Context(), c.repo, last, n)
	if err != nil {
		return err
	}
	if more && n > 0 {
		setNext(w.Header(), r, url.Values{"n": {strconv.Itoa(n)}, "last": {string(found[len(found)-1])}})
	}
	return api.WriteJSON(w, http.StatusOK, wireTags{c.repo, found})
}

type wireRepositories struct {
	Repositories []easel.Repo `json:"repositories"`
}

// listRepositories serves an administrator's list of repositories, as docker's
// registry does; the specification has none.
func (s *server) listRepositories(w *api.Response, r *http.Request, _ call) error {
	n, last, err := parsePage(r.URL.Query())
	if err != nil {
		return err
	}
	found, more, err := s.registry.Repositories(r.Context(), last, n)
	if err != nil {
		return err
	}
	if more && n > 0 {
		setNext(w.Header(), r, url.Values{"n": {strconv.Itoa(n)}, "last": {string(found[len(found)-1])}})
	}
	return api.WriteJSON(w, http.StatusOK, wireRepositories{found})
}

type wireIndex struct {
	SchemaVersion int                `json:"schemaVersion"`
	MediaType     string             `json:"mediaType"`
	Manifests     []easel.Descriptor `json:"manifests"`
}

// listReferrers serves the manifests whose subject is the digest (end-12).
func (s *server) listReferrers(w *api.Response, r *http.Request, c call) error {
	q := r.URL.Query()
	artifactType, err := parseText(q, "artifactType")
	if err != nil {
		return err
	}
	var last easel.Digest
	if q.Has("last") {
		if last, err = easel.ParseDigest(q.Get("last")); err != nil {
			return err
		}
	}
	found, more, err := s.registry.Referrers(r.Context(), c.repo, c.digest, artifactType, last)
	if err != nil {
		return err
	}
	next := url.Values{}
	if artifactType != "" {
		w.Header().Set("Oci-Filters-Applied", "artifactType")
		next.Set("artifactType", artifactType)
	}
	if more {
		next.Set("last", string(found[len(found)-1].Digest))
		setNext(w.Header(), r, next)
	}
	w.Header().Set("Content-Type", easel.MediaTypeOCIIndex)
	w.WriteHeader(http.StatusOK)
	return json.NewEncoder(w).Encode(wireIndex{2, easel.MediaTypeOCIIndex, found})
}

// setNext names the next page (RFC 8288).
func setNext(h http.Header, r *http.Request, q url.Values) {
	h.Set("Link", "<"+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
}
