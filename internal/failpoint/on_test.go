//go:build failpoint

package failpoint

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		text string
		ok   bool
	}{
		{"", true}, {"a=kill:3", true}, {"a=error", true}, {"a=error:2,b=sleep:5", true},
		{"a=kill", false}, {"a=kill:0", false}, {"a=sleep", false}, {"a=sleep:x", false}, {"a", false}, {"a=explode:1", false},
	} {
		if _, err := parse(tt.text); (err == nil) != tt.ok {
			t.Errorf("parse(%q): %v, want success: %v", tt.text, err, tt.ok)
		}
	}
}

func TestError(t *testing.T) {
	t.Parallel()
	p, err := parse("a=error:2,b=error")
	if err != nil {
		t.Fatal(err)
	}
	for n, want := range []struct{ a, b, c bool }{{false, true, false}, {true, true, false}, {false, true, false}} {
		for name, fails := range map[string]bool{"a": want.a, "b": want.b, "c": want.c} {
			if err := p.pass(name); errors.Is(err, errArmed) != fails {
				t.Errorf("hit %d of %s: %v, want an error: %v", n+1, name, err, fails)
			}
		}
	}
}

// killMe tells the test binary, started once more, to pass a point.
const killMe = "FAILPOINT_TEST_HITS"

func TestMain(m *testing.M) {
	if n := len(os.Getenv(killMe)); n > 0 {
		for range n {
			Hit("a")
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestKill(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		hits string
		dies bool
	}{{"xx", false}, {"xxx", true}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), "EASEL_FAILPOINT=a=kill:3", killMe+"="+tt.hits)
		err := cmd.Run()
		status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if died := ok && status.Signaled() && status.Signal() == syscall.SIGKILL; died != tt.dies {
			t.Errorf("after %d hits of kill:3: %v, want killed: %v", len(tt.hits), err, tt.dies)
		}
	}
}
