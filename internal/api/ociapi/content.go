package ociapi

import (
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"easel"
	"easel/internal/api"
)

// content is a blob or manifest that is sent.
type content struct {
	digest    easel.Digest
	mediaType string
	size      int64
	body      io.ReadSeeker
}

// serveContent answers GET and HEAD, whole or in part. The digest is the
// entity tag, so that clients which have the content get 304.
func serveContent(w *api.Response, r *http.Request, c content) error {
	h := w.Header()
	etag := `"` + string(c.digest) + `"`
	h.Set("Content-Type", c.mediaType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Docker-Content-Digest", string(c.digest))
	h.Set("Etag", etag)
	if err := settleRange(h, r, etag, c.size); err != nil {
		return err
	}
	http.ServeContent(w, r, "", time.Time{}, c.body)
	return nil
}

// settleRange leaves a Range header in r only when http.ServeContent would
// answer it with 206.
func settleRange(h http.Header, r *http.Request, etag string, size int64) error {
	header := r.Header.Get("Range")
	if header == "" {
		return nil
	}
	ifRange := r.Header.Get("If-Range")
	if r.Method != http.MethodGet || (ifRange != "" && ifRange != etag) || matches(r.Header.Get("If-None-Match"), etag) {
		r.Header.Del("Range")
		return nil
	}
	honour, err := parseRange(header, size)
	if err != nil {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(size, 10))
		return err
	}
	if !honour {
		r.Header.Del("Range")
	}
	return nil
}

// matches reports whether an If-None-Match header names etag.
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// onlySize is content whose bytes nobody reads: the answer to HEAD.
func onlySize(size int64) io.ReadSeeker { return io.NewSectionReader(noBytes{}, 0, size) }

type noBytes struct{}

func (noBytes) ReadAt([]byte, int64) (int, error) { return 0, io.ErrUnexpectedEOF }
