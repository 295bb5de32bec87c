package swr

import (
	"context"
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/registry"
)

// userAuth is a grant on the wire (swr.md 5).
type userAuth struct {
	UserID   string `json:"user_id"`
	UserName string `json:"user_name"`
	Auth     int    `json:"auth"`
}

func toUserAuth(g catalog.Grant) userAuth { return userAuth{g.User, g.UserName, g.Level} }

// granted is who may do what; only an organisation's has a creator (swr.md 5, 7).
type granted struct {
	ID          int64      `json:"id"`
	Name        string     `json:"name"`
	CreatorName *string    `json:"creator_name,omitempty"`
	Self        userAuth   `json:"self_auth"`
	Others      []userAuth `json:"others_auths"`
}

func toGranted(name string, g registry.Granted) granted {
	out := granted{ID: g.ID, Name: name, Self: toUserAuth(g.Self), Others: make([]userAuth, len(g.Others))}
	for i, other := range g.Others {
		out.Others[i] = toUserAuth(other)
	}
	return out
}

func (s *server) showOrgGrants(w http.ResponseWriter, r *http.Request) error {
	name, err := pathOrg(r)
	if err != nil {
		return err
	}
	g, err := s.registry.OrgGrants(r.Context(), name)
	if err != nil {
		return err
	}
	out := toGranted(string(name), g)
	out.CreatorName = &g.CreatorName
	return api.WriteJSON(w, http.StatusOK, out)
}

func (s *server) showRepoGrants(w http.ResponseWriter, r *http.Request) error {
	name, err := pathRepo(r)
	if err != nil {
		return err
	}
	g, err := s.registry.RepoGrants(r.Context(), name)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, toGranted(name.Name(), g))
}

// grantsOn finds what a request's grants are on.
type grantsOn = func(*http.Request) (catalog.GrantsOn, error)

func onOrg(r *http.Request) (catalog.GrantsOn, error) {
	name, err := pathOrg(r)
	return catalog.GrantsOn{Org: name}, err
}

func onRepo(r *http.Request) (catalog.GrantsOn, error) {
	name, err := pathRepo(r)
	return catalog.GrantsOn{Org: name.Org(), Repo: name}, err
}

// setGrants is for POST and PATCH, which differ in what change does.
func setGrants(on grantsOn, change func(context.Context, catalog.GrantsOn, []catalog.Grant) error) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		target, err := on(r)
		if err != nil {
			return err
		}
		grants, err := readGrants(r)
		if err != nil {
			return err
		}
		if err := change(r.Context(), target, grants); err != nil {
			return err
		}
		return api.WriteJSON(w, http.StatusCreated, empty)
	}
}

// readGrants reads an array whose elements have all three fields. A name is
// not looked at: the id says who it is.
func readGrants(r *http.Request) ([]catalog.Grant, error) {
	var in []struct {
		UserID   *string `json:"user_id"`
		UserName *string `json:"user_name"`
		Auth     *int    `json:"auth"`
	}
	if some, err := api.ReadJSON(r, &in); err != nil || !some {
		return nil, orMissing(err, "the body")
	}
	grants := make([]catalog.Grant, len(in))
	for i, g := range in {
		switch {
		case g.UserID == nil:
			return nil, missing("user_id")
		case g.UserName == nil:
			return nil, missing("user_name")
		case g.Auth == nil:
			return nil, missing("auth")
		}
		grants[i] = catalog.Grant{User: *g.UserID, UserName: *g.UserName, Level: *g.Auth}
	}
	return grants, nil
}

func (s *server) revoke(on grantsOn) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		target, err := on(r)
		if err != nil {
			return err
		}
		var users []string
		if some, err := api.ReadJSON(r, &users); err != nil || !some {
			return orMissing(err, "the body")
		}
		if err := s.registry.Revoke(r.Context(), target, users); err != nil {
			return err
		}
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
}

func orMissing(err error, what string) error {
	if err != nil {
		return err
	}
	return easel.E(easel.Invalid, "field", "%s is mandatory", what)
}
