// Package proof runs short forms of easel-soak: a server that is killed at
// random moments and at failpoints, pushes that reuse the layers of images
// being deleted, and mixed load. The long forms are the program itself:
// docs/reliability.md says how to run them.
package proof

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"easel/internal/pgtest"
)

// top is the directory of the project.
const top = "../.."

// The programs under test: easel has its failpoints.
var easel, soak string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "easel-proof-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	easel, soak = filepath.Join(dir, "easel"), filepath.Join(dir, "easel-soak")
	for program, args := range map[string][]string{easel: {"-tags", "failpoint", "./cmd/easel"}, soak: {"./cmd/easel-soak"}} {
		args = append([]string{"-C", top, "build", "-buildvcs=false", "-o", program}, args...)
		if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "go %s: %v\n%s", strings.Join(args, " "), err, out)
			return 1
		}
	}
	return m.Run()
}

// prove runs a mode of easel-soak; it fails when a promise was broken.
func prove(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), soak, append(args, "--binary", easel)...)
	cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	t.Logf("easel-soak %s\n%s", strings.Join(args, " "), out)
	if err != nil {
		t.Error(err)
	}
}

func TestCrash(t *testing.T) { prove(t, "crash", "--duration", "30s") }

func TestPoints(t *testing.T) { prove(t, "points") }

func TestBulk(t *testing.T) { prove(t, "bulk") }

func TestBulkPostgres(t *testing.T) { prove(t, "bulk", "--database", pgtest.Start(t)) }

func TestCrashPostgres(t *testing.T) {
	prove(t, "crash", "--duration", "20s", "--database", pgtest.Start(t))
}

func TestChurn(t *testing.T) { prove(t, "churn", "--duration", "15s") }

func TestChurnPostgres(t *testing.T) {
	prove(t, "churn", "--duration", "10s", "--database", pgtest.Start(t))
}

func TestSoak(t *testing.T) { prove(t, "soak", "--duration", "20s") }
