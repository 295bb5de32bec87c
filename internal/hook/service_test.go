package hook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/pgtest"
	"easel/internal/workbench/imagetest"
)

// plain is a vault without a lock.
type plain struct{}

func (plain) Seal(name, secret string) ([]byte, error) { return []byte(name + "|" + secret), nil }

func (plain) Open(name string, sealed []byte) (string, error) {
	secret, ok := strings.CutPrefix(string(sealed), name+"|")
	if !ok {
		return "", errors.New("the secret is another's")
	}
	return secret, nil
}

// sink is a receiver of events.
type sink struct {
	*httptest.Server
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	header http.Header
	body   []byte
}

func newSink(t *testing.T) *sink {
	s := &sink{status: http.StatusNoContent}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, received{r.Header, text})
		if s.status == http.StatusFound {
			w.Header().Set("Location", "/elsewhere")
		}
		w.WriteHeader(s.status)
		if s.status == http.StatusOK {
			_, _ = w.Write(make([]byte, 1<<20)) // more than anybody reads
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *sink) answers(status int) { s.mu.Lock(); defer s.mu.Unlock(); s.status = status }

func (s *sink) take() []received {
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	return got
}

// world is a service on a catalogue whose clock is moved by hand.
type world struct {
	*imagetest.World
	*Service
	now atomic.Int64
}

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

func newWorld(t *testing.T, url string, allow []netip.Prefix) *world {
	t.Helper()
	w := &world{}
	w.now.Store(time.Now().UnixMicro())
	w.World = imagetest.NewAt(t, url, func() time.Time { return time.UnixMicro(w.now.Load()) })
	w.Service = New(Options{Catalog: w.DB, Vault: plain{}, Allow: allow})
	return w
}

func (w *world) create(t *testing.T, who easel.Principal, n NewHook) (catalog.Hook, string) {
	t.Helper()
	n.Active = true
	h, secret, err := w.Create(imagetest.As(t, who), n)
	if err != nil {
		t.Fatal(err)
	}
	return h, secret
}

// deliver seals, and gives the hook one turn.
func (w *world) deliver(t *testing.T, h catalog.Hook) {
	t.Helper()
	if _, err := w.DB.SealAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := w.turn(t.Context(), h.ID); err != nil {
		t.Fatal(err)
	}
}

// newest returns the newest delivery to a hook.
func (w *world) newest(t *testing.T, h catalog.Hook) catalog.Delivery {
	t.Helper()
	found, err := w.Deliveries(imagetest.As(t, w.Ann), catalog.DeliveryQuery{Hook: h.ID, State: -1, Limit: 1})
	if err != nil || len(found) == 0 {
		t.Fatalf("deliveries = %v, %v", found, err)
	}
	return found[0]
}

func onEngines(t *testing.T, f func(*testing.T, *world)) {
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); f(t, newWorld(t, imagetest.SQLite(t), loopback)) })
	t.Run("postgres", func(t *testing.T) {
		if testing.Short() {
			t.Skip("left out: -short")
		}
		t.Parallel()
		f(t, newWorld(t, pgtest.Start(t), loopback))
	})
}

func TestDelivery(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		s := newSink(t)
		h, secret := w.create(t, w.Ann, NewHook{Org: "team", URL: s.URL + "/in", Events: []string{"push"}})
		w.Push(t, w.Ann, "team/a:1", "one")
		w.now.Add(1) // events of one moment have no order
		w.Push(t, w.Ann, "team/a:2", "two")
		w.Push(t, w.Gus, "rival/b:1", "two")
		w.deliver(t, h)
		got := s.take()
		if len(got) != 2 {
			t.Fatalf("%d events came, want 2", len(got))
		}
		for n, r := range got {
			verified(t, r, secret)
			var e event
			if err := json.Unmarshal(r.body, &e); err != nil {
				t.Fatal(err)
			}
			want := fmt.Sprintf("team/a:%d", n+1)
			if e.Type != "org.easel.push" || e.SpecVersion != "1.0" || e.Subject != want || e.ID != r.header.Get("webhook-id") ||
				e.Data.Repository != "team/a" || e.Data.Digest == "" || e.Data.Tags[0] != want || e.Data.Actor != "ann" || e.Data.Bytes.Pushed == 0 {
				t.Errorf("event %d = %+v", n, e)
			}
		}
		if d := w.newest(t, h); d.State != catalog.Delivered || d.Status != 204 || d.Tries != 1 {
			t.Errorf("delivery = %+v", d)
		}
		if w.deliver(t, h); len(s.take()) != 0 {
			t.Error("an event came twice")
		}
	})
}

// verified checks a delivery as its receiver would.
func verified(t *testing.T, r received, secret string) {
	t.Helper()
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(r.header.Get("webhook-id") + "." + r.header.Get("webhook-timestamp") + "."))
	mac.Write(r.body)
	if want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil)); r.header.Get("webhook-signature") != want {
		t.Errorf("signature = %s, want %s", r.header.Get("webhook-signature"), want)
	}
	if got := r.header.Get("Content-Type"); got != "application/cloudevents+json; charset=utf-8" {
		t.Errorf("Content-Type = %s", got)
	}
}

// TestFailure tries until a day is over, and once more when asked to.
func TestFailure(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		s := newSink(t)
		h, _ := w.create(t, w.Ann, NewHook{URL: s.URL, Events: []string{"push"}})
		w.Push(t, w.Ann, "team/a:1", "one")
		first := ""
		for try, status := range []int{500, 404, 302, 429} {
			s.answers(status)
			w.deliver(t, h)
			got := s.take()
			if len(got) != 1 {
				t.Fatalf("try %d: %d requests, want 1: redirects are not followed", try, len(got))
			}
			id := got[0].header.Get("webhook-id") + string(got[0].body)
			if first == "" {
				first = id
			}
			if id != first {
				t.Errorf("try %d sends something else", try)
			}
			if d := w.newest(t, h); d.State != catalog.Waiting || d.Status != status {
				t.Errorf("try %d: %+v", try, d)
			}
			if w.deliver(t, h); len(s.take()) != 0 {
				t.Error("it is tried again at once")
			}
			w.now.Add((2 * time.Hour).Microseconds())
		}
		w.givesUp(t, s, h)
	})
}

// givesUp goes on where TestFailure ends: it was tried for a day.
func (w *world) givesUp(t *testing.T, s *sink, h catalog.Hook) {
	t.Helper()
	ctx := imagetest.As(t, w.Ann)
	if err := w.DB.EndDelivery(t.Context(), w.takeTurn(t, h), w.newest(t, h).ID, outcome(500, "", 9, giveUp)); err != nil {
		t.Fatal(err)
	}
	w.now.Add(time.Hour.Microseconds())
	s.answers(http.StatusOK)
	if w.deliver(t, h); len(s.take()) != 0 {
		t.Error("what was given up is tried again")
	}
	if n, err := w.Retry(ctx, h.ID); err != nil || n != 1 {
		t.Fatalf("retry: %d, %v", n, err)
	}
	if w.deliver(t, h); len(s.take()) != 1 {
		t.Error("what shall be tried again is not")
	}
	if d := w.newest(t, h); d.State != catalog.Delivered {
		t.Errorf("in the end: %+v", d)
	}
}

func (w *world) takeTurn(t *testing.T, h catalog.Hook) catalog.HookTurn {
	t.Helper()
	u, taken, err := w.DB.TakeTurn(t.Context(), h.ID, time.Minute)
	if err != nil || !taken {
		t.Fatalf("turn: %v, %v", taken, err)
	}
	return u
}

// TestPrivateAddresses asks for deliveries to this machine, by address, by
// name and by a name that changed its mind.
func TestPrivateAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, imagetest.SQLite(t), nil)
	s := newSink(t)
	_, port, err := net.SplitHostPort(s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ctx := imagetest.As(t, w.Ann)
	for _, host := range []string{"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "10.0.0.1", "0.0.0.0", "[fe80::1]"} {
		if _, _, err := w.Create(ctx, NewHook{URL: "http://" + host + ":" + port}); easel.AsError(err).Kind != easel.Invalid {
			t.Errorf("a hook at %s: %v", host, err)
		}
	}
	// What a name means is known when it is dialled only; so are the other spellings of an address.
	for _, host := range []string{"localhost", "2130706433", "127.1", "0x7f.1"} {
		h, _ := w.create(t, w.Ann, NewHook{URL: "http://" + host + ":" + port, Events: []string{"push"}})
		if _, err := w.Test(ctx, h.ID); err != nil {
			t.Fatal(err)
		}
		w.deliver(t, h)
		if d := w.newest(t, h); d.State != catalog.Waiting || d.Status != 0 || d.Problem == "" || host == "localhost" && !strings.Contains(d.Problem, "not public") {
			t.Errorf("%s: %+v", host, d)
		}
	}
	if got := s.take(); len(got) != 0 {
		t.Errorf("%d requests came through", len(got))
	}
}

func TestRefusedHooks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, imagetest.SQLite(t), nil)
	good := "https://sink.example.com/in"
	for _, tt := range []struct {
		name string
		who  easel.Principal
		hook NewHook
		kind easel.Kind
		noun easel.Noun
	}{
		{"nobody", easel.Principal{}, NewHook{URL: good}, easel.Unauthenticated, "hook"},
		{"nobody, of an organisation", easel.Principal{}, NewHook{URL: good, Org: "team"}, easel.Unauthenticated, "hook"},
		{"a user, of the domain", w.Ben, NewHook{URL: good}, easel.Denied, "hook"},
		{"a user, of an organisation", w.Ben, NewHook{URL: good, Org: "team"}, easel.NotFound, "organisation"},
		{"another domain's organisation", w.Gus, NewHook{URL: good, Org: "team"}, easel.NotFound, "organisation"},
		{"no organisation", w.Ann, NewHook{URL: good, Org: "none"}, easel.NotFound, "organisation"},
		{"unknown type", w.Ann, NewHook{URL: good, Events: []string{"push", "pull"}}, easel.Invalid, "event"},
		{"the type of tests", w.Ann, NewHook{URL: good, Events: []string{"test"}}, easel.Invalid, "event"},
		{"no scheme", w.Ann, NewHook{URL: "sink.example.com/in"}, easel.Invalid, "url"},
		{"another scheme", w.Ann, NewHook{URL: "file:///etc/passwd"}, easel.Invalid, "url"},
		{"no host", w.Ann, NewHook{URL: "https:///in"}, easel.Invalid, "url"},
		{"a password", w.Ann, NewHook{URL: "https://a:b@sink.example.com/"}, easel.Invalid, "url"},
		{"a fragment", w.Ann, NewHook{URL: good + "#x"}, easel.Invalid, "url"},
		{"a new line", w.Ann, NewHook{URL: good + "\r\nX-Injected: 1"}, easel.Invalid, "url"},
		{"a NUL", w.Ann, NewHook{URL: good + "\x00"}, easel.Invalid, "url"},
		{"too long", w.Ann, NewHook{URL: good + strings.Repeat("x", maxURL)}, easel.Invalid, "url"},
	} {
		_, _, err := w.Create(imagetest.As(t, tt.who), tt.hook)
		if e := easel.AsError(err); err == nil || e.Kind != tt.kind || e.Noun != tt.noun {
			t.Errorf("%s: %v (%v %q), want %v %q", tt.name, err, e.Kind, e.Noun, tt.kind, tt.noun)
		}
	}
	if found, err := w.List(imagetest.As(t, w.Ann), ""); err != nil || len(found) != 0 {
		t.Errorf("hooks = %v, %v", found, err)
	}
}

// TestRun delivers as the server does, and stops while a sink keeps it waiting.
func TestRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t, imagetest.SQLite(t), loopback)
	came, stop := make(chan string, 10), make(chan struct{})
	slow := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		came <- r.URL.Path
		select {
		case <-stop:
		case <-r.Context().Done():
		}
	}))
	t.Cleanup(func() { close(stop); slow.Close() })
	quick := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { came <- r.URL.Path }))
	t.Cleanup(quick.Close)
	held, _ := w.create(t, w.Ann, NewHook{URL: slow.URL + "/slow"})
	w.create(t, w.Ann, NewHook{URL: quick.URL + "/quick"})
	w.Push(t, w.Ann, "team/a:1", "one")
	if _, err := w.DB.SealAudit(t.Context()); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { w.Run(ctx); close(ended) }()
	got := map[string]bool{<-came: true, <-came: true}
	if !got["/slow"] || !got["/quick"] {
		t.Errorf("events came to %v", got)
	}
	cancel()
	<-ended
	if d := w.newest(t, held); d.State != catalog.Waiting || d.Tries != 0 {
		t.Errorf("what was cut off counts as tried: %+v", d)
	}
	if _, taken, err := w.DB.TakeTurn(t.Context(), held.ID, time.Minute); err != nil || !taken {
		t.Errorf("its turn was not given back: %v, %v", taken, err)
	}
}
