package sso

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/zitadel/oidc/v3/example/server/exampleop"
	"github.com/zitadel/oidc/v3/example/server/storage"
	"github.com/zitadel/oidc/v3/pkg/oidc"
	"github.com/zitadel/oidc/v3/pkg/op"
)

// clientID is what the provider calls Easel.
const clientID = "easel-e2e"

// password is everybody's.
const password = "verysecure"

// provider is a certified OpenID provider with its own log-in pages. Users are
// alice and mallory; their subjects are their names.
type provider struct {
	*storage.Storage
	url string

	mu     sync.Mutex
	groups map[string][]string // by subject
}

// client is one that may use codes and device codes, and whose ID tokens say
// who the user is.
type client struct{ op.Client }

func (client) IDTokenUserinfoClaimsAssertion() bool { return true }

func (client) GrantTypes() []oidc.GrantType {
	return []oidc.GrantType{oidc.GrantTypeCode, oidc.GrantTypeDeviceCode}
}

// GetClientByClientID overrides that of the storage.
func (p *provider) GetClientByClientID(ctx context.Context, id string) (op.Client, error) {
	c, err := p.Storage.GetClientByClientID(ctx, id)
	return client{c}, err
}

// SetUserinfoFromRequest overrides that of the storage: it adds groups.
func (p *provider) SetUserinfoFromRequest(ctx context.Context, info *oidc.UserInfo, request op.IDTokenRequest, scopes []string) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	info.AppendClaims("groups", p.groups[request.GetSubject()])
	return p.Storage.SetUserinfoFromRequest(ctx, info, request, scopes)
}

// put says in which groups somebody is.
func (p *provider) put(subject string, groups ...string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.groups[subject] = groups
}

func startProvider(t *testing.T) *provider {
	t.Helper()
	users := map[string]storage.User{}
	for _, name := range []string{"alice", "mallory"} {
		users[name] = storage.User{ID: name, Username: name, Password: password}
	}
	text, err := json.Marshal(users)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	store, err := storage.StoreFromFile(file)
	if err != nil {
		t.Fatal(err)
	}
	storage.RegisterClients(storage.NativeClient(clientID, "http://127.0.0.1/callback"))
	p := &provider{Storage: storage.NewStorage(store), groups: map[string][]string{}}
	listening := httptest.NewUnstartedServer(nil)
	p.url = "http://" + listening.Listener.Addr().String()
	listening.Config.Handler = exampleop.SetupServer(p.url, p, slog.New(slog.DiscardHandler), false)
	listening.Start()
	t.Cleanup(listening.Close)
	return p
}

// browser is a person at a browser.
type browser struct {
	*http.Client
	t *testing.T
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{&http.Client{Jar: jar}, t}
}

// page is what the browser shows.
type page struct {
	at   *url.URL
	text string
}

func (b *browser) show(resp *http.Response, err error) page {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode >= 400 {
		b.t.Fatalf("%s: %s %s %v", resp.Request.URL, resp.Status, text, err)
	}
	return page{resp.Request.URL, string(text)}
}

func (b *browser) open(address string) page { return b.show(b.Get(address)) }

func (b *browser) send(p page, path string, fields map[string]string) page {
	form := url.Values{}
	for name, value := range fields {
		form.Set(name, value)
	}
	to, err := p.at.Parse(path)
	if err != nil {
		b.t.Fatal(err)
	}
	return b.show(b.PostForm(to.String(), form))
}

// logIn fills in the provider's log-in page and returns where it ends.
func (b *browser) logIn(address, user string) page {
	b.t.Helper()
	p := b.open(address)
	if !strings.HasPrefix(p.at.Path, "/login/") {
		b.t.Fatalf("the browser is at %s, not at the log-in page: %s", p.at, p.text)
	}
	return b.send(p, "/login/username", map[string]string{"id": p.at.Query().Get("authRequestID"), "username": user, "password": password})
}

// approve enters a user code on another device.
func (b *browser) approve(address, code, user, action string) {
	b.t.Helper()
	p := b.open(address + "?user_code=" + url.QueryEscape(code))
	p = b.send(p, "/device/login", map[string]string{"user_code": code, "username": user, "password": password})
	p = b.send(p, "/device/confirm", map[string]string{"action": action})
	if !strings.Contains(p.text, "Device authorization "+action) {
		b.t.Fatalf("the device is not %s: %s", action, p.text)
	}
}
