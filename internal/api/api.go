// Package api is the HTTP toolkit that the protocol families share: handlers
// that return errors, a mux per family, JSON in and out, request ids, the
// access log and credentials. It knows no service and no wire format; each
// family brings the function that writes its errors.
package api

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"path"
	"runtime/debug"
	"strings"
	"time"

	"easel"
)

// Handler serves one request, or returns the error that the family writes.
type Handler func(w http.ResponseWriter, r *http.Request) error

// ErrorWriter puts an error on the wire in one family's form. It must also
// accept errors with the kinds that Mux makes: NotFound and Unsupported with
// the noun "route".
type ErrorWriter func(w http.ResponseWriter, r *http.Request, err error)

// Authenticator establishes who sent a request. It may read the body to
// verify a signature and then leaves an equal one in its place. Nobody:
// Unauthenticated.
type Authenticator interface {
	Authenticate(r *http.Request) (easel.Principal, error)
}

// Reauthenticator is an Authenticator that can say whether a request that it
// let in would be let in now: for answers that take long. It counts nothing, and
// the request must have no body.
type Reauthenticator interface {
	Reauthenticate(r *http.Request) (easel.Principal, error)
}

// Reauthenticate returns who sent r, which a let in, with the rights of now.
// Errors: Unauthenticated when the credential has ended.
func Reauthenticate(a Authenticator, r *http.Request) (easel.Principal, error) {
	if again, ok := a.(Reauthenticator); ok {
		return again.Reauthenticate(r)
	}
	return a.Authenticate(r)
}

// Mux routes the requests of one family. Unlike http.ServeMux it never
// redirects (SDKs take 3xx for success) and answers unknown paths and methods
// in the family's own error form.
type Mux struct {
	mux      http.ServeMux
	fail     ErrorWriter
	patterns []string
	idle     time.Duration // how long a client may pause in the middle of a body
}

// NewMux returns an empty mux that reports errors with fail.
func NewMux(fail ErrorWriter) *Mux { return &Mux{fail: fail, idle: time.Minute} }

// Handle registers h for a pattern of http.ServeMux, "METHOD /path/{wildcard}".
func (m *Mux) Handle(pattern string, h Handler) {
	m.patterns = append(m.patterns, pattern)
	m.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		defer Recover(w, r, m.fail)
		SetRoute(r, pattern) // the handler may have a better name
		if r.Body != nil {   // bodies are read before anybody is asked who they are
			r.Body = struct {
				io.Reader
				io.Closer
			}{PacedBody(w, r, m.idle), r.Body}
		}
		if err := h(w, r); err != nil {
			m.fail(w, r, err)
		}
	})
}

// Recover, deferred, answers a panic in the family's own error form: clients
// parse it. A panic after the answer has begun goes on to Serve, which cuts the
// connection.
func Recover(w http.ResponseWriter, r *http.Request, fail ErrorWriter) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler || NewResponse(w).Status() != 0 {
		panic(p)
	}
	fail(w, r, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
}

// Patterns returns what was registered, in order: the contract tests compare
// it with the OpenAPI document.
func (m *Mux) Patterns() []string { return m.patterns }

// ServeHTTP implements http.Handler.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !cleanPath(r.URL.EscapedPath()) {
		m.fail(w, r, easel.E(easel.NotFound, "route", "there is nothing at %.200s", r.URL.Path))
		return
	}
	if _, pattern := m.mux.Handler(r); pattern != "" {
		m.mux.ServeHTTP(w, r)
		return
	}
	probe := headerProbe{}
	m.mux.ServeHTTP(probe, r)
	if allow := http.Header(probe).Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
		m.fail(w, r, easel.E(easel.Unsupported, "route", "%.20s is not allowed here; use %s", r.Method, allow))
		return
	}
	m.fail(w, r, easel.E(easel.NotFound, "route", "there is nothing at %.200s", r.URL.Path))
}

// headerProbe is a ResponseWriter that keeps only the header: it asks
// http.ServeMux which methods a path has.
type headerProbe http.Header

func (p headerProbe) Header() http.Header         { return http.Header(p) }
func (p headerProbe) Write(b []byte) (int, error) { return len(b), nil }
func (p headerProbe) WriteHeader(int)             {}

// cleanPath reports whether http.ServeMux would route p as it is.
func cleanPath(p string) bool {
	clean := path.Clean(p)
	return p == clean || p == clean+"/"
}

// Authenticated wraps h: the caller is established first and put into the
// request's context.
func Authenticated(a Authenticator, h Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		p, err := a.Authenticate(r)
		if err != nil {
			return err
		}
		return h(w, r.WithContext(easel.WithPrincipal(r.Context(), p)))
	}
}

// MaxJSONBody is the largest JSON body in bytes (12 MiB, images.md errors section 1).
const MaxJSONBody = 12 << 20

// ReadJSON decodes the body into v. An empty body leaves v as it is and
// returns false. Unknown fields are ignored. Errors: TooLarge; Unsupported
// with noun "content type" for a body of another type; Invalid with noun
// "body" for what is no JSON object or array, and noun "body field" for a
// field of the wrong JSON type.
func ReadJSON(r *http.Request, v any) (bool, error) {
	body, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, MaxJSONBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return false, easel.E(easel.TooLarge, "body", "the body is larger than %d bytes", MaxJSONBody)
	}
	if err != nil {
		return false, easel.E(easel.Invalid, "body", "the body could not be read").Because(err)
	}
	if len(strings.TrimSpace(string(body))) == 0 {
		return false, nil
	}
	if ct := r.Header.Get("Content-Type"); ct != "" && !isJSON(ct) {
		return false, easel.E(easel.Unsupported, "content type", "the body must be application/json, not %.80q", ct)
	}
	if err := json.Unmarshal(body, v); err != nil {
		if mistyped := (*json.UnmarshalTypeError)(nil); errors.As(err, &mistyped) && mistyped.Field != "" {
			return false, easel.E(easel.Invalid, "body field", "the field %q must not be a JSON %s", mistyped.Field, mistyped.Value).Because(err)
		}
		return false, easel.E(easel.Invalid, "body", "the body is not the expected JSON").Because(err)
	}
	return true, nil
}

// isJSON accepts application/json with any parameters and the documented
// oddity "charset=utf-8 application/json".
func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return (err == nil && t == "application/json") || strings.Contains(contentType, "application/json")
}

// WireAll returns the wire form of each value; it is never nil, and so never
// null in JSON.
func WireAll[V, W any](values []V, convert func(V) W) []W {
	out := make([]W, len(values))
	for n, v := range values {
		out[n] = convert(v)
	}
	return out
}

// WriteJSON writes v with status. HTML characters are not escaped, as in the
// documented samples.
func WriteJSON(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v) // the status is out: an error here can only be a hung-up client
}
