package registry

import (
	"sync"

	"easel"
)

// receiveBuffer is what one request that sends bytes costs in memory.
const receiveBuffer = 128 << 10

// writers is the set of upload sessions that are receiving bytes in this
// process: one writer per session, and a bound on all of them.
type writers struct {
	max     int
	buffers sync.Pool // of *[]byte, receiveBuffer long

	mu     sync.Mutex
	active map[string]bool // by owner and upload id
}

func newWriters(max int) writers {
	return writers{max: max, active: map[string]bool{}, buffers: sync.Pool{New: func() any {
		b := make([]byte, receiveBuffer)
		return &b
	}}}
}

// enter makes the caller the only writer of the session until it calls
// leave. Errors: InUse "upload" when another request is sending to it,
// TooMany "upload" when too many sessions are receiving.
func (w *writers) enter(session string) (leave func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.active[session] {
		return nil, easel.E(easel.InUse, "upload", "another request is sending bytes to this upload: wait for it, then ask where the upload stands")
	}
	if len(w.active) >= w.max {
		return nil, easel.E(easel.TooMany, "upload", "%d uploads are under way: try again in a moment", len(w.active))
	}
	w.active[session] = true
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.active, session)
	}, nil
}

// buffer lends a buffer to f.
func (w *writers) buffer(f func([]byte) error) error {
	b := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(b)
	return f(*b)
}
