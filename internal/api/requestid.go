package api

import (
	"context"
	"net/http"

	"easel"
)

// requestIDHeader carries the id that log, audit trail and client share.
const requestIDHeader = "X-Request-Id"

// withRequestID returns the context of r with an id of its own, which the
// answer has, too. A client's own header is not taken over: ids in the log are
// ours.
func withRequestID(w http.ResponseWriter, r *http.Request) context.Context {
	id := easel.NewID()
	w.Header().Set(requestIDHeader, id)
	return easel.WithRequestID(r.Context(), id)
}
