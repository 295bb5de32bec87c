// Command tally runs go test, prints what failed and counts the tests.
//
// Usage: tally [-C DIR] [-counts FILE] -- ARGUMENTS OF go test
//
// A test that passes is silent. A skipped test counts as failed, because what is
// not tested is not known to work; with -short it does not count. With -counts the numbers are added as a line
// "PASSED FAILED" to FILE. The exit code is that of go test, or 1 after a skip.
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

func main() {
	counts := flag.String("counts", "", "add the numbers of passed and failed tests to `FILE`")
	dir := flag.String("C", "", "run go test in `DIR`")
	flag.Parse()
	t := newTally(os.Stdout)
	t.short = slices.Contains(flag.Args(), "-short")
	err := t.run(*dir, flag.Args())
	if err == nil {
		err = t.save(*counts)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "tally:", err)
		os.Exit(1)
	}
}

// event is a line of go test -json.
type event struct {
	Action     string
	Package    string
	ImportPath string // of build output
	Test       string
	Elapsed    float64 // seconds
	Output     string
}

// unit is a test, or with Test "" a package.
type unit struct{ Package, Test string }

type tally struct {
	out            io.Writer
	short          bool // skipping is what was asked for
	passed, failed int
	log            map[unit][]string
	tests, broken  map[string]int // that ended, and that failed, by package
	build          map[string][]string
}

func newTally(out io.Writer) *tally {
	return &tally{
		out: out, log: make(map[unit][]string), build: make(map[string][]string),
		tests: make(map[string]int), broken: make(map[string]int),
	}
}

// run runs go test in dir and reads what it reports.
func (t *tally) run(dir string, args []string) error {
	test := exec.Command("go", append([]string{"test", "-json"}, args...)...)
	test.Dir, test.Stderr = dir, os.Stderr
	report, err := test.StdoutPipe()
	if err != nil {
		return err
	}
	if err := test.Start(); err != nil {
		return err
	}
	readErr := t.read(report)
	err = test.Wait()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && t.failed == 0 {
		t.failed++ // go test itself failed
	} else if err != nil && t.failed == 0 {
		return err
	}
	return readErr
}

func (t *tally) read(report io.Reader) error {
	lines := bufio.NewReader(report)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) == nil {
				t.add(e)
			} else {
				t.out.Write(line) // the go command's own words
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("read the report of go test: %w", err)
		}
	}
}

func (t *tally) add(e event) {
	u := unit{e.Package, e.Test}
	switch e.Action {
	case "output":
		t.log[u] = append(t.log[u], e.Output)
	case "build-output":
		t.build[e.ImportPath] = append(t.build[e.ImportPath], e.Output)
	case "build-fail":
		t.print(t.build[e.ImportPath])
	case "pass", "fail", "skip":
		if e.Test == "" {
			t.endPackage(u, e)
		} else {
			t.endTest(u, e)
		}
	}
}

func (t *tally) endTest(u unit, e event) {
	log := t.log[u]
	delete(t.log, u)
	if e.Action == "skip" && t.short {
		return
	}
	t.tests[u.Package]++
	if e.Action == "pass" {
		t.passed++
		return
	}
	t.failed++
	t.broken[u.Package]++
	fmt.Fprintf(t.out, "\n%s %s %s\n", e.Action, u.Package, u.Test)
	t.print(log)
}

// endPackage prints what the package said outside its tests when it failed:
// a panic, for example, ends no test.
func (t *tally) endPackage(u unit, e event) {
	switch {
	case e.Action == "fail":
		if t.broken[u.Package] == 0 {
			t.failed++
		}
		for left, log := range t.log {
			if left.Package == u.Package {
				t.print(log)
				delete(t.log, left)
			}
		}
		fmt.Fprintf(t.out, "FAIL  %s\n", u.Package)
	case t.tests[u.Package] > 0:
		fmt.Fprintf(t.out, "ok    %-40s %4d tests %7.1f s\n", u.Package, t.tests[u.Package], e.Elapsed)
	}
	delete(t.log, u)
}

func (t *tally) print(lines []string) {
	for _, l := range lines {
		io.WriteString(t.out, l)
	}
}

// save adds the numbers to the file and reports a failure.
func (t *tally) save(path string) error {
	if path != "" {
		f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return err
		}
		fmt.Fprintln(f, t.passed, t.failed)
		if err := f.Close(); err != nil {
			return err
		}
	}
	if t.failed > 0 {
		return fmt.Errorf("%d passed, %d failed", t.passed, t.failed)
	}
	return nil
}
