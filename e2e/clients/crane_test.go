package clients

import (
	"path/filepath"
	"strings"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"

	"easel/e2e/server"
)

// program is a client on the command line, with a home of its own.
type program struct {
	path string
	env  []string
}

// run runs the program and returns its output. A failure ends the test.
func (p program) run(t *testing.T, args ...string) string {
	t.Helper()
	return p.runWith(t, "", args...)
}

func (p program) runWith(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, err := server.Run(t.Context(), p.env, stdin, p.path, args...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// writeLayout writes images as an OCI layout and returns its directory.
func writeLayout(t *testing.T, images ...v1.Image) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "layout")
	l, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	for _, img := range images {
		if err := l.AppendImage(img); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func digestOf(t *testing.T, img v1.Image) string {
	t.Helper()
	d, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	return d.String()
}

func TestCrane(t *testing.T) {
	t.Parallel()
	s := start(t)
	crane := program{server.Tool(t, "crane"), []string{"DOCKER_CONFIG=" + t.TempDir()}}
	repo := s.Host + "/" + org + "/lab"
	crane.runWith(t, s.DockerPassword(), "auth", "login", s.Host, "--insecure", "--username", s.DockerUser(), "--password-stdin")

	img := newImage(t, 2)
	crane.run(t, "push", writeLayout(t, img), repo+":1")
	if got := crane.run(t, "digest", repo+":1"); got != digestOf(t, img) {
		t.Errorf("crane digest: %s, want %s", got, digestOf(t, img))
	}
	wantSame(t, s, reference(t, s, "lab:1"), img)
	crane.run(t, "validate", "--remote", repo+":1")
	crane.run(t, "tag", repo+":1", "2")
	if got := crane.run(t, "ls", repo); got != "1\n2" {
		t.Errorf("crane ls: %q, want 1 and 2", got)
	}
	if got := crane.run(t, "catalog", s.Host); got != org+"/lab" {
		t.Errorf("crane catalog: %q", got)
	}
	crane.run(t, "copy", repo+":1", s.Host+"/"+org+"/copy:1")
	wantStored(t, s, contentSize(t, img), "after a copy within the registry")

	crane.run(t, "delete", repo+"@"+digestOf(t, img))
	wantStored(t, s, contentSize(t, img), "while the copy is there")
	deleteForced(t, s, "copy:1")
}
