package apitest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
)

// newRecorder plays req without checking it and leaves its body readable.
func newRecorder(rec *Recorder, req *http.Request) *httptest.ResponseRecorder {
	body := bodyOf(req)
	w := httptest.NewRecorder()
	rec.handler.ServeHTTP(w, req)
	req.Body = io.NopCloser(strings.NewReader(body))
	return w
}

func bodyOf(req *http.Request) string {
	b, _ := io.ReadAll(req.Body) // from memory
	req.Body = io.NopCloser(strings.NewReader(string(b)))
	return string(b)
}
