package api

import (
	"net/http"
	"strconv"
	"time"

	"easel"
)

// WriteReceiptHeaders tells in the header h what a deletion did. Every
// deletion of every family answers with these headers; numbers are bytes.
// Those of trash come where there is an undo window.
func WriteReceiptHeaders(h http.Header, r easel.Receipt) {
	for name, n := range map[string]int64{
		"X-Easel-Bytes-Freed":   r.Freed,
		"X-Easel-Bytes-Shared":  r.Shared,
		"X-Easel-Bytes-Pinned":  r.Pinned,
		"X-Easel-Bytes-Pending": r.Pending,
	} {
		h.Set(name, strconv.FormatInt(n, 10))
	}
	if r.RestoreUntil != nil || r.Trash > 0 {
		h.Set("X-Easel-Bytes-Trash", strconv.FormatInt(r.Trash, 10))
	}
	if r.RestoreUntil != nil {
		h.Set("X-Easel-Restore-Until", r.RestoreUntil.UTC().Format(time.RFC3339))
	}
	if r.ID != "" {
		h.Set("X-Easel-Receipt", r.ID)
	}
	if r.Kept != "" {
		h.Set("X-Easel-Kept", r.Kept)
	}
}
