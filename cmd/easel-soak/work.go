package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
)

// worker is one client at random work.
type worker struct {
	*bench
	id int
	r  *rand.Rand
	n  int // images made
}

func (b *bench) newWorker(id int) *worker {
	return &worker{bench: b, id: id, r: rand.New(rand.NewPCG(b.seed, uint64(id)))}
}

// chores are what a worker does, with their weights.
var chores = []struct {
	weight int
	do     func(*worker, context.Context)
}{
	{30, (*worker).push}, {5, (*worker).pushIndex}, {5, (*worker).pushReferrer}, {15, (*worker).pull},
	{12, (*worker).register}, {10, (*worker).deleteImage}, {2, (*worker).deleteGroup}, {5, (*worker).deleteTag},
	{5, (*worker).deleteManifest}, {3, (*worker).deleteBlob}, {1, (*worker).deleteRepo}, {6, (*worker).beginUpload}, {6, (*worker).goOn},
	{8, (*worker).restore}, {2, (*worker).purge}, {1, (*worker).changeUndo}, {4, (*worker).regret},
	{3, (*worker).protect}, {4, (*worker).attack}, {3, (*worker).unprotect}, {2, (*worker).startBulk},
}

// work does random chores until ctx ends.
func (w *worker) work(ctx context.Context) {
	total := 0
	for _, j := range chores {
		total += j.weight
	}
	for ctx.Err() == nil {
		n := w.r.IntN(total)
		for _, j := range chores {
			if n -= j.weight; n < 0 {
				w.gate.RLock()
				j.do(w, ctx)
				w.gate.RUnlock()
				break
			}
		}
	}
}

// newImage returns an image of its own.
func (w *worker) newImage(subject *descriptor) image {
	w.n++
	return newImage(fmt.Sprintf("%d.%d.%d", w.seed, w.id, w.n), subject, w.pool.some(w.r, 1+w.r.IntN(4))...)
}

// newLabImage is newImage, with a layer that nobody else has: it weighs in trash.
func (w *worker) newLabImage() image {
	w.n++
	own := newContent(bytes.Repeat(fmt.Appendf(nil, "%d.%d.%d ", w.seed, w.id, w.n), 1+w.r.IntN(1500)))
	return newImage(fmt.Sprintf("%d.%d.%d", w.seed, w.id, w.n), nil, append(w.pool.some(w.r, 1+w.r.IntN(2)), own)...)
}

// pusher returns a pusher to a random repository, or nil when there is no token.
func (w *worker) pusher(ctx context.Context, repo string) *pusher {
	from := ""
	if w.r.IntN(2) == 0 {
		from = pick(w.r, w.repos)
	}
	p, a := w.client.newPusher(ctx, repo, from)
	if !a.ok() {
		return nil
	}
	return p
}

func (w *worker) push(ctx context.Context) {
	repo, tag := pick(w.r, w.repos), pick(w.r, tags)
	i, p := w.newImage(nil), w.pusher(ctx, repo)
	if inLab(repo) {
		i = w.newLabImage()
	}
	if p == nil {
		return
	}
	if !w.blobs(ctx, p, i) {
		return
	}
	w.put(ctx, p, tag, ociManifest, i.content)
}

// blobs pushes what an image names and reports whether all of it is there.
func (w *worker) blobs(ctx context.Context, p *pusher, i image) bool {
	before := p.bytes
	a := p.image(ctx, i)
	w.bytesIn.Add(p.bytes - before)
	if !a.ok() {
		w.outcome("push blob", a)
	}
	return a.ok()
}

// put puts a manifest under a tag and records it.
func (w *worker) put(ctx context.Context, p *pusher, tag, mediaType string, m content) {
	call := w.hist.now()
	a := p.manifest(ctx, tag, mediaType, m)
	w.outcome("push", a)
	if a.ok() || a.unknown() {
		w.addManifest(m.digest, p.repo)
		w.hist.add("tag "+p.repo+":"+tag, call, event{effect: write, value: m.digest, maybe: a.unknown()})
	}
}

// child puts an image by digest and reports whether it is there.
func (w *worker) child(ctx context.Context, p *pusher, i image) bool {
	if !w.blobs(ctx, p, i) {
		return false
	}
	a := p.manifest(ctx, i.digest, ociManifest, i.content)
	w.outcome("push by digest", a)
	if a.ok() || a.unknown() {
		w.addManifest(i.digest, p.repo)
	}
	return a.ok()
}

func (w *worker) pushIndex(ctx context.Context) {
	p := w.pusher(ctx, pick(w.r, w.repos))
	if p == nil {
		return
	}
	first, second := w.newImage(nil), w.newImage(nil)
	if w.child(ctx, p, first) && w.child(ctx, p, second) {
		w.put(ctx, p, pick(w.r, tags), ociIndex, newIndex(first, second))
	}
}

func (w *worker) pushReferrer(ctx context.Context) {
	subject, repo, ok := w.knownManifest(w.r)
	if !ok {
		return
	}
	if p := w.pusher(ctx, repo); p != nil {
		w.child(ctx, p, w.newImage(&descriptor{ociManifest, subject, 1}))
	}
}

// pull reads a tag and everything it names. A manifest that is there has all
// its blobs.
func (w *worker) pull(ctx context.Context) {
	repo := pick(w.r, w.repos)
	w.pullTag(ctx, repo, w.someTag(repo))
}

func (w *worker) pullTag(ctx context.Context, repo, tag string) {
	call := w.hist.now()
	a := w.client.oci(ctx, pulls(repo), http.MethodGet, "/v2/"+repo+"/manifests/"+tag)
	w.outcome("pull", a)
	key := "tag " + repo + ":" + tag
	switch {
	case a.status == http.StatusNotFound:
		w.hist.add(key, call, event{effect: reads})
	case a.ok():
		digest := newContent(a.body).digest
		w.hist.add(key, call, event{effect: reads, value: digest})
		if _, err := (&puller{bench: w.bench}).whole(ctx, repo, digest); err != nil && !errors.Is(err, errSilent) {
			w.fail(err)
		}
	}
}

func (w *worker) register(ctx context.Context) {
	repo := pick(w.r, w.repos)
	w.registerTag(ctx, repo, w.someTag(repo))
}

func (w *worker) registerTag(ctx context.Context, repo, tag string) {
	call := w.hist.now()
	a := w.client.api(ctx, http.MethodPost, w.project("images"), map[string]string{"swr_path": host + "/" + repo + ":" + tag})
	w.outcome("register", a)
	id, ok := idOf(a)
	if !ok {
		return
	}
	w.hist.add("image "+repo+" "+id, call, event{effect: write, value: live})
	w.hist.add("tag "+repo+":"+tag, call, event{effect: present})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.images = append(w.images, imageRecord{id, repo, tag})
}

// idOf returns the id of the image that was registered.
func idOf(a answer) (string, bool) {
	var i struct{ ID string }
	return i.ID, a.ok() && json.Unmarshal(a.body, &i) == nil && i.ID != ""
}

func (b *bench) project(rest string) string { return "/v1/" + b.server.secrets.project + "/" + rest }

func (w *worker) deleteImage(ctx context.Context) {
	i, ok := w.knownImage(w.r)
	if !ok {
		return
	}
	path, forced := w.project("images/"+i.id), w.r.IntN(4) > 0
	if forced {
		path += "?force=true"
	}
	call, now := w.hist.now(), w.nowOrNot(i.repo)
	a := w.client.apiWith(ctx, now, http.MethodDelete, path, nil)
	w.outcome("delete image", a)
	w.deleted(now, a)
	key := "image " + i.repo + " " + i.id
	switch {
	case a.ok(), a.unknown():
		w.hist.add(key, call, event{effect: take, maybe: a.unknown()})
		switch {
		case forced && w.wasRestored(i.id): // perhaps under another tag
			w.hist.add("repo "+i.repo, call, event{effect: mayTake, maybe: a.unknown()})
		case forced && a.header.Get("X-Easel-Kept") == "":
			w.hist.add("tag "+i.repo+":"+i.tag, call, event{effect: clears, maybe: a.unknown()})
		}
	case a.status == http.StatusNotFound:
		w.hist.add(key, call, event{effect: reads})
	}
}

func (w *worker) deleteGroup(ctx context.Context) {
	a := w.client.api(ctx, http.MethodGet, w.project("images/group"), nil)
	var groups struct {
		Data []struct{ ID, Name, Namespace string }
	}
	if !a.ok() || json.Unmarshal(a.body, &groups) != nil || len(groups.Data) == 0 {
		return
	}
	g := pick(w.r, groups.Data)
	repo := g.Namespace + "/" + g.Name
	call, now := w.hist.now(), w.nowOrNot(repo)
	a = w.client.apiWith(ctx, now, http.MethodDelete, w.project("images/group/"+g.ID+"?force=true"), nil)
	w.outcome("delete group", a)
	w.deleted(now, a)
	if !a.ok() && !a.unknown() {
		return
	}
	w.hist.add("group "+repo, call, event{effect: clears, maybe: a.unknown()})
	w.hist.add("repo "+repo, call, event{effect: mayTake, maybe: a.unknown()}) // the tags that an image named then, which only the server knows
}

// deleteTag uses the registry's API or that of organisations and repositories.
func (w *worker) deleteTag(ctx context.Context) {
	repo := pick(w.r, w.repos)
	tag := w.someTag(repo)
	call, now := w.hist.now(), w.nowOrNot(repo)
	var a answer
	if w.r.IntN(2) == 0 {
		a = w.client.ociWith(ctx, now, deletes(repo), http.MethodDelete, "/v2/"+repo+"/manifests/"+tag)
	} else {
		a = w.client.apiWith(ctx, now, http.MethodDelete, manage(repo)+"/tags/"+tag, nil)
	}
	w.outcome("delete tag", a)
	w.deleted(now, a)
	key := "tag " + repo + ":" + tag
	switch {
	case a.ok(), a.unknown():
		w.hist.add(key, call, event{effect: take, maybe: a.unknown()})
	case a.status == http.StatusNotFound:
		w.hist.add(key, call, event{effect: reads})
	}
}

// manage is a repository's path in the API of organisations and repositories.
func manage(repo string) string {
	org, name, _ := strings.Cut(repo, "/")
	return "/v2/manage/namespaces/" + org + "/repos/" + name
}

func (w *worker) deleteManifest(ctx context.Context) {
	digest, repo, ok := w.knownManifest(w.r)
	if !ok {
		return
	}
	w.deleteByDigest(ctx, digest, repo)
}

// deleteByDigest deletes a manifest and records what that means for tags.
func (b *bench) deleteByDigest(ctx context.Context, digest, repo string) {
	call := b.hist.now()
	a := b.client.oci(ctx, deletes(repo), http.MethodDelete, "/v2/"+repo+"/manifests/"+digest)
	b.outcome("delete manifest", a)
	if !a.ok() && !a.unknown() {
		return
	}
	b.hist.add("repo "+repo, call, event{effect: takeIf, value: digest, maybe: a.unknown()})
	if a.ok() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if b.trash.restored[repo] < call { // or it may be there again
			b.gone[digest] = repo
		}
	}
}

func (w *worker) deleteBlob(ctx context.Context) {
	repo := pick(w.r, w.repos)
	a := w.client.oci(ctx, deletes(repo), http.MethodDelete, "/v2/"+repo+"/blobs/"+pick(w.r, w.pool).digest)
	w.outcome("delete blob", a)
}

func (w *worker) deleteRepo(ctx context.Context) {
	repo := pick(w.r, w.repos)
	call, now := w.hist.now(), w.nowOrNot(repo)
	a := w.client.apiWith(ctx, now, http.MethodDelete, manage(repo), nil)
	w.outcome("delete repository", a)
	w.deleted(now, a)
	if a.ok() || a.unknown() {
		w.hist.add("repo "+repo, call, event{effect: clears, maybe: a.unknown()})
	}
}
