package pgtest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// cluster is a running PostgreSQL server.
type cluster struct {
	dir string // holds the data and the socket

	// leash is a pipe that nobody writes to. The watchdog reads it: it ends
	// when this process does, and so does the server.
	leash *os.File
}

// watchdog starts the server ($1 directory, $2 program) and ends it when its
// standard input ends. SIGQUIT is the immediate shutdown: nothing is kept.
const watchdog = `
"$2" -D "$1/data" -k "$1" -c listen_addresses= -c max_connections=200 \
	-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_wal_size=256MB \
	>"$1/log" 2>&1 </dev/null &
server=$!
cat >/dev/null
kill -QUIT $server
wait $server
rm -rf "$1"
`

// startTimeout is generous: a busy machine needs a tenth of it.
const startTimeout = 2 * time.Minute

func startCluster() (*cluster, error) {
	bin, err := programs()
	if err != nil {
		return nil, err
	}
	as, err := account()
	if err != nil {
		return nil, err
	}
	// Not os.TempDir: the path of a socket has at most 107 bytes, and the
	// account must be able to walk there.
	dir, err := os.MkdirTemp("/tmp", "easel-pg-")
	if err != nil {
		return nil, err
	}
	if as != nil {
		if err := os.Chown(dir, int(as.Uid), int(as.Gid)); err != nil {
			return nil, errors.Join(err, os.RemoveAll(dir))
		}
	}
	c := &cluster{dir: dir}
	if err := c.start(bin, as); err != nil {
		return nil, errors.Join(err, c.end())
	}
	return c, nil
}

func (c *cluster) start(bin string, as *syscall.Credential) error {
	initdb := exec.Command(filepath.Join(bin, "initdb"), "-D", filepath.Join(c.dir, "data"),
		"--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
	initdb.Dir = c.dir
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: as}
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	leashed, leash, err := os.Pipe()
	if err != nil {
		return err
	}
	defer leashed.Close()
	c.leash = leash
	dog := exec.Command("sh", "-c", watchdog, "watchdog", c.dir, filepath.Join(bin, "postgres"))
	dog.Dir = c.dir
	dog.Stdin = leashed
	// A session of its own: an interrupt at the terminal must not reach it.
	dog.SysProcAttr = &syscall.SysProcAttr{Credential: as, Setsid: true}
	if err := dog.Start(); err != nil {
		return err
	}
	return c.await()
}

// await returns when the server answers.
func (c *cluster) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	for {
		err := c.exec(ctx, "SELECT 1")
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
			return fmt.Errorf("server does not answer: %w\n%s", err, log)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// end lets the watchdog end the server; without one it removes the directory.
func (c *cluster) end() error {
	if c.leash != nil {
		return c.leash.Close()
	}
	return os.RemoveAll(c.dir)
}

// account returns whom to run the server as: nil is whoever runs the test.
func account() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root: %w", err)
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
