package swr

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// answer is a status with the code that follows "SVCSTG.SWR.".
type answer struct {
	status int
	code   string
}

type wireKey struct {
	kind easel.Kind
	noun easel.Noun
}

// wire maps errors to what clients see (swr.md 2.10 and 16). A noun that a
// kind does not list gets the answer under "".
var wire = map[wireKey]answer{
	{easel.Invalid, ""}:             {400, "4000014"},
	{easel.Invalid, "field"}:        {400, "4001014"},
	{easel.Invalid, "organisation"}: {400, "4001028"},
	{easel.Invalid, "repository"}:   {400, "4001029"},
	{easel.Invalid, "tag"}:          {400, "4009021"},
	{easel.Invalid, "page"}:         {400, "4000056"},
	{easel.Invalid, "parameter"}:    {400, "4001025"},
	{easel.Invalid, "order column"}: {400, "4001096"},
	{easel.Invalid, "filter"}:       {400, "4001035"},

	{easel.Invalid, "organisation grant"}:  {400, "4001065"},
	{easel.Invalid, "repository grant"}:    {400, "4001066"},
	{easel.Invalid, "grantee"}:             {400, "4001067"},
	{easel.Denied, "organisation grant"}:   {403, "4037017"},
	{easel.Denied, "repository grant"}:     {403, "4037020"},
	{easel.NotFound, "organisation grant"}: {404, "4040078"},
	{easel.NotFound, "repository grant"}:   {404, "4040091"},
	{easel.Exists, "organisation grant"}:   {409, "4090076"},
	{easel.Exists, "repository grant"}:     {409, "4090089"},

	{easel.Invalid, "account"}: {400, "4001041"},
	{easel.Invalid, "permit"}:  {400, "4001091"},
	{easel.Denied, "share"}:    {403, "4037018"},
	{easel.NotFound, "share"}:  {400, "4001090"}, // the code that clients take for "gone"
	{easel.Exists, "share"}:    {409, "4090089"},

	{easel.Invalid, "id"}:         {400, "4009013"},
	{easel.NotFound, "retention"}: {404, "4000306"}, // the status of the documentation, the code of the service
	{easel.Exists, "retention"}:   {400, "4000014"},

	{easel.Unsupported, ""}:             {400, "4000014"},
	{easel.Unsupported, "content type"}: {400, "4001018"},
	{easel.Unsupported, "route"}:        {405, "4040083"},

	{easel.Unauthenticated, ""}: {401, "4010000"},

	{easel.Denied, ""}:                     {403, "4039002"},
	{easel.Denied, "organisation"}:         {403, "4037017"},
	{easel.Denied, "repository"}:           {403, "4037020"},
	{easel.Denied, "foreign organisation"}: {403, "4039001"},

	{easel.Denied, "foreign project"}: {403, "4039001"},

	{easel.NotFound, ""}:             {404, "4040083"},
	{easel.NotFound, "organisation"}: {404, "4040058"},
	{easel.NotFound, "repository"}:   {404, "4040113"},
	{easel.NotFound, "tag"}:          {404, "4040115"},

	{easel.Exists, ""}:             {409, "4090006"},
	{easel.Exists, "organisation"}: {409, "4090060"},

	{easel.InUse, ""}:             {409, "4090023"},
	{easel.InUse, "organisation"}: {406, "4060074"},
	{easel.Changed, ""}:           {409, "4090023"},
	{easel.Changed, "plan"}:       {412, "4090023"},

	{easel.TooLarge, ""}:            {413, "4131001"},
	{easel.TooLarge, "description"}: {413, "4131012"},

	{easel.TooMany, ""}:                   {403, "4031042"},
	{easel.TooMany, "organisation quota"}: {400, "4000097"},
	{easel.Denied, "repository quota"}:    {400, "4000098"},
	{easel.TooMany, "lock-out"}:           {429, "4031042"},
	{easel.TooMany, "rate"}:               {429, "4031042"},

	{easel.NoSpace, ""}:     {507, "5070070"},
	{easel.Unavailable, ""}: {507, "5070070"},
}

// anythingElse is the answer to an error that is our own fault.
var anythingElse = answer{http.StatusInternalServerError, "5000007"}

const (
	codePrefix = "SVCSTG.SWR."
	// noCredentials is the one code of another service: neither token nor signature.
	noCredentials = "SVCSTG.S2I.4019000"
)

// errorBody joins the layouts that clients look for (swr.md 2.4).
type errorBody struct {
	Errors    []errorItem   `json:"errors"`
	ErrorCode string        `json:"errorCode"`
	Code      string        `json:"error_code"`
	Msg       string        `json:"error_msg"`
	Details   []errorDetail `json:"details"`
}

type errorItem struct {
	ErrorCode    string `json:"errorCode"`
	ErrorMessage string `json:"errorMessage"`
	Detail       string `json:"detail"`
}

type errorDetail struct {
	Code string `json:"error_code"`
	Msg  string `json:"error_msg"`
}

// writeError puts err on the wire.
func writeError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	e := easel.AsError(err)
	a, ok := wire[wireKey{e.Kind, e.Noun}]
	if !ok {
		a, ok = wire[wireKey{e.Kind, ""}]
	}
	if !ok {
		a = anythingElse
	}
	code := codePrefix + a.code
	if a.status == http.StatusUnauthorized && r.Header.Get("X-Auth-Token") == "" && r.Header.Get("Authorization") == "" {
		code = noCredentials
	}
	msg := e.Msg
	if msg == "" {
		msg = e.Kind.Error()
	}
	api.RetryAfter(w.Header(), err, 0)
	api.WriteJSON(w, a.status, errorBody{
		Errors:    []errorItem{{ErrorCode: code, ErrorMessage: msg}},
		ErrorCode: code, Code: code, Msg: msg,
		Details: []errorDetail{{Code: code}},
	})
}
