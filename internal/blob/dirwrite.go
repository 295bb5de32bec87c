package blob

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// Resume implements Store.
func (d *Dir) Resume(_ context.Context, key Key, state State) (Writer, error) {
	if !key.Valid() {
		return nil, invalidKey(key)
	}
	f, err := d.openForWriting(key, state)
	if err != nil {
		return nil, full(fmt.Errorf("resume object: %w", err))
	}
	if err := rewind(f, state.Size); err != nil {
		f.Close()
		return nil, full(fmt.Errorf("resume object %s: %w", key, err))
	}
	return &dirWriter{dir: d, key: key, f: f, size: state.Size}, nil
}

// openForWriting makes the file when nothing of it was recorded, and then only
// if nobody made it before: what a writer left that died before its first
// checkpoint is opened as it is, never through a link.
func (d *Dir) openForWriting(key Key, state State) (*os.File, error) {
	const flags = os.O_WRONLY | unix.O_NOFOLLOW | unix.O_NONBLOCK
	if state.Size > 0 {
		return os.OpenFile(d.file(key), flags, 0)
	}
	f, err := os.OpenFile(d.file(key), flags|os.O_CREATE|os.O_EXCL, 0o600)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := os.Mkdir(d.shard(key), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		return os.OpenFile(d.file(key), flags|os.O_CREATE, 0o600)
	case errors.Is(err, fs.ErrExist):
		return os.OpenFile(d.file(key), flags, 0)
	}
	return f, err
}

// rewind cuts f to size and goes there.
func rewind(f *os.File, size int64) error {
	info, err := regular(f)
	if err != nil {
		return err
	}
	switch {
	case size < 0:
		return fmt.Errorf("size %d is negative", size)
	case info.Size() < size:
		return fmt.Errorf("%w: %d bytes are there, %d were recorded", ErrShort, info.Size(), size)
	case info.Size() > size:
		if err := f.Truncate(size); err != nil {
			return err
		}
	}
	_, err = f.Seek(size, io.SeekStart)
	return err
}

// dirWriter writes one file. After a failed write or sync the kernel may have
// dropped pages it never wrote, and a second sync would not say so: the first
// error is therefore the answer to everything that follows.
type dirWriter struct {
	dir     *Dir
	key     Key
	f       *os.File
	size    int64
	entered bool // the directory entry is durable
	err     error
}

// Write implements io.Writer.
func (w *dirWriter) Write(p []byte) (int, error) {
	if w.err != nil {
		return 0, w.err
	}
	n, err := w.f.Write(p)
	w.size += int64(n)
	return n, w.fail("write object", err)
}

// Checkpoint implements Writer.
func (w *dirWriter) Checkpoint(context.Context) (State, error) {
	if err := w.sync(); err != nil {
		return State{}, err
	}
	return State{Size: w.size}, nil
}

// Finish implements Writer.
func (w *dirWriter) Finish(context.Context) error {
	if err := w.sync(); err != nil {
		return err
	}
	w.err = fmt.Errorf("object %s is finished", w.key)
	return nil
}

// Close implements Writer.
func (w *dirWriter) Close() error {
	if w.err == nil {
		w.err = fs.ErrClosed
	}
	if err := w.f.Close(); err != nil && !errors.Is(err, fs.ErrClosed) {
		return fmt.Errorf("close object: %w", err)
	}
	return nil
}

func (w *dirWriter) sync() error {
	if w.err != nil {
		return w.err
	}
	if w.entered {
		return w.fail("sync object", w.f.Sync())
	}
	w.entered = true
	// At once: neither is of use without the other, and a file system that
	// keeps a journal writes it once for both.
	entry := make(chan error, 1)
	go func() { entry <- w.dir.syncEntry(w.key) }()
	return w.fail("sync object", errors.Join(w.f.Sync(), <-entry))
}

// fail remembers the first error.
func (w *dirWriter) fail(doing string, err error) error {
	if err == nil {
		return nil
	}
	w.err = full(fmt.Errorf("%s %s: %w", doing, w.key, err))
	return w.err
}
