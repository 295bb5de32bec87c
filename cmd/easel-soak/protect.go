package main

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
)

// guard is an image whose protection was acknowledged.
type guard struct {
	imageRecord
	mu sync.Mutex // held while the image is attacked, or its protection lifted
}

// protection is the path of an image's protection.
func protection(id string) string { return "/easel/v1/images/" + id + "/protection" }

// mostGuards is how many images are protected at once: those that are not
// deleted are pulled at each rest.
const mostGuards = 6

func (w *worker) protect(ctx context.Context) {
	i, ok := w.knownImage(w.r)
	w.mu.Lock()
	enough := len(w.guards) >= mostGuards || w.guards[i.id] != nil
	w.mu.Unlock()
	if !ok || enough {
		return
	}
	call := w.hist.now()
	a := w.client.api(ctx, http.MethodPost, protection(i.id), nil)
	w.outcome("protect", a)
	if a.ok() {
		w.hist.add("image "+i.repo+" "+i.id, call, event{effect: present})
		w.mu.Lock()
		defer w.mu.Unlock()
		w.guards[i.id] = &guard{imageRecord: i}
	}
}

// someGuard returns a protected image, for the caller alone; nil: there is none.
func (w *worker) someGuard() *guard {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, g := range w.guards {
		if g.mu.TryLock() {
			return g
		}
	}
	return nil
}

// attack tries to delete what is protected.
func (w *worker) attack(ctx context.Context) {
	g := w.someGuard()
	if g == nil {
		return
	}
	defer g.mu.Unlock()
	now := w.nowOrNot(g.repo)
	var a answer
	switch w.r.IntN(3) {
	case 0:
		a = w.client.apiWith(ctx, now, http.MethodDelete, w.project("images/"+g.id+"?force=true"), nil)
	case 1:
		a = w.client.apiWith(ctx, now, http.MethodDelete, manage(g.repo), nil)
	case 2:
		a = w.client.api(ctx, http.MethodPost, "/easel/v1/deletions", map[string]any{"images": []string{g.id}, "force": false})
	}
	w.outcome("attack", a)
	if a.ok() {
		w.fail(broken("the image %s was protected, and a deletion of it is answered with %v", g.id, a))
	}
}

func (w *worker) unprotect(ctx context.Context) {
	g := w.someGuard()
	if g == nil {
		return
	}
	defer g.mu.Unlock()
	w.mu.Lock()
	delete(w.guards, g.id)
	w.mu.Unlock()
	w.outcome("unprotect", w.client.api(ctx, http.MethodDelete, protection(g.id), nil))
}

// readGuards checks, at rest, that protected images are protected, and there.
func (b *puller) readGuards(ctx context.Context, found map[string]string) error {
	for id, g := range b.guards {
		a := b.client.api(ctx, http.MethodGet, protection(id), nil)
		if a.unknown() {
			return silent(protection(id), a)
		}
		if found["image "+g.repo+" "+id] != live {
			return broken("the image %s of %s was protected, and is not there: %v", id, g.repo, a)
		}
		var state struct{ Protected bool }
		if err := json.Unmarshal(a.body, &state); err != nil || !a.ok() || !state.Protected {
			return broken("the protection of image %s is lost: %v", id, a)
		}
	}
	return nil
}

// unprotectAll lifts all protection, known or not.
func (b *bench) unprotectAll(ctx context.Context) error {
	for _, i := range b.images {
		if a := b.client.api(ctx, http.MethodDelete, protection(i.id), nil); !a.ok() && a.status != http.StatusNotFound {
			return broken("lift the protection of image %s at the end: %v", i.id, a)
		}
	}
	clear(b.guards)
	return nil
}
