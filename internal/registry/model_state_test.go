package registry

import (
	"slices"
	"time"

	"easel"
)

// model is the registry as its rules describe it, in maps: what must be
// readable, and how many bytes must be on the disk.
type model struct {
	now      time.Time
	repos    map[easel.Repo]*modelRepo
	sizes    map[easel.Digest]int64 // of all blobs that there may be
	uploads  map[string]*modelUpload
	images   map[string]*modelImage
	unlinked int64 // bytes of garbage that nobody has unlinked yet

	workspaces map[string]bool // all that were ever made, and whether they are there

	window time.Duration // of undo
	budget int64
	trash  []*modelTrash  // the oldest first
	took   map[taken]bool // by the deletion under way: manifests that went, or will when a pin ends
}

// taken is a manifest that a deletion took out of a repository.
type taken struct {
	repo   *modelRepo
	digest easel.Digest
}

type modelRepo struct {
	links     map[easel.Digest]bool
	pins      map[pinned]*modelPin
	manifests map[easel.Digest]*modelManifest
	mpins     map[pinned]*modelPin
	tags      map[easel.Tag]easel.Digest
}

type modelManifest struct {
	*easel.Manifest
	condemned bool
}

// pinned is what a user was told about.
type pinned struct {
	digest easel.Digest
	user   string
}

type modelPin struct {
	uses           int
	until, counted time.Time
	finisher       string
}

type modelUpload struct {
	repo  easel.Repo
	owner easel.Principal
	word  string // what it shall be
	size  int    // bytes received
	until time.Time
}

type modelImage struct {
	repo easel.Repo
	tag  easel.Tag
	gone bool // the tag was deleted by another route

	protected bool
	workspace string
}

const (
	modelPinFor = 15 * time.Minute
	modelTTL    = 24 * time.Hour
)

func newModel(now time.Time) *model {
	return &model{now: now, repos: map[easel.Repo]*modelRepo{}, sizes: map[easel.Digest]int64{},
		uploads: map[string]*modelUpload{}, images: map[string]*modelImage{}, workspaces: map[string]bool{}, took: map[taken]bool{}}
}

// ensure returns the repository, which is made when it is not there.
func (m *model) ensure(name easel.Repo) *modelRepo {
	if m.repos[name] == nil {
		m.repos[name] = &modelRepo{links: map[easel.Digest]bool{}, pins: map[pinned]*modelPin{},
			manifests: map[easel.Digest]*modelManifest{}, mpins: map[pinned]*modelPin{}, tags: map[easel.Tag]easel.Digest{}}
	}
	return m.repos[name]
}

// stored reports whether any repository has the blob.
func (m *model) stored(d easel.Digest) bool {
	for _, r := range m.repos {
		if r.links[d] {
			return true
		}
	}
	return false
}

// bytes is what is on the disk.
func (m *model) bytes() (sum int64) {
	for d, size := range m.sizes {
		if m.stored(d) || m.inTrash(d) {
			sum += size
		}
	}
	for _, u := range m.uploads {
		sum += int64(u.size)
	}
	return sum + m.unlinked
}

func (p *modelPin) live(now time.Time) bool { return p != nil && p.until.After(now) }

// told counts a telling.
func (m *model) told(pins map[pinned]*modelPin, what easel.Digest, who easel.Principal, finisher string) {
	p := pins[pinned{what, who.UserID}]
	if !p.live(m.now) {
		p = &modelPin{}
		pins[pinned{what, who.UserID}] = p
	}
	p.uses++
	p.until, p.counted = m.now.Add(modelPinFor), m.now
	if finisher != "" {
		p.finisher = finisher
	}
}

// takeBack takes one telling back from each of who's pins on whats.
func takeBack(pins map[pinned]*modelPin, who easel.Principal, whats []easel.Digest) {
	for _, what := range whats {
		k := pinned{what, who.UserID}
		if p := pins[k]; p != nil {
			if p.uses--; p.uses == 0 {
				delete(pins, k)
			}
		}
	}
}

// extend is what bytes of an upload do for its owner's pins.
func (m *model) extend(u *modelUpload) {
	r := m.repos[u.repo]
	if r == nil {
		return
	}
	for _, pins := range []map[pinned]*modelPin{r.pins, r.mpins} {
		for k, p := range pins {
			if k.user == u.owner.UserID && p.live(m.now) && p.counted.After(m.now.Add(-24*time.Hour)) && p.until.Before(m.now.Add(modelPinFor-time.Minute)) {
				p.until = m.now.Add(modelPinFor)
			}
		}
	}
}

func (m *model) finish(id string, token string) {
	u := m.uploads[id]
	delete(m.uploads, id)
	d := sha256(u.word)
	m.sizes[d] = int64(len(u.word))
	r := m.ensure(u.repo)
	r.links[d] = true
	m.told(r.pins, d, u.owner, token)
}

// head is a question of somebody who may push; false: it is not there.
func (m *model) head(who easel.Principal, repo easel.Repo, d easel.Digest) bool {
	r := m.repos[repo]
	if r == nil || !r.links[d] {
		return false
	}
	if p := r.pins[pinned{d, who.UserID}]; !p.live(m.now) || p.finisher != who.TokenID {
		m.told(r.pins, d, who, "")
	}
	return true
}

func (m *model) mount(who easel.Principal, from, to easel.Repo, d easel.Digest) bool {
	if r := m.repos[from]; r == nil || !r.links[d] {
		return false
	}
	r := m.ensure(to)
	r.links[d] = true
	m.told(r.pins, d, who, "")
	return true
}

func (r *modelRepo) children(d easel.Digest) (out []easel.Digest) {
	for _, c := range r.manifests[d].Children {
		out = append(out, c.Digest)
	}
	return out
}

func (r *modelRepo) blobs(d easel.Digest) (out []easel.Digest) {
	for _, b := range r.manifests[d].Blobs() {
		out = append(out, b.Digest)
	}
	return out
}

// referrers returns the manifests whose subject is d.
func (r *modelRepo) referrers(d easel.Digest) (out []easel.Digest) {
	for digest, x := range r.manifests {
		if x.Subject != nil && x.Subject.Digest == d {
			out = append(out, digest)
		}
	}
	return out
}

// put stores a manifest; false when it names what is not there.
func (m *model) put(who easel.Principal, repo easel.Repo, x *easel.Manifest, tag easel.Tag) bool {
	r := m.repos[repo]
	if r == nil {
		r = newModel(m.now).ensure(repo) // thrown away when the put is refused
	}
	for _, b := range x.Blobs() {
		if !r.links[b.Digest] {
			return false
		}
	}
	for _, c := range x.Children {
		if r.manifests[c.Digest] == nil {
			return false
		}
	}
	d := easel.DigestOf(easel.SHA256, x.Body)
	if tag != "" && r.tags[tag] != "" && r.tags[tag] != d && m.protected(repo, tag) {
		return false
	}
	m.repos[repo] = r
	waits := x.Subject != nil && tag == "" && r.manifests[x.Subject.Digest] == nil
	made := r.manifests[d] == nil
	if made {
		r.manifests[d] = &modelManifest{Manifest: x}
	}
	moved := tag != "" && r.tags[tag] != d
	if tag != "" {
		r.tags[tag] = d
	}
	if tag == "" && (waits || x.Subject == nil) {
		m.told(r.mpins, d, who, "")
	}
	r.manifests[d].condemned = waits
	for _, wanted := range append(r.children(d), r.referrers(d)...) {
		r.manifests[wanted].condemned = wanted == d && waits
	}
	if made || moved {
		takeBack(r.pins, who, r.blobs(d))
		takeBack(r.mpins, who, distinct(append(r.children(d), r.referrers(d)...)))
	}
	return true
}

func distinct(ds []easel.Digest) []easel.Digest {
	return slices.Compact(slices.Sorted(slices.Values(ds)))
}

// heldBy reports whether what has a live pin of somebody but except.
func heldBy(pins map[pinned]*modelPin, what easel.Digest, now time.Time, except string) bool {
	for k, p := range pins {
		if k.digest == what && p.live(now) && k.user != except {
			return true
		}
	}
	return false
}

// stays reports whether something that does not go needs the manifest.
func (r *modelRepo) stays(d easel.Digest, insisted, going map[easel.Digest]bool) bool {
	for _, named := range r.tags {
		if named == d {
			return true
		}
	}
	if insisted[d] {
		return false
	}
	if s := r.manifests[d].Subject; s != nil && r.manifests[s.Digest] != nil && !going[s.Digest] {
		return true
	}
	for parent := range r.manifests {
		if !going[parent] && slices.Contains(r.children(parent), d) {
			return true
		}
	}
	return false
}

// takeOut takes manifests and blobs out of the repository, as far as nothing
// else needs them and no live pin holds them, with what only they needed.
func (m *model) takeOut(r *modelRepo, candidates []easel.Digest, insisted map[easel.Digest]bool, blobs []easel.Digest) {
	going := map[easel.Digest]bool{}
	for changed := true; changed; {
		changed = false
		for _, d := range slices.Clone(candidates) {
			if going[d] || r.manifests[d] == nil || r.stays(d, insisted, going) {
				continue
			}
			if heldBy(r.mpins, d, m.now, "") {
				r.manifests[d].condemned, m.took[taken{r, d}] = true, true
				blobs = append(blobs, r.blobs(d)...)
				continue
			}
			going[d], m.took[taken{r, d}], changed = true, true, true
			candidates = append(append(candidates, r.children(d)...), r.referrers(d)...)
			blobs = append(blobs, r.blobs(d)...)
		}
	}
	for d := range going {
		delete(r.manifests, d)
		for k := range r.mpins {
			if k.digest == d {
				delete(r.mpins, k)
			}
		}
	}
	for _, b := range blobs {
		m.drop(r, b)
	}
}

// drop takes a blob out of the repository, unless it is needed there.
func (m *model) drop(r *modelRepo, b easel.Digest) {
	for k, p := range r.pins {
		if k.digest == b && !p.live(m.now) {
			delete(r.pins, k)
		}
	}
	if heldBy(r.pins, b, m.now, "") {
		return
	}
	for d := range r.manifests {
		if slices.Contains(r.blobs(d), b) {
			return
		}
	}
	delete(r.links, b)
}

// sweep ends the pins whose time is over. It says how many bytes went.
func (m *model) sweep() int64 {
	before := m.bytes()
	for _, r := range m.repos {
		var blobs, candidates []easel.Digest
		insisted := map[easel.Digest]bool{}
		for k, p := range r.pins {
			if !p.live(m.now) {
				blobs = append(blobs, k.digest)
			}
		}
		for k, p := range r.mpins {
			if !p.live(m.now) {
				delete(r.mpins, k)
			}
		}
		for d, x := range r.manifests {
			if x.condemned && !heldBy(r.mpins, d, m.now, "") {
				candidates, insisted[d] = append(candidates, d), true
			}
		}
		m.takeOut(r, candidates, insisted, blobs)
	}
	return before - m.bytes()
}

// expire ends the uploads whose time is over. It says how many bytes went.
func (m *model) expire() (bytes int64) {
	for id, u := range m.uploads {
		if !u.until.After(m.now) {
			bytes += int64(u.size)
			delete(m.uploads, id)
		}
	}
	return bytes
}

// breaks marks the images whose tag was deleted.
func (m *model) breaks(repo easel.Repo, tags ...easel.Tag) {
	for _, i := range m.images {
		if i.repo == repo && slices.Contains(tags, i.tag) {
			i.gone = true
		}
	}
}
