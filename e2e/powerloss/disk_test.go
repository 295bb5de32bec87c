package powerloss

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// mounted returns a mounted disk that is unmounted with the test.
func mounted(t *testing.T, d *disk) *power {
	t.Helper()
	p, err := plug(t.TempDir(), d, 1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := p.unplug(); err != nil {
			t.Error(err)
		}
	})
	return p
}

// script is what a program does to a disk: words that do reads.
type script struct {
	t   *testing.T
	dir string
}

// do runs one word per line: "write FILE TEXT" appends, making the file;
// "sync PATH", "mkdir DIR", "unlink FILE", "rename FROM TO", "link FROM TO",
// "cut FILE" makes it empty.
func (s script) do(lines string) {
	s.t.Helper()
	for line := range strings.Lines(lines) {
		w := append(strings.Fields(line), "", "")
		if w[0] == "" {
			continue
		}
		from, to := filepath.Join(s.dir, w[1]), filepath.Join(s.dir, w[2])
		var err error
		switch w[0] {
		case "write":
			err = appendTo(from, w[2])
		case "sync":
			err = syncPath(from)
		case "mkdir":
			err = os.Mkdir(from, 0o700)
		case "unlink":
			err = os.Remove(from)
		case "rename":
			err = os.Rename(from, to)
		case "link":
			err = os.Link(from, to)
		case "cut":
			err = os.Truncate(from, 0)
		default:
			s.t.Fatalf("what is %q?", line)
		}
		if err != nil {
			s.t.Fatalf("%s: %v", line, err)
		}
	}
}

func appendTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

func syncPath(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// tree returns "path content" of each file and "path/" of each directory.
func (s script) tree() []string {
	s.t.Helper()
	list := []string{}
	err := filepath.WalkDir(s.dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == s.dir {
			return err
		}
		name, _ := filepath.Rel(s.dir, path)
		if e.IsDir() {
			list = append(list, name+"/")
			return nil
		}
		content, err := os.ReadFile(path)
		list = append(list, strings.TrimSpace(name+" "+string(content)))
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	slices.Sort(list)
	return list
}

func TestWhatSurvives(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	for name, tt := range map[string]struct {
		before, after string // before a first loss, and a second one
		want          []string
	}{
		"nothing synced":                   {after: "write f x", want: []string{}},
		"content without entry":            {after: "write f x\n sync f", want: []string{}},
		"entry without content":            {after: "write f x\n sync .", want: []string{"f"}},
		"content and entry":                {after: "write f x\n sync f\n sync .", want: []string{"f x"}},
		"content as of its sync":           {after: "write f x\n sync .\n sync f\n write f y", want: []string{"f x"}},
		"synced again":                     {after: "write f x\n sync .\n sync f\n write f y\n sync f", want: []string{"f xy"}},
		"directory without entry":          {after: "mkdir d\n write d/f x\n sync d/f\n sync d", want: []string{}},
		"directory with its own":           {after: "mkdir d\n write d/f x\n sync d/f\n sync d\n sync .", want: []string{"d/", "d/f x"}},
		"unlink comes back":                {before: "write f x\n sync f\n sync .", after: "unlink f", want: []string{"f x"}},
		"unlink is durable":                {before: "write f x\n sync f\n sync .", after: "unlink f\n sync .", want: []string{}},
		"rename comes back":                {before: "write f x\n sync f\n sync .", after: "rename f g", want: []string{"f x"}},
		"rename replaces":                  {before: "write f x\n sync f\n write g y\n sync g\n sync .", after: "rename f g\n sync .", want: []string{"g x"}},
		"rename to a directory not synced": {before: "mkdir d\n write f x\n sync f\n sync .", after: "rename f d/f\n sync .", want: []string{"d/"}},
		"link":                             {before: "write f x\n sync f\n sync .", after: "link f g\n sync .\n write g y\n sync g", want: []string{"f xy", "g xy"}},
		"cut comes back":                   {before: "write f x\n sync f\n sync .", after: "cut f", want: []string{"f x"}},
		"cut is durable":                   {before: "write f xyz\n sync f\n sync .", after: "cut f\n write f a\n sync f", want: []string{"f a"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mounted(t, newDisk())
			s := script{t, p.dir}
			s.do(tt.before)
			for _, lines := range []string{tt.after, ""} {
				if err := p.reset(); err != nil {
					t.Fatal(err)
				}
				s.do(lines)
			}
			if diff := cmp.Diff(tt.want, s.tree()); diff != "" {
				t.Errorf("after the loss (-want +got):\n%s", diff)
			}
		})
	}
}

// reset loses everything that was not synced.
func (p *power) reset() error {
	p.mu.Lock()
	p.losses = 0
	p.mu.Unlock()
	return p.lose()
}

// TestTorn keeps every second sector of a write that was not synced.
func TestTorn(t *testing.T) {
	t.Parallel()
	d := newDisk()
	f, _ := d.create(d.root, "f", unix.S_IFREG)
	d.write(f, []byte(strings.Repeat("a", 4*sector)), 0)
	d.sync(f)
	d.sync(d.root)
	d.write(f, []byte(strings.Repeat("b", 3*sector)), sector/2)
	n := 0
	after := d.lose(func() bool { n++; return n%2 == 1 })
	var got strings.Builder
	for half := range slices.Chunk(after.root.entries["f"].content, sector/2) {
		got.WriteByte(half[0])
	}
	if want := "abaabbaa"; got.String() != want {
		t.Errorf("half sectors are %s, want %s", got.String(), want)
	}
}

// TestServices makes sure that the disk has what easel asks of one.
func TestServices(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	p := mounted(t, newDisk())
	open := func() *os.File {
		f, err := os.OpenFile(filepath.Join(p.dir, "f"), os.O_CREATE|os.O_RDWR, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		return f
	}
	f, g := open(), open()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		t.Errorf("flock: %v", err)
	}
	if err := unix.Flock(int(g.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
		t.Errorf("second flock: %v, want EWOULDBLOCK", err)
	}
	if err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, 1<<20); err != nil {
		t.Errorf("fallocate: %v", err)
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil || st.Size != 0 || st.Blocks != 1<<20/512 {
		t.Errorf("after fallocate: size %d, %d blocks, %v", st.Size, st.Blocks, err)
	}
	var vfs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &vfs); err != nil || int64(vfs.Bavail)*vfs.Bsize < 1<<30 {
		t.Errorf("statfs: %d free, %v", int64(vfs.Bavail)*vfs.Bsize, err)
	}
}
