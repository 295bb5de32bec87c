package adopt_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/adopt"
	"easel/internal/adopt/adopttest"
)

// sample writes the sample tree of a kind.
func sample(t *testing.T, kind string) (*adopttest.Tree, string) {
	t.Helper()
	dir := t.TempDir()
	w := adopttest.New(kind, dir)
	w.Sample()
	if w.Err != nil {
		t.Fatal(w.Err)
	}
	return w, dir
}

// scanned opens and scans a tree.
func scanned(t *testing.T, dir string, rehash bool) *adopt.Tree {
	t.Helper()
	tree, err := adopt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	if err := tree.Scan(t.Context(), func(int, int) {}); err != nil {
		t.Fatal(err)
	}
	if rehash {
		if err := tree.Rehash(t.Context(), func(int64) {}); err != nil {
			t.Fatal(err)
		}
	}
	return tree
}

func onKinds(t *testing.T, f func(t *testing.T, kind string)) {
	for _, kind := range []string{adopt.Distribution, adopt.Zot} {
		t.Run(kind, func(t *testing.T) { t.Parallel(); f(t, kind) })
	}
}

func TestLedger(t *testing.T) {
	t.Parallel()
	onKinds(t, func(t *testing.T, kind string) {
		_, dir := sample(t, kind)
		before := snapshot(t, dir)
		l := scanned(t, dir, true).Ledger()
		if diff := cmp.Diff(before, snapshot(t, dir)); diff != "" {
			t.Errorf("reading changed the directory (-before +after):\n%s", diff)
		}
		var bytes int64
		for _, size := range before.objects {
			bytes += size
		}
		if l.Kind != kind || l.Objects != len(before.objects) || l.Bytes != bytes {
			t.Errorf("%s, %d objects of %d bytes; want %s, %d, %d", l.Kind, l.Objects, l.Bytes, kind, len(before.objects), bytes)
		}
		if l.Shared != int64(len("base")) || l.Unreferenced != int64(len("loose layer")) || l.Loose != 1 || l.UploadBytes != int64(len("half a la")) || l.Uploads != 1 {
			t.Errorf("ledger = %+v", l)
		}
		if untagged := l.Untagged - int64(len("config 0layer 0")); untagged < 300 || untagged > 1000 { // and the manifest
			t.Errorf("needed by untagged manifests only: %d bytes", l.Untagged)
		}
		counts := map[string][4]int{}
		for _, r := range l.Repositories {
			counts[r.Name] = [4]int{r.Tags, r.Manifests, r.Untagged, r.Broken}
			if r.Bytes < r.Exclusive || r.Bytes == 0 {
				t.Errorf("%s: %+v", r.Name, r)
			}
		}
		want := map[string][4]int{"team/app": {3, 4, 1, 0}, "team/multi": {2, 3, 0, 0}, "busybox": {1, 1, 0, 0}, "team/broken": {3, 3, 0, 3}, "team/windows": {1, 1, 0, 0}}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("tags, manifests, untagged, broken (-want +got):\n%s", diff)
		}
		kinds := []string{}
		for _, f := range l.Findings {
			kinds = append(kinds, f.Kind+" of "+f.Repository)
		}
		slices.Sort(kinds)
		if diff := cmp.Diff([]string{"broken manifest of team/broken", "missing blob of team/broken"}, kinds); diff != "" {
			t.Errorf("findings (-want +got):\n%s\n%v", diff, l.Findings)
		}
	})
}

// state is what a directory has in it.
type state struct {
	objects map[string]int64 // sizes of content by digest; names of one file count once
	files   map[string]string
}

func snapshot(t *testing.T, dir string) state {
	t.Helper()
	s := state{map[string]int64{}, map[string]string{}}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := d.Info()
		s.files[path] = info.ModTime().String() + string(text)
		if strings.Contains(path, "/blobs/sha256/") {
			s.objects[string(easel.DigestOf(easel.SHA256, text))] = int64(len(text))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Equal is for cmp.
func (s state) Equal(o state) bool {
	return cmp.Equal(s.objects, o.objects) && cmp.Equal(s.files, o.files)
}

// TestOrder looks for manifests before what they name.
func TestOrder(t *testing.T) {
	t.Parallel()
	onKinds(t, func(t *testing.T, kind string) {
		_, dir := sample(t, kind)
		tree := scanned(t, dir, false)
		for untagged, want := range map[bool]int{false: 11, true: 12} {
			n := 0
			for _, r := range tree.Repositories(untagged) {
				seen := map[easel.Digest]bool{}
				for _, m := range r.Manifests {
					n++
					for _, before := range append(slices.Clone(m.Children), m.Subject) {
						if before != "" && !seen[before] {
							t.Errorf("%s: %s comes before %s", r.Name, m.Digest, before)
						}
					}
					seen[m.Digest] = true
					if text, err := tree.Body(m); err != nil || easel.DigestOf(easel.SHA256, text) != m.Digest {
						t.Errorf("%s: %s: %v", r.Name, m.Digest, err)
					}
				}
			}
			if n != want {
				t.Errorf("untagged %v: %d manifests, want %d", untagged, n, want)
			}
		}
	})
}

// TestDamage spoils a sample in many ways; each must be named, and the rest
// read as before.
func TestDamage(t *testing.T) {
	t.Parallel()
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("layer 1"), 0o600); err != nil {
		t.Fatal(err)
	}
	layer := easel.DigestOf(easel.SHA256, []byte("layer 1"))
	replace := func(t *testing.T, w *adopttest.Tree, name string, make func(path string) error) {
		t.Helper()
		path := filepath.Join(w.Dir, name)
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		if err := make(path); err != nil {
			t.Fatal(err)
		}
	}
	for _, tt := range []struct {
		name string
		do   func(*testing.T, *adopttest.Tree)
		want string // kind of a finding
	}{
		{"a layer with other content", func(t *testing.T, w *adopttest.Tree) { w.Write(w.BlobPath("team/app", layer), "LAYER 1") }, "damaged blob"},
		{"a layer cut short", func(t *testing.T, w *adopttest.Tree) { w.Write(w.BlobPath("team/app", layer), "lay") }, "damaged blob"},
		{"a layer that leads outside", func(t *testing.T, w *adopttest.Tree) {
			replace(t, w, w.BlobPath("team/app", layer), func(path string) error { return os.Symlink(secret, path) })
		}, "stray file"},
		{"a layer that leads elsewhere inside", func(t *testing.T, w *adopttest.Tree) {
			replace(t, w, w.BlobPath("team/app", layer), func(path string) error { return os.Symlink("../data", path) })
		}, "stray file"},
		{"a directory for a layer", func(t *testing.T, w *adopttest.Tree) {
			replace(t, w, w.BlobPath("team/app", layer), func(path string) error { return os.Mkdir(path, 0o755) })
		}, "stray file"},
		{"a file of no digest", func(t *testing.T, w *adopttest.Tree) {
			w.Write(strings.Replace(w.BlobPath("team/app", layer), layer.Hex(), "nothing", 1), "x")
		}, "stray file"},
		{"an algorithm of no digest", func(t *testing.T, w *adopttest.Tree) {
			w.Write(strings.Replace(w.BlobPath("team/app", layer), "sha256", "md5", 1), "x")
		}, "stray file"},
		{"a huge manifest", func(t *testing.T, w *adopttest.Tree) {
			w.PutText("team/huge", easel.MediaTypeOCIManifest, `{"schemaVersion":2,"x":"`+strings.Repeat("x", easel.MaxManifestSize)+`"}`, "1")
		}, "broken manifest"},
		{"a manifest that is none", func(t *testing.T, w *adopttest.Tree) {
			w.PutText("team/none", easel.MediaTypeOCIManifest, `[]`, "1")
		}, "broken manifest"},
		{"a manifest of two kinds", func(t *testing.T, w *adopttest.Tree) {
			w.PutText("team/two", easel.MediaTypeOCIIndex, `{"schemaVersion":2,"mediaType":"`+easel.MediaTypeOCIIndex+`","manifests":[],"layers":[]}`, "1")
		}, "broken manifest"},
		{"an index of what is not there", func(t *testing.T, w *adopttest.Tree) {
			w.Put("team/lost", map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIIndex, "manifests": []any{
				map[string]any{"mediaType": easel.MediaTypeOCIManifest, "digest": easel.DigestOf(easel.SHA256, []byte("lost")), "size": 4}}}, "1")
		}, "broken manifest"},
		{"directories without an end", func(t *testing.T, w *adopttest.Tree) {
			w.Write("repositories/"+strings.Repeat("a/", 60)+"b", "x")
		}, "stray file"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			onKinds(t, func(t *testing.T, kind string) {
				w, dir := sample(t, kind)
				tt.do(t, w)
				if w.Err != nil {
					t.Fatal(w.Err)
				}
				l := scanned(t, dir, true).Ledger()
				if !slices.ContainsFunc(l.Findings, func(f adopt.Finding) bool { return f.Kind == tt.want }) {
					t.Errorf("no %q among %+v", tt.want, l.Findings)
				}
				if !slices.ContainsFunc(l.Repositories, func(r adopt.RepositoryUsed) bool { return r.Name == "team/multi" && r.Broken == 0 }) {
					t.Errorf("the rest is not read: %+v", l.Repositories)
				}
			})
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := adopt.Open(t.TempDir()); easel.AsError(err).Kind != easel.Invalid {
		t.Errorf("an empty directory: %v", err)
	}
	if _, err := adopt.Open(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("a directory that is not there can be opened")
	}
	_, dir := sample(t, adopt.Distribution)
	if tree, err := adopt.Open(filepath.Join(dir, "docker", "registry", "v2")); err != nil || tree.Kind != adopt.Distribution {
		t.Errorf("the inner directory: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	tree, err := adopt.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if err := tree.Scan(ctx, func(int, int) {}); err == nil {
		t.Error("a scan that was cancelled ends well")
	}
}
