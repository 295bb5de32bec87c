package iam

import (
	"encoding/json"
	"net/http"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
)

// securityTokenRequest is the body of POST …/securitytokens (iam.md section 7).
type securityTokenRequest struct {
	Auth *struct {
		Identity *struct {
			Methods []string `json:"methods"`
			Token   struct {
				ID       string `json:"id"`
				Duration *int64 `json:"duration_seconds"`
			} `json:"token"`
			Policy json.RawMessage `json:"policy"`
		} `json:"identity"`
	} `json:"auth"`
}

// parse returns the token and the life of the key; the header wins over the body.
func (q securityTokenRequest) parse(header http.Header) (token string, life time.Duration, err error) {
	if q.Auth == nil || q.Auth.Identity == nil {
		return "", 0, missing("auth.identity")
	}
	id := q.Auth.Identity
	switch {
	case len(id.Methods) == 0:
		return "", 0, missing("auth.identity.methods")
	case len(id.Methods) != 1 || id.Methods[0] != "token":
		return "", 0, easel.E(easel.Invalid, "field", "auth.identity.methods must be [\"token\"]")
	case len(id.Policy) > 0 && string(id.Policy) != "null":
		return "", 0, easel.E(easel.Invalid, "field", "auth.identity.policy is not served: give the user fewer rights")
	}
	if token = header.Get(authToken); token == "" {
		token = id.Token.ID
	}
	if token == "" {
		return "", 0, missing("auth.identity.token.id, or the header " + authToken + ",")
	}
	life = identity.MinTemporary
	if d := id.Token.Duration; d != nil {
		if *d < 0 || *d > int64(identity.MaxTemporary/time.Second)+1 { // the service has the exact bounds
			*d = 0
		}
		life = time.Duration(*d) * time.Second
	}
	return token, life, nil
}

func (s *server) createSecurityToken(w http.ResponseWriter, r *http.Request) error {
	var body securityTokenRequest
	if err := readJSON(r, &body); err != nil {
		return err
	}
	token, life, err := body.parse(r.Header)
	if err != nil {
		return err
	}
	who, err := s.svc.VerifyToken(r.Context(), token)
	if err != nil {
		return api.Refuse(r, err)
	}
	if err := api.Admit(r, who); err != nil {
		return err
	}
	k, err := s.svc.NewTemporaryKey(r.Context(), token, life)
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	var out struct {
		Credential struct {
			Access        string   `json:"access"`
			Secret        string   `json:"secret"`
			SecurityToken string   `json:"securitytoken"`
			ExpiresAt     wireTime `json:"expires_at"`
		} `json:"credential"`
	}
	c := &out.Credential
	c.Access, c.Secret, c.SecurityToken, c.ExpiresAt = k.Access, k.Secret, k.Token, wireTime(k.Expires)
	return api.WriteJSON(w, http.StatusCreated, out)
}
