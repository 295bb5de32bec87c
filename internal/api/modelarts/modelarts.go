// Package modelarts speaks the parts of the ModelArts API, version 1, that are
// about images and workspaces: /v1/{project_id}/images… and …/workspaces…. It
// parses requests, calls the workbench, and puts images, groups, workspaces and
// errors on the wire in the documented form. It decides nothing.
//
// The order of checks is that of the specification (errors.md section 5):
// path and method, size and type of the body, credential, project, action,
// syntax of query and body, and then those of the workbench.
package modelarts

import (
	_ "embed"
	"net/http"
	"net/url"

	"easel"
	"easel/internal/api"
	"easel/internal/policy"
	"easel/internal/workbench"
)

// OpenAPI is the OpenAPI 3.1 description of what New serves.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Options say what differs between installations.
type Options struct {
	// PublicURL returns the URL under which the client of a request reaches this
	// server; its host is the registry of image paths. Nil: the request's Host.
	PublicURL func(*http.Request) string
	// NotFoundStatus answers for images and groups that are not there: 404, or
	// 400 as an older service does. 0: 404.
	NotFoundStatus int
}

type edge struct {
	images *workbench.Service
	auth   api.Authenticator
	o      Options
}

// New returns the routes of the image API.
func New(images *workbench.Service, auth api.Authenticator, o Options) *api.Mux {
	if o.NotFoundStatus == 0 {
		o.NotFoundStatus = http.StatusNotFound
	}
	e := &edge{images: images, auth: auth, o: o}
	m := api.NewMux(e.writeError)
	for _, op := range []struct {
		pattern string
		action  policy.Action
		serve   api.Handler
	}{
		{"GET /v1/{project_id}/images", policy.ListImages, e.listImages},
		{"POST /v1/{project_id}/images", policy.RegisterImg, e.registerImage},
		{"GET /v1/{project_id}/images/group", policy.ListGroups, e.listGroups},
		{"PUT /v1/{project_id}/images/group/{id}", policy.UpdateGroup, e.updateGroup},
		{"DELETE /v1/{project_id}/images/group/{id}", policy.DeleteGroup, e.deleteGroup},
		{"GET /v1/{project_id}/images/{id}", policy.ShowImage, e.showImage},
		{"DELETE /v1/{project_id}/images/{id}", policy.DeleteImage, e.deleteImage},
		{"POST /v1/{project_id}/images/{image_id}/sync", policy.SyncImage, e.syncImage},

		{"GET /v1/{project_id}/workspaces", policy.ListWorkspaces, e.listWorkspaces},
		{"POST /v1/{project_id}/workspaces", policy.CreateWorkspace, e.createWorkspace},
		{"GET /v1/{project_id}/workspaces/{workspace_id}", policy.ShowWorkspace, e.showWorkspace},
		{"PUT /v1/{project_id}/workspaces/{workspace_id}", policy.UpdateWorkspace, e.updateWorkspace},
		{"DELETE /v1/{project_id}/workspaces/{workspace_id}", policy.DeleteWorkspace, e.deleteWorkspace},
		{"GET /v1/{project_id}/workspaces/{workspace_id}/quotas", policy.ShowWorkspaceQuotas, e.showWorkspaceQuotas},
		{"PUT /v1/{project_id}/workspaces/{workspace_id}/quotas", policy.UpdateWorkspaceQuotas, e.updateWorkspaceQuotas},
	} {
		m.Handle(op.pattern, e.operation(op.action, op.serve))
	}
	return m
}

// operation wraps serve with the checks that all operations share.
func (e *edge) operation(action policy.Action, serve api.Handler) api.Handler {
	checked := api.Authenticated(e.auth, func(w http.ResponseWriter, r *http.Request) error {
		api.SetUser(r, easel.PrincipalFrom(r.Context()))
		project := r.PathValue("project_id")
		if p := r.Header.Get("X-Project-Id"); p != "" && p != project && r.Header.Get("X-Auth-Token") == "" {
			return easel.E(easel.Denied, "project", "X-Project-Id and the project of the path differ")
		}
		if err := e.images.May(r.Context(), project, action); err != nil {
			return err
		}
		return serve(w, r)
	})
	return func(w http.ResponseWriter, r *http.Request) error {
		api.SetRoute(r, string(action))
		if err := checkBody(r); err != nil {
			return err
		}
		return checked(w, inPathProject(r))
	}
}

// inPathProject lets a signed request that names no project act in that of
// its path. The header is not one of those that were signed.
func inPathProject(r *http.Request) *http.Request {
	if r.Header.Get("X-Project-Id") != "" || r.Header.Get("X-Auth-Token") != "" {
		return r
	}
	r = r.WithContext(r.Context())
	r.Header = r.Header.Clone()
	r.Header.Set("X-Project-Id", r.PathValue("project_id"))
	return r
}

// host returns the registry host of paths that the client of r leaves it out of.
func (e *edge) host(r *http.Request) string {
	if e.o.PublicURL != nil {
		if u, err := url.Parse(e.o.PublicURL(r)); err == nil && u.Host != "" {
			return u.Host
		}
	}
	return r.Host
}
