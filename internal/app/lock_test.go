package app

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestLockDir(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := lockDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, err = lockDir(dir)
	if !errors.Is(err, errInUse) || !strings.Contains(err.Error(), "by process "+strconv.Itoa(os.Getpid())) {
		t.Errorf("the second lock: %v", err)
	}
	if err := first.release(); err != nil {
		t.Fatal(err)
	}
	again, err := lockDir(dir)
	if err != nil {
		t.Fatalf("after release: %v", err)
	}
	if err := again.release(); err != nil {
		t.Fatal(err)
	}
}

func TestMakeDirProtectsOnlyItsOwn(t *testing.T) {
	t.Parallel()
	mode := func(dir string) os.FileMode {
		info, err := os.Stat(dir)
		if err != nil {
			t.Fatal(err)
		}
		return info.Mode().Perm()
	}
	fresh, empty, full := filepath.Join(t.TempDir(), "a", "b"), t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(full, "thesis.txt"), nil, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{empty, full} {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for dir, want := range map[string]os.FileMode{fresh: 0o700, empty: 0o700, full: 0o755} {
		if err := makeDir(dir); err != nil {
			t.Fatal(err)
		}
		if got := mode(dir); got != want {
			t.Errorf("mode of %s = %o, want %o", dir, got, want)
		}
	}
}
