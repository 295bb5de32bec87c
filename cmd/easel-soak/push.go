package main

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// pusher pushes to one repository with one token, as a docker client does.
type pusher struct {
	c          *client
	repo, from string // blobs that are not there are mounted from the repository from, if not ""
	token      string

	there, mounted, sent int   // blobs that were there, were mounted, went up
	bytes                int64 // that went up
}

// newPusher gets a token of its own. The answer says why there is none.
func (c *client) newPusher(ctx context.Context, repo, from string) (*pusher, answer) {
	scopes := []string{pushes(repo)}
	if from != "" {
		scopes = append(scopes, pulls(from))
	}
	token, a := c.freshToken(ctx, scopes...)
	return &pusher{c: c, repo: repo, from: from, token: token}, a
}

func (p *pusher) call(ctx context.Context, method, path string, more http.Header, body []byte) answer {
	return p.c.send(ctx, method, path, ociHeader(p.token, more), body)
}

// blob makes sure that the repository has the blob: it asks, mounts or uploads.
// The answer is that of the last request.
func (p *pusher) blob(ctx context.Context, b content) answer {
	a := p.call(ctx, http.MethodHead, "/v2/"+p.repo+"/blobs/"+b.digest, nil, nil)
	if a.status != http.StatusNotFound {
		p.there++
		return a
	}
	query := ""
	if p.from != "" {
		query = "?" + url.Values{"mount": {b.digest}, "from": {p.from}}.Encode()
	}
	a = p.call(ctx, http.MethodPost, "/v2/"+p.repo+"/blobs/uploads/"+query, nil, nil)
	if a.status != http.StatusAccepted {
		p.mounted++
		return a
	}
	a = p.finish(ctx, a.header.Get("Location"), b, 0)
	if a.ok() {
		p.sent++
		p.bytes += int64(len(b.bytes))
	}
	return a
}

// finish sends the bytes of b from the offset on and ends the session.
func (p *pusher) finish(ctx context.Context, location string, b content, offset int) answer {
	h := http.Header{"Content-Type": {"application/octet-stream"}}
	if offset > 0 {
		h.Set("Content-Range", fmt.Sprintf("%d-%d", offset, len(b.bytes)-1))
	}
	return p.call(ctx, http.MethodPut, location+"?digest="+url.QueryEscape(b.digest), h, b.bytes[offset:])
}

// manifest puts a manifest under a tag or its digest.
func (p *pusher) manifest(ctx context.Context, ref, mediaType string, m content) answer {
	return p.call(ctx, http.MethodPut, "/v2/"+p.repo+"/manifests/"+ref, http.Header{"Content-Type": {mediaType}}, m.bytes)
}

// image pushes an image but for its manifest. It returns the first answer that
// is no success, if any.
func (p *pusher) image(ctx context.Context, i image) answer {
	for _, b := range i.blobs {
		if a := p.blob(ctx, b); !a.ok() {
			return a
		}
	}
	return answer{status: http.StatusOK}
}

// pause waits, or returns early when ctx ends.
func pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
