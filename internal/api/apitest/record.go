package apitest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
)

// Recorder plays requests against a handler and checks each exchange. It is
// safe for concurrent use.
type Recorder struct {
	handler  http.Handler
	doc      *openapi3.T // nil: nothing is validated
	routes   []route
	replaced []replacement

	mu   sync.Mutex
	seen map[string]bool // operations answered with a success: "METHOD /path"
}

type replacement struct {
	re *regexp.Regexp
	by string
}

// New returns a Recorder for h and its OpenAPI document; with a nil document
// exchanges are recorded and not validated.
func New(t *testing.T, h http.Handler, doc []byte) *Recorder {
	t.Helper()
	r := &Recorder{handler: h, seen: map[string]bool{}}
	if doc != nil {
		r.doc = load(t, doc)
		r.routes = routes(r.doc)
	}
	return r
}

// Replace makes golden files say by, in which $1 is the first group, wherever
// expr matches: for values that change from run to run beside those that
// Golden knows. Call it before the first request.
func (r *Recorder) Replace(expr, by string) {
	r.replaced = append(r.replaced, replacement{regexp.MustCompile(expr), by})
}

// Do plays one request and checks the exchange against the document. The
// request's path must be spelt as a client would send it.
func (r *Recorder) Do(t *testing.T, req *http.Request) *httptest.ResponseRecorder {
	t.Helper()
	w, _ := r.play(t, req)
	return w
}

// Golden plays requests in order, checks each like Do, and compares all
// exchanges with testdata/name.http. JSON is indented, credentials are left
// out, and times, UUIDs, 32-digit ids and request ids get names that are equal
// where the values are equal. It returns the responses.
func (r *Recorder) Golden(t *testing.T, name string, requests ...*http.Request) []*httptest.ResponseRecorder {
	t.Helper()
	var text strings.Builder
	var all []*httptest.ResponseRecorder
	for i, req := range requests {
		w, body := r.play(t, req)
		if i > 0 {
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "%s %s\n", req.Method, req.RequestURI)
		writeMessage(&text, req.Header, body)
		fmt.Fprintf(&text, "%d %s\n", w.Code, http.StatusText(w.Code))
		writeMessage(&text, w.Header(), w.Body.Bytes())
		all = append(all, w)
	}
	Golden(t, name+".http", r.normal(text.String()))
	return all
}

// Complete fails t when the document has an operation that was not answered
// with a success since New.
func (r *Recorder) Complete(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, rt := range r.routes {
		for method := range rt.item.Operations() {
			if key := method + " " + rt.path; !r.seen[key] {
				t.Errorf("%s was never answered with a success", key)
			}
		}
	}
}

// play returns the response and the request's body.
func (r *Recorder) play(t *testing.T, req *http.Request) (*httptest.ResponseRecorder, []byte) {
	t.Helper()
	body, err := io.ReadAll(req.Body)
	if err != nil {
		t.Fatalf("%s %s: read the body: %v", req.Method, req.RequestURI, err)
	}
	sent := req.Clone(t.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	w := httptest.NewRecorder()
	r.handler.ServeHTTP(w, sent)
	if r.doc != nil {
		if err := r.check(req, body, w); err != nil {
			t.Errorf("%s %s -> %d %s: %v", req.Method, req.RequestURI, w.Code, w.Body, err)
		}
	}
	return w, body
}

// credentials are headers whose values never get into a file.
var credentials = []string{"Authorization", "X-Auth-Token", "X-Subject-Token", "X-Security-Token", "X-Sdk-Date"}

func writeMessage(text *strings.Builder, h http.Header, body []byte) {
	names := make([]string, 0, len(h))
	for name := range h {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, v := range h[name] {
			if slices.Contains(credentials, name) {
				v = "<credential>"
			}
			fmt.Fprintf(text, "%s: %s\n", name, v)
		}
	}
	text.WriteString("\n")
	if len(body) > 0 {
		text.Write(indent(body))
		text.WriteString("\n\n")
	}
}
