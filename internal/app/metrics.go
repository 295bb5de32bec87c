package app

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"easel/internal/api"
	"easel/internal/catalog"
)

// metrics are the numbers at /metrics, in a registry of their own.
type metrics struct {
	registry  *prometheus.Registry
	requests  *prometheus.CounterVec
	durations *prometheus.HistogramVec
	inFlight  *prometheus.GaugeVec
	bytes     *prometheus.CounterVec
	databases *prometheus.HistogramVec
	limited   *prometheus.CounterVec
	logins    *prometheus.CounterVec
	hooks     *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "easel_http_requests_total", Help: "Requests answered."}, []string{"family", "method", "status"}),
		durations: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "easel_http_request_duration_seconds", Help: "Time to answer, transfers included.",
			Buckets: []float64{.001, .003, .01, .03, .1, .3, 1, 3, 10, 30, 100, 300}}, []string{"family", "method"}),
		inFlight: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "easel_http_requests_in_flight", Help: "Requests being answered."}, []string{"family"}),
		bytes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "easel_blob_bytes_total", Help: "Blob bytes received by uploads, sent to pullers, and freed by deletions."}, []string{"what"}),
		databases: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "easel_database_duration_seconds", Help: "Time of transactions, retries included.",
			Buckets: []float64{.0003, .001, .003, .01, .03, .1, .3, 1, 3, 10}}, []string{"op"}),
		limited: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "easel_rate_limited_total", Help: "Requests refused because a user, or an address without a login, sent too many."}, []string{"caller"}),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "easel_login_failures_total", Help: "Log-ins that failed, and log-ins refused unseen because too many had failed."}, []string{"kind", "result"}),
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "easel_hook_tries_total", Help: "Tries to deliver events to hooks."}, []string{"outcome"}),
	}
	version, commit := build()
	info := prometheus.NewGauge(prometheus.GaugeOpts{Name: "easel_build_info", Help: "Always 1; the labels tell the build.",
		ConstLabels: prometheus.Labels{"version": version, "commit": commit}})
	info.Set(1)
	for _, what := range []string{"received", "sent", "freed"} {
		m.bytes.WithLabelValues(what)
	}
	for _, caller := range []string{"user", "robot", "address"} {
		m.limited.WithLabelValues(caller)
	}
	for _, kind := range []string{"password", "login", "signature", "sso", "exchange"} {
		m.logins.WithLabelValues(kind, "failed")
		m.logins.WithLabelValues(kind, "refused")
	}
	for _, outcome := range []string{"delivered", "failed", "given up"} {
		m.hooks.WithLabelValues(outcome)
	}
	m.registry.MustRegister(m.requests, m.durations, m.inFlight, m.bytes, m.databases, m.limited, m.logins, m.hooks, info,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// BytesIn implements registry.Metrics.
func (m *metrics) BytesIn(n int64) { m.bytes.WithLabelValues("received").Add(float64(n)) }

// BytesOut implements registry.Metrics.
func (m *metrics) BytesOut(n int64) { m.bytes.WithLabelValues("sent").Add(float64(n)) }

// BytesFreed implements registry.Metrics.
func (m *metrics) BytesFreed(n int64) { m.bytes.WithLabelValues("freed").Add(float64(n)) }

// HookTried implements hook.Metrics.
func (m *metrics) HookTried(outcome string) { m.hooks.WithLabelValues(outcome).Inc() }

// database is told how long a transaction took.
func (m *metrics) database(op string, d time.Duration) {
	m.databases.WithLabelValues(op).Observe(d.Seconds())
}

// limit is told of a request that was one too many.
func (m *metrics) limit(caller string) { m.limited.WithLabelValues(caller).Inc() }

// login is told of a log-in that failed, or was refused unseen.
func (m *metrics) login(kind string, refused bool) {
	result := "failed"
	if refused {
		result = "refused"
	}
	m.logins.WithLabelValues(kind, result).Inc()
}

// certificate adds when the certificate in use ends.
func (m *metrics) certificate(notAfter func() time.Time) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "easel_tls_certificate_not_after_seconds", Help: "When the certificate in use ends, in seconds since 1970.",
	}, func() float64 { return float64(notAfter().Unix()) }))
}

// methods bounds the method label: a client can send any word.
var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}

func methodLabel(method string) string {
	if slices.Contains(methods, method) {
		return method
	}
	return "other"
}

// serve lets h answer and counts the answer.
func (m *metrics) serve(f family, h http.Handler, w http.ResponseWriter, r *http.Request) {
	method := methodLabel(r.Method)
	inFlight := m.inFlight.WithLabelValues(string(f))
	inFlight.Inc()
	defer inFlight.Dec()
	start, res := time.Now(), api.NewResponse(w)
	defer func() { // also when the handler panics to cut a connection
		status := res.Status()
		if status == 0 {
			status = http.StatusOK // what net/http sends for a handler that said nothing
		}
		m.durations.WithLabelValues(string(f), method).Observe(time.Since(start).Seconds())
		m.requests.WithLabelValues(string(f), method, strconv.Itoa(status)).Inc()
	}()
	h.ServeHTTP(res, r)
}

// watch adds the gauges that are read from catalogue and disk when somebody asks.
func (m *metrics) watch(db *catalog.DB, free func() (int64, error)) {
	m.registry.MustRegister(&backlog{db: db, free: free})
}

// maxSeries bounds the organisations, and the domains, of one scrape: the largest.
const maxSeries = 500

// backlog reads its gauges at each scrape; what cannot be read is left out.
type backlog struct {
	db   *catalog.DB
	free func() (int64, error)
}

func gaugeDesc(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }

var (
	uploadsOpen  = gaugeDesc("easel_uploads_open", "Upload sessions that are not finished.")
	uploadBytes  = gaugeDesc("easel_uploads_bytes", "Bytes on the disk of upload sessions that are not finished.")
	garbageCount = gaugeDesc("easel_garbage_objects", "Storage objects waiting to be unlinked.")
	garbageBytes = gaugeDesc("easel_garbage_bytes", "Bytes of storage objects waiting to be unlinked.")
	jobsRunning  = gaugeDesc("easel_jobs_running", "Deletions of many images that are worked on, or wait for that.")
	jobsPaused   = gaugeDesc("easel_jobs_paused", "Deletions of many images that somebody paused.")
	jobImages    = gaugeDesc("easel_jobs_images_waiting", "Images of jobs that have not ended, and that have no result yet.")
	pinsLive     = gaugeDesc("easel_pins", "Blobs and manifests kept because a push is under way.")
	heldBytes    = prometheus.NewDesc("easel_ledger_bytes",
		"Bytes that an organisation, or a domain as a whole, holds: exclusive (go with it), shared, pinned (by a push only), waiting (open uploads), trash (only trash holds them).",
		[]string{"scope", "name", "what"}, nil)
	hooksWaiting = gaugeDesc("easel_hook_deliveries_waiting", "Events waiting to be delivered to hooks.")
	hooksGivenUp = gaugeDesc("easel_hook_deliveries_given_up", "Events that could not be delivered to hooks in the last 7 days.")
	freeBytes    = gaugeDesc("easel_store_free_bytes", "Free bytes on the disk of the blobs.")
)

// Describe implements prometheus.Collector.
func (b *backlog) Describe(c chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{uploadsOpen, uploadBytes, garbageCount, garbageBytes, jobsRunning, jobsPaused, jobImages, pinsLive, hooksWaiting, hooksGivenUp, heldBytes, freeBytes} {
		c <- d
	}
}

// Collect implements prometheus.Collector.
func (b *backlog) Collect(c chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v int64) {
		c <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, float64(v))
	}
	if free, err := b.free(); err == nil {
		gauge(freeBytes, free)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	waiting, err := b.db.Backlog(ctx)
	if err != nil {
		return
	}
	gauge(uploadsOpen, waiting.Uploads)
	gauge(uploadBytes, waiting.UploadBytes)
	gauge(garbageCount, waiting.Garbage)
	gauge(garbageBytes, waiting.GarbageBytes)
	gauge(pinsLive, waiting.Pins)
	gauge(jobsRunning, waiting.Jobs)
	gauge(jobsPaused, waiting.JobsPaused)
	gauge(jobImages, waiting.JobImages)
	hooks, err := b.db.HookBacklog(ctx)
	if err != nil {
		return
	}
	gauge(hooksWaiting, hooks.Waiting)
	gauge(hooksGivenUp, hooks.GivenUp)
	for _, kind := range []catalog.UsageKind{catalog.UsageOfDomains, catalog.UsageOfOrgs} {
		found, err := b.db.Usage(ctx, catalog.UsageQuery{Kind: kind, Limit: maxSeries})
		if err != nil {
			return
		}
		for _, u := range found {
			for what, n := range map[string]int64{"exclusive": u.Exclusive, "shared": u.Shared, "pinned": u.Pinned, "waiting": u.Waiting, "trash": u.Trash} {
				c <- prometheus.MustNewConstMetric(heldBytes, prometheus.GaugeValue, float64(n), u.Kind, u.Name, what)
			}
		}
	}
}
