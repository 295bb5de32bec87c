package api

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"easel"
)

// ServeOptions say what Serve does beside serving.
type ServeOptions struct {
	Log *slog.Logger // nil: nothing is logged
	// Observe, if set, is told about every request when it has ended. route is
	// what SetRoute said, in and out are bytes of body.
	Observe func(route, method string, status int, d time.Duration, in, out int64)
	Idle    time.Duration // how long a client may pause before a body that it announced: 60 s
	// Trace, if set, begins the span of a request that has its id; what it
	// returns with the request is called with route and status at the end.
	Trace   func(*http.Request) (*http.Request, func(route string, status int))
	Limits  Limits         // how often a caller may ask
	Trusted []netip.Prefix // proxies whose X-Forwarded-For is believed
}

// Serve wraps the handler of the whole server: every request gets an id and a
// line in the access log, "X-Easel-Delete-Now: true" is noted for what it
// deletes, and a panic becomes a 500. What a client did wrong is
// logged as INFO, what failed in the server as ERROR with the cause that
// LogError noted.
func Serve(h http.Handler, o ServeOptions) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Idle == 0 {
		o.Idle = time.Minute
	}
	limits := newLimiter(o.Limits)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		body := &countedBody{ReadCloser: r.Body}
		note := &note{limiter: limits}
		ctx := easel.WithOrigin(withRequestID(w, r), OriginOf(r, o.Trusted))
		if strings.EqualFold(r.Header.Get("X-Easel-Delete-Now"), "true") {
			ctx = easel.WithDeleteNow(ctx)
		}
		r = r.WithContext(context.WithValue(ctx, noteKey{}, note))
		ended := func(string, int) {}
		if o.Trace != nil {
			r, ended = o.Trace(r)
		}
		if r.Body != nil {
			r.Body = body
		}
		res := NewResponse(w)
		if r.ContentLength != 0 {
			// net/http waits for the body even after a refusal. Who reads it sets the next deadline.
			_ = http.NewResponseController(w).SetReadDeadline(start.Add(o.Idle)) // recorders in tests have none
		}
		defer func() {
			p := recover()
			cut := p != nil && !recovered(res, note, p)
			o.end(r, res, note, body.n, time.Since(start))
			ended(note.route, cmp.Or(res.Status(), http.StatusOK))
			if cut {
				panic(http.ErrAbortHandler) // net/http cuts the connection: the answer is not complete
			}
		}()
		h.ServeHTTP(res, r)
	})
}

// recovered answers a request whose handler panicked with p. It returns false
// when it is too late for that.
func recovered(res *Response, note *note, p any) bool {
	if p == http.ErrAbortHandler {
		return false
	}
	note.err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
	if res.Status() != 0 {
		return false
	}
	http.Error(res, easel.AsError(note.err).Msg, http.StatusInternalServerError)
	return true
}

func (o ServeOptions) end(r *http.Request, res *Response, note *note, in int64, took time.Duration) {
	status := res.Status()
	if status == 0 {
		status = http.StatusOK // what net/http sends for a handler that said nothing
	}
	if o.Observe != nil {
		o.Observe(note.route, r.Method, status, took, in, res.Bytes())
	}
	level := slog.LevelInfo
	switch {
	case status == http.StatusInsufficientStorage, status == http.StatusServiceUnavailable: // a state of the machine, not a fault
		level = slog.LevelWarn
	case status >= 500:
		level = slog.LevelError
	}
	attrs := []slog.Attr{
		slog.String("request", easel.RequestIDFrom(r.Context())),
		slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.Int("status", status),
		slog.Int64("in", in), slog.Int64("out", res.Bytes()), slog.Duration("took", took), slog.String("from", r.RemoteAddr),
	}
	if id := traceID(r.Header.Get("Traceparent")); id != "" {
		attrs = append(attrs, slog.String("trace", id))
	}
	if note.user != "" {
		attrs = append(attrs, slog.String("user", note.user))
	}
	if note.err != nil {
		attrs = append(attrs, slog.Any("err", note.err))
	}
	o.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// traceID returns the id of the trace that a client's traceparent header (W3C
// Trace Context: version, trace, span, flags) names; "" when it names none.
func traceID(traceparent string) string {
	version, rest, ok := strings.Cut(traceparent, "-")
	id, _, more := strings.Cut(rest, "-")
	if !ok || !more || len(version) != 2 || len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" || strings.Trim(id, "0") == "" {
		return ""
	}
	return id
}

// note is what handlers tell the access log about their request.
type note struct {
	route, user string
	err         error
	limiter     *limiter
}

type noteKey struct{}

func noteOf(r *http.Request) *note {
	if n, ok := r.Context().Value(noteKey{}).(*note); ok {
		return n
	}
	return &note{} // not under Serve: nobody will read it
}

// LogError notes the cause of the answer for the access log. Families call it
// from their ErrorWriter.
func LogError(r *http.Request, err error) { noteOf(r).err = err }

// SetRoute notes which operation serves the request, such as "oci blob", for
// the metrics: a bounded set of names, unlike paths.
func SetRoute(r *http.Request, route string) { noteOf(r).route = route }

// SetUser notes who sent the request, by name, for the access log.
func SetUser(r *http.Request, p easel.Principal) { noteOf(r).user = p.UserName }

type countedBody struct {
	io.ReadCloser
	n int64
}

func (b *countedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.n += int64(n)
	return n, err
}
