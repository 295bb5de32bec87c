// Package issuer speaks to those who say who somebody is: OpenID providers
// that people log in to, and issuers of the tokens that machines have.
//
// What it is told is not believed before it is proven: a token counts when a
// key that its issuer publishes has signed it, with one of the algorithms of
// [algorithms], for the audience asked for, and its time is now. Everything that is fetched is
// bounded in size, time and number: a stranger who sends tokens with keys
// that nobody knows must not make us hammer the issuer.
//
// # Reading order
//
// issuer.go finds and reads what an issuer publishes, keys.go keeps its keys,
// verify.go checks a token, provider.go logs people in.
package issuer

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"

	"easel"
	"easel/internal/outbound"
)

// Limits of what is fetched.
const (
	fetchTimeout   = 10 * time.Second // from the look-up of the name to the end of the answer
	maxAnswer      = 1 << 20          // bytes of an answer
	maxHeader      = 64 << 10         // bytes of its header
	fetchEvery     = 10 * time.Second // how often an issuer is asked at most, whoever wants it
	publishedFresh = 24 * time.Hour   // how old what an issuer says about itself may be before it is asked again
	keysFresh      = 15 * time.Minute // how old keys may be before they are asked for again
	keysKept       = 24 * time.Hour   // how long they count when the issuer does not answer
	maxKeys        = 100
)

// CheckURL returns nil for the URL of an issuer: https, or http on this
// machine, without user, query and fragment. It is compared byte by byte.
// Errors: Invalid "issuer".
func CheckURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil || len(text) > 500 || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.ContainsAny(text, "?#"):
		return easel.E(easel.Invalid, "issuer", "%.200q is no issuer: want a URL like https://login.example.org, as it stands in the tokens", text)
	case !secure(u):
		return easel.E(easel.Invalid, "issuer", "the issuer %.200s must have a URL with https; http is for an address like 127.0.0.1 only", text)
	}
	return nil
}

// secure reports whether what is fetched from u cannot be changed on the way.
func secure(u *url.URL) bool {
	if u.Scheme == "https" {
		return true
	}
	ip := net.ParseIP(u.Hostname())
	return u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback())
}

// transport fetches from issuers.
type transport struct{ base http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if !secure(r.URL) {
		return nil, errors.New("the issuer names an address without https")
	}
	resp, err := t.base.RoundTrip(r)
	if err == nil {
		resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	}
	return resp, err
}

// newClient returns a client that dials what control lets it; nil: everything.
func newClient(dialer *net.Dialer, proxy func(*http.Request) (*url.URL, error)) *http.Client {
	return &http.Client{
		Timeout: fetchTimeout,
		Transport: transport{&http.Transport{
			DialContext: dialer.DialContext, Proxy: proxy, TLSHandshakeTimeout: fetchTimeout, ForceAttemptHTTP2: true,
			MaxResponseHeaderBytes: maxHeader, MaxIdleConns: 16, MaxIdleConnsPerHost: 1, IdleConnTimeout: time.Minute,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// trustedClient fetches from issuers that the configuration names.
func trustedClient() *http.Client {
	return newClient(&net.Dialer{Timeout: fetchTimeout}, http.ProxyFromEnvironment)
}

// guardedClient fetches from issuers that users name: from public addresses,
// and those in allow. A proxy would dial for us, and not ask.
func guardedClient(allow []netip.Prefix) *http.Client {
	return newClient(&net.Dialer{Timeout: fetchTimeout, ControlContext: outbound.Control(allow)}, nil)
}

// remote is an issuer on the network.
type remote struct {
	url    string
	client *http.Client
	now    func() time.Time

	fetching sync.Mutex // held while it is asked
	mu       sync.Mutex // guards what follows
	tried    time.Time  // when it was asked last
	failed   error      // what came of that
	found    *published // nil: it never answered
	at       time.Time  // when it was found
}

// published is what an issuer says about itself.
type published struct {
	provider *oidc.Provider
	keys     *keys
	inBody   bool // a client sends its secret in the body, for the issuer wants no other way
}

func newRemote(issuer string, client *http.Client, now func() time.Time) *remote {
	return &remote{url: issuer, client: client, now: now}
}

// about returns what the issuer publishes: it is asked until it has answered,
// and anew after a day, not more than every [fetchEvery]. What it said counts
// until it says something else. Errors: Unavailable "issuer".
func (r *remote) about(ctx context.Context) (*published, error) {
	if found, fresh, _ := r.known(); fresh {
		return found, nil
	}
	r.fetching.Lock()
	defer r.fetching.Unlock()
	found, fresh, err := r.known()
	if !fresh && err == nil {
		found, err = r.ask(ctx)
	}
	if found == nil {
		return nil, unavailable(err)
	}
	return found, nil
}

// known returns what was found, and whether that is fresh; and what came of
// the last question, when it is too early for another.
func (r *remote) known() (found *published, fresh bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	if now.Sub(r.tried) < fetchEvery {
		err = r.failed
	}
	return r.found, r.found != nil && now.Sub(r.at) < publishedFresh, err
}

// ask asks the issuer and returns what it says, or else what it said before.
func (r *remote) ask(ctx context.Context) (*published, error) {
	found, err := r.discover(ctx)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed, r.tried = err, r.now()
	if err == nil {
		r.found, r.at = found, r.tried
	}
	return r.found, err
}

// discover asks on behalf of everybody who waits: it does not end with the
// request that it began with.
func (r *remote) discover(ctx context.Context) (*published, error) {
	ctx = oidc.ClientContext(context.WithoutCancel(ctx), r.client)
	provider, err := oidc.NewProvider(ctx, r.url)
	if err != nil {
		return nil, fmt.Errorf("read what %s publishes: %w", r.url, err)
	}
	var more struct {
		Keys    string   `json:"jwks_uri"`
		Methods []string `json:"token_endpoint_auth_methods_supported"`
	}
	if err := provider.Claims(&more); err != nil {
		return nil, fmt.Errorf("read what %s publishes: %w", r.url, err)
	}
	inBody := slices.Contains(more.Methods, "client_secret_post") && !slices.Contains(more.Methods, "client_secret_basic")
	return &published{provider: provider, keys: newKeys(r.client, more.Keys, r.now), inBody: inBody}, nil
}

func unavailable(err error) error {
	return easel.E(easel.Unavailable, "issuer", "the identity provider does not answer as it should; try again later").Because(err).After(fetchEvery)
}
