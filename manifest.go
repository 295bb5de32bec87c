package easel

import (
	"bytes"
	"encoding/json"
	"io"
	"mime"
	"slices"
	"strings"
	"unicode"
)

// MaxManifestSize is the largest manifest Easel takes, in bytes (4 MiB, as the
// OCI distribution spec asks for at least).
const MaxManifestSize = 4 << 20

// maxDescriptors bounds the layers or children of one manifest: each is a row.
const maxDescriptors = 10_000

// maxContentSize bounds what a manifest may claim to hold, in bytes (16 TiB).
// Layers that live elsewhere can claim anything, and sums over many manifests
// must not overflow.
const maxContentSize = 16 << 40

// The media types that Easel parses. Everything else is refused: a manifest
// whose references we do not know could not be deleted safely.
const (
	MediaTypeOCIManifest    = "application/vnd.oci.image.manifest.v1+json"
	MediaTypeOCIIndex       = "application/vnd.oci.image.index.v1+json"
	MediaTypeDockerManifest = "application/vnd.docker.distribution.manifest.v2+json"
	MediaTypeDockerList     = "application/vnd.docker.distribution.manifest.list.v2+json"
)

// Platform is what an index says a child runs on.
type Platform struct {
	Architecture string `json:"architecture"`
	OS           string `json:"os"`
	Variant      string `json:"variant,omitempty"`
}

// Descriptor points at content (OCI image spec, descriptor.md).
type Descriptor struct {
	MediaType    string            `json:"mediaType"`
	Digest       Digest            `json:"digest"`
	Size         int64             `json:"size"`
	URLs         []string          `json:"urls,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	ArtifactType string            `json:"artifactType,omitempty"`
	Platform     *Platform         `json:"platform,omitempty"`
}

// External reports whether the content may live elsewhere: a foreign or
// non-distributable layer, which a manifest may name although the repository
// has no such blob.
func (d Descriptor) External() bool {
	return strings.Contains(d.MediaType, ".nondistributable.") || strings.Contains(d.MediaType, ".foreign.")
}

// Manifest is a parsed image manifest, index or artifact manifest with the
// exact bytes it was parsed from.
type Manifest struct {
	MediaType    string
	ArtifactType string // as a referrer: artifactType, else the config's media type (OCI distribution 1.1, "Listing Referrers")
	Config       *Descriptor
	Layers       []Descriptor
	Children     []Descriptor // of an index
	Subject      *Descriptor
	Annotations  map[string]string
	Body         []byte
}

// IsIndex reports whether the manifest is an index or manifest list.
func (m *Manifest) IsIndex() bool {
	return m.MediaType == MediaTypeOCIIndex || m.MediaType == MediaTypeDockerList
}

// Blobs returns config and layers, each digest once, in order.
func (m *Manifest) Blobs() []Descriptor {
	var all []Descriptor
	if m.Config != nil {
		all = append(all, *m.Config)
	}
	seen := make(map[Digest]bool, len(m.Layers)+1)
	return slices.DeleteFunc(append(all, m.Layers...), func(d Descriptor) bool {
		again := seen[d.Digest]
		seen[d.Digest] = true
		return again
	})
}

// ContentSize is the sum of config and layer sizes in bytes, a layer that is
// listed twice counted twice, as SWR counts it (swr.md 8.1).
func (m *Manifest) ContentSize() int64 {
	var n int64
	if m.Config != nil {
		n = m.Config.Size
	}
	for _, l := range m.Layers {
		n += l.Size
	}
	return n
}

type wireManifest struct {
	SchemaVersion int               `json:"schemaVersion"`
	MediaType     string            `json:"mediaType"`
	ArtifactType  string            `json:"artifactType"`
	Config        *Descriptor       `json:"config"`
	Layers        *[]Descriptor     `json:"layers"`
	Manifests     *[]Descriptor     `json:"manifests"`
	Subject       *Descriptor       `json:"subject"`
	Annotations   map[string]string `json:"annotations"`
	FSLayers      json.RawMessage   `json:"fsLayers"`
}

// ParseManifest parses body as contentType says. It refuses what is not JSON,
// a mediaType that contradicts the Content-Type, documents that are image and
// index at once (CVE-2021-41190), unknown types, bad digests and negative
// sizes, all as Invalid; more than 4 MiB as TooLarge.
func ParseManifest(contentType string, body []byte) (*Manifest, error) {
	if len(body) > MaxManifestSize {
		return nil, E(TooLarge, "manifest", "the manifest has %d bytes; at most %d are taken", len(body), MaxManifestSize)
	}
	var w wireManifest
	dec := json.NewDecoder(bytes.NewReader(body))
	if err := dec.Decode(&w); err != nil {
		return nil, invalidManifest("it is not JSON of the expected form").Because(err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, invalidManifest("something follows the JSON document")
	}
	mediaType, err := w.mediaType(contentType)
	if err != nil {
		return nil, err
	}
	m := &Manifest{MediaType: mediaType, ArtifactType: w.ArtifactType, Config: w.Config, Subject: w.Subject, Annotations: w.Annotations, Body: body}
	if w.Layers != nil {
		m.Layers = *w.Layers
	}
	if w.Manifests != nil {
		m.Children = *w.Manifests
	}
	if err := m.validate(&w); err != nil {
		return nil, err
	}
	if m.ArtifactType == "" && m.Config != nil {
		m.ArtifactType = m.Config.MediaType
	}
	return m, nil
}

// mediaType settles what the document is from Content-Type and its own word.
func (w *wireManifest) mediaType(contentType string) (string, error) {
	declared, _, err := mime.ParseMediaType(contentType)
	if contentType != "" && err != nil {
		return "", invalidManifest("the Content-Type %.80q cannot be read", contentType)
	}
	if declared == "" {
		declared = w.MediaType
	}
	if w.MediaType != "" && w.MediaType != declared {
		return "", invalidManifest("its mediaType %.100q contradicts the Content-Type %.100q", w.MediaType, declared)
	}
	switch declared {
	case MediaTypeOCIManifest, MediaTypeOCIIndex:
		return declared, nil
	case MediaTypeDockerManifest, MediaTypeDockerList:
		if w.MediaType == "" {
			return "", invalidManifest("a Docker manifest must carry its mediaType")
		}
		return declared, nil
	case "":
		return "", invalidManifest("neither Content-Type nor mediaType says what it is")
	}
	return "", invalidManifest("the media type %.100q is not supported: use an OCI manifest or index, or Docker schema 2", declared)
}

func (m *Manifest) validate(w *wireManifest) error {
	if w.SchemaVersion != 2 {
		return invalidManifest("schemaVersion is %d, want 2", w.SchemaVersion)
	}
	if w.FSLayers != nil || (m.IsIndex() && (w.Layers != nil || w.Config != nil)) || (!m.IsIndex() && w.Manifests != nil) {
		return invalidManifest("it mixes the fields of a manifest and of an index")
	}
	if !m.IsIndex() && (m.Config == nil || w.Layers == nil) {
		return invalidManifest("config and layers are required")
	}
	if m.IsIndex() && w.Manifests == nil {
		return invalidManifest("manifests is required")
	}
	if len(m.Layers)+len(m.Children) > maxDescriptors {
		return invalidManifest("it names more than %d layers or manifests", maxDescriptors)
	}
	all := slices.Concat(m.Layers, m.Children)
	for _, d := range []*Descriptor{m.Config, m.Subject} {
		if d != nil {
			all = append(all, *d)
		}
	}
	for _, d := range all {
		if _, err := ParseDigest(string(d.Digest)); err != nil {
			return invalidManifest("a descriptor has a bad digest").Because(err)
		}
		if d.Size < 0 || d.Size > maxContentSize {
			return invalidManifest("a descriptor has the size %d", d.Size)
		}
		if d.MediaType == "" {
			return invalidManifest("the descriptor of %s has no mediaType", d.Digest)
		}
		if strings.ContainsFunc(d.MediaType, unicode.IsControl) {
			return invalidManifest("the mediaType of %s has a control character", d.Digest)
		}
	}
	if strings.ContainsFunc(m.ArtifactType, unicode.IsControl) {
		return invalidManifest("its artifactType has a control character")
	}
	if n := m.ContentSize(); n > maxContentSize {
		return invalidManifest("its content has %d bytes; at most %d are taken", n, int64(maxContentSize))
	}
	return nil
}

func invalidManifest(format string, args ...any) *Error {
	e := E(Invalid, "manifest", format, args...)
	e.Msg = "the manifest is not valid: " + e.Msg
	return e
}
