package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// bulkJob is a job of the server's over many images, which outlives the server.
type bulkJob struct {
	force bool
	gone  map[string]bool // ids of the images that it has deleted
	ended bool
}

// bulkState is a job as the server tells it.
type bulkState struct {
	ID      string
	State   string
	Force   bool
	Images  int
	Done    int `json:"images_done"`
	Results []struct {
		ID, State string
		Path      string `json:"swr_path"`
	}
}

func (s bulkState) over() bool {
	return s.State == "done" || s.State == "stopped" || s.State == "cancelled"
}

// startBulk makes a job of some images.
func (w *worker) startBulk(ctx context.Context) {
	ids := map[string]bool{}
	for range 2 + w.r.IntN(8) {
		if i, ok := w.knownImage(w.r); ok {
			ids[i.id] = true
		}
	}
	w.bulkOf(ctx, ids, w.r.IntN(3) > 0)
}

// bulkOf makes a job of those of the images that are there: one that is not
// makes the server refuse them all.
func (b *bench) bulkOf(ctx context.Context, ids map[string]bool, force bool) {
	var images []string
	for id := range ids {
		if b.client.api(ctx, http.MethodGet, b.project("images/"+id), nil).ok() {
			images = append(images, id)
		}
	}
	if len(images) > 0 {
		b.outcome("start job", b.client.api(ctx, http.MethodPost, "/easel/v1/jobs", map[string]any{"images": images, "force": force}))
	}
}

// pauseBulk stops all jobs, so that everything is at rest, and records what
// they did. Jobs whose beginning nobody heard of are among those listed.
func (b *bench) pauseBulk(ctx context.Context) error {
	if err := b.listBulk(ctx); err != nil {
		return err
	}
	for id, j := range b.bulk {
		if j.ended {
			continue
		}
		a := b.client.api(ctx, http.MethodPost, "/easel/v1/jobs/"+id+"/pause", nil)
		if a.unknown() {
			return silent("pause a job", a)
		}
		if _, err := b.lookAtBulk(ctx, id); err != nil {
			return err
		}
	}
	return nil
}

func (b *bench) listBulk(ctx context.Context) error {
	a := b.client.api(ctx, http.MethodGet, "/easel/v1/jobs?limit=50", nil)
	var list struct{ Jobs []bulkState }
	if !a.ok() || json.Unmarshal(a.body, &list) != nil {
		return silent("the list of jobs", a)
	}
	for _, j := range list.Jobs {
		if b.bulk[j.ID] == nil {
			b.bulk[j.ID] = &bulkJob{force: j.Force, gone: map[string]bool{}}
		}
	}
	return nil
}

// lookAtBulk records which images a job has deleted since the last look.
func (b *bench) lookAtBulk(ctx context.Context, id string) (s bulkState, err error) {
	a := b.client.api(ctx, http.MethodGet, "/easel/v1/jobs/"+id+"?limit=1000", nil)
	if !a.ok() || json.Unmarshal(a.body, &s) != nil {
		return s, silent("job "+id, a)
	}
	j := b.bulk[id]
	for _, i := range s.Results {
		switch {
		case i.State == "deleted" && !j.gone[i.ID]:
			j.gone[i.ID] = true
			b.count("job deleted image")
			repo, tag := splitPath(i.Path)
			b.hist.add("image "+repo+" "+i.ID, b.resumed, event{effect: take})
			switch {
			case j.force && b.wasRestored(i.ID): // perhaps under another tag
				b.hist.add("repo "+repo, b.resumed, event{effect: mayTake})
			case j.force: // unless another record has the tag
				b.hist.add("tag "+repo+":"+tag, b.resumed, event{effect: mayTake})
			}
		case i.State != "deleted" && j.gone[i.ID]:
			return s, broken("the job %s had deleted image %s, which now is %s", id, i.ID, i.State)
		case i.State == "waiting" && s.State == "done":
			return s, broken("the job %s is done, and image %s waits", id, i.ID)
		}
	}
	switch {
	case s.State == "stopped" || s.State == "cancelled":
		return s, broken("the job %s is %s, which nobody asked for: %s", id, s.State, a.body)
	case s.State == "done" && s.Done != s.Images:
		return s, broken("the job %s is done with %d of %d images", id, s.Done, s.Images)
	case s.State == "done" && !j.ended:
		b.count("job ended")
	}
	j.ended = s.over()
	return s, nil
}

// resumeBulk lets the jobs go on.
func (b *bench) resumeBulk(ctx context.Context) error {
	b.resumed = b.hist.now()
	for id, j := range b.bulk {
		if j.ended {
			continue
		}
		if a := b.client.api(ctx, http.MethodPost, "/easel/v1/jobs/"+id+"/resume", nil); !a.ok() {
			return silent("resume a job", a)
		}
	}
	return nil
}

// bulkPatience is longer than a job may be with a server that is dead.
const bulkPatience = 90 * time.Second

// endBulk waits until all jobs have ended by themselves.
func (b *bench) endBulk(ctx context.Context) error {
	if err := b.listBulk(ctx); err != nil {
		return err
	}
	for id, j := range b.bulk {
		for began := time.Now(); !j.ended; pause(ctx, 100*time.Millisecond) {
			s, err := b.lookAtBulk(ctx, id)
			if err != nil {
				return err
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if time.Since(began) > bulkPatience {
				return broken("the job %s does not end: it is %s with %d of %d images after %v", id, s.State, s.Done, s.Images, bulkPatience)
			}
		}
	}
	return nil
}

// surviveBulk begins a job over all images that nobody resumes, kills the
// server in the middle, and waits for the next one to go on with it.
func (b *bench) surviveBulk(ctx context.Context) error {
	ids := map[string]bool{}
	for _, i := range b.images {
		if !inLab(i.repo) {
			ids[i.id] = true
		}
	}
	b.bulkOf(ctx, ids, false)
	b.server.kill()
	if err := b.server.start(""); err != nil {
		return fmt.Errorf("the last start: %w", err)
	}
	return b.endBulk(ctx)
}
