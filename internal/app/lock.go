package app

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"

	"golang.org/x/sys/unix"
)

// errInUse says that another process works on the data directory.
var errInUse = errors.New("in use")

// lock is a data directory that no other process may open. The kernel lets
// go of it when the process ends, however it ends.
type lock struct{ file *os.File }

// lockDir takes the data directory for this process. The error matches
// errInUse and names the process when another one has it.
func lockDir(dir string) (*lock, error) {
	f, err := os.OpenFile(filepath.Join(dir, "easel.lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the data directory: %w", err)
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		defer f.Close()
		pid := make([]byte, 20)
		n, _ := f.Read(pid) // without the number the message is still true
		return nil, fmt.Errorf("the data directory %s is %w by process %s: stop it first, or name another --data-dir",
			dir, errInUse, bytes.TrimSpace(pid[:n]))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), f.Close())
	}
	if err := errors.Join(f.Truncate(0), write(f, strconv.Itoa(os.Getpid())+"\n")); err != nil {
		return nil, errors.Join(fmt.Errorf("lock the data directory: %w", err), f.Close())
	}
	return &lock{f}, nil
}

func write(f *os.File, s string) error {
	_, err := f.WriteAt([]byte(s), 0)
	return err
}

// release lets others in.
func (l *lock) release() error { return l.file.Close() }

// makeDir makes the data directory, readable by its owner only. An empty one
// that somebody else made is protected too; the rights of one with contents
// stay as they are, because it may have other uses.
func makeDir(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("read the data directory: %w", err)
	}
	if len(entries) > 0 {
		return nil
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		return fmt.Errorf("protect the data directory: %w", err)
	}
	return nil
}
