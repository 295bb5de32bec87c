package adopt

import (
	"cmp"
	"slices"
	"strings"

	"easel"
)

// Ledger is what a tree holds, in bytes of its files.
type Ledger struct {
	Kind         string           `json:"kind"`
	Repositories []RepositoryUsed `json:"repositories"` // the largest first
	Objects      int              `json:"objects"`      // files of content
	Bytes        int64            `json:"bytes"`
	Shared       int64            `json:"bytes_shared"`       // needed by more than one repository
	Untagged     int64            `json:"bytes_untagged"`     // needed only by manifests without a tag
	Unreferenced int64            `json:"bytes_unreferenced"` // that nothing needs: what a collector would free
	Loose        int              `json:"objects_unreferenced"`
	Uploads      int              `json:"upload_files"` // of uploads that never ended
	UploadBytes  int64            `json:"upload_bytes"`
	Findings     []Finding        `json:"findings"`
	MoreFindings int              `json:"more_findings"` // that are not listed
}

// RepositoryUsed is what a repository needs.
type RepositoryUsed struct {
	Name      string `json:"name"`
	Tags      int    `json:"tags"`
	Manifests int    `json:"manifests"`
	Untagged  int    `json:"manifests_untagged"` // neither tagged nor needed by what is
	Broken    int    `json:"manifests_broken"`
	Bytes     int64  `json:"bytes"`           // with manifests
	Exclusive int64  `json:"bytes_exclusive"` // of them, no other repository needs
}

// Ledger adds up what Scan, and Rehash, found.
func (t *Tree) Ledger() Ledger {
	l := Ledger{Kind: t.Kind, Repositories: []RepositoryUsed{}, Objects: len(t.objects), Uploads: t.uploads.files, UploadBytes: t.uploads.bytes,
		Findings: append([]Finding{}, t.findings.all...), MoreFindings: t.findings.more}
	for _, o := range t.objects {
		l.Bytes += o.size
		switch {
		case o.owner == nil:
			l.Unreferenced += o.size
			l.Loose++
		case !o.tagged:
			l.Untagged += o.size
		}
		if o.shared {
			l.Shared += o.size
		}
	}
	for _, r := range t.repos {
		l.Repositories = append(l.Repositories, r.used())
	}
	slices.SortStableFunc(l.Repositories, func(a, b RepositoryUsed) int {
		return cmp.Or(cmp.Compare(b.Bytes, a.Bytes), strings.Compare(a.Name, b.Name))
	})
	return l
}

func (r *repo) used() RepositoryUsed {
	u := RepositoryUsed{Name: r.name}
	seen := map[*object]bool{}
	add := func(o *object) {
		if o == nil || seen[o] {
			return
		}
		seen[o] = true
		u.Bytes += o.size
		if !o.shared {
			u.Exclusive += o.size
		}
	}
	for _, d := range r.order {
		m := r.manifests[d]
		if m.object != nil {
			u.Manifests++
		}
		u.Tags += len(m.Tags)
		if !m.tagged && m.object != nil {
			u.Untagged++
		}
		if m.Broken != "" {
			u.Broken++
		}
		add(m.object)
		for _, b := range m.Blobs {
			add(r.blobs[b.Digest])
		}
	}
	return u
}

// Content returns the bytes of all content, for Rehash to be measured against.
func (t *Tree) Content() (bytes int64) {
	for _, o := range t.objects {
		bytes += o.size
	}
	return bytes
}

// Repository is a repository that can be pushed elsewhere.
type Repository struct {
	Name string
	// Manifests are in an order in which a registry takes them: what one names
	// precedes it, and so does its subject. Broken ones are among them.
	Manifests []*Manifest
}

// Repositories returns the repositories by name. With untagged, manifests
// that nothing with a tag needs are among them.
func (t *Tree) Repositories(untagged bool) []Repository {
	out := make([]Repository, 0, len(t.repos))
	for _, r := range t.repos {
		out = append(out, Repository{r.name, r.sorted(untagged)})
	}
	slices.SortFunc(out, func(a, b Repository) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// sorted orders the manifests of a repository: a walk of which the stack is
// a list, so that a deep tree costs no more than a wide one.
func (r *repo) sorted(untagged bool) (out []*Manifest) {
	const (
		open = 1
		done = 2
	)
	state := map[easel.Digest]int{}
	for _, first := range r.order {
		stack := []easel.Digest{first}
		for len(stack) > 0 {
			d := stack[len(stack)-1]
			m := r.manifests[d]
			if m == nil || state[d] == done {
				stack = stack[:len(stack)-1]
				continue
			}
			if state[d] == open {
				state[d] = done
				if m.tagged || untagged {
					out = append(out, m)
				}
				continue
			}
			state[d] = open
			for _, before := range append(slices.Clone(m.Children), m.Subject) {
				if state[before] == 0 {
					stack = append(stack, before)
				}
			}
		}
	}
	return out
}
