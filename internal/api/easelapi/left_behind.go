package easelapi

import (
	"net/http"
	"strconv"

	"easel"
	"easel/internal/api"
	"easel/internal/registry"
)

// leftBehind lists content that nobody lists any more.
func (s *server) leftBehind(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	q := registry.LeftQuery{Unregistered: true, Untagged: true}
	for name, set := range map[string]*bool{"unregistered": &q.Unregistered, "untagged": &q.Untagged} {
		if s := query.Get(name); s != "" {
			b, err := strconv.ParseBool(s)
			if err != nil {
				return easel.E(easel.Invalid, "parameter", "%s must be true or false, not %.20q", name, s)
			}
			*set = b
		}
	}
	var err error
	if org := query.Get("organisation"); org != "" {
		if q.Org, err = easel.ParseOrg(org); err != nil {
			return err
		}
	}
	found, err := s.o.Content.LeftBehind(r.Context(), q)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"organisations": found})
}

// reclaimed is what a reclaim did.
type reclaimed struct {
	registry.Reclaimed
	LeftBehind []registry.LeftBehind `json:"left_behind,omitzero"`
}

// reclaim deletes what was left behind, as far as the body asks for that;
// without it, it unlinks what waits to be unlinked. It answers how much that was.
func (s *server) reclaim(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Unregistered bool   `json:"unregistered"`
		Untagged     bool   `json:"untagged"`
		Org          string `json:"organisation"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	var done reclaimed
	var err error
	if !in.Unregistered && !in.Untagged {
		if in.Org != "" {
			return easel.E(easel.Invalid, "parameter", "with an organisation, say unregistered or untagged: objects that wait to be unlinked belong to none")
		}
		if done.Reclaimed, err = s.o.Content.Reclaim(r.Context()); err != nil {
			return err
		}
		return api.WriteJSON(w, http.StatusOK, done)
	}
	q := registry.LeftQuery{Unregistered: in.Unregistered, Untagged: in.Untagged}
	if in.Org != "" {
		if q.Org, err = easel.ParseOrg(in.Org); err != nil {
			return err
		}
	}
	if done.LeftBehind, err = s.o.Content.ReclaimLeft(r.Context(), q); err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, done)
}
