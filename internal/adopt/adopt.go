// Package adopt reads the storage directory of another registry, CNCF
// distribution or zot, and tells what is in it: repositories, tags and
// manifests, which bytes they need, which nobody needs, and what is broken.
//
// Nothing is written, and the tree is believed in nothing: it is opened as
// an [os.Root], so that no link leads out of it; only regular files are read;
// manifests are bounded and their digests computed; and what does not fit is
// a finding, not an error.
//
// # Reading order
//
// distribution.go and zot.go know the two layouts and bring them into one
// form (tree). scan.go follows the references; ledger.go adds up.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"easel"
)

// The layouts.
const (
	Distribution = "distribution"
	Zot          = "zot"
)

// Tree is an open registry directory.
type Tree struct {
	Kind string
	root *os.Root
	base string // of the layout, below root

	objects  []*object
	repos    []*repo
	uploads  leftover
	findings findings
}

// leftover is what was begun and never finished.
type leftover struct {
	files int
	bytes int64
}

// object is one file of content. In zot's directories it can have many paths.
type object struct {
	digest easel.Digest
	size   int64
	path   string
	owner  *repo // the first repository that needs it; nil: none does
	shared bool  // another one does, too
	tagged bool  // something with a tag does
}

// repo is a repository before its references are followed.
type repo struct {
	name      string
	blobs     map[easel.Digest]*object // that it can reach
	roots     []root
	manifests map[easel.Digest]*Manifest
	order     []easel.Digest // of manifests, as they were found
}

// root is where references begin: a tag, or a manifest without one.
type root struct {
	digest    easel.Digest
	tag       string // "": none
	mediaType string // "": the manifest says it
}

// Open opens the directory of a registry. Errors: Invalid "directory" when it
// is none that is known.
func Open(dir string) (*Tree, error) {
	r, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	t := &Tree{root: r}
	for _, base := range []string{"docker/registry/v2", "."} {
		if t.isDir(path.Join(base, "repositories")) && t.isDir(path.Join(base, "blobs")) {
			t.Kind, t.base = Distribution, base
			return t, nil
		}
	}
	found, err := t.layouts(context.Background(), 1)
	if err != nil || len(found) == 0 {
		return nil, errors.Join(easel.E(easel.Invalid, "directory", "%s is neither the storage directory of CNCF distribution (docker/registry/v2) nor that of zot (OCI layouts)", dir), err, r.Close())
	}
	t.Kind, t.base = Zot, "."
	return t, nil
}

// Close lets go of the directory.
func (t *Tree) Close() error { return t.root.Close() }

func (t *Tree) isDir(name string) bool {
	info, err := t.root.Lstat(name)
	return err == nil && info.IsDir()
}

// entries lists a directory; one that is not there, or is none, has none.
func (t *Tree) entries(name string) ([]fs.DirEntry, error) {
	if !t.isDir(name) {
		return nil, nil
	}
	return fs.ReadDir(t.root.FS(), name)
}

// open opens a regular file for reading, without a trace if that is allowed.
func (t *Tree) open(name string) (*os.File, error) {
	info, err := t.root.Lstat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no regular file", name)
	}
	f, err := t.root.OpenFile(name, os.O_RDONLY|noTrace, 0)
	if errors.Is(err, fs.ErrPermission) && noTrace != 0 { // another user's file
		f, err = t.root.Open(name)
	}
	return f, err
}

// read reads a file that may have at most limit bytes.
func (t *Tree) read(name string, limit int64) ([]byte, error) {
	f, err := t.open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(text)) > limit {
		err = fmt.Errorf("%s has more than %d bytes", name, limit)
	}
	return text, err
}

// maxFindings bounds the findings that are kept; the others are counted.
const maxFindings = 1000

// Finding is something in the tree that does not fit.
type Finding struct {
	Kind       string `json:"kind"`
	Repository string `json:"repository"` // "": of none
	Subject    string `json:"subject"`
	Detail     string `json:"detail"`
}

type findings struct {
	all  []Finding
	more int
}

func (f *findings) add(kind, repository, subject, format string, args ...any) {
	if len(f.all) >= maxFindings {
		f.more++
		return
	}
	f.all = append(f.all, Finding{kind, repository, subject, fmt.Sprintf(format, args...)})
}
