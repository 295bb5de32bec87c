package easelapi

import (
	"net/url"
	"strings"
	"testing"

	"easel"
)

// FuzzAuditQuery: a query of the audit trail is within its bounds, or the
// client's mistake.
func FuzzAuditQuery(f *testing.F) {
	for _, s := range []string{"", "limit=0", "limit=501", "limit=-1", "since=2026-01-02T03:04:05Z", "since=yesterday", "before=x", "before=01a20993-fba6-7557-9f78-87f3e5ab0000", "actor=%00&action=%ff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := auditQuery(values)
		if err != nil {
			if easel.AsError(err).Kind != easel.Invalid {
				t.Errorf("auditQuery(%q) = %v", raw, err)
			}
			return
		}
		if q.Limit < 1 || q.Limit > 500 || q.Before != "" && !easel.IsUUID(q.Before) {
			t.Errorf("auditQuery(%q) = %+v", raw, q)
		}
	})
}

// FuzzKeptHead: a head is a number and a SHA-256, or the client's mistake.
func FuzzKeptHead(f *testing.F) {
	for _, s := range []string{"", "1:", ":", "0:" + strings.Repeat("0", 64), "7:" + strings.Repeat("a", 64), "-1:" + strings.Repeat("A", 64), "9223372036854775808:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := keptHead(url.Values{"head": {text}})
		switch {
		case err != nil && easel.AsError(err).Kind != easel.Invalid:
			t.Errorf("keptHead(%q) = %v", text, err)
		case err == nil && h != nil && (h.Seq < 1 || len(h.Hash) != 32):
			t.Errorf("keptHead(%q) = %+v", text, h)
		}
	})
}

// FuzzDeliveryQuery: a query of deliveries is within its bounds, or the
// client's mistake.
func FuzzDeliveryQuery(f *testing.F) {
	for _, s := range []string{"", "limit=0", "limit=500", "state=waiting", "state=x", "before=-1", "before=9223372036854775808"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		values, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		q, err := deliveryQuery(values)
		switch {
		case err != nil && easel.AsError(err).Kind != easel.Invalid:
			t.Errorf("deliveryQuery(%q) = %v", raw, err)
		case err == nil && (q.Limit < 1 || q.Limit > 500 || q.Before < 0 || q.State < -1 || q.State > 2):
			t.Errorf("deliveryQuery(%q) = %+v", raw, q)
		}
	})
}
