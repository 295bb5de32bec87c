package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"easel"
)

// Registry pushes to the registry of a server as docker does: it asks before
// it sends. It is not safe for concurrent use.
type Registry struct {
	c       *Client
	project string
	repo    easel.Repo   // that token is for
	sources []easel.Repo // that it may read as well
	token   string
}

// Registry returns a pusher that logs in with the access key, to the project
// of that name.
func (c *Client) Registry(project string) *Registry { return &Registry{c: c, project: project} }

// HasBlob reports whether the repository has a blob.
func (r *Registry) HasBlob(ctx context.Context, repo easel.Repo, digest easel.Digest) (bool, error) {
	header, err := r.do(ctx, repo, registryCall{method: http.MethodHead, path: "blobs/" + string(digest)})
	if IsStatus(err, http.StatusNotFound) {
		return false, nil
	}
	return header != nil && err == nil, err
}

// ManifestDigest returns the digest of what ref names in the repository, ""
// when it names nothing.
func (r *Registry) ManifestDigest(ctx context.Context, repo easel.Repo, ref string) (easel.Digest, error) {
	header, err := r.do(ctx, repo, registryCall{method: http.MethodHead, path: "manifests/" + ref})
	if IsStatus(err, http.StatusNotFound) {
		return "", nil
	}
	return easel.Digest(header.Get("Docker-Content-Digest")), err
}

// Mount makes a blob of the repository from one of repo's too, and reports
// whether that was possible.
func (r *Registry) Mount(ctx context.Context, repo, from easel.Repo, digest easel.Digest) (bool, error) {
	r.turnTo(repo)
	if !slices.Contains(r.sources, from) {
		r.sources, r.token = append(r.sources, from), "" // the next one is for that as well
	}
	header, err := r.do(ctx, repo, registryCall{method: http.MethodPost, path: "blobs/uploads/", query: url.Values{"mount": {string(digest)}, "from": {string(from)}}})
	if err != nil || header.Get("Docker-Upload-Uuid") == "" {
		return err == nil, err
	}
	_, err = r.do(ctx, repo, registryCall{method: http.MethodDelete, path: "blobs/uploads/" + url.PathEscape(header.Get("Docker-Upload-Uuid"))})
	return false, err
}

// PutBlob sends a blob, of which the server compares the digest. open is
// called for each try.
func (r *Registry) PutBlob(ctx context.Context, repo easel.Repo, digest easel.Digest, size int64, open func() (io.ReadCloser, error)) error {
	header, err := r.do(ctx, repo, registryCall{method: http.MethodPost, path: "blobs/uploads/"})
	if err != nil {
		return err
	}
	id := header.Get("Docker-Upload-Uuid")
	if id == "" {
		return errors.New("the server does not say where to send a blob")
	}
	_, err = r.do(ctx, repo, registryCall{method: http.MethodPut, path: "blobs/uploads/" + url.PathEscape(id), query: url.Values{"digest": {string(digest)}},
		mediaType: "application/octet-stream", size: size, open: open})
	return err
}

// PutManifest stores a manifest under a tag or its digest.
func (r *Registry) PutManifest(ctx context.Context, repo easel.Repo, ref, mediaType string, body []byte) error {
	_, err := r.do(ctx, repo, registryCall{method: http.MethodPut, path: "manifests/" + ref, mediaType: mediaType, size: int64(len(body)),
		open: func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }})
	return err
}

// registryCall is a request below /v2/REPOSITORY/.
type registryCall struct {
	method, path, mediaType string
	query                   url.Values
	size                    int64
	open                    func() (io.ReadCloser, error) // nil: no body
}

// do sends a call, and once more with a new token when the server wants one.
func (r *Registry) do(ctx context.Context, repo easel.Repo, call registryCall) (http.Header, error) {
	r.turnTo(repo)
	if r.token == "" {
		if err := r.login(ctx, repo); err != nil {
			return nil, err
		}
	}
	header, err := r.send(ctx, repo, call)
	if IsStatus(err, http.StatusUnauthorized) {
		if err := r.login(ctx, repo); err != nil {
			return nil, err
		}
		header, err = r.send(ctx, repo, call)
	}
	return header, err
}

// turnTo forgets the token of another repository.
func (r *Registry) turnTo(repo easel.Repo) {
	if r.repo != repo {
		r.repo, r.sources, r.token = repo, nil, ""
	}
}

func (r *Registry) send(ctx context.Context, repo easel.Repo, call registryCall) (http.Header, error) {
	address := r.c.base + "/v2/" + string(repo) + "/" + call.path
	if len(call.query) > 0 {
		address += "?" + call.query.Encode()
	}
	var body io.Reader
	if call.open != nil {
		f, err := call.open()
		if err != nil {
			return nil, err
		}
		defer f.Close()
		body = f
	}
	q, err := http.NewRequestWithContext(ctx, call.method, address, body)
	if err != nil {
		return nil, err
	}
	if call.open != nil {
		q.ContentLength = call.size
		q.Header.Set("Content-Type", call.mediaType)
	}
	q.Header.Set("Authorization", "Bearer "+r.token)
	q.Header.Set("User-Agent", "easel")
	return r.c.answer(q, nil)
}

var challenge = regexp.MustCompile(`(realm|service)="([^"]*)"`)

// login gets a token for a repository, as the server's challenge says.
func (r *Registry) login(ctx context.Context, repo easel.Repo) error {
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, r.c.base+"/v2/", nil)
	if err != nil {
		return err
	}
	said, err := r.c.answer(q, nil)
	if err != nil && !IsStatus(err, http.StatusUnauthorized) {
		return err
	}
	parts := map[string]string{}
	for _, m := range challenge.FindAllStringSubmatch(said.Get("Www-Authenticate"), -1) {
		parts[m[1]] = m[2]
	}
	realm, err := url.Parse(parts["realm"])
	base, wrong := url.Parse(r.c.base)
	if err != nil || wrong != nil || parts["realm"] == "" {
		return fmt.Errorf("%s does not say how to log in to its registry", r.c.base)
	}
	// The key is only ever sent to the server that it was made for.
	ask := url.Values{"service": {parts["service"]}, "scope": {"repository:" + string(repo) + ":pull,push"}}
	for _, source := range r.sources {
		ask.Add("scope", "repository:"+string(source)+":pull")
	}
	realm.Scheme, realm.Host, realm.RawQuery = base.Scheme, base.Host, ask.Encode()
	if q, err = http.NewRequestWithContext(ctx, http.MethodGet, realm.String(), nil); err != nil {
		return err
	}
	q.SetBasicAuth(r.project+"@"+r.c.creds.AccessKey, LoginKey(r.c.creds.AccessKey, r.c.creds.SecretKey))
	var out struct {
		Token string `json:"token"`
	}
	if _, err := r.c.answer(q, &out); err != nil {
		return fmt.Errorf("log in to the registry: %w", err)
	}
	r.token = out.Token
	return nil
}

// answer sends a request and reads the answer, into out if that is not nil.
func (c *Client) answer(q *http.Request, out any) (http.Header, error) {
	resp, err := c.http.Do(q)
	if err != nil {
		return nil, fmt.Errorf("the server does not answer: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return resp.Header, fmt.Errorf("the answer of %s broke off: %w", c.base, err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return resp.Header, refusal(resp, body)
	}
	if out == nil {
		return resp.Header, nil
	}
	return resp.Header, json.NewDecoder(strings.NewReader(string(body))).Decode(out)
}
