// Package iam is the edge for identity: the IAM API (tokens, users, groups,
// projects, the service catalogue, access keys), the registry's token
// endpoint, and the authenticator that the other families share. It translates between the wire
// and package identity and decides nothing itself.
package iam

import (
	_ "embed"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
)

// OpenAPI is the description of this family in OpenAPI 3.1, as YAML.
//
//go:embed openapi.yaml
var OpenAPI []byte

// Options say how the family presents itself.
type Options struct {
	// PublicURL returns the base of the URLs in answers, without a slash at the end.
	PublicURL func(*http.Request) string
	Region    string // of the endpoints in the service catalogue
}

// New returns the handler of /v3 and /v3.0.
func New(svc *identity.Service, auth api.Authenticator, o Options) *api.Mux {
	s := &server{svc: svc, o: o}
	m := api.NewMux(writeError)
	handle := func(pattern string, h api.Handler) { m.Handle(pattern, traced(h)) }
	signedIn := func(pattern string, h api.Handler) { handle(pattern, api.Authenticated(auth, h)) }

	handle("GET /v3", s.version)
	handle("GET /v3/{$}", s.version)
	handle("POST /v3/auth/tokens", s.issueToken)
	signedIn("GET /v3/auth/tokens", s.showToken)
	signedIn("HEAD /v3/auth/tokens", s.checkToken)
	signedIn("DELETE /v3/auth/tokens", s.revokeToken)
	signedIn("GET /v3/projects", s.listProjects)
	signedIn("GET /v3/auth/projects", s.listUsableProjects)
	signedIn("GET /v3/auth/domains", s.listDomains)
	signedIn("GET /v3/auth/catalog", s.showCatalog)
	signedIn("GET /v3/domains", s.listAllDomains)
	signedIn("POST /v3/domains", s.createDomain)
	signedIn("POST /v3.0/OS-EASEL/explain", s.explain)
	signedIn("POST /v3/projects", s.createProject)
	signedIn("GET /v3/projects/{project_id}", s.showProject)
	signedIn("PATCH /v3/projects/{project_id}", s.updateProject)
	signedIn("GET /v3/users", s.listUsers)
	signedIn("POST /v3/users", s.createUser)
	signedIn("GET /v3/users/{user_id}", s.showUser)
	signedIn("PATCH /v3/users/{user_id}", s.updateUser)
	signedIn("DELETE /v3/users/{user_id}", s.deleteUser)
	signedIn("POST /v3/users/{user_id}/password", s.changePassword)
	signedIn("GET /v3/users/{user_id}/groups", s.listUserGroups)
	signedIn("GET /v3/users/{user_id}/projects", s.listUserProjects)
	signedIn("POST /v3.0/OS-USER/users", s.createUser)
	signedIn("GET /v3.0/OS-USER/users/{user_id}", s.showUser)
	signedIn("PUT /v3.0/OS-USER/users/{user_id}", s.updateUser)
	signedIn("GET /v3/groups", s.listGroups)
	signedIn("POST /v3/groups", s.createGroup)
	signedIn("GET /v3/groups/{group_id}", s.showGroup)
	signedIn("PATCH /v3/groups/{group_id}", s.updateGroup)
	signedIn("DELETE /v3/groups/{group_id}", s.deleteGroup)
	signedIn("GET /v3/groups/{group_id}/users", s.listMembers)
	signedIn("HEAD /v3/groups/{group_id}/users/{user_id}", s.checkMember)
	signedIn("PUT /v3/groups/{group_id}/users/{user_id}", s.addMember)
	signedIn("DELETE /v3/groups/{group_id}/users/{user_id}", s.removeMember)
	signedIn("GET /v3/roles", s.listRoles)
	signedIn("GET /v3/roles/{role_id}", s.showRole)
	signedIn("GET /v3.0/OS-ROLE/roles", s.listPolicies)
	signedIn("POST /v3.0/OS-ROLE/roles", s.createPolicy)
	signedIn("GET /v3.0/OS-ROLE/roles/{role_id}", s.showPolicy)
	signedIn("PATCH /v3.0/OS-ROLE/roles/{role_id}", s.updatePolicy)
	signedIn("DELETE /v3.0/OS-ROLE/roles/{role_id}", s.deletePolicy)
	for _, at := range []struct {
		list, one string
		in        place
	}{
		{"/v3/domains/{domain_id}/groups/{group_id}/roles", "/{role_id}", inDomainOf},
		{"/v3/projects/{project_id}/groups/{group_id}/roles", "/{role_id}", inProject},
		{"/v3/OS-INHERIT/domains/{domain_id}/groups/{group_id}/roles", "/{role_id}/inherited_to_projects", inAllProjects},
	} {
		list := at.list
		if strings.HasSuffix(at.one, "/inherited_to_projects") {
			list += "/inherited_to_projects"
		}
		signedIn("GET "+list, s.listGranted(at.in))
		signedIn("HEAD "+at.list+at.one, s.checkGranted(at.in))
		signedIn("PUT "+at.list+at.one, s.grant(at.in))
		signedIn("DELETE "+at.list+at.one, s.revoke(at.in))
	}
	signedIn("GET /v3.0/OS-PERMISSION/role-assignments", s.listAssignments)
	handle("POST /v3.0/OS-CREDENTIAL/securitytokens", s.createSecurityToken)
	signedIn("POST /v3.0/OS-CREDENTIAL/credentials", s.createKey)
	signedIn("GET /v3.0/OS-CREDENTIAL/credentials", s.listKeys)
	signedIn("GET /v3.0/OS-CREDENTIAL/credentials/{access_key}", s.showKey)
	signedIn("PUT /v3.0/OS-CREDENTIAL/credentials/{access_key}", s.updateKey)
	signedIn("DELETE /v3.0/OS-CREDENTIAL/credentials/{access_key}", s.deleteKey)
	return m
}

type server struct {
	svc *identity.Service
	o   Options
}

// traced puts the request's id into the answer's headers.
func traced(h api.Handler) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		setTrace(w, r)
		return h(w, r)
	}
}

// maxBody is the largest body of an IAM request in bytes (IAM.1101).
const maxBody = 32 << 10

// readJSON decodes a body that must not be empty.
func readJSON(r *http.Request, v any) error {
	if r.Body != nil {
		r.Body = http.MaxBytesReader(nil, r.Body, maxBody)
	}
	ok, err := api.ReadJSON(r, v)
	if easel.AsError(err).Kind == easel.TooLarge || (err == nil && !ok) {
		return easel.E(easel.Invalid, "body size", "the body must have 1 to %d bytes", maxBody)
	}
	return err
}

// timeLayout has six fraction digits (iam.md section 2).
const timeLayout = "2006-01-02T15:04:05.000000Z"

// wireTime is a time in that layout.
type wireTime time.Time

// MarshalJSON implements json.Marshaler.
func (t wireTime) MarshalJSON() ([]byte, error) {
	return json.Marshal(time.Time(t).UTC().Format(timeLayout))
}

// idName is how projects, domains and roles are mentioned.
type idName struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// selfLink is the link of an item.
type selfLink struct {
	Self string `json:"self"`
}

// listLinks are the links of a list that has one page.
type listLinks struct {
	Self     string  `json:"self"`
	Next     *string `json:"next"`
	Previous *string `json:"previous"`
}

func (s *server) linksOf(r *http.Request) listLinks {
	return listLinks{Self: s.o.PublicURL(r) + r.URL.RequestURI()}
}
