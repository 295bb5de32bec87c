package blob_test

import (
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel/internal/blob"
	"easel/internal/blob/blobtest"
)

func openDir(t *testing.T) (store *blob.Dir, path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "blobs")
	store, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	return store, path
}

// file is where the contract of Dir says that an object is.
func file(dir string, key blob.Key) string {
	return filepath.Join(dir, "b", string(key[:2]), string(key))
}

func TestDir(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store {
		s, _ := openDir(t)
		return s
	})
}

func TestDirSurvivesReopening(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	finished := blobtest.Put(t, s, []byte("finished"))
	begun := blob.NewKey()
	w := blobtest.Resume(t, s, begun, blob.State{})
	blobtest.Write(t, w, []byte("one "))
	state := blobtest.Checkpoint(t, w)

	s, err := blob.OpenDir(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := blobtest.Content(t, s, finished); string(got) != "finished" {
		t.Errorf("content after reopening: %q", got)
	}
	w = blobtest.Resume(t, s, begun, state)
	blobtest.Write(t, w, []byte("two"))
	blobtest.Finish(t, w)
	if got := blobtest.Content(t, s, begun); string(got) != "one two" {
		t.Errorf("resumed content: %q, want %q", got, "one two")
	}
}

func TestDirModes(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	key := blobtest.Put(t, s, []byte("private"))
	for name, want := range map[string]fs.FileMode{
		path:                          fs.ModeDir | 0o700,
		filepath.Join(path, "b"):      fs.ModeDir | 0o700,
		filepath.Dir(file(path, key)): fs.ModeDir | 0o700,
		file(path, key):               0o600,
	} {
		info, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode of %s: %v, want %v", name, info.Mode(), want)
		}
	}
}

func TestDirResumeShort(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	key := blob.NewKey()
	w := blobtest.Resume(t, s, key, blob.State{})
	blobtest.Write(t, w, []byte("confirmed"))
	state := blobtest.Checkpoint(t, w)
	w.Close()
	if err := os.Truncate(file(path, key), 4); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resume(t.Context(), key, state); !errors.Is(err, blob.ErrShort) {
		t.Errorf("Resume of a cut object: %v, want ErrShort", err)
	}
	if err := os.Remove(file(path, key)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resume(t.Context(), key, state); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Resume of a lost object: %v, want fs.ErrNotExist", err)
	}
}

func TestDirFollowsNoLink(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	key := blob.NewKey()
	if err := os.MkdirAll(filepath.Dir(file(path, key)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(secret, file(path, key)); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Open(t.Context(), key); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("Open through a link: %v, want ELOOP", err)
	}
	for _, state := range []blob.State{{}, {Size: 3}} {
		if _, err := s.Resume(t.Context(), key, state); !errors.Is(err, syscall.ELOOP) {
			t.Errorf("Resume(size %d) through a link: %v, want ELOOP", state.Size, err)
		}
	}
	if got, err := os.ReadFile(secret); err != nil || string(got) != "secret" {
		t.Errorf("the file that the link names: %q, %v", got, err)
	}
}

// What is no regular file must neither be read nor make anybody wait.
func TestDirRefusesIrregular(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	pipe, dir := blob.NewKey(), blob.NewKey()
	if err := os.MkdirAll(file(path, dir), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file(path, pipe)), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(file(path, pipe), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]blob.Key{"pipe": pipe, "directory": dir} {
		if _, err := s.Open(t.Context(), key); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Open of a %s: %v", name, err)
		}
		if _, err := s.Resume(t.Context(), key, blob.State{}); err == nil {
			t.Errorf("Resume of a %s succeeded", name)
		}
	}
}

func TestDirListsStrays(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	key := blobtest.Put(t, s, []byte("object"))
	wrongShard := "00" + string(blob.NewKey())[2:]
	want := []string{"b/01/" + wrongShard, "b/02/short", "b/02/sub", "b/file", "b/zz", "notes.txt"}
	for _, dir := range []string{"lost+found", "b/00", "b/01", "b/02/sub", "b/zz"} {
		if err := os.MkdirAll(filepath.Join(path, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{want[0], want[1], want[3], want[5]} {
		if err := os.WriteFile(filepath.Join(path, name), []byte("12345"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var strays []string
	var keys []blob.Key
	for info, err := range s.List(t.Context()) {
		switch {
		case err != nil:
			t.Fatal(err)
		case info.Stray != "":
			strays = append(strays, info.Stray)
		default:
			keys = append(keys, info.Key)
		}
	}
	slices.Sort(strays)
	if diff := cmp.Diff(want, strays); diff != "" {
		t.Errorf("strays (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]blob.Key{key}, keys); diff != "" {
		t.Errorf("objects (-want +got):\n%s", diff)
	}
}

func TestDirListEndsAtAnError(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	var errs []error
	for _, err := range s.List(t.Context()) {
		errs = append(errs, err)
	}
	if len(errs) != 1 || !errors.Is(errs[0], fs.ErrNotExist) {
		t.Errorf("List of a directory that is gone: %v, want one fs.ErrNotExist", errs)
	}
}

func TestDirReaderOutlivesDeletion(t *testing.T) {
	t.Parallel()
	s, _ := openDir(t)
	key := blobtest.Put(t, s, []byte("still being served"))
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(o); err != nil || string(got) != "still being served" {
		t.Errorf("read after deletion: %q, %v", got, err)
	}
}

// sendfile needs the file descriptor of the object; net asks for it like this.
func TestDirObjectsCanBeSent(t *testing.T) {
	t.Parallel()
	s, _ := openDir(t)
	want := blobtest.Random(3 << 20)
	o, err := s.Open(t.Context(), blobtest.Put(t, s, want))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	if _, ok := o.(syscall.Conn); !ok {
		t.Errorf("%T gives net no descriptor", o)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return
		}
		defer c.Close()
		io.CopyN(c, o, o.Size())
	}()
	c, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if got, err := io.ReadAll(c); err != nil || !slices.Equal(got, want) {
		t.Errorf("received %d bytes, %v, want the %d sent", len(got), err, len(want))
	}
}

func TestDirFree(t *testing.T) {
	t.Parallel()
	s, path := openDir(t)
	if free, err := s.Free(); err != nil || free <= 0 {
		t.Errorf("Free() = %d, %v", free, err)
	}
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Free(); err == nil {
		t.Error("Free of a directory that is gone succeeded")
	}
}

func TestOpenDirRefusesAFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenDir(path); err == nil {
		t.Error("OpenDir of a file succeeded")
	}
}
