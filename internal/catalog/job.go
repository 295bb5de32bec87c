package catalog

import (
	"context"
	"time"

	"easel"
)

// JobState is the state of a job.
type JobState string

// The states of a job. Only a running one is worked on; the last three are ends.
const (
	JobRunning   JobState = "running"
	JobPaused    JobState = "paused"
	JobDone      JobState = "done"
	JobCancelled JobState = "cancelled"
	JobStopped   JobState = "stopped" // whoever asked for it may not any more
)

// Job is a deletion of many images, one after the other.
type Job struct {
	ID                   string
	Domain, Project      string
	Account, AccountName string // whose rights it has
	Access               string // key that asked for it, or ""
	Force                bool
	Now                  bool // whatever the undo window
	State                JobState
	Reason               string // why it stopped
	Total, Done, Failed  int64  // images; Done are those with a result, Failed among them
	Freed                int64  // bytes
	Created, Updated     time.Time
	Ended                time.Time // zero: it has not
	fence                int64
}

// JobImage is one image of a job and its result.
type JobImage struct {
	N       int64 // from 1; they are worked off in this order
	Image   string
	Path    string
	State   string // "waiting", "deleted" or "failed"
	Receipt string
	Freed   int64
	Error   string
}

const jobColumns = `id, domain, project, account, account_name, access, force, state, reason, total, done, failed, freed, created, updated, ended, fence, at_once`

func scanJob(s scanner) (j Job, err error) {
	var created, updated, ended int64
	err = s.Scan(&j.ID, &j.Domain, &j.Project, &j.Account, &j.AccountName, &j.Access, &j.Force, &j.State, &j.Reason,
		&j.Total, &j.Done, &j.Failed, &j.Freed, &created, &updated, &ended, &j.fence, &j.Now)
	j.Created, j.Updated = fromMicros(created), fromMicros(updated)
	if ended != 0 {
		j.Ended = fromMicros(ended)
	}
	return j, err
}

// maxOpenJobs bounds the jobs of a project that have not ended: the paused ones
// are kept, and other projects wait for those that run.
const maxOpenJobs = 100

// AddJob records a job of who over images of the caller's project. It runs from now
// on, and skips the undo window if ctx is from WithDeleteNow. Errors: TooMany "job".
func (db *DB) AddJob(ctx context.Context, who easel.Principal, force bool, images []easel.Image) (job Job, err error) {
	err = db.update(ctx, func(t *tx) error {
		var open int
		if _, err := t.get([]any{&open}, `SELECT count(*) FROM job WHERE project = $1 AND state IN ('running', 'paused')`, who.ProjectID); err != nil {
			return err
		}
		if open >= maxOpenJobs {
			return easel.E(easel.TooMany, "job", "the project has %d jobs that have not ended: wait for some, or cancel them", open)
		}
		id := easel.NewUUID(t.time())
		_, err := t.exec(`
			INSERT INTO job (`+jobColumns+`, lease) VALUES ($1, $2, $3, $4, $5, $6, $7, 'running', '', $8, 0, 0, 0, $9, $9, 0, 0, $10, 0)`,
			id, who.DomainID, who.ProjectID, who.UserID, who.UserName, who.AccessKey, flag(force), len(images), t.now, flag(easel.DeletesNow(ctx)))
		if err != nil {
			return err
		}
		for n, i := range images {
			_, err := t.exec(`
				INSERT INTO job_image (job, n, image, path, workspace, state, receipt, freed, error, tries) VALUES ($1, $2, $3, $4, $5, 'waiting', '', 0, '', 0)`,
				id, n+1, i.ID, i.Path, i.Workspace)
			if err != nil {
				return err
			}
		}
		if err := t.audit(who, "createJob", id, 0, nil); err != nil {
			return err
		}
		job, err = t.job(who.ProjectID, id)
		return err
	})
	return job, err
}

// Job returns a job of the project. Errors: NotFound "job".
func (db *DB) Job(ctx context.Context, project, id string) (job Job, err error) {
	err = db.view(ctx, func(t *tx) error { job, err = t.job(project, id); return err })
	return job, err
}

func (t *tx) job(project, id string) (Job, error) {
	if storable(id) {
		found, err := all(t, scanJob, `SELECT `+jobColumns+` FROM job WHERE id = $1 AND project = $2`, id, project)
		if err != nil || len(found) > 0 {
			return append(found, Job{})[0], err
		}
	}
	return Job{}, easel.E(easel.NotFound, "job", "there is no job %.60q", id)
}

// Jobs returns jobs of the project, newest first: those older than the one
// called before, unless that is "".
func (db *DB) Jobs(ctx context.Context, project, before string, limit int) (jobs []Job, err error) {
	err = db.view(ctx, func(t *tx) error {
		jobs, err = all(t, scanJob, `SELECT `+jobColumns+` FROM job WHERE project = $1 AND ($2 = '' OR id < $2) ORDER BY id DESC LIMIT $3`, project, before, limit)
		return err
	})
	return jobs, err
}

// JobWorkspaces returns the workspaces that a job has images of. They may be
// gone.
func (db *DB) JobWorkspaces(ctx context.Context, job string) (ids []string, err error) {
	err = db.view(ctx, func(t *tx) error {
		ids, err = all(t, column[string], `SELECT DISTINCT workspace FROM job_image WHERE job = $1`, job)
		return err
	})
	return ids, err
}

// JobImages returns images of a job with their results, those after the nth,
// without those of hidden workspaces.
func (db *DB) JobImages(ctx context.Context, job string, hidden []string, after int64, limit int) (images []JobImage, err error) {
	err = db.view(ctx, func(t *tx) error {
		a := args{job, after, limit}
		shown := ``
		if len(hidden) > 0 {
			shown = ` AND workspace NOT IN (` + addAll(&a, hidden) + `)`
		}
		images, err = all(t, func(s scanner) (i JobImage, err error) {
			err = s.Scan(&i.N, &i.Image, &i.Path, &i.State, &i.Receipt, &i.Freed, &i.Error)
			return i, err
		}, `SELECT n, image, path, state, receipt, freed, error FROM job_image WHERE job = $1 AND n > $2`+shown+` ORDER BY n LIMIT $3`, a...)
		return err
	})
	return images, err
}

// SetJob pauses, resumes or cancels a job of the project and returns it.
// Errors: NotFound "job"; Changed "job" for one that has ended.
func (db *DB) SetJob(ctx context.Context, who easel.Principal, id string, state JobState) (job Job, err error) {
	err = db.update(ctx, func(t *tx) error {
		if job, err = t.job(who.ProjectID, id); err != nil {
			return err
		}
		ended := int64(0)
		if state == JobCancelled {
			ended = t.now
		}
		n, err := t.exec(`UPDATE job SET state = $1, updated = $2, ended = $3, lease = 0 WHERE id = $4 AND state IN ('running', 'paused')`, string(state), t.now, ended, id)
		if err != nil {
			return err
		}
		if n == 0 {
			return easel.E(easel.Changed, "job", "the job %s has ended: it is %s", id, job.State)
		}
		if job.State != state {
			if err := t.audit(who, string(state)+"Job", id, 0, nil); err != nil {
				return err
			}
		}
		job, err = t.job(who.ProjectID, id)
		return err
	})
	return job, err
}

// jobLease is how long a worker may do nothing before another takes its job.
const jobLease = 30 * time.Second

// TakeJob gives a running job that nobody works on to the caller; false when
// there is none.
func (db *DB) TakeJob(ctx context.Context) (job Job, found bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		job, found = Job{}, false // nothing is kept from a failed try
		jobs, err := all(t, scanJob, `
			UPDATE job SET fence = fence + 1, lease = $1
			WHERE id = (SELECT id FROM job WHERE state = 'running' AND lease <= $2 ORDER BY lease, id LIMIT 1) AND state = 'running' AND lease <= $2
			RETURNING `+jobColumns, t.now+jobLease.Microseconds(), t.now)
		if err != nil || len(jobs) == 0 {
			return err
		}
		job, found = jobs[0], true
		return nil
	})
	return job, found && err == nil, err
}

// NextOfJob returns the next image of a job that waits, and false at the end.
func (db *DB) NextOfJob(ctx context.Context, job Job) (next JobImage, found bool, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = t.get([]any{&next.N, &next.Image, &next.Path}, `SELECT n, image, path FROM job_image WHERE job = $1 AND state = 'waiting' ORDER BY n LIMIT 1`, job.ID)
		return err
	})
	return next, found, err
}

// JobStep is the image of a job that a deletion is about: the deletion
// records its result in its own transaction, so that a crash neither loses the
// result nor does anything twice.
type JobStep struct {
	Job Job
	N   int64
}

// errNotOurs says that the job was paused or has another worker.
func errNotOurs(id string) error {
	return easel.E(easel.Changed, "job", "the job %s was paused, has ended or is worked on by another server", id)
}

// jobDone records the result of a step, and renews the lease. Error: Changed
// "job" when the caller does not hold the job any more.
func (t *tx) jobDone(step *JobStep, result JobImage) error {
	if step == nil || t.planning {
		return nil
	}
	failed := flag(result.State == "failed")
	n, err := t.exec(`UPDATE job SET done = done + 1, failed = failed + $1, freed = freed + $2, updated = $3, lease = $4 WHERE id = $5 AND fence = $6 AND state = 'running'`,
		failed, result.Freed, t.now, t.now+jobLease.Microseconds(), step.Job.ID, step.Job.fence)
	if err == nil && n == 1 {
		n, err = t.exec(`UPDATE job_image SET state = $1, receipt = $2, freed = $3, error = $4 WHERE job = $5 AND n = $6 AND state = 'waiting'`,
			result.State, result.Receipt, result.Freed, result.Error, step.Job.ID, step.N)
	}
	if err == nil && n == 0 {
		err = errNotOurs(step.Job.ID)
	}
	return err
}

// FailStep records that the image of a step was not deleted, and why.
// Error: Changed "job" when the caller does not hold the job any more.
func (db *DB) FailStep(ctx context.Context, step JobStep, reason string) error {
	return db.update(ctx, func(t *tx) error {
		return t.jobDone(&step, JobImage{State: "failed", Error: reason})
	})
}

// RetryStep lets others have the job and the step be tried again after a
// while. It returns false when that was the last of tries.
func (db *DB) RetryStep(ctx context.Context, step JobStep, after time.Duration, tries int) (again bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		var tried int
		if _, err := t.get([]any{&tried}, `UPDATE job_image SET tries = tries + 1 WHERE job = $1 AND n = $2 RETURNING tries`, step.Job.ID, step.N); err != nil {
			return err
		}
		if again = tried < tries; !again {
			return nil
		}
		_, err := t.exec(`UPDATE job SET lease = $1 WHERE id = $2 AND fence = $3`, t.now+after.Microseconds(), step.Job.ID, step.Job.fence)
		return err
	})
	return again, err
}

// EndJob ends a job that the caller holds: done, or stopped for a reason.
func (db *DB) EndJob(ctx context.Context, job Job, state JobState, reason string) error {
	return db.update(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE job SET state = $1, reason = $2, updated = $3, ended = $3 WHERE id = $4 AND fence = $5 AND state = 'running'`,
			string(state), reason, t.now, job.ID, job.fence)
		return err
	})
}

// ReleaseJob gives a job back, so that another worker need not wait for the lease.
func (db *DB) ReleaseJob(ctx context.Context, job Job) error {
	return db.update(ctx, func(t *tx) error {
		_, err := t.exec(`UPDATE job SET lease = 0 WHERE id = $1 AND fence = $2`, job.ID, job.fence)
		return err
	})
}

// ForgetJobs drops the jobs that ended longer ago than age.
func (db *DB) ForgetJobs(ctx context.Context, age time.Duration) error {
	for n := int64(1); n > 0; { // one in a transaction: it has up to a thousand images
		err := db.update(ctx, func(t *tx) (err error) {
			n, err = t.exec(`DELETE FROM job WHERE id IN (SELECT id FROM job WHERE ended > 0 AND ended < $1 ORDER BY id LIMIT 1)`, t.now-age.Microseconds())
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
