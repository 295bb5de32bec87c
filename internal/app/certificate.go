package app

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"
)

// certificatePoll is how soon a changed certificate is in use. The files are
// read, not looked at: the time of a mounted secret says nothing.
const certificatePoll = 10 * time.Second

// certificate is the certificate of the server and its key, in two files that
// may change.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger

	current atomic.Pointer[tls.Certificate]
	seen    [2][]byte // the files as last read, well or not
}

// loadCertificate reads both files.
func loadCertificate(certFile, keyFile string, log *slog.Logger) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log}
	if _, err := c.load(); err != nil {
		return nil, fmt.Errorf("load the certificate: %w", err)
	}
	return c, nil
}

// load takes the pair in the files, if it differs from the last one read, and
// reports whether there is a new one in use.
func (c *certificate) load() (changed bool, err error) {
	cert, err := os.ReadFile(c.certFile)
	if err != nil {
		return false, err
	}
	key, err := os.ReadFile(c.keyFile)
	if err != nil {
		return false, err
	}
	if bytes.Equal(cert, c.seen[0]) && bytes.Equal(key, c.seen[1]) {
		return false, nil
	}
	c.seen = [2][]byte{cert, key}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return false, fmt.Errorf("%s and %s: %w", c.certFile, c.keyFile, err)
	}
	c.current.Store(&pair)
	return true, nil
}

// watch takes a new pair soon after the files have changed, until ctx ends. A
// pair that cannot be used is logged, and the one in use stays: one file may
// have been written and the other not yet.
func (c *certificate) watch(ctx context.Context, every time.Duration) error {
	tick := time.NewTicker(every)
	defer tick.Stop()
	failing := ""
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		changed, err := c.load()
		switch {
		case err != nil && err.Error() != failing:
			failing = err.Error()
			c.log.ErrorContext(ctx, "the new certificate cannot be used; the old one stays in use", "error", err)
		case changed:
			failing = ""
			c.log.InfoContext(ctx, "a new certificate is in use", "not_after", c.notAfter())
		}
	}
}

// config returns the configuration of a listener: each handshake gets the
// pair that is in use then.
func (c *certificate) config() *tls.Config {
	return &tls.Config{
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return c.current.Load(), nil },
		MinVersion:     tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
	}
}

// notAfter is when the certificate in use ends.
func (c *certificate) notAfter() time.Time { return c.current.Load().Leaf.NotAfter }
