package powerloss

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestFirstStart loses power while an empty directory becomes that of a server,
// at one moment after another: the next start makes do with what is left.
func TestFirstStart(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	p := mounted(t, newDisk())
	begin := time.Now()
	serveReady(t, p)
	whole := time.Since(begin)
	const moments = 6
	for n := range moments {
		p := mounted(t, newDisk())
		cmd, _ := serve(t, p)
		time.Sleep(whole * time.Duration(n+1) / moments)
		kill(cmd)
		if err := p.lose(); err != nil {
			t.Fatal(err)
		}
		serveReady(t, p)
		if err := p.lose(); err != nil { // what it said that it has must stay
			t.Fatal(err)
		}
		serveReady(t, p)
	}
}

// serveReady starts easel on the disk and kills it when it is ready.
func serveReady(t *testing.T, p *power) {
	t.Helper()
	cmd, log := serve(t, p)
	lines := bufio.NewScanner(log)
	ready := false
	var said bytes.Buffer
	for !ready && lines.Scan() {
		ready = strings.HasPrefix(lines.Text(), "listening on ")
		fmt.Fprintln(&said, lines.Text())
	}
	kill(cmd)
	if !ready {
		t.Fatalf("easel does not start after %d losses of power:\n%s", p.losses, said.Bytes())
	}
}

// serve starts easel on the disk; log is what it says.
func serve(t *testing.T, p *power) (cmd *exec.Cmd, log *os.File) {
	t.Helper()
	log, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { log.Close() })
	defer w.Close()
	cmd = exec.CommandContext(t.Context(), easel, "serve", "--listen", "127.0.0.1:0", "--data-dir", p.dir)
	cmd.Env = append(os.Environ(), "EASEL_ADMIN_PASSWORD=only-for-this-test", "EASEL_ADMIN_ACCESS_KEY=ONLYFORTHISTEST00000",
		"EASEL_ADMIN_SECRET_KEY=only-for-this-test-only-for-this-test")
	cmd.Stdout, cmd.Stderr = w, w
	if err := start(cmd); err != nil {
		t.Fatal(err)
	}
	return cmd, log
}

// kill ends the server with SIGKILL; only then is nothing of the disk open.
func kill(cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGKILL) // an error says that it has ended
	_ = cmd.Wait()
}
