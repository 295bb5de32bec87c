package easelapi

import (
	"context"
	"net/http"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/workbench"
)

// Jobs deletes many images, one after the other.
type Jobs interface {
	StartJob(ctx context.Context, d workbench.Deletion) (catalog.Job, error)
	Jobs(ctx context.Context, before string, limit int) ([]catalog.Job, error)
	JobImages(ctx context.Context, id string, after int64, limit int) (catalog.Job, []catalog.JobImage, error)
	SetJob(ctx context.Context, id string, state catalog.JobState) (catalog.Job, error)
}

// job is a job on the wire. Times are RFC 3339.
type job struct {
	ID      string     `json:"id"`
	State   string     `json:"state"`
	Reason  string     `json:"reason,omitempty"`
	User    string     `json:"user"`
	Force   bool       `json:"force"`
	Now     bool       `json:"now,omitempty"`
	Total   int64      `json:"images"`
	Done    int64      `json:"images_done"`
	Failed  int64      `json:"images_failed"`
	Freed   int64      `json:"bytes_freed"`
	Created time.Time  `json:"created_at"`
	Updated time.Time  `json:"updated_at"`
	Ended   *time.Time `json:"ended_at,omitempty"`
}

func wireJob(j catalog.Job) job {
	w := job{ID: j.ID, State: string(j.State), Reason: j.Reason, User: j.AccountName, Force: j.Force, Now: j.Now, Total: j.Total, Done: j.Done, Failed: j.Failed,
		Freed: j.Freed, Created: j.Created, Updated: j.Updated}
	if !j.Ended.IsZero() {
		w.Ended = &j.Ended
	}
	return w
}

// jobImage is an image of a job and its result on the wire.
type jobImage struct {
	N       int64  `json:"n"`
	ID      string `json:"id"`
	Path    string `json:"swr_path"`
	State   string `json:"state"`
	Receipt string `json:"receipt,omitempty"`
	Freed   int64  `json:"bytes_freed"`
	Error   string `json:"error,omitempty"`
}

func wireJobImage(i catalog.JobImage) jobImage {
	return jobImage{N: i.N, ID: i.Image, Path: i.Path, State: i.State, Receipt: i.Receipt, Freed: i.Freed, Error: i.Error}
}

// startJob makes a job of the selected images.
func (s *server) startJob(w http.ResponseWriter, r *http.Request) error {
	t, err := readTarget(r)
	if err != nil {
		return err
	}
	if t.repo != "" || t.images.Group != "" {
		return easel.E(easel.Invalid, "parameter", "a job deletes images that ids or a filter name")
	}
	made, err := s.o.Jobs.StartJob(t.context(r.Context()), t.images)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/easel/v1/jobs/"+made.ID)
	return api.WriteJSON(w, http.StatusAccepted, wireJob(made))
}

// listJobs answers a page of jobs, newest first, and where the next page starts.
func (s *server) listJobs(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	limit, err := number(query, "limit", 100, 1, 500)
	if err != nil {
		return err
	}
	before := query.Get("before")
	if before != "" && !easel.IsUUID(before) {
		return easel.E(easel.Invalid, "parameter", "before must be the id of a job, not %.40q", before)
	}
	found, err := s.o.Jobs.Jobs(r.Context(), before, limit+1) // one more tells whether another page follows
	if err != nil {
		return err
	}
	next := ""
	if len(found) > limit {
		found = found[:limit]
		next = found[limit-1].ID
	}
	return api.WriteJSON(w, http.StatusOK, map[string]any{"jobs": api.WireAll(found, wireJob), "next": next})
}

// showJob answers a job with a page of its images.
func (s *server) showJob(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	limit, err := number(query, "limit", 100, 1, maxImages)
	if err != nil {
		return err
	}
	after, err := number(query, "after", 0, 0, maxImages)
	if err != nil {
		return err
	}
	found, images, err := s.o.Jobs.JobImages(r.Context(), r.PathValue("id"), int64(after), limit)
	if err != nil {
		return err
	}
	results := make([]jobImage, len(images))
	for i := range images {
		results[i] = wireJobImage(images[i])
	}
	return api.WriteJSON(w, http.StatusOK, struct {
		job
		Results []jobImage `json:"results"`
	}{wireJob(found), results})
}

// setJob returns the handler that brings a job into a state.
func (s *server) setJob(state catalog.JobState) api.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		j, err := s.o.Jobs.SetJob(r.Context(), r.PathValue("id"), state)
		if err != nil {
			return err
		}
		return api.WriteJSON(w, http.StatusOK, wireJob(j))
	}
}
