package catalogtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"easel"
)

// rounds is how often a race is run: each round is a fresh pair of images.
const rounds = 25

func contextWithoutCancel(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// together runs all fs at once and waits for them.
func together(fs ...func()) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, f := range fs {
		wg.Go(func() { <-start; f() })
	}
	close(start)
	wg.Wait()
}

// allGone fails unless exactly the words' bytes are garbage and none is twice.
func (w *world) allGone(words ...string) {
	w.t.Helper()
	for _, word := range words {
		for _, repo := range []easel.Repo{"team/a", "team/b"} {
			if w.has(repo, word) {
				w.t.Errorf("%s still has %q", repo, word)
			}
		}
	}
	if n := len(w.garbage()); n != len(words) {
		w.t.Errorf("%d keys are garbage, want %d", n, len(words))
	}
	w.must(w.db.Forget(w.t.Context(), w.garbage()))
}

var raceTests = []test{
	{"TwoDeletionsOfOneRepositoryShareALayer", func(t *testing.T, w *world) { // write skew on the link
		for n := range rounds {
			base, c1, c2 := fmt.Sprint("base", n), fmt.Sprint("one", n), fmt.Sprint("two", n)
			w.push(w.ann, "team/a", "v1", c1, base)
			w.push(w.ann, "team/a", "v2", c2, base)
			together(w.deletes(w.ann, "team/a", "v1"), w.deletes(w.bob, "team/a", "v2"))
			w.allGone(base, c1, c2)
		}
	}},
	{"TwoDeletionsOfTwoRepositoriesShareALayer", func(t *testing.T, w *world) { // write skew on the blob
		for n := range rounds {
			base, c1, c2 := fmt.Sprint("base", n), fmt.Sprint("one", n), fmt.Sprint("two", n)
			w.push(w.ann, "team/a", "v1", c1, base)
			_, err := w.db.Mount(t.Context(), w.ann, "team/a", "team/b", digest(base))
			w.must(err)
			w.upload(w.ann, "team/b", c2)
			w.must(w.put(w.ann, "team/b", image(c2, base), "v1"))
			together(w.deletes(w.ann, "team/a", "v1"), w.deletes(w.bob, "team/b", "v1"))
			w.allGone(base, c1, c2)
		}
	}},
	{"MountAgainstDeletion", func(t *testing.T, w *world) { // told "mounted" means it is there
		for n := range rounds {
			base, config := fmt.Sprint("base", n), fmt.Sprint("config", n)
			w.push(w.ann, "team/a", "v1", config, base)
			var mounted error
			together(w.deletes(w.ann, "team/a", "v1"), func() {
				_, mounted = w.db.Mount(t.Context(), w.bob, "team/a", "team/b", digest(base))
			})
			if mounted == nil {
				w.upload(w.bob, "team/b", config)
				w.must(w.put(w.bob, "team/b", image(config, base), "v1"))
				w.deletes(w.bob, "team/b", "v1")()
			} else if !errors.Is(mounted, easel.NotFound) {
				t.Fatal(mounted)
			}
			w.noneNamedTwice()
		}
	}},
	{"HeadAgainstDeletion", func(t *testing.T, w *world) { // told "exists" means the put will find it
		for n := range rounds {
			base := fmt.Sprint("base", n)
			w.push(w.ann, "team/a", "v1", fmt.Sprint("one", n), base)
			w.upload(w.bob, "team/a", fmt.Sprint("two", n))
			var told bool
			together(w.deletes(w.ann, "team/a", "v1"), func() { told = w.head(w.bob, "team/a", base) })
			if told {
				w.must(w.put(w.bob, "team/a", image(fmt.Sprint("two", n), base), "v1"))
			}
			w.noneNamedTwice()
		}
	}},
	{"TwoUploadsOfOneDigest", func(t *testing.T, w *world) {
		for n := range rounds {
			word := fmt.Sprint("layer", n)
			together(func() { w.upload(w.ann, "team/a", word) }, func() { w.upload(w.bob, "team/b", word) })
			if !w.has("team/a", word) || !w.has("team/b", word) {
				t.Fatal("an acknowledged upload is lost")
			}
		}
		if n := len(w.garbage()); n != rounds {
			t.Errorf("%d keys are garbage, want %d", n, rounds)
		}
	}},
	{"UploadAgainstDeletion", func(t *testing.T, w *world) {
		for n := range rounds {
			word := fmt.Sprint("layer", n)
			w.push(w.ann, "team/a", "v1", word)
			together(w.deletes(w.ann, "team/a", "v1"), func() { w.upload(w.bob, "team/b", word) })
			if !w.has("team/b", word) {
				t.Fatal("an acknowledged upload is lost")
			}
			w.noneNamedTwice()
		}
	}},
	{"TwoLastTagsAtOnce", func(t *testing.T, w *world) {
		for n := range rounds {
			config := fmt.Sprint("config", n)
			m := w.push(w.ann, "team/a", "v1", config)
			w.must(w.put(w.ann, "team/a", m, "v2"))
			together(w.deletes(w.ann, "team/a", "v1"), w.deletes(w.bob, "team/a", "v2"))
			w.allGone(config)
		}
	}},
	{"ReferrerAgainstItsSubject", func(t *testing.T, w *world) {
		for n := range rounds {
			config, sig := fmt.Sprint("config", n), fmt.Sprint("sig", n)
			m := w.push(w.ann, "team/a", "v1", config)
			w.upload(w.bob, "team/a", sig)
			together(w.deletes(w.ann, "team/a", "v1"), func() { w.must(w.put(w.bob, "team/a", referrer(m, sig))) })
		}
		w.pass(pinFor)
		w.sweep()
		if n := len(w.garbage()); n != 2*rounds {
			t.Errorf("%d keys are garbage, want %d: an orphan referrer stayed", n, 2*rounds)
		}
	}},
	{"OneImageDeletedByMany", func(t *testing.T, w *world) {
		for n := range rounds {
			w.push(w.ann, "team/a", "v1", fmt.Sprint("config", n))
			id := w.register(w.ann, "team/a", "v1")
			var errs [4]error
			together(func() { _, errs[0] = w.remove(w.ann, true, id) }, func() { _, errs[1] = w.remove(w.ann, true, id) },
				func() { _, errs[2] = w.remove(w.ann, true, id) }, func() { _, errs[3] = w.remove(w.ann, true, id) })
			won := 0
			for _, err := range errs {
				if err == nil {
					won++
				} else if !errors.Is(err, easel.NotFound) {
					t.Fatal(err)
				}
			}
			if won != 1 {
				t.Fatalf("%d deletions of one image succeeded", won)
			}
		}
	}},
}

// deletes returns a deletion of a tag that must succeed.
func (w *world) deletes(who easel.Principal, repo easel.Repo, tag easel.Tag) func() {
	return func() {
		if _, err := w.db.DeleteTag(w.t.Context(), who, repo, tag, nil); err != nil {
			w.t.Errorf("delete %s:%s: %v", repo, tag, err)
		}
	}
}

// noneNamedTwice checks the invariant between two rounds.
func (w *world) noneNamedTwice() {
	w.t.Helper()
	found, err := w.db.Verify(w.t.Context(), false)
	w.must(err)
	for _, f := range found {
		w.t.Errorf("%s: %s", f.Kind, f.Subject)
	}
}
