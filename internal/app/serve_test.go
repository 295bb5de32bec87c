package app

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"testing"
	"time"
)

// started is a server whose only handler waits to be released.
type started struct {
	base             string
	stop             context.CancelFunc
	entered, release chan struct{}
	ended            chan error
}

func start(t *testing.T, wait time.Duration) *started {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &started{base: "http://" + l.Addr().String(), entered: make(chan struct{}), release: make(chan struct{}), ended: make(chan error, 1)}
	sys := &system{stopping: make(chan struct{}),
		handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			close(s.entered)
			select {
			case <-s.release:
			case <-r.Context().Done():
			}
			writeText(w, http.StatusOK, "complete")
		}),
		loops: []func(context.Context) error{func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }},
	}
	ctx, stop := context.WithCancel(t.Context())
	s.stop = stop
	go func() {
		s.ended <- (&Config{ShutdownWait: wait}).run(ctx, l, sys, slog.New(slog.DiscardHandler))
	}()
	return s
}

// get asks in the background and returns the body, "" when the connection broke.
func (s *started) get() chan string {
	answer := make(chan string, 1)
	go func() {
		connections := &http.Transport{}
		defer connections.CloseIdleConnections()
		resp, err := (&http.Client{Transport: connections}).Get(s.base)
		if err != nil {
			answer <- ""
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answer <- string(body)
	}()
	return answer
}

func TestTransfersMayEnd(t *testing.T) {
	t.Parallel()
	s := start(t, time.Hour)
	answer := s.get()
	<-s.entered
	s.stop()
	select {
	case err := <-s.ended:
		t.Fatalf("the server ended during a transfer: %v", err)
	default:
	}
	close(s.release)
	if got := <-answer; got != "complete" {
		t.Errorf("the transfer under way got %q", got)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("run = %v", err)
	}
}

func TestTransfersAreCutOffAfterTheWait(t *testing.T) {
	t.Parallel()
	s := start(t, time.Nanosecond)
	answer := s.get()
	<-s.entered
	s.stop()
	if got := <-answer; got != "" {
		t.Errorf("the transfer went on and got %q", got)
	}
	if err := <-s.ended; err != nil {
		t.Errorf("run = %v", err)
	}
}
