package app

import (
	"bytes"
	"strings"
	"testing"

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
	for _, command := range []string{
		"", "serve", "login", "logout", "docker-login", "image", "image ls", "image show", "image register", "image rm", "image plan",
		"image groups", "image sync", "org", "org ls", "org create", "org show", "org rm", "repo", "repo ls", "repo rm", "job", "job ls", "job show", "job pause", "job resume", "job cancel",
		"check", "reclaim", "audit", "config", "admin", "admin reset-password", "version",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			code, out, _ := run(t, append(strings.Fields(command), "--help")...)
			if code != exitOK || !strings.HasPrefix(out, strings.TrimSpace("Usage: easel "+command)) {
				t.Errorf("easel %s --help = %d\n%s", command, code, out)
			}
		})
	}
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
