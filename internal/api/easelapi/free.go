package easelapi

import (
	"math"
	"net/http"
	"strconv"

	"easel"
	"easel/internal/api"
)

// planFree proposes what to delete to make room; nothing changes. The plan's
// id is the entity tag of the answer.
func (s *server) planFree(w http.ResponseWriter, r *http.Request) error {
	text := r.URL.Query().Get("bytes")
	bytes, err := strconv.ParseInt(text, 10, 64)
	if err != nil || bytes < 1 {
		return easel.E(easel.Invalid, "parameter", "bytes must be 1 to %d, not %.20q", int64(math.MaxInt64), text)
	}
	f, err := s.o.Room.PlanFree(r.Context(), easel.PrincipalFrom(r.Context()).ProjectID, bytes)
	if err != nil {
		return err
	}
	if f.Plan != "" {
		w.Header().Set("Etag", `"`+f.Plan+`"`)
	}
	return api.WriteJSON(w, http.StatusOK, f)
}

// free deletes what is proposed now, if that is what If-Match insists on.
func (s *server) free(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Bytes int64 `json:"bytes"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	switch {
	case in.Bytes < 1:
		return easel.E(easel.Invalid, "missing field", "bytes must be 1 or more")
	case r.Header.Get("If-Match") == "":
		return easel.E(easel.Invalid, "parameter", "name the plan that you have seen in If-Match: GET /easel/v1/free?bytes=%d gives it", in.Bytes)
	}
	receipt, err := s.o.Room.Free(api.Insisting(r), easel.PrincipalFrom(r.Context()).ProjectID, in.Bytes)
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	return api.WriteJSON(w, http.StatusOK, lists(receipt))
}
