// Package load makes registries work and measures how they do. It knows
// them from outside only: OCI distribution over HTTP, and, where the caller
// names them, the store's directory and the server's process.
//
// The same bounded work is done against every target. A profile that meets
// an answer it did not hope for ends with an error: figures of failed
// requests are worth nothing. Deletion under push is the exception, for there
// the failures are what is measured.
package load

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// profiles are the kinds of work by name; they run in the order of Profiles.
var profiles = map[string]func(*run, context.Context) error{
	"small":             (*run).small,
	"layer":             (*run).layer,
	"ml":                (*run).ml,
	"manifests":         (*run).manifests,
	"listing":           (*run).listing,
	"delete":            (*run).delete,
	"delete-under-push": (*run).deleteUnderPush,
}

// Profiles returns the names of all profiles in the order in which they run.
func Profiles() []string {
	return []string{"small", "layer", "ml", "manifests", "listing", "delete", "delete-under-push"}
}

// Known reports whether there is a profile called name.
func Known(name string) bool { return slices.Contains(slices.Collect(maps.Keys(profiles)), name) }

// Run does the work of the profiles against t. scale multiplies the number of
// images, requests and seconds; 1 is the published size.
func Run(ctx context.Context, t Target, names []string, scale float64, progress func(string)) (Result, error) {
	r := &run{client: newClient(t), target: t, scale: scale, progress: progress, seed: uint64(time.Now().UnixNano()), result: NewResult(t.Label, scale, names)}
	defer r.client.http.CloseIdleConnections()
	for _, name := range names {
		f := profiles[name]
		if f == nil {
			return r.result, fmt.Errorf("there is no profile %q: want one of %v", name, Profiles())
		}
		progress(t.Label + ": " + name)
		if err := f(r, ctx); err != nil {
			return r.result, fmt.Errorf("%s: profile %s: %w", t.Label, name, err)
		}
	}
	if t.PID == 0 {
		return r.result, nil
	}
	peak, err := PeakMemory(t.PID)
	if err == nil {
		r.less("peak memory", "MiB", float64(peak)/(1<<20))
	}
	return r.result, err
}

// run is a run under way.
type run struct {
	client   *client
	target   Target
	scale    float64
	progress func(string)
	seed     uint64 // of the next blob: no two runs push the same content
	result   Result
}

// times returns n scaled, and at least least.
func (r *run) times(n, least int) int { return max(least, int(float64(n)*r.scale)) }

func (r *run) blob(size int64) blob {
	r.seed++
	return newBlob(r.seed, size)
}

func (r *run) repo(name string) string { return r.target.Prefix + "/" + name }

func (r *run) more(name, unit string, value float64) {
	r.result.Figures = append(r.result.Figures, Figure{Name: name, Unit: unit, Value: value})
}

func (r *run) less(name, unit string, value float64) {
	r.result.Figures = append(r.result.Figures, Figure{Name: name, Unit: unit, Value: value, Less: true})
}

// timing is how a number of operations went.
type timing struct {
	wall      time.Duration
	cpu       time.Duration // of the server
	latencies []time.Duration
}

func (t timing) perSecond() float64 { return float64(len(t.latencies)) / t.wall.Seconds() }

// ms returns the latency, in milliseconds, that share of the operations did
// not exceed.
func (t timing) ms(share float64) float64 {
	return float64(t.latencies[min(len(t.latencies)-1, int(share*float64(len(t.latencies))))]) / float64(time.Millisecond)
}

// cpuMS returns the server's CPU time per operation in milliseconds.
func (t timing) cpuMS() float64 {
	return float64(t.cpu) / float64(time.Millisecond) / float64(len(t.latencies))
}

// measure does op for 0 to n-1 with that many clients at once. The first
// error ends it.
func (r *run) measure(ctx context.Context, clients, n int, op func(ctx context.Context, i int) error) (t timing, err error) {
	ctx, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	before, err := cpuTime(r.target.PID)
	if err != nil {
		return t, err
	}
	t.latencies = make([]time.Duration, n)
	var next atomic.Int64
	var all sync.WaitGroup
	start := time.Now()
	for range clients {
		all.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= n || ctx.Err() != nil {
					return
				}
				begin := time.Now()
				if err := op(ctx, i); err != nil {
					stop(err)
					return
				}
				t.latencies[i] = time.Since(begin)
			}
		})
	}
	all.Wait()
	t.wall = time.Since(start)
	if err := context.Cause(ctx); err != nil {
		return t, err
	}
	after, err := cpuTime(r.target.PID)
	t.cpu = after - before
	slices.Sort(t.latencies)
	return t, err
}

// cpu adds the server's CPU time per operation when it is known.
func (r *run) cpu(name, unit string, t timing, value float64) {
	if r.target.PID != 0 && t.cpu > 0 {
		r.less(name+" CPU", unit, value)
	}
}
