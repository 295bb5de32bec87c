package load

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

const mib = 1 << 20

// small pushes and pulls images of two layers of 4 KiB of their own, one that
// all share, and a config, spread over ten repositories.
func (r *run) small(ctx context.Context) error {
	shared := r.blob(4 << 10)
	images := make([]image, r.times(1000, 20))
	for i := range images {
		images[i] = newImage(r.repo(fmt.Sprintf("small%d", i%10)), fmt.Sprintf("v%d", i), fmt.Sprint("small ", i), r.blob(4<<10), r.blob(4<<10), shared)
	}
	pushed, err := r.measure(ctx, 8, len(images), func(ctx context.Context, i int) error {
		_, err := r.client.push(ctx, images[i])
		return err
	})
	if err != nil {
		return err
	}
	r.more("small push", "images/s", pushed.perSecond())
	r.less("small push p99", "ms", pushed.ms(0.99))
	r.cpu("small push", "ms/image", pushed, pushed.cpuMS())
	pulled, err := r.measure(ctx, 8, len(images), func(ctx context.Context, i int) error {
		_, err := r.client.pull(ctx, images[i].repo, images[i].tag)
		return err
	})
	if err != nil {
		return err
	}
	r.more("small pull", "images/s", pulled.perSecond())
	r.less("small pull p99", "ms", pulled.ms(0.99))
	r.cpu("small pull", "ms/image", pulled, pulled.cpuMS())
	return nil
}

// layer pushes and pulls images of one layer of 64 MiB.
func (r *run) layer(ctx context.Context) error {
	images := make([]image, r.times(20, 4))
	for i := range images {
		images[i] = newImage(r.repo("layer"), fmt.Sprintf("v%d", i), fmt.Sprint("layer ", i), r.blob(64*mib))
	}
	return r.transfer(ctx, "layer", images)
}

// ml pushes and pulls images that share four layers of 32 MiB and have one of
// 8 MiB of their own. The shared layers are there before the clock starts.
func (r *run) ml(ctx context.Context) error {
	base := []blob{r.blob(32 * mib), r.blob(32 * mib), r.blob(32 * mib), r.blob(32 * mib)}
	images := make([]image, r.times(60, 8))
	for i := range images {
		layers := append(append([]blob(nil), base...), r.blob(8*mib))
		images[i] = newImage(r.repo("ml"), fmt.Sprintf("v%d", i), fmt.Sprint("ml ", i), layers...)
	}
	if _, err := r.client.push(ctx, newImage(r.repo("ml"), "base", "ml base", base...)); err != nil {
		return err
	}
	return r.transfer(ctx, "ml", images)
}

// transfer pushes images with 4 clients and pulls them with 8.
func (r *run) transfer(ctx context.Context, name string, images []image) error {
	var sent, received atomic.Int64
	pushed, err := r.measure(ctx, 4, len(images), func(ctx context.Context, i int) error {
		n, err := r.client.push(ctx, images[i])
		sent.Add(n)
		return err
	})
	if err != nil {
		return err
	}
	r.throughput(name+" push", pushed, sent.Load())
	pulled, err := r.measure(ctx, 8, len(images), func(ctx context.Context, i int) error {
		n, err := r.client.pull(ctx, images[i].repo, images[i].tag)
		received.Add(n)
		return err
	})
	if err != nil {
		return err
	}
	r.throughput(name+" pull", pulled, received.Load())
	return nil
}

func (r *run) throughput(name string, t timing, bytes int64) {
	r.more(name, "MB/s", float64(bytes)/1e6/t.wall.Seconds())
	r.cpu(name, "s/GB", t, t.cpu.Seconds()/(float64(bytes)/1e9))
}

// manifests asks for a manifest by its tag.
func (r *run) manifests(ctx context.Context) error {
	i := newImage(r.repo("manifests"), "latest", "manifests", r.blob(4<<10))
	if _, err := r.client.push(ctx, i); err != nil {
		return err
	}
	n := r.times(20_000, 1000)
	head, err := r.measure(ctx, 16, n, func(ctx context.Context, _ int) error { return r.client.headManifest(ctx, i.repo, i.tag) })
	if err != nil {
		return err
	}
	r.more("HEAD manifest", "requests/s", head.perSecond())
	r.cpu("HEAD manifest", "ms/request", head, head.cpuMS())
	get, err := r.measure(ctx, 16, n, func(ctx context.Context, _ int) error {
		m, err := r.client.manifest(ctx, i.repo, i.tag)
		if err == nil && digestOf(m) != i.digest {
			err = fmt.Errorf("the tag names another manifest")
		}
		return err
	})
	if err != nil {
		return err
	}
	r.more("GET manifest", "requests/s", get.perSecond())
	r.cpu("GET manifest", "ms/request", get, get.cpuMS())
	return nil
}

// listing grows one repository to 10,000 tags and lists them.
func (r *run) listing(ctx context.Context) error {
	i := newImage(r.repo("listing"), "t", "listing", r.blob(4<<10))
	if _, err := r.client.push(ctx, i); err != nil {
		return err
	}
	n := r.times(10_000, 200)
	tagged, err := r.measure(ctx, 8, n-1, func(ctx context.Context, k int) error {
		return r.client.putManifest(ctx, i, fmt.Sprintf("t%06d", k))
	})
	if err != nil {
		return err
	}
	r.more("tag", "tags/s", tagged.perSecond())
	first, err := r.measure(ctx, 1, 20, func(ctx context.Context, _ int) error {
		_, _, err := r.client.tags(ctx, i.repo, "/v2/"+i.repo+"/tags/list?n=100")
		return err
	})
	if err != nil {
		return err
	}
	r.less("first page of tags", "ms", first.ms(0.5))
	walk, err := r.measure(ctx, 1, 5, func(ctx context.Context, _ int) error { return r.walkTags(ctx, i.repo, n) })
	if err != nil {
		return err
	}
	r.less("walk of all tags", "ms", walk.ms(0.5))
	return nil
}

// walkTags reads all pages and counts what is in them.
func (r *run) walkTags(ctx context.Context, repo string, want int) error {
	got := 0
	for next := "/v2/" + repo + "/tags/list?n=1000"; next != ""; {
		tags, after, err := r.client.tags(ctx, repo, next)
		if err != nil {
			return err
		}
		got, next = got+len(tags), after
	}
	if got != want {
		return fmt.Errorf("the walk found %d of %d tags", got, want)
	}
	return nil
}

// gone reports whether err says that there is nothing there.
func gone(err error) bool { return statusOf(err) == http.StatusNotFound }

// pause waits for d or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
