package easelapi

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// plan answers what a deletion would do; nothing changes. The plan's id is
// its entity tag: a deletion can insist on it.
func (s *server) plan(w http.ResponseWriter, r *http.Request) error {
	t, err := readTarget(r)
	if err != nil {
		return err
	}
	var planned easel.Plan
	if t.repo != "" {
		planned, err = s.o.Content.Plan(t.context(r.Context()), t.repo, t.ref)
	} else {
		planned, err = s.o.Images.Plan(t.context(r.Context()), t.images)
	}
	if err != nil {
		return err
	}
	w.Header().Set("Etag", `"`+planned.ID+`"`)
	planned.Receipt = lists(planned.Receipt)
	return api.WriteJSON(w, http.StatusOK, planned)
}

// delete removes what is selected, all or nothing, and answers the receipt.
func (s *server) delete(w http.ResponseWriter, r *http.Request) error {
	t, err := readTarget(r)
	if err != nil {
		return err
	}
	ctx := t.context(api.Insisting(r))
	var receipt easel.Receipt
	switch {
	case t.repo == "":
		_, receipt, err = s.o.Images.DeleteAll(ctx, t.images)
	case t.ref.Tag != "":
		receipt, err = s.o.Content.DeleteTag(ctx, t.repo, t.ref.Tag)
	case t.ref.Digest != "":
		receipt, err = s.o.Content.DeleteManifest(ctx, t.repo, t.ref.Digest)
	default:
		receipt, err = s.o.Content.DeleteRepo(ctx, t.repo)
	}
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	return api.WriteJSON(w, http.StatusOK, lists(receipt))
}
