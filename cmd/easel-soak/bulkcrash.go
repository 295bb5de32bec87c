package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"
)

// bulkImages is how many images the job of bulk deletes.
const bulkImages = 120

// bulkDeaths are where the server dies while it works on the job: before and
// after the transaction of an image, before and after an object is unlinked.
var bulkDeaths = []string{
	"delete.unlink=kill:7", "delete.unlinked=kill:9", "catalog.committed=kill:20", "catalog.commit=kill:20", "delete.synced=kill:1", "catalog.committed=kill:25",
}

// bulk kills the server again and again in the middle of one job. The job goes
// on after each start and ends; each image is deleted once, with a receipt that
// is whole, and not a byte is left.
func bulk(ctx context.Context, s *settings, b *bench) error {
	if err := b.begin(ctx); err != nil {
		return err
	}
	ids, err := b.pushMany(ctx)
	if err != nil {
		return err
	}
	if err := b.reclaim(ctx); err != nil { // layers that went up twice: from now on only the job unlinks
		return err
	}
	b.server.kill()
	if err := b.server.start(bulkDeaths[0]); err != nil {
		return err
	}
	// The answer may be lost with the server: the job is the only one.
	b.outcome("start job", b.client.api(ctx, http.MethodPost, "/easel/v1/jobs", map[string]any{"images": ids, "force": true}))
	for n, next := range append(bulkDeaths[1:], "") {
		if err := b.awaitDeath(ctx, bulkDeaths[n]); err != nil {
			return err
		}
		if err := b.server.start(next); err != nil && !errors.Is(err, errDied) {
			return err
		}
		b.tellBulk(ctx, bulkDeaths[n])
		if n > 0 { // the first time nobody helps: the next worker waits for the lease of the dead one
			b.takeUp(ctx)
		}
	}
	if err := b.endBulk(ctx); err != nil {
		return err
	}
	if len(b.bulk) != 1 {
		return broken("there are %d jobs", len(b.bulk))
	}
	for id := range b.bulk {
		if err := b.wholeJob(ctx, id, ids); err != nil {
			return err
		}
	}
	pause(ctx, crashPin+time.Second)
	if err := b.reclaim(ctx); err != nil {
		return err
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	if _, err := b.onDisk(nil, "what is left of the images"); err != nil {
		return err
	}
	fmt.Printf("killed %d times in the middle of a job; each of its %d images was deleted once\n", len(bulkDeaths), len(ids))
	return b.server.stop()
}

// pushMany pushes and registers images that share layers, and returns their ids.
func (b *bench) pushMany(ctx context.Context) (ids []string, err error) {
	w := b.newWorker(0)
	repos := repoNames(org, 3)
	for n := range bulkImages {
		repo, tag, i := repos[n%len(repos)], fmt.Sprintf("n%d", n), w.newImage(nil)
		p, a := b.client.newPusher(ctx, repo, "")
		if a.ok() {
			a = p.image(ctx, i)
		}
		if a.ok() {
			a = p.manifest(ctx, tag, ociManifest, i.content)
		}
		if a.ok() {
			a = b.client.api(ctx, http.MethodPost, b.project("images"), map[string]string{"swr_path": host + "/" + repo + ":" + tag})
		}
		id, ok := idOf(a)
		if !ok {
			return nil, fmt.Errorf("push %s:%s: %v", repo, tag, a)
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// tellBulk prints how far the job was when the server died.
func (b *bench) tellBulk(ctx context.Context, armed string) {
	var list struct{ Jobs []bulkState }
	if b.read(ctx, "/easel/v1/jobs", &list) != nil { // it died again
		return
	}
	for _, j := range list.Jobs {
		fmt.Printf("died at %s: the job is %s with %d of %d images\n", armed, j.State, j.Done, j.Images)
	}
}

// awaitDeath waits until the server has died where it was armed to.
func (b *bench) awaitDeath(ctx context.Context, armed string) error {
	t := time.NewTimer(bulkPatience)
	defer t.Stop()
	select {
	case err := <-b.problem:
		return err
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return broken("the server, armed with %q, did not die within %v: the job does not go on", armed, bulkPatience)
	case <-b.server.dead:
		return nil
	}
}

// takeUp lets the server go on with the job before the lease of the dead worker
// ends. A server that dies over it has gone on.
func (b *bench) takeUp(ctx context.Context) {
	if b.listBulk(ctx) != nil {
		return
	}
	for id := range b.bulk {
		for _, verb := range []string{"pause", "resume"} {
			b.client.api(ctx, http.MethodPost, "/easel/v1/jobs/"+id+"/"+verb, nil)
		}
	}
}

// wholeJob compares a job that has ended with its receipts and the audit trail.
func (b *bench) wholeJob(ctx context.Context, id string, ids []string) error {
	var job struct {
		Images, Done, Failed int
		Freed                int64 `json:"bytes_freed"`
		Results              []struct {
			ID, State, Receipt string
			Freed              int64 `json:"bytes_freed"`
		}
	}
	if err := b.read(ctx, "/easel/v1/jobs/"+id+"?limit=1000", &job); err != nil {
		return err
	}
	if job.Images != len(ids) || len(job.Results) != len(ids) {
		return broken("the job has %d images and %d results of %d", job.Images, len(job.Results), len(ids))
	}
	deleted, receipts, freed := map[string]bool{}, map[string]bool{}, int64(0)
	for _, r := range job.Results {
		var signed struct {
			Receipt struct {
				Images []struct{ ID string }
				Freed  int64 `json:"bytes_freed"`
			}
		}
		if r.State != "deleted" || deleted[r.ID] || receipts[r.Receipt] {
			return broken("image %s is %s with the receipt %s, the second time %v", r.ID, r.State, r.Receipt, deleted[r.ID])
		}
		if err := b.read(ctx, "/easel/v1/receipts/"+r.Receipt, &signed); err != nil {
			return err
		}
		receipt := signed.Receipt
		if len(receipt.Images) != 1 || receipt.Images[0].ID != r.ID || receipt.Freed != r.Freed {
			return broken("the receipt %s of image %s says %+v; the job says %d bytes", r.Receipt, r.ID, receipt, r.Freed)
		}
		deleted[r.ID], receipts[r.Receipt] = true, true
		freed += r.Freed
	}
	if freed != job.Freed {
		return broken("the images freed %d bytes, the job says %d", freed, job.Freed)
	}
	var trail struct {
		Records []struct {
			ID      string
			Receipt bool
			Request string `json:"request_id"`
		}
	}
	if err := b.read(ctx, "/easel/v1/audit?limit=500", &trail); err != nil {
		return err
	}
	n := 0
	for _, r := range trail.Records {
		if r.Request == id {
			n++
			if !receipts[r.ID] {
				return broken("the audit trail has the deletion %s, which is no result of the job", r.ID)
			}
		}
	}
	if n != len(ids) {
		return broken("the audit trail has %d deletions of the job, of %d images", n, len(ids))
	}
	return nil
}

// read gets a JSON document.
func (b *bench) read(ctx context.Context, path string, into any) error {
	a := b.client.api(ctx, http.MethodGet, path, nil)
	if !a.ok() || json.Unmarshal(a.body, into) != nil {
		return silent(path, a)
	}
	return nil
}
