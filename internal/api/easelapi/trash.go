package easelapi

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/registry"
)

// Trash is what was deleted and can be restored.
type Trash interface {
	Undo(ctx context.Context, org easel.Org) (registry.Undo, error)
	SetUndo(ctx context.Context, org easel.Org, u catalog.Undo) (registry.Undo, error)
	Trash(ctx context.Context, q catalog.TrashQuery) ([]catalog.Trash, error)
	TrashOf(ctx context.Context, id string) ([]catalog.Trash, error)
	Restore(ctx context.Context, id string, as easel.Tag) (catalog.Restored, error)
	Purge(ctx context.Context, id string) (easel.Receipt, error)
}

// undo serves GET and PUT of an organisation's undo window.
func (s *server) undo(w http.ResponseWriter, r *http.Request) error {
	org, err := easel.ParseOrg(r.PathValue("org"))
	if err != nil {
		return err
	}
	var u registry.Undo
	if r.Method == http.MethodPut {
		var change catalog.Undo
		if change, err = readUndo(r); err != nil {
			return err
		}
		u, err = s.o.Trash.SetUndo(r.Context(), org, change)
	} else {
		u, err = s.o.Trash.Undo(r.Context(), org)
	}
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]int64{
		"window_seconds": int64(u.Window / time.Second), "budget_bytes": u.Budget, "bytes_trash": u.Held})
}

// longWindow (s) is more than any window may be, and still a time.Duration.
const longWindow = 1 << 30

func readUndo(r *http.Request) (catalog.Undo, error) {
	var in struct {
		Window *int64 `json:"window_seconds"`
		Budget int64  `json:"budget_bytes"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return catalog.Undo{}, err
	}
	if in.Window == nil {
		return catalog.Undo{}, easel.E(easel.Invalid, "missing field", "give window_seconds; 0 turns it off")
	}
	return catalog.Undo{Window: time.Duration(max(-longWindow, min(*in.Window, longWindow))) * time.Second, Budget: in.Budget}, nil
}

// trashed is what a deletion took out of one repository, on the wire.
type trashed struct {
	ID         string              `json:"id"`
	Repository string              `json:"repository"`
	Actor      string              `json:"actor"`
	ActorID    string              `json:"actor_id"`
	At         time.Time           `json:"at"`
	Until      time.Time           `json:"restore_until"`
	Bytes      int64               `json:"bytes_trash"`
	Tags       []easel.Tag         `json:"tags"`
	Images     []easel.ReceiptItem `json:"images"`
	Manifests  int                 `json:"manifests"`
}

func wireTrash(found []catalog.Trash) []trashed {
	list := make([]trashed, len(found))
	for n, x := range found {
		list[n] = trashed{ID: x.ID, Repository: string(x.Repo), Actor: x.ActorName, ActorID: x.Actor, At: x.At, Until: x.Until, Bytes: x.Bytes,
			Tags: x.Tags, Images: x.Images, Manifests: x.Manifests}
	}
	return list
}

// listTrash answers a page, newest first, and where the next page starts.
func (s *server) listTrash(w http.ResponseWriter, r *http.Request) error {
	q, err := trashQuery(r.URL.Query())
	if err != nil {
		return err
	}
	limit := q.Limit
	q.Limit++ // one more tells whether another page follows
	found, err := s.o.Trash.Trash(r.Context(), q)
	if err != nil {
		return err
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		next = strconv.FormatInt(found[limit-1].Row, 10)
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"trash": wireTrash(found), "next": next})
}

func trashQuery(query url.Values) (catalog.TrashQuery, error) {
	q := catalog.TrashQuery{Limit: 100}
	var err error
	if s := query.Get("organisation"); s != "" {
		if q.Org, err = easel.ParseOrg(s); err != nil {
			return q, err
		}
	}
	if s := query.Get("limit"); s != "" {
		if q.Limit, err = strconv.Atoi(s); err != nil || q.Limit < 1 || q.Limit > 500 {
			return q, easel.E(easel.Invalid, "parameter", "limit must be 1 to 500, not %.20q", s)
		}
	}
	if s := query.Get("before"); s != "" {
		if q.Before, err = strconv.ParseInt(s, 10, 64); err != nil || q.Before < 1 {
			return q, easel.E(easel.Invalid, "parameter", "before must be the next of another page, not %.40q", s)
		}
	}
	return q, nil
}

// showTrash answers what one deletion left to trash.
func (s *server) showTrash(w http.ResponseWriter, r *http.Request) error {
	found, err := s.o.Trash.TrashOf(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"trash": wireTrash(found), "next": ""})
}

// restore brings it back.
func (s *server) restore(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Tag string `json:"tag"`
	}
	if _, err := api.ReadJSON(r, &in); err != nil {
		return err
	}
	var as easel.Tag
	if in.Tag != "" {
		var err error
		if as, err = easel.ParseTag(in.Tag); err != nil {
			return err
		}
	}
	back, err := s.o.Trash.Restore(r.Context(), r.PathValue("id"), as)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, back)
}

// purge frees it and answers the receipt of that.
func (s *server) purge(w http.ResponseWriter, r *http.Request) error {
	receipt, err := s.o.Trash.Purge(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	api.WriteReceiptHeaders(w.Header(), receipt)
	return api.WriteJSON(w, http.StatusOK, lists(receipt))
}
