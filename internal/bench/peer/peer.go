// Package peer starts the registries that are compared, each on fresh storage
// and a free port of the loopback interface, and ends them.
package peer

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"easel/internal/bench/load"
	"easel/internal/client"
)

// Server is a registry that runs, or the yardstick.
type Server struct {
	Target load.Target
	proc   *exec.Cmd
	ended  chan struct{}
	dir    string
	log    *os.File
}

// Kind is something that can be started: New fills in how to reach it.
type Kind struct {
	Label   string
	Version string
	// Start starts it with its storage in dir, which is empty.
	Start func(ctx context.Context, dir string) (*Server, error)
}

// Remove ends the server and removes its storage.
func (s *Server) Remove() error {
	s.Stop()
	return os.RemoveAll(s.dir)
}

// Stop ends the server and keeps its storage.
func (s *Server) Stop() {
	s.proc.Process.Signal(syscall.SIGTERM) // an error says that it has ended
	select {
	case <-s.ended:
	case <-time.After(30 * time.Second):
		s.proc.Process.Kill()
		<-s.ended
	}
	s.log.Close()
}

// launch runs a program whose output goes to dir/log and, line by line, to
// lines.
func launch(dir string, env []string, lines func(string), name string, args ...string) (*Server, error) {
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		return nil, err
	}
	s := &Server{proc: exec.Command(name, args...), ended: make(chan struct{}), dir: dir, log: log}
	s.proc.Env = append(environ(), env...)
	s.proc.Stderr = log
	s.proc.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := s.proc.StdoutPipe()
	if err != nil {
		return nil, err
	}
	started := make(chan error)
	go func() {
		runtime.LockOSThread() // the kernel ties the child's life to the thread that made it
		err := s.proc.Start()
		started <- err
		if err != nil {
			return
		}
		for in := bufio.NewScanner(out); in.Scan(); {
			lines(in.Text())
		}
		io.Copy(io.Discard, out) // what the scanner would not take
		s.proc.Wait()            // it is ended by a signal: how says nothing
		close(s.ended)
	}()
	return s, <-started
}

// environ is the environment without settings of a server.
func environ() (env []string) {
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "EASEL_") && !strings.HasPrefix(v, "REGISTRY_") {
			env = append(env, v)
		}
	}
	return env
}

// startTimeout is what nobody would wait for.
const startTimeout = time.Minute

// Easel is a server with its defaults: authentication, audit, metrics and
// every sync are on. Only its limit of requests per user is off: here one user
// is the load.
func Easel(program, version string) Kind {
	return Kind{Label: "easel", Version: version, Start: func(ctx context.Context, dir string) (*Server, error) {
		return startEasel(ctx, program, dir)
	}}
}

func startEasel(ctx context.Context, program, dir string) (*Server, error) {
	const org = "bench"
	s, err := StartEasel(program, dir)
	if err != nil {
		return nil, err
	}
	make := exec.CommandContext(ctx, program, "org", "create", org)
	make.Env = append(environ(), append(easelSecrets, "EASEL_SERVER="+s.Target.URL)...)
	if out, err := make.CombinedOutput(); err != nil {
		s.Remove()
		return nil, fmt.Errorf("make the organisation: %w: %s", err, out)
	}
	s.Target.Prefix = org
	return s, nil
}

// Admin is who Easel's administrator is, and the only project.
var Admin = client.Credentials{AccessKey: "BENCHKEY", SecretKey: "benchmark-secret", ProjectID: "bench"}

var easelSecrets = []string{"EASEL_ADMIN_PASSWORD=benchmark-password", "EASEL_ADMIN_ACCESS_KEY=" + Admin.AccessKey,
	"EASEL_ADMIN_SECRET_KEY=" + Admin.SecretKey, "EASEL_PROJECT_ID=" + Admin.ProjectID}

// StartEasel starts what [Easel] says without an organisation. Its storage is
// DataDir(dir), which may be that of a server that was ended.
func StartEasel(program, dir string) (*Server, error) {
	listening := make(chan string, 1)
	data := DataDir(dir)
	s, err := launch(dir, easelSecrets, func(line string) {
		if base, ok := strings.CutPrefix(line, "listening on "); ok {
			listening <- base
		}
	}, program, "serve", "--listen", "127.0.0.1:0", "--data-dir", data, "--rate-limit", "0", "--anonymous-rate-limit", "0")
	if err != nil {
		return nil, err
	}
	select {
	case s.Target.URL = <-listening:
	case <-s.ended:
		return nil, fmt.Errorf("easel did not start: see %s", s.log.Name())
	case <-time.After(startTimeout):
		return nil, fmt.Errorf("easel is not ready after %v: see %s", startTimeout, s.log.Name())
	}
	s.Target = load.Target{Label: "easel", URL: s.Target.URL, User: "eu-de@" + Admin.AccessKey,
		Password: client.LoginKey(Admin.AccessKey, Admin.SecretKey), WatchDir: filepath.Join(data, "blobs"), PID: s.proc.Process.Pid}
	return s, nil
}

// DataDir is where an Easel in dir has its data.
func DataDir(dir string) string { return filepath.Join(dir, "data") }

// Distribution is CNCF's registry with storage in a directory, deletion
// allowed, no login, and its descriptor cache in memory, as its own example
// configuration has it. collect runs its collector during the deletion under
// push: without one it gives no space back.
func Distribution(program, version string, collect bool) Kind {
	label := "distribution"
	if collect {
		label = "distribution with collector"
	}
	return Kind{Label: label, Version: version, Start: func(ctx context.Context, dir string) (*Server, error) {
		return startDistribution(ctx, program, label, dir, collect)
	}}
}

const distributionConfig = `version: 0.1
log:
  level: info
storage:
  cache:
    blobdescriptor: inmemory
  filesystem:
    rootdirectory: %s
  delete:
    enabled: true
http:
  addr: %s
`

func startDistribution(ctx context.Context, program, label, dir string, collect bool) (*Server, error) {
	address, err := freeAddress(ctx)
	if err != nil {
		return nil, err
	}
	config, data := filepath.Join(dir, "config.yml"), filepath.Join(dir, "data")
	if err := os.WriteFile(config, fmt.Appendf(nil, distributionConfig, data, address), 0o600); err != nil {
		return nil, err
	}
	s, err := launch(dir, []string{"OTEL_TRACES_EXPORTER=none"}, func(string) {}, program, "serve", config)
	if err != nil {
		return nil, err
	}
	s.Target = load.Target{Label: label, URL: "http://" + address, Prefix: "bench", WatchDir: data, PID: s.proc.Process.Pid}
	if collect {
		s.Target.Collect = []string{program, "garbage-collect", "--delete-untagged", config}
	}
	if err := s.await(ctx); err != nil {
		s.Remove()
		return nil, err
	}
	return s, nil
}

// Yardstick is this program's own plain server: program is run as
// "program yardstick --listen ADDRESS --dir DIR".
func Yardstick(program string) Kind {
	return Kind{Label: "yardstick", Start: func(ctx context.Context, dir string) (*Server, error) {
		address, err := freeAddress(ctx)
		if err != nil {
			return nil, err
		}
		s, err := launch(dir, nil, func(string) {}, program, "yardstick", "--listen", address, "--dir", filepath.Join(dir, "data"))
		if err != nil {
			return nil, err
		}
		s.Target = load.Target{Label: "yardstick", URL: "http://" + address, Prefix: "bench", PID: s.proc.Process.Pid}
		return s, s.await(ctx)
	}}
}

// await waits until the server answers.
func (s *Server) await(ctx context.Context) error {
	ctx, stop := context.WithTimeout(ctx, startTimeout)
	defer stop()
	for {
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Target.URL+"/v2/", nil)
		if err != nil {
			return err
		}
		if answer, err := http.DefaultClient.Do(r); err == nil {
			answer.Body.Close()
			return nil
		}
		select {
		case <-s.ended:
			return fmt.Errorf("%s did not start: see %s", s.Target.Label, s.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("%s is not ready: see %s", s.Target.Label, s.log.Name())
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// freeAddress finds a port that was free a moment ago, for programs that
// cannot say which one they picked.
func freeAddress(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}
