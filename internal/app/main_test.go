package app

import (
	"bytes"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// run calls Main as a shell would.
func run(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = Main(t.Context(), args, strings.NewReader(""), &out, &err)
	return code, out.String(), err.String()
}

func TestEveryCommandHelps(t *testing.T) {
	t.Parallel()
	var visit func(*kong.Node)
	visit = func(n *kong.Node) {
		args := strings.Fields(n.Path())
		code, out, _ := run(t, append(args, "--help")...)
		if usage := strings.TrimSpace("Usage: easel " + strings.Join(args, " ")); code != exitOK || !strings.HasPrefix(out, usage) || n.Parent != nil && n.Help == "" {
			t.Errorf("easel %s --help = %d\n%s", args, code, out)
		}
		if top := n.Parent != nil && n.Parent.Parent == nil; top && (n.Group == nil || n.Group.Title == n.Group.Key) {
			t.Errorf("%s has no heading in easel --help", n.Name)
		}
		for _, child := range n.Children {
			if child.Type == kong.CommandNode {
				visit(child)
			}
		}
	}
	visit(newParser(t).Model.Node)
}

func TestExitCodes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args   string
		code   int
		stderr string
	}{
		{"version", exitOK, ""},
		{"frobnicate", exitUsage, `unexpected argument frobnicate`},
		{"image rm", exitUsage, "Try: easel image rm --help"},
		{"image ls -o xml", exitUsage, `--output must be one of "table","json","yaml"`},
		{"serve --tls-cert x", exitFailed, "belong together"},
		{"login ftp://nowhere --access-key AK", exitFailed, "Secret key: nothing was given"},
		{"check --data-dir /nowhere/at/all", exitNoCheck, "there is no data directory"},
	} {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			code, _, stderr := run(t, strings.Fields(tt.args)...)
			if code != tt.code || !strings.Contains(stderr, tt.stderr) {
				t.Errorf("easel %s = %d, %q; want %d, %q", tt.args, code, stderr, tt.code, tt.stderr)
			}
		})
	}
}
