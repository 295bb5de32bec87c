// Package server runs the real easel program for tests, each server with a
// data directory and credentials of its own.
package server

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Region is the name of the first project, as the vendor's SDK expects it.
const Region = "eu-de"

// Server is a running easel, as one of its users sees it: [Start] returns it for
// the first administrator, [Server.NewUser] and [Server.NewDomain] for others.
type Server struct {
	URL       string // http://HOST:PORT, https:// with TLS
	Host      string // HOST:PORT, as image names begin
	DataDir   string
	Domain    string // its name
	Project   string // id
	User      string // name
	UserID    string // "" for the first administrator
	AccessKey string
	SecretKey string
	Password  string
	CA        string // file with the authority of its certificate; "" for plain HTTP

	transport http.RoundTripper
	stop      func() error
	log       *lines
}

// Start runs `easel serve` on a free port of the loopback, with more flags if
// need be, until the test ends. A server that does not end by itself and
// without a complaint then fails the test.
func Start(t *testing.T, flags ...string) *Server {
	t.Helper()
	s := &Server{
		DataDir:   filepath.Join(t.TempDir(), "data"),
		Domain:    "easel",
		User:      "admin",
		Project:   random(16),
		AccessKey: strings.ToUpper(random(10)), // of its own: SDKs remember look-ups per access key
		SecretKey: random(20),
		Password:  random(16),
		transport: http.DefaultTransport,
	}
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data-dir", s.DataDir}, flags...)
	cmd := exec.Command(Program(t), args...)
	cmd.Env = append(plainEnv(),
		"EASEL_ADMIN_PASSWORD="+s.Password,
		"EASEL_ADMIN_ACCESS_KEY="+s.AccessKey,
		"EASEL_ADMIN_SECRET_KEY="+s.SecretKey,
		"EASEL_PROJECT_ID="+s.Project,
		"EASEL_PROJECT_NAME="+Region)
	s.run(t, cmd)
	return s
}

// run starts cmd, waits for the line that says that it is ready and ends it
// with the test.
func (s *Server) run(t *testing.T, cmd *exec.Cmd) {
	t.Helper()
	log := &lines{ready: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = log, log
	ended, err := start(cmd)
	if err != nil {
		t.Fatalf("start easel: %v", err)
	}
	s.log = log
	s.stop = sync.OnceValue(func() error {
		cmd.Process.Signal(syscall.SIGTERM)
		<-ended.done
		return ended.err
	})
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Errorf("easel serve ended with %v", err)
		}
		if t.Failed() {
			t.Logf("output of easel serve:\n%s", log.text())
		}
	})
	select {
	case s.URL = <-log.ready:
		s.Host = s.URL[strings.Index(s.URL, "://")+3:]
	case <-ended.done:
		t.Fatalf("easel serve ended before it was ready: %v\n%s", ended.err, log.text())
	case <-time.After(startTimeout):
		t.Fatalf("easel serve is not ready after %v:\n%s", startTimeout, log.text())
	}
}

// end is how a program ended; err is there when done is closed.
type end struct {
	done chan struct{}
	err  error
}

// start starts cmd such that it dies with this process. The kernel ties that to
// the thread that started it, which therefore waits until the program ends.
func start(cmd *exec.Cmd) (*end, error) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	e := &end{done: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err != nil {
			return
		}
		e.err = cmd.Wait()
		close(e.done)
	}()
	return e, <-started
}

// StartDaemon starts cmd such that it dies with this process. stop sends it a
// signal and returns how it ended.
func StartDaemon(cmd *exec.Cmd) (stop func(os.Signal) error, err error) {
	ended, err := start(cmd)
	if err != nil {
		return nil, err
	}
	return func(signal os.Signal) error {
		if err := cmd.Process.Signal(signal); err != nil {
			return err
		}
		<-ended.done
		return ended.err
	}, nil
}

// startTimeout is what nobody would wait for.
const startTimeout = time.Minute

// Log returns what the server has printed.
func (s *Server) Log() string { return s.log.text() }

// Stop ends the server before its test does.
func (s *Server) Stop(t *testing.T) {
	t.Helper()
	if err := s.stop(); err != nil {
		t.Errorf("easel serve ended with %v", err)
	}
}

// DockerUser and DockerPassword are what docker login takes for the access key.
func (s *Server) DockerUser() string { return Region + "@" + s.AccessKey }

// DockerPassword is the access key signed with its secret.
func (s *Server) DockerPassword() string {
	mac := hmac.New(sha256.New, []byte(s.SecretKey))
	mac.Write([]byte(s.AccessKey))
	return hex.EncodeToString(mac.Sum(nil))
}

// Easel runs a client command against the server and returns its output and
// exit code.
func (s *Server) Easel(t *testing.T, args ...string) (out string, code int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), Program(t), args...)
	cmd.Env = append(plainEnv(),
		"EASEL_SERVER="+s.URL,
		"EASEL_ACCESS_KEY="+s.AccessKey,
		"EASEL_SECRET_KEY="+s.SecretKey,
		"EASEL_PROJECT_ID="+s.Project)
	if s.CA != "" {
		cmd.Env = append(cmd.Env, "SSL_CERT_FILE="+s.CA)
	}
	b, err := cmd.CombinedOutput()
	if err != nil && cmd.ProcessState == nil {
		t.Fatalf("easel %s: %v", strings.Join(args, " "), err)
	}
	return string(b), cmd.ProcessState.ExitCode()
}

// Check fails the test unless `easel check --rehash` finds storage and
// catalogue in agreement.
func (s *Server) Check(t *testing.T) {
	t.Helper()
	if out, code := s.Easel(t, "check", "--rehash"); code != 0 {
		t.Errorf("easel check --rehash: exit code %d\n%s", code, out)
	}
}

// Stored returns the bytes of all files in the blob directory: what du
// --apparent-size would count.
func (s *Server) Stored(t *testing.T) int64 {
	t.Helper()
	var sum int64
	err := filepath.WalkDir(filepath.Join(s.DataDir, "blobs"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		sum += info.Size()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return sum
}

// plainEnv is the environment without what would configure easel.
func plainEnv() []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "EASEL_") {
			env = append(env, v)
		}
	}
	return env
}

// random returns 2n random hex digits.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
