package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// labWindow is the undo window of lab at first, and the longest while clients
// work: its ends are part of the test.
const labWindow = 6 * time.Second

// inLab reports whether a repository has an undo window, most of the time.
func inLab(repo string) bool { return strings.HasPrefix(repo, lab+"/") }

// trashcan is what is known of the trash of lab. The bench's mu guards it.
type trashcan struct {
	tags     map[string][]string // further tags of each repository, as of the last rest
	shelf    map[string]shelved  // manifests by digest that a restore may bring back
	images   map[string]bool     // ids of records that were restored, perhaps under another tag
	restored map[string]int64    // when the last restore into a repository ended, in the time of the history
	ended    map[string]string   // deletions that were restored or purged, by id: which of it
}

// shelfLife is how long a manifest stays on the shelf at least: it may come
// back and go to trash again between two rests, but not time after time.
const shelfLife = 5 * labWindow

// shelved is a manifest that was there and is not.
type shelved struct {
	repo string
	at   time.Time // of the rest that missed it
}

func newTrashcan() trashcan {
	return trashcan{map[string][]string{}, map[string]shelved{}, map[string]bool{}, map[string]int64{}, map[string]string{}}
}

// trashed is what a deletion took out of one repository.
type trashed struct {
	ID         string
	Repository string
	At         time.Time
	Tags       []string
	Images     []struct{ ID string }
}

// setUndo changes the undo window of lab.
func (b *bench) setUndo(ctx context.Context, window time.Duration, budget int64) answer {
	return b.client.api(ctx, http.MethodPut, "/easel/v1/organisations/"+lab+"/undo",
		map[string]int64{"window_seconds": int64(window / time.Second), "budget_bytes": budget})
}

// changeUndo sometimes turns the window off, and sometimes makes the budget so
// small that it is exceeded.
func (w *worker) changeUndo(ctx context.Context) {
	window := pick(w.r, []time.Duration{0, labWindow / 2, labWindow, labWindow})
	w.outcome("change undo window", w.setUndo(ctx, window, pick(w.r, []int64{0, 0, 40 << 10, 4 << 10})))
}

// listTrash returns the newest trash of lab; false when nothing was answered.
func (b *bench) listTrash(ctx context.Context, limit int) ([]trashed, bool) {
	a := b.client.api(ctx, http.MethodGet, fmt.Sprintf("/easel/v1/trash?organisation=%s&limit=%d", lab, limit), nil)
	var list struct{ Trash []trashed }
	return list.Trash, a.ok() && json.Unmarshal(a.body, &list) == nil
}

// someTag returns a tag that there may be.
func (w *worker) someTag(repo string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if more := w.trash.tags[repo]; len(more) > 0 && w.r.IntN(2) == 0 {
		return pick(w.r, more)
	}
	return pick(w.r, tags)
}

// nowOrNot returns the headers of a deletion in a repository: some ask that
// nothing goes to trash.
func (w *worker) nowOrNot(repo string) http.Header {
	if inLab(repo) && w.r.IntN(4) == 0 {
		return http.Header{"X-Easel-Delete-Now": {"true"}}
	}
	return nil
}

// deleted looks at the answer to a deletion with the headers of nowOrNot.
func (w *worker) deleted(now http.Header, a answer) {
	switch until := a.header.Get("X-Easel-Restore-Until"); {
	case until != "" && now != nil:
		w.fail(broken("what was to be deleted now can be restored until %s", until))
	case until != "":
		w.count("went to trash")
	}
}

func (b *bench) wasRestored(image string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.trash.images[image]
}

// restore undoes one of the deletions that can be undone.
func (w *worker) restore(ctx context.Context) {
	if found, ok := w.listTrash(ctx, 100); ok && len(found) > 0 {
		w.undo(ctx, pick(w.r, found).ID)
	}
}

// undo restores what a deletion left to trash.
func (w *worker) undo(ctx context.Context, id string) {
	path := "/easel/v1/trash/" + id
	a := w.client.api(ctx, http.MethodGet, path, nil)
	var list struct{ Trash []trashed }
	if !a.ok() || json.Unmarshal(a.body, &list) != nil {
		return
	}
	w.mu.Lock()
	ended := w.trash.ended[id]
	for _, x := range list.Trash {
		for _, i := range x.Images {
			w.trash.images[i.ID] = true
		}
	}
	w.mu.Unlock()
	call := w.hist.now()
	a = w.client.api(ctx, http.MethodPost, path+"/restore", struct{}{})
	w.outcome("restore", a)
	switch {
	case a.ok() && ended != "":
		w.fail(broken("the deletion %s was %s, and is restored", id, ended))
	case a.ok():
		w.restored(call, id, a)
	case a.unknown():
		w.perhapsRestored(call, list.Trash)
	}
	if a.ok() || a.unknown() {
		w.mu.Lock()
		defer w.mu.Unlock()
		for _, x := range list.Trash {
			w.trash.restored[x.Repository] = w.hist.now()
			for digest, repo := range w.gone { // which manifests came back only the server knows
				if repo == x.Repository {
					delete(w.gone, digest)
				}
			}
		}
	}
}

// restored records what the answer to a restore says.
func (w *worker) restored(call int64, id string, a answer) {
	var out struct {
		Tags   []struct{ Was, Is string }
		Images []struct {
			ID   string
			Path string `json:"swr_path"`
		}
	}
	if err := json.Unmarshal(a.body, &out); err != nil {
		w.fail(broken("the answer to a restore is no JSON: %v", err))
		return
	}
	for _, tag := range out.Tags {
		w.hist.add("tag "+tag.Is, call, event{effect: back, from: "tag " + tag.Was})
		if tag.Was != tag.Is {
			w.count("restored under another tag")
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.trash.ended[id] = "restored"
	for _, i := range out.Images {
		repo, tag := splitPath(i.Path)
		w.hist.add("image "+repo+" "+i.ID, call, event{effect: write, value: live})
		w.images = append(w.images, imageRecord{i.ID, repo, tag})
		w.count("image restored")
	}
}

// perhapsRestored records a restore whose answer was lost: a tag may be there
// under its name or another one.
func (w *worker) perhapsRestored(call int64, list []trashed) {
	for _, x := range list {
		for _, tag := range x.Tags {
			from := "tag " + x.Repository + ":" + tag
			w.hist.add(from, call, event{effect: back, from: from, maybe: true})
			for n := range 9 {
				w.hist.add(fmt.Sprintf("%s-restored-%d", from, n+1), call, event{effect: back, from: from, maybe: true})
			}
		}
		for _, i := range x.Images {
			w.hist.add("image "+x.Repository+" "+i.ID, call, event{effect: write, value: live, maybe: true})
		}
	}
}

// splitPath returns repository and tag of HOST/REPOSITORY:TAG.
func splitPath(path string) (repo, tag string) {
	_, rest, _ := strings.Cut(path, "/")
	repo, tag, _ = strings.Cut(rest, ":")
	return repo, tag
}

func (w *worker) purge(ctx context.Context) {
	found, ok := w.listTrash(ctx, 100)
	if !ok || len(found) == 0 {
		return
	}
	id := pick(w.r, found).ID
	a := w.client.api(ctx, http.MethodDelete, "/easel/v1/trash/"+id, nil)
	w.outcome("purge", a)
	if a.ok() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.trash.ended[id] = "purged"
	}
}

// regret pushes an image under a tag of its own, deletes it and undoes that:
// what then comes back can only be that image.
func (w *worker) regret(ctx context.Context) {
	repo := pick(w.r, repoNames(lab, 2))
	i, p := w.newLabImage(), w.pusher(ctx, repo)
	if p == nil || !w.blobs(ctx, p, i) {
		return
	}
	tag := fmt.Sprintf("own-%d-%d", w.id, w.n)
	w.put(ctx, p, tag, ociManifest, i.content)
	if w.r.IntN(2) == 0 {
		w.registerTag(ctx, repo, tag)
	}
	call := w.hist.now()
	a := w.client.api(ctx, http.MethodDelete, manage(repo)+"/tags/"+tag, nil)
	w.outcome("delete own tag", a)
	if a.ok() || a.unknown() {
		w.hist.add("tag "+repo+":"+tag, call, event{effect: take, maybe: a.unknown()})
	}
	if a.header.Get("X-Easel-Restore-Until") == "" {
		return
	}
	w.pullTag(ctx, repo, tag)
	w.undo(ctx, a.header.Get("X-Easel-Receipt"))
	w.pullTag(ctx, repo, tag)
}

// shelve looks, at rest, which manifests came back from trash, and forgets
// those that cannot any more.
func (b *puller) shelve(ctx context.Context) error {
	list, ok := b.listTrash(ctx, 500)
	if !ok {
		return fmt.Errorf("%w: the list of trash", errSilent)
	}
	oldest := time.Now()
	if len(list) == 500 {
		oldest = time.Time{}
	} else if len(list) > 0 {
		oldest = list[len(list)-1].At
	}
	for digest, x := range b.trash.shelf {
		blobs, err := b.whole(ctx, x.repo, digest)
		switch {
		case err != nil:
			return err
		case blobs != nil:
			b.stored[digest] = x.repo
			delete(b.trash.shelf, digest)
		case x.at.Before(oldest) && time.Since(x.at) > shelfLife:
			delete(b.trash.shelf, digest)
		}
	}
	return nil
}
