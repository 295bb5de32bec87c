package main

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// soakPin is how long pins and uploads last in the soak test.
const soakPin = 10 * time.Second

// soak keeps clients at random work and, again and again, brings everything to
// rest to check it and to see whether the server grows.
func soak(ctx context.Context, s *settings, b *bench) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	b.gate.Lock()
	halt := b.employ(ctx, s.clients)
	defer halt()
	started := time.Now()
	between := min(max(s.duration/40, 5*time.Second), 2*time.Minute)
	var samples []sample
	for time.Since(started) < s.duration {
		b.gate.Unlock()
		err := b.letWork(ctx, between)
		b.gate.Lock()
		if err == nil {
			err = b.rest(ctx)
		}
		if err != nil {
			return err
		}
		b.prune(ctx)
		now, err := b.sample(ctx)
		if err != nil {
			return err
		}
		now.at = time.Since(started)
		samples = append(samples, now)
		fmt.Println(now)
	}
	halt()
	bytes, err := b.balance(ctx, soakPin+time.Second)
	if err == nil {
		err = b.deleteAll(ctx)
	}
	if err == nil {
		err = b.server.stop()
	}
	b.reportSoak(samples, time.Since(started), bytes)
	if err == nil {
		err = leaks(samples)
	}
	return err
}

// letWork lets the clients work for d. The server must not die.
func (b *bench) letWork(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case err := <-b.problem:
		return err
	case <-b.server.dead:
		return broken("the server died; its log is %s.log", b.server.dir)
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// sample is how large the server is at rest.
type sample struct {
	at         time.Duration
	memory     int64 // resident, bytes
	files      int64 // open descriptors
	goroutines int64
	garbage    int64 // objects waiting to be unlinked
	stored     int64 // bytes on disk
}

func (s sample) String() string {
	return fmt.Sprintf("%8v  %6.1f MiB resident  %4d descriptors  %4d goroutines  %4d objects of garbage  %9d bytes stored",
		s.at.Round(time.Second), float64(s.memory)/(1<<20), s.files, s.goroutines, s.garbage, s.stored)
}

func (b *bench) sample(ctx context.Context) (s sample, err error) {
	b.client.http.CloseIdleConnections()
	pause(ctx, 200*time.Millisecond) // for the server to notice
	a := b.client.send(ctx, http.MethodGet, "/metrics", http.Header{}, nil)
	if !a.ok() {
		return s, silent("/metrics", a)
	}
	s.goroutines, s.garbage = metric(a.body, "go_goroutines"), metric(a.body, "easel_garbage_objects")
	proc := "/proc/" + strconv.Itoa(b.server.proc.Pid)
	files, err := os.ReadDir(proc + "/fd")
	if err != nil {
		return s, err
	}
	s.files = int64(len(files))
	statm, err := os.ReadFile(proc + "/statm")
	if err != nil {
		return s, err
	}
	if fields := strings.Fields(string(statm)); len(fields) > 1 {
		pages, err := strconv.ParseInt(fields[1], 10, 64)
		if err != nil {
			return s, err
		}
		s.memory = pages * int64(os.Getpagesize())
	}
	s.stored, err = b.server.stored()
	return s, err
}

// metric returns the value of a metric without labels; 0 when it is not there.
func metric(text []byte, name string) int64 {
	for line := range bytes.Lines(text) {
		if value, ok := bytes.CutPrefix(line, []byte(name+" ")); ok {
			f, err := strconv.ParseFloat(string(bytes.TrimSpace(value)), 64)
			if err == nil {
				return int64(f)
			}
		}
	}
	return 0
}

// leaks compares the last quarter of the samples with the first: what is there
// at rest must not grow with the work that was done.
func leaks(samples []sample) error {
	quarter := len(samples) / 4
	if quarter == 0 {
		return nil
	}
	first, last := samples[:quarter], samples[len(samples)-quarter:]
	for _, m := range []struct {
		what  string
		of    func(sample) int64
		slack int64
	}{
		{"resident bytes", func(s sample) int64 { return s.memory }, 64 << 20},
		{"descriptors", func(s sample) int64 { return s.files }, 8},
		{"goroutines", func(s sample) int64 { return s.goroutines }, 8},
	} {
		before, after := middle(first, m.of), middle(last, m.of)
		if after > before+before/2+m.slack {
			return broken("the server grows: %d %s at rest in the first quarter, %d in the last", before, m.what, after)
		}
	}
	return nil
}

// middle is the median.
func middle(samples []sample, of func(sample) int64) int64 {
	var values []int64
	for _, s := range samples {
		values = append(values, of(s))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

func (b *bench) reportSoak(samples []sample, took time.Duration, bytes int64) {
	fmt.Printf("\neasel-soak: %v, seed %d\n", took.Round(time.Second), b.seed)
	fmt.Printf("%d requests, %d answers of 500 and more, slowest %v (%s)\n", b.client.count, b.client.trouble, b.client.slowest.Round(time.Millisecond), b.client.slow)
	for _, line := range b.outcomes() {
		fmt.Println("  " + line)
	}
	fmt.Printf("%d operations on tags and images have a legal order; %d checks at rest found nothing\n", b.hist.total, len(samples))
	fmt.Printf("%d bytes up, %d freed by deletions, %d kept at the end\n", b.bytesIn.Load(), b.freed.Load(), bytes)
	if len(samples) > 0 {
		fmt.Println("at rest, first and last:")
		fmt.Println("  " + samples[0].String())
		fmt.Println("  " + samples[len(samples)-1].String())
	}
}
