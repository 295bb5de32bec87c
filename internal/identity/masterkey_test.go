package identity

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"easel"
)

func TestLoadMasterKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	first, err := LoadMasterKey(path)
	if err != nil || len(first) != masterKeySize {
		t.Fatalf("LoadMasterKey = %d bytes, %v", len(first), err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v, want 0600", info.Mode(), err)
	}
	again, err := LoadMasterKey(path)
	if err != nil || !bytes.Equal(first, again) {
		t.Errorf("the key changed: %v", err)
	}
	if files, _ := os.ReadDir(filepath.Dir(path)); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
}

func TestLoadMasterKeyOfManyProcesses(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([][]byte, 8)
	var all sync.WaitGroup
	for i := range keys {
		all.Go(func() {
			var err error
			if keys[i], err = LoadMasterKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, k := range keys {
		if !bytes.Equal(k, keys[0]) {
			t.Fatal("processes that start together have different keys")
		}
	}
}

func TestLoadMasterKeyRefuses(t *testing.T) {
	t.Parallel()
	key := strings.Repeat("0a", masterKeySize)
	for _, tt := range []struct {
		name, text string
		mode       os.FileMode
	}{
		{"others may read it", key, 0o604},
		{"the group may read it", key, 0o640},
		{"empty", "", 0o600},
		{"too short", key[2:], 0o600},
		{"too long", key + "00", 0o600},
		{"no hex", strings.Repeat("zz", masterKeySize), 0o600},
	} {
		path := filepath.Join(t.TempDir(), "master.key")
		if err := os.WriteFile(path, []byte(tt.text), tt.mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, tt.mode); err != nil {
			t.Fatal(err)
		}
		_, err := LoadMasterKey(path)
		wantNoun(t, err, easel.Invalid, "master key")
		if after, _ := os.ReadFile(path); string(after) != tt.text {
			t.Errorf("%s: the file was changed", tt.name)
		}
		if err != nil && strings.Contains(err.Error(), key[4:]) {
			t.Errorf("%s: the error tells the key", tt.name)
		}
	}
	if _, err := LoadMasterKey(filepath.Join(t.TempDir(), "missing", "master.key")); err == nil {
		t.Error("a key was made in a directory that does not exist")
	}
}

func TestSeal(t *testing.T) {
	t.Parallel()
	s := New(Options{MasterKey: make([]byte, masterKeySize)})
	sealed, err := s.seal("AK1", "secret")
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("the secret is legible")
	}
	if got, err := s.open("AK1", sealed); err != nil || got != "secret" {
		t.Errorf("open = %q, %v", got, err)
	}
	if again, _ := s.seal("AK1", "secret"); bytes.Equal(again, sealed) {
		t.Error("two seals of one secret are equal: the nonce repeats")
	}
	if got, err := s.open("AK2", sealed); err == nil {
		t.Errorf("opened under another name: %q", got)
	}
	sealed[len(sealed)-1] ^= 1
	if got, err := s.open("AK1", sealed); err == nil {
		t.Errorf("opened after a change: %q", got)
	}
	if _, err := New(Options{MasterKey: []byte("short")}).seal("AK1", "x"); err == nil {
		t.Error("sealed with a master key of the wrong size")
	}
}

func TestRandomText(t *testing.T) {
	t.Parallel()
	if a, s := newAccess(), newSecret(); len(a) != 20 || len(s) != 40 || strings.Trim(a, upperDigits) != "" || strings.Trim(s, letters) != "" {
		t.Errorf("access key %q, secret key of %d characters", a, len(s))
	}
	counts := map[rune]int{}
	for _, c := range randomText("abc", 30_000) {
		counts[c]++
	}
	for c, n := range counts {
		if n < 9_000 || n > 11_000 {
			t.Errorf("%c came %d times of 30000", c, n)
		}
	}
}
