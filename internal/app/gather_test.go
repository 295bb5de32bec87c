package app

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
)

// slow is a reader of a log that reads when it is let.
type slow struct {
	let     chan struct{}
	mu      sync.Mutex
	written bytes.Buffer
	writes  int
}

func (s *slow) Write(p []byte) (int, error) {
	<-s.let
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	return s.written.Write(p)
}

// TestGatherer: no line is lost, torn or out of its writer's order, and what
// came during a write is written at once.
func TestGatherer(t *testing.T) {
	t.Parallel()
	out := &slow{let: make(chan struct{})}
	g := newGatherer(out)
	const writers, lines = 8, 500
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for n := range lines {
				fmt.Fprintf(g, "%d %d\n", w, n)
			}
		})
	}
	all.Wait() // though nothing is written yet
	close(out.let)
	g.Flush()
	if out.writes > 2 {
		t.Errorf("%d writes, want those of the first line and of the rest", out.writes)
	}
	got := map[string][]string{}
	for line := range strings.Lines(out.written.String()) {
		w, n, _ := strings.Cut(strings.TrimSpace(line), " ")
		got[w] = append(got[w], n)
	}
	var want []string
	for n := range lines {
		want = append(want, fmt.Sprint(n))
	}
	for w := range writers {
		if !slices.Equal(got[fmt.Sprint(w)], want) {
			t.Errorf("the lines of writer %d are %v", w, got[fmt.Sprint(w)])
		}
	}
}

// TestGathererIsBounded: a writer waits when the reader is far behind.
func TestGathererIsBounded(t *testing.T) {
	t.Parallel()
	out := &slow{let: make(chan struct{})}
	g := newGatherer(out)
	line := make([]byte, maxGathered/2)
	const lines = 20
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range lines {
			g.Write(line)
		}
	}()
	for going := true; going; {
		select {
		case out.let <- struct{}{}:
			g.mu.Lock()
			if n := len(g.waiting); n > maxGathered+len(line) {
				t.Errorf("%d bytes wait", n)
			}
			g.mu.Unlock()
		case <-done:
			going = false
		}
	}
	close(out.let)
	g.Flush()
	if n := out.written.Len(); n != lines*len(line) {
		t.Errorf("%d bytes were written, want %d", n, lines*len(line))
	}
}
