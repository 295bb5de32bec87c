package easelapi

import (
	"context"
	"errors"
	"net/http"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/identity"
	"easel/internal/issuer"
)

// SignOn logs people in whom an identity provider knows.
type SignOn interface {
	ProviderNames() []string
	SignOnURL(ctx context.Context, provider string, a issuer.Authorization) (string, error)
	SignOnDevice(ctx context.Context, provider string) (issuer.Device, error)
	SignOn(ctx context.Context, q identity.SignOn) (identity.Session, error)
}

// open wraps a handler for callers who are not logged in yet: they are counted
// by their address.
func open(h api.Handler) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := api.Admit(r, easel.Principal{}); err != nil {
			return err
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxOpenBody)
		return h(w, r)
	}
}

// maxOpenBody bounds what a stranger sends, in bytes.
const maxOpenBody = 64 << 10

func (s *server) providers(w http.ResponseWriter, _ *http.Request) error {
	type provider struct {
		Name string `json:"name"`
	}
	found := []provider{}
	for _, name := range s.o.SignOn.ProviderNames() {
		found = append(found, provider{name})
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"providers": found})
}

func (s *server) signOnURL(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		RedirectURI string `json:"redirect_uri"`
		State       string `json:"state"`
		Nonce       string `json:"nonce"`
		Challenge   string `json:"code_challenge"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	url, err := s.o.SignOn.SignOnURL(r.Context(), r.PathValue("provider"), issuer.Authorization(in))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]string{"authorization_url": url})
}

func (s *server) signOnDevice(w http.ResponseWriter, r *http.Request) error {
	d, err := s.o.SignOn.SignOnDevice(r.Context(), r.PathValue("provider"))
	if err != nil {
		return err
	}
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, http.StatusOK, struct {
		DeviceCode  string `json:"device_code"`
		UserCode    string `json:"user_code"`
		URI         string `json:"verification_uri"`
		CompleteURI string `json:"verification_uri_complete,omitempty"`
		ExpiresIn   int    `json:"expires_in"` // seconds
		Interval    int    `json:"interval"`   // seconds
	}{d.Code, d.UserCode, d.URI, d.CompleteURI, int(d.Life / time.Second), int(d.Interval / time.Second)})
}

// signOn answers 202 while a device is waited for: the form of RFC 8628 would
// call that an error.
func (s *server) signOn(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Code        string `json:"code"`
		RedirectURI string `json:"redirect_uri"`
		Verifier    string `json:"code_verifier"`
		Nonce       string `json:"nonce"`
		DeviceCode  string `json:"device_code"`
		Client      string `json:"client"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	made, err := s.o.SignOn.SignOn(r.Context(), identity.SignOn{
		Provider: r.PathValue("provider"), DeviceCode: in.DeviceCode, Client: in.Client,
		Code: issuer.Code{Code: in.Code, RedirectURI: in.RedirectURI, Verifier: in.Verifier, Nonce: in.Nonce},
	})
	w.Header().Set("Cache-Control", "no-store")
	switch {
	case errors.Is(err, issuer.ErrPending):
		return api.WriteJSON(w, http.StatusAccepted, map[string]string{"status": "pending"})
	case errors.Is(err, issuer.ErrSlowDown):
		return api.WriteJSON(w, http.StatusAccepted, map[string]string{"status": "slow_down"})
	case err != nil:
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, struct {
		AccessKey  string    `json:"access_key"`
		SecretKey  string    `json:"secret_key"`
		ExpiresAt  time.Time `json:"expires_at"`
		UserID     string    `json:"user_id"`
		UserName   string    `json:"user_name"`
		DomainID   string    `json:"domain_id"`
		DomainName string    `json:"domain_name"`
	}{made.Access, made.Secret, made.Expires, made.User.ID, made.User.Name, made.User.Domain.ID, made.User.Domain.Name})
}
