package adopt

import (
	"fmt"
	"io"

	"easel"
)

// Body returns the bytes of a manifest, which are what its digest says.
func (t *Tree) Body(m *Manifest) ([]byte, error) {
	if m.object == nil {
		return nil, easel.E(easel.NotFound, "manifest", "the manifest %s is not there", m.Digest)
	}
	text, err := t.read(m.object.path, easel.MaxManifestSize)
	if err == nil && easel.DigestOf(m.Digest.Algorithm(), text) != m.Digest {
		err = fmt.Errorf("the manifest %s is damaged", m.Digest)
	}
	return text, err
}

// Blob opens a blob that a manifest of the repository called name needs.
// Whoever reads it must compare its digest.
func (t *Tree) Blob(name string, digest easel.Digest) (io.ReadCloser, int64, error) {
	for _, r := range t.repos {
		if o := r.blobs[digest]; r.name == name && o != nil {
			f, err := t.open(o.path)
			return f, o.size, err
		}
	}
	return nil, 0, easel.E(easel.NotFound, "blob", "the blob %s is not there", digest)
}
