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
	"easel/internal/hook"
)

// Hooks tell others what happens.
type Hooks interface {
	Create(ctx context.Context, n hook.NewHook) (catalog.Hook, string, error)
	List(ctx context.Context, org easel.Org) ([]catalog.Hook, error)
	Hook(ctx context.Context, id string) (catalog.Hook, error)
	Update(ctx context.Context, id string, c catalog.HookChange) (catalog.Hook, error)
	Remove(ctx context.Context, id string) error
	Test(ctx context.Context, id string) (event string, err error)
	Deliveries(ctx context.Context, q catalog.DeliveryQuery) ([]catalog.Delivery, error)
	Retry(ctx context.Context, id string) (int64, error)
}

// hookWire is a hook on the wire.
type hookWire struct {
	ID      string    `json:"id"`
	Org     easel.Org `json:"organisation"`
	URL     string    `json:"url"`
	Events  []string  `json:"events"`
	Active  bool      `json:"active"`
	Creator string    `json:"creator"`
	Created time.Time `json:"created_at"`
	Waiting int64     `json:"waiting"`
	GivenUp int64     `json:"given_up"`
	Dropped int64     `json:"dropped"`
	Secret  string    `json:"secret,omitempty"` // when it is made
}

func wireHook(h catalog.Hook) hookWire {
	return hookWire{ID: h.ID, Org: h.Org, URL: h.URL, Events: h.Events, Active: h.Active, Creator: h.CreatorName, Created: h.Created,
		Waiting: h.Waiting, GivenUp: h.GivenUp, Dropped: h.Dropped}
}

// listHooks answers the hooks that the caller may manage.
func (s *server) listHooks(w http.ResponseWriter, r *http.Request) error {
	org, err := optionalOrg(r.URL.Query().Get("organisation"))
	if err != nil {
		return err
	}
	found, err := s.o.Hooks.List(r.Context(), org)
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"hooks": api.WireAll(found, wireHook)})
}

func optionalOrg(text string) (easel.Org, error) {
	if text == "" {
		return "", nil
	}
	return easel.ParseOrg(text)
}

// createHook makes a hook and answers it with its secret.
func (s *server) createHook(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		Org    string   `json:"organisation"`
		URL    string   `json:"url"`
		Events []string `json:"events"`
		Active *bool    `json:"active"`
	}
	some, err := api.ReadJSON(r, &in)
	if err != nil {
		return err
	}
	if !some || in.URL == "" {
		return easel.E(easel.Invalid, "missing field", "name the url that shall be told")
	}
	org, err := optionalOrg(in.Org)
	if err != nil {
		return err
	}
	h, secret, err := s.o.Hooks.Create(r.Context(), hook.NewHook{Org: org, URL: in.URL, Events: in.Events, Active: in.Active == nil || *in.Active})
	if err != nil {
		return err
	}
	out := wireHook(h)
	out.Secret = secret
	w.Header().Set("Cache-Control", "no-store")
	return api.WriteJSON(w, http.StatusCreated, out)
}

func (s *server) showHook(w http.ResponseWriter, r *http.Request) error {
	h, err := s.o.Hooks.Hook(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, wireHook(h))
}

// updateHook changes what the body names.
func (s *server) updateHook(w http.ResponseWriter, r *http.Request) error {
	var in struct {
		URL    *string  `json:"url"`
		Events []string `json:"events"`
		Active *bool    `json:"active"`
	}
	some, err := api.ReadJSON(r, &in)
	if err != nil {
		return err
	}
	if !some || in.URL == nil && in.Events == nil && in.Active == nil {
		return easel.E(easel.Invalid, "missing field", "name url, events or active")
	}
	h, err := s.o.Hooks.Update(r.Context(), r.PathValue("id"), catalog.HookChange{URL: in.URL, Events: in.Events, Active: in.Active})
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusOK, wireHook(h))
}

func (s *server) removeHook(w http.ResponseWriter, r *http.Request) error {
	if err := s.o.Hooks.Remove(r.Context(), r.PathValue("id")); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// testHook queues an event for one hook.
func (s *server) testHook(w http.ResponseWriter, r *http.Request) error {
	id, err := s.o.Hooks.Test(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusAccepted, map[string]string{"event": id})
}

// retryHook queues once more what was given up.
func (s *server) retryHook(w http.ResponseWriter, r *http.Request) error {
	n, err := s.o.Hooks.Retry(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	return api.WriteJSON(w, http.StatusAccepted, map[string]int64{"deliveries": n})
}

// delivery is a delivery on the wire.
type delivery struct {
	ID      int64      `json:"id"`
	Event   string     `json:"event"`
	Type    string     `json:"type"`
	State   string     `json:"state"`
	Tries   int        `json:"tries"`
	Status  int        `json:"status"`
	Problem string     `json:"problem"`
	Created time.Time  `json:"created_at"`
	Updated time.Time  `json:"updated_at"`
	Due     *time.Time `json:"next_try_at"`
}

// states are the states of deliveries on the wire.
var states = [...]string{catalog.Waiting: "waiting", catalog.Delivered: "delivered", catalog.GivenUp: "given_up"}

// deliveries answers a page of deliveries, newest first.
func (s *server) deliveries(w http.ResponseWriter, r *http.Request) error {
	q, err := deliveryQuery(r.URL.Query())
	if err != nil {
		return err
	}
	limit := q.Limit
	q.Hook = r.PathValue("id")
	q.Limit++ // one more tells whether another page follows
	found, err := s.o.Hooks.Deliveries(r.Context(), q)
	if err != nil {
		return err
	}
	next := int64(0)
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	all := make([]delivery, len(found))
	for i, d := range found {
		all[i] = delivery{ID: d.ID, Event: d.Event, Type: d.Type, State: states[d.State], Tries: d.Tries, Status: d.Status,
			Problem: d.Problem, Created: d.Created, Updated: d.Updated}
		if d.State == catalog.Waiting {
			all[i].Due = &d.Due
		}
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"deliveries": all, "next": next})
}

func deliveryQuery(query url.Values) (catalog.DeliveryQuery, error) {
	q := catalog.DeliveryQuery{State: -1, Limit: 100}
	if text := query.Get("state"); text != "" {
		for n, name := range states {
			if name == text {
				q.State = n
			}
		}
		if q.State < 0 {
			return q, easel.E(easel.Invalid, "parameter", "state must be waiting, delivered or given_up, not %.20q", text)
		}
	}
	if text := query.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 500 {
			return q, easel.E(easel.Invalid, "parameter", "limit must be 1 to 500, not %.20q", text)
		}
		q.Limit = n
	}
	if text := query.Get("before"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return q, easel.E(easel.Invalid, "parameter", "before must be the next of a page, not %.40q", text)
		}
		q.Before = n
	}
	return q, nil
}
