package server

import (
	"bytes"
	"strings"
	"sync"
)

// lines keeps the output of a server and finds in it where the server listens.
type lines struct {
	ready chan string

	mu  sync.Mutex // guards what follows
	buf bytes.Buffer
	hit bool
}

// Write implements io.Writer.
func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf.Write(p)
	if l.hit {
		return len(p), nil
	}
	for line := range strings.Lines(l.buf.String()) {
		url, found := strings.CutPrefix(line, "listening on ")
		if found && strings.HasSuffix(url, "\n") {
			l.hit = true
			l.ready <- strings.TrimSuffix(url, "\n")
			break
		}
	}
	return len(p), nil
}

func (l *lines) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
