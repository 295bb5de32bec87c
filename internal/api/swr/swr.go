// Package swr is the edge that speaks the SWR management API: organisations,
// repositories and tags under /v2/manage/ (swr.md). It turns requests into calls
// of registry, and of identity for logins, and results into the documented JSON; it decides nothing.
//
// Checks come in this order: route, authentication, syntax of the path, of the
// query and of the body, existence, permission, meaning (swr.md 2.10).
// errors.go has the one table from errors to statuses and codes.
package swr

import (
	_ "embed"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
	"easel/internal/registry"
)

// OpenAPI is the OpenAPI 3.1 document of what New serves, and of Versions.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Options configure the edge.
type Options struct {
	// Identity makes the logins that CreateSecret hands out.
	Identity *identity.Service
	// PublicURL returns the base URL under which a client reaches the server,
	// without a slash at its end; its host is the registry host in paths.
	PublicURL func(*http.Request) string
}

type server struct {
	registry *registry.Service
	o        Options
}

// New returns the handlers of /v2/manage/ and of GET /v2.
func New(s *registry.Service, auth api.Authenticator, o Options) *api.Mux {
	sv := &server{registry: s, o: o}
	m := api.NewMux(writeError)
	m.Handle("GET /v2", named("ShowApiVersion", sv.showVersion))
	const org = "/v2/manage/namespaces/{namespace}"
	const repo = org + "/repos/{repository}"
	const shares = org + "/repositories/{repository}/access-domains" // documented so; other clients use repo
	for _, route := range []struct {
		name, pattern string
		handler       api.Handler
	}{
		{"CreateNamespace", "POST /v2/manage/namespaces", sv.createOrg},
		{"ListNamespaces", "GET /v2/manage/namespaces", sv.listOrgs},
		{"ShowNamespace", "GET " + org, sv.showOrg},
		{"DeleteNamespaces", "DELETE " + org, sv.deleteOrg},
		{"CreateRepo", "POST " + org + "/repos", sv.createRepo},
		{"ListReposDetails", "GET /v2/manage/repos", sv.listRepos},
		{"ShowRepository", "GET " + repo, sv.showRepo},
		{"UpdateRepo", "PATCH " + repo, sv.updateRepo},
		{"DeleteRepo", "DELETE " + repo, sv.deleteRepo},
		{"ListRepositoryTags", "GET " + repo + "/tags", sv.listTags},
		{"ShowRepoTag", "GET " + repo + "/tags/{tag}", sv.showTag},
		{"DeleteRepoTag", "DELETE " + repo + "/tags/{tag}", sv.deleteTag},
		{"ShowNamespaceAuth", "GET " + org + "/access", sv.showOrgGrants},
		{"CreateNamespaceAuth", "POST " + org + "/access", setGrants(onOrg, s.Grant)},
		{"UpdateNamespaceAuth", "PATCH " + org + "/access", setGrants(onOrg, s.ChangeGrants)},
		{"DeleteNamespaceAuth", "DELETE " + org + "/access", sv.revoke(onOrg)},
		{"ShowUserRepositoryAuth", "GET " + repo + "/access", sv.showRepoGrants},
		{"CreateUserRepositoryAuth", "POST " + repo + "/access", setGrants(onRepo, s.Grant)},
		{"UpdateUserRepositoryAuth", "PATCH " + repo + "/access", setGrants(onRepo, s.ChangeGrants)},
		{"DeleteUserRepositoryAuth", "DELETE " + repo + "/access", sv.revoke(onRepo)},
		{"ListSharedReposDetails", "GET /v2/manage/shared-repositories", sv.listShared},
		{"CreateRepoDomains", "POST " + shares, sv.createShare},
		{"ListRepoDomains", "GET " + shares, sv.listShares},
		{"ShowAccessDomain", "GET " + shares + "/{access_domain}", sv.showShare},
		{"UpdateRepoDomains", "PATCH " + shares + "/{access_domain}", sv.updateShare},
		{"DeleteRepoDomains", "DELETE " + shares + "/{access_domain}", sv.deleteShare},
		{"CreateRepoDomains", "POST " + repo + "/access-domains", sv.createShare},
		{"ListRepoDomains", "GET " + repo + "/access-domains", sv.listShares},
		{"ShowAccessDomain", "GET " + repo + "/access-domains/{access_domain}", sv.showShare},
		{"UpdateRepoDomains", "PATCH " + repo + "/access-domains/{access_domain}", sv.updateShare},
		{"DeleteRepoDomains", "DELETE " + repo + "/access-domains/{access_domain}", sv.deleteShare},
		{"CreateRepoTag", "POST " + repo + "/tags", sv.createTag},
		{"CreateRetention", "POST " + repo + "/retentions", sv.createRetention},
		{"ListRetentions", "GET " + repo + "/retentions", sv.listRetentions},
		{"ListRetentionHistories", "GET " + repo + "/retentions/histories", sv.listRetentionHistories},
		{"ShowRetention", "GET " + repo + "/retentions/{retention_id}", sv.showRetention},
		{"UpdateRetention", "PATCH " + repo + "/retentions/{retention_id}", sv.updateRetention},
		{"DeleteRetention", "DELETE " + repo + "/retentions/{retention_id}", sv.deleteRetention},
		{"ShowDomainOverview", "GET /v2/manage/overview", sv.showOverview},
		{"ShowDomainResourceReports", "GET /v2/manage/reports/{resource_type}/{frequency}", sv.showReports},
		{"ListQuotas", "GET /v2/manage/projects/{project_id}/quotas", sv.listQuotas},
		{"ShowShareFeatureGates", "GET /v2/manage/projects/{project_id}/feature-gates", sv.showFeatureGates},
		{"CreateSecret", "POST /v2/manage/utils/secret", sv.createSecret},
	} {
		m.Handle(route.pattern, named(route.name, api.Authenticated(auth, known(route.handler))))
	}
	return m
}

// named notes the operation for the metrics.
func named(operation string, h api.Handler) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		api.SetRoute(r, "swr "+operation)
		return h(w, r)
	}
}

// known notes the caller for the access log.
func known(h api.Handler) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		api.SetUser(r, easel.PrincipalFrom(r.Context()))
		return h(w, r)
	}
}

// empty is the body of a success that has no documented one: strict clients
// run a JSON decoder on it (swr.md 2.2).
var empty = struct{}{}
