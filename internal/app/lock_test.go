package app

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestTake(t *testing.T) {
	t.Parallel()
	root := t.TempDir()
	place := func(name, database, blobs string) Place {
		p := Place{DataDir: filepath.Join(root, name), Database: database, Blobs: blobs}
		if err := p.complete(); err != nil {
			t.Fatal(err)
		}
		for _, dir := range []string{p.DataDir, p.blobPath()} {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
		}
		return p
	}
	const pg = "postgres://easel@db/easel"
	shared := filepath.Join(root, "shared")
	for _, tt := range []struct {
		name          string
		first, second Place
		refused       string // "" when both may run
	}{
		{"two directories", place("a1", "", ""), place("a2", "", ""), ""},
		{"one directory", place("b", "", ""), place("b", "", ""), "data directory"},
		{"one directory on PostgreSQL", place("c", pg, ""), place("c", pg, ""), "data directory"},
		{"one SQLite database", place("d1", "sqlite:"+root+"/x.db", ""), place("d2", "sqlite:"+root+"/x.db", ""), "database"},
		{"one blob directory on SQLite", place("e1", "", "file:"+shared), place("e2", "", "file:"+shared), "blob directory"},
		{"one blob directory on PostgreSQL", place("f1", pg, "file:"+shared), place("f2", pg, "file:"+shared), ""},
		{"one blob directory on both", place("g1", pg, "file:"+shared), place("g2", "", "file:"+shared), "blob directory"},
	} {
		t.Run(tt.name, func(t *testing.T) { // one after the other: they share a blob directory
			first, err := tt.first.take()
			if err != nil {
				t.Fatal(err)
			}
			second, err := tt.second.take()
			if tt.refused == "" && err != nil || tt.refused != "" && (!errors.Is(err, errInUse) || !strings.Contains(err.Error(), tt.refused)) {
				t.Errorf("the second server: %v, want refused because of %q", err, tt.refused)
			}
			if tt.refused != "" && tt.refused != "blob directory" && !strings.Contains(err.Error(), "process "+strconv.Itoa(os.Getpid())) {
				t.Errorf("the message does not name the process: %v", err)
			}
			if err := errors.Join(second.release(), first.release()); err != nil {
				t.Fatal(err)
			}
			again, err := tt.second.take()
			if err != nil {
				t.Fatalf("after the first has ended: %v", err)
			}
			if err := again.release(); err != nil {
				t.Fatal(err)
			}
		})
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
