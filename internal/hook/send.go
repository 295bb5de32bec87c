package hook

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"time"

	"easel/internal/catalog"
	"easel/internal/outbound"
)

// Limits of one try.
const (
	tryTimeout = 15 * time.Second // from the look-up of the name to the end of the answer
	maxAnswer  = 4 << 10          // bytes of an answer that are read, so that the connection can be used again
	maxHeader  = 16 << 10         // bytes of an answer's header
)

// sender makes requests to addresses that users chose.
type sender struct {
	allow  []netip.Prefix
	client *http.Client
}

func newSender(allow []netip.Prefix) sender {
	s := sender{allow: allow}
	dialer := &net.Dialer{Timeout: tryTimeout, ControlContext: outbound.Control(allow)}
	s.client = &http.Client{
		Timeout: tryTimeout,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, Proxy: nil, // a proxy would dial for us, and not ask
			TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, TLSHandshakeTimeout: tryTimeout, ForceAttemptHTTP2: true, DisableCompression: true,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConns: maxTurns, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return s
}

func (s sender) allowed(a netip.Addr) bool { return outbound.Allowed(a, s.allow) }

// deliver makes one try and returns the status of the answer, or what kept it
// from coming, in words that tell nothing about the network behind the server.
func (s sender) deliver(ctx context.Context, d catalog.DueDelivery, secret string, at time.Time) (status int, problem string, err error) {
	text, err := body(d)
	if err != nil {
		return 0, "", fmt.Errorf("make the event %s: %w", d.Event, err)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.Hook.URL, bytes.NewReader(text))
	if err != nil {
		return 0, "the address cannot be used", nil
	}
	r.Header.Set("Content-Type", "application/cloudevents+json; charset=utf-8")
	r.Header.Set("User-Agent", "easel-hook")
	if err := sign(r.Header, secret, d.Event, at, text); err != nil {
		return 0, "", err
	}
	answer, err := s.client.Do(r)
	if err != nil {
		return 0, reason(err), ctx.Err()
	}
	defer answer.Body.Close()
	// What it says, and whether it says it well, is not asked.
	_, _ = io.CopyN(io.Discard, answer.Body, maxAnswer)
	return answer.StatusCode, "", nil
}

// reason says in a few words why there was no answer.
func reason(err error) string {
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var timeout net.Error
	switch {
	case errors.Is(err, outbound.ErrNotPublic):
		return "the address is not public; whoever runs the server can allow it with --hook-allow"
	case errors.As(err, &certificate):
		return "the certificate is not trusted"
	case errors.As(err, &dns) && dns.IsNotFound:
		return "the name was not found"
	case errors.As(err, &timeout) && timeout.Timeout():
		return fmt.Sprintf("no answer within %v", tryTimeout)
	}
	return "no connection, or no HTTP"
}
