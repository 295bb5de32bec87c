package ociapi

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"easel/internal/pgtest"
)

// TestPushPull pushes an image and an index with a client that many tools are
// built on, pulls them again and deletes them.
func TestPushPull(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	host := strings.TrimPrefix(w.server().URL, "http://")
	auth := remote.WithAuth(&authn.Basic{Username: "admin", Password: "admin"})
	ref, err := name.ParseReference(host+"/team/nested/image:v1", name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(100_000, 5)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image, auth); err != nil {
		t.Fatalf("push: %v", err)
	}
	pulled, err := remote.Image(ref, auth)
	if err != nil {
		t.Fatalf("pull: %v", err)
	}
	if err := validate.Image(pulled); err != nil {
		t.Errorf("what was pulled is not what was pushed: %v", err)
	}
	index, err := random.Index(10_000, 2, 3)
	if err != nil {
		t.Fatal(err)
	}
	multi := ref.Context().Tag("multi")
	if err := remote.WriteIndex(multi, index, auth); err != nil {
		t.Fatalf("push index: %v", err)
	}
	if pulled, err := remote.Index(multi, auth); err != nil {
		t.Errorf("pull index: %v", err)
	} else if err := validate.Index(pulled); err != nil {
		t.Errorf("the index pulled is not the one pushed: %v", err)
	}
	tags, err := remote.List(ref.Context(), auth)
	if got := strings.Join(tags, " "); err != nil || got != "multi v1" {
		t.Errorf("tags = %q, %v", got, err)
	}
	for _, r := range []name.Reference{ref, multi} {
		if err := remote.Delete(r, auth); err != nil {
			t.Errorf("delete %s: %v", r, err)
		}
		if _, err := remote.Head(r, auth); err == nil {
			t.Errorf("%s is still there", r)
		}
	}
}

// TestConformance runs the official suite of the distribution specification:
// the release and what the next one adds. Nothing may fail and nothing may be
// skipped.
func TestConformance(t *testing.T) {
	if testing.Short() {
		t.Skip("the suite is built and run as a process of its own")
	}
	t.Parallel()
	modfile, err := filepath.Abs("../../../tools/go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, version := range []string{"1.1", "dev"} {
		t.Run(version+" on SQLite", func(t *testing.T) {
			t.Parallel()
			conformance(t, newWorld(t), modfile, version)
		})
		t.Run(version+" on PostgreSQL", func(t *testing.T) {
			t.Parallel()
			conformance(t, newWorldOn(t, pgtest.Start(t)), modfile, version)
		})
	}
}

func conformance(t *testing.T, w *world, modfile, version string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "tool", "-modfile="+modfile, "conformance")
	cmd.Env = append(os.Environ(),
		"OCI_REGISTRY="+strings.TrimPrefix(w.server().URL, "http://"), "OCI_TLS=disabled", "OCI_VERSION="+version,
		"OCI_REPO1=team/repo1", "OCI_REPO2=team/repo2", "OCI_USERNAME=admin", "OCI_PASSWORD=admin", "OCI_RESULTS_DIR="+t.TempDir())
	out, err := cmd.CombinedOutput()
	for _, status := range []string{"Skip", "FAIL", "Error"} {
		line := regexp.MustCompile(`(?m)^ *` + status + `\.*: +(\d+)$`).FindSubmatch(out)
		if line == nil || !bytes.Equal(line[1], []byte("0")) {
			t.Errorf("%s: %q, want 0", status, line)
		}
	}
	if err != nil || t.Failed() {
		t.Errorf("conformance %s: %v\n%s", version, err, out)
	}
}
