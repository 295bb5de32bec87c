package easelapi

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// record is an audit record on the wire. Times are RFC 3339.
type record struct {
	ID        string    `json:"id"`
	At        time.Time `json:"at"`
	RequestID string    `json:"request_id"`
	Project   string    `json:"project_id"`
	Actor     string    `json:"actor"`
	ActorID   string    `json:"actor_id"`
	Action    string    `json:"action"`
	Resource  string    `json:"resource"`
	Bytes     int64     `json:"bytes"`
	Receipt   bool      `json:"receipt"`
	Seq       int64     `json:"seq"`
	Hash      string    `json:"hash"`
}

// audit answers a page of records, newest first, and where the next page starts.
func (s *server) audit(w http.ResponseWriter, r *http.Request) error {
	q, err := auditQuery(r.URL.Query())
	if err != nil {
		return err
	}
	limit := q.Limit
	q.Limit++ // one more tells whether another page follows
	found, err := s.o.Content.Audit(r.Context(), q)
	if err != nil {
		return err
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	records := make([]record, len(found))
	for i, f := range found {
		records[i] = record{ID: f.ID, At: f.At, RequestID: f.RequestID, Project: f.Project, Actor: f.ActorName, ActorID: f.Actor,
			Action: f.Action, Resource: f.Resource, Bytes: f.Bytes, Receipt: f.Receipt != nil,
			Seq: f.Seq, Hash: hex.EncodeToString(f.Hash)}
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"records": records, "next": next})
}

func auditQuery(query url.Values) (catalog.AuditQuery, error) {
	q := catalog.AuditQuery{Action: query.Get("action"), Actor: query.Get("actor"), Before: query.Get("before"), Limit: 100}
	if s := query.Get("limit"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 500 {
			return q, easel.E(easel.Invalid, "parameter", "limit must be 1 to 500, not %.20q", s)
		}
		q.Limit = n
	}
	if s := query.Get("since"); s != "" {
		at, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return q, easel.E(easel.Invalid, "parameter", "since must be a time like 2026-05-01T08:00:00Z, not %.40q", s)
		}
		q.Since = at
	}
	if q.Before != "" && !easel.IsUUID(q.Before) {
		return q, easel.E(easel.Invalid, "parameter", "before must be the id of a record, not %.40q", q.Before)
	}
	return q, nil
}
