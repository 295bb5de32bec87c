package iam

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// answer is how an error looks on the wire (iam.md section 4).
type answer struct {
	status int
	code   string
}

// wire maps kinds to statuses and codes; nouns that have a code of their own
// come first.
var wire = map[easel.Kind]map[easel.Noun]answer{
	easel.Invalid: {
		"missing field": {400, "IAM.0072"},
		"field":         {400, "IAM.0073"},
		"query":         {400, "IAM.0007"},
		"subject token": {400, "IAM.0009"},
		"body size":     {400, "IAM.1101"},
		"":              {400, "IAM.0011"},
	},
	easel.Unauthenticated: {
		"token expired": {401, "IAM.0066"},
		"token":         {401, "IAM.0067"},
		// Of a password that is to be changed: nobody logs in with it.
		"wrong password": {401, "IAM.0062"},
		"":               {401, "IAM.0001"},
	},
	easel.Denied: {
		"disabled user": {403, "IAM.0082"},
		"":              {403, "IAM.0002"},
	},
	easel.Unsupported: {
		"route": {405, "IAM.0004"},
		"":      {400, "IAM.0011"},
	},
	easel.TooMany: {
		"key":      {400, "IAM.0073"},
		"lock-out": {401, "IAM.0061"},
		"":         {429, "IAM.0061"},
	},
	easel.NotFound:    {"": {404, "IAM.0004"}},
	easel.Exists:      {"": {409, "IAM.0005"}},
	easel.InUse:       {"": {409, "IAM.0005"}},
	easel.Changed:     {"": {409, "IAM.0005"}},
	easel.Range:       {"": {400, "IAM.0007"}},
	easel.TooLarge:    {"": {413, "IAM.1101"}},
	easel.NoSpace:     {"": {507, "IAM.0500"}},
	easel.Unavailable: {"": {503, "IAM.0500"}},
	easel.Internal:    {"": {500, "IAM.0500"}},
}

// tooManyKeys is the documented text of that refusal: scripts look for it.
const tooManyKeys = "akSkNumExceed"

// errorBody is read by clients of both families of IAM errors.
type errorBody struct {
	Error struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Title   string `json:"title"`
	} `json:"error"`
	ErrorCode string `json:"error_code"`
	ErrorMsg  string `json:"error_msg"`
}

func writeError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	setTrace(w, r)
	e := easel.AsError(err)
	a, ok := wire[e.Kind][e.Noun]
	if !ok {
		a = wire[e.Kind][""]
	}
	msg := e.Msg
	if e.Kind == easel.TooMany && e.Noun == "key" {
		msg = tooManyKeys
	}
	switch {
	case a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable:
		api.RetryAfter(w.Header(), err, 5)
	default:
		api.RetryAfter(w.Header(), err, 0)
	}
	body := errorBody{ErrorCode: a.code, ErrorMsg: msg}
	body.Error.Code, body.Error.Message, body.Error.Title = a.status, msg, http.StatusText(a.status)
	// The status is out: an error here can only be a client that hung up.
	_ = api.WriteJSON(w, a.status, body)
}

// setTrace puts the request's id into both headers that clients of IAM read.
func setTrace(w http.ResponseWriter, r *http.Request) {
	if id := easel.RequestIDFrom(r.Context()); id != "" {
		w.Header().Set("X-Request-Id", id)
		w.Header().Set("X-IAM-Trace-Id", id)
	}
}
