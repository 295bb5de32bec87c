package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"easel/internal/failpoint"
)

// points kills the server once at each failpoint, while clients work, and
// checks everything after each start. A point that the clients' work does not
// reach is a mistake of this test.
func points(ctx context.Context, s *settings, b *bench) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	b.gate.Lock()
	halt := b.employ(ctx, s.clients)
	defer halt()
	ends := time.Now().Add(s.duration)
	for _, name := range failpoint.Names() {
		b.server.kill()
		if err := b.dieAt(ctx, name, time.Until(ends)); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if _, err := b.revive(ctx, ""); err != nil {
			return fmt.Errorf("after the server died at %s: %w", name, err)
		}
		b.prune(ctx)
	}
	halt()
	bytes, err := b.balance(ctx, max(crashPin, crashTTL)+time.Second)
	if err == nil {
		err = b.deleteAll(ctx)
	}
	if err == nil {
		err = b.server.stop()
	}
	fmt.Printf("killed once at each of %d failpoints; %d operations on tags and images have a legal order\n", len(failpoint.Names()), b.hist.total)
	fmt.Printf("%d bytes left at the end and exactly those of the manifests; after everything was deleted those of trash, after that none\n", bytes)
	return err
}

// dieAt starts the server and lets clients work until it dies at the point
// called name. The caller holds the gate, before and after.
func (b *bench) dieAt(ctx context.Context, name string, within time.Duration) error {
	err := b.server.start(name + "=kill:1")
	if errors.Is(err, errDied) {
		return nil
	}
	if err != nil {
		return err
	}
	b.gate.Unlock()
	defer b.gate.Lock()
	t := time.NewTimer(within)
	defer t.Stop()
	select {
	case err = <-b.problem:
	case <-ctx.Done():
		err = ctx.Err()
	case <-b.server.dead:
		return nil
	case <-t.C:
		err = broken("the point was not reached within %v; was the program built with the tag failpoint?\n%s", within, strings.Join(b.outcomes(), "\n"))
		b.server.dump()
	}
	b.server.kill()
	return err
}
