package api

import (
	"io"
	"net/http"
	"time"
)

// PacedBody returns r's body with a bound on how long the client may send
// nothing. A server-wide read timeout would cut off a large layer that comes
// slowly but steadily.
func PacedBody(w http.ResponseWriter, r *http.Request, idle time.Duration) io.Reader {
	return &pacedBody{body: r.Body, conn: http.NewResponseController(w), idle: idle}
}

type pacedBody struct {
	body io.Reader
	conn *http.ResponseController
	idle time.Duration
}

func (b *pacedBody) Read(p []byte) (int, error) {
	// Connections without deadlines, such as recorders in tests, do without.
	_ = b.conn.SetReadDeadline(time.Now().Add(b.idle))
	n, err := b.body.Read(p)
	if err == io.EOF {
		// From here on the server itself reads the connection, to notice a
		// client that hangs up: the deadline must not hit that. After any other
		// error it must: the server would wait for the rest of the body.
		_ = b.conn.SetReadDeadline(time.Time{})
	}
	return n, err
}
