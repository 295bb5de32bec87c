package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"easel"
)

// observed is what ServeOptions.Observe was told.
type observed struct {
	route, method string
	status        int
	in, out       int64
}

// serve plays one request against h and returns the answer, the log line and
// the observation.
func serve(t *testing.T, h http.HandlerFunc, r *http.Request) (*httptest.ResponseRecorder, map[string]any, observed) {
	t.Helper()
	var log bytes.Buffer
	var seen observed
	w := httptest.NewRecorder()
	Serve(h, ServeOptions{
		Log: slog.New(slog.NewJSONHandler(&log, nil)),
		Observe: func(route, method string, status int, _ time.Duration, in, out int64) {
			seen = observed{route, method, status, in, out}
		},
	}).ServeHTTP(w, r)
	line := map[string]any{}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("the log %q is not one line: %v", &log, err)
	}
	return w, line, seen
}

func TestServe(t *testing.T) {
	t.Parallel()
	h := func(w http.ResponseWriter, r *http.Request) {
		SetRoute(r, "test echo")
		SetUser(r, easel.Principal{UserName: "alice"})
		body, _ := io.ReadAll(r.Body)
		w.WriteHeader(http.StatusAccepted)
		_, _ = w.Write(append([]byte(easel.RequestIDFrom(r.Context())), body...))
	}
	w, line, seen := serve(t, h, httptest.NewRequest("POST", "/echo", strings.NewReader("hello")))
	id := w.Header().Get("X-Request-Id")
	if len(id) != 32 || w.Body.String() != id+"hello" || line["request"] != id {
		t.Errorf("request id: header %q, body %q, log %v", id, w.Body, line["request"])
	}
	if want := (observed{"test echo", "POST", 202, 5, 37}); seen != want {
		t.Errorf("observed %+v, want %+v", seen, want)
	}
	if line["level"] != "INFO" || line["user"] != "alice" || line["status"] != 202.0 {
		t.Errorf("log line %v", line)
	}
}

func TestServeTakesNoClientsRequestID(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Request-Id", "forged\nline")
	w, line, _ := serve(t, func(http.ResponseWriter, *http.Request) {}, r)
	if id := w.Header().Get("X-Request-Id"); strings.Contains(id, "forged") || line["request"] != id || line["status"] != 200.0 {
		t.Errorf("id %q, log %v", id, line)
	}
}

// TestLogLevels: what a client did wrong is not the server's error.
func TestLogLevels(t *testing.T) {
	t.Parallel()
	for status, want := range map[int]string{200: "INFO", 304: "INFO", 400: "INFO", 404: "INFO", 500: "ERROR", 503: "WARN", 507: "WARN"} {
		_, line, _ := serve(t, func(w http.ResponseWriter, r *http.Request) {
			LogError(r, errors.New("the cause"))
			w.WriteHeader(status)
		}, httptest.NewRequest("GET", "/", nil))
		if line["level"] != want || line["err"] != "the cause" {
			t.Errorf("%d: %v, want %s with the cause", status, line, want)
		}
	}
}

func TestPanic(t *testing.T) {
	t.Parallel()
	w, line, seen := serve(t, func(http.ResponseWriter, *http.Request) { panic("secret detail") }, httptest.NewRequest("GET", "/", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "secret") || seen.status != 500 {
		t.Errorf("%d %s, observed %+v", w.Code, w.Body, seen)
	}
	if err, _ := line["err"].(string); line["level"] != "ERROR" || !strings.Contains(err, "secret detail") || !strings.Contains(err, "log_test.go") {
		t.Errorf("log line %v", line)
	}
}

// TestPanicInMidAnswer: the client must see that the answer is not complete.
func TestPanicInMidAnswer(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte("half"))
		w.(http.Flusher).Flush()
		panic("broken")
	}), ServeOptions{}))
	defer s.Close()
	r, err := s.Client().Get(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	if body, err := io.ReadAll(r.Body); err == nil {
		t.Errorf("the answer %q looks complete", body)
	}
}

// readerFrom is a connection that takes files as they are.
type readerFrom struct {
	http.ResponseWriter
	got io.Reader
}

func (r *readerFrom) ReadFrom(src io.Reader) (int64, error) {
	r.got = src
	return io.Copy(r.ResponseWriter, src)
}

// TestFilesReachTheConnection: http.ServeContent through Serve still hands the
// file to the connection, which can then use sendfile.
func TestFilesReachTheConnection(t *testing.T) {
	t.Parallel()
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString("content"); err != nil {
		t.Fatal(err)
	}
	rec := httptest.NewRecorder()
	w := &readerFrom{ResponseWriter: rec}
	Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Time{}, f)
	}), ServeOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
	if l, ok := w.got.(*io.LimitedReader); !ok || l.R != io.Reader(f) || rec.Body.String() != "content" {
		t.Errorf("the connection got %T, the client %q", w.got, rec.Body)
	}
}

func TestResponseUnwraps(t *testing.T) {
	t.Parallel()
	rec := httptest.NewRecorder()
	w := NewResponse(rec)
	if NewResponse(w) != w {
		t.Error("a Response was wrapped again")
	}
	if err := http.NewResponseController(w).Flush(); err != nil || !rec.Flushed {
		t.Errorf("flush: %v, flushed %v", err, rec.Flushed)
	}
	w = NewResponse(httptest.NewRecorder())
	w.WriteHeader(http.StatusEarlyHints)
	w.WriteHeader(http.StatusTeapot)
	if w.Status() != http.StatusTeapot {
		t.Errorf("status = %d", w.Status())
	}
}

// TestPacedBody: a client that stops sending is cut off; one that goes on is
// not, however long it takes altogether.
func TestPacedBody(t *testing.T) {
	t.Parallel()
	const idle = 200 * time.Millisecond
	type result struct {
		n   int
		err error
	}
	results := make(chan result, 1)
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(PacedBody(w, r, idle))
		results <- result{len(b), err}
	}))
	defer s.Close()
	body, send := io.Pipe()
	go func() {
		_, _ = send.Write([]byte("some"))
		// and then nothing, until the server has had enough
	}()
	r, err := http.NewRequestWithContext(t.Context(), "POST", s.URL, body)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		if r, err := s.Client().Do(r); err == nil {
			r.Body.Close()
		}
	}()
	if got := <-results; got.n != 4 || !errors.Is(got.err, os.ErrDeadlineExceeded) {
		t.Errorf("read %d bytes, %v", got.n, got.err)
	}
	send.Close()
}

func TestReceiptHeaders(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	WriteReceiptHeaders(h, easel.Receipt{ID: "id", Freed: 1, Shared: 2, Pinned: 3, Pending: 4, Kept: "public"})
	for name, want := range map[string]string{
		"X-Easel-Bytes-Freed": "1", "X-Easel-Bytes-Shared": "2", "X-Easel-Bytes-Pinned": "3", "X-Easel-Bytes-Pending": "4",
		"X-Easel-Receipt": "id", "X-Easel-Kept": "public",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
	h = http.Header{}
	WriteReceiptHeaders(h, easel.Receipt{})
	if _, there := h["X-Easel-Kept"]; there || h.Get("X-Easel-Bytes-Freed") != "0" {
		t.Errorf("headers of an empty receipt: %v", h)
	}
}

// TestTraceOfTheClient: the access log has the id of the trace that the client
// is in, and nothing else that it may say there.
func TestTraceOfTheClient(t *testing.T) {
	t.Parallel()
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, tt := range []struct{ header, want string }{
		{"00-" + id + "-00f067aa0ba902b7-01", id},
		{"cc-" + id + "-00f067aa0ba902b7-01-what-the-future-will-say", id},
		{"", ""},
		{id, ""},
		{"00-" + id, ""},
		{"00-" + strings.ToUpper(id) + "-00f067aa0ba902b7-01", ""},
		{"00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01", ""},
		{"00-" + id + "00-00f067aa0ba902b7-01", ""},
		{"00-forged line-00f067aa0ba902b7-01", ""},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Traceparent", tt.header)
		_, line, _ := serve(t, func(http.ResponseWriter, *http.Request) {}, r)
		if got, _ := line["trace"].(string); got != tt.want {
			t.Errorf("%q is logged as trace %q, want %q", tt.header, got, tt.want)
		}
	}
}
