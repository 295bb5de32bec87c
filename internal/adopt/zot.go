package adopt

import (
	"context"
	"encoding/json"
	"os"
	"path"
	"strings"
	"syscall"

	"easel"
)

// layouts returns the directories that are OCI layouts, at most limit of
// them; 0 means all.
func (t *Tree) layouts(ctx context.Context, limit int) (found []string, err error) {
	var walk func(dir string, depth int) error
	walk = func(dir string, depth int) error {
		if err := ctx.Err(); err != nil || limit > 0 && len(found) >= limit {
			return err
		}
		if _, err := t.root.Lstat(path.Join(dir, "oci-layout")); err == nil {
			found = append(found, dir)
		}
		if depth > maxNameParts {
			t.findings.add("stray file", "", dir, "directories are nested more than %d deep, and are not looked at further", maxNameParts)
			return nil
		}
		entries, err := t.entries(dir)
		if err != nil {
			return err
		}
		for _, e := range entries {
			// "blobs" is a part of a layout, and names that begin so are zot's own.
			if !e.IsDir() || e.Name() == "blobs" || strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_") {
				continue
			}
			if err := walk(path.Join(dir, e.Name()), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return found, walk(".", 0)
}

// inode tells files from further names of them.
type inode struct{ device, number uint64 }

// readZot reads zot's layout: an OCI layout per repository, whose files are, where it
// deduplicates, names of one file.
func (t *Tree) readZot(ctx context.Context) error {
	dirs, err := t.layouts(ctx, 0)
	if err != nil {
		return err
	}
	known := map[inode]*object{}
	for _, dir := range dirs {
		r := &repo{name: dir, blobs: map[easel.Digest]*object{}}
		if dir == "." {
			r.name = "image" // a layout by itself has no name
		}
		t.repos = append(t.repos, r)
		if err := t.zotBlobs(ctx, dir, r, known); err != nil {
			return err
		}
		t.zotIndex(dir, r)
		if err := t.leftovers(path.Join(dir, ".uploads")); err != nil {
			return err
		}
	}
	return nil
}

// zotBlobs lists blobs/ALGORITHM/HEX of a layout.
func (t *Tree) zotBlobs(ctx context.Context, dir string, r *repo, known map[inode]*object) error {
	algorithms, err := t.entries(path.Join(dir, "blobs"))
	if err != nil {
		return err
	}
	for _, a := range algorithms {
		names, err := t.entries(path.Join(dir, "blobs", a.Name()))
		if err != nil {
			return err
		}
		for _, n := range names {
			if err := ctx.Err(); err != nil {
				return err
			}
			before := len(r.blobs)
			t.content(r.blobs, path.Join(dir, "blobs", a.Name(), n.Name()), a.Name()+":"+n.Name())
			if len(r.blobs) == before {
				continue
			}
			o := r.blobs[easel.Digest(a.Name()+":"+n.Name())]
			id, ok := t.inode(o.path)
			if same := known[id]; ok && same != nil && same.digest == o.digest {
				r.blobs[o.digest] = same
				continue
			}
			known[id] = o
			t.objects = append(t.objects, o)
		}
	}
	return nil
}

func (t *Tree) inode(name string) (inode, bool) {
	info, err := t.root.Lstat(name)
	if err != nil {
		return inode{}, false
	}
	return inodeOf(info)
}

func inodeOf(info os.FileInfo) (inode, bool) {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return inode{}, false
	}
	return inode{uint64(s.Dev), s.Ino}, true
}

// maxIndex bounds index.json, which grows with the tags of a repository.
const maxIndex = 64 << 20

// refName is the annotation that has the tag.
const refName = "org.opencontainers.image.ref.name"

// zotIndex reads index.json: a descriptor per tag, and one for each manifest
// without a tag.
func (t *Tree) zotIndex(dir string, r *repo) {
	var index struct {
		Manifests []easel.Descriptor `json:"manifests"`
	}
	text, err := t.read(path.Join(dir, "index.json"), maxIndex)
	if err == nil {
		err = json.Unmarshal(text, &index)
	}
	if err != nil {
		t.findings.add("broken repository", r.name, "index.json", "it cannot be read as an index")
		return
	}
	for _, d := range index.Manifests {
		digest, err := easel.ParseDigest(string(d.Digest))
		if err != nil {
			t.findings.add("broken tag", r.name, d.Annotations[refName], "its digest is none")
			continue
		}
		r.roots = append(r.roots, root{digest: digest, tag: d.Annotations[refName], mediaType: d.MediaType})
	}
}
