package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/decor"
	"golang.org/x/term"

	"easel/internal/client"
)

type jobCommands struct {
	Ls     jobLs     `cmd:"" help:"List deletions of many images."`
	Show   jobShow   `cmd:"" help:"Show one, and what became of each image."`
	Pause  jobPause  `cmd:"" help:"Let one rest."`
	Resume jobResume `cmd:"" help:"Let a paused one go on."`
	Cancel jobCancel `cmd:"" help:"End one; what has gone is gone."`
}

// job is a deletion of many images.
type job struct {
	ID      string      `json:"id"`
	State   string      `json:"state"`
	Reason  string      `json:"reason,omitempty"`
	User    string      `json:"user"`
	Force   bool        `json:"force"`
	Total   int64       `json:"images"`
	Done    int64       `json:"images_done"`
	Failed  int64       `json:"images_failed"`
	Freed   int64       `json:"bytes_freed"`
	Created time.Time   `json:"created_at"`
	Updated time.Time   `json:"updated_at"`
	Ended   *time.Time  `json:"ended_at,omitempty"`
	Results []jobResult `json:"results,omitempty"`
}

// jobResult is what became of an image.
type jobResult struct {
	N       int64  `json:"n"`
	ID      string `json:"id"`
	Path    string `json:"swr_path"`
	State   string `json:"state"`
	Receipt string `json:"receipt,omitempty"`
	Freed   int64  `json:"bytes_freed"`
	Error   string `json:"error,omitempty"`
}

const jobsPath = "/easel/v1/jobs"

// jobPage is how many results are asked for; a job has no more images.
const jobPage = 1000

// lookAtJob is how often the command looks at its job.
const lookAtJob = 500 * time.Millisecond

// deleteByJob lets the server delete images one after the other and shows how
// far it is. A command that is interrupted leaves the job to the server.
func (s *session) deleteByJob(ctx context.Context, std *streams, what map[string]any) error {
	if err := s.needProject(ctx); err != nil {
		return err
	}
	if images, _ := what["images"].([]string); len(images) > jobPage {
		return fmt.Errorf("at most %d images go at once; these are %d", jobPage, len(images))
	}
	var j job
	if _, err := s.Do(ctx, client.Call{Method: http.MethodPost, Path: jobsPath, In: what, Out: &j}); err != nil {
		return err
	}
	if s.forPeople() {
		fmt.Fprintf(std.err, "Job %s deletes %s.\n", j.ID, plural(int(j.Total), "image"))
	}
	err := s.watchJob(ctx, std, &j)
	if ctx.Err() != nil {
		return fmt.Errorf("the server goes on with the job: easel job show %[1]s tells how far it is, easel job pause %[1]s or cancel %[1]s stops it", j.ID)
	}
	if err != nil {
		return err
	}
	err = s.printJob(j)
	if left := j.Total - j.Done + j.Failed; err == nil && left > 0 {
		err = fmt.Errorf("%s not deleted", plural(int(left), "image"))
	}
	return err
}

// watchJob looks at a job until it has ended or is paused.
func (s *session) watchJob(ctx context.Context, std *streams, j *job) error {
	bar := newProgress(std, j.Total)
	defer bar.end()
	tick := time.NewTicker(lookAtJob)
	defer tick.Stop()
	for {
		if err := s.getJob(ctx, j.ID, j); err != nil {
			return err
		}
		bar.show(*j)
		if j.Ended != nil || j.State == "paused" {
			return nil
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (s *session) getJob(ctx context.Context, id string, j *job) error {
	if err := s.needProject(ctx); err != nil {
		return err
	}
	*j = job{}
	_, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: jobsPath + "/" + url.PathEscape(id), Query: url.Values{"limit": {strconv.Itoa(jobPage)}}, Out: j})
	return err
}

// printJob prints a job, for people with the images that did not go.
func (s *session) printJob(j job) error {
	return s.print(j, func(w io.Writer) {
		fmt.Fprintf(w, "Job %s is %s. Deleted %d of %s. Freed %s.\n", j.ID, j.State, j.Done-j.Failed, plural(int(j.Total), "image"), size(j.Freed))
		if j.Reason != "" {
			fmt.Fprintf(w, "It stopped: %s.\n", j.Reason)
		}
		for _, r := range j.Results {
			if r.State == "failed" {
				fmt.Fprintf(w, "  %s: %s\n", r.Path, r.Error)
			}
		}
	})
}

// progress shows on a terminal how far a job is: images, bytes so far, time left.
type progress struct {
	group *mpb.Progress
	bar   *mpb.Bar
	freed chan string // the newest text
}

func newProgress(s *streams, total int64) *progress {
	f, isFile := s.err.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return &progress{}
	}
	p := &progress{group: mpb.New(mpb.WithOutput(f), mpb.WithWidth(40)), freed: make(chan string, 1)}
	text := "freed 0 B"
	p.bar = p.group.AddBar(total, mpb.PrependDecorators(decor.CountersNoUnit("%d/%d ")),
		mpb.AppendDecorators(decor.Any(func(decor.Statistics) string {
			select {
			case text = <-p.freed:
			default:
			}
			return " " + text
		}), decor.OnComplete(decor.AverageETA(decor.ET_STYLE_GO, decor.WC{W: 8}), "")))
	return p
}

func (p *progress) show(j job) {
	if p.bar == nil {
		return
	}
	select {
	case <-p.freed:
	default:
	}
	p.freed <- "freed " + size(j.Freed)
	p.bar.SetCurrent(j.Done)
}

// end leaves the bar as it is.
func (p *progress) end() {
	if p.bar != nil {
		p.bar.Abort(false)
		p.group.Wait()
	}
}

type jobLs struct {
	viewer `embed:""`
}

// Run lists the project's jobs.
func (c *jobLs) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if err := ses.needProject(ctx); err != nil {
		return err
	}
	jobs := []job{}
	for before := ""; ; {
		var page struct {
			Jobs []job  `json:"jobs"`
			Next string `json:"next"`
		}
		query := url.Values{}
		set(query, "before", before)
		if _, err := ses.Do(ctx, client.Call{Method: http.MethodGet, Path: jobsPath, Query: query, Out: &page}); err != nil {
			return err
		}
		jobs = append(jobs, page.Jobs...)
		if before = page.Next; before == "" {
			break
		}
	}
	return ses.print(jobs, func(w io.Writer) {
		row(w, "ID", "STATE", "DONE", "FAILED", "FREED", "USER", "STARTED")
		for _, j := range jobs {
			row(w, j.ID, j.State, fmt.Sprint(j.Done, "/", j.Total), j.Failed, size(j.Freed), j.User, when(j.Created.UnixMilli()))
		}
	})
}

// oneJob is what the commands on one job take.
type oneJob struct {
	viewer `embed:""`
	Job    string `arg:"" help:"Id of the job."`
}

type jobShow struct{ oneJob }

// Run shows a job.
func (c *jobShow) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	var j job
	if err := ses.getJob(ctx, c.Job, &j); err != nil {
		return err
	}
	return ses.printJob(j)
}

// set brings the job into another state and prints it.
func (c *oneJob) set(ctx context.Context, s *streams, verb string) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if err := ses.needProject(ctx); err != nil {
		return err
	}
	var j job
	if c.Job == "" {
		return errors.New("name the job: easel job ls")
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: jobsPath + "/" + url.PathEscape(c.Job) + "/" + verb, Out: &j}); err != nil {
		return err
	}
	return ses.printJob(j)
}

type jobPause struct{ oneJob }

// Run pauses a job.
func (c *jobPause) Run(ctx context.Context, s *streams) error { return c.set(ctx, s, "pause") }

type jobResume struct{ oneJob }

// Run resumes a job.
func (c *jobResume) Run(ctx context.Context, s *streams) error { return c.set(ctx, s, "resume") }

type jobCancel struct{ oneJob }

// Run cancels a job.
func (c *jobCancel) Run(ctx context.Context, s *streams) error { return c.set(ctx, s, "cancel") }
