package ociapi

import (
	"bytes"
	"errors"
	"io"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/registry"
)

// getManifest serves GET and HEAD (end-3). The manifest is sent as it was
// pushed, whatever Accept says: its digest is its name.
func (s *server) getManifest(w *api.Response, r *http.Request, c call) error {
	m, err := s.registry.Manifest(r.Context(), c.repo, c.ref)
	if err != nil {
		return err
	}
	if r.Method == http.MethodGet {
		s.registry.CountPull(r.Context(), c.repo, m.Digest, r.UserAgent())
	}
	return serveContent(w, r, content{m.Digest, m.MediaType, int64(len(m.Body)), bytes.NewReader(m.Body)})
}

// putManifest serves PUT (end-7a) and PUT by digest with tags (end-7b).
func (s *server) putManifest(w *api.Response, r *http.Request, c call) error {
	tags, err := parseTags(r.URL.Query())
	if err != nil {
		return err
	}
	body, err := readManifest(w, r, s.o)
	if err != nil {
		return err
	}
	pushed, err := s.registry.PutManifest(r.Context(), c.repo, registry.ManifestPush{
		Ref: c.ref, Tags: tags, ContentType: r.Header.Get("Content-Type"), Body: body})
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Location", "/v2/"+string(c.repo)+"/manifests/"+string(pushed.Digest))
	h.Set("Docker-Content-Digest", string(pushed.Digest))
	if pushed.Subject != "" {
		h.Set("Oci-Subject", string(pushed.Subject))
	}
	for _, t := range tags {
		h.Add("Oci-Tag", string(t))
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

func readManifest(w http.ResponseWriter, r *http.Request, o Options) ([]byte, error) {
	tooLarge := easel.E(easel.TooLarge, "manifest", "the manifest has more than the %d bytes that are taken", easel.MaxManifestSize)
	if r.ContentLength > easel.MaxManifestSize {
		return nil, tooLarge
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, io.NopCloser(api.PacedBody(w, r, o.Idle)), easel.MaxManifestSize))
	if tooMany := (*http.MaxBytesError)(nil); errors.As(err, &tooMany) {
		return nil, tooLarge
	}
	if err != nil {
		return nil, easel.E(easel.Invalid, "size", "the body ended after %d bytes", len(body)).Because(err)
	}
	return body, nil
}

// deleteManifest serves DELETE of a tag or of a manifest with all its tags (end-9).
func (s *server) deleteManifest(w *api.Response, r *http.Request, c call) error {
	var receipt easel.Receipt
	var err error
	if c.ref.Tag != "" {
		receipt, err = s.registry.DeleteTag(api.Insisting(r), c.repo, c.ref.Tag)
	} else {
		receipt, err = s.registry.DeleteManifest(api.Insisting(r), c.repo, c.ref.Digest)
	}
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	w.WriteHeader(http.StatusAccepted)
	return nil
}
