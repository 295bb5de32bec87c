// Package docs serves the readable API reference: static pages under /docs/
// that are made from the families' OpenAPI documents when somebody first asks,
// and the documents themselves under /openapi/.
//
// The pages need no script, no other host and no cookie, which their
// content security policy enforces. document.go reads the YAML in its own order,
// model.go and schema.go choose what a page says, page.html says it.
package docs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"

	"easel/internal/api"
)

// Family is one API with its OpenAPI 3.1 document in YAML.
type Family struct {
	Name     string // in paths: /docs/{name}/, /openapi/{name}.yaml
	Title    string
	Document []byte
}

//go:embed index.html page.html missing.html
var templates embed.FS

//go:embed style.css
var style string

// page is a finished answer.
type page struct {
	contentType string
	body        []byte
	etag        string
}

type server struct {
	pages   map[string]page // by path
	missing []byte
	policy  string
}

// New returns the handler of /docs/ and /openapi/. It fails when a document is
// not YAML, has a $ref that leads nowhere, or two families share a name.
func New(families []Family) (http.Handler, error) {
	t, err := template.ParseFS(templates, "*.html")
	if err != nil {
		return nil, fmt.Errorf("read the pages' templates: %w", err)
	}
	sum := sha256.Sum256([]byte(style))
	s := &server{pages: map[string]page{}, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"}
	var all []*reference
	for _, f := range families {
		ref, err := read(f)
		if err != nil {
			return nil, fmt.Errorf("API reference of %s: %w", f.Name, err)
		}
		if _, taken := s.pages["/docs/"+f.Name]; taken {
			return nil, fmt.Errorf("API reference: two families are called %s", f.Name)
		}
		all = append(all, ref)
		s.add("/openapi/"+f.Name+".yaml", "application/yaml", f.Document)
		s.add("/docs/"+f.Name, "", nil) // taken; filled in below, when all families are known
	}
	for _, ref := range all {
		html, err := render(t, "page.html", view{Style: template.CSS(style), Families: all, Reference: ref})
		if err != nil {
			return nil, fmt.Errorf("API reference of %s: %w", ref.Name, err)
		}
		s.add("/docs/"+ref.Name, htmlType, html)
		s.add("/docs/"+ref.Name+"/", htmlType, html)
	}
	index, err := render(t, "index.html", view{Style: template.CSS(style), Families: all})
	if err != nil {
		return nil, err
	}
	s.add("/docs/", htmlType, index)
	s.missing, err = render(t, "missing.html", view{Style: template.CSS(style), Families: all})
	return s, err
}

// Later returns the handler that New returns, made by the first request:
// reading the documents is a third of the work of a server's start.
func Later(families []Family) http.Handler {
	made := sync.OnceValues(func() (http.Handler, error) { return New(families) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h, err := made()
		if err != nil {
			api.LogError(r, err)
			http.Error(w, "the API reference cannot be shown", http.StatusInternalServerError)
			return
		}
		h.ServeHTTP(w, r)
	})
}

const htmlType = "text/html; charset=utf-8"

// view is what the templates are given.
type view struct {
	Style     template.CSS
	Families  []*reference
	Reference *reference // nil on the index
}

func render(t *template.Template, name string, v view) ([]byte, error) {
	var b bytes.Buffer
	if err := t.ExecuteTemplate(&b, name, v); err != nil {
		return nil, fmt.Errorf("render %s: %w", name, err)
	}
	return b.Bytes(), nil
}

func (s *server) add(path, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	s.pages[path] = page{contentType, body, `"` + hex.EncodeToString(sum[:8]) + `"`}
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", s.policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache") // ask each time; the ETag makes that cheap
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD are allowed here", http.StatusMethodNotAllowed)
		return
	}
	p, ok := s.pages[r.URL.Path]
	if !ok {
		h.Set("Content-Type", htmlType)
		w.WriteHeader(http.StatusNotFound)
		w.Write(s.missing) // an error here can only be a hung-up client
		return
	}
	h.Set("Content-Type", p.contentType)
	h.Set("ETag", p.etag)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(p.body))
}
