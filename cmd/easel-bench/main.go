// Command easel-bench measures registries: the same bounded work against any
// of them, from outside, and result files that can be put side by side. It
// is also a benchmark of deletion: how fast it is, when the bytes are off the
// disk, and whether anything breaks that is pushed meanwhile.
//
//	easel-bench run        work against the registry at a URL
//	easel-bench yardstick  serve plain files: the machine's own limit
//	easel-bench compare    easel, its peers and the yardstick in turn
//	easel-bench table      put result files side by side
//	easel-bench seed       fill a catalogue for tests of size
//	easel-bench lists      lists, and starts, with very many images
//	easel-bench scale      what operations cost as a catalogue grows
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

type commands struct {
	Run       runCommand       `cmd:"" help:"Measure the registry at a URL."`
	Yardstick yardstickCommand `cmd:"" help:"Serve plain files: the machine's own limit."`
	Compare   compareCommand   `cmd:"" help:"Measure easel, a peer and the yardstick in interleaved rounds."`
	Table     tableCommand     `cmd:"" help:"Put result files side by side."`
	Seed      seedCommand      `cmd:"" help:"Fill the catalogue of a stopped server."`
	Lists     listsCommand     `cmd:"" help:"Measure lists, and starts, with very many images."`
	Scale     scaleCommand     `cmd:"" help:"Measure what operations cost as a catalogue grows."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var c commands
	k := kong.Parse(&c, kong.Name("easel-bench"), kong.Description("Measure registries: push, pull, list and delete."), kong.UsageOnError())
	k.BindTo(ctx, (*context.Context)(nil))
	err := k.Run()
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "easel-bench:", err)
		os.Exit(1)
	}
}

// progress tells a person what goes on.
func progress(line string) { fmt.Fprintln(os.Stderr, line) }
