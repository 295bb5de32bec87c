package clients

import (
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/google/go-containerregistry/pkg/v1/validate"

	"easel/e2e/server"
	"easel/internal/pgtest"
)

func reference(t *testing.T, s *server.Server, repoTag string) name.Reference {
	t.Helper()
	ref, err := name.ParseReference(s.Host+"/"+org+"/"+repoTag, name.Insecure)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

func login(s *server.Server) remote.Option {
	return remote.WithAuth(&authn.Basic{Username: s.DockerUser(), Password: s.DockerPassword()})
}

func push(t *testing.T, s *server.Server, repoTag string, img v1.Image) name.Reference {
	t.Helper()
	ref := reference(t, s, repoTag)
	if err := remote.Write(ref, img, login(s), remote.WithContext(t.Context())); err != nil {
		t.Fatalf("push %s: %v", repoTag, err)
	}
	return ref
}

// wantSame pulls everything that img has and compares it.
func wantSame(t *testing.T, s *server.Server, ref name.Reference, img v1.Image) {
	t.Helper()
	pulled, err := remote.Image(ref, login(s), remote.WithContext(t.Context()))
	if err != nil {
		t.Fatalf("pull %s: %v", ref, err)
	}
	// validate downloads each layer and hashes it.
	if err := validate.Image(pulled); err != nil {
		t.Errorf("what was pulled from %s is broken: %v", ref, err)
	}
	want, err := img.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	got, err := pulled.RawManifest()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("manifest of %s (-pushed +pulled):\n%s", ref, diff)
	}
}

func TestLibrary(t *testing.T) {
	t.Parallel()
	testLibrary(t, start(t))
}

func TestLibraryOnPostgreSQL(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	testLibrary(t, start(t, "--database", pgtest.Start(t)))
}

func testLibrary(t *testing.T, s *server.Server) {
	t.Helper()
	img := newImage(t, 3)
	ref := push(t, s, "lab:1", img)
	wantStored(t, s, contentSize(t, img), "after the push")
	wantSame(t, s, ref, img)
	deleteForced(t, s, "lab:1")
	if _, err := remote.Get(ref, login(s)); !isStatus(err, http.StatusNotFound) {
		t.Errorf("pull after the deletion: %v, want 404", err)
	}
	push(t, s, "lab:1", img)
	wantSame(t, s, ref, img)
}

// Bytes that another image needs stay until that goes as well.
func TestLibrarySharedLayer(t *testing.T) {
	t.Parallel()
	s := start(t)
	base := newImage(t, 2)
	layer, err := newImage(t, 1).Layers()
	if err != nil {
		t.Fatal(err)
	}
	derived, err := mutate.AppendLayers(base, layer...)
	if err != nil {
		t.Fatal(err)
	}
	baseRef := push(t, s, "base:1", base)
	push(t, s, "derived:1", derived)
	reclaim(t, s) // the client sent the shared layers twice
	wantStored(t, s, contentSize(t, base)+contentSize(t, derived)-sharedSize(t, base, derived), "after both pushes")

	before := s.Stored(t)
	receipt := s.DeleteForced(t, s.Register(t, s.Host+"/"+org+"/derived:1"))
	own := contentSize(t, derived) - sharedSize(t, base, derived)
	if receipt.Freed != own || receipt.Shared != contentSize(t, derived)-own {
		t.Errorf("receipt %+v, want %d freed and %d shared", receipt, own, contentSize(t, derived)-own)
	}
	wantStored(t, s, before-own, "after the derived image went")
	wantSame(t, s, baseRef, base)
	deleteForced(t, s, "base:1")
}

// reclaim unlinks now what would be unlinked within seconds.
func reclaim(t *testing.T, s *server.Server) {
	t.Helper()
	if out, code := s.Easel(t, "reclaim"); code != 0 {
		t.Fatalf("easel reclaim: exit code %d\n%s", code, out)
	}
}

// sharedSize returns the bytes of the layers that both images have.
func sharedSize(t *testing.T, a, b v1.Image) (sum int64) {
	t.Helper()
	in := make(map[v1.Hash]bool)
	for n, img := range []v1.Image{a, b} {
		m, err := img.Manifest()
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range m.Layers {
			if n == 1 && in[l.Digest] {
				sum += l.Size
			}
			in[l.Digest] = true
		}
	}
	return sum
}

// A multi-platform image goes as a whole.
func TestLibraryIndex(t *testing.T) {
	t.Parallel()
	s := start(t)
	amd, arm := newImage(t, 1), forArm(t, newImage(t, 2))
	index := mutate.IndexMediaType(mutate.AppendManifests(empty.Index,
		mutate.IndexAddendum{Add: amd, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "amd64"}}},
		mutate.IndexAddendum{Add: arm, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: "arm64"}}},
	), types.OCIImageIndex)
	ref := reference(t, s, "multi:1")
	if err := remote.WriteIndex(ref, index, login(s), remote.WithContext(t.Context())); err != nil {
		t.Fatalf("push index: %v", err)
	}
	wantStored(t, s, contentSize(t, amd)+contentSize(t, arm), "after the push")
	pulled, err := remote.Index(ref, login(s))
	if err != nil {
		t.Fatalf("pull index: %v", err)
	}
	if err := validate.Index(pulled); err != nil {
		t.Errorf("what was pulled is broken: %v", err)
	}
	deleteForced(t, s, "multi:1")
}

func forArm(t *testing.T, img v1.Image) v1.Image {
	t.Helper()
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	file = file.DeepCopy()
	file.Architecture = "arm64"
	img, err = mutate.ConfigFile(img, file)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

// Deleting by digest through the registry API gives the bytes back as well.
func TestLibraryDelete(t *testing.T) {
	t.Parallel()
	s := start(t)
	img := newImage(t, 2)
	ref := push(t, s, "lab:1", img)
	digest, err := img.Digest()
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Delete(ref.Context().Digest(digest.String()), login(s)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	wantStored(t, s, 0, "after the deletion")
	s.Check(t)
}

func TestLibraryWrongPassword(t *testing.T) {
	t.Parallel()
	s := start(t)
	wrong := remote.WithAuth(&authn.Basic{Username: s.DockerUser(), Password: s.SecretKey})
	err := remote.Write(reference(t, s, "lab:1"), newImage(t, 1), wrong)
	if !isStatus(err, http.StatusUnauthorized) {
		t.Errorf("push with the secret key instead of its signature: %v, want 401", err)
	}
	wantStored(t, s, 0, "after a push that was refused")
}

func isStatus(err error, status int) bool {
	e, ok := err.(*transport.Error)
	return ok && e.StatusCode == status
}
