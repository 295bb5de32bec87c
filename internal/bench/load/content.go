package load

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"math/rand/v2"
	"sync"
)

// blob is content that is made as it is read: a header that no other blob
// has, then a pattern that does not compress. A run needs no files and no
// memory for what it sends.
type blob struct {
	digest string
	seed   uint64
	size   int64
	bytes  []byte // a config; else nil
}

const headerSize = 16

// pattern is what follows the header, again and again.
var pattern = sync.OnceValue(func() []byte {
	b := make([]byte, 1<<20)
	r := rand.NewChaCha8([32]byte{'e', 'a', 's', 'e', 'l'})
	r.Read(b)
	return b
})

func newBlob(seed uint64, size int64) blob {
	b := blob{seed: seed, size: size}
	h := sha256.New()
	io.Copy(h, b.open()) // a hash never fails
	b.digest = "sha256:" + hex.EncodeToString(h.Sum(nil))
	return b
}

func newConfig(content []byte) blob {
	return blob{digest: digestOf(content), size: int64(len(content)), bytes: content}
}

func digestOf(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (b blob) open() io.Reader { return &blobReader{blob: b} }

type blobReader struct {
	blob
	at int64
}

// Read implements io.Reader.
func (r *blobReader) Read(p []byte) (n int, err error) {
	for n < len(p) && r.at < r.size {
		k := copy(p[n:min(int64(len(p)), int64(n)+r.size-r.at)], r.next())
		n, r.at = n+k, r.at+int64(k)
	}
	if r.at == r.size && n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

// next returns some bytes from where the reader stands.
func (r *blobReader) next() []byte {
	if r.bytes != nil {
		return r.bytes[r.at:]
	}
	if r.at < headerSize {
		header := binary.BigEndian.AppendUint64([]byte("easelbch"), r.seed)
		return header[r.at:]
	}
	p := pattern()
	return p[(r.at-headerSize)%int64(len(p)):]
}

// image is something to push.
type image struct {
	repo, tag, digest string
	blobs             []blob // the config is the last
	manifest          []byte
}

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"
)

type descriptor struct {
	MediaType string `json:"mediaType"`
	Digest    string `json:"digest"`
	Size      int64  `json:"size"`
}

// newImage returns the image of layers. name makes its config, and so its
// manifest, unlike all others.
func newImage(repo, tag, name string, layers ...blob) image {
	diffs := make([]string, len(layers))
	named := make([]descriptor, len(layers))
	for i, l := range layers {
		diffs[i], named[i] = l.digest, descriptor{layerType, l.digest, l.size}
	}
	config := newConfig(mustJSON(map[string]any{
		"architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z", "author": name,
		"rootfs": map[string]any{"type": "layers", "diff_ids": diffs},
	}))
	i := image{repo: repo, tag: tag, blobs: append(append([]blob(nil), layers...), config)}
	i.manifest = mustJSON(map[string]any{
		"schemaVersion": 2, "mediaType": manifestType,
		"config": descriptor{configType, config.digest, config.size}, "layers": named,
	})
	i.digest = digestOf(i.manifest)
	return i
}

// size returns the bytes of the image's blobs.
func (i image) size() (sum int64) {
	for _, b := range i.blobs {
		sum += b.size
	}
	return sum
}

// mustJSON encodes maps and structs of strings and numbers, which cannot fail.
func mustJSON(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
