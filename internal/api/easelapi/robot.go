package easelapi

import (
	"context"
	"net/http"
	"net/netip"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/identity"
)

// Robots looks after the access keys of machines.
type Robots interface {
	CreateRobot(ctx context.Context, who easel.Principal, q identity.NewRobot) (catalog.Robot, string, error)
	Robots(ctx context.Context, who easel.Principal) ([]catalog.Robot, error)
	DeleteRobot(ctx context.Context, who easel.Principal, access string) error
}

// robot is a robot on the wire. Times are RFC 3339; SecretKey is there once.
type robot struct {
	AccessKey    string         `json:"access_key"`
	SecretKey    string         `json:"secret_key,omitempty"`
	Name         string         `json:"name"`
	UserID       string         `json:"user_id"`
	UserName     string         `json:"user_name"`
	Repositories []string       `json:"repositories"`
	Actions      []string       `json:"actions"`
	Networks     []netip.Prefix `json:"networks"`
	ExpiresAt    *time.Time     `json:"expires_at"`
	CreatedAt    time.Time      `json:"created_at"`
	LastUsedAt   *time.Time     `json:"last_used_at"`
	Active       bool           `json:"active"`
}

func robotOnWire(r catalog.Robot) robot {
	k := r.Key
	out := robot{
		AccessKey: k.Access, Name: k.Description, UserID: k.Account, UserName: r.UserName,
		Repositories: k.Bound.Repositories, Actions: k.Bound.Actions, Networks: k.Bound.Networks, CreatedAt: k.Created, Active: k.Active,
	}
	if !k.Expires.IsZero() {
		out.ExpiresAt = &k.Expires
	}
	if k.Used.After(k.Created) {
		out.LastUsedAt = &k.Used
	}
	return out
}

func (s *server) createRobot(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Name         string     `json:"name"`
		UserID       string     `json:"user_id"`
		Repositories []string   `json:"repositories"`
		Actions      []string   `json:"actions"`
		Networks     []string   `json:"networks"`
		ExpiresAt    *time.Time `json:"expires_at"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	bound, err := easel.ParseBound(in.Repositories, in.Actions, in.Networks)
	if err != nil {
		return err
	}
	q := identity.NewRobot{Name: in.Name, User: in.UserID, Bound: bound}
	if in.ExpiresAt != nil {
		if q.Expires = in.ExpiresAt.UTC(); q.Expires.Year() > 9999 {
			return easel.E(easel.Invalid, "robot", "the deadline is too far away")
		}
	}
	made, secret, err := s.o.Robots.CreateRobot(r.Context(), easel.PrincipalFrom(r.Context()), q)
	if err != nil {
		return err
	}
	out := robotOnWire(made)
	out.SecretKey = secret
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, http.StatusCreated, out)
}

func (s *server) listRobots(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Robots.Robots(r.Context(), easel.PrincipalFrom(r.Context()))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"robots": api.WireAll(found, robotOnWire)})
}

func (s *server) deleteRobot(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Robots.DeleteRobot(r.Context(), easel.PrincipalFrom(r.Context()), r.PathValue("access_key")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}
