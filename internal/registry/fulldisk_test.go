package registry

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"easel"
)

// fillDisk writes to a file in dir until not one byte more goes in.
func fillDisk(t *testing.T, dir string) {
	t.Helper()
	f, err := os.OpenFile(dir+"/filler", os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(t, err)
	defer f.Close()
	for size := 1 << 20; size > 0; size /= 4 {
		for {
			if _, err := f.Write(make([]byte, size)); err != nil {
				if !errors.Is(err, unix.ENOSPC) {
					t.Fatal(err)
				}
				break
			}
		}
	}
}

// TestFullDisk fills a small file system to the last byte and, with somebody
// else taking whatever comes free, deletes image after image: every deletion
// succeeds, the rest stays, pushes are refused with a reason, and nothing
// needs repair.
func TestFullDisk(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=48m"); err != nil {
		t.Fatalf("mount a small file system: %v; the full suite mounts one and needs root, -short leaves it out", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	y := newYardIn(t, dir, func(o *Options) {
		o.LowSpace = 1
		o.Free = func() (int64, error) {
			var s unix.Statfs_t
			err := unix.Statfs(dir, &s)
			return int64(s.Bavail) * s.Bsize, err
		}
	})
	const images = 200
	for n := range images {
		config := y.put(alice, "team/image", fmt.Sprintf("config %d %s", n, strings.Repeat("x", 64<<10)))
		_, err := y.PutManifest(y.ctx(), "team/image", ManifestPush{Ref: easel.Ref{Tag: tag(n)}, Body: imageManifest(config, 1)})
		must(t, err)
	}
	fillDisk(t, dir)

	_, err := y.StartUpload(y.ctx(), "team/image", "")
	if !errors.Is(err, easel.NoSpace) {
		t.Errorf("an upload on a full disk: %v, want NoSpace", err)
	}
	_, err = y.PutManifest(y.ctx(), "team/image", ManifestPush{Ref: easel.Ref{Tag: "more"}, Body: imageManifest(sha256("config"), 1)})
	if !errors.Is(err, easel.NoSpace) {
		t.Errorf("a manifest on a full disk: %v, want NoSpace", err)
	}
	for n := range images - 1 {
		if n == images/2 { // as after a crash or an upgrade
			y.restart()
		}
		receipt, err := y.DeleteTag(y.ctx(), "team/image", tag(n))
		if err != nil {
			t.Fatalf("deletion %d on a full disk: %v", n, err)
		}
		if receipt.Freed < 64<<10 || receipt.Pending != 0 {
			t.Fatalf("deletion %d freed %d bytes, %d pending", n, receipt.Freed, receipt.Pending)
		}
		fillDisk(t, dir) // the competing writer
	}
	if _, err := y.Manifest(y.ctx(), "team/image", easel.Ref{Tag: tag(images - 1)}); err != nil {
		t.Errorf("the tag that was not deleted: %v", err)
	}
	must(t, os.Remove(dir+"/filler"))
	must(t, y.Settle(t.Context()))
	y.put(alice, "team/image", "room again")
}

func tag(n int) easel.Tag { return easel.Tag(fmt.Sprintf("v%d", n)) }
