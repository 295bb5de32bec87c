package ociapi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"easel/internal/api"
)

// serveRange serves size bytes for a Range header.
func serveRange(t *testing.T, header string, size int) (status int, body string) {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header["Range"] = []string{header}
	w := httptest.NewRecorder()
	res := api.NewResponse(w)
	c := content{digest256, octetStream, int64(size), strings.NewReader(strings.Repeat("x", size))}
	if err := serveContent(res, r, c); err != nil {
		writeError(res, r, err)
	}
	return w.Code, w.Body.String()
}

func TestServeContent(t *testing.T) {
	t.Parallel()
	etag := `"` + digest256 + `"`
	for _, tt := range []struct {
		name, method string
		header       [2]string
		status       int
		body, length string
	}{
		{"whole", "GET", [2]string{}, 200, "0123456789", "10"},
		{"head", "HEAD", [2]string{}, 200, "", "10"},
		{"range", "GET", [2]string{"Range", "bytes=2-4"}, 206, "234", "3"},
		{"suffix", "GET", [2]string{"Range", "bytes=-2"}, 206, "89", "2"},
		{"to the end", "GET", [2]string{"Range", "bytes=8-"}, 206, "89", "2"},
		{"too far", "GET", [2]string{"Range", "bytes=10-"}, 416, "", ""},
		{"head ignores a range", "HEAD", [2]string{"Range", "bytes=2-4"}, 200, "", "10"},
		{"several ranges", "GET", [2]string{"Range", "bytes=0-1,4-5"}, 200, "0123456789", "10"},
		{"unknown unit", "GET", [2]string{"Range", "lines=1-2"}, 200, "0123456789", "10"},
		{"client has it", "GET", [2]string{"If-None-Match", etag}, 304, "", ""},
		{"client has it, weakly", "HEAD", [2]string{"If-None-Match", `"x", W/` + etag}, 304, "", ""},
		{"client has another", "GET", [2]string{"If-None-Match", `"other"`}, 200, "0123456789", "10"},
		{"wants another", "GET", [2]string{"If-Match", `"other"`}, 412, "", ""},
	} {
		r := httptest.NewRequest(tt.method, "/", nil)
		if tt.header[0] != "" {
			r.Header.Set(tt.header[0], tt.header[1])
		}
		w := httptest.NewRecorder()
		res := api.NewResponse(w)
		if err := serveContent(res, r, content{digest256, octetStream, 10, strings.NewReader("0123456789")}); err != nil {
			writeError(res, r, err)
		}
		if w.Code != tt.status || (tt.status < 400 && (w.Body.String() != tt.body || w.Header().Get("Content-Length") != tt.length)) {
			t.Errorf("%s: %d, %q, length %s", tt.name, w.Code, w.Body, w.Header().Get("Content-Length"))
		}
		if w.Code < 400 && w.Header().Get("Etag") != etag {
			t.Errorf("%s: Etag %s", tt.name, w.Header().Get("Etag"))
		}
		if w.Code == http.StatusRequestedRangeNotSatisfiable && w.Header().Get("Content-Range") != "bytes */10" {
			t.Errorf("%s: Content-Range %q", tt.name, w.Header().Get("Content-Range"))
		}
	}
}

// TestIfRange: a range of content that has changed is the whole.
func TestIfRange(t *testing.T) {
	t.Parallel()
	for ifRange, want := range map[string]int{`"` + digest256 + `"`: 206, `"other"`: 200} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Range", "bytes=2-4")
		r.Header.Set("If-Range", ifRange)
		w := httptest.NewRecorder()
		if err := serveContent(api.NewResponse(w), r, content{digest256, octetStream, 10, strings.NewReader("0123456789")}); err != nil || w.Code != want {
			t.Errorf("If-Range %s: %d, %v, want %d", ifRange, w.Code, err, want)
		}
	}
}
