package ociapi

import (
	"encoding/json"
	"errors"
	"net/http"

	"easel"
	"easel/internal/api"
)

// answer is the status and, by noun, the code of an error. The code of
// the noun "" is for all others.
type answer struct {
	status int
	codes  map[easel.Noun]string
}

// wire has the only status and error codes of the family (OCI distribution,
// "Error Codes"; those of docker's registry where that has none).
var wire = map[easel.Kind]answer{
	easel.Internal: {http.StatusInternalServerError, map[easel.Noun]string{"": "UNKNOWN"}},
	easel.Invalid: {http.StatusBadRequest, map[easel.Noun]string{
		"digest": "DIGEST_INVALID", "size": "SIZE_INVALID", "repository": "NAME_INVALID", "organisation": "NAME_INVALID",
		"tag": "TAG_INVALID", "manifest": "MANIFEST_INVALID", "manifest blob": "MANIFEST_BLOB_UNKNOWN", "upload": "BLOB_UPLOAD_INVALID",
		"page": "PAGINATION_NUMBER_INVALID", "": "UNSUPPORTED"}},
	easel.Unauthenticated: {http.StatusUnauthorized, map[easel.Noun]string{"": "UNAUTHORIZED"}},
	easel.Denied:          {http.StatusForbidden, map[easel.Noun]string{"": "DENIED"}},
	easel.NotFound: {http.StatusNotFound, map[easel.Noun]string{
		"manifest": "MANIFEST_UNKNOWN", "tag": "MANIFEST_UNKNOWN", "blob": "BLOB_UNKNOWN", "upload": "BLOB_UPLOAD_UNKNOWN", "": "NAME_UNKNOWN"}},
	easel.Exists:      {http.StatusConflict, map[easel.Noun]string{"": "DENIED"}},
	easel.InUse:       {http.StatusConflict, map[easel.Noun]string{"upload": "BLOB_UPLOAD_INVALID", "": "DENIED"}},
	easel.Changed:     {http.StatusConflict, map[easel.Noun]string{"upload": "BLOB_UPLOAD_INVALID", "": "DENIED"}},
	easel.TooLarge:    {http.StatusRequestEntityTooLarge, map[easel.Noun]string{"": "SIZE_INVALID"}},
	easel.Range:       {http.StatusRequestedRangeNotSatisfiable, map[easel.Noun]string{"upload": "BLOB_UPLOAD_INVALID", "": "RANGE_INVALID"}},
	easel.TooMany:     {http.StatusTooManyRequests, map[easel.Noun]string{"": "TOOMANYREQUESTS"}},
	easel.NoSpace:     {http.StatusInsufficientStorage, map[easel.Noun]string{"": "UNAVAILABLE"}},
	easel.Unavailable: {http.StatusServiceUnavailable, map[easel.Noun]string{"": "UNAVAILABLE"}},
	easel.Unsupported: {http.StatusMethodNotAllowed, map[easel.Noun]string{"": "UNSUPPORTED"}},
}

// statusOf is status and code of err. Tags beyond the limit are in the URI,
// and a plan that does not fit is a precondition: statuses that the table cannot have.
func statusOf(err error) (int, string) {
	e := easel.AsError(err)
	a := wire[e.Kind]
	code := a.codes[e.Noun]
	if code == "" {
		code = a.codes[""]
	}
	if ch := (*challenge)(nil); errors.As(err, &ch) {
		return http.StatusUnauthorized, code
	}
	if e.Kind == easel.TooLarge && e.Noun == "tag" {
		return http.StatusRequestURITooLong, "TAG_INVALID"
	}
	if e.Kind == easel.Changed && e.Noun == "plan" {
		return http.StatusPreconditionFailed, code
	}
	return a.status, code
}

type wireError struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	Detail  any    `json:"detail"`
}

type wireErrors struct {
	Errors []wireError `json:"errors"`
}

func writeError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	if api.NewResponse(w).Status() != 0 {
		return // the answer is under way: only the log can tell
	}
	status, code := statusOf(err)
	h := w.Header()
	if ch := (*challenge)(nil); errors.As(err, &ch) {
		h.Set("WWW-Authenticate", ch.header)
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		api.RetryAfter(h, err, 1)
	}
	for _, name := range []string{"Etag", "Content-Length", "Docker-Content-Digest"} {
		h.Del(name) // of the content that is not sent after all
	}
	h.Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if r.Method == http.MethodHead {
		return
	}
	// The status is out: an error here can only be a client that hung up.
	_ = json.NewEncoder(w).Encode(wireErrors{[]wireError{{code, easel.AsError(err).Msg, nil}}})
}
