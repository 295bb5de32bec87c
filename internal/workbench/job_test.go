package workbench_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/pgtest"
	"easel/internal/registry"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

// jobBench is a bench whose time goes on when somebody says so, and whose
// users can lose their rights.
type jobBench struct {
	*bench
	store blob.Store
	now   atomic.Int64                                   // seconds
	who   func(context.Context) (easel.Principal, error) // nil: ann
}

// Subject implements workbench.Subjects.
func (b *jobBench) Subject(ctx context.Context, user, key, project string) (easel.Principal, error) {
	if b.who != nil {
		return b.who(ctx)
	}
	return b.Ann, nil
}

// another returns a second server on the same catalogue and store.
func (b *jobBench) another() *workbench.Service {
	return workbench.New(workbench.Options{Catalog: b.DB, Registry: registry.New(registry.Options{Catalog: b.DB, Blobs: b.store}), InUse: []workbench.InUse{b.bench}, Subjects: b})
}

// onBoth runs f on SQLite and, unless the test is short, on PostgreSQL.
func onBoth(t *testing.T, f func(t *testing.T, b *jobBench)) {
	t.Helper()
	t.Parallel()
	run := func(name string, url func(testing.TB) string) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := &jobBench{}
			b.now.Store(1_800_000_000)
			b.bench = &bench{World: imagetest.NewAt(t, url(t), func() time.Time { return time.Unix(b.now.Load(), 0) }), using: map[string]bool{}}
			var err error
			b.store, err = blob.OpenDir(t.TempDir())
			must(t, err)
			b.Service = b.another()
			f(t, b)
		})
	}
	run("sqlite", imagetest.SQLite)
	if !testing.Short() {
		run("postgres", pgtest.Start)
	}
}

// job starts one over n images with a layer each, and one that they share.
func (b *jobBench) job(t *testing.T, n int) (catalog.Job, []string) {
	t.Helper()
	ids := make([]string, n)
	for i := range ids {
		path := fmt.Sprintf("team/torch:%d", i+1)
		b.Push(t, b.Ann, path, "base", fmt.Sprint("layer ", i))
		made, err := b.Register(imagetest.As(t, b.Ann), ask(b.Ann, path))
		must(t, err)
		ids[i] = made.ID
	}
	job, err := b.StartJob(imagetest.As(t, b.Ann), workbench.Deletion{Project: b.Ann.ProjectID, IDs: ids, Force: true})
	must(t, err)
	return job, ids
}

func (b *jobBench) work(t *testing.T) {
	t.Helper()
	if worked, err := b.WorkOnJob(t.Context()); err != nil || !worked {
		t.Fatalf("working on a job: %v, %v", worked, err)
	}
}

// want compares a job with what is wanted, and its sums with its results.
func (b *jobBench) want(t *testing.T, id string, state catalog.JobState, done, failed int64) []catalog.JobImage {
	t.Helper()
	job, images, err := b.JobImages(imagetest.As(t, b.Ann), id, 0, 1000)
	must(t, err)
	var sum catalog.Job
	receipts := map[string]bool{}
	for _, i := range images {
		if i.State != "waiting" {
			sum.Done++
		}
		switch {
		case i.State == "failed":
			sum.Failed++
		case i.State == "deleted" && receipts[i.Receipt]:
			t.Errorf("the receipt %s is there twice", i.Receipt)
		case i.State == "deleted":
			text, err := b.DB.Receipt(t.Context(), b.Ann.DomainID, i.Receipt)
			if err != nil || len(text) == 0 {
				t.Errorf("image %d: %v", i.N, err)
			}
			receipts[i.Receipt] = true
		}
		sum.Freed += i.Freed
	}
	if job.State != state || job.Done != done || job.Failed != failed || sum.Done != done || sum.Failed != failed || sum.Freed != job.Freed {
		t.Fatalf("the job is %+v, its results are %+v; want %s, %d done, %d failed", job, images, state, done, failed)
	}
	return images
}

func TestJob(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		job, ids := b.job(t, 4)
		b.using[ids[1]] = true
		b.work(t)
		images := b.want(t, job.ID, catalog.JobDone, 4, 1)
		if images[1].State != "failed" || images[1].Error != "the notebook nb-1 needs image "+ids[1] || !b.HasTag(t, "team/torch:2") {
			t.Errorf("the image that is in use: %+v", images[1])
		}
		if images[0].Freed == 0 || b.pushed("team/torch:1") || b.pushed("team/torch:4") {
			t.Errorf("freed with the first image: %d", images[0].Freed)
		}
		if worked, err := b.WorkOnJob(t.Context()); worked || err != nil {
			t.Errorf("a job that is done was worked on: %v", err)
		}
		b.now.Add(8 * 24 * 3600)
		must(t, b.DB.ForgetJobs(t.Context(), 7*24*time.Hour))
		if _, err := b.Job(imagetest.As(t, b.Ann), job.ID); outcome(err) != "not found: job" {
			t.Errorf("after eight days: %v", err)
		}
	})
}

// TestJobOfADeadServer deletes one image as a server that dies then, and
// lets it wake up when another one has gone on.
func TestJobOfADeadServer(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		job, ids := b.job(t, 4)
		dead, found, err := b.DB.TakeJob(t.Context())
		if err != nil || !found {
			t.Fatal(found, err)
		}
		step := func(n int) error {
			_, _, err := b.DB.DeleteImages(t.Context(), b.Ann, catalog.ImageDeletion{
				Project: b.Ann.ProjectID, IDs: ids[n-1 : n], Force: true, Step: &catalog.JobStep{Job: dead, N: int64(n)}})
			return err
		}
		must(t, step(1))
		if worked, err := b.WorkOnJob(t.Context()); worked || err != nil {
			t.Fatalf("a job was taken from a server that lives: %v", err)
		}
		b.now.Add(31)
		taken, found, err := b.DB.TakeJob(t.Context())
		if err != nil || !found {
			t.Fatal(found, err)
		}
		if err := step(2); outcome(err) != "changed meanwhile: job" || !b.HasTag(t, "team/torch:2") {
			t.Errorf("the dead server deletes on: %v", err)
		}
		must(t, b.DB.ReleaseJob(t.Context(), taken))
		b.work(t)
		b.want(t, job.ID, catalog.JobDone, 4, 0)
	})
}

// TestJobIsTakenAway lets two servers take a job from each other all the time.
func TestJobIsTakenAway(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		const images = 12
		job, _ := b.job(t, images)
		b.who = func(context.Context) (easel.Principal, error) {
			b.now.Add(31) // each step takes longer than the lease
			return b.Ann, nil
		}
		var group sync.WaitGroup
		for _, s := range []*workbench.Service{b.another(), b.another()} {
			group.Go(func() {
				for {
					if now, err := b.DB.Job(t.Context(), b.Ann.ProjectID, job.ID); err != nil || now.State != catalog.JobRunning {
						return
					}
					if _, err := s.WorkOnJob(t.Context()); err != nil {
						t.Error(err)
						return
					}
					b.now.Add(31)
				}
			})
		}
		group.Wait()
		b.want(t, job.ID, catalog.JobDone, images, 0)
	})
}

func TestJobPauseResumeCancel(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		ctx := imagetest.As(t, b.Ann)
		job, _ := b.job(t, 5)
		n := 0
		in := func(step int, state catalog.JobState) {
			b.who = func(context.Context) (easel.Principal, error) {
				if n++; n == step {
					_, err := b.SetJob(ctx, job.ID, state)
					must(t, err)
				}
				return b.Ann, nil
			}
		}
		in(2, catalog.JobPaused) // while the second image is about to go
		b.work(t)
		b.want(t, job.ID, catalog.JobPaused, 1, 0)
		if worked, err := b.WorkOnJob(t.Context()); worked || err != nil {
			t.Errorf("a paused job was worked on: %v", err)
		}
		_, err := b.SetJob(ctx, job.ID, catalog.JobRunning)
		must(t, err)
		in(4, catalog.JobCancelled) // the third image
		b.work(t)
		b.want(t, job.ID, catalog.JobCancelled, 2, 0)
		if _, err := b.SetJob(ctx, job.ID, catalog.JobRunning); outcome(err) != "changed meanwhile: job" || !b.HasTag(t, "team/torch:3") {
			t.Errorf("a cancelled job was resumed: %v", err)
		}
		if _, err := b.SetJob(imagetest.As(t, b.Cleo), job.ID, catalog.JobCancelled); outcome(err) != "not found: job" {
			t.Errorf("another project's job: %v", err)
		}
	})
}

func TestJobErrors(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		busy := easel.E(easel.Unavailable, "database", "busy")
		job, _ := b.job(t, 2)
		asked := 0
		b.who = func(context.Context) (easel.Principal, error) {
			if asked++; asked <= 3 {
				return easel.Principal{}, busy
			}
			return b.Ann, nil
		}
		for range 3 {
			if worked, err := b.WorkOnJob(t.Context()); !worked || outcome(err) != "unavailable: database" {
				t.Fatalf("worked %v, %v", worked, err)
			}
			if worked, _ := b.WorkOnJob(t.Context()); worked {
				t.Error("tried again at once")
			}
			b.now.Add(6)
		}
		b.work(t)
		b.want(t, job.ID, catalog.JobDone, 2, 0)

		b.who = nil
		b.Push(t, b.Ann, "team/last:1", "base")
		last, err := b.Register(imagetest.As(t, b.Ann), ask(b.Ann, "team/last:1"))
		must(t, err)
		job, err = b.StartJob(imagetest.As(t, b.Ann), workbench.Deletion{Project: b.Ann.ProjectID, IDs: []string{last.ID}, Force: true})
		must(t, err)
		b.who = func(context.Context) (easel.Principal, error) {
			return easel.Principal{}, easel.E(easel.Unauthenticated, "credential", "gone")
		}
		b.work(t)
		b.want(t, job.ID, catalog.JobStopped, 0, 0)
		if !b.HasTag(t, "team/last:1") {
			t.Error("the job of a user without rights deleted an image")
		}
	})
}

// TestJobSkipsTheUndoWindow works off a job that goes to trash, and one that
// was asked to delete now.
func TestJobSkipsTheUndoWindow(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		must(t, b.DB.SetOrgUndo(t.Context(), b.Ann, "team", catalog.Undo{Window: time.Hour}))
		job, _ := b.job(t, 2)
		b.work(t)
		b.want(t, job.ID, catalog.JobDone, 2, 0)
		if left, err := b.Job(imagetest.As(t, b.Ann), job.ID); err != nil || left.Now || left.Freed != 0 {
			t.Errorf("the job freed %d bytes, now %v; %v", left.Freed, left.Now, err)
		}
		b.Push(t, b.Ann, "team/torch:now", "a layer of its own")
		made, err := b.Register(imagetest.As(t, b.Ann), ask(b.Ann, "team/torch:now"))
		must(t, err)
		job, err = b.StartJob(easel.WithDeleteNow(imagetest.As(t, b.Ann)), workbench.Deletion{Project: b.Ann.ProjectID, IDs: []string{made.ID}, Force: true})
		must(t, err)
		b.work(t)
		b.want(t, job.ID, catalog.JobDone, 1, 0)
		if gone, err := b.Job(imagetest.As(t, b.Ann), job.ID); err != nil || !gone.Now || gone.Freed == 0 {
			t.Errorf("the job freed %d bytes, now %v; %v", gone.Freed, gone.Now, err)
		}
	})
}

// TestJobBound starts jobs until the project has as many as it may have that
// have not ended; paused ones count, and one that ends makes room.
func TestJobBound(t *testing.T) {
	onBoth(t, func(t *testing.T, b *jobBench) {
		first, ids := b.job(t, 1)
		ctx := imagetest.As(t, b.Ann)
		_, err := b.SetJob(ctx, first.ID, catalog.JobPaused)
		must(t, err)
		d := workbench.Deletion{Project: b.Ann.ProjectID, IDs: ids, Force: true}
		for range 99 {
			_, err := b.StartJob(ctx, d)
			must(t, err)
		}
		if _, err := b.StartJob(ctx, d); !errors.Is(err, easel.TooMany) {
			t.Fatalf("one more: %v", err)
		}
		_, err = b.SetJob(ctx, first.ID, catalog.JobCancelled)
		must(t, err)
		_, err = b.StartJob(ctx, d)
		must(t, err)
	})
}
