package ociapi

import (
	"context"
	_ "embed"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/registry"
)

// OpenAPI describes the family, OpenAPI 3.1.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Verifier establishes who a registry token belongs to.
type Verifier interface {
	// VerifyRegistryToken returns the token's subject, bounded by the token's
	// scopes. Errors: Unauthenticated for a token that is not, or no longer, good.
	VerifyRegistryToken(ctx context.Context, token string) (easel.Principal, error)
}

// Options say what the outside looks like.
type Options struct {
	// PublicURL returns scheme and host of the installation as the client of
	// the request sees it, without a trailing slash.
	PublicURL func(*http.Request) string
	Service   string        // the service of the challenge: "dockyard"
	Idle      time.Duration // how long a client that sends bytes may pause: 60 s
}

// New returns the handler for /v2/.
func New(r *registry.Service, v Verifier, o Options) http.Handler {
	if o.Service == "" {
		o.Service = "dockyard"
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	return &server{registry: r, verifier: v, o: o}
}

type server struct {
	registry *registry.Service
	verifier Verifier
	o        Options
}

// handler serves one operation. It is called with the caller in the context.
type handler func(*server, *api.Response, *http.Request, call) error

// route is a resource as the table below and the documentation name it.
type route struct {
	name    string // for metrics
	pattern string
	methods map[string]handler
}

// routes names the handlers of every operation.
var routes = [numResources]route{
	pingCall:      {"oci ping", "/v2/", map[string]handler{"GET": (*server).ping}},
	catalogCall:   {"oci catalog", "/v2/_catalog", map[string]handler{"GET": (*server).listRepositories}},
	tagsCall:      {"oci tags", "/v2/{name}/tags/list", map[string]handler{"GET": (*server).listTags}},
	referrersCall: {"oci referrers", "/v2/{name}/referrers/{digest}", map[string]handler{"GET": (*server).listReferrers}},
	manifestCall: {"oci manifest", "/v2/{name}/manifests/{reference}", map[string]handler{
		"GET": (*server).getManifest, "PUT": (*server).putManifest, "DELETE": (*server).deleteManifest}},
	blobCall: {"oci blob", "/v2/{name}/blobs/{digest}", map[string]handler{
		"GET": (*server).getBlob, "DELETE": (*server).deleteBlob}},
	uploadsCall: {"oci uploads", "/v2/{name}/blobs/uploads/", map[string]handler{"POST": (*server).startUpload}},
	uploadCall: {"oci upload", "/v2/{name}/blobs/uploads/{id}", map[string]handler{
		"GET": (*server).uploadStatus, "PATCH": (*server).appendUpload, "PUT": (*server).finishUpload, "DELETE": (*server).cancelUpload}},
}

// Patterns returns the operations that are served, "METHOD /path/{wildcard}".
func Patterns() []string {
	var all []string
	for _, rt := range routes {
		for method := range rt.methods {
			all = append(all, method+" "+rt.pattern)
		}
	}
	slices.Sort(all)
	return all
}

// ServeHTTP implements http.Handler.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Docker-Distribution-API-Version", "registry/2.0")
	res := api.NewResponse(w)
	defer api.Recover(res, r, writeError)
	if err := s.serve(res, r); err != nil {
		writeError(res, r, err)
	}
}

func (s *server) serve(w *api.Response, r *http.Request) error {
	c, err := parse(r.URL)
	if err != nil {
		return err
	}
	rt := routes[c.resource]
	api.SetRoute(r, rt.name)
	h, err := rt.handler(w, r.Method)
	if err != nil {
		return err
	}
	need := scopes(r, c)
	who, err := s.authenticate(r, need)
	if err != nil {
		return api.Refuse(r, err)
	}
	if err := api.Admit(r, who); err != nil {
		return err
	}
	r = r.WithContext(easel.WithPrincipal(r.Context(), who))
	if err := h(s, w, r, c); err != nil {
		return s.challenged(r, need, err)
	}
	return nil
}

// handler returns what serves method. Who answers GET answers HEAD.
func (rt route) handler(w http.ResponseWriter, method string) (handler, error) {
	h := rt.methods[method]
	if method == http.MethodHead {
		h = rt.methods[http.MethodGet]
	}
	if h != nil {
		return h, nil
	}
	allow := slices.Collect(maps.Keys(rt.methods))
	if rt.methods[http.MethodGet] != nil {
		allow = append(allow, http.MethodHead)
	}
	slices.Sort(allow)
	w.Header().Set("Allow", strings.Join(allow, ", "))
	return nil, easel.E(easel.Unsupported, "route", "%.20s is not allowed here; use %s", method, strings.Join(allow, ", "))
}

// ping tells clients that the protocol is spoken here and, by its challenge,
// where to log in (end-1).
func (s *server) ping(w *api.Response, r *http.Request, _ call) error {
	if r.Header.Get("Authorization") == "" {
		return easel.E(easel.Unauthenticated, "", "authentication required")
	}
	w.Header().Set("Content-Type", "application/json")
	_, err := w.Write([]byte("{}"))
	return err
}
