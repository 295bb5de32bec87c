package load

import (
	"context"
	"fmt"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"
)

// delete pushes images that share a layer and have one of 256 KiB of their
// own, deletes all of them by digest, and looks when their bytes are off the disk.
func (r *run) delete(ctx context.Context) error {
	shared := r.blob(256 << 10)
	images := make([]image, r.times(400, 40))
	var exclusive int64
	for i := range images {
		images[i] = newImage(r.repo(fmt.Sprintf("delete%d", i%10)), fmt.Sprintf("v%d", i), fmt.Sprint("delete ", i), r.blob(256<<10), shared)
		exclusive += images[i].size() - shared.size
	}
	if _, err := r.measure(ctx, 8, len(images), func(ctx context.Context, i int) error {
		_, err := r.client.push(ctx, images[i])
		return err
	}); err != nil {
		return err
	}
	before, err := r.usage()
	if err != nil {
		return err
	}
	deleted, err := r.measure(ctx, 8, len(images), func(ctx context.Context, i int) error {
		return r.client.delete(ctx, images[i].repo, images[i].digest)
	})
	if err != nil {
		return err
	}
	atOnce, err := r.usage()
	if err != nil {
		return err
	}
	r.more("delete", "images/s", deleted.perSecond())
	r.less("delete p50", "ms", deleted.ms(0.5))
	r.less("delete p99", "ms", deleted.ms(0.99))
	r.cpu("delete", "ms/image", deleted, deleted.cpuMS())
	if r.target.WatchDir == "" {
		return nil
	}
	return r.watch(ctx, before, atOnce, exclusive)
}

func (r *run) usage() (int64, error) {
	if r.target.WatchDir == "" {
		return 0, nil
	}
	return diskUsage(r.target.WatchDir)
}

// watch tells which share of the bytes that only the deleted images had is
// off the disk: when the last call has returned, one second and ten seconds
// later. The shared layer, which goes with the last image, is not counted.
func (r *run) watch(ctx context.Context, before, now, exclusive int64) error {
	for _, at := range []struct {
		name string
		wait time.Duration
	}{
		{"bytes gone when the call returns", 0}, {"bytes gone after 1 s", time.Second}, {"bytes gone after 10 s", 9 * time.Second},
	} {
		if at.wait > 0 && before-now < exclusive {
			if err := pause(ctx, at.wait); err != nil {
				return err
			}
			var err error
			if now, err = r.usage(); err != nil {
				return err
			}
		}
		r.more(at.name, "%", 100*min(1, float64(before-now)/float64(exclusive)))
	}
	return nil
}

// deleteUnderPush deletes images while others that share their layers are
// being pushed, for twenty seconds, and then reads whatever was acknowledged
// and not deleted: a registry that frees too much has broken some of it.
func (r *run) deleteUnderPush(ctx context.Context) error {
	f := &fray{run: r, live: make(chan image, 1<<20), from: r.seed}
	for range 32 {
		f.pool = append(f.pool, r.blob(64<<10))
	}
	r.seed += 1 << 32 // the pushers make blobs of their own
	for range r.times(200, 50) {
		f.pushOne(ctx)
	}
	duration := max(2*time.Second, time.Duration(20*r.scale*float64(time.Second)))
	first := f.pushed.Load()
	fight, stop := context.WithTimeout(ctx, duration)
	defer stop()
	var all sync.WaitGroup
	start := time.Now()
	for range 4 {
		all.Go(func() {
			for fight.Err() == nil {
				f.pushOne(ctx)
			}
		})
		all.Go(func() { f.deleteSome(ctx, fight) })
	}
	all.Go(func() { f.collect(fight) })
	all.Wait()
	took := time.Since(start).Seconds()
	if err := ctx.Err(); err != nil {
		return err
	}
	if f.failed.Load() > 0 {
		return f.failure.Load().(error)
	}
	r.more("push under deletion", "images/s", float64(f.pushed.Load()-first)/took)
	r.more("deletion under push", "images/s", float64(f.deleted.Load())/took)
	r.less("refused pushes", "images", float64(f.refused.Load()))
	r.less("refused deletions", "images", float64(f.kept.Load()))
	return f.verify(ctx)
}

// fray is a deletion under push.
type fray struct {
	*run
	pool []blob // layers that images share
	from uint64
	made atomic.Uint64
	live chan image // acknowledged and not deleted

	pushed, deleted, failed atomic.Int64
	refused, kept           atomic.Int64 // pushes, deletions
	failure                 atomic.Value // error
	mu                      sync.Mutex
	dead                    []image // guarded by mu
}

// pushOne pushes an image of two shared layers and one of its own.
func (f *fray) pushOne(ctx context.Context) {
	n := f.made.Add(1)
	pool := uint64(len(f.pool))
	i := newImage(f.repo(fmt.Sprintf("fray%d", n%4)), fmt.Sprintf("v%d", n), fmt.Sprint("fray ", n),
		f.pool[n%pool], f.pool[(n*7+n/pool)%pool], newBlob(f.from+1<<31+n, 4<<10))
	_, err := f.client.push(ctx, i)
	switch status := statusOf(err); {
	case err == nil:
		f.pushed.Add(1)
		f.live <- i
	case status >= 400:
		f.refused.Add(1) // 404 or 400: something that it was told is there has gone
	default:
		f.fail(err)
	}
}

// deleteSome deletes images until fight ends. It leaves some alone, so that
// there is something to be broken.
func (f *fray) deleteSome(ctx, fight context.Context) {
	for fight.Err() == nil {
		if len(f.live) < 50 {
			_ = pause(fight, time.Millisecond) // its end is looked at above
			continue
		}
		i := <-f.live
		if err := f.client.delete(ctx, i.repo, i.digest); statusOf(err) >= 400 {
			f.kept.Add(1) // whether it is there now, nobody said
			continue
		} else if err != nil {
			f.fail(err)
			return
		}
		f.deleted.Add(1)
		f.mu.Lock()
		f.dead = append(f.dead, i)
		f.mu.Unlock()
	}
}

// collect runs the target's collector, if it has one.
func (f *fray) collect(fight context.Context) {
	for len(f.target.Collect) > 0 && pause(fight, 500*time.Millisecond) == nil {
		cmd := exec.CommandContext(fight, f.target.Collect[0], f.target.Collect[1:]...)
		if out, err := cmd.CombinedOutput(); err != nil && fight.Err() == nil {
			f.progress(fmt.Sprintf("the collector failed: %v: %.200s", err, out))
		}
	}
}

func (f *fray) fail(err error) {
	if f.failed.Add(1) == 1 {
		f.failure.Store(err)
	}
}

// verify reads every image that should be there, and asks for every one that
// should not.
func (f *fray) verify(ctx context.Context) error {
	close(f.live)
	var kept []image
	for i := range f.live {
		kept = append(kept, i)
	}
	var broken, still atomic.Int64
	if _, err := f.measure(ctx, 8, len(kept), func(ctx context.Context, n int) error {
		if _, err := f.client.pull(ctx, kept[n].repo, kept[n].digest); err != nil && ctx.Err() == nil {
			broken.Add(1)
		}
		return ctx.Err()
	}); err != nil {
		return err
	}
	if _, err := f.measure(ctx, 8, len(f.dead), func(ctx context.Context, n int) error {
		err := f.client.headManifest(ctx, f.dead[n].repo, f.dead[n].digest)
		if err == nil {
			still.Add(1)
		} else if !gone(err) {
			return err
		}
		return nil
	}); err != nil {
		return err
	}
	f.less("broken images", "images", float64(broken.Load()))
	f.less("deleted and still there", "images", float64(still.Load()))
	return nil
}
