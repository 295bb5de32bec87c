package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/issuer"
)

// Provider says how the people of an OpenID provider log in (single sign-on).
type Provider struct {
	Name   string // in URLs and on the command line
	Client issuer.Client
	Domain string // name of the domain that they log in to

	NameClaim   string            // what a new user is called; "" is preferred_username
	GroupsClaim string            // "" is groups; see [easel.Claims.At]
	Groups      map[string]string // value of the claim → name of a group of the domain
	Anybody     bool              // log in whoever the provider knows, though no group fits
	Claims      easel.Conditions  // what the ID token must say besides
	Session     time.Duration     // how long a log-in lasts; 0 is 12 h
}

// How long the session of a log-in may last.
const (
	defaultSession = 12 * time.Hour
	minSession     = 5 * time.Minute
	maxSession     = 30 * 24 * time.Hour
)

// maxSessions is how many sessions a user has at most.
const maxSessions = 20

// maxSignedGroups bounds the groups that a token is believed to name.
const maxSignedGroups = 1000

var providerPattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// Check returns nil for a provider that can be used, and fills in defaults.
// Errors: Invalid "provider" and what [issuer.CheckURL] says.
func (p *Provider) Check() error {
	invalid := func(format string, args ...any) error { return easel.E(easel.Invalid, "provider", format, args...) }
	if p.Session == 0 {
		p.Session = defaultSession
	}
	switch {
	case !providerPattern.MatchString(p.Name):
		return invalid("the name %.60q is none: want 1 to 32 of a-z, 0-9 and -", p.Name)
	case p.Client.ID == "":
		return invalid("client_id is missing: it is what the provider calls Easel")
	case p.Domain == "":
		return invalid("domain is missing: name the domain that its people log in to")
	case p.Session < minSession || p.Session > maxSession:
		return invalid("session must be %v to %v", minSession, maxSession)
	case len(p.Groups) == 0 && !p.Anybody:
		return invalid("nobody could log in: give groups, or others: allow")
	}
	for value, group := range p.Groups {
		if value == "" || checkName("group", group) != nil {
			return invalid("groups: %.100q: %.100q is no name of a group: want VALUE: GROUP", value, group)
		}
	}
	return issuer.CheckURL(p.Client.Issuer)
}

// CheckProviders looks for the domains of the providers, and for their groups:
// one that is not there is named in the log, for groups come and go. Errors:
// Invalid "provider".
func (s *Service) CheckProviders(ctx context.Context) error {
	for _, p := range s.o.Providers {
		d, err := s.catalog.DomainNamed(ctx, p.Domain)
		if errors.Is(err, easel.NotFound) {
			return easel.E(easel.Invalid, "provider", "the provider %s logs in to the domain %q, which is not there: make it, or name another", p.Name, p.Domain)
		}
		if err != nil {
			return err
		}
		for _, name := range slices.Compact(slices.Sorted(maps.Values(p.Groups))) {
			found, err := s.catalog.UserGroups(ctx, d.ID, name)
			if err != nil {
				return err
			}
			if len(found) == 0 {
				s.o.Log.WarnContext(ctx, "single sign-on names a group that is not there: nobody is put into it; make it with easel group create", "provider", p.Name, "group", name, "domain", p.Domain)
			}
		}
	}
	return nil
}

// ProviderNames returns the names of the providers, in the configured order.
func (s *Service) ProviderNames() []string {
	names := make([]string, len(s.o.Providers))
	for i, p := range s.o.Providers {
		names[i] = p.Name
	}
	return names
}

// relying is a provider with the connection to it.
type relying struct {
	Provider
	remote *issuer.Provider
}

func (s *Service) provider(name string) (relying, error) {
	for i, p := range s.o.Providers {
		if p.Name == name {
			return relying{p, s.providers[i]}, nil
		}
	}
	return relying{}, easel.E(easel.NotFound, "provider", "there is no identity provider %.60q; easel login --sso lists them", name)
}

// SignOnURL returns where a browser logs in. Errors: NotFound "provider",
// Invalid "redirect" and "challenge", Unavailable "issuer".
func (s *Service) SignOnURL(ctx context.Context, provider string, a issuer.Authorization) (string, error) {
	p, err := s.provider(provider)
	if err != nil {
		return "", err
	}
	if err := checkRedirect(a.RedirectURI); err != nil {
		return "", err
	}
	if !challengePattern.MatchString(a.Challenge) || !randomPattern.MatchString(a.State) || !randomPattern.MatchString(a.Nonce) {
		return "", easel.E(easel.Invalid, "challenge", "code_challenge must be of the kind S256, state and nonce 16 to 128 letters, digits, - and _")
	}
	return p.remote.AuthorizationURL(ctx, a)
}

var (
	// redirectPattern has the addresses of the machine that a browser runs on: a
	// code goes nowhere else.
	redirectPattern  = regexp.MustCompile(`^http://127\.0\.0\.1:[0-9]{1,5}/callback$`)
	challengePattern = regexp.MustCompile(`^[A-Za-z0-9_-]{43}$`)
	verifierPattern  = regexp.MustCompile(`^[A-Za-z0-9._~-]{43,128}$`)
	randomPattern    = regexp.MustCompile(`^[A-Za-z0-9_-]{16,128}$`)
)

func checkRedirect(uri string) error {
	if !redirectPattern.MatchString(uri) {
		return easel.E(easel.Invalid, "redirect", "redirect_uri must be http://127.0.0.1:PORT/callback")
	}
	return nil
}

// What one address may make the server ask of identity providers: a stranger
// must not make it a nuisance to them.
const (
	askEvery   = time.Second / 2
	askAtOnce  = 100
	maxAskedBy = 10_000 // addresses that are remembered
)

// mayAsk counts a question to an identity provider, and is TooMany "rate" when
// it is one too many.
func (s *Service) mayAsk(ctx context.Context) error {
	now, wait := s.now(), time.Duration(0)
	s.asked.Update(easel.OriginFrom(ctx).Client(), func(next time.Time) (time.Time, bool) {
		if next.Before(now) {
			next = now
		}
		if wait = next.Sub(now) - askAtOnce*askEvery; wait >= 0 {
			return next, true
		}
		return next.Add(askEvery), true
	})
	if wait < 0 {
		return nil
	}
	return easel.E(easel.TooMany, "rate", "too many log-ins at once from one address; wait and try again").After(wait + askEvery)
}

// SignOnDevice begins a log-in that is finished on another device. Errors:
// NotFound "provider", Unsupported "device", TooMany "rate", Unavailable "issuer".
func (s *Service) SignOnDevice(ctx context.Context, provider string) (issuer.Device, error) {
	p, err := s.provider(provider)
	if err == nil {
		err = s.mayAsk(ctx)
	}
	if err != nil {
		return issuer.Device{}, err
	}
	return p.remote.Device(ctx)
}

// SignOn is the end of a log-in: with a code from a browser, or with the
// device code.
type SignOn struct {
	Provider   string
	Code       issuer.Code
	DeviceCode string // "": there is a code
	Client     string // what logs in, for people: a machine's name
}

// Session is what a log-in gives: an access key that ends by itself.
type Session struct {
	User           catalog.Account
	Access, Secret string
	Expires        time.Time
}

// maxCode bounds codes, in bytes.
const maxCode = 4 << 10

// SignOn ends a log-in and returns its session. The user is the one that the
// provider's subject is bound to, made when there is none: never one who has
// the same name or address. Who is not let in any more loses what log-ins gave,
// at once. Errors: issuer.ErrPending and issuer.ErrSlowDown while
// a device is waited for; NotFound "provider"; Invalid "code"; Unauthenticated "sso"; Denied
// "sso" for whom the configuration does not let in, and "disabled user";
// TooMany "lock-out" and "rate"; Unavailable "issuer".
func (s *Service) SignOn(ctx context.Context, q SignOn) (Session, error) {
	p, err := s.provider(q.Provider)
	if err == nil {
		err = q.check()
	}
	if err != nil {
		return Session{}, err
	}
	attempt := s.attempt(ctx, "sso", p.Name)
	if err := attempt.early(); err != nil {
		return Session{}, err
	}
	if err := s.mayAsk(ctx); err != nil {
		return Session{}, err
	}
	var token issuer.Token
	if q.DeviceCode != "" {
		token, err = p.remote.PollDevice(ctx, q.DeviceCode)
	} else {
		token, err = p.remote.Redeem(ctx, q.Code)
	}
	if err := attempt.judge(err); err != nil {
		return Session{}, err
	}
	d, err := s.catalog.DomainNamed(ctx, p.Domain)
	if errors.Is(err, easel.NotFound) {
		return Session{}, easel.E(easel.Unavailable, "provider", "the domain of this identity provider is gone; ask whoever runs the server").Because(err)
	}
	if err != nil {
		return Session{}, err
	}
	groups, refused := p.admits(token)
	if refused != nil {
		if err := s.catalog.SignOff(ctx, d.ID, token.Issuer, token.Subject); err != nil {
			return Session{}, err
		}
		return Session{}, refused
	}
	return s.openSession(ctx, d, p, token, groups, q.Client)
}

// check refuses what no client of ours sends, before anybody is asked.
func (q *SignOn) check() error {
	if err := checkDescription(q.Client); err != nil {
		return err
	}
	if q.DeviceCode != "" {
		if len(q.DeviceCode) > maxCode || q.Code != (issuer.Code{}) {
			return easel.E(easel.Invalid, "code", "send device_code, or code with redirect_uri, code_verifier and nonce")
		}
		return nil
	}
	c := q.Code
	if c.Code == "" || len(c.Code) > maxCode || !verifierPattern.MatchString(c.Verifier) || !randomPattern.MatchString(c.Nonce) {
		return easel.E(easel.Invalid, "code", "code, code_verifier (RFC 7636) and nonce are required")
	}
	return checkRedirect(c.RedirectURI)
}

// admits returns the groups that a token gives. Errors: Denied "sso".
func (p relying) admits(t issuer.Token) ([]string, error) {
	refused := easel.E(easel.Denied, "sso", "the identity provider knows you, but you may not use this server; ask whoever runs it")
	if missed := p.Claims.Missed(t.Claims); missed != "" {
		return nil, refused.Because(fmt.Errorf("single sign-on: the claim %q of %q does not fit", missed, t.Subject))
	}
	claim := p.GroupsClaim
	if claim == "" {
		claim = "groups"
	}
	values := t.Claims.Strings(claim)
	if len(values) > maxSignedGroups {
		return nil, refused.Because(fmt.Errorf("single sign-on: the token of %q names %d groups", t.Subject, len(values)))
	}
	var groups []string
	for _, value := range values {
		if group, ok := p.Groups[value]; ok {
			groups = append(groups, group)
		}
	}
	if len(groups) == 0 && !p.Anybody {
		return nil, refused.Because(fmt.Errorf("single sign-on: %q is in none of the groups that may log in", t.Subject))
	}
	slices.Sort(groups)
	return slices.Compact(groups), nil
}

// openSession stores a log-in.
func (s *Service) openSession(ctx context.Context, d catalog.Domain, p relying, t issuer.Token, groups []string, client string) (Session, error) {
	made := Session{Access: newAccess(), Secret: newSecret(), Expires: s.now().Truncate(time.Second).Add(p.Session)}
	sealed, err := s.seal(made.Access, made.Secret)
	if err != nil {
		return Session{}, err
	}
	var unknown []string
	made.User, unknown, err = s.catalog.SignOn(ctx, catalog.SignOn{
		Domain: d.ID, Provider: p.Name, Issuer: t.Issuer, Subject: t.Subject,
		ID: easel.NewID(), Name: p.nameOf(t), Description: "single sign-on: " + p.Name, Groups: groups, Limit: maxSessions, At: s.now(),
		Key: catalog.AccessKey{Access: made.Access, Secret: sealed, Description: client, Active: true, Expires: made.Expires},
	})
	for _, group := range unknown {
		s.o.Log.WarnContext(ctx, "single sign-on names a group that is not there", "provider", p.Name, "group", group)
	}
	return made, err
}

var notInNames = regexp.MustCompile(`[^A-Za-z0-9 ._-]+`)

// nameOf returns what a new user is called: what the provider calls them, as
// far as it makes a name.
func (p relying) nameOf(t issuer.Token) string {
	claim := p.NameClaim
	if claim == "" {
		claim = "preferred_username"
	}
	for _, wanted := range slices.Concat(t.Claims.Strings(claim), t.Claims.Strings("email"), []string{t.Subject}) {
		name := strings.TrimLeft(notInNames.ReplaceAllString(wanted, "-"), " ._-")
		if name = strings.TrimRight(name[:min(len(name), 64)], " ._-"); checkUserName(name) == nil {
			return name
		}
	}
	return "user of " + p.Name
}

// mayOwnKeys is Denied "key" when a user makes a lasting credential that nobody
// who manages the users of the domain has asked for, and is here by single
// sign-on only: it would outlive what the identity provider says.
func (s *Service) mayOwnKeys(ctx context.Context, who easel.Principal, account string) error {
	if who.UserID != account {
		return nil
	}
	signs, err := s.catalog.SignsOn(ctx, account)
	if err == nil && signs {
		err = easel.E(easel.Denied, "key", "users of single sign-on make no keys and robots of their own: log in again when the session ends; for machines an administrator makes a robot or a trust")
	}
	return err
}
