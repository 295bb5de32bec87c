package registry

import (
	"sync"

	"easel"
)

// receiveBuffer is what one request that sends bytes costs in memory.
const receiveBuffer = 128 << 10

// writers is the set of upload sessions that are receiving bytes in this
// process: one writer per session, a bound on all of them, and half of that
// for one user, so that nobody can take every place.
type writers struct {
	max     int
	buffers sync.Pool // of *[]byte, receiveBuffer long

	mu     sync.Mutex
	active map[session]bool
	owners map[string]int // by user id, as many as active has
}

// session is an upload as its owner names it. With the owner in it nobody can
// keep a stranger's session busy.
type session struct{ owner, id string }

func newWriters(max int) writers {
	return writers{max: max, active: map[session]bool{}, owners: map[string]int{}, buffers: sync.Pool{New: func() any {
		b := make([]byte, receiveBuffer)
		return &b
	}}}
}

// enter makes the caller the only writer of the session until it calls
// leave. Errors: InUse "upload" when another request is sending to it,
// TooMany "upload" when too many sessions are receiving.
func (w *writers) enter(owner, id string) (leave func(), err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := session{owner, id}
	switch {
	case w.active[s]:
		return nil, easel.E(easel.InUse, "upload", "another request is sending bytes to this upload: wait for it, then ask where the upload stands")
	case len(w.active) >= w.max:
		return nil, easel.E(easel.TooMany, "upload", "%d uploads are under way: try again in a moment", len(w.active))
	case w.owners[owner] >= max(w.max/2, 1):
		return nil, easel.E(easel.TooMany, "upload", "%d uploads of yours are under way: try again in a moment", w.owners[owner])
	}
	w.active[s] = true
	w.owners[owner]++
	return func() { w.leave(s) }, nil
}

func (w *writers) leave(s session) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.active, s)
	if w.owners[s.owner]--; w.owners[s.owner] == 0 {
		delete(w.owners, s.owner)
	}
}

// buffer lends a buffer to f.
func (w *writers) buffer(f func([]byte) error) error {
	b := w.buffers.Get().(*[]byte)
	defer w.buffers.Put(b)
	return f(*b)
}
