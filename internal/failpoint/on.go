//go:build failpoint

package failpoint

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Hit passes the point called name: it may kill the process or wait.
func Hit(name string) { _ = armed().pass(name) }

// Err passes the point called name and returns the error that it is armed with.
func Err(name string) error { return armed().pass(name) }

// errArmed is what a point armed with "error" returns.
var errArmed = errors.New("failpoint")

// armed reads the environment once. What cannot be read is a mistake of the
// test that wrote it: the process ends.
var armed = sync.OnceValue(func() *points {
	p, err := parse(os.Getenv("EASEL_FAILPOINT"))
	if err != nil {
		fmt.Fprintln(os.Stderr, "EASEL_FAILPOINT:", err)
		os.Exit(2)
	}
	return p
})

// points are the armed ones, by name.
type points struct {
	mu    sync.Mutex // guards the hits
	armed map[string]*point
}

type point struct {
	do   string // kill, error or sleep
	n    int    // kill, error: at the nth hit; error with 0: at each. sleep: milliseconds
	hits int
}

func parse(text string) (*points, error) {
	p := &points{armed: map[string]*point{}}
	if text == "" {
		return p, nil
	}
	for entry := range strings.SplitSeq(text, ",") {
		name, action, _ := strings.Cut(entry, "=")
		do, arg, counted := strings.Cut(action, ":")
		n := 0
		if counted {
			var err error
			if n, err = strconv.Atoi(arg); err != nil || n < 1 {
				return nil, fmt.Errorf("%q: want a number of at least 1 after the colon", entry)
			}
		}
		switch {
		case do == "kill" && counted, do == "sleep" && counted, do == "error":
			p.armed[name] = &point{do: do, n: n}
		default:
			return nil, fmt.Errorf("%q: want NAME=kill:N, NAME=error, NAME=error:N or NAME=sleep:MS", entry)
		}
	}
	return p, nil
}

func (p *points) pass(name string) error {
	a := p.armed[name]
	if a == nil {
		return nil
	}
	p.mu.Lock()
	a.hits++
	hits := a.hits
	p.mu.Unlock()
	switch {
	case a.do == "sleep":
		time.Sleep(time.Duration(a.n) * time.Millisecond)
	case a.do == "kill" && hits == a.n:
		if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
			return err
		}
		select {} // no instruction of ours after the signal
	case a.do == "error" && (a.n == 0 || hits == a.n):
		return fmt.Errorf("%w %s", errArmed, name)
	}
	return nil
}
