package easelapi

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
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
	path, err := imageOf(r)
	if err != nil {
		return err
	}
	found, err := s.o.Content.BlobsOf(r.Context(), path.Repo, easel.Ref{Tag: path.Tag})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"image": path.String(), "blobs": found})
}

// use answers how an image was used.
func (s *server) use(w http.ResponseWriter, r *http.Request) error {
	path, err := imageOf(r)
	if err != nil {
		return err
	}
	found, err := s.o.Content.Use(r.Context(), path.Repo, easel.Ref{Tag: path.Tag})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Image string `json:"image"`
		catalog.Use
	}{path.String(), found})
}

// imageOf reads the parameter image, a path without registry.
func imageOf(r *http.Request) (easel.ImagePath, error) {
	path, err := easel.ParseImagePath(r.URL.Query().Get("image"))
	if err == nil && path.Registry != "" {
		err = easel.E(easel.Invalid, "parameter", "image is organisation/name:tag, without %.200s", path.Registry)
	}
	return path, err
}
