package blob

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"easel"
)

// Dir is a Store in a directory: the object of a key is the file
// b/<first two digits of the key>/<key>, written in place, mode 0600.
//
// A process has at most one Dir per directory, and a directory at most one
// process that writes: nothing here locks it.
type Dir struct {
	path string // of the directory that holds b

	// entered[n] says that the entry of shard n in b is on disk. A shard that
	// an earlier process made may not be, so each is synced once per process.
	entered [256]atomic.Bool
}

// OpenDir opens the store in the directory path, which is made when it is not
// there. What is in it is not looked at: List does that.
func OpenDir(path string) (*Dir, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	_, err = os.Stat(path)
	isNew := errors.Is(err, fs.ErrNotExist)
	if err := os.MkdirAll(filepath.Join(path, objects), 0o700); err != nil {
		return nil, fmt.Errorf("make blob directory: %w", err)
	}
	if err := syncDir(path); err != nil {
		return nil, fmt.Errorf("open blob directory: %w", err)
	}
	// Also when it was there: who made it may have been killed before this. But
	// then the directory above need not be ours to read.
	if err := syncDir(filepath.Dir(path)); err != nil && isNew {
		return nil, fmt.Errorf("make blob directory: %w", err)
	}
	return &Dir{path: path}, nil
}

// objects is the subdirectory of a Dir that holds the shards.
const objects = "b"

// Open implements Store. The Object embeds *os.File, so io.Copy to a network
// connection uses sendfile.
func (d *Dir) Open(_ context.Context, key Key) (Object, error) {
	if !key.Valid() {
		return nil, invalidKey(key)
	}
	f, err := os.OpenFile(d.file(key), os.O_RDONLY|unix.O_NOFOLLOW|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open object: %w", err)
	}
	info, err := regular(f)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &file{File: f, size: info.Size()}, nil
}

// file is an open object of a Dir.
type file struct {
	*os.File
	size int64
}

// Size implements Object.
func (f *file) Size() int64 { return f.size }

// Delete implements Store. The bytes come back once the last reader has closed
// the object; the deletion survives a power cut after Sync.
func (d *Dir) Delete(_ context.Context, key Key) error {
	if !key.Valid() {
		return invalidKey(key)
	}
	if err := os.Remove(d.file(key)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("delete object: %w", err)
	}
	return nil
}

// Sync implements Store: it syncs the directory of each key, each directory once.
func (d *Dir) Sync(ctx context.Context, keys []Key) error {
	done := make(map[string]bool)
	for _, key := range keys {
		if !key.Valid() {
			return invalidKey(key)
		}
		shard := d.shard(key)
		if done[shard] {
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		// A shard that was never made holds no deletion.
		if err := syncDir(shard); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("sync deletions: %w", err)
		}
		done[shard] = true
	}
	return nil
}

// Free returns the bytes of the disk that a user without privileges may still
// write.
func (d *Dir) Free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.path, &st); err != nil {
		return 0, fmt.Errorf("free space of %s: %w", d.path, err)
	}
	return int64(st.Bavail) * int64(st.Bsize), nil
}

// Capacity returns the size of the disk in bytes.
func (d *Dir) Capacity() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(d.path, &st); err != nil {
		return 0, fmt.Errorf("size of the disk of %s: %w", d.path, err)
	}
	return int64(st.Blocks) * int64(st.Bsize), nil
}

func (d *Dir) shard(key Key) string { return filepath.Join(d.path, objects, string(key[:2])) }
func (d *Dir) file(key Key) string  { return filepath.Join(d.shard(key), string(key)) }

// syncEntry makes the directory entry of key durable, and that of its shard.
func (d *Dir) syncEntry(key Key) error {
	if err := syncDir(d.shard(key)); err != nil {
		return err
	}
	entered := &d.entered[key.shard()]
	if entered.Load() {
		return nil
	}
	if err := syncDir(filepath.Join(d.path, objects)); err != nil {
		return err
	}
	entered.Store(true)
	return nil
}

// shard returns the number that the first two digits of a valid key write.
func (k Key) shard() uint8 {
	n, _ := strconv.ParseUint(string(k[:2]), 16, 8)
	return uint8(n)
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}

// regular refuses what somebody put in the place of an object.
func regular(f *os.File) (fs.FileInfo, error) {
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", f.Name())
	}
	return info, nil
}

func invalidKey(key Key) error { return fmt.Errorf("%q is no storage key", string(key)) }

// full gives the errors of a full disk the kind that users are told.
func full(err error) error {
	if errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) {
		return easel.E(easel.NoSpace, "disk", "the disk that holds the blobs is full: free some space, deleting works").Because(err)
	}
	return err
}
