package iam

import (
	"net/http"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/identity"
)

// credential is an access key on the wire (iam.md section 6).
type credential struct {
	Access      string    `json:"access"`
	Secret      string    `json:"secret,omitempty"` // only in the answer that made it
	Status      string    `json:"status"`
	UserID      string    `json:"user_id"`
	Description string    `json:"description"`
	CreateTime  wireTime  `json:"create_time"`
	LastUseTime *wireTime `json:"last_use_time,omitempty"` // only of a single key
}

const (
	active   = "active"
	inactive = "inactive"
)

func credentialOf(k catalog.AccessKey) credential {
	c := credential{Access: k.Access, Status: inactive, UserID: k.Account, Description: k.Description, CreateTime: wireTime(k.Created)}
	if k.Active {
		c.Status = active
	}
	return c
}

// credentialBody wraps a single key.
type credentialBody struct {
	Credential credential `json:"credential"`
}

func (s *server) createKey(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Credential struct {
			UserID      string `json:"user_id"`
			Description string `json:"description"`
		} `json:"credential"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.Credential.UserID == "" {
		return easel.E(easel.Invalid, "missing field", "credential.user_id is required")
	}
	k, secret, err := s.svc.CreateKey(r.Context(), easel.PrincipalFrom(r.Context()), body.Credential.UserID, body.Credential.Description)
	if err != nil {
		return err
	}
	c := credentialOf(k)
	c.Secret = secret
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, http.StatusCreated, credentialBody{c})
}

func (s *server) listKeys(w http.ResponseWriter, r *http.Request) error {
	who := easel.PrincipalFrom(r.Context())
	userID := r.URL.Query().Get("user_id")
	if userID == "" {
		userID = who.UserID
	}
	keys, err := s.svc.Keys(r.Context(), who, userID)
	if err != nil {
		return err
	}
	items := []credential{}
	for _, k := range keys {
		items = append(items, credentialOf(k))
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		Credentials []credential `json:"credentials"`
	}{items})
}

func (s *server) showKey(w http.ResponseWriter, r *http.Request) error {
	k, err := s.svc.Key(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("access_key"))
	if err != nil {
		return err
	}
	c := credentialOf(k)
	used := wireTime(k.Used)
	c.LastUseTime = &used
	return api.WriteJSON(w, http.StatusOK, credentialBody{c})
}

func (s *server) updateKey(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Credential *struct {
			Status      *string `json:"status"`
			Description *string `json:"description"`
		} `json:"credential"`
	}
	if err := readJSON(r, &body); err != nil {
		return err
	}
	if body.Credential == nil {
		return easel.E(easel.Invalid, "missing field", "credential is required")
	}
	change := identity.KeyChange{Description: body.Credential.Description}
	if status := body.Credential.Status; status != nil {
		if *status != active && *status != inactive {
			return easel.E(easel.Invalid, "field", "credential.status must be %q or %q", active, inactive)
		}
		on := *status == active
		change.Active = &on
	}
	k, err := s.svc.UpdateKey(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("access_key"), change)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, credentialBody{credentialOf(k)})
}

func (s *server) deleteKey(w http.ResponseWriter, r *http.Request) error {
	if err := s.svc.DeleteKey(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("access_key")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
