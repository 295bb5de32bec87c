package modelarts

import (
	"encoding/json"
	"net/http"

	"easel/internal/catalog"
)

// updateGroup is operation G.
func (e *edge) updateGroup(w http.ResponseWriter, r *http.Request) error {
	body, _, err := readObject[struct {
		ReadMe *string            `json:"read_me"`
		Tags   *[]json.RawMessage `json:"tags"`
	}](r)
	if err != nil {
		return err
	}
	var f fields
	u := catalog.GroupUpdate{ReadMe: body.ReadMe}
	if body.ReadMe != nil {
		f.text("read_me", *body.ReadMe, maxReadMe)
	}
	if body.Tags != nil {
		tags := f.tags(*body.Tags)
		u.Tags = &tags
	}
	if f.err != nil {
		return f.err
	}
	g, err := e.images.UpdateGroup(r.Context(), r.PathValue("project_id"), r.PathValue("id"), u)
	if err != nil {
		return err
	}
	return ok(w, wireGroup(g))
}
