package easelapi

import (
	"context"
	"encoding/json"
	"net/http"
	"net/netip"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/identity"
)

// Trusts looks after whose tokens are exchanged for what.
type Trusts interface {
	CreateTrust(ctx context.Context, who easel.Principal, q identity.NewTrust) (catalog.Trust, error)
	Trusts(ctx context.Context, who easel.Principal) ([]catalog.Trust, error)
	Trust(ctx context.Context, who easel.Principal, id string) (catalog.Trust, error)
	SetTrust(ctx context.Context, who easel.Principal, id string, active bool) (catalog.Trust, error)
	DeleteTrust(ctx context.Context, who easel.Principal, id string) error
}

// trust is a trust on the wire. Times are RFC 3339.
type trust struct {
	ID           string           `json:"id"`
	Name         string           `json:"name"`
	UserID       string           `json:"user_id"`
	UserName     string           `json:"user_name"`
	Issuer       string           `json:"issuer"`
	Audience     string           `json:"audience"`
	Claims       easel.Conditions `json:"claims"`
	JWKS         json.RawMessage  `json:"jwks"` // null: the issuer publishes them
	Repositories []string         `json:"repositories"`
	Actions      []string         `json:"actions"`
	Networks     []netip.Prefix   `json:"networks"`
	Life         int64            `json:"lifetime_seconds"`
	Active       bool             `json:"active"`
	CreatedAt    time.Time        `json:"created_at"`
	LastUsedAt   *time.Time       `json:"last_used_at"`
}

func trustOnWire(r catalog.Trust) trust {
	out := trust{
		ID: r.ID, Name: r.Name, UserID: r.Account.ID, UserName: r.Account.Name, Issuer: r.Issuer, Audience: r.Audience, Claims: r.Claims,
		Repositories: r.Bound.Repositories, Actions: r.Bound.Actions, Networks: r.Bound.Networks,
		Life: int64(r.Life / time.Second), Active: r.Active, CreatedAt: r.Created,
	}
	if r.JWKS != "" {
		out.JWKS = json.RawMessage(r.JWKS)
	}
	if r.Used.After(r.Created) {
		out.LastUsedAt = &r.Used
	}
	return out
}

func (s *server) createTrust(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name         string            `json:"name"`
		UserID       string            `json:"user_id"`
		Issuer       string            `json:"issuer"`
		Audience     string            `json:"audience"`
		Claims       map[string]string `json:"claims"`
		JWKS         json.RawMessage   `json:"jwks"`
		Repositories []string          `json:"repositories"`
		Actions      []string          `json:"actions"`
		Networks     []string          `json:"networks"`
		Life         int64             `json:"lifetime_seconds"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	bound, err := easel.ParseBound(in.Repositories, in.Actions, in.Networks)
	if err != nil {
		return err
	}
	claims, err := easel.ParseConditions(in.Claims)
	if err != nil {
		return err
	}
	if in.Life < 0 || in.Life > 1<<20 { // what it may be is not decided here; it must fit
		return easel.E(easel.Invalid, "trust", "lifetime_seconds is out of bounds")
	}
	q := identity.NewTrust{Name: in.Name, User: in.UserID, Issuer: in.Issuer, Audience: in.Audience, Claims: claims, Bound: bound, Life: time.Duration(in.Life) * time.Second}
	if keys := string(in.JWKS); keys != "null" {
		q.JWKS = keys
	}
	made, err := s.o.Trusts.CreateTrust(r.Context(), easel.PrincipalFrom(r.Context()), q)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusCreated, trustOnWire(made))
}

func (s *server) listTrusts(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Trusts.Trusts(r.Context(), easel.PrincipalFrom(r.Context()))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"trusts": api.WireAll(found, trustOnWire)})
}

func (s *server) showTrust(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Trusts.Trust(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("id"))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, trustOnWire(found))
}

func (s *server) setTrust(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Active *bool `json:"active"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	if in.Active == nil {
		return easel.E(easel.Invalid, "missing field", "active is required: true or false")
	}
	changed, err := s.o.Trusts.SetTrust(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("id"), *in.Active)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, trustOnWire(changed))
}

func (s *server) deleteTrust(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Trusts.DeleteTrust(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
