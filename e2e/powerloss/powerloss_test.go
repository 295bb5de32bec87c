package powerloss

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// top is the directory of the project.
const top = "../.."

// easel-soak runs this program in the place of easel, with these variables:
// before a server begins, power is lost.
const (
	socketEnv  = "POWERLOSS_SOCKET"  // that the test listens at
	programEnv = "POWERLOSS_PROGRAM" // easel
	mountEnv   = "POWERLOSS_MOUNT"   // the data directory
)

var least = flag.Int("losses", 12, "how often the clients lose power")

// The programs under test: easel has its failpoints.
var easel, soak string

func TestMain(m *testing.M) {
	if os.Getenv(socketEnv) != "" {
		fmt.Fprintln(os.Stderr, outage(os.Args[1:]))
		os.Exit(3)
	}
	flag.Parse()
	if testing.Short() {
		os.Exit(m.Run()) // no test needs a program
	}
	os.Exit(run(m))
}

// run builds easel and easel-soak. EASEL_TEST_PROGRAM is not for this test: the
// program that is shipped has no failpoints.
func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "easel-powerloss-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	easel, soak = filepath.Join(dir, "easel"), filepath.Join(dir, "easel-soak")
	for _, args := range [][]string{{"-o", soak, "./cmd/easel-soak"}, {"-o", easel, "-tags", "failpoint", "./cmd/easel"}} {
		args = append([]string{"-C", top, "build", "-buildvcs=false"}, args...)
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %s: %v\n%s", strings.Join(args, " "), err, out)
			return 1
		}
	}
	return m.Run()
}

// outage asks for a loss of power if args start a server, and becomes easel,
// with the disk as its data directory. It returns only with an error.
func outage(args []string) error {
	if len(args) > 0 && args[0] == "serve" {
		if err := askForLoss(); err != nil {
			return err
		}
		dir := &args[slices.Index(args, "--data-dir")+1]
		if err := os.Symlink(os.Getenv(mountEnv), *dir); err != nil && !errors.Is(err, fs.ErrExist) {
			return err // easel-soak counts bytes there
		}
		*dir = os.Getenv(mountEnv)
	}
	program := os.Getenv(programEnv)
	return syscall.Exec(program, append([]string{program}, args...), os.Environ())
}

func askForLoss() error {
	conn, err := net.Dial("unix", os.Getenv(socketEnv))
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := io.ReadAll(conn)
	if err == nil && string(answer) != "lost" {
		err = fmt.Errorf("no loss of power: %s", answer)
	}
	return err
}

// answer loses power for each connection, until the listener is closed.
func (p *power) answer(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		answer := "lost"
		if err := p.lose(); err != nil {
			answer = err.Error()
		}
		_, _ = io.WriteString(conn, answer) // who hears nothing does not go on
		conn.Close()
	}
}

// work runs a mode of easel-soak with its server on the disk. It returns what
// was printed and how often power was lost.
func work(t *testing.T, d *disk, args ...string) (out string, losses int, err error) {
	t.Helper()
	p := mounted(t, d)
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	l, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go p.answer(l)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), soak, append(args, "--binary", self)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, socketEnv+"="+socket, programEnv+"="+easel, mountEnv+"="+p.dir)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	if err = start(cmd); err == nil {
		err = cmd.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return b.String(), p.losses - 1, err // the first start finds nothing to lose
}

// TestPowerLoss: clients push, tag, register, resume, cancel and delete while
// power is lost at random moments and at failpoints. Everything that was
// acknowledged is there afterwards, what was deleted is not, and the bytes on
// disk are those of the catalogue.
func TestPowerLoss(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	out, losses, err := work(t, newDisk(), "crash", "--kills", fmt.Sprint(*least), "--duration", (time.Duration(*least) * 10 * time.Second).String())
	t.Logf("power was lost %d times\n%s", losses, out)
	if err != nil {
		t.Error(err)
	}
	if losses < *least {
		t.Errorf("power was lost %d times, want at least %d", losses, *least)
	}
}

// TestPoints does the same once at each failpoint.
func TestPoints(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	out, losses, err := work(t, newDisk(), "points")
	t.Logf("power was lost %d times\n%s", losses, out)
	if err != nil {
		t.Error(err)
	}
}

// TestLossIsSeen: a disk that confirms syncs of the blobs and makes none loses
// what was acknowledged, and that is found.
func TestLossIsSeen(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	d := newDisk()
	d.deaf = "/blobs"
	out, losses, err := work(t, d, "crash", "--kills", "12", "--duration", "20s")
	t.Logf("power was lost %d times\n%s", losses, out)
	if err == nil || !strings.Contains(out, "FAILED:") {
		t.Errorf("nothing was lost on a disk that makes no sync: %v", err)
	}
}
