package ociapi

import (
	"net/http"

	"easel/internal/api"
)

const octetStream = "application/octet-stream"

// getBlob serves GET and HEAD (end-2).
func (s *server) getBlob(w *api.Response, r *http.Request, c call) error {
	if r.Method == http.MethodHead {
		b, err := s.registry.StatBlob(r.Context(), c.repo, c.digest)
		if err != nil {
			return err
		}
		return serveContent(w, r, content{c.digest, octetStream, b.Size, onlySize(b.Size)})
	}
	b, err := s.registry.OpenBlob(r.Context(), c.repo, c.digest)
	if err != nil {
		return err
	}
	defer b.Content.Close()
	defer func() { s.registry.CountServed(c.repo, w.Bytes()) }()
	return serveContent(w, r, content{c.digest, octetStream, b.Size, b.Content})
}

// deleteBlob serves DELETE of a blob (end-10).
func (s *server) deleteBlob(w *api.Response, r *http.Request, c call) error {
	receipt, err := s.registry.DeleteBlob(r.Context(), c.repo, c.digest)
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	w.WriteHeader(http.StatusAccepted)
	return nil
}
