package ociapi

import (
	"net/http"
	"net/url"
	"strconv"

	"easel"
	"easel/internal/api"
	"easel/internal/registry"
)

// startUpload serves POST: a new session (end-4a), a whole blob (end-4b), or a
// mount (end-11), which becomes a session when there is nothing to mount.
func (s *server) startUpload(w *api.Response, r *http.Request, c call) error {
	q := r.URL.Query()
	if q.Has("digest") {
		return s.putBlob(w, r, c, q.Get("digest"))
	}
	algorithm := q.Get("digest-algorithm")
	if q.Has("mount") {
		digest, err := easel.ParseDigest(q.Get("mount"))
		if err != nil {
			return err
		}
		mounted, err := s.mount(r, c, digest, q)
		if err != nil {
			return err
		}
		if mounted {
			return created(w, c, digest)
		}
		algorithm = digest.Algorithm()
	}
	u, err := s.registry.StartUpload(r.Context(), c.repo, algorithm)
	if err != nil {
		return err
	}
	setPosition(w.Header(), c, u)
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// mount tries to mount digest. A from that cannot be a repository here is
// one that has nothing to mount.
func (s *server) mount(r *http.Request, c call, digest easel.Digest, q url.Values) (bool, error) {
	var from easel.Repo
	if name := q.Get("from"); name != "" {
		var err error
		if from, err = easel.ParseRepo(name); err != nil {
			return false, nil // as said
		}
	}
	return s.registry.MountBlob(r.Context(), c.repo, from, digest)
}

// putBlob serves POST with the whole blob as its body.
func (s *server) putBlob(w *api.Response, r *http.Request, c call, query string) error {
	digest, err := easel.ParseDigest(query)
	if err != nil {
		return err
	}
	chunk := registry.Chunk{Body: api.PacedBody(w, r, s.o.Idle), At: registry.AtEnd, Size: r.ContentLength}
	if err := s.registry.PutBlob(r.Context(), c.repo, digest, chunk); err != nil {
		return err
	}
	return created(w, c, digest)
}

// uploadStatus serves GET: where to go on (end-13).
func (s *server) uploadStatus(w *api.Response, r *http.Request, c call) error {
	u, err := s.registry.UploadStatus(r.Context(), c.repo, c.upload)
	if err != nil {
		return err
	}
	setPosition(w.Header(), c, u)
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// appendUpload serves PATCH: a chunk, or a stream (end-5).
func (s *server) appendUpload(w *api.Response, r *http.Request, c call) error {
	chunk, err := parseChunk(r)
	if err != nil {
		return err
	}
	chunk.Body = api.PacedBody(w, r, s.o.Idle)
	u, err := s.registry.AppendUpload(r.Context(), c.repo, c.upload, chunk)
	setPosition(w.Header(), c, u)
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// finishUpload serves PUT: the end of a session, with the last bytes or
// without (end-6).
func (s *server) finishUpload(w *api.Response, r *http.Request, c call) error {
	digest, err := easel.ParseDigest(r.URL.Query().Get("digest"))
	if err != nil {
		return err
	}
	chunk, err := parseChunk(r)
	if err != nil {
		return err
	}
	chunk.Body = api.PacedBody(w, r, s.o.Idle)
	u, err := s.registry.FinishUpload(r.Context(), c.repo, c.upload, digest, chunk)
	if err != nil {
		setPosition(w.Header(), c, u)
		return err
	}
	return created(w, c, digest)
}

// cancelUpload serves DELETE of a session (end-14).
func (s *server) cancelUpload(w *api.Response, r *http.Request, c call) error {
	if err := s.registry.CancelUpload(r.Context(), c.repo, c.upload); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// setPosition tells where the session stands. A session without bytes says
// 0-0, for want of a form for the empty range.
func setPosition(h http.Header, c call, u registry.Upload) {
	if u.ID == "" {
		return
	}
	h.Set("Location", "/v2/"+string(c.repo)+"/blobs/uploads/"+u.ID)
	h.Set("Docker-Upload-Uuid", u.ID)
	h.Set("Range", "0-"+strconv.FormatInt(max(u.Size-1, 0), 10))
}

func created(w http.ResponseWriter, c call, digest easel.Digest) error {
	w.Header().Set("Location", "/v2/"+string(c.repo)+"/blobs/"+string(digest))
	w.Header().Set("Docker-Content-Digest", string(digest))
	w.WriteHeader(http.StatusCreated)
	return nil
}
