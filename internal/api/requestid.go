package api

import (
	"net/http"

	"easel"
)

// requestIDHeader carries the id that log, audit trail and client share.
const requestIDHeader = "X-Request-Id"

// withRequestID gives r an id of its own, in its context and in the answer.
// A client's own header is not taken over: ids in the log are ours.
func withRequestID(w http.ResponseWriter, r *http.Request) *http.Request {
	id := easel.NewID()
	w.Header().Set(requestIDHeader, id)
	return r.WithContext(easel.WithRequestID(r.Context(), id))
}
