package clients

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"easel/e2e/server"
)

func TestDocker(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	docker := startDocker(t)
	s := start(t)
	docker.runWith(t, s.DockerPassword(), "login", "--username", s.DockerUser(), "--password-stdin", s.Host)

	img := newDockerImage(t, 3)
	ref := s.Host + "/" + org + "/lab:1"
	docker.run(t, "load", "--input", writeTarball(t, ref, img))
	pushed := docker.run(t, "push", ref)
	id := docker.run(t, "inspect", "--format={{.Id}}", ref)
	digest := docker.run(t, "inspect", "--format={{index .RepoDigests 0}}", ref)
	docker.run(t, "rmi", ref)

	docker.run(t, "pull", digest)
	if got := docker.run(t, "inspect", "--format={{.Id}}", digest); got != id {
		t.Errorf("pulled image %s, want %s, which was pushed\n%s", got, id, pushed)
	}
	container := docker.run(t, "create", digest)
	export := filepath.Join(t.TempDir(), "export.tar")
	docker.run(t, "export", "--output", export, container)
	wantSameFiles(t, img, export)
	docker.run(t, "rm", container)
	docker.run(t, "rmi", digest)

	deleteForced(t, s, "lab:1")
	if out, err := server.Run(t.Context(), docker.env, "", docker.path, "pull", ref); err == nil {
		t.Errorf("docker pull after the deletion succeeded:\n%s", out)
	}
	docker.run(t, "load", "--input", writeTarball(t, ref, img))
	docker.run(t, "push", ref)
	deleteForced(t, s, "lab:1")
}

// startDocker runs a docker daemon of the test's own, which leaves network and
// packet filter of the machine alone, and returns its client.
func startDocker(t *testing.T) program {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Fatal("a docker daemon must run as root: run the tests as root, or leave real clients out with -short")
	}
	daemon, client := server.Package(t, "dockerd", "docker.io"), server.Package(t, "docker", "docker.io")
	dir, err := os.MkdirTemp("", "easel-docker-") // t.TempDir is too long for a socket's path
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	socket := "unix://" + dir + "/docker.sock"
	cmd := exec.Command(daemon, "--host", socket, "--data-root", dir+"/data", "--exec-root", dir+"/exec",
		"--pidfile", dir+"/docker.pid", "--bridge=none", "--iptables=false", "--ip-forward=false", "--ip-masq=false")
	cmd.Stdout, cmd.Stderr = log, log
	stop, err := server.StartDaemon(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := stop(syscall.SIGTERM); err != nil {
			t.Errorf("dockerd ended with %v", err)
		}
	})
	docker := program{client, []string{"DOCKER_HOST=" + socket, "DOCKER_CONFIG=" + dir + "/config"}}
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		_, err := server.Run(t.Context(), docker.env, "", docker.path, "version")
		if err == nil {
			return docker
		}
		if time.Now().After(deadline) {
			out, _ := os.ReadFile(log.Name())
			t.Fatalf("dockerd does not answer: %v\n%s", err, out)
		}
	}
}

// writeTarball writes img as docker load reads it.
func writeTarball(t *testing.T, ref string, img v1.Image) string {
	t.Helper()
	tag, err := name.NewTag(ref)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(path, tag, img); err != nil {
		t.Fatal(err)
	}
	return path
}

// wantSameFiles compares the file system of img with an export of a container,
// to which docker adds files of its own.
func wantSameFiles(t *testing.T, img v1.Image, export string) {
	t.Helper()
	flat := mutate.Extract(img)
	defer flat.Close()
	want := fileSums(t, flat)
	f, err := os.Open(export)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := fileSums(t, f)
	for name := range got {
		if _, ours := want[name]; !ours {
			delete(got, name)
		}
	}
	if len(want) == 0 {
		t.Error("the image has no files")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files (-pushed +pulled):\n%s", diff)
	}
}

func fileSums(t *testing.T, r io.Reader) map[string]string {
	t.Helper()
	sums := make(map[string]string)
	for files := tar.NewReader(r); ; {
		h, err := files.Next()
		if err == io.EOF {
			return sums
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		var content bytes.Buffer
		if _, err := io.Copy(&content, files); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256(content.Bytes())
		sums[strings.TrimPrefix(h.Name, "/")] = hex.EncodeToString(sum[:])
	}
}
