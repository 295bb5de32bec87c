package load

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"time"
)

// client speaks OCI distribution as docker and containerd do: it asks before
// it sends, sends a layer as one body, and gets a token, once for each
// repository and kind of access, when the registry challenges it.
type client struct {
	base           string
	user, password string
	http           *http.Client
	buffers        sync.Pool // of *[]byte, for reading blobs

	mu     sync.Mutex // guards tokens
	tokens map[string]string
}

func newClient(t Target) *client {
	transport := &http.Transport{MaxIdleConns: 256, MaxIdleConnsPerHost: 256, IdleConnTimeout: time.Minute,
		DisableCompression: true, ReadBufferSize: 64 << 10, WriteBufferSize: 64 << 10}
	return &client{
		base: strings.TrimSuffix(t.URL, "/"), user: t.User, password: t.Password, tokens: map[string]string{},
		http:    &http.Client{Transport: transport, Timeout: 10 * time.Minute},
		buffers: sync.Pool{New: func() any { b := make([]byte, 256<<10); return &b }},
	}
}

// request is one request, which may have to be sent again with a token.
type request struct {
	method, path string
	access       string // what tokens are kept by: "pull", "push" or "delete", and the repository
	body         func() io.Reader
	size         int64
	mediaType    string
}

// statusError is an answer that was not hoped for.
type statusError struct {
	request string
	status  int
	text    string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("%s: status %d: %.200s", e.request, e.status, e.text)
}

// statusOf returns the status of a statusError in err, else 0.
func statusOf(err error) int {
	if e := (*statusError)(nil); errors.As(err, &e) {
		return e.status
	}
	return 0
}

// do sends r and returns the answer when its status is one of want; its body
// must be closed.
func (c *client) do(ctx context.Context, r request, want ...int) (*http.Response, error) {
	answer, err := c.send(ctx, r)
	if err == nil && answer.StatusCode == http.StatusUnauthorized && c.user != "" {
		drain(answer)
		if err = c.login(ctx, r.access, answer.Header.Get("Www-Authenticate")); err == nil {
			answer, err = c.send(ctx, r)
		}
	}
	if err != nil {
		return nil, err
	}
	for _, status := range want {
		if answer.StatusCode == status {
			return answer, nil
		}
	}
	defer drain(answer)
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 1<<10)) // what can be read of the reason will do
	return nil, &statusError{r.method + " " + r.path, answer.StatusCode, string(text)}
}

func (c *client) send(ctx context.Context, r request) (*http.Response, error) {
	var body io.Reader
	if r.body != nil {
		body = r.body()
	}
	target := r.path
	if !strings.Contains(target, "://") {
		target = c.base + target
	}
	q, err := http.NewRequestWithContext(ctx, r.method, target, body)
	if err != nil {
		return nil, err
	}
	if r.body != nil {
		q.ContentLength = r.size
	}
	if r.mediaType != "" {
		q.Header.Set("Content-Type", r.mediaType)
	}
	q.Header.Set("Accept", manifestType)
	c.mu.Lock()
	token := c.tokens[r.access]
	c.mu.Unlock()
	if token != "" {
		q.Header.Set("Authorization", "Bearer "+token)
	}
	return c.http.Do(q)
}

var challengeField = regexp.MustCompile(`(realm|service|scope)="([^"]*)"`)

// login gets the token that a challenge asks for.
func (c *client) login(ctx context.Context, access, challenge string) error {
	field := map[string]string{}
	for _, f := range challengeField.FindAllStringSubmatch(challenge, -1) {
		field[f[1]] = f[2]
	}
	if field["realm"] == "" {
		return fmt.Errorf("the registry wants a login, but its challenge %.200q names no token endpoint", challenge)
	}
	q := url.Values{"service": {field["service"]}, "scope": strings.Fields(field["scope"])}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, field["realm"]+"?"+q.Encode(), nil)
	if err != nil {
		return err
	}
	r.SetBasicAuth(c.user, c.password)
	answer, err := c.http.Do(r)
	if err != nil {
		return err
	}
	defer drain(answer)
	var token struct {
		Token       string `json:"token"`
		AccessToken string `json:"access_token"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&token); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("login at %s: status %d", field["realm"], answer.StatusCode)
	}
	if token.Token == "" {
		token.Token = token.AccessToken
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tokens[access] = token.Token
	return nil
}

// drain lets the connection be used again.
func drain(r *http.Response) {
	io.Copy(io.Discard, io.LimitReader(r.Body, 1<<20)) // an error ends the connection, and Close says so to the transport
	r.Body.Close()
}

// call is do for those who need no body.
func (c *client) call(ctx context.Context, r request, want ...int) (*http.Response, error) {
	answer, err := c.do(ctx, r, want...)
	if err == nil {
		drain(answer)
	}
	return answer, err
}

// push pushes an image and returns the bytes of blobs that were sent.
func (c *client) push(ctx context.Context, i image) (sent int64, err error) {
	for _, b := range i.blobs {
		n, err := c.pushBlob(ctx, i.repo, b)
		sent += n
		if err != nil {
			return sent, err
		}
	}
	return sent, c.putManifest(ctx, i, i.tag)
}

func (c *client) putManifest(ctx context.Context, i image, tag string) error {
	_, err := c.call(ctx, request{method: http.MethodPut, path: "/v2/" + i.repo + "/manifests/" + tag, access: "push " + i.repo,
		body: func() io.Reader { return bytes.NewReader(i.manifest) }, size: int64(len(i.manifest)), mediaType: manifestType}, http.StatusCreated)
	return err
}

// pushBlob sends a blob unless the repository has it.
func (c *client) pushBlob(ctx context.Context, repo string, b blob) (sent int64, err error) {
	access := "push " + repo
	answer, err := c.call(ctx, request{method: http.MethodHead, path: "/v2/" + repo + "/blobs/" + b.digest, access: access}, http.StatusOK, http.StatusNotFound)
	if err != nil || answer.StatusCode == http.StatusOK {
		return 0, err
	}
	if answer, err = c.call(ctx, request{method: http.MethodPost, path: "/v2/" + repo + "/blobs/uploads/", access: access}, http.StatusAccepted); err != nil {
		return 0, err
	}
	to, err := answer.Location()
	if err != nil {
		return 0, err
	}
	q := to.Query()
	q.Set("digest", b.digest)
	to.RawQuery = q.Encode()
	_, err = c.call(ctx, request{method: http.MethodPut, path: to.String(), access: access, body: b.open, size: b.size, mediaType: "application/octet-stream"}, http.StatusCreated)
	return b.size, err
}

// pull reads an image and checks every digest. It returns the bytes of blobs.
func (c *client) pull(ctx context.Context, repo, ref string) (int64, error) {
	m, err := c.manifest(ctx, repo, ref)
	if err != nil {
		return 0, err
	}
	var named struct {
		Config descriptor
		Layers []descriptor
	}
	if err := json.Unmarshal(m, &named); err != nil {
		return 0, fmt.Errorf("manifest %s of %s: %w", ref, repo, err)
	}
	var sum int64
	for _, d := range append(named.Layers, named.Config) {
		n, err := c.readBlob(ctx, repo, d)
		sum += n
		if err != nil {
			return sum, err
		}
	}
	return sum, nil
}

// manifest reads a manifest; one that is asked for by digest must have it.
func (c *client) manifest(ctx context.Context, repo, ref string) ([]byte, error) {
	answer, err := c.do(ctx, request{method: http.MethodGet, path: "/v2/" + repo + "/manifests/" + ref, access: "pull " + repo}, http.StatusOK)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	m, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err == nil && strings.HasPrefix(ref, "sha256:") && digestOf(m) != ref {
		err = fmt.Errorf("manifest %s of %s has other bytes", ref, repo)
	}
	return m, err
}

func (c *client) headManifest(ctx context.Context, repo, ref string) error {
	_, err := c.call(ctx, request{method: http.MethodHead, path: "/v2/" + repo + "/manifests/" + ref, access: "pull " + repo}, http.StatusOK)
	return err
}

func (c *client) readBlob(ctx context.Context, repo string, d descriptor) (int64, error) {
	answer, err := c.do(ctx, request{method: http.MethodGet, path: "/v2/" + repo + "/blobs/" + d.Digest, access: "pull " + repo}, http.StatusOK)
	if err != nil {
		return 0, err
	}
	defer answer.Body.Close()
	b := c.buffers.Get().(*[]byte)
	defer c.buffers.Put(b)
	var h hash.Hash = sha256.New()
	n, err := io.CopyBuffer(h, struct{ io.Reader }{answer.Body}, *b)
	if err != nil {
		return n, err
	}
	if got := "sha256:" + hex.EncodeToString(h.Sum(nil)); got != d.Digest || n != d.Size {
		return n, fmt.Errorf("blob %s of %s: got %d of %d bytes with the digest %s", d.Digest, repo, n, d.Size, got)
	}
	return n, nil
}

func (c *client) delete(ctx context.Context, repo, digest string) error {
	_, err := c.call(ctx, request{method: http.MethodDelete, path: "/v2/" + repo + "/manifests/" + digest, access: "delete " + repo}, http.StatusAccepted, http.StatusOK)
	return err
}

var nextPage = regexp.MustCompile(`<([^>]+)>;\s*rel="?next"?`)

// tags reads one page; next is "" for the last.
func (c *client) tags(ctx context.Context, repo, path string) (tags []string, next string, err error) {
	answer, err := c.do(ctx, request{method: http.MethodGet, path: path, access: "pull " + repo}, http.StatusOK)
	if err != nil {
		return nil, "", err
	}
	defer drain(answer)
	var page struct{ Tags []string }
	if err := json.NewDecoder(answer.Body).Decode(&page); err != nil {
		return nil, "", err
	}
	if m := nextPage.FindStringSubmatch(answer.Header.Get("Link")); m != nil {
		next = m[1]
	}
	return page.Tags, next, nil
}
