package app

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// pair returns a certificate for 127.0.0.1 with this name and its key, in PEM.
func pair(t *testing.T, name string) (cert, key []byte) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, k.Public(), k)
	if err != nil {
		t.Fatal(err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER})
}

// logged is a log that tests read while it is written.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(what string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), what)
}

// secured is a TLS listener whose certificate is in files.
type secured struct {
	*certificate
	t         *testing.T
	cert, key string
	addr      string
	log       logged
}

func newSecured(t *testing.T) *secured {
	t.Helper()
	dir := t.TempDir()
	s := &secured{t: t, cert: filepath.Join(dir, "cert.pem"), key: filepath.Join(dir, "key.pem")}
	cert, key := pair(t, "first")
	s.write(cert, key)
	var err error
	s.certificate, err = loadCertificate(s.cert, s.key, slog.New(slog.NewTextHandler(&s.log, nil)))
	if err != nil {
		t.Fatal(err)
	}
	l, err := tls.Listen("tcp", "127.0.0.1:0", s.config())
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().String()
	served := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-served })
	go func() {
		defer close(served)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).HandshakeContext(t.Context()) // the client says what is wrong
			conn.Close()
		}
	}()
	return s
}

func (s *secured) write(cert, key []byte) {
	s.t.Helper()
	for path, text := range map[string][]byte{s.cert: cert, s.key: key} {
		if text == nil {
			continue
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			s.t.Fatal(err)
		}
	}
}

// handshake returns the name in the certificate that a client is shown.
func (s *secured) handshake() string {
	s.t.Helper()
	conn, err := tls.Dial("tcp", s.addr, &tls.Config{InsecureSkipVerify: true}) // it is its name that is looked at
	if err != nil {
		s.t.Fatal(err)
	}
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestCertificateIsReloaded(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	if got := s.handshake(); got != "first" {
		t.Fatalf("the certificate is %q", got)
	}
	cert, key := pair(t, "second")
	for _, step := range []struct {
		name      string
		cert, key []byte
		changed   bool
		fails     bool
		want      string
	}{
		{name: "nothing new", want: "first"},
		{name: "the key is not written yet", cert: cert, fails: true, want: "first"},
		{name: "both are there", key: key, changed: true, want: "second"},
		{name: "a broken certificate", cert: []byte("no certificate"), fails: true, want: "second"},
		{name: "the good one again", cert: cert, changed: true, want: "second"},
	} {
		s.write(step.cert, step.key)
		changed, err := s.load()
		if changed != step.changed || (err != nil) != step.fails {
			t.Errorf("%s: load = %v, %v", step.name, changed, err)
		}
		if got := s.handshake(); got != step.want {
			t.Errorf("%s: the certificate is %q, want %q", step.name, got, step.want)
		}
	}
	if err := os.Remove(s.cert); err != nil {
		t.Fatal(err)
	}
	if _, err := s.load(); err == nil || s.handshake() != "second" {
		t.Errorf("without the file: load = %v, certificate %q", err, s.handshake())
	}
}

// TestCertificateWatch: what is wrong is logged once, not at every look, and
// the loop goes on.
func TestCertificateWatch(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.watch(ctx, time.Millisecond) }()
	until := func(what string, done func() bool) {
		t.Helper()
		for !done() {
			if t.Context().Err() != nil {
				t.Fatal(what)
			}
			time.Sleep(time.Millisecond)
		}
	}
	s.write([]byte("broken"), nil)
	until("nothing was logged", func() bool { return s.log.count("the old one stays in use") > 0 })
	cert, key := pair(t, "second")
	s.write(cert, key)
	until("the new certificate is not in use", func() bool { return s.log.count("a new certificate is in use") == 1 })
	if got := s.handshake(); got != "second" {
		t.Errorf("the certificate is %q", got)
	}
	stop()
	if err := <-ended; err != context.Canceled {
		t.Errorf("watch = %v", err)
	}
	if n := s.log.count("private key does not match"); n > 1 {
		t.Errorf("one mistake was logged %d times", n)
	}
}

func TestCertificateMustBeGoodAtTheStart(t *testing.T) {
	t.Parallel()
	s := newSecured(t)
	s.write([]byte("broken"), nil)
	if _, err := loadCertificate(s.cert, s.key, s.certificate.log); err == nil {
		t.Error("a broken certificate was taken")
	}
}
