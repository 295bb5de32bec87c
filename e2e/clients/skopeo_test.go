package clients

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"easel/e2e/server"
)

func TestSkopeo(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	s := start(t)
	authFile := filepath.Join(t.TempDir(), "auth.json")
	skopeo := program{server.Package(t, "skopeo", "skopeo"), []string{"REGISTRY_AUTH_FILE=" + authFile}}
	skopeo.runWith(t, s.DockerPassword(), "login", "--tls-verify=false", "--username", s.DockerUser(), "--password-stdin", s.Host)

	img := newImage(t, 3)
	remote := "docker://" + s.Host + "/" + org + "/lab:1"
	skopeo.run(t, "--insecure-policy", "copy", "--dest-tls-verify=false", "oci:"+writeLayout(t, img), remote)
	if got := skopeo.run(t, "inspect", "--tls-verify=false", "--format={{.Digest}}", remote); got != digestOf(t, img) {
		t.Errorf("skopeo inspect: digest %s, want %s", got, digestOf(t, img))
	}
	back := t.TempDir()
	skopeo.run(t, "--insecure-policy", "copy", "--src-tls-verify=false", remote, "dir:"+back)
	wantFiles(t, back, img)
	deleteForced(t, s, "lab:1")

	skopeo.run(t, "--insecure-policy", "copy", "--dest-tls-verify=false", "oci:"+writeLayout(t, newImage(t, 1)), remote)
	skopeo.run(t, "delete", "--tls-verify=false", remote)
	wantStored(t, s, 0, "after skopeo delete")
	s.Check(t)
}

// wantFiles compares a directory that skopeo wrote with the image: the
// manifest, and config and layers in files named by their digests.
func wantFiles(t *testing.T, dir string, img v1.Image) {
	t.Helper()
	want, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("manifest (-pushed +pulled):\n%s", diff)
	}
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range append(m.Layers, m.Config) {
		content, err := os.ReadFile(filepath.Join(dir, d.Digest.Hex))
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(content); hex.EncodeToString(sum[:]) != d.Digest.Hex {
			t.Errorf("%s: %d bytes that are not what was pushed", d.Digest, len(content))
		}
	}
}
