package workbench

import (
	"context"
	"errors"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// StartJob makes a job of d: its images go one after the other, each in a
// transaction of its own, with the rights that the caller has at that moment.
// d names images or has a filter. A caller who wants what is deleted gone now
// gets that from the job. Errors: those of May and of the filter;
// NotFound "image" for an image that the caller does not see; Denied "workspace".
func (s *Service) StartJob(ctx context.Context, d Deletion) (catalog.Job, error) {
	if err := s.May(ctx, d.Project, policy.DeleteImage); err != nil {
		return catalog.Job{}, err
	}
	if err := s.resolve(ctx, &d); err != nil {
		return catalog.Job{}, err
	}
	images := make([]easel.Image, len(d.IDs))
	for n, id := range d.IDs {
		var err error
		if images[n], err = s.visible(ctx, d.Project, id, policy.DeleteImage); err != nil {
			return catalog.Job{}, err
		}
	}
	job, err := s.catalog.AddJob(ctx, easel.PrincipalFrom(ctx), d.Force, images)
	s.wake()
	return job, err
}

// Job returns a job of the caller's project. Errors: those of May; NotFound "job".
func (s *Service) Job(ctx context.Context, id string) (catalog.Job, error) {
	project := easel.PrincipalFrom(ctx).ProjectID
	if err := s.May(ctx, project, policy.ListImages); err != nil {
		return catalog.Job{}, err
	}
	return s.catalog.Job(ctx, project, id)
}

// Jobs returns jobs of the caller's project, newest first: those older than
// the one called before, unless that is "". Errors: those of May.
func (s *Service) Jobs(ctx context.Context, before string, limit int) ([]catalog.Job, error) {
	project := easel.PrincipalFrom(ctx).ProjectID
	if err := s.May(ctx, project, policy.ListImages); err != nil {
		return nil, err
	}
	return s.catalog.Jobs(ctx, project, before, limit)
}

// JobImages returns the images of a job with their results, those after the
// nth: all of them to whoever asked for the job, to others those in workspaces that they
// may enter. Errors: those of Job.
func (s *Service) JobImages(ctx context.Context, id string, after int64, limit int) (catalog.Job, []catalog.JobImage, error) {
	job, err := s.Job(ctx, id)
	if err != nil {
		return job, nil, err
	}
	hidden, err := s.hiddenIn(ctx, job)
	if err != nil {
		return job, nil, err
	}
	images, err := s.catalog.JobImages(ctx, id, hidden, after, limit)
	return job, images, err
}

// hiddenIn returns the workspaces of a job whose images are not for the
// caller. One that is gone counts as private.
func (s *Service) hiddenIn(ctx context.Context, job catalog.Job) (hidden []string, err error) {
	who := easel.PrincipalFrom(ctx)
	if who.UserID == job.Account {
		return nil, nil
	}
	ids, err := s.catalog.JobWorkspaces(ctx, job.ID)
	if err != nil {
		return nil, err
	}
	for _, id := range ids {
		err := s.mayIn(ctx, job.Project, id, policy.ListImages)
		if errors.Is(err, easel.NotFound) {
			gone := easel.Workspace{Project: job.Project, Access: easel.Private}
			err = policy.Check(who, gone.Grants(who), policy.ListImages, "workspace", id)
		}
		switch {
		case errors.Is(err, easel.Denied):
			hidden = append(hidden, id)
		case err != nil:
			return nil, err
		}
	}
	return hidden, nil
}

// SetJob pauses (JobPaused), resumes (JobRunning) or cancels (JobCancelled) a
// job of the caller's project. An image that is going at that moment goes, or
// it stays whole. Errors: those of May; NotFound "job"; Changed "job" for one
// that has ended.
func (s *Service) SetJob(ctx context.Context, id string, state catalog.JobState) (catalog.Job, error) {
	who := easel.PrincipalFrom(ctx)
	if err := s.May(ctx, who.ProjectID, policy.DeleteImage); err != nil {
		return catalog.Job{}, err
	}
	job, err := s.catalog.SetJob(ctx, who, id, state)
	s.wake()
	return job, err
}

// Subjects knows who a user is now, for work that goes on without the user.
type Subjects interface {
	// Subject returns the user in a project, as a credential of the user would be
	// taken now; key is the access key that it came with, or "". Errors:
	// Unauthenticated when one of them is gone or disabled.
	Subject(ctx context.Context, user, key, project string) (easel.Principal, error)
}

// How jobs are worked off.
const (
	jobsEvery  = 2 * time.Second // somebody else's job may have lost its worker
	jobRetry   = 5 * time.Second // after an error that is nobody's fault
	jobTries   = 5               // then the image has failed
	keepJobs   = 7 * 24 * time.Hour
	forgetJobs = time.Hour
)

// wake makes RunJobs look for work.
func (s *Service) wake() {
	select {
	case s.awake <- struct{}{}:
	default: // it is about to look anyway
	}
}

// RunJobs works jobs off until ctx ends: those of this server, and those whose
// server died. Any number of servers may run it at once.
func (s *Service) RunJobs(ctx context.Context) {
	tick := time.NewTicker(jobsEvery)
	defer tick.Stop()
	var forgotten time.Time
	for {
		if time.Since(forgotten) >= forgetJobs {
			forgotten = time.Now()
			s.note(ctx, "old jobs could not be dropped", s.catalog.ForgetJobs(ctx, keepJobs))
		}
		worked, err := s.WorkOnJob(ctx)
		s.note(ctx, "a job could not be worked on; it is tried again", err)
		if worked && err == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.awake:
		}
	}
}

func (s *Service) note(ctx context.Context, what string, err error) {
	if err != nil && ctx.Err() == nil {
		s.o.Log.ErrorContext(ctx, what, "err", err)
	}
}

// WorkOnJob takes a job that nobody works on and works it off until it has
// ended, is paused, has another worker, or ctx ends. It returns false when
// there is none.
func (s *Service) WorkOnJob(ctx context.Context) (bool, error) {
	job, found, err := s.catalog.TakeJob(ctx)
	if err != nil || !found {
		return false, err
	}
	for ctx.Err() == nil {
		next, found, err := s.catalog.NextOfJob(ctx, job)
		if err != nil {
			return true, err
		}
		if !found {
			return true, s.catalog.EndJob(ctx, job, catalog.JobDone, "")
		}
		if goes, err := s.step(ctx, job, next); err != nil || !goes {
			return true, err
		}
	}
	return true, s.catalog.ReleaseJob(context.WithoutCancel(ctx), job)
}

// step deletes one image of a job and records the result. It returns false
// when the job is not the caller's any more, or has to wait.
func (s *Service) step(ctx context.Context, job catalog.Job, next catalog.JobImage) (bool, error) {
	step := catalog.JobStep{Job: job, N: next.N}
	if job.Now {
		ctx = easel.WithDeleteNow(ctx)
	}
	who, err := s.o.Subjects.Subject(ctx, job.Account, job.Access, job.Project)
	if errors.Is(err, easel.Unauthenticated) {
		return false, s.catalog.EndJob(ctx, job, catalog.JobStopped, "whoever asked for the job may not delete here any more: the user, the key or the project is gone or disabled")
	}
	if err == nil {
		err = s.deleteStep(easel.WithRequestID(easel.WithPrincipal(ctx, who), job.ID), step, next.Image)
	}
	refused := easel.AsError(err)
	switch {
	case err == nil:
		return true, nil
	case ctx.Err() != nil: // the server stops: nothing happened, or it did and is recorded
		return false, s.catalog.ReleaseJob(context.WithoutCancel(ctx), job)
	case refused.Kind == easel.Changed && refused.Noun == "job":
		return false, nil
	case refused.Kind == easel.Internal, refused.Kind == easel.NoSpace, refused.Kind == easel.Unavailable && refused.Noun != "image":
		again, retryErr := s.catalog.RetryStep(ctx, step, jobRetry, jobTries)
		if retryErr != nil || again {
			return false, errors.Join(err, retryErr)
		}
	}
	err = s.catalog.FailStep(ctx, step, refused.Msg)
	if errors.Is(err, easel.Changed) {
		return false, nil
	}
	return err == nil, err
}

func (s *Service) deleteStep(ctx context.Context, step catalog.JobStep, image string) error {
	order, _, err := s.checked(ctx, Deletion{Project: step.Job.Project, IDs: []string{image}, Force: step.Job.Force}, s.owned)
	if err != nil {
		return err
	}
	order.Step = &step
	_, _, err = s.delete(ctx, order)
	return err
}
