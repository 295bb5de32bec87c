package api

import (
	"io"
	"net/http"
)

// Response is a ResponseWriter that knows what was sent. It hands large bodies
// through to the connection, so that files are still sent with sendfile, and
// unwraps for http.ResponseController.
type Response struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// NewResponse wraps w; a *Response is returned as it is.
func NewResponse(w http.ResponseWriter) *Response {
	if r, ok := w.(*Response); ok {
		return r
	}
	return &Response{ResponseWriter: w}
}

// Status returns the status that was sent, or 0 when nothing was.
func (r *Response) Status() int { return r.status }

// Bytes returns how many bytes of body were sent.
func (r *Response) Bytes() int64 { return r.bytes }

// WriteHeader implements http.ResponseWriter.
func (r *Response) WriteHeader(status int) {
	if r.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) { // the other 1xx precede the answer
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (r *Response) Write(b []byte) (int, error) {
	r.ok()
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (r *Response) ReadFrom(src io.Reader) (int64, error) {
	r.ok()
	n, err := io.Copy(r.ResponseWriter, src)
	r.bytes += n
	return n, err
}

// Flush implements http.Flusher.
func (r *Response) Flush() {
	r.ok()
	// A connection that cannot flush sends everything at the end.
	_ = http.NewResponseController(r.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (r *Response) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// ok notes the status that net/http sends before the first byte.
func (r *Response) ok() {
	if r.status == 0 {
		r.status = http.StatusOK
	}
}
