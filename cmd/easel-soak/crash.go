package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"easel/internal/failpoint"
)

// In the crash test pins and uploads end soon, so that their ends are part of it.
const (
	crashPin = 8 * time.Second
	crashTTL = 12 * time.Second
)

// crash lets clients work and kills the server, again and again: at random
// moments and, if the program was built with the tag, at failpoints. After
// each start everything is checked before the clients go on.
func crash(ctx context.Context, s *settings, b *bench) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(s.seed, 0))
	arms := armory{r: r}
	b.gate.Lock()
	halt := b.employ(ctx, s.clients)
	defer halt()
	kills, deaths := 0, map[string]int{}
	started, armed := time.Now(), ""
	for (s.kills == 0 || kills < s.kills) && time.Since(started) < s.duration {
		b.gate.Unlock()
		how, err := b.letRun(ctx, runTime(s, r), armed)
		b.gate.Lock()
		if err != nil {
			return err
		}
		kills++
		deaths[how]++
		armed = arms.next()
		early, err := b.revive(ctx, armed)
		if err != nil {
			return fmt.Errorf("after kill %d (%s): %w", kills, how, err)
		}
		if early > 0 {
			deaths["at the start, "+armed] += early
			kills += early
			armed = ""
		}
		b.prune(ctx)
		if kills/100 > (kills-1-early)/100 {
			fmt.Printf("%v: killed %d times, every promise kept so far\n", time.Since(started).Round(time.Second), kills)
		}
	}
	halt()
	if err := b.surviveBulk(ctx); err != nil {
		return err
	}
	b.server.kill()
	if _, err := b.revive(ctx, ""); err != nil {
		return fmt.Errorf("at the end: %w", err)
	}
	bytes, err := b.balance(ctx, max(crashPin, crashTTL)+time.Second)
	if err == nil {
		err = b.deleteAll(ctx)
	}
	if err == nil {
		err = b.server.stop()
	}
	b.reportCrash(kills, deaths, time.Since(started), bytes)
	return err
}

// employ starts n clients. halt ends them, once they may go on; the caller
// holds the gate, and has it open for good then.
func (b *bench) employ(ctx context.Context, n int) (halt func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for id := range n {
		wg.Go(func() { b.newWorker(id).work(ctx) })
	}
	return sync.OnceFunc(func() {
		cancel()
		b.gate.Unlock()
		wg.Wait()
	})
}

// runTime is how long the server may live.
func runTime(s *settings, r *rand.Rand) time.Duration {
	mean := time.Second
	if s.kills > 0 {
		mean = min(mean, s.duration/time.Duration(s.kills)/2)
	}
	return 50*time.Millisecond + time.Duration(r.Float64()*float64(2*mean))
}

// armory hands out failpoints, each in its turn.
type armory struct {
	r     *rand.Rand
	names []string
}

// next returns how to arm the server: to die at the next point, to be slow or
// to fail there, or not at all.
func (a *armory) next() string {
	if a.r.IntN(3) == 0 {
		return ""
	}
	if len(a.names) == 0 {
		a.names = failpoint.Names()
		a.r.Shuffle(len(a.names), func(i, j int) { a.names[i], a.names[j] = a.names[j], a.names[i] })
	}
	name := a.names[0]
	a.names = a.names[1:]
	n := 1 << a.r.IntN(6)
	switch fails := strings.HasPrefix(name, "catalog."); { // a commit can fail, or its answer be lost
	case fails && a.r.IntN(2) == 0:
		return fmt.Sprintf("%s=error:%d", name, 8*n)
	case a.r.IntN(6) == 0:
		return name + "=sleep:30"
	}
	return fmt.Sprintf("%s=kill:%d", name, n)
}

// deadly reports whether a server that is armed so dies at its point.
func deadly(armed string) bool { return strings.Contains(armed, "=kill:") }

// letRun lets the clients work until the server dies at its failpoint, or for
// d, and then kills it. It returns how it died.
func (b *bench) letRun(ctx context.Context, d time.Duration, armed string) (how string, err error) {
	if deadly(armed) {
		d += 2 * time.Second
	}
	t := time.NewTimer(d)
	defer t.Stop()
	how = "at random"
	if armed != "" && !deadly(armed) {
		how += ", with " + armed
	}
	select {
	case err = <-b.problem:
	case <-ctx.Done():
		err = ctx.Err()
	case <-b.server.dead:
		name, _, _ := strings.Cut(armed, "=")
		if how = "at " + name; !deadly(armed) {
			err = broken("the server, armed with %q, died by itself; its log is %s.log", armed, b.server.dir)
		}
	case <-t.C:
	}
	b.server.kill()
	return how, err
}

// revive starts the server, armed, and checks everything. When it dies at its
// failpoint before the check is through, it is started once more, unarmed;
// early says how often it did.
func (b *bench) revive(ctx context.Context, armed string) (early int, err error) {
	for {
		b.mayFail.Store(strings.Contains(armed, "=error"))
		err := b.server.start(armed)
		if err == nil {
			err = b.rest(ctx)
		}
		died := errors.Is(err, errDied) || errors.Is(err, errSilent)
		if died && armed == "" && ctx.Err() == nil {
			return early, broken("the server died by itself: %v; its log is %s.log", err, b.server.dir)
		}
		if !died || ctx.Err() != nil {
			return early, err
		}
		b.server.kill()
		early++
		armed = ""
	}
}

func (b *bench) reportCrash(kills int, deaths map[string]int, took time.Duration, bytes int64) {
	fmt.Printf("killed %d times in %v:\n", kills, took.Round(time.Second))
	for _, how := range slices.Sorted(maps.Keys(deaths)) {
		fmt.Printf("  %-50s %6d\n", how, deaths[how])
	}
	fmt.Println("operations as clients saw them:")
	for _, line := range b.outcomes() {
		fmt.Println("  " + line)
	}
	fmt.Printf("%d operations on tags and images have a legal order; %d requests, %d answers of 500 and more, slowest %v (%s)\n",
		b.hist.total, b.client.count, b.client.trouble, b.client.slowest.Round(time.Millisecond), b.client.slow)
	fmt.Printf("%d bytes up, %d freed by deletions, %d left at the end and exactly those of the manifests; after everything was deleted those of trash, after that none\n",
		b.bytesIn.Load(), b.freed.Load(), bytes)
}
