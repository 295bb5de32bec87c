package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// server is an easel server that dies and comes back on the same data.
type server struct {
	binary  string
	dir     string // of the data
	flags   []string
	secrets credentials

	base atomic.Pointer[string] // http://HOST:PORT of the process that runs now, or ran last

	proc *os.Process
	dead chan struct{} // closed when the process has ended
	log  *os.File
}

// credentials are fixed by the test, so that every start knows them.
type credentials struct{ project, password, accessKey, secretKey string }

// host is what the images are called after: the port changes with each start.
const host = "soak.test"

func newServer(dir, binary string, flags []string) *server {
	return &server{
		binary: binary, dir: filepath.Join(dir, "data"),
		flags:   append([]string{"serve", "--listen", "127.0.0.1:0", "--host-alias", host, "--log-level", "warn", "--unlink-wait", "10s", "--rate-limit", "0", "--anonymous-rate-limit", "0"}, flags...),
		secrets: credentials{project: random(16), password: random(16), accessKey: strings.ToUpper(random(10)), secretKey: random(20)},
	}
}

func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}

func (s *server) env(more ...string) []string {
	var env []string
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "EASEL_") {
			env = append(env, v)
		}
	}
	return append(env, more...)
}

// startTimeout is what nobody would wait for.
const startTimeout = time.Minute

// errDied says that the server ended before it was ready, as failpoints make it.
var errDied = fmt.Errorf("the server died while it started")

// start runs the server, armed with failpoints, until it is ready. It dies
// with this process: the kernel ties that to the thread that started it, which
// therefore waits until it ends.
func (s *server) start(failpoints string) error {
	cmd := exec.Command(s.binary, append(s.flags, "--data-dir", s.dir)...)
	cmd.Env = s.env("EASEL_ADMIN_PASSWORD="+s.secrets.password, "EASEL_ADMIN_ACCESS_KEY="+s.secrets.accessKey,
		"EASEL_ADMIN_SECRET_KEY="+s.secrets.secretKey, "EASEL_PROJECT_ID="+s.secrets.project, "EASEL_FAILPOINT="+failpoints)
	log, err := os.OpenFile(s.dir+".log", os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	ready := &readiness{found: make(chan string, 1)}
	cmd.Stdout, cmd.Stderr = ready, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	started, dead := make(chan error), make(chan struct{})
	go func() {
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			_ = cmd.Wait() // it is killed on purpose: how it ended says nothing
			log.Close()
			close(dead)
		}
	}()
	if err := <-started; err != nil {
		log.Close()
		return err
	}
	s.proc, s.dead, s.log = cmd.Process, dead, log
	select {
	case base := <-ready.found:
		s.base.Store(&base)
		return nil
	case <-dead:
		return errDied
	case <-time.After(startTimeout):
		return fmt.Errorf("the server is not ready after %v; its log is %s", startTimeout, s.dir+".log")
	}
}

// kill ends the server as a power cut of the process would.
func (s *server) kill() {
	if s.proc == nil {
		return
	}
	_ = s.proc.Kill() // an error says that it has ended
	<-s.dead
}

// dump ends the server with the stacks of its goroutines in its log.
func (s *server) dump() {
	_ = s.proc.Signal(syscall.SIGQUIT) // an error says that it has ended
	select {
	case <-s.dead:
	case <-time.After(10 * time.Second):
	}
}

// stop ends the server as an operator does.
func (s *server) stop() error {
	if err := s.proc.Signal(syscall.SIGTERM); err != nil {
		return err
	}
	select {
	case <-s.dead:
		return nil
	case <-time.After(startTimeout):
		return broken("the server does not stop within %v of SIGTERM", startTimeout)
	}
}

// endsNow reports whether the process has ended; a connection breaks a moment
// before its process is gone.
func (s *server) endsNow() bool {
	select {
	case <-s.dead:
		return true
	case <-time.After(time.Second):
		return false
	}
}

// easel runs a command of the client against the server.
func (s *server) easel(ctx context.Context, args ...string) (out string, code int, err error) {
	cmd := exec.CommandContext(ctx, s.binary, args...)
	cmd.Env = s.env("EASEL_SERVER="+*s.base.Load(), "EASEL_ACCESS_KEY="+s.secrets.accessKey,
		"EASEL_SECRET_KEY="+s.secrets.secretKey, "EASEL_PROJECT_ID="+s.secrets.project)
	b, err := cmd.CombinedOutput()
	if cmd.ProcessState == nil {
		return "", 0, err
	}
	return string(b), cmd.ProcessState.ExitCode(), nil
}

// printLog prints the end of the server's log: the directory that has it may be
// gone before anybody can look.
func (s *server) printLog() {
	const most = 64 << 10
	b, err := os.ReadFile(s.dir + ".log")
	if err != nil {
		return // it never ran
	}
	fmt.Printf("the end of the server's log:\n%s\n", b[max(0, len(b)-most):])
}

// stored returns the bytes of all files in the blob directory: what du
// --apparent-size would count.
func (s *server) stored() (sum int64, err error) {
	err = filepath.WalkDir(filepath.Join(s.dir, "blobs"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		info, err := e.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	return sum, err
}

// readiness finds in the output of a server where it listens.
type readiness struct {
	found chan string

	mu  sync.Mutex // guards what follows
	buf []byte
	hit bool
}

// Write implements io.Writer.
func (r *readiness) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.hit {
		return len(p), nil
	}
	r.buf = append(r.buf, p...)
	for line := range bytes.Lines(r.buf) {
		base, found := bytes.CutPrefix(line, []byte("listening on "))
		if found && bytes.HasSuffix(base, []byte("\n")) {
			r.hit = true
			r.found <- string(bytes.TrimSpace(base))
			break
		}
	}
	return len(p), nil
}
