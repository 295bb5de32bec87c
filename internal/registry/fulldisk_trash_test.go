package registry

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"easel"
	"easel/internal/catalog"
)

// TestFullDiskWithTrash deletes on a full disk where deletions can be undone,
// which copies manifests: the largest there are, and 10 MiB of them at once.
// What there is no room for goes for good.
func TestFullDiskWithTrash(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	dir := t.TempDir()
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=128m"); err != nil {
		t.Fatalf("mount a small file system: %v; the full suite mounts one and needs root, -short leaves it out", err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	y := newYardIn(t, dir, func(o *Options) {
		o.LowSpace = 4 << 20
		o.Free = func() (int64, error) {
			var s unix.Statfs_t
			err := unix.Statfs(dir, &s)
			return int64(s.Bavail) * s.Bsize, err
		}
	})
	_, err := y.SetUndo(y.ctx(), "team", catalog.Undo{Window: time.Hour})
	must(t, err)
	push := func(repo easel.Repo, images, size int) (bytes int64) {
		for n := range images {
			content := fmt.Sprintf("config %s %d %s", repo, n, strings.Repeat("x", 16<<10))
			config := y.put(alice, repo, content)
			body := fmt.Appendf(nil, `{"schemaVersion":2,"mediaType":%q,"config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":%q,"size":%d},"layers":[],"annotations":{"note":"%0*d"}}`,
				easel.MediaTypeOCIManifest, config, len(content), size, n)
			_, err := y.PutManifest(y.ctx(), repo, ManifestPush{Ref: easel.Ref{Tag: tag(n)}, Body: body})
			must(t, err)
			bytes += int64(len(content))
		}
		return bytes
	}
	push("team/large", 5, easel.MaxManifestSize-1000)
	many := push("team/many", 100, 100<<10)
	push("team/small", 50, 100)
	fillDisk(t, dir)

	for n := range 5 {
		_, err := y.DeleteTag(y.ctx(), "team/large", tag(n))
		must(t, err)
		fillDisk(t, dir) // the competing writer
	}
	plan, err := y.Plan(y.ctx(), "team/many", easel.Ref{})
	if err != nil || plan.Freed != many || plan.Trash != 0 {
		t.Errorf("the plan frees %d bytes and leaves %d to trash, %v; want %d and 0", plan.Freed, plan.Trash, err, many)
	}
	receipt, err := y.DeleteRepo(y.ctx(), "team/many")
	must(t, err)
	if receipt.Freed != many || receipt.RestoreUntil != nil {
		t.Errorf("the repository: %d bytes freed of %d, %d pending, until %v", receipt.Freed, many, receipt.Pending, receipt.RestoreUntil)
	}
	fillDisk(t, dir)
	for n := range 50 {
		receipt, err := y.DeleteTag(y.ctx(), "team/small", tag(n))
		must(t, err)
		if n == 0 && receipt.RestoreUntil == nil {
			t.Error("there is room for one small manifest, and it cannot be restored")
		}
		fillDisk(t, dir)
	}
	found, err := y.db.Trash(t.Context(), alice, catalog.TrashQuery{Domain: alice.DomainID, Limit: 100})
	if err != nil || len(found) > 0 {
		t.Errorf("on a full disk %d deletions are in trash, %v", len(found), err)
	}
}
