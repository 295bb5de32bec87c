package modelarts

import (
	"bufio"
	"io"
	"mime"
	"net/http"

	"easel"
	"easel/internal/api"
)

// checkBody refuses, before anybody is asked who they are, a body that is
// announced as too large or as something else than JSON.
func checkBody(r *http.Request) error {
	if r.ContentLength > api.MaxJSONBody {
		return easel.E(easel.TooLarge, "body", "the body has %d bytes; at most %d are taken", r.ContentLength, api.MaxJSONBody)
	}
	if ct := r.Header.Get("Content-Type"); ct != "" && !isJSON(ct) && hasBody(r) {
		return easel.E(easel.Unsupported, "content type", "the body must be application/json, not %.80q", ct)
	}
	return nil
}

// isJSON accepts application/json with any parameters.
func isJSON(contentType string) bool {
	t, _, err := mime.ParseMediaType(contentType)
	return err == nil && t == "application/json"
}

// hasBody looks for the first byte of a body of unknown length.
func hasBody(r *http.Request) bool {
	if r.ContentLength >= 0 {
		return r.ContentLength > 0
	}
	b := bufio.NewReader(r.Body)
	r.Body = peeked{b, r.Body}
	_, err := b.Peek(1)
	return err == nil
}

type peeked struct {
	io.Reader
	io.Closer
}

// readObject decodes a body that must be a JSON object into a T. Without a
// body it returns the zero T and false. Errors: those of api.ReadJSON.
func readObject[T any](r *http.Request) (v T, there bool, err error) {
	p := &v
	there, err = api.ReadJSON(r, &p)
	if err == nil && p == nil {
		err = easel.E(easel.Invalid, "body", "the body must be a JSON object, not null")
	}
	return v, there, err
}
