package modelarts

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// answer is how an error goes over the wire: a status and the digits of the code.
type answer struct {
	status int
	code   string
}

// answers is the table of errors.md by kind and noun; the noun "" answers for
// all others.
var answers = map[easel.Kind]map[easel.Noun]answer{
	easel.Unauthenticated: {
		"":                 {401, "0201"},
		"token expired":    {401, "0202"},
		"token":            {401, "0203"},
		"signature format": {401, "0206"},
		"signature":        {401, "0208"},
		"project scope":    {401, "0212"},
	},
	easel.Denied: {
		"":          {403, "0108"},
		"project":   {403, "0210"},
		"workspace": {403, "0112"},

		"image quota":     {400, "0118"},
		"workspace quota": {400, "7006"},
	},
	easel.NotFound: {
		"":             {400, "6797"}, // a tag, a repository, another registry
		"route":        {404, "4204"},
		"image":        {404, "6404"},
		"group":        {404, "6404"},
		"organisation": {400, "2885"},
		"workspace":    {400, "0102"}, // where an image is, or should be

		"workspace of the path": {400, "7005"},
	},
	easel.Invalid: {
		"":           {400, "6336"}, // a value that breaks a bound
		"body":       {400, "6400"},
		"body field": {400, "6332"},
		"required":   {400, "6335"},
		"characters": {400, "6334"},
		"query":      {400, "0107"},
		"sort":       {400, "6303"},
		"workspace":  {400, "0104"},
	},
	easel.Exists: {"": {400, "6737"}, "workspace": {400, "0107"}},
	easel.InUse: {
		"":           {400, "6344"},
		"protection": {403, "0108"},
	},
	easel.TooLarge: {
		"":      {413, "4104"},
		"image": {400, "6771"},
	},
	easel.Unsupported: {
		"":             {400, "0101"},
		"route":        {405, "2803"},
		"content type": {415, "6400"},
	},
	easel.Unavailable: {
		"":      {503, "4302"},
		"image": {400, "6357"}, // it is being saved
	},
	easel.NoSpace: {"": {503, "4302"}},
	easel.TooMany: {"": {429, "2799"}},
	easel.Changed: {"": {400, "0101"}, "plan": {412, "6357"}},
	easel.Range:   {"": {400, "0101"}},
}

// answerFor returns the answer for e. What is in no table is our own fault.
func answerFor(e *easel.Error) answer {
	nouns, ok := answers[e.Kind]
	if !ok {
		return answer{500, "0010"}
	}
	if a, ok := nouns[e.Noun]; ok {
		return a
	}
	return nouns[""]
}

// writeError writes the envelope of errors.md section 1.
func (e *edge) writeError(w http.ResponseWriter, r *http.Request, err error) {
	api.LogError(r, err)
	said := easel.AsError(err)
	a := answerFor(said)
	if a.status == http.StatusNotFound && a.code == "6404" {
		a.status = e.o.NotFoundStatus
	}
	if a.status == http.StatusTooManyRequests || a.status == http.StatusServiceUnavailable {
		api.RetryAfter(w.Header(), err, 1)
	}
	msg := said.Msg
	if msg == "" {
		msg = said.Kind.Error()
	}
	// The client hung up if this fails: nobody is left to be told.
	_ = api.WriteJSON(w, a.status, struct {
		Code string `json:"error_code"`
		Msg  string `json:"error_msg"`
	}{"ModelArts." + a.code, msg})
}
