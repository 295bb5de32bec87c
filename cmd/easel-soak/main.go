// Command easel-soak puts a real easel server under fire and checks that it
// keeps its promises: nothing that was acknowledged is lost, nothing that was
// deleted comes back, and the bytes on disk are those of what is there.
//
//	easel-soak crash   clients at random work; the server is killed with SIGKILL again and again
//	easel-soak points  the server is killed once at each failpoint
//	easel-soak bulk    the server is killed again and again in the middle of a job of many images
//	easel-soak churn   pushes that reuse the layers of images being deleted at that moment
//	easel-soak soak    mixed load for hours, with a report of one page
//
// It knows the server from outside only: HTTP, the command line, and the files
// of the blob directory. Exit code 0: every promise was kept; 1: one was
// broken, and it is printed; 2: the test could not be made.
//
// A killed process keeps what the kernel has in its page cache: what these
// tests prove is the order of steps, not that a disk keeps what it confirmed.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"
)

// settings are the flags of all modes.
type settings struct {
	duration time.Duration
	kills    int    // crash: end after so many; 0: only the time counts
	seed     uint64 // of everything random but the scheduling
	clients  int
	binary   string
	database string
	keep     bool
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// modes are the subcommands with the settings that differ.
var modes = map[string]struct {
	run      func(context.Context, *settings, *bench) error
	duration time.Duration
	clients  int
	serve    []string // further flags of the server
}{
	"crash":  {crash, time.Minute, 8, []string{"--pin-for", crashPin.String(), "--upload-ttl", crashTTL.String()}},
	"points": {points, 4 * time.Minute, 8, []string{"--pin-for", crashPin.String(), "--upload-ttl", crashTTL.String()}},
	"bulk":   {bulk, 4 * time.Minute, 1, []string{"--pin-for", crashPin.String(), "--upload-ttl", crashTTL.String()}},
	"churn":  {churn, time.Minute, 16, []string{"--pin-for", churnPin.String()}},
	"soak":   {soak, time.Hour, 8, []string{"--pin-for", soakPin.String(), "--upload-ttl", soakPin.String()}},
}

const usage = "usage: easel-soak crash|points|bulk|churn|soak [--duration D] [--kills N] [--seed N] [--clients N] [--binary PATH] [--database URL] [--keep]"

func run(ctx context.Context, args []string) int {
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, usage)
		return 2
	}
	mode, ok := modes[args[0]]
	if !ok {
		fmt.Fprintln(os.Stderr, usage)
		return 2
	}
	var s settings
	f := flag.NewFlagSet("easel-soak "+args[0], flag.ContinueOnError)
	f.DurationVar(&s.duration, "duration", mode.duration, "how long to go on")
	f.IntVar(&s.kills, "kills", 0, "crash: end after so many kills; 0: when the time is over")
	f.Uint64Var(&s.seed, "seed", rand.Uint64(), "seed of what is random; the scheduling stays so")
	f.IntVar(&s.clients, "clients", mode.clients, "clients at once")
	f.StringVar(&s.binary, "binary", "", "the easel program; default: built from the current directory with the tag failpoint")
	f.StringVar(&s.database, "database", "", "database of the server; default: SQLite in its data directory")
	f.BoolVar(&s.keep, "keep", false, "keep the data directory")
	if err := f.Parse(args[1:]); err != nil {
		return 2
	}
	err := s.start(ctx, args[0], mode.serve, mode.run)
	var broken *brokenPromise
	switch {
	case err == nil:
		return 0
	case errors.As(err, &broken):
		fmt.Println("FAILED:", err) // with the steps that led there
		return 1
	}
	fmt.Fprintln(os.Stderr, "easel-soak:", err)
	return 2
}

// start makes a place for a server and runs the mode in it.
func (s *settings) start(ctx context.Context, name string, flags []string, mode func(context.Context, *settings, *bench) error) error {
	dir, err := os.MkdirTemp("", "easel-soak-")
	if err != nil {
		return err
	}
	if s.binary == "" {
		s.binary = filepath.Join(dir, "easel")
		build := exec.CommandContext(ctx, "go", "build", "-tags", "failpoint", "-buildvcs=false", "-o", s.binary, "./cmd/easel")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build easel: %w; run this in the project's directory, or name a program with --binary", err)
		}
	}
	if s.database != "" {
		flags = append(flags, "--database", s.database)
	}
	fmt.Printf("easel-soak %s: seed %d, %d clients, %v, data in %s\n", name, s.seed, s.clients, s.duration, dir)
	b := newBench(dir, s, flags)
	defer b.server.kill()
	if err = mode(ctx, s, b); err == nil {
		select {
		case err = <-b.problem: // seen after the last look
		default:
		}
	}
	if err != nil {
		b.server.printLog()
	}
	if err != nil || s.keep {
		fmt.Println("kept for a look:", dir)
		return err
	}
	return os.RemoveAll(dir)
}

// brokenPromise is what these tests look for.
type brokenPromise struct{ what string }

func (b *brokenPromise) Error() string { return b.what }

// broken returns a brokenPromise.
func broken(format string, args ...any) error {
	return &brokenPromise{fmt.Sprintf(format, args...)}
}
