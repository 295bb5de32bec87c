package identity

import (
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/issuer"
	"easel/internal/issuer/issuertest"
)

// workload is a service that trusts an issuer on this machine.
type workload struct {
	*fixture
	*issuertest.Provider
	trust catalog.Trust
}

const ciSubject = "repo:org/app:ref:refs/heads/main"

func newWorkload(t *testing.T) *workload {
	t.Helper()
	f := newFixture(t)
	w := &workload{fixture: f, Provider: issuertest.New(t, f.clock.now)}
	f.issuers = issuer.NewIssuers([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, f.clock.now)
	t.Cleanup(f.issuers.Close)
	w.trust = w.make(t, nil)
	return w
}

// newTrust is a trust in what the issuer says about a branch.
func (w *workload) newTrust() NewTrust {
	return NewTrust{Name: "ci", Issuer: w.Issuer(), Audience: "https://easel.example.org", Claims: easel.Conditions{"sub": "repo:org/app:ref:refs/heads/*", "environment": "prod"},
		Bound: easel.Bound{Repositories: []string{"team/app-*"}, Actions: []string{"pull", "push"}}, Life: 10 * time.Minute}
}

func (w *workload) make(t *testing.T, change func(*NewTrust)) catalog.Trust {
	t.Helper()
	q := w.newTrust()
	if change != nil {
		change(&q)
	}
	r, err := w.CreateTrust(t.Context(), w.admin(), q)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// shown is a token that fits, but for what c says.
func (w *workload) shown(t *testing.T, c issuertest.Claims) string {
	t.Helper()
	all := issuertest.Claims{"aud": "https://easel.example.org", "sub": ciSubject, "environment": "prod"}
	for name, v := range c {
		all[name] = v
	}
	return w.Sign(t, all)
}

func TestExchange(t *testing.T) {
	t.Parallel()
	w := newWorkload(t)
	ctx := t.Context()
	e, err := w.Exchange(ctx, w.trust.ID, w.shown(t, nil))
	if err != nil || e.Expires.Sub(w.clock.now()) != 10*time.Minute {
		t.Fatalf("%+v, %v", e, err)
	}
	credentials := map[string]func() (easel.Principal, error){
		"the registry login": func() (easel.Principal, error) { return w.CheckLogin(ctx, e.User, e.Key) },
		"the token":          func() (easel.Principal, error) { return w.VerifyToken(ctx, e.Token) },
		"the signature": func() (easel.Principal, error) {
			return w.Verify(ctx, signed(ctx, "GET", "/v3/projects", e.Access, e.Secret, w.clock.now()))
		},
	}
	alive := func(want bool) {
		t.Helper()
		for name, use := range credentials {
			who, err := use()
			if want && (err != nil || !who.Machine || who.Bound == nil || !who.Bound.Covers("team/app-1") || who.Bound.Covers("team/base") || who.ProjectID != e.Project.ID || who.AccessKey != e.Access) {
				t.Errorf("%s: %+v, %v", name, who, err)
			}
			if !want && !errors.Is(err, easel.Unauthenticated) {
				t.Errorf("%s: %v, want that it has ended", name, err)
			}
		}
	}
	alive(true)
	who, err := w.VerifyToken(ctx, e.Token)
	if err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"another token":   second(w.issue(t, e.Token)),
		"a key":           third(w.CreateKey(ctx, who, who.UserID, "")),
		"a robot":         third(w.CreateRobot(ctx, who, NewRobot{Name: "x", Bound: *who.Bound})),
		"a trust":         second(w.CreateTrust(ctx, who, w.newTrust())),
		"a login":         second(w.NewDockerLogin(ctx, who, "")),
		"a temporary key": second(w.NewTemporaryKey(ctx, e.Token, time.Hour)),
	} {
		if !errors.Is(err, easel.Denied) && !errors.Is(err, easel.Unauthenticated) {
			t.Errorf("the credential makes %s: %v", name, err)
		}
	}
	w.clock.advance(10*time.Minute - time.Second)
	alive(true)
	w.clock.advance(time.Second)
	alive(false)

	for _, end := range []func() error{
		func() error { return second(w.SetTrust(ctx, w.admin(), w.trust.ID, false)) },
		func() error { return w.DeleteTrust(ctx, w.admin(), w.trust.ID) },
	} {
		if _, err := w.SetTrust(ctx, w.admin(), w.trust.ID, true); err != nil {
			t.Fatal(err)
		}
		if e, err = w.Exchange(ctx, w.trust.ID, w.shown(t, nil)); err != nil {
			t.Fatal(err)
		}
		alive(true)
		if err := end(); err != nil {
			t.Fatal(err)
		}
		alive(false)
	}
}

func second[T any](_ T, err error) error          { return err }
func third[T any](_ T, _ string, err error) error { return err }

func (w *workload) issue(t *testing.T, token string) (string, error) {
	t.Helper()
	made, _, err := w.IssueToken(t.Context(), TokenRequest{Methods: []string{"token"}, Token: token})
	return made, err
}

// TestExchangeRefused shows tokens that must not count. All are refused in
// the same words.
func TestExchangeRefused(t *testing.T) {
	t.Parallel()
	w := newWorkload(t)
	other := issuertest.New(t, w.clock.now)
	now := w.clock.now()
	if _, err := w.Exchange(t.Context(), w.trust.ID, w.shown(t, nil)); err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"nothing": "", "no token": "x", "huge": strings.Repeat("x", 1<<20),
		"of another issuer":     other.Sign(t, issuertest.Claims{"aud": "https://easel.example.org", "sub": ciSubject, "environment": "prod"}),
		"with another's name":   other.Sign(t, issuertest.Claims{"iss": w.Issuer(), "aud": "https://easel.example.org", "sub": ciSubject, "environment": "prod"}),
		"another audience":      w.shown(t, issuertest.Claims{"aud": "https://other.example.org"}),
		"a slash more":          w.shown(t, issuertest.Claims{"aud": "https://easel.example.org/"}),
		"expired":               w.shown(t, issuertest.Claims{"exp": now.Unix() - 1}),
		"not yet":               w.shown(t, issuertest.Claims{"nbf": now.Add(time.Hour).Unix()}),
		"another branch's form": w.shown(t, issuertest.Claims{"sub": "repo:org/app:ref:refs/heads/a/b"}),
		"another repository":    w.shown(t, issuertest.Claims{"sub": "repo:org/app2:ref:refs/heads/main"}),
		"another environment":   w.shown(t, issuertest.Claims{"environment": "test"}),
		"no environment":        w.shown(t, issuertest.Claims{"environment": nil}),
	}
	refused := func(name, trust, token string) {
		t.Helper()
		_, err := w.Exchange(t.Context(), trust, token)
		if !errors.Is(err, easel.Unauthenticated) || easel.AsError(err).Msg != exchangeFailed || errors.Is(err, easel.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, token := range tokens {
		refused(name, w.trust.ID, token)
	}
	for _, id := range []string{"", "nobody", "t\x00", easel.NewUUID(now), strings.Repeat("x", 1000)} {
		refused("the trust "+id, id, w.shown(t, nil))
	}
	far := w.make(t, func(q *NewTrust) { q.Bound.Networks = []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")} })
	refused("from elsewhere", far.ID, w.shown(t, nil))
	ci := w.user(t, "ci")
	his := w.make(t, func(q *NewTrust) { q.User = ci })
	if _, err := w.Exchange(t.Context(), his.ID, w.shown(t, nil)); err != nil {
		t.Fatal(err)
	}
	if err := w.db.EnableAccount(t.Context(), ci, false); err != nil {
		t.Fatal(err)
	}
	refused("a disabled user", his.ID, w.shown(t, nil))

	w.fixture.issuers = issuer.NewIssuers(nil, w.clock.now) // nothing but public addresses
	if _, err := w.Exchange(t.Context(), w.trust.ID, w.shown(t, nil)); !errors.Is(err, easel.Unavailable) {
		t.Errorf("an issuer on this machine is asked: %v", err)
	}
	if before := w.Fetched(); before != 1 {
		t.Errorf("the issuer was asked for its keys %d times", before)
	}
}

// TestExchangeGivenKeys trusts an issuer that cannot be asked.
func TestExchangeGivenKeys(t *testing.T) {
	t.Parallel()
	w := newWorkload(t)
	keys, err := json.Marshal(w.Public())
	if err != nil {
		t.Fatal(err)
	}
	w.fixture.issuers = issuer.NewIssuers(nil, w.clock.now)
	r := w.make(t, func(q *NewTrust) { q.JWKS = string(keys) })
	if _, err := w.Exchange(t.Context(), r.ID, w.shown(t, nil)); err != nil {
		t.Error(err)
	}
	w.Rotate()
	if _, err := w.Exchange(t.Context(), r.ID, w.shown(t, nil)); !errors.Is(err, easel.Unauthenticated) {
		t.Errorf("with a key that was not given: %v", err)
	}
}

func TestCreateTrust(t *testing.T) {
	t.Parallel()
	w := newWorkload(t)
	keys, err := json.Marshal(w.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, wrong := range map[string]func(*NewTrust){
		"no name": func(q *NewTrust) { q.Name = " " }, "no audience": func(q *NewTrust) { q.Audience = "" }, "NUL": func(q *NewTrust) { q.Audience = "a\x00" },
		"no condition": func(q *NewTrust) { q.Claims = nil }, "long": func(q *NewTrust) { q.Life = time.Hour + time.Second }, "short": func(q *NewTrust) { q.Life = time.Second },
		"plain http": func(q *NewTrust) { q.Issuer = "http://ci.example.org" }, "secret keys": func(q *NewTrust) { q.JWKS = `{"keys":[{"kty":"oct","k":"AAAA"}]}` },
		"no keys": func(q *NewTrust) { q.JWKS = "{}" },
		"no text": func(q *NewTrust) { q.JWKS = strings.Replace(string(keys), "{", `{"x":"`+"\xff"+`",`, 1) },
	} {
		q := w.newTrust()
		wrong(&q)
		if _, err := w.CreateTrust(t.Context(), w.admin(), q); !errors.Is(err, easel.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
	ann := w.member(w.user(t, "ann"), "ann")
	stranger := w.tenant(t, "globex")
	q := w.newTrust()
	if r, err := w.CreateTrust(t.Context(), ann, q); err != nil || r.Account.ID != ann.UserID {
		t.Errorf("a user's own: %v", err)
	}
	q.User = w.first.UserID
	for name, who := range map[string]easel.Principal{"a user": ann, "a stranger": stranger} {
		if _, err := w.CreateTrust(t.Context(), who, q); !errors.Is(err, easel.Denied) {
			t.Errorf("%s makes one for the administrator: %v", name, err)
		}
	}
	if _, err := w.SetTrust(t.Context(), ann, w.trust.ID, false); !errors.Is(err, easel.Denied) {
		t.Errorf("a user turns the administrator's off: %v", err)
	}
	if err := w.DeleteTrust(t.Context(), stranger, w.trust.ID); !errors.Is(err, easel.NotFound) {
		t.Errorf("a stranger deletes it: %v", err)
	}
	if all, err := w.Trusts(t.Context(), w.admin()); err != nil || len(all) != 2 {
		t.Errorf("the administrator sees %d, %v", len(all), err)
	}
	if own, err := w.Trusts(t.Context(), ann); err != nil || len(own) != 1 {
		t.Errorf("a user sees %d, %v", len(own), err)
	}
}

// TestExchangeLockout counts tokens that are refused.
func TestExchangeLockout(t *testing.T) {
	t.Parallel()
	w := newWorkload(t)
	for range 100 {
		if _, err := w.Exchange(t.Context(), w.trust.ID, "x"); !errors.Is(err, easel.Unauthenticated) {
			t.Fatal(err)
		}
	}
	if _, err := w.Exchange(t.Context(), w.trust.ID, w.shown(t, nil)); !errors.Is(err, easel.TooMany) {
		t.Errorf("after 100 refusals: %v", err)
	}
}
