package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// beginUpload sends the first part of a blob that nobody else has, and leaves
// the session there.
func (w *worker) beginUpload(ctx context.Context) {
	repo := pick(w.r, w.repos)
	p := w.pusher(ctx, repo)
	if p == nil {
		return
	}
	w.n++
	b := newContent([]byte(strings.Repeat(fmt.Sprintf("%d.%d.%d ", w.seed, w.id, w.n), 100+w.r.IntN(3000))))
	a := p.call(ctx, http.MethodPost, "/v2/"+repo+"/blobs/uploads/", nil, nil)
	w.outcome("upload begun", a)
	if !a.ok() {
		return
	}
	s := session{repo: repo, location: a.header.Get("Location"), content: b, last: w.hist.now()}
	w.send(ctx, p, &s, 2+w.r.IntN(len(b.bytes)-2)) // two: the range of one byte is written like that of none
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sessions = append(w.sessions, s)
}

// send sends the next bytes of a session up to the offset end.
func (w *worker) send(ctx context.Context, p *pusher, s *session, end int) {
	h := http.Header{"Content-Type": {"application/octet-stream"},
		"Content-Range": {fmt.Sprintf("%d-%d", s.acknowledged, end-1)}}
	a := p.call(ctx, http.MethodPatch, s.location, h, s.content.bytes[s.acknowledged:end])
	w.outcome("upload part", a)
	if a.ok() {
		w.bytesIn.Add(int64(end - s.acknowledged))
		s.acknowledged, s.last = end, w.hist.now()
	}
}

// goOn takes up a session that was left, perhaps by a server that was killed
// since: every byte that was acknowledged must be there. It then ends the
// session or cancels it.
func (w *worker) goOn(ctx context.Context) {
	s, ok := w.leftSession()
	if !ok {
		return
	}
	p := w.pusher(ctx, s.repo)
	if p == nil {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.sessions = append(w.sessions, s)
		return
	}
	a := p.call(ctx, http.MethodGet, s.location, nil, nil)
	w.outcome("upload asked", a)
	if a.status == http.StatusNotFound && w.hist.now()-s.last < crashTTL.Nanoseconds()/2 {
		w.fail(broken("the upload %s, of which %d bytes were acknowledged, is gone before its time", s.location, s.acknowledged))
	}
	if a.status != http.StatusNoContent {
		return // it expires
	}
	_, last, _ := strings.Cut(a.header.Get("Range"), "-")
	at, err := strconv.Atoi(last)
	if err != nil {
		w.fail(broken("the upload %s stands at %q", s.location, a.header.Get("Range")))
		return
	}
	if at > 0 { // the range names the last byte
		at++
	}
	if at < s.acknowledged || at > len(s.content.bytes) {
		w.fail(broken("the upload %s stands at %d, %d of %d bytes were acknowledged", s.location, at, s.acknowledged, len(s.content.bytes)))
	}
	if w.r.IntN(3) == 0 {
		w.outcome("upload cancelled", p.call(ctx, http.MethodDelete, s.location, nil, nil))
		return
	}
	a = p.finish(ctx, s.location, s.content, at)
	w.outcome("upload ended", a)
	if !a.ok() && !a.unknown() && a.status != http.StatusNotFound { // its time may be over by now
		w.fail(broken("the upload %s cannot be ended: %v", s.location, a))
	}
}

// leftSession takes a session for the caller alone.
func (w *worker) leftSession() (s session, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.sessions) == 0 {
		return s, false
	}
	n := w.r.IntN(len(w.sessions))
	s = w.sessions[n]
	w.sessions = append(w.sessions[:n], w.sessions[n+1:]...)
	return s, true
}
