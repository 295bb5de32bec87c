package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
)

// The organisations. What is deleted in lab goes to trash, most of the time.
const (
	org = "team"
	lab = "lab"
)

// tags are those that several clients move and delete.
var tags = []string{"v1", "v2", "v3", "v4"}

// bench is a server with what the clients know of it.
type bench struct {
	server *server
	client *client
	seed   uint64
	repos  []string
	pool   pool
	hist   *history

	// gate is held for reading by every operation of a client, and for writing
	// while everything is at rest.
	gate sync.RWMutex

	counts   sync.Map // of outcomes by name: *atomic.Int64
	bytesIn  atomic.Int64
	freed    atomic.Int64
	mayFail  atomic.Bool // the server is armed with an error: it may answer 500
	problem  chan error  // the first promise that a client saw broken
	mu       sync.Mutex  // guards what follows
	images   []imageRecord
	stored   map[string]string // digest of each manifest that may be there to its repository
	gone     map[string]string // digest of each that was deleted by it
	sessions []session
	trash    trashcan
	guards   map[string]*guard // of protected images, by id
	bulk     map[string]*bulkJob
	resumed  int64 // when jobs could go on, in the time of the history
}

// imageRecord is a registered image.
type imageRecord struct{ id, repo, tag string }

// session is an upload that was left in the middle.
type session struct {
	repo, location string
	content        content
	acknowledged   int // bytes
	last           int64
}

func newBench(dir string, s *settings, flags []string) *bench {
	sv := newServer(dir, s.binary, flags)
	b := &bench{
		server: sv, seed: s.seed, repos: append(repoNames(org, 3), repoNames(lab, 2)...), pool: newPool(s.seed, 24, 64<<10), hist: newHistory(),
		problem: make(chan error, 1), stored: map[string]string{}, gone: map[string]string{},
		trash: newTrashcan(), guards: map[string]*guard{}, bulk: map[string]*bulkJob{},
	}
	b.client = newClient(sv, func(what string, a answer) {
		if !b.mayFail.Load() {
			b.fail(broken("%s: %v", what, a))
		}
	})
	return b
}

// repoNames returns the names of n repositories of an organisation.
func repoNames(org string, n int) (names []string) {
	for i := range n {
		names = append(names, fmt.Sprintf("%s/%c", org, 'a'+i))
	}
	return names
}

// begin starts the server for the first time and makes the organisations.
func (b *bench) begin(ctx context.Context) error {
	if err := b.server.start(""); err != nil {
		return err
	}
	for _, name := range []string{org, lab} {
		if a := b.client.api(ctx, http.MethodPost, "/v2/manage/namespaces", map[string]string{"namespace": name}); !a.ok() {
			return fmt.Errorf("make the organisation: %v", a)
		}
	}
	if a := b.setUndo(ctx, labWindow, 0); !a.ok() {
		return fmt.Errorf("turn on the undo window: %v", a)
	}
	return nil
}

// count counts an outcome.
func (b *bench) count(name string) {
	n, _ := b.counts.LoadOrStore(name, new(atomic.Int64))
	n.(*atomic.Int64).Add(1)
}

// outcome counts an answer under the name of what was asked.
func (b *bench) outcome(what string, a answer) {
	if a.err != nil {
		b.count(what + " answer lost")
		return
	}
	b.count(what + " " + strconv.Itoa(a.status))
	if freed, err := strconv.ParseInt(a.header.Get("X-Easel-Bytes-Freed"), 10, 64); err == nil {
		b.freed.Add(freed)
	}
}

// outcomes returns the counts as lines, sorted.
func (b *bench) outcomes() (lines []string) {
	b.counts.Range(func(name, n any) bool {
		lines = append(lines, fmt.Sprintf("%-28s %8d", name, n.(*atomic.Int64).Load()))
		return true
	})
	slices.Sort(lines)
	return lines
}

// fail reports a promise that a client saw broken; the first is enough.
func (b *bench) fail(err error) {
	select {
	case b.problem <- err:
	default:
	}
}

// pick returns one of list.
func pick[T any](r *rand.Rand, list []T) T { return list[r.IntN(len(list))] }

// knownImage returns one of the images that were registered lately.
func (b *bench) knownImage(r *rand.Rand) (imageRecord, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.images) == 0 {
		return imageRecord{}, false
	}
	return pick(r, b.images[max(0, len(b.images)-20):]), true
}

// knownManifest returns a manifest that may be there.
func (b *bench) knownManifest(r *rand.Rand) (digest, repo string, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := r.IntN(max(1, len(b.stored)))
	for digest, repo := range b.stored {
		if n--; n < 0 {
			return digest, repo, true
		}
	}
	return "", "", false
}

// addManifest notes a manifest that may be there.
func (b *bench) addManifest(digest, repo string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.stored[digest] = repo
}
