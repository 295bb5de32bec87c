package easelapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
)

// The pace of a stream of events.
const (
	eventsEvery    = time.Second
	heartbeatEvery = 15 * time.Second
	eventTimeout   = time.Minute // for a client to take what is sent
)

// A stream holds a connection and asks the database every second: one user, and
// one domain, has so many at a time.
const (
	streamsOfUser   = 10
	streamsOfDomain = 100
)

// streams counts the streams of each user and domain.
type streams struct {
	mu   sync.Mutex // guards open
	open map[string]int
}

// enter counts a stream of who until leave is called. Errors: TooMany "stream".
func (s *streams) enter(who easel.Principal) (leave func(), err error) {
	user, domain := "user "+who.UserID, "domain "+who.DomainID
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.open[user] >= streamsOfUser:
		return nil, easel.E(easel.TooMany, "stream", "you watch %d jobs already, which is as many as one user may: end one, or ask for /easel/v1/jobs/{id} now and then", streamsOfUser).After(heartbeatEvery)
	case s.open[domain] >= streamsOfDomain:
		return nil, easel.E(easel.TooMany, "stream", "%d jobs are watched already, which is as many as one account may: ask for /easel/v1/jobs/{id} now and then", streamsOfDomain).After(heartbeatEvery)
	}
	if s.open == nil {
		s.open = map[string]int{}
	}
	s.open[user]++
	s.open[domain]++
	return func() { s.leave(user, domain) }, nil
}

func (s *streams) leave(keys ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, key := range keys {
		if s.open[key]--; s.open[key] <= 0 {
			delete(s.open, key)
		}
	}
}

// jobEvents sends the results of a job as server-sent events: "image" for each
// image that has one, with its number as the id, so that a client that comes
// back with Last-Event-ID misses none; "progress" when the job changed; and
// "end" with the job, after which the stream ends. It ends before that when
// the credential of the request or its rights do.
func (s *server) jobEvents(w http.ResponseWriter, r *http.Request) error {
	after, err := lastEvent(r)
	if err != nil {
		return err
	}
	found, images, err := s.o.Jobs.JobImages(r.Context(), r.PathValue("id"), after, maxImages)
	if err != nil {
		return err
	}
	leave, err := s.streams.enter(easel.PrincipalFrom(r.Context()))
	if err != nil {
		return err
	}
	defer leave()
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	e := &eventStream{w: w, conn: http.NewResponseController(w)}
	defer func() { _ = e.conn.SetWriteDeadline(time.Time{}) }() // of the requests that follow on the connection
	tick := time.NewTicker(eventsEvery)
	defer tick.Stop()
	var told catalog.Job
	for {
		for _, i := range images {
			if i.State == "waiting" {
				break
			}
			after = i.N
			e.send("image", after, wireJobImage(i))
		}
		switch {
		case !found.Ended.IsZero():
			e.send("end", 0, wireJob(found))
		case found != told:
			e.send("progress", 0, wireJob(found))
		case time.Since(e.sent) >= heartbeatEvery:
			e.write(": still here\n\n")
		}
		told = found
		if e.err != nil || !found.Ended.IsZero() {
			return nil // the status is out, and a client that hung up needs no answer
		}
		select {
		case <-tick.C:
		case <-r.Context().Done():
			return nil
		case <-s.o.Stopping:
			return nil // the client comes back with Last-Event-ID
		}
		who, err := api.Reauthenticate(s.o.Auth, r)
		if err != nil {
			return nil // the client asks again, and is told why not
		}
		if found, images, err = s.o.Jobs.JobImages(easel.WithPrincipal(r.Context(), who), found.ID, after, maxImages); err != nil {
			return nil
		}
	}
}

// lastEvent returns the number of the event that the client has seen last, 0
// for none.
func lastEvent(r *http.Request) (int64, error) {
	last := r.Header.Get("Last-Event-ID")
	if last == "" {
		return 0, nil
	}
	n, err := strconv.ParseInt(last, 10, 64)
	if err != nil || n < 0 {
		return 0, easel.E(easel.Invalid, "parameter", "Last-Event-ID must be the id of an event, not %.20q", last)
	}
	return n, nil
}

// eventStream writes server-sent events and keeps the first error.
type eventStream struct {
	w    http.ResponseWriter
	conn *http.ResponseController
	sent time.Time
	err  error
}

func (e *eventStream) send(event string, id int64, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		e.err = err
		return
	}
	name := ""
	if id > 0 {
		name = fmt.Sprintf("id: %d\n", id)
	}
	e.write(fmt.Sprintf("%sevent: %s\ndata: %s\n\n", name, event, data))
}

func (e *eventStream) write(text string) {
	if e.err != nil {
		return
	}
	e.sent = time.Now()
	_ = e.conn.SetWriteDeadline(e.sent.Add(eventTimeout)) // recorders in tests have none
	if _, e.err = e.w.Write([]byte(text)); e.err == nil {
		_ = e.conn.Flush()
	}
}
