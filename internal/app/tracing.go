package app

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"easel"
	"easel/internal/blob"
)

// tracing sends spans to an OTLP receiver. nil is what it is unless the
// standard variables ask for it: then nothing is wrapped, and nothing costs
// anything. Spans tell of routes, statuses and durations; neither names of
// content nor users are in them.
type tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
	log      *slog.Logger
}

// wantsTracing reports whether the environment asks for traces, in the words
// of the OpenTelemetry specification.
func wantsTracing() (bool, error) {
	exporter := os.Getenv("OTEL_TRACES_EXPORTER")
	endpoint := os.Getenv("OTEL_EXPORTER_OTLP_ENDPOINT") + os.Getenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
	switch {
	case strings.EqualFold(os.Getenv("OTEL_SDK_DISABLED"), "true"), exporter == "none", exporter+endpoint == "":
		return false, nil
	case exporter != "" && exporter != "otlp":
		return false, fmt.Errorf("OTEL_TRACES_EXPORTER=%s is not supported: want otlp or none", exporter)
	}
	for _, name := range []string{"OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"} {
		if p := os.Getenv(name); p != "" && p != "http/protobuf" {
			return false, fmt.Errorf("%s=%s is not supported: want http/protobuf", name, p)
		}
	}
	return true, nil
}

// startTracing returns what sends traces, nil when nobody asked for any.
func startTracing(ctx context.Context, log *slog.Logger) (*tracing, error) {
	if wanted, err := wantsTracing(); err != nil || !wanted {
		return nil, err
	}
	otel.SetErrorHandler(&lostTraces{log: log})
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, fmt.Errorf("send traces: %w", err)
	}
	version, _ := build()
	about, err := resource.Merge(resource.NewSchemaless(
		attribute.String("service.name", "easel"), attribute.String("service.version", version)), resource.Environment())
	if err != nil {
		return nil, fmt.Errorf("OTEL_RESOURCE_ATTRIBUTES: %w", err)
	}
	p := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(about))
	return &tracing{provider: p, tracer: p.Tracer("easel"), log: log}, nil
}

// lostTracesEvery is how often the log says that traces cannot be sent.
const lostTracesEvery = time.Minute

// lostTraces logs why traces are not sent: a receiver that is down fails a batch
// every few seconds.
type lostTraces struct {
	log *slog.Logger

	mu   sync.Mutex // guards last
	last time.Time
}

// Handle implements otel.ErrorHandler.
func (l *lostTraces) Handle(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := time.Now(); now.Sub(l.last) >= lostTracesEvery {
		l.last = now
		l.log.Warn("traces are not sent as they should be", "error", err)
	}
}

// stop sends what is waiting to be sent, for a few seconds at most. Traces that
// cannot be sent are no reason to say that the server failed.
func (t *tracing) stop(ctx context.Context) {
	if t == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := t.provider.Shutdown(ctx); err != nil {
		t.log.WarnContext(ctx, "the last traces could not be sent", "error", err)
	}
}

// request begins the span of a request, as a child of the one that its
// traceparent names. It is nil for a nil receiver.
func (t *tracing) request() func(*http.Request) (*http.Request, func(route string, status int)) {
	if t == nil {
		return nil
	}
	return func(r *http.Request) (*http.Request, func(string, int)) {
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		method := methodLabel(r.Method)
		ctx, span := t.tracer.Start(ctx, method, trace.WithSpanKind(trace.SpanKindServer), trace.WithAttributes(
			attribute.String("http.request.method", method), attribute.String("easel.request_id", easel.RequestIDFrom(ctx)),
			attribute.String("easel.family", string(familyOf(r.URL.EscapedPath())))))
		return r.WithContext(ctx), func(route string, status int) {
			if route != "" {
				span.SetName(method + " " + route)
				span.SetAttributes(attribute.String("http.route", route))
			}
			span.SetAttributes(attribute.Int("http.response.status_code", status))
			if status >= 500 {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}
	}
}

// transaction records a transaction that took d, as part of the request in ctx.
// Those of background work are not recorded: there is one every second.
func (t *tracing) transaction(ctx context.Context, op string, d time.Duration) {
	if t == nil || !trace.SpanContextFromContext(ctx).IsValid() {
		return
	}
	now := time.Now()
	_, span := t.tracer.Start(ctx, "catalogue "+op, trace.WithTimestamp(now.Add(-d)))
	span.End(trace.WithTimestamp(now))
}

// store returns blobs with a span for each operation of a request.
func (t *tracing) store(blobs blob.Store) blob.Store {
	if t == nil {
		return blobs
	}
	return &tracedStore{blobs, t}
}

// span begins a span in a request; there is nothing to end outside of one.
func (t *tracing) span(ctx context.Context, name string) func(error) {
	if !trace.SpanContextFromContext(ctx).IsValid() {
		return func(error) {}
	}
	_, span := t.tracer.Start(ctx, name)
	return func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, easel.AsError(err).Kind.Error())
		}
		span.End()
	}
}

// tracedStore is a store whose operations have spans. Objects are handed
// through as they are, so that files are still sent with sendfile.
type tracedStore struct {
	blob.Store
	t *tracing
}

// Resume implements blob.Store.
func (s *tracedStore) Resume(ctx context.Context, key blob.Key, state blob.State) (w blob.Writer, err error) {
	end := s.t.span(ctx, "blob resume")
	defer func() { end(err) }()
	if w, err = s.Store.Resume(ctx, key, state); err != nil {
		return nil, err
	}
	return &tracedWriter{w, s.t}, nil
}

// Open implements blob.Store.
func (s *tracedStore) Open(ctx context.Context, key blob.Key) (o blob.Object, err error) {
	end := s.t.span(ctx, "blob open")
	defer func() { end(err) }()
	return s.Store.Open(ctx, key)
}

// Delete implements blob.Store.
func (s *tracedStore) Delete(ctx context.Context, key blob.Key) (err error) {
	end := s.t.span(ctx, "blob unlink")
	defer func() { end(err) }()
	return s.Store.Delete(ctx, key)
}

type tracedWriter struct {
	blob.Writer
	t *tracing
}

// Checkpoint implements blob.Writer.
func (w *tracedWriter) Checkpoint(ctx context.Context) (state blob.State, err error) {
	end := w.t.span(ctx, "blob checkpoint")
	defer func() { end(err) }()
	return w.Writer.Checkpoint(ctx)
}

// Finish implements blob.Writer.
func (w *tracedWriter) Finish(ctx context.Context) (err error) {
	end := w.t.span(ctx, "blob finish")
	defer func() { end(err) }()
	return w.Writer.Finish(ctx)
}
