// Package adopttest writes small storage directories of other registries, as
// those would have them. Only tests import it.
package adopttest

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"easel"
)

// Tree is a directory that is being written. The first error stays.
type Tree struct {
	Kind string // "distribution" or "zot"
	Dir  string
	Err  error

	first map[easel.Digest]string     // zot: a path of each content, to link to
	index map[string][]map[string]any // zot: the descriptors of index.json, by repository
}

// New begins a tree of a kind in dir.
func New(kind, dir string) *Tree {
	t := &Tree{Kind: kind, Dir: dir, first: map[easel.Digest]string{}, index: map[string][]map[string]any{}}
	if kind == "distribution" {
		t.Dir = filepath.Join(dir, "docker", "registry", "v2")
	}
	return t
}

// Write writes a file below the tree, with its directories.
func (t *Tree) Write(name, text string) {
	path := filepath.Join(t.Dir, filepath.FromSlash(name))
	if t.Err == nil {
		t.Err = os.MkdirAll(filepath.Dir(path), 0o755)
	}
	if t.Err == nil {
		t.Err = os.WriteFile(path, []byte(text), 0o644)
	}
}

// BlobPath is where the content is.
func (t *Tree) BlobPath(repo string, d easel.Digest) string {
	if t.Kind == "zot" {
		return repo + "/blobs/" + d.Algorithm() + "/" + d.Hex()
	}
	return "blobs/" + d.Algorithm() + "/" + d.Hex()[:2] + "/" + d.Hex() + "/data"
}

// Blob stores content for a repository and returns its descriptor.
func (t *Tree) Blob(repo, mediaType, content string) map[string]any {
	d := easel.DigestOf(easel.SHA256, []byte(content))
	t.store(repo, d, content)
	if t.Kind == "distribution" {
		t.Write("repositories/"+repo+"/_layers/sha256/"+d.Hex()+"/link", string(d))
	}
	return map[string]any{"mediaType": mediaType, "digest": d, "size": len(content)}
}

func (t *Tree) store(repo string, d easel.Digest, content string) {
	path := t.BlobPath(repo, d)
	first, there := t.first[d]
	if t.Kind != "zot" || !there {
		t.first[d] = path
		t.Write(path, content)
		return
	}
	if first == path || t.Err != nil {
		return
	}
	whole := filepath.Join(t.Dir, path)
	if t.Err = os.MkdirAll(filepath.Dir(whole), 0o755); t.Err == nil {
		if t.Err = os.Link(filepath.Join(t.Dir, first), whole); os.IsExist(t.Err) {
			t.Err = nil
		}
	}
}

// Image is a manifest with a config and layers, all of them stored.
func (t *Tree) Image(repo, config string, layers ...string) map[string]any {
	all := []any{}
	for _, l := range layers {
		all = append(all, t.Blob(repo, "application/vnd.oci.image.layer.v1.tar", l))
	}
	return map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest,
		"config": t.Blob(repo, "application/vnd.oci.image.config.v1+json", config), "layers": all}
}

// Put stores a manifest, with tags or without, and returns its descriptor.
func (t *Tree) Put(repo string, manifest map[string]any, tags ...string) map[string]any {
	text, err := json.Marshal(manifest)
	if err != nil {
		panic(err)
	}
	return t.PutText(repo, fmt.Sprint(manifest["mediaType"]), string(text), tags...)
}

// PutText is Put for a manifest in bytes.
func (t *Tree) PutText(repo, mediaType, text string, tags ...string) map[string]any {
	d := easel.DigestOf(easel.SHA256, []byte(text))
	t.store(repo, d, text)
	out := map[string]any{"mediaType": mediaType, "digest": d, "size": len(text)}
	if t.Kind == "distribution" {
		t.Write("repositories/"+repo+"/_manifests/revisions/sha256/"+d.Hex()+"/link", string(d))
		for _, tag := range tags {
			t.Write("repositories/"+repo+"/_manifests/tags/"+tag+"/current/link", string(d))
			t.Write("repositories/"+repo+"/_manifests/tags/"+tag+"/index/sha256/"+d.Hex()+"/link", string(d))
		}
		return out
	}
	if len(tags) == 0 {
		t.index[repo] = append(t.index[repo], out)
	}
	for _, tag := range tags {
		t.index[repo] = append(t.index[repo], map[string]any{"mediaType": mediaType, "digest": d, "size": len(text),
			"annotations": map[string]string{"org.opencontainers.image.ref.name": tag}})
	}
	content, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": t.index[repo]})
	if err != nil {
		panic(err)
	}
	t.Write(repo+"/index.json", string(content))
	t.Write(repo+"/oci-layout", `{"imageLayoutVersion":"1.0.0"}`)
	return out
}

// Sample fills the tree with some of everything:
//
//   - team/app: tags 1 and 2 and an untagged manifest, a referrer to 1
//   - team/multi: an index of two images, under two tags
//   - busybox: an image that shares a layer with team/app
//   - team/broken: an image of which a layer is missing, an index that names it, a schema 1 manifest
//   - team/windows: an image with a foreign layer that is not there
//   - a layer that nothing needs, and an upload that never ended
func (t *Tree) Sample() {
	first := t.Put("team/app", t.Image("team/app", "config 1", "base", "layer 1"), "1")
	t.Put("team/app", t.Image("team/app", "config 2", "base", "layer 2"), "2", "latest")
	t.Put("team/app", t.Image("team/app", "config 0", "base", "layer 0"))
	signature := t.Image("team/app", "{}", "signature")
	signature["subject"] = first
	t.Put("team/app", signature)

	amd, arm := t.Put("team/multi", t.Image("team/multi", "config amd", "base")), t.Put("team/multi", t.Image("team/multi", "config arm", "layer arm"))
	t.Put("team/multi", map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIIndex, "manifests": []any{amd, arm}}, "all", "v1")

	unmarked := t.Image("busybox", "config busybox", "base")
	delete(unmarked, "mediaType")
	t.PutText("busybox", easel.MediaTypeOCIManifest, text(unmarked), "latest")

	broken := t.Image("team/broken", "config broken", "base")
	broken["layers"] = append(broken["layers"].([]any), map[string]any{"mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": easel.DigestOf(easel.SHA256, []byte("gone")), "size": 4})
	lacking := t.Put("team/broken", broken, "lacking")
	t.Put("team/broken", map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIIndex, "manifests": []any{lacking}}, "index")
	t.PutText("team/broken", "application/vnd.docker.distribution.manifest.v1+prettyjws", `{"schemaVersion":1,"name":"x","fsLayers":[]}`, "old")

	windows := t.Image("team/windows", "config windows", "layer windows")
	windows["layers"] = append(windows["layers"].([]any), map[string]any{"mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar",
		"digest": easel.DigestOf(easel.SHA256, []byte("elsewhere")), "size": 1 << 30, "urls": []string{"https://example.com/layer"}})
	t.Put("team/windows", windows, "ltsc")

	t.Blob("team/app", "", "loose layer")
	if t.Kind == "zot" {
		t.Write("team/app/.uploads/1", "half a la")
	} else {
		t.Write("repositories/team/app/_uploads/1/data", "half a la")
	}
}

func text(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
