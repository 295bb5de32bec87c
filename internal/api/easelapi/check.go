package easelapi

import (
	"net/http"

	"easel/internal/api"
	"easel/internal/registry"
)

// check compares storage and catalogue and answers what it found. The answer
// is 200 also when something is wrong: the check itself worked.
func (s *server) check(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Rehash bool `json:"rehash"`
		Repair bool `json:"repair"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	report, err := s.o.Content.Check(r.Context(), registry.CheckOptions{Rehash: in.Rehash, Repair: in.Repair})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, report)
}
