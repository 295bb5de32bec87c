package ociapi

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"easel"
)

// challenge is an error that another token could mend: 401, with the header
// that says which (iam.md 10.2).
type challenge struct {
	header string
	err    error
}

func (c *challenge) Error() string { return c.err.Error() }
func (c *challenge) Unwrap() error { return c.err }

// authenticate returns whom the request's token belongs to: nobody when there
// is none.
func (s *server) authenticate(r *http.Request, need []easel.Scope) (easel.Principal, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return easel.Principal{}, nil
	}
	scheme, value, _ := strings.Cut(header, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		err := easel.E(easel.Unauthenticated, "", "authentication required: send a token of this registry")
		return easel.Principal{}, &challenge{s.challengeHeader(r, need, ""), err}
	}
	who, err := s.verifier.VerifyRegistryToken(r.Context(), strings.TrimSpace(value))
	if errors.Is(err, easel.Unauthenticated) {
		err = &challenge{s.challengeHeader(r, need, "invalid_token"), err}
	}
	return who, err
}

// scopes returns what a token must allow for the request.
func scopes(r *http.Request, c call) []easel.Scope {
	repository := func(repo easel.Repo, actions ...string) easel.Scope {
		return easel.Scope{Type: "repository", Name: string(repo), Actions: actions}
	}
	switch c.resource {
	case pingCall:
		return nil
	case catalogCall:
		return []easel.Scope{{Type: "registry", Name: "catalog", Actions: []string{"*"}}}
	case uploadsCall:
		need := []easel.Scope{repository(c.repo, "pull", "push")}
		if from, err := easel.ParseRepo(r.URL.Query().Get("from")); err == nil {
			need = append(need, repository(from, "pull"))
		}
		return need
	case uploadCall:
		return []easel.Scope{repository(c.repo, "pull", "push")}
	}
	switch r.Method {
	case http.MethodPut:
		return []easel.Scope{repository(c.repo, "pull", "push")}
	case http.MethodDelete:
		return []easel.Scope{repository(c.repo, "delete")}
	}
	return []easel.Scope{repository(c.repo, "pull")}
}

// challenged turns err into a challenge when a token, or one with a wider
// scope, could help. A caller whose token covers the request is not sent for
// another one: then it is the rights that are missing.
func (s *server) challenged(r *http.Request, need []easel.Scope, err error) error {
	who := easel.PrincipalFrom(r.Context())
	token := r.Header.Get("Authorization") != ""
	covered := !slices.ContainsFunc(need, func(sc easel.Scope) bool {
		return slices.ContainsFunc(sc.Actions, func(action string) bool { return !who.Scoped(sc.Type, sc.Name, action) })
	})
	kind := easel.AsError(err).Kind
	// The catalogue is hidden from everybody who is not shown it.
	hidden := kind == easel.NotFound && len(need) > 0 && need[0].Type == "registry"
	switch {
	case hidden && !token:
		err = easel.E(easel.Unauthenticated, "", "authentication required").Because(err)
		return &challenge{s.challengeHeader(r, need, ""), err}
	case kind == easel.Unauthenticated && !token:
		return &challenge{s.challengeHeader(r, need, ""), err}
	case kind == easel.Unauthenticated: // with a token, which is nobody's
		e := easel.AsError(err)
		err = easel.E(easel.Denied, e.Noun, "%s", e.Msg).Because(err)
		return &challenge{s.challengeHeader(r, need, "insufficient_scope"), err}
	case kind == easel.Denied && !covered:
		return &challenge{s.challengeHeader(r, need, "insufficient_scope"), err}
	}
	return err
}

func (s *server) challengeHeader(r *http.Request, need []easel.Scope, problem string) string {
	h := fmt.Sprintf(`Bearer realm="%s/swr/auth/v2/registry/auth/",service="%s"`, s.o.PublicURL(r), s.o.Service)
	if len(need) > 0 {
		var all []string
		for _, sc := range need {
			all = append(all, sc.Type+":"+sc.Name+":"+strings.Join(sc.Actions, ","))
		}
		h += `,scope="` + strings.Join(all, " ") + `"`
	}
	if problem != "" {
		h += `,error="` + problem + `"`
	}
	return h
}
