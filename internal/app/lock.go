package app

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// errInUse says that another process works on the data directory.
var errInUse = errors.New("in use")

// locks keep other processes out. The kernel lets go of them when the process
// ends, however it ends.
type locks []*os.File

// take locks everything of the place that two servers must not share. The
// error matches errInUse and names the process when another one has it.
//
// The data directory belongs to one process. So does a SQLite database that
// lies elsewhere, and the blobs of one; servers on one PostgreSQL database
// share their blobs, with each other only.
func (p *Place) take() (_ locks, err error) {
	var l locks
	defer func() {
		if err != nil {
			err = errors.Join(err, l.release())
		}
	}()
	lock := func(path string, flag, how int, what string) error {
		f, err := os.OpenFile(path, flag, 0o600)
		if err != nil {
			return fmt.Errorf("lock the %s: %w", what, err)
		}
		l = append(l, f)
		return flock(f, how, what)
	}
	if err := lock(filepath.Join(p.DataDir, "easel.lock"), os.O_RDWR|os.O_CREATE, unix.LOCK_EX, "data directory "+p.DataDir); err != nil {
		return nil, err
	}
	if err := sign(l[0]); err != nil {
		return nil, err
	}
	how := unix.LOCK_SH
	if path, ok := strings.CutPrefix(p.Database, "sqlite:"); ok {
		how = unix.LOCK_EX
		if filepath.Dir(path) != filepath.Clean(p.DataDir) {
			if err := lock(path+".lock", os.O_RDWR|os.O_CREATE, how, "database "+path); err != nil {
				return nil, err
			}
			if err := sign(l[1]); err != nil {
				return nil, err
			}
		}
	}
	if err := lock(p.blobPath(), os.O_RDONLY, how, "blob directory "+p.blobPath()); err != nil {
		return nil, err
	}
	return l, nil
}

// flock locks f or says who has it.
func flock(f *os.File, how int, what string) error {
	err := unix.Flock(int(f.Fd()), how|unix.LOCK_NB)
	if !errors.Is(err, unix.EWOULDBLOCK) {
		if err != nil {
			err = fmt.Errorf("lock the %s: %w", what, err)
		}
		return err
	}
	owner := "another server"
	pid := make([]byte, 20)
	if n, _ := f.Read(pid); n > 0 { // a directory cannot be read: then the message does without
		owner = "process " + string(bytes.TrimSpace(pid[:n]))
	}
	return fmt.Errorf("the %s is %w by %s: stop it first, or name another --data-dir", what, errInUse, owner)
}

// sign writes this process's number into a lock file.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	if _, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	return nil
}

// release lets others in.
func (l locks) release() error {
	var errs []error
	for _, f := range l {
		errs = append(errs, f.Close())
	}
	return errors.Join(errs...)
}

// makeDir makes the data directory, readable by its owner only. An empty one
// that somebody else made is protected too; the rights of one with contents
// stay as they are, because it may have other uses.
func makeDir(dir string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	there := dir
	for !exists(there) {
		there = filepath.Dir(there)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("make the data directory: %w", err)
	}
	if err := syncDirs(filepath.Dir(dir), there); err != nil && there != dir {
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

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// syncDirs makes the entries of dir durable, and of the directories above it
// down from top. A start that was killed between making and syncing left that
// to this one.
func syncDirs(dir, top string) error {
	for {
		f, err := os.Open(dir)
		if err != nil {
			return err
		}
		if err := errors.Join(f.Sync(), f.Close()); err != nil {
			return err
		}
		if len(dir) <= len(top) {
			return nil
		}
		dir = filepath.Dir(dir)
	}
}
