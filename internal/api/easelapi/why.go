package easelapi

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// why answers what keeps a blob.
func (s *server) why(w http.ResponseWriter, r *http.Request) error {
	digest, err := easel.ParseDigest(r.PathValue("digest"))
	if err != nil {
		return err
	}
	found, err := s.o.Content.Why(r.Context(), digest)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, found)
}

// blobs answers the blobs of an image, the largest first.
func (s *server) blobs(w http.ResponseWriter, r *http.Request) error {
	path, err := easel.ParseImagePath(r.URL.Query().Get("image"))
	if err != nil {
		return err
	}
	if path.Registry != "" {
		return easel.E(easel.Invalid, "parameter", "image is organisation/name:tag, without %.200s", path.Registry)
	}
	found, err := s.o.Content.BlobsOf(r.Context(), path.Repo, easel.Ref{Tag: path.Tag})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"image": path.String(), "blobs": found})
}
