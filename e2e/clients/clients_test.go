// Package clients drives the real program with the clients that people use:
// docker, containerd, podman, skopeo, crane, oras, go-containerregistry and the
// cloud's SDK. Each logs in, pushes, pulls the same bytes back and deletes, and
// each deletion must give back exactly what its receipt says.
package clients

import (
	"os"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"easel/e2e/server"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// org is the organisation that every test makes on its server.
const org = "vision"

// start starts a server with the organisation.
func start(t *testing.T, flags ...string) *server.Server {
	t.Helper()
	s := server.Start(t, flags...)
	s.CreateOrg(t, org)
	return s
}

// newImage returns an OCI image that no other test has.
func newImage(t *testing.T, layers int) v1.Image {
	t.Helper()
	return randomImage(t, layers, types.OCIManifestSchema1, types.OCIConfigJSON, types.OCILayer)
}

// newDockerImage returns one in the format that docker pushes.
func newDockerImage(t *testing.T, layers int) v1.Image {
	t.Helper()
	return randomImage(t, layers, types.DockerManifestSchema2, types.DockerConfigJSON, types.DockerLayer)
}

func randomImage(t *testing.T, layers int, manifest, config, layer types.MediaType) v1.Image {
	t.Helper()
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, manifest), config)
	for range layers {
		l, err := random.Layer(300_000, layer)
		if err != nil {
			t.Fatal(err)
		}
		if img, err = mutate.Append(img, mutate.Addendum{Layer: l, MediaType: layer}); err != nil {
			t.Fatal(err)
		}
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", "amd64"
	file.Config.Cmd = []string{"/none"} // docker makes no container without a command
	if img, err = mutate.ConfigFile(img, file); err != nil {
		t.Fatal(err)
	}
	return img
}

// contentSize returns the bytes of config and layers: what the image takes in
// the blob store.
func contentSize(t *testing.T, img v1.Image) int64 {
	t.Helper()
	m, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	sum := m.Config.Size
	for _, l := range m.Layers {
		sum += l.Size
	}
	return sum
}

// wantStored fails the test unless the blob store holds exactly n bytes.
func wantStored(t *testing.T, s *server.Server, n int64, when string) {
	t.Helper()
	if got := s.Stored(t); got != n {
		t.Errorf("%s: the blob store holds %d bytes, want %d", when, got, n)
	}
}

// deleteForced registers HOST/vision/REPO:TAG as an image, deletes it with its
// content and compares the receipt with what the blob store lost. Nothing else
// may need the content: all of it has to come back at once.
func deleteForced(t *testing.T, s *server.Server, repoTag string) {
	t.Helper()
	id := s.Register(t, s.Host+"/"+org+"/"+repoTag)
	before := s.Stored(t)
	receipt := s.DeleteForced(t, id)
	after := s.Stored(t)
	if lost := before - after; lost != receipt.Freed {
		t.Errorf("the blob store shrank by %d bytes, the receipt says %+v", lost, receipt)
	}
	if after != 0 {
		t.Errorf("%d bytes stay, the receipt says %+v", after, receipt)
	}
	s.Check(t)
}
