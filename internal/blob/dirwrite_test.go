package blob

import (
	"errors"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"easel"
)

func TestDirWriterFullDisk(t *testing.T) {
	t.Parallel()
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := &dirWriter{key: NewKey(), f: f}
	defer w.Close()
	if n, err := w.Write([]byte("x")); n != 0 || !errors.Is(err, easel.NoSpace) || !errors.Is(err, unix.ENOSPC) {
		t.Errorf("Write to a full disk = %d, %v, want NoSpace because of ENOSPC", n, err)
	}
	if err := w.Finish(t.Context()); !errors.Is(err, easel.NoSpace) {
		t.Errorf("Finish after a failed write: %v, want the same error", err)
	}
}

// The second fsync of a file whose first one failed reports success on Linux.
func TestDirWriterNeverSyncsTwice(t *testing.T) {
	t.Parallel()
	d, err := OpenDir(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	key := NewKey()
	resumed, err := d.Resume(t.Context(), key, State{})
	if err != nil {
		t.Fatal(err)
	}
	w := resumed.(*dirWriter)
	defer w.Close()
	good := w.f
	pipe, other, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer good.Close()
	w.f = other // a pipe cannot be synced
	if _, err := w.Checkpoint(t.Context()); !errors.Is(err, unix.EINVAL) {
		t.Fatalf("Checkpoint of a pipe: %v, want EINVAL", err)
	}
	w.f = good
	if _, err := w.Checkpoint(t.Context()); !errors.Is(err, unix.EINVAL) {
		t.Errorf("second Checkpoint: %v, want the first error", err)
	}
	if err := w.Finish(t.Context()); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Finish: %v, want the first error", err)
	}
	if _, err := w.Write([]byte("x")); !errors.Is(err, unix.EINVAL) {
		t.Errorf("Write: %v, want the first error", err)
	}
	other.Close()
}

func TestNewKey(t *testing.T) {
	t.Parallel()
	seen := make(map[Key]bool)
	for range 1000 {
		key := NewKey()
		if !key.Valid() || seen[key] {
			t.Fatalf("NewKey() = %q: invalid or seen before", key)
		}
		seen[key] = true
	}
}

func TestShard(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		key  Key
		want uint8
	}{
		{"00000000000000000000000000000000", 0},
		{"0f000000000000000000000000000000", 15},
		{"a9000000000000000000000000000000", 0xa9},
		{"ff000000000000000000000000000000", 255},
	} {
		if got := tt.key.shard(); got != tt.want {
			t.Errorf("shard of %s = %d, want %d", tt.key, got, tt.want)
		}
	}
}

func BenchmarkDirWrite(b *testing.B) {
	for _, bm := range []struct {
		name string
		size int
	}{{"4KiB", 4 << 10}, {"64MiB", 64 << 20}} {
		b.Run(bm.name, func(b *testing.B) {
			d, err := OpenDir(b.TempDir())
			if err != nil {
				b.Fatal(err)
			}
			chunk := make([]byte, min(bm.size, 256<<10))
			b.SetBytes(int64(bm.size))
			for b.Loop() {
				w, err := d.Resume(b.Context(), NewKey(), State{})
				if err != nil {
					b.Fatal(err)
				}
				for range bm.size / len(chunk) {
					if _, err := w.Write(chunk); err != nil {
						b.Fatal(err)
					}
				}
				if err := w.Finish(b.Context()); err != nil {
					b.Fatal(err)
				}
				w.Close()
			}
		})
	}
}
