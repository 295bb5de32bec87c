package app

import (
	"net/http"
	"path"
	"strings"

	"easel/internal/api"
)

// family is a set of URLs that one package serves; it is a label of metrics.
type family string

// The families, and noFamily for paths that belong to none.
const (
	modelartsFamily family = "modelarts"
	swrFamily       family = "swr"
	ociFamily       family = "oci"
	tokenFamily     family = "token"
	iamFamily       family = "iam"
	easelFamily     family = "easel"
	docsFamily      family = "docs"
	rootFamily      family = "root"
	opsFamily       family = "ops"
	noFamily        family = "none"
)

// familyOf returns the family of an escaped path. It looks at prefixes only:
// what lies below is the family's business, unclean paths included.
func familyOf(p string) family {
	switch p {
	case "/":
		return rootFamily
	case "/metrics", "/healthz", "/readyz":
		return opsFamily
	case "/v2", "/v2/manage":
		return swrFamily
	case "/v3", "/v3.0":
		return iamFamily
	case "/swr/auth/v2/registry/auth", "/swr/auth/v2/registry/auth/":
		return tokenFamily
	case "/docs", "/console", "/console/":
		return docsFamily
	}
	for _, f := range []struct {
		prefix string
		family family
	}{
		{"/v2/manage/", swrFamily}, {"/v2/", ociFamily}, {"/v1/", modelartsFamily},
		{"/v3/", iamFamily}, {"/v3.0/", iamFamily}, {"/easel/v1/", easelFamily},
		{"/docs/", docsFamily}, {"/openapi/", docsFamily},
	} {
		if strings.HasPrefix(p, f.prefix) {
			return f.family
		}
	}
	return noFamily
}

// dispatcher sends a request to its family. There is no ServeMux here: it
// would redirect unclean paths, and SDKs take a redirect for success.
type dispatcher struct {
	families map[family]http.Handler
	metrics  *metrics
}

// ServeHTTP implements http.Handler.
func (d *dispatcher) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f := familyOf(r.URL.EscapedPath())
	h := d.families[f]
	if h == nil {
		f, h = noFamily, http.HandlerFunc(notFound)
	}
	d.metrics.serve(f, h, w, r)
}

// besides lets ops answer its paths outside of the access log, which probes
// and scrapes would fill, and everything else go to h.
func besides(ops, h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if familyOf(r.URL.EscapedPath()) == opsFamily {
			ops.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// notFound answers paths of no family in the form that most clients here read.
func notFound(w http.ResponseWriter, r *http.Request) {
	writeProblem(w, http.StatusNotFound, "ModelArts.4204", "there is nothing at this address")
}

func writeProblem(w http.ResponseWriter, status int, code, msg string) {
	// The status is out: an error here can only be a client that hung up.
	_ = api.WriteJSON(w, status, map[string]string{"error_code": code, "error_msg": msg})
}

// root answers "GET /": a browser gets the documentation, a client that signs
// in the plain layout asks SWR for its versions, any other asks IAM. So does the
// SDK's IAM client, which signs for an account and not for a project.
func root(swrVersions, iamVersions http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodHead:
			w.Header().Set("Allow", "GET, HEAD")
			writeProblem(w, http.StatusMethodNotAllowed, "ModelArts.2803", "only GET is allowed here")
		case strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, "/docs/", http.StatusFound)
		case strings.HasPrefix(r.Header.Get("Authorization"), "SDK-HMAC-SHA256 Access=") && r.Header.Get("X-Domain-Id") == "":
			swrVersions.ServeHTTP(w, r)
		default:
			iamVersions.ServeHTTP(w, r)
		}
	})
}

// docs serves the documentation at clean paths only, and brings browsers that
// look for the console to it.
func docsAt(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := r.URL.EscapedPath()
		switch clean := path.Clean(p); {
		case p == "/docs" || p == "/console" || p == "/console/":
			http.Redirect(w, r, "/docs/", http.StatusFound)
		case p != clean && p != clean+"/":
			notFound(w, r)
		default:
			h.ServeHTTP(w, r)
		}
	})
}
