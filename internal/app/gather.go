package app

import (
	"io"
	"sync"
)

// gatherer writes what many goroutines write with few system calls: what comes
// while a write is under way goes with the next one. A writer does not wait
// for its line to be out, unless the reader is far behind.
type gatherer struct {
	w       io.Writer
	mu      sync.Mutex
	turn    sync.Cond // a write has ended
	waiting []byte    // whole lines
	spare   []byte    // what was written last, to be used again
	writing bool
}

// Bounds, in bytes: of what may wait, and of memory that is kept for it.
const (
	maxGathered = 1 << 20
	maxSpare    = 64 << 10
)

func newGatherer(w io.Writer) *gatherer {
	g := &gatherer{w: w}
	g.turn.L = &g.mu
	return g
}

// Write takes a line. It does not fail: nobody can be told that a log is not
// written.
func (g *gatherer) Write(line []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) >= maxGathered {
		g.turn.Wait()
	}
	g.waiting = append(g.waiting, line...)
	if !g.writing {
		g.writing = true
		go g.run()
	}
	return len(line), nil
}

// run writes until nothing waits.
func (g *gatherer) run() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for len(g.waiting) > 0 {
		lines := g.waiting
		g.waiting = g.spare[:0]
		g.mu.Unlock()
		_, _ = g.w.Write(lines)
		g.mu.Lock()
		if g.spare = lines; cap(lines) > maxSpare {
			g.spare = nil
		}
		g.turn.Broadcast()
	}
	g.writing = false
	g.turn.Broadcast()
}

// Flush waits until everything is out.
func (g *gatherer) Flush() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for g.writing {
		g.turn.Wait()
	}
}
