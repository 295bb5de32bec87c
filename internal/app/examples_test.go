package app

import (
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

// TestExamplesParse parses every example that --help shows, up to the first
// thing that is the shell's.
func TestExamplesParse(t *testing.T) {
	t.Parallel()
	var examples int
	var visit func(*kong.Node)
	visit = func(n *kong.Node) {
		for _, line := range strings.Split(n.Detail, "\n") {
			if strings.HasPrefix(line, "  ") {
				examples += parseCalls(t, "easel "+n.Path()+" --help", line)
			}
		}
		for _, child := range n.Children {
			visit(child)
		}
	}
	visit(newParser(t).Model.Node)
	if examples < 60 {
		t.Errorf("%d examples were found", examples)
	}
}

// TestExamplesOfPagesParse parses every command in the examples of README and docs.
func TestExamplesOfPagesParse(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(moduleRoot, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	var examples int
	for _, page := range append(pages, filepath.Join(moduleRoot, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for i, block := range strings.Split(string(text), "```") {
			if i%2 == 0 {
				continue
			}
			for _, line := range strings.Split(strings.ReplaceAll(block, "\\\n", ""), "\n") {
				if command := strings.TrimPrefix(line, "$ "); strings.HasPrefix(command, "easel ") {
					examples += parseCalls(t, filepath.Base(page), command)
				}
			}
		}
	}
	if examples < 60 {
		t.Errorf("%d examples were found", examples)
	}
}

// newParser returns a parser for one command line: flags that exclude each other
// are remembered in it.
func newParser(t *testing.T) *kong.Kong {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("easel"), kong.ExplicitGroups(groups), kong.Writers(io.Discard, io.Discard), kong.Exit(func(int) {}))
	if err != nil {
		t.Fatal(err)
	}
	return parser
}

// parseCalls parses each call of easel in a line that where shows, and returns
// how many there are.
func parseCalls(t *testing.T, where, line string) int {
	t.Helper()
	calls := easelCalls(line)
	for _, words := range calls {
		if _, err := newParser(t).Parse(words); err != nil {
			t.Errorf("%s shows %q: %v", where, strings.TrimSpace(line), err)
		}
	}
	return len(calls)
}

var (
	xargs     = regexp.MustCompile(`xargs easel (.*)`)
	shellWord = regexp.MustCompile(`'[^']*'|"[^"]*"|\S+`)
	shellCode = regexp.MustCompile(`^([|><#)&;]|<\()`)
)

// easelCalls returns the words behind each "easel" in a line of an example.
func easelCalls(line string) [][]string {
	line = xargs.ReplaceAllString(line, "easel $1 WHAT-IT-READ")
	var calls [][]string
	in := false
	for _, word := range shellWord.FindAllString(line, -1) {
		switch {
		case word == "easel":
			in, calls = true, append(calls, nil)
		case shellCode.MatchString(word):
			in = false
		case in:
			calls[len(calls)-1] = append(calls[len(calls)-1], strings.Trim(word, `'"`))
		}
	}
	return calls
}
