package server

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// programEnv names the program to test.
const programEnv = "EASEL_TEST_PROGRAM"

// Main runs the tests of a package that starts servers: call it from TestMain.
// It builds the program first, unless EASEL_TEST_PROGRAM names one.
func Main(m *testing.M) (code int) {
	if os.Getenv(programEnv) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "easel-test-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "easel")
	build := exec.Command("go", "-C", top, "build", "-buildvcs=false", "-o", program, "./cmd/easel")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build easel: %v\n%s", err, out)
		return 1
	}
	os.Setenv(programEnv, program)
	return m.Run()
}

// top is the directory of the project: tests run in e2e/NAME.
const top = "../.."

// Program returns the path of the easel program.
func Program(t *testing.T) string {
	t.Helper()
	path := os.Getenv(programEnv)
	if path == "" {
		t.Fatalf("%s is not set: the package needs a TestMain that calls server.Main", programEnv)
	}
	return path
}

// Tool returns the path of a program that tools/go.mod pins; the first use
// builds it.
func Tool(t *testing.T, name string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "-C", filepath.Join(top, "tools"), "tool", "-n", name)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("build %s: %v\n%s", name, err, stderr.Bytes())
	}
	return strings.TrimSpace(string(out))
}

// Package returns the path of a program of the operating system.
func Package(t *testing.T, name, pkg string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%v: install it (Debian: apt-get install %s), or leave real clients out with -short", err, pkg)
	}
	return path
}

// Run runs a program of a client and returns what it printed; the error has
// what it complained.
func Run(ctx context.Context, env []string, stdin string, program string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), env...)
	cmd.Stdin = strings.NewReader(stdin)
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w\n%s%s", filepath.Base(program), strings.Join(args, " "), err, out.Bytes(), complaint.Bytes())
	}
	return out.String(), nil
}
