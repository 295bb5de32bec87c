package catalogtest

import (
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"easel"
	"easel/internal/catalog"
)

var ledgerTests = []test{
	{"LedgerEqualsARecount", ledgerEqualsARecount},
	{"LedgerSplitsSharedBytes", ledgerSplitsSharedBytes},
	{"LedgerOfImages", ledgerOfImages},
	{"LedgerUnderConcurrency", ledgerUnderConcurrency},
}

// ledgerEqualsARecount does random things and compares, after each, all
// figures with what the manifests that are there say. The runs share one
// database: what matters is what is there, not how it came.
func ledgerEqualsARecount(t *testing.T, w *world) {
	w.must(w.db.CreateOrg(t.Context(), w.bob, "second"))
	other := w.bob
	other.ProjectID = "project-second"
	l := &ledgerWorld{world: w, made: map[easel.Repo][]*easel.Manifest{}, gone: map[easel.Repo][]*easel.Manifest{}, lost: map[easel.Digest]bool{},
		places: map[easel.Repo]easel.Principal{"team/a": w.ann, "team/b": other, "second/c": w.bob, "foreign/d": w.eve}}
	w.must(w.db.SetOrgUndo(t.Context(), w.ann, "team", catalog.Undo{Window: 1000 * time.Hour}))
	rapid.Check(t, func(r *rapid.T) {
		for range 4 {
			l.step(r)
			if diff := cmp.Diff(l.recount(), l.ledger()); diff != "" {
				r.Fatalf("the ledger differs from a recount (-counted +ledger):\n%s", diff)
			}
		}
	})
}

type ledgerWorld struct {
	*world
	places map[easel.Repo]easel.Principal // repositories, with who pushes there
	made   map[easel.Repo][]*easel.Manifest
	gone   map[easel.Repo][]*easel.Manifest // that a restore may bring back
	lost   map[easel.Digest]bool
}

var ledgerWords = []string{"a", "base", "cuda cuda", "torch torch torch", "weights weights weights weights"}

// step does one of the things that change the ledger, or that must not.
func (l *ledgerWorld) step(r *rapid.T) {
	ctx := l.t.Context()
	repo := rapid.SampledFrom([]easel.Repo{"team/a", "team/b", "second/c", "foreign/d"}).Draw(r, "repo")
	who, there := l.places[repo], l.there(repo)
	tag := rapid.SampledFrom([]easel.Tag{"v1", "v2", "v3"}).Draw(r, "tag")
	words := rapid.SliceOfNDistinct(rapid.SampledFrom(ledgerWords), 1, 4, rapid.ID[string]).Draw(r, "words")
	what := rapid.SampledFrom([]string{"push", "push", "push", "index", "refer", "untag", "untag", "manifest", "repo", "lose", "sweep", "fold", "restore", "restore", "purge", "now"}).Draw(r, "what")
	var err error
	switch {
	case what == "push":
		l.image(r, who, repo, tag, words)
	case what == "index" && len(there) > 0:
		err = l.store(who, repo, tag, index(there[len(there)-1], there[0]))
	case what == "refer" && len(there) > 0:
		l.image(r, who, repo, "v1", words)
		err = l.store(who, repo, tag, referrer(there[0], words[0]))
	case what == "untag":
		_, err = l.db.DeleteTag(ctx, who, repo, tag, nil)
	case what == "manifest" && len(there) > 0:
		_, err = l.db.DeleteManifest(ctx, who, repo, manifestDigest(there[rand.IntN(len(there))]), nil)
	case what == "repo":
		_, err = l.db.DeleteRepo(ctx, who, repo, nil)
	case what == "lose":
		if b, missing := l.db.Blob(ctx, repo, digest(words[0])); missing == nil {
			l.lost[b.Digest] = true
			err = l.db.SetLost(ctx, b.Key)
		}
	case what == "sweep":
		l.pass(time.Hour)
		l.sweep()
	case what == "restore", what == "purge":
		err = l.trash(what == "restore")
	case what == "now":
		_, err = l.db.DeleteTag(easel.WithDeleteNow(ctx), who, repo, tag, nil)
	case what == "fold":
		err = l.db.FoldLedger(ctx)
	}
	if kind := easel.AsError(err).Kind; err != nil && kind != easel.NotFound && kind != easel.InUse && kind != easel.Exists {
		r.Fatalf("%s %s: %v", what, repo, err)
	}
}

// image pushes an image of words, and with it those that were lost.
func (l *ledgerWorld) image(r *rapid.T, who easel.Principal, repo easel.Repo, tag easel.Tag, words []string) {
	for _, word := range words {
		if !l.head(who, repo, word) {
			l.upload(who, repo, word)
		}
		delete(l.lost, digest(word))
	}
	if err := l.store(who, repo, tag, image(words[0], words[1:]...)); err != nil {
		r.Fatal(err)
	}
}

func (l *ledgerWorld) store(who easel.Principal, repo easel.Repo, tag easel.Tag, m *easel.Manifest) error {
	l.made[repo] = append(l.made[repo], m)
	return l.put(who, repo, m, tag)
}

// trash restores or purges something.
func (l *ledgerWorld) trash(restore bool) error {
	found, err := l.db.Trash(l.t.Context(), l.ann, catalog.TrashQuery{Domain: "lab", Limit: 100})
	if err != nil || len(found) == 0 {
		return err
	}
	x := found[rand.IntN(len(found))]
	if !restore {
		_, err = l.db.PurgeTrash(l.t.Context(), l.ann, x.ID)
		return err
	}
	_, err = l.db.Restore(l.t.Context(), l.places[x.Repo], x.ID, "") // a repository that was gone belongs to who restores it
	l.made[x.Repo], l.gone[x.Repo] = append(l.made[x.Repo], l.gone[x.Repo]...), nil
	return err
}

// there returns the manifests of repo that are there.
func (l *ledgerWorld) there(repo easel.Repo) (there []*easel.Manifest) {
	seen := map[easel.Digest]bool{}
	for _, m := range l.made[repo] {
		switch d := manifestDigest(m); {
		case seen[d]:
		case l.hasManifest(repo, m):
			seen[d], there = true, append(there, m)
		default:
			seen[d], l.gone[repo] = true, append(l.gone[repo], m)
		}
	}
	l.made[repo] = there
	return slices.Clone(there)
}

// ledgerKey names a scope.
type ledgerKey struct{ Kind, ID string }

// ledgerSum is what a scope holds.
type ledgerSum struct{ Exclusive, Shared, Blobs, Trash int64 }

// recount computes the ledger from the manifests.
func (l *ledgerWorld) recount() map[ledgerKey]ledgerSum {
	sizes := map[easel.Digest]int64{}
	holders := map[string]map[easel.Digest]map[string]bool{} // kind, blob: scopes
	for repo, who := range l.places {
		in := map[string]string{"repo": string(repo), "org": string(repo.Org()), "domain": who.DomainID, "user": who.UserID, "project": who.ProjectID}
		for _, m := range l.there(repo) {
			for _, b := range m.Blobs() {
				if sizes[b.Digest] = b.Size; l.lost[b.Digest] {
					sizes[b.Digest] = 0
				}
				for kind, scope := range in {
					if holders[kind] == nil {
						holders[kind] = map[easel.Digest]map[string]bool{}
					}
					if holders[kind][b.Digest] == nil {
						holders[kind][b.Digest] = map[string]bool{}
					}
					holders[kind][b.Digest][scope] = true
				}
			}
		}
	}
	out := map[ledgerKey]ledgerSum{}
	for kind, blobs := range holders {
		for d, scopes := range blobs {
			for scope := range scopes {
				sum := out[ledgerKey{kind, scope}]
				sum.Blobs++
				if len(scopes) == 1 {
					sum.Exclusive += sizes[d]
				} else {
					sum.Shared += sizes[d]
				}
				out[ledgerKey{kind, scope}] = sum
			}
		}
	}
	for _, key := range []ledgerKey{{"org", "team"}, {"domain", "lab"}} { // no other organisation has an undo window
		sum := out[key]
		sum.Trash = l.onlyTrash()
		out[key] = sum
	}
	for key, sum := range out {
		if sum.Exclusive+sum.Shared+sum.Trash == 0 { // all of it is lost: the ledger lists what holds bytes
			delete(out, key)
		}
	}
	return out
}

// onlyTrash adds up the blobs of the store that are in no repository.
func (l *ledgerWorld) onlyTrash() (n int64) {
	keys, err := l.db.StorageKeys(l.t.Context(), "", math.MaxInt32)
	l.must(err)
	for _, k := range keys {
		if k.Table != "blob" || k.Lost {
			continue
		}
		linked := false
		for repo := range l.places {
			_, err := l.db.Blob(l.t.Context(), repo, k.Digest)
			linked = linked || err == nil
		}
		if !linked {
			n += k.Size
		}
	}
	return n
}

// ledger reads the ledger in the form of recount.
func (l *ledgerWorld) ledger() map[ledgerKey]ledgerSum {
	out := map[ledgerKey]ledgerSum{}
	for _, kind := range []catalog.UsageKind{catalog.UsageOfRepos, catalog.UsageOfOrgs, catalog.UsageOfDomains, catalog.UsageOfUsers, catalog.UsageOfProjects} {
		for _, u := range l.usage(catalog.UsageQuery{Kind: kind}) {
			key := ledgerKey{u.Kind, u.ID}
			if u.ID == "" {
				key.ID = u.Name
			}
			sum := ledgerSum{u.Exclusive, u.Shared, u.Blobs, 0}
			if kind == catalog.UsageOfOrgs || kind == catalog.UsageOfDomains {
				sum.Trash = u.Trash
			}
			if sum.Exclusive+sum.Shared+sum.Trash > 0 {
				out[key] = sum
			}
		}
	}
	return out
}

func (w *world) usage(q catalog.UsageQuery) []catalog.Usage {
	w.t.Helper()
	q.Limit = math.MaxInt32
	found, err := w.db.Usage(w.t.Context(), q)
	w.must(err)
	return found
}

// ledgerSplitsSharedBytes tells the four kinds of bytes of an organisation apart.
func ledgerSplitsSharedBytes(t *testing.T, w *world) {
	w.push(w.ann, "team/a", "v1", "base", "mine")
	w.push(w.bob, "team/b", "v1", "base")
	w.push(w.eve, "foreign/c", "v1", "base", "theirs!")
	w.upload(w.ann, "team/a", "pinned blob")
	w.must(w.db.SetOrgUndo(t.Context(), w.ann, "team", catalog.Undo{Window: time.Hour}))
	for _, repo := range []easel.Repo{"team/a", "team/gone"} {
		w.push(w.ann, repo, "trash", "base", "trash of "+string(repo))
	}
	_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "trash", nil)
	w.must(err)
	_, err = w.db.DeleteRepo(t.Context(), w.ann, "team/gone", nil)
	w.must(err)
	u, err := w.db.StartUpload(t.Context(), w.ann, "team/b", easel.SHA256, time.Hour)
	w.must(err)
	u.Size, u.Hash, u.Writer = 100, []byte{}, []byte{}
	w.must(w.db.AdvanceUpload(t.Context(), u, 0))
	base, mine, pinned := size("base"), size("mine"), size("pinned blob")
	inA := size("trash of team/a")
	trash := inA + size("trash of team/gone")
	for _, tt := range []struct {
		q    catalog.UsageQuery
		want []catalog.Usage
	}{
		{catalog.UsageQuery{Kind: catalog.UsageOfOrgs, Domain: "lab"},
			[]catalog.Usage{{Kind: "org", Name: "team", Exclusive: mine, Shared: base, Pinned: pinned, Waiting: 100, Trash: trash, Blobs: 2}}},
		{catalog.UsageQuery{Kind: catalog.UsageOfDomains, Name: "lab"},
			[]catalog.Usage{{Kind: "domain", Name: "lab", ID: "lab", Exclusive: mine, Shared: base, Pinned: pinned, Waiting: 100, Trash: trash, Blobs: 2}}},
		{catalog.UsageQuery{Kind: catalog.UsageOfRepos, Org: "team"}, []catalog.Usage{
			{Kind: "repo", Name: "team/b", Shared: base, Waiting: 100, Blobs: 1},
			{Kind: "repo", Name: "team/a", Exclusive: mine, Shared: base, Pinned: pinned, Trash: inA, Blobs: 2}}},
		{catalog.UsageQuery{Kind: catalog.UsageOfUsers, Domain: "lab"}, []catalog.Usage{
			{Kind: "user", Name: "bob", ID: "bob", Shared: base, Waiting: 100, Blobs: 1},
			{Kind: "user", Name: "ann", ID: "ann", Exclusive: mine, Shared: base, Pinned: pinned, Trash: inA, Blobs: 2}}},
		{catalog.UsageQuery{Kind: catalog.UsageOfOrgs, Reader: "bob"}, []catalog.Usage{}},
		{catalog.UsageQuery{Kind: catalog.UsageOfOrgs, Name: "te\x00am"}, []catalog.Usage{}},
	} {
		if diff := cmp.Diff(tt.want, w.usage(tt.q)); diff != "" {
			t.Errorf("usage of %+v (-want +got):\n%s", tt.q, diff)
		}
	}
}

// ledgerOfImages compares what images are said to hold with what their
// deletion frees.
func ledgerOfImages(t *testing.T, w *world) {
	one := w.push(w.ann, "team/a", "one", "config 1", "base", "numpy numpy")
	two := w.push(w.ann, "team/a", "two", "config two", "base")
	w.must(w.put(w.ann, "team/a", index(one, two), "both"))
	w.push(w.ann, "team/a", "solo", "config solo", "solo layer", "base")
	w.upload(w.ann, "team/a", "signature")
	w.must(w.put(w.ann, "team/a", referrer(two, "signature")))
	w.must(w.put(w.ann, "team/a", two, "alias"))
	for len(w.images("team/a")) > 0 {
		u := w.images("team/a")[0]
		repo, tag, _ := cutTag(u.Name)
		removed, err := w.db.DeleteTag(t.Context(), w.ann, repo, tag, nil)
		w.must(err)
		if removed.Receipt.Freed != u.Exclusive {
			t.Errorf("%s held %d bytes exclusively, its deletion freed %d", u.Name, u.Exclusive, removed.Receipt.Freed)
		}
	}
	_, err := w.db.ImageUsage(t.Context(), "team/a", "gone", 10)
	w.wants(err, easel.NotFound, "tag")
	_, err = w.db.ImageUsage(t.Context(), "team/none", "", 10)
	w.wants(err, easel.NotFound, "repository")
}

func (w *world) images(repo easel.Repo) []catalog.Usage {
	w.t.Helper()
	found, err := w.db.ImageUsage(w.t.Context(), repo, "", 10)
	w.must(err)
	return found
}

func cutTag(name string) (easel.Repo, easel.Tag, bool) {
	path, err := easel.ParseImagePath(name)
	return path.Repo, path.Tag, err == nil
}

// ledgerUnderConcurrency pushes and deletes the same blobs in several
// repositories at once; the end of every test compares the ledger with a recount.
func ledgerUnderConcurrency(t *testing.T, w *world) {
	var all sync.WaitGroup
	for repo, who := range map[easel.Repo]easel.Principal{"team/a": w.ann, "team/b": w.bob, "team/c": w.ann, "foreign/d": w.eve} {
		w.upload(who, repo, "base")
		w.upload(who, repo, "numpy")
		all.Go(func() {
			for range 15 {
				if err := w.put(who, repo, image("base", "numpy"), "v1"); err != nil {
					if easel.AsError(err).Kind != easel.Invalid { // the deletion took the blobs too: they come again
						t.Error(err)
						return
					}
					for _, word := range []string{"base", "numpy"} {
						u, err := w.db.StartUpload(t.Context(), who, repo, easel.SHA256, time.Hour)
						if err == nil {
							err = w.finish(who, u, word)
						}
						if err != nil {
							t.Error(err)
							return
						}
					}
				}
				if _, err := w.db.DeleteTag(t.Context(), who, repo, "v1", nil); err != nil && easel.AsError(err).Kind != easel.NotFound {
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
}
