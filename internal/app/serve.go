package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"easel/internal/catalog"
	"easel/internal/identity"
)

type serveCommand struct {
	Config `embed:""`
	File   string `name:"config" placeholder:"FILE" help:"Configuration file (YAML)."`
}

// Help is the text below the flags.
func (serveCommand) Help() string {
	return `The first start makes a domain, a project and an administrator, and prints how to log in. EASEL_ADMIN_PASSWORD,
EASEL_ADMIN_ACCESS_KEY and EASEL_ADMIN_SECRET_KEY fix the secrets instead; EASEL_MASTER_KEY (64 hex digits) replaces the
file master.key in the data directory.

Examples:

  easel serve
  easel serve --listen 0.0.0.0:443 --tls-cert cert.pem --tls-key key.pem --data-dir /var/lib/easel
  easel serve --database postgres://easel@db/easel --config /etc/easel.yaml`
}

// Limits of a connection that no configuration changes: requests with a
// large header or a slow one are attacks, and transfers have no time limit.
const (
	headerTimeout  = 10 * time.Second
	idleTimeout    = 2 * time.Minute
	maxHeaderBytes = 64 << 10
)

// Run serves until ctx ends, then lets transfers end and returns.
func (c *serveCommand) Run(ctx context.Context, s *streams, file *File) (err error) {
	if err := c.complete(file); err != nil {
		return err
	}
	lines := newGatherer(s.err)
	defer lines.Flush()
	log, err := newLog(lines, c.LogFormat, c.LogLevel)
	if err != nil {
		return err
	}
	m := newMetrics()
	traces, err := startTracing(ctx, log)
	if err != nil {
		return err
	}
	defer traces.stop(ctx)
	observe := func(ctx context.Context, op string, d time.Duration) {
		m.database(op, d)
		traces.transaction(ctx, op, d)
	}
	st, err := openStores(ctx, c.Place, c.MasterKey, catalog.Options{Quotas: c.quotas(), PinFor: c.PinFor, LowSpace: int64(c.LowSpace), Observe: observe})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	listener, base, watch, err := c.listen(ctx, m, log)
	if err != nil {
		return err
	}
	defer listener.Close() // closed already, unless the start fails
	sys, err := wire(ctx, &c.Config, st, listener.Addr(), m, traces, log)
	if err != nil {
		return err
	}
	if watch != nil {
		sys.loops = append(sys.loops, watch)
	}
	first, created, err := sys.identity.Bootstrap(ctx, identity.Bootstrap{
		DomainName: c.DomainName, ProjectID: c.ProjectID, ProjectName: c.ProjectName, AdminName: c.AdminName,
		AdminPassword: c.AdminPassword, AccessKey: c.AdminAccessKey, SecretKey: c.AdminSecretKey,
	})
	if err != nil {
		return err
	}
	if err := sys.identity.CheckProviders(ctx); err != nil {
		return err
	}
	if created {
		welcome(s.out, c.DataDir, c.clientURL(base), first)
	}
	fmt.Fprintln(s.out, "listening on", base)
	return c.run(ctx, listener, sys, log)
}

// clientURL returns the address that a client on this machine, or behind the
// proxy, uses for a server that listens at base.
func (c *Config) clientURL(base string) string {
	if c.PublicURL != "" {
		return strings.TrimSuffix(c.PublicURL, "/")
	}
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	if ip := net.ParseIP(u.Hostname()); ip.IsUnspecified() {
		u.Host = net.JoinHostPort("127.0.0.1", u.Port())
	}
	return u.String()
}

// listen opens the listener and returns its URL, and with TLS what looks after
// the certificate.
func (c *Config) listen(ctx context.Context, m *metrics, log *slog.Logger) (net.Listener, string, func(context.Context) error, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return nil, "", nil, fmt.Errorf("%w; choose another address with --listen, or a free port with --listen 127.0.0.1:0", err)
	}
	if c.TLSCert == "" {
		return l, "http://" + l.Addr().String(), nil, nil
	}
	cert, err := loadCertificate(c.TLSCert, c.TLSKey, log)
	if err != nil {
		return nil, "", nil, errors.Join(err, l.Close())
	}
	m.certificate(cert.notAfter)
	watch := func(ctx context.Context) error { return cert.watch(ctx, certificatePoll) }
	return tls.NewListener(l, cert.config()), "https://" + l.Addr().String(), watch, nil
}

// run serves and does the background work until ctx ends or one of them fails.
func (c *Config) run(ctx context.Context, l net.Listener, sys *system, log *slog.Logger) error {
	server := &http.Server{
		Handler: sys.handler, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug), // handshakes and broken headers: the client's doing
		ReadHeaderTimeout: headerTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
	}
	server.RegisterOnShutdown(func() { close(sys.stopping) })
	// Background work outlives the signal: transfers that are still going on need it.
	work, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	g, work := errgroup.WithContext(work)
	g.Go(func() error {
		if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serve: %w", err)
		}
		return nil
	})
	for _, loop := range sys.loops {
		g.Go(func() error { return untilDone(work, loop(work)) })
	}
	g.Go(func() error {
		defer stop()
		select {
		case <-ctx.Done():
		case <-work.Done():
		}
		return shutdown(ctx, server, c.ShutdownWait, log)
	})
	return g.Wait()
}

// untilDone forgets the error of a loop that ended because it was told to.
func untilDone(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// shutdown takes no new requests, waits for those under way, and cuts off
// what is still going on after wait.
func shutdown(ctx context.Context, server *http.Server, wait time.Duration, log *slog.Logger) error {
	log.InfoContext(ctx, "stopping: transfers may end", "wait", wait.String())
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer cancel()
	err := server.Shutdown(ctx)
	if errors.Is(err, context.DeadlineExceeded) {
		log.WarnContext(ctx, "transfers were cut off; clients can take them up again", "wait", wait.String())
		err = server.Close()
	}
	if err != nil {
		return fmt.Errorf("stop the server: %w", err)
	}
	return nil
}

// newLog returns a logger that writes to w.
func newLog(w interface{ Write([]byte) (int, error) }, format, level string) (*slog.Logger, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %w", err)
	}
	options := &slog.HandlerOptions{Level: l}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options)), nil
	}
	return slog.New(slog.NewTextHandler(w, options)), nil
}

// isFile reports whether path is there.
func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
