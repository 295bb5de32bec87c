package easelapi

import (
	"net/url"
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
