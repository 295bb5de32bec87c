package iam

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
)

const (
	authToken    = "X-Auth-Token"
	subjectToken = "X-Subject-Token"
)

// tokenRequest is the body of POST /v3/auth/tokens (iam.md section 2).
type tokenRequest struct {
	Auth *struct {
		Identity *struct {
			Methods  []string `json:"methods"`
			Password struct {
				User struct {
					ID       string `json:"id"`
					Name     string `json:"name"`
					Password string `json:"password"`
					Domain   idName `json:"domain"`
				} `json:"user"`
			} `json:"password"`
			Token struct {
				ID string `json:"id"`
			} `json:"token"`
		} `json:"identity"`
		Scope struct {
			Project struct {
				idName
				Domain idName `json:"domain"`
			} `json:"project"`
			Domain idName `json:"domain"`
		} `json:"scope"`
	} `json:"auth"`
}

func (q tokenRequest) parse(header http.Header) (identity.TokenRequest, error) {
	if q.Auth == nil || q.Auth.Identity == nil {
		return identity.TokenRequest{}, easel.E(easel.Invalid, "missing field", "auth.identity is required")
	}
	id, scope := q.Auth.Identity, q.Auth.Scope
	user := id.Password.User
	out := identity.TokenRequest{
		Methods: id.Methods, Token: id.Token.ID,
		Password: identity.Password{
			UserID: user.ID, UserName: user.Name, DomainID: user.Domain.ID, DomainName: user.Domain.Name, Password: user.Password,
		},
		Scope: identity.TokenScope{ProjectID: scope.Project.ID, ProjectName: scope.Project.Name, DomainID: scope.Domain.ID, DomainName: scope.Domain.Name},
	}
	if scope.Project.ID != "" || scope.Project.Name != "" { // project wins over domain
		out.Scope.DomainID, out.Scope.DomainName = scope.Project.Domain.ID, scope.Project.Domain.Name
	}
	if token := header.Get(authToken); token != "" {
		out.Token = token
	}
	return out, nil
}

// tokenBody is the description of a token.
type tokenBody struct {
	Token tokenFields `json:"token"`
}

type tokenFields struct {
	Methods   []string  `json:"methods"`
	IssuedAt  wireTime  `json:"issued_at"`
	ExpiresAt wireTime  `json:"expires_at"`
	User      tokenUser `json:"user"`
	Project   *inDomain `json:"project,omitempty"`
	Domain    *idName   `json:"domain,omitempty"`
	Roles     []idName  `json:"roles"`
	Catalog   []service `json:"catalog"`
}

type tokenUser struct {
	inDomain
	PasswordExpiresAt string `json:"password_expires_at"`
}

// inDomain is a thing with the domain it belongs to.
type inDomain struct {
	idName
	Domain idName `json:"domain"`
}

func (s *server) issueToken(w http.ResponseWriter, r *http.Request) error {
	var body tokenRequest
	if err := readJSON(r, &body); err != nil {
		return err
	}
	q, err := body.parse(r.Header)
	if err != nil {
		return err
	}
	token, info, err := s.svc.IssueToken(r.Context(), q)
	if err != nil {
		return api.Refuse(r, err)
	}
	if err := api.Admit(r, info.Who); err != nil {
		return err
	}
	return s.writeToken(w, r, http.StatusCreated, token, info)
}

func (s *server) writeToken(w http.ResponseWriter, r *http.Request, status int, token string, info identity.TokenInfo) error {
	who := info.Who
	domain := idName{who.DomainID, who.DomainName}
	body := tokenBody{Token: tokenFields{
		Methods: info.Methods, IssuedAt: wireTime(info.Issued), ExpiresAt: wireTime(info.Expires),
		User:  tokenUser{inDomain: inDomain{idName{who.UserID, who.UserName}, domain}},
		Roles: roles(info), Catalog: []service{},
	}}
	if who.ProjectID != "" {
		body.Token.Project = &inDomain{idName{who.ProjectID, who.ProjectName}, domain}
	} else {
		body.Token.Domain = &domain
	}
	if r.URL.Query().Get("nocatalog") == "" {
		body.Token.Catalog = s.catalogue(r)
	}
	w.Header().Set(subjectToken, token)
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, status, body)
}

// roles are the names by which other services recognise what the caller may.
// An administrator holds its role without a grant: it has no id.
func roles(info identity.TokenInfo) []idName {
	names := []idName{}
	if info.Who.Admin {
		names = append(names, idName{"0", "te_admin"})
	}
	for _, r := range info.Roles {
		names = append(names, idName{r.ID, r.Name})
	}
	return names
}

// subject returns the token that a request is about.
func subject(r *http.Request) (string, error) {
	if token := r.Header.Get(subjectToken); token != "" {
		return token, nil
	}
	return "", easel.E(easel.Invalid, "subject token", "the header %s is required", subjectToken)
}

func (s *server) inspect(r *http.Request) (string, identity.TokenInfo, error) {
	token, err := subject(r)
	if err != nil {
		return "", identity.TokenInfo{}, err
	}
	info, err := s.svc.InspectToken(r.Context(), easel.PrincipalFrom(r.Context()), token)
	return token, info, err
}

func (s *server) showToken(w http.ResponseWriter, r *http.Request) error {
	token, info, err := s.inspect(r)
	if err != nil {
		return err
	}
	return s.writeToken(w, r, http.StatusOK, token, info)
}

func (s *server) checkToken(w http.ResponseWriter, r *http.Request) error {
	token, _, err := s.inspect(r)
	if err != nil {
		return err
	}
	w.Header().Set(subjectToken, token)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (s *server) revokeToken(w http.ResponseWriter, r *http.Request) error {
	token, err := subject(r)
	if err != nil {
		return err
	}
	if err := s.svc.Revoke(r.Context(), easel.PrincipalFrom(r.Context()), token); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
