package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"easel/internal/client"
)

type auditCommands struct {
	Ls     auditLs     `cmd:"" default:"withargs" help:"Show who deleted, registered and changed what."`
	Verify auditVerify `cmd:"" help:"Prove that no record was changed, removed or inserted."`
	Head   auditHead   `cmd:"" help:"Print how far the trail is sealed, to be kept elsewhere."`
}

type auditLs struct {
	viewer `embed:""`
	Action string        `env:"-" placeholder:"NAME" help:"Only this action, such as deleteNotebookImage."`
	Actor  string        `env:"-" placeholder:"USER" help:"Only what this user did."`
	Since  time.Duration `env:"-" placeholder:"24h" help:"Only what is not older."`
	Limit  int           `env:"-" default:"50" help:"At most this many records, newest first (${default})."`
}

// Help is the text below the flags.
func (auditLs) Help() string {
	return `Examples:

  easel audit --since 24h
  easel audit --actor alice -o json | jq '[.[].bytes] | add'`
}

// auditRecord is a record as the server sends it.
type auditRecord struct {
	ID        string `json:"id"`
	At        string `json:"at"`
	RequestID string `json:"request_id"`
	Project   string `json:"project_id"`
	Actor     string `json:"actor"`
	ActorID   string `json:"actor_id"`
	Action    string `json:"action"`
	Resource  string `json:"resource"`
	Bytes     int64  `json:"bytes"`
	Receipt   bool   `json:"receipt"`
	Seq       int64  `json:"seq"`
	Hash      string `json:"hash"`
}

// auditPage is the most records the server sends at once.
const auditPage = 500

// Run prints records.
func (c *auditLs) Run(ctx context.Context, s *streams) error {
	if c.Limit < 1 {
		return fmt.Errorf("--limit %d: want at least 1", c.Limit)
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	query := url.Values{}
	set(query, "action", c.Action)
	set(query, "actor", c.Actor)
	if c.Since > 0 {
		query.Set("since", time.Now().Add(-c.Since).UTC().Format(time.RFC3339))
	}
	records, err := ses.audit(ctx, query, c.Limit)
	if err != nil {
		return err
	}
	return ses.print(records, func(w io.Writer) {
		row(w, "TIME (UTC)", "USER", "ACTION", "RESOURCE", "BYTES", "ID")
		for _, r := range records {
			row(w, clip(r.At), r.Actor, r.Action, r.Resource, size(r.Bytes), r.ID)
		}
	})
}

// audit reads up to limit records.
func (s *session) audit(ctx context.Context, query url.Values, limit int) ([]auditRecord, error) {
	all := []auditRecord{}
	for {
		query.Set("limit", strconv.Itoa(min(limit-len(all), auditPage)))
		var page struct {
			Records []auditRecord `json:"records"`
			Next    string        `json:"next"`
		}
		if _, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: "/easel/v1/audit", Query: query, Out: &page}); err != nil {
			return nil, err
		}
		if all = append(all, page.Records...); page.Next == "" || len(all) >= limit {
			return all, nil
		}
		query.Set("before", page.Next)
	}
}
