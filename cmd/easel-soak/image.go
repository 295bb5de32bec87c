package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// Media types of what is pushed.
const (
	ociManifest = "application/vnd.oci.image.manifest.v1+json"
	ociIndex    = "application/vnd.oci.image.index.v1+json"
	ociConfig   = "application/vnd.oci.image.config.v1+json"
	ociLayer    = "application/vnd.oci.image.layer.v1.tar"
)

// content is a byte string and its digest.
type content struct {
	digest string
	bytes  []byte
}

func newContent(b []byte) content {
	sum := sha256.Sum256(b)
	return content{"sha256:" + hex.EncodeToString(sum[:]), b}
}

// pool are layers that images have in common.
type pool []content

func newPool(seed uint64, n, maxSize int) pool {
	p := make(pool, n)
	for i := range p {
		r := rand.NewChaCha8(sha256.Sum256(fmt.Appendf(nil, "layer %d of %d", i, seed)))
		b := make([]byte, 1+rand.New(r).IntN(maxSize))
		r.Read(b)
		p[i] = newContent(b)
	}
	return p
}

// some returns n different layers.
func (p pool) some(r *rand.Rand, n int) []content {
	layers := make([]content, n)
	for i, at := range r.Perm(len(p))[:n] {
		layers[i] = p[at]
	}
	return layers
}

// descriptor is a reference of a manifest.
type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int    `json:"size"`
}

// manifest is what is read of manifests and indexes, and written.
type manifest struct {
	SchemaVersion int          `json:"schemaVersion"`
	MediaType     string       `json:"mediaType"`
	Config        *descriptor  `json:"config,omitempty"`
	Layers        []descriptor `json:"layers,omitempty"`
	Manifests     []descriptor `json:"manifests,omitempty"`
	Subject       *descriptor  `json:"subject,omitempty"`
}

// image is an image to push.
type image struct {
	content // its manifest
	blobs   []content
}

// newImage returns an image that nobody pushed before: its config is unique.
func newImage(name string, subject *descriptor, layers ...content) image {
	config := newContent(fmt.Appendf(nil, `{"architecture":"amd64","os":"linux","author":%q}`, name))
	m := manifest{SchemaVersion: 2, MediaType: ociManifest, Subject: subject,
		Config: &descriptor{ociConfig, config.digest, len(config.bytes)}, Layers: []descriptor{}}
	for _, l := range layers {
		m.Layers = append(m.Layers, descriptor{ociLayer, l.digest, len(l.bytes)})
	}
	return image{newContent(encode(m)), append([]content{config}, layers...)}
}

// newIndex returns an index of images.
func newIndex(children ...image) content {
	m := manifest{SchemaVersion: 2, MediaType: ociIndex, Manifests: []descriptor{}}
	for _, c := range children {
		m.Manifests = append(m.Manifests, descriptor{ociManifest, c.digest, len(c.bytes)})
	}
	return newContent(encode(m))
}

// encode cannot fail for the types it is called with.
func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
