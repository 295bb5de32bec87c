package modelarts

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// deleteImage is operation E.
func (e *edge) deleteImage(w http.ResponseWriter, r *http.Request) error {
	force, err := forced(r)
	if err != nil {
		return err
	}
	i, receipt, err := e.images.Delete(api.Insisting(r), r.PathValue("project_id"), r.PathValue("id"), force)
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	return ok(w, wireImage(i))
}

// deleteGroup is operation H.
func (e *edge) deleteGroup(w http.ResponseWriter, r *http.Request) error {
	force, err := forced(r)
	if err != nil {
		return err
	}
	g, receipt, err := e.images.DeleteGroup(api.Insisting(r), r.PathValue("project_id"), r.PathValue("id"), force)
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	return ok(w, wireGroup(g))
}

// forced reads both spellings of the flag: force in the query and is_force in
// the body. They must not contradict each other.
func forced(r *http.Request) (bool, error) {
	q := queryOf(r)
	inQuery := q.boolean("force")
	if q.err != nil {
		return false, q.err
	}
	body, _, err := readObject[struct {
		Force *bool `json:"is_force"`
	}](r)
	if err != nil {
		return false, err
	}
	switch {
	case inQuery == nil && body.Force == nil:
		return false, nil
	case inQuery == nil:
		return *body.Force, nil
	case body.Force != nil && *body.Force != *inQuery:
		return false, easel.E(easel.Invalid, "query", "force in the query and is_force in the body contradict each other")
	}
	return *inQuery, nil
}

// syncImage is operation F.
func (e *edge) syncImage(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := readObject[struct{}](r); err != nil {
		return err
	}
	i, err := e.images.Sync(r.Context(), r.PathValue("project_id"), r.PathValue("image_id"))
	if err != nil {
		return err
	}
	return ok(w, wireImage(i))
}
