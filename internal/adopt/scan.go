package adopt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"easel"
)

// Manifest is a manifest that a repository of the tree has.
type Manifest struct {
	Digest    easel.Digest
	MediaType string
	Size      int64
	Tags      []string
	Blobs     []easel.Descriptor // config and layers, without those that live elsewhere
	Children  []easel.Digest
	Subject   easel.Digest // "": it has none
	Broken    string       // why it cannot be used as it is; "": it can

	object *object
	tagged bool // it, or what needs it, has a tag
}

// Scan reads the tree and follows all references. It is called once, and
// tells progress how many of how many repositories were read.
func (t *Tree) Scan(ctx context.Context, progress func(done, total int)) error {
	read := t.readDistribution
	if t.Kind == Zot {
		read = t.readZot
	}
	if err := read(ctx); err != nil {
		return fmt.Errorf("read the directory: %w", err)
	}
	for n, r := range t.repos {
		if err := ctx.Err(); err != nil {
			return err
		}
		progress(n, len(t.repos))
		t.follow(r)
		r.markTagged()
		r.markNeeded()
		r.markBroken(&t.findings)
	}
	progress(len(t.repos), len(t.repos))
	return nil
}

// follow reads the manifests of a repository, and those that they name.
func (t *Tree) follow(r *repo) {
	r.manifests = map[easel.Digest]*Manifest{}
	work := slices.Clone(r.roots)
	for len(work) > 0 {
		next := work[0]
		work = work[1:]
		m := r.manifests[next.digest]
		if m == nil {
			m = t.manifest(r, next)
			r.manifests[next.digest] = m
			r.order = append(r.order, next.digest)
			for _, child := range m.Children {
				work = append(work, root{digest: child})
			}
		}
		if next.tag != "" && !slices.Contains(m.Tags, next.tag) {
			m.Tags = append(m.Tags, next.tag)
		}
	}
}

// manifest reads one; what is wrong with it is in Broken.
func (t *Tree) manifest(r *repo, at root) *Manifest {
	m := &Manifest{Digest: at.digest, MediaType: at.mediaType, object: r.blobs[at.digest]}
	if m.object == nil {
		m.Broken = "it is not there"
		return m
	}
	m.Size = m.object.size
	text, err := t.read(m.object.path, easel.MaxManifestSize)
	switch {
	case err != nil:
		m.Broken = fmt.Sprintf("it cannot be read, or has more than %d bytes", easel.MaxManifestSize)
		return m
	case easel.DigestOf(at.digest.Algorithm(), text) != at.digest:
		m.Broken = "its content has another digest: it is damaged"
		return m
	}
	parsed, err := parse(at.mediaType, text)
	if err != nil {
		m.Broken = easel.AsError(err).Msg
		return m
	}
	m.MediaType = parsed.MediaType
	for _, d := range parsed.Blobs() {
		if o := r.blobs[d.Digest]; o == nil && d.External() {
			continue
		}
		m.Blobs = append(m.Blobs, easel.Descriptor{MediaType: d.MediaType, Digest: d.Digest, Size: d.Size})
	}
	for _, d := range parsed.Children {
		m.Children = append(m.Children, d.Digest)
	}
	if parsed.Subject != nil {
		m.Subject = parsed.Subject.Digest
	}
	return m
}

// parse parses a manifest of which nobody may know the media type: OCI's need
// not carry it, and distribution stores it nowhere else.
func parse(mediaType string, text []byte) (*easel.Manifest, error) {
	var says struct {
		SchemaVersion int             `json:"schemaVersion"`
		MediaType     string          `json:"mediaType"`
		Manifests     json.RawMessage `json:"manifests"`
	}
	if err := json.Unmarshal(text, &says); err != nil {
		return nil, easel.E(easel.Invalid, "manifest", "it is no JSON")
	}
	switch {
	case says.SchemaVersion == 1:
		return nil, easel.E(easel.Invalid, "manifest", "it is of schema 1, which Easel does not take: push the image again with a newer client")
	case says.MediaType != "":
		mediaType = says.MediaType
	case mediaType == "" && says.Manifests != nil:
		mediaType = easel.MediaTypeOCIIndex
	case mediaType == "":
		mediaType = easel.MediaTypeOCIManifest
	}
	return easel.ParseManifest(mediaType, text)
}

// markTagged finds what a tag needs: children of what is tagged, and
// referrers to it.
func (r *repo) markTagged() {
	referrers := map[easel.Digest][]easel.Digest{}
	var work []easel.Digest
	for _, d := range r.order {
		m := r.manifests[d]
		if m.Subject != "" {
			referrers[m.Subject] = append(referrers[m.Subject], d)
		}
		if len(m.Tags) > 0 {
			work = append(work, d)
		}
	}
	for len(work) > 0 {
		m := r.manifests[work[0]]
		work = work[1:]
		if m == nil || m.tagged {
			continue
		}
		m.tagged = true
		work = append(work, m.Children...)
		work = append(work, referrers[m.Digest]...)
	}
}

// markNeeded notes on each object who needs it.
func (r *repo) markNeeded() {
	for _, d := range r.order {
		m := r.manifests[d]
		m.object.need(r, m.tagged)
		for _, b := range m.Blobs {
			r.blobs[b.Digest].need(r, m.tagged)
		}
	}
}

func (o *object) need(r *repo, tagged bool) {
	if o == nil {
		return
	}
	if o.owner == nil {
		o.owner = r
	}
	o.shared = o.shared || o.owner != r
	o.tagged = o.tagged || tagged
}

// markBroken finds manifests that miss something, and what needs those.
func (r *repo) markBroken(f *findings) {
	for _, d := range r.order {
		m := r.manifests[d]
		if m.Broken != "" {
			f.add("broken manifest", r.name, string(d), "%s", m.Broken)
			continue
		}
		for _, b := range m.Blobs {
			switch o := r.blobs[b.Digest]; {
			case o == nil:
				m.Broken = "a blob is missing"
				f.add("missing blob", r.name, string(b.Digest), "the manifest %s names it", d)
			case o.size != b.Size:
				m.Broken = "a blob is not whole"
				f.add("damaged blob", r.name, string(b.Digest), "it has %d bytes; the manifest %s says %d", o.size, d, b.Size)
			}
		}
	}
	r.spread()
}

// spread makes indexes of broken manifests broken.
func (r *repo) spread() {
	for changed := true; changed; { // indexes of indexes
		changed = false
		for _, d := range r.order {
			m := r.manifests[d]
			if m.Broken == "" && slices.ContainsFunc(m.Children, func(c easel.Digest) bool { return r.manifests[c].Broken != "" }) {
				m.Broken, changed = "a manifest that it names is broken", true
			}
		}
	}
}

// Rehash reads all content and compares digests. progress is told bytes.
func (t *Tree) Rehash(ctx context.Context, progress func(bytes int64)) error {
	for _, o := range t.objects {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := t.rehash(o); errors.Is(err, errDamaged) {
			t.findings.add("damaged blob", "", string(o.digest), "its content has another digest")
			t.damaged(o)
		} else if err != nil {
			t.findings.add("damaged blob", "", string(o.digest), "it cannot be read")
			t.damaged(o)
		}
		progress(o.size)
	}
	return nil
}

var errDamaged = errors.New("another digest")

func (t *Tree) rehash(o *object) error {
	f, err := t.open(o.path)
	if err != nil {
		return err
	}
	defer f.Close()
	h, _ := easel.NewHash(o.digest.Algorithm()) // a digest that was parsed has one
	if _, err := io.Copy(h, f); err != nil {
		return err
	}
	if easel.SumDigest(o.digest.Algorithm(), h) != o.digest {
		return errDamaged
	}
	return nil
}

// damaged notes on the manifests that need it that an object is damaged.
func (t *Tree) damaged(o *object) {
	for _, r := range t.repos {
		for _, m := range r.manifests {
			if m.Broken == "" && slices.ContainsFunc(m.Blobs, func(d easel.Descriptor) bool { return r.blobs[d.Digest] == o }) {
				m.Broken = "a blob is damaged"
			}
		}
		r.spread()
	}
}
