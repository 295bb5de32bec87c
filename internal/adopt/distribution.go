package adopt

import (
	"context"
	"io/fs"
	"path"
	"slices"
	"strings"

	"easel"
)

// readDistribution reads the layout of CNCF distribution: content under its digest,
// and per repository files that contain a digest each ("links") for tags and
// manifests. Its links to layers are not followed: manifests say what is needed.
func (t *Tree) readDistribution(ctx context.Context) error {
	blobs, err := t.contents(ctx, path.Join(t.base, "blobs"))
	if err != nil {
		return err
	}
	for _, o := range blobs {
		t.objects = append(t.objects, o)
	}
	return t.walkRepos(ctx, path.Join(t.base, "repositories"), "", 0, blobs)
}

// contents lists blobs/ALGORITHM/AB/HEX/data.
func (t *Tree) contents(ctx context.Context, dir string) (map[easel.Digest]*object, error) {
	found := map[easel.Digest]*object{}
	algorithms, err := t.entries(dir)
	if err != nil {
		return nil, err
	}
	for _, a := range algorithms {
		prefixes, err := t.entries(path.Join(dir, a.Name()))
		if err != nil {
			return nil, err
		}
		for _, p := range prefixes {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			names, err := t.entries(path.Join(dir, a.Name(), p.Name()))
			if err != nil {
				return nil, err
			}
			for _, n := range names {
				t.content(found, path.Join(dir, a.Name(), p.Name(), n.Name(), "data"), a.Name()+":"+n.Name())
			}
		}
	}
	return found, nil
}

// content adds a file that should be content of that digest.
func (t *Tree) content(found map[easel.Digest]*object, name, digest string) {
	d, err := easel.ParseDigest(digest)
	if err != nil {
		t.findings.add("stray file", "", name, "its place is not the name of a digest")
		return
	}
	info, err := t.root.Lstat(name)
	switch {
	case err != nil:
		t.findings.add("missing blob", "", digest, "its directory has no data in it")
	case !info.Mode().IsRegular():
		t.findings.add("stray file", "", name, "it is no regular file, and is not followed")
	default:
		found[d] = &object{digest: d, size: info.Size(), path: name}
	}
}

// maxNameParts bounds how deep repositories may be nested.
const maxNameParts = 32

// walkRepos finds the repositories below dir: their own directories begin
// with "_".
func (t *Tree) walkRepos(ctx context.Context, dir, name string, depth int, blobs map[easel.Digest]*object) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if depth > maxNameParts {
		t.findings.add("stray file", "", dir, "directories are nested more than %d deep, and are not looked at further", maxNameParts)
		return nil
	}
	entries, err := t.entries(dir)
	if err != nil {
		return err
	}
	is := func(name string) bool {
		return slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == name && e.IsDir() })
	}
	if name != "" && (is("_manifests") || is("_layers") || is("_uploads")) {
		if err := t.distributionRepo(dir, name, blobs); err != nil {
			return err
		}
	}
	for _, e := range entries {
		switch {
		case strings.HasPrefix(e.Name(), "_"):
		case !e.IsDir():
			t.findings.add("stray file", "", path.Join(dir, e.Name()), "it is no directory, and is not followed")
		default:
			if err := t.walkRepos(ctx, path.Join(dir, e.Name()), path.Join(name, e.Name()), depth+1, blobs); err != nil {
				return err
			}
		}
	}
	return nil
}

func (t *Tree) distributionRepo(dir, name string, blobs map[easel.Digest]*object) error {
	r := &repo{name: name, blobs: blobs}
	t.repos = append(t.repos, r)
	tags, err := t.entries(path.Join(dir, "_manifests", "tags"))
	if err != nil {
		return err
	}
	for _, tag := range tags {
		link := path.Join(dir, "_manifests", "tags", tag.Name(), "current", "link")
		digest, err := t.link(link)
		if err != nil {
			t.findings.add("broken tag", name, tag.Name(), "its link cannot be read")
			continue
		}
		r.roots = append(r.roots, root{digest: digest, tag: tag.Name()})
	}
	algorithms, err := t.entries(path.Join(dir, "_manifests", "revisions"))
	if err != nil {
		return err
	}
	for _, a := range algorithms {
		revisions, err := t.entries(path.Join(dir, "_manifests", "revisions", a.Name()))
		if err != nil {
			return err
		}
		for _, v := range revisions {
			digest, err := t.link(path.Join(dir, "_manifests", "revisions", a.Name(), v.Name(), "link"))
			if err != nil { // a deleted manifest leaves its directory
				continue
			}
			r.roots = append(r.roots, root{digest: digest})
		}
	}
	return t.leftovers(path.Join(dir, "_uploads"))
}

// maxLink is more than a digest has.
const maxLink = 256

func (t *Tree) link(name string) (easel.Digest, error) {
	text, err := t.read(name, maxLink)
	if err != nil {
		return "", err
	}
	return easel.ParseDigest(strings.TrimSpace(string(text)))
}

// leftovers counts the files of uploads that never ended.
func (t *Tree) leftovers(dir string) error {
	if !t.isDir(dir) {
		return nil
	}
	return fs.WalkDir(t.root.FS(), dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			t.uploads.files++
			t.uploads.bytes += info.Size()
		}
		return err
	})
}
