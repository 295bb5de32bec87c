package main

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"sync"
	"time"
)

// client speaks the protocols to whatever process of the server runs now.
type client struct {
	server *server
	http   *http.Client
	// failed is told about answers of 500 and more.
	failed func(what string, a answer)

	mu      sync.Mutex // guards the tokens
	iam     string
	tokens  map[string]string // registry tokens by scope; those of pushes are not kept
	trouble int               // answers of 500 and more
	slowest time.Duration
	slow    string // what was slowest
	count   int
}

func newClient(s *server, failed func(string, answer)) *client {
	return &client{server: s, failed: failed, tokens: map[string]string{}, http: &http.Client{
		Timeout:       time.Minute,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 64},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// answer is what came back: a status, or an error when nothing did.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// unknown reports whether the request may have had its effect or not.
func (a answer) unknown() bool { return a.err != nil || a.status >= 500 }

func (a answer) ok() bool { return a.err == nil && a.status < 300 }

func (a answer) String() string {
	if a.err != nil {
		return a.err.Error()
	}
	return fmt.Sprintf("%d %.300s", a.status, a.body)
}

// send sends one request with an Authorization or X-Auth-Token header.
func (c *client) send(ctx context.Context, method, path string, header http.Header, body []byte) answer {
	r, err := http.NewRequestWithContext(ctx, method, *c.server.base.Load()+path, bytes.NewReader(body))
	if err != nil {
		return answer{err: err}
	}
	r.Header = header
	start := time.Now()
	resp, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	a.body, a.err = io.ReadAll(resp.Body)
	c.note(method+" "+path, a, time.Since(start))
	return a
}

func (c *client) note(what string, a answer, took time.Duration) {
	if a.status >= 500 {
		c.failed(what, a)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.count++
	if a.status >= 500 {
		c.trouble++
	}
	if took > c.slowest {
		c.slowest, c.slow = took, what
	}
}

// api calls one of the JSON families as the administrator.
func (c *client) api(ctx context.Context, method, path string, in any) answer {
	return c.apiWith(ctx, nil, method, path, in)
}

// apiWith is api with more headers.
func (c *client) apiWith(ctx context.Context, more http.Header, method, path string, in any) answer {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return answer{err: err}
		}
	}
	c.mu.Lock()
	token := c.iam
	c.mu.Unlock()
	if token == "" {
		var a answer
		if token, a = c.login(ctx); token == "" {
			return a
		}
	}
	h := http.Header{"X-Auth-Token": {token}, "Content-Type": {"application/json"}}
	maps.Copy(h, more)
	return c.send(ctx, method, path, h, body)
}

// login returns a token, or why there is none.
func (c *client) login(ctx context.Context) (string, answer) {
	type object = map[string]any
	user := object{"name": "admin", "password": c.server.secrets.password, "domain": object{"name": "easel"}}
	body, err := json.Marshal(object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": user}},
		"scope":    object{"project": object{"id": c.server.secrets.project}},
	}})
	if err != nil {
		return "", answer{err: err}
	}
	a := c.send(ctx, http.MethodPost, "/v3/auth/tokens", http.Header{"Content-Type": {"application/json"}}, body)
	if !a.ok() {
		return "", a
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.iam = a.header.Get("X-Subject-Token")
	return c.iam, a
}

// Scopes of registry tokens.
func pulls(repo string) string   { return "repository:" + repo + ":pull" }
func pushes(repo string) string  { return "repository:" + repo + ":pull,push" }
func deletes(repo string) string { return "repository:" + repo + ":delete" }

// freshToken returns a new registry token, as each push of a docker client has.
func (c *client) freshToken(ctx context.Context, scopes ...string) (string, answer) {
	mac := hmac.New(sha256.New, []byte(c.server.secrets.secretKey))
	mac.Write([]byte(c.server.secrets.accessKey))
	r := http.Request{Header: http.Header{}}
	r.SetBasicAuth("eu-de@"+c.server.secrets.accessKey, hex.EncodeToString(mac.Sum(nil)))
	q := url.Values{"service": {"dockyard"}, "scope": scopes}
	a := c.send(ctx, http.MethodGet, "/swr/auth/v2/registry/auth/?"+q.Encode(), r.Header, nil)
	if !a.ok() {
		return "", a
	}
	var out struct{ Token string }
	if err := json.Unmarshal(a.body, &out); err != nil {
		return "", answer{err: err}
	}
	return out.Token, a
}

// oci calls the registry with a token for scope that is used again.
func (c *client) oci(ctx context.Context, scope, method, path string) answer {
	return c.ociWith(ctx, nil, scope, method, path)
}

// ociWith is oci with more headers.
func (c *client) ociWith(ctx context.Context, more http.Header, scope, method, path string) answer {
	for again := range 2 {
		c.mu.Lock()
		token := c.tokens[scope]
		c.mu.Unlock()
		if token == "" || again == 1 {
			var a answer
			if token, a = c.freshToken(ctx, scope); token == "" {
				return a
			}
			c.mu.Lock()
			c.tokens[scope] = token
			c.mu.Unlock()
		}
		a := c.send(ctx, method, path, ociHeader(token, more), nil)
		if a.status != http.StatusUnauthorized || again == 1 {
			return a
		}
	}
	panic("unreachable")
}

// accepted are the manifests that pulls ask for.
var accepted = []string{ociManifest + ", " + ociIndex}

func ociHeader(token string, more http.Header) http.Header {
	h := http.Header{"Authorization": {"Bearer " + token}, "Accept": accepted}
	for name, values := range more {
		h[name] = values
	}
	return h
}
