package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// churnPin is longer than any push of this test takes: a refused manifest is
// then the registry's fault.
const churnPin = 5 * time.Minute

// churn lets clients push images that have their layers in common, by asking
// for them and by mounting them, while the images that had them before are
// deleted. A client waits for up to a second between its last layer and its
// manifest. No manifest may be refused, no image broken, no deleted image
// still there, and the bytes at the end are those of the images at the end:
// every pin was taken back by its manifest, so nobody waits for any.
func churn(ctx context.Context, s *settings, b *bench) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	b.repos = repoNames(org, 8)
	b.pool = newPool(s.seed, 12, 256<<10) // few: each is in many images
	end, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	var t tally
	var wg sync.WaitGroup
	for id := range s.clients {
		wg.Go(func() {
			if err := (&churner{bench: b, id: id, r: rand.New(rand.NewPCG(s.seed, uint64(id))), tally: &t}).work(ctx, end); err != nil {
				b.fail(err)
				cancel()
			}
		})
	}
	wg.Wait()
	select {
	case err := <-b.problem:
		return err
	default:
	}
	bytes, err := b.balance(ctx, 0)
	if err != nil {
		return err
	}
	images := len(b.stored)
	if err := b.deleteAll(ctx); err != nil {
		return err
	}
	fmt.Printf("%d images pushed, none refused; %d deleted, none left; %d pulled whole\n", t.pushed.Load(), t.deleted.Load(), t.pulled.Load())
	fmt.Printf("layers: %d were there when asked for, %d mounted, %d sent (%d bytes)\n", t.there.Load(), t.mounted.Load(), t.sent.Load(), t.bytes.Load())
	fmt.Printf("at the end %d images with %d bytes on disk, exactly theirs; none after they were deleted\n", images, bytes)
	fmt.Printf("%d requests, %d answers of 500 and more, slowest %v (%s)\n", b.client.count, b.client.trouble, b.client.slowest.Round(time.Millisecond), b.client.slow)
	return b.server.stop()
}

// tally counts what the clients did.
type tally struct{ pushed, deleted, pulled, there, mounted, sent, bytes atomic.Int64 }

// churner is one client with the images that it pushed and did not delete.
type churner struct {
	*bench
	*tally
	id    int
	r     *rand.Rand
	n     int
	alive []churned
}

// churned is an image under a tag of its own.
type churned struct{ repo, tag, digest string }

// work goes on until the context end ends; what was begun is finished in ctx.
func (c *churner) work(ctx, end context.Context) error {
	for end.Err() == nil && ctx.Err() == nil {
		if err := c.push(ctx); err != nil {
			return err
		}
		for len(c.alive) > 2 { // two stay, so that layers are shared with the living as well
			if err := c.remove(ctx); err != nil {
				return err
			}
		}
		if len(c.alive) > 0 {
			i := pick(c.r, c.alive)
			blobs, err := (&puller{bench: c.bench}).whole(ctx, i.repo, i.digest)
			if err == nil && blobs == nil {
				err = broken("%s:%s was not deleted and is not there", i.repo, i.tag)
			}
			if err != nil {
				return err
			}
			c.pulled.Add(1)
		}
	}
	return nil
}

func (c *churner) push(ctx context.Context) error {
	c.n++
	repo, tag := pick(c.r, c.repos), fmt.Sprintf("c%d-%d", c.id, c.n)
	i := newImage(fmt.Sprintf("%d.%s", c.seed, tag), nil, c.pool.some(c.r, 1+c.r.IntN(5))...)
	p, a := c.client.newPusher(ctx, repo, pick(c.r, c.repos))
	if !a.ok() {
		return fmt.Errorf("get a token: %v", a)
	}
	if a := p.image(ctx, i); !a.ok() {
		return broken("push to %s: a blob is refused: %v", repo, a)
	}
	pause(ctx, time.Duration(c.r.Int64N(int64(time.Second))))
	call := c.hist.now()
	if a := p.manifest(ctx, tag, ociManifest, i.content); !a.ok() {
		return broken("push %s:%s: the manifest is refused: %v", repo, tag, a)
	}
	c.hist.add("tag "+repo+":"+tag, call, event{effect: write, value: i.digest})
	c.addManifest(i.digest, repo)
	c.alive = append(c.alive, churned{repo, tag, i.digest})
	c.pushed.Add(1)
	c.there.Add(int64(p.there))
	c.mounted.Add(int64(p.mounted))
	c.sent.Add(int64(p.sent))
	c.bytes.Add(p.bytes)
	return nil
}

// remove deletes one image by a random route; it must be gone at once.
func (c *churner) remove(ctx context.Context) error {
	at := c.r.IntN(len(c.alive))
	i := c.alive[at]
	c.alive = append(c.alive[:at], c.alive[at+1:]...)
	var a answer
	call := c.hist.now()
	switch c.r.IntN(4) {
	case 0:
		a = c.client.oci(ctx, deletes(i.repo), http.MethodDelete, "/v2/"+i.repo+"/manifests/"+i.tag)
	case 1:
		a = c.client.oci(ctx, deletes(i.repo), http.MethodDelete, "/v2/"+i.repo+"/manifests/"+i.digest)
	case 2:
		a = c.client.api(ctx, http.MethodDelete, manage(i.repo)+"/tags/"+i.tag, nil)
	case 3:
		a = c.removeRegistered(ctx, i)
	}
	if !a.ok() {
		return broken("delete %s:%s: %v", i.repo, i.tag, a)
	}
	c.hist.add("tag "+i.repo+":"+i.tag, call, event{effect: take})
	for _, ref := range []string{i.tag, i.digest} {
		if a := c.client.oci(ctx, pulls(i.repo), http.MethodGet, "/v2/"+i.repo+"/manifests/"+ref); a.status != http.StatusNotFound {
			return broken("%s:%s was deleted, and %s is answered with %v", i.repo, i.tag, ref, a)
		}
	}
	c.deleted.Add(1)
	return nil
}

// removeRegistered registers the image and deletes it with its content.
func (c *churner) removeRegistered(ctx context.Context, i churned) answer {
	a := c.client.api(ctx, http.MethodPost, c.project("images"), map[string]string{"swr_path": host + "/" + i.repo + ":" + i.tag})
	id, ok := idOf(a)
	if !ok {
		return a
	}
	return c.client.api(ctx, http.MethodDelete, c.project("images/"+id+"?force=true"), nil)
}
