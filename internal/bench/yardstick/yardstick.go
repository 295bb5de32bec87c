// Package yardstick is the machine's own limit: a plain HTTP server that hashes
// bodies into files, makes them durable, and serves files. It answers at the
// addresses of a registry, so that the same client can use it, but it is
// none: no login, no database, no reference is checked, nothing is shared.
package yardstick

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Handler serves files in a directory.
type Handler struct {
	dir string

	mu   sync.Mutex // guards what follows
	tags map[string]string
	next int64
}

// New returns a handler that keeps its files in dir, which must be there.
func New(dir string) *Handler { return &Handler{dir: dir, tags: map[string]string{}} }

// ServeHTTP implements http.Handler.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/v2/" {
		return
	}
	var err error
	switch rest, isManifest := strings.CutPrefix(path(r), "manifests/"); {
	case r.Method == http.MethodPost:
		h.mu.Lock()
		h.next++
		w.Header().Set("Location", r.URL.Path+strconv.FormatInt(h.next, 10))
		h.mu.Unlock()
		w.WriteHeader(http.StatusAccepted)
	case r.Method == http.MethodPut:
		err = h.put(w, r, isManifest)
	case r.Method == http.MethodDelete:
		if err = os.Remove(h.file(rest)); err == nil {
			w.WriteHeader(http.StatusAccepted)
		}
	default:
		err = h.get(w, r, rest)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		http.Error(w, "not there", http.StatusNotFound)
	case err != nil:
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

// path returns "manifests/REFERENCE" or the digest of a blob.
func path(r *http.Request) string {
	if _, rest, ok := strings.Cut(r.URL.Path, "/manifests/"); ok {
		return "manifests/" + rest
	}
	return filepath.Base(r.URL.Path)
}

// file returns the file of a digest. A client's name is never a path.
func (h *Handler) file(digest string) string {
	sum := sha256.Sum256([]byte(digest))
	return filepath.Join(h.dir, hex.EncodeToString(sum[:]))
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, ref string) error {
	h.mu.Lock()
	digest, ok := h.tags[r.URL.Path]
	h.mu.Unlock()
	if ok {
		ref = digest
	}
	f, err := os.Open(h.file(ref))
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Length", strconv.FormatInt(info.Size(), 10))
	if r.Method == http.MethodGet {
		io.Copy(w, f) // an error is a client that hung up
	}
	return nil
}

func (h *Handler) put(w http.ResponseWriter, r *http.Request, isManifest bool) error {
	f, err := os.CreateTemp(h.dir, "")
	if err != nil {
		return err
	}
	defer f.Close()
	sum := sha256.New()
	if err := receive(f, sum, r.Body); err != nil {
		return err
	}
	digest := "sha256:" + hex.EncodeToString(sum.Sum(nil))
	if isManifest {
		h.mu.Lock()
		h.tags[r.URL.Path] = digest
		h.mu.Unlock()
	} else if digest != r.URL.Query().Get("digest") {
		http.Error(w, "other bytes", http.StatusBadRequest)
		return nil
	}
	if err := os.Rename(f.Name(), h.file(digest)); err != nil {
		return err
	}
	dir, err := os.Open(h.dir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := dir.Sync(); err != nil {
		return err
	}
	w.WriteHeader(http.StatusCreated)
	return nil
}

// receive copies body to file and hash and syncs the file.
func receive(f *os.File, sum hash.Hash, body io.Reader) error {
	b := make([]byte, 128<<10)
	// The wrappers keep the copy in this buffer.
	if _, err := io.CopyBuffer(struct{ io.Writer }{io.MultiWriter(f, sum)}, struct{ io.Reader }{body}, b); err != nil {
		return err
	}
	return f.Sync()
}
