package app

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"easel"
	"easel/internal/api"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// ops serves /healthz, /readyz and /metrics.
type ops struct {
	catalog *catalog.DB
	auth    api.Authenticator
	open    string // Config.Metrics
	metrics http.Handler
	log     *slog.Logger
}

func newOps(db *catalog.DB, auth api.Authenticator, open string, m *metrics, log *slog.Logger) *ops {
	return &ops{db, auth, open, promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}), log}
}

// ServeHTTP implements http.Handler.
func (o *ops) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		writeProblem(w, http.StatusMethodNotAllowed, "ModelArts.2803", "only GET is allowed here")
		return
	}
	switch r.URL.Path {
	case "/healthz":
		writeText(w, http.StatusOK, "ok\n")
	case "/readyz":
		o.ready(w, r)
	default:
		o.serveMetrics(w, r)
	}
}

// ready answers 200 when requests can be served, else 503.
func (o *ops) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 3*time.Second)
	defer cancel()
	if err := o.catalog.Ping(ctx); err != nil {
		o.log.WarnContext(ctx, "not ready: the database does not answer", "error", err)
		writeText(w, http.StatusServiceUnavailable, "the database does not answer\n")
		return
	}
	writeText(w, http.StatusOK, "ready\n")
}

func (o *ops) serveMetrics(w http.ResponseWriter, r *http.Request) {
	switch {
	case o.open == "off":
		notFound(w, r)
		return
	case o.open == "public", o.open == "loopback" && local(r), o.admin(r):
		o.metrics.ServeHTTP(w, r)
		return
	}
	writeProblem(w, http.StatusForbidden, "ModelArts.0108", "only administrators and callers on this machine may read this; the setting is --metrics")
}

// admin reports whether somebody who looks after the installation sent the request.
func (o *ops) admin(r *http.Request) bool {
	who, err := o.auth.Authenticate(r)
	return err == nil && policy.Check(who, easel.Grants{}, policy.Operate, "metrics", "the metrics") == nil
}

// local reports whether the caller is on this machine: connected over
// loopback, and not through a proxy that speaks for somebody else.
func local(r *http.Request) bool {
	return api.OriginOf(r, nil).Local
}

func writeText(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	// The status is out: an error here can only be a client that hung up.
	_, _ = w.Write([]byte(text))
}
