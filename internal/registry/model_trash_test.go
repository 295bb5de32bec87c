package registry

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"pgregory.net/rapid"

	"easel"
	"easel/internal/catalog"
)

// modelTrash is what one deletion took out of one repository.
type modelTrash struct {
	id        string
	repo      easel.Repo
	was       *modelRepo // at the deletion
	until     time.Time
	tags      map[easel.Tag]easel.Digest
	manifests map[easel.Digest]*easel.Manifest
	images    map[string]*modelImage
	broken    []string
}

func (x *modelTrash) blobs() map[easel.Digest]bool {
	blobs := map[easel.Digest]bool{}
	for _, manifest := range x.manifests {
		for _, b := range manifest.Blobs() {
			blobs[b.Digest] = true
		}
	}
	return blobs
}

// inTrash reports whether trash holds the blob.
func (m *model) inTrash(d easel.Digest) bool {
	return slices.ContainsFunc(m.trash, func(x *modelTrash) bool { return x.blobs()[d] })
}

// onlyTrash is what is held by the given trash and by no repository.
func (m *model) onlyTrash(trash []*modelTrash) (sum int64) {
	for d, size := range m.sizes {
		if !m.stored(d) && slices.ContainsFunc(trash, func(x *modelTrash) bool { return x.blobs()[d] }) {
			sum += size
		}
	}
	return sum
}

// undoing is a deletion that is being done, repository by repository.
type undoing map[easel.Repo]*modelTrash

// before notes what a repository has, for trash.
func (m *model) before(repos ...easel.Repo) undoing {
	m.took = map[taken]bool{}
	u := undoing{}
	for _, repo := range repos {
		r := m.repos[repo]
		if r == nil {
			continue
		}
		x := &modelTrash{repo: repo, was: r, tags: maps.Clone(r.tags), manifests: map[easel.Digest]*easel.Manifest{}, images: map[string]*modelImage{}}
		for d, manifest := range r.manifests {
			x.manifests[d] = manifest.Manifest
		}
		u[repo] = x
	}
	return u
}

// leave makes trash of what the deletion took, if there is a window and room
// for it.
func (m *model) leave(u undoing, receipt easel.Receipt, images map[string]*modelImage) {
	if m.window == 0 {
		return
	}
	var left []*modelTrash
	for _, repo := range slices.Sorted(maps.Keys(u)) {
		x, now := u[repo], m.repos[repo]
		keep := map[easel.Digest]bool{}
		for d := range x.manifests {
			keep[d] = m.took[taken{x.was, d}] || now == nil
		}
		maps.DeleteFunc(x.tags, func(tag easel.Tag, d easel.Digest) bool { return now != nil && now.tags[tag] != "" })
		for _, d := range x.tags {
			keep[d] = true
		}
		for id, i := range images {
			if i.repo == repo {
				x.images[id] = i
			}
		}
		for changed := true; changed; {
			changed = false
			for d, manifest := range x.manifests {
				for _, c := range manifest.Children {
					if keep[d] && !keep[c.Digest] {
						keep[c.Digest], changed = true, true
					}
				}
			}
		}
		maps.DeleteFunc(x.manifests, func(d easel.Digest, _ *easel.Manifest) bool { return !keep[d] })
		if len(x.tags)+len(x.manifests)+len(x.images) > 0 {
			x.id, x.until, x.broken = receipt.ID, m.now.Add(m.window), receipt.Broken
			left = append(left, x)
		}
	}
	if m.budget == 0 || m.onlyTrash(left) <= m.budget {
		m.trash = append(m.trash, left...)
	}
}

// purge ends trash whose time is over, then the oldest until the rest is
// within the budget.
func (m *model) purge() {
	m.trash = slices.DeleteFunc(m.trash, func(x *modelTrash) bool { return !x.until.After(m.now) })
	for m.budget > 0 && m.onlyTrash(m.trash) > m.budget {
		n := slices.IndexFunc(m.trash, func(x *modelTrash) bool { return m.onlyTrash([]*modelTrash{x}) > 0 })
		m.trash = slices.Delete(m.trash, n, n+1)
	}
}

// protected reports whether a protected image has the tag.
func (m *model) protected(repo easel.Repo, tag easel.Tag) bool {
	for _, i := range m.images {
		if i.protected && i.repo == repo && i.tag == tag {
			return true
		}
	}
	return false
}

// settled is what follows a deletion of the model: the receipt is compared,
// and older trash makes room.
func (m *machine) settled(t *rapid.T, got easel.Receipt, before int64, u undoing, images map[string]*modelImage) {
	t.Helper()
	had := len(m.trash)
	m.leave(u, got, images)
	m.receipt(t, got, before)
	if kept := len(m.trash) > had; kept != (got.RestoreUntil != nil) {
		t.Fatalf("it can be undone until %v; the model: %v", got.RestoreUntil, kept)
	}
	if got.RestoreUntil != nil {
		m.purge()
	}
}

// compareTrash compares what can be restored, and how many bytes only that holds.
func (m *machine) compareTrash(t *rapid.T) {
	found, err := m.Trash(operator(), catalog.TrashQuery{Limit: 1000})
	check(t, err)
	got, want := map[string]int{}, map[string]int{}
	for _, x := range found {
		got[x.ID+" "+string(x.Repo)] = x.Manifests
	}
	for _, x := range m.trash {
		want[x.id+" "+string(x.repo)] = len(x.manifests)
	}
	if !maps.Equal(got, want) {
		t.Fatalf("manifests in trash: %v; the model: %v", got, want)
	}
	u, err := m.Undo(operator(), "team")
	check(t, err)
	if want := (Undo{catalog.Undo{Window: m.window, Budget: m.budget}, m.onlyTrash(m.trash)}); u != want {
		t.Fatalf("the undo window is %+v; the model: %+v", u, want)
	}
}

func (m *machine) setUndo(t *rapid.T) {
	m.window = rapid.SampledFrom([]time.Duration{0, time.Hour, 24 * time.Hour}).Draw(t, "window")
	m.budget = rapid.SampledFrom([]int64{0, 20, 220}).Draw(t, "budget")
	_, err := m.SetUndo(operator(), "team", catalog.Undo{Window: m.window, Budget: m.budget})
	check(t, err)
	m.purge()
}

// deletion draws one that left something to trash.
func (m *machine) deletion(t *rapid.T) (id string, left []*modelTrash) {
	if len(m.trash) == 0 {
		t.Skip("no trash")
	}
	id = rapid.SampledFrom(m.trash).Draw(t, "deletion").id
	for _, x := range m.trash {
		if x.id == id {
			left = append(left, x)
		}
	}
	return id, left
}

func (m *machine) purgeOne(t *rapid.T) {
	id, _ := m.deletion(t)
	before := m.bytes()
	removed, err := m.db.PurgeTrash(context.Background(), alice, id)
	check(t, err)
	m.trash = slices.DeleteFunc(m.trash, func(x *modelTrash) bool { return x.id == id })
	m.receipt(t, m.Unlink(context.Background(), removed), before)
}

func (m *machine) restoreOne(t *rapid.T) {
	id, left := m.deletion(t)
	may := true
	for _, x := range left {
		for _, i := range x.images {
			may = may && (x.tags[i.tag] != "" || !m.registered(i.repo, i.tag))
		}
	}
	back, err := m.db.Restore(context.Background(), alice, id, "")
	wants(t, err, may, easel.Exists)
	if err != nil {
		return
	}
	m.trash = slices.DeleteFunc(m.trash, func(x *modelTrash) bool { return x.id == id })
	var names, moved []string
	for _, x := range left {
		for id, i := range x.images {
			if m.comesHome(i) {
				moved = append(moved, id)
			}
		}
		names = append(names, m.restore(x)...)
	}
	slices.Sort(moved)
	slices.Sort(back.Moved)
	if !slices.Equal(back.Moved, moved) {
		t.Fatalf("moved into the default workspace: %v; the model: %v", back.Moved, moved)
	}
	var got []string
	for _, tag := range back.Tags {
		got = append(got, tag.Is)
	}
	slices.Sort(names)
	slices.Sort(got)
	if !slices.Equal(got, names) {
		t.Fatalf("restored %v; the model: %v", got, names)
	}
}

func (m *model) registered(repo easel.Repo, tag easel.Tag) bool {
	for _, i := range m.images {
		if i.repo == repo && i.tag == tag {
			return true
		}
	}
	return false
}

// restore brings trash back and returns its tags, as they are called now.
func (m *model) restore(x *modelTrash) (names []string) {
	r := m.ensure(x.repo)
	for b := range x.blobs() {
		r.links[b] = true
	}
	for d, manifest := range x.manifests {
		if r.manifests[d] == nil {
			r.manifests[d] = &modelManifest{Manifest: manifest}
		}
	}
	for d := range x.manifests {
		r.manifests[d].condemned = false
		for _, wanted := range append(r.children(d), r.referrers(d)...) {
			r.manifests[wanted].condemned = false
		}
	}
	for _, was := range slices.Sorted(maps.Keys(x.tags)) {
		name := was
		for n := 1; r.tags[name] != "" && r.tags[name] != x.tags[was] || x.names(was) && m.registered(x.repo, name); n++ {
			name = was + easel.Tag(fmt.Sprintf("-restored-%d", n))
		}
		r.tags[name] = x.tags[was]
		names = append(names, string(x.repo)+":"+string(name))
		for _, i := range x.images {
			if i.tag == was {
				i.tag = name
			}
		}
		for id, i := range m.images {
			if name == was && i.repo == x.repo && i.tag == name && slices.Contains(x.broken, id) {
				i.gone = false
			}
		}
	}
	for id, i := range x.images {
		i.gone = i.gone || r.tags[i.tag] == ""
		m.images[id] = i
	}
	return names
}

// names reports whether a record with the tag comes back with x.
func (x *modelTrash) names(tag easel.Tag) bool {
	for _, i := range x.images {
		if i.tag == tag {
			return true
		}
	}
	return false
}

func (m *machine) protect(t *rapid.T) {
	if len(m.images) == 0 {
		t.Skip("no image")
	}
	id := rapid.SampledFrom(slices.Sorted(maps.Keys(m.images))).Draw(t, "image")
	i := m.images[id]
	if i.protected {
		_, err := m.db.UnprotectImage(context.Background(), alice, "p", id)
		check(t, err)
		i.protected = false
		return
	}
	r := m.repos[i.repo]
	_, err := m.db.ProtectImage(context.Background(), alice, "p", id)
	wants(t, err, r != nil && r.tags[i.tag] != "", easel.NotFound)
	i.protected = err == nil
}
