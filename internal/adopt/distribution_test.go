package adopt_test

import (
	"context"
	"io/fs"
	"math/rand"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"easel/internal/bench/peer"
)

// TestRealDistribution reads the directory of the real registry while it
// runs, and compares what nobody needs with what its own collector frees.
func TestRealDistribution(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("left out: -short")
	}
	program, err := peer.InstallDistribution(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	server, err := peer.Distribution(program, peer.DistributionVersion, false).Start(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := server.Remove(); err != nil {
			t.Error(err)
		}
	})
	host := strings.TrimPrefix(server.Target.URL, "http://")
	fill(t, host)

	data := server.Target.WatchDir
	l := scanned(t, data, true).Ledger()
	if len(l.Findings) > 0 || l.Bytes != contents(t, data) || len(l.Repositories) != 4 {
		t.Fatalf("%d bytes of %d, findings %+v, repositories %+v", l.Bytes, contents(t, data), l.Findings, l.Repositories)
	}
	if l.Unreferenced == 0 || l.Untagged == 0 || l.Shared == 0 || l.UploadBytes == 0 {
		t.Errorf("ledger = %+v", l)
	}
	collect := func(flags ...string) (freed int64) {
		t.Helper()
		before := contents(t, data)
		cmd := exec.CommandContext(t.Context(), program, append(append([]string{"garbage-collect"}, flags...), filepath.Join(dir, "config.yml"))...)
		cmd.Env = append(os.Environ(), "OTEL_TRACES_EXPORTER=none")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("collect: %v\n%s", err, out)
		}
		return before - contents(t, data)
	}
	if freed := collect(); freed != l.Unreferenced {
		t.Errorf("the collector freed %d bytes, the ledger has %d that nothing needs", freed, l.Unreferenced)
	}
	if freed := collect("--delete-untagged"); freed != l.Untagged {
		t.Errorf("the collector freed %d bytes of untagged manifests, the ledger has %d", freed, l.Untagged)
	}
	after := scanned(t, data, true).Ledger()
	if after.Unreferenced != 0 || after.Untagged != 0 || len(after.Findings) > 0 || after.Bytes != l.Bytes-l.Unreferenced-l.Untagged {
		t.Errorf("after the collector: %+v", after)
	}
}

// fill pushes images that share layers, an index, one that is deleted and one that
// loses its tag, and leaves an upload.
func fill(t *testing.T, host string) {
	t.Helper()
	image := func(seed int64) v1.Image {
		img, err := random.Image(3000, 3, random.WithSource(rand.NewSource(seed)))
		if err != nil {
			t.Fatal(err)
		}
		return img
	}
	push := func(path string, img v1.Image) name.Reference {
		ref, err := name.ParseReference(host+"/"+path, name.Insecure)
		if err == nil {
			err = remote.Write(ref, img)
		}
		if err != nil {
			t.Fatal(err)
		}
		return ref
	}
	push("team/app:1", image(1))
	push("team/app:2", image(2))
	push("team/app:2", image(3)) // the one before loses its tag
	push("busybox:latest", image(1))
	gone := image(4)
	push("team/gone:1", gone)
	digest, err := gone.Digest()
	if err != nil {
		t.Fatal(err)
	}
	byDigest, err := name.NewDigest(host+"/team/gone@"+digest.String(), name.Insecure)
	if err == nil {
		err = remote.Delete(byDigest)
	}
	if err != nil {
		t.Fatal(err)
	}
	index, err := random.Index(2000, 2, 2, random.WithSource(rand.NewSource(5)))
	if err != nil {
		t.Fatal(err)
	}
	ref, err := name.ParseReference(host+"/team/multi:v1", name.Insecure)
	if err == nil {
		err = remote.WriteIndex(ref, index)
	}
	if err != nil {
		t.Fatal(err)
	}
	leave(t.Context(), t, host)
}

// leave begins an upload and never ends it.
func leave(ctx context.Context, t *testing.T, host string) {
	t.Helper()
	send := func(method, url, body string) string {
		r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		answer, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != http.StatusAccepted {
			t.Fatalf("%s %s: %s", method, url, answer.Status)
		}
		return answer.Header.Get("Location")
	}
	send(http.MethodPatch, send(http.MethodPost, "http://"+host+"/v2/team/app/blobs/uploads/", ""), "half a layer")
}

// contents adds up the files of content.
func contents(t *testing.T, dir string) (bytes int64) {
	t.Helper()
	err := filepath.WalkDir(filepath.Join(dir, "docker", "registry", "v2", "blobs"), func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes
}
