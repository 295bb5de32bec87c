// Package hook tells others what happened: it keeps the hooks of domains and
// organisations, makes CloudEvents of audit records, signs them and delivers
// them, at least once each.
//
// The queue is in the catalogue: a delivery is queued when its audit record
// is sealed, and leaves the queue when it was answered with a 2xx or given
// up. Requests go to addresses that a user chose, so every address is checked
// at the moment it is dialled (package outbound), redirects are not followed, and
// nothing of an answer but its status is kept.
//
// # Reading order
//
// event.go makes the body, sign.go the proof, send.go the request; run.go is
// the loop that takes turns.
package hook

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"sync"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Vault keeps secrets that must be recoverable. name is bound to what it
// seals.
type Vault interface {
	Seal(name, secret string) ([]byte, error)
	Open(name string, sealed []byte) (string, error)
}

// Metrics is told what came of each try.
type Metrics interface {
	HookTried(outcome string) // "delivered", "failed" or "given up"
}

type noMetrics struct{}

func (noMetrics) HookTried(string) {}

// Options wire a Service.
type Options struct {
	Catalog *catalog.DB
	Vault   Vault
	Log     *slog.Logger   // nil: discarded
	Metrics Metrics        // nil: not counted
	Allow   []netip.Prefix // addresses that may be told although they are not public
}

// Service keeps hooks and delivers to them. It is safe for concurrent use;
// its background work is the blocking method Run.
type Service struct {
	o       Options
	catalog *catalog.DB
	send    sender

	mu    sync.Mutex
	turns map[string]string // hooks that this process is delivering to, with their domains
	ended sync.WaitGroup    // turns
}

// New returns a Service. The caller keeps ownership of the catalogue.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = noMetrics{}
	}
	return &Service{o: o, catalog: o.Catalog, send: newSender(o.Allow), turns: map[string]string{}}
}

// maxHooks bounds the hooks of a domain.
const maxHooks = 100

// NewHook is a hook that somebody wants to have.
type NewHook struct {
	Org    easel.Org // "": of the whole domain
	URL    string
	Events []string // types; none: all
	Active bool
}

// Create makes a hook and returns it with its secret, which nobody can read
// again. A hook of an organisation takes manage on it, one of the domain an
// administrator. Errors: Unauthenticated, Denied and NotFound "organisation"; Denied
// "hook"; Invalid "url" and "event"; TooMany "hook".
func (s *Service) Create(ctx context.Context, n NewHook) (catalog.Hook, string, error) {
	who := easel.PrincipalFrom(ctx)
	if err := s.mayManage(ctx, who, n.Org); err != nil {
		return catalog.Hook{}, "", err
	}
	if err := s.checkURL(n.URL); err != nil {
		return catalog.Hook{}, "", err
	}
	events, err := checkEvents(n.Events)
	if err != nil {
		return catalog.Hook{}, "", err
	}
	id, key := easel.NewID(), make([]byte, 32)
	rand.Read(key)
	secret := secretPrefix + base64.StdEncoding.EncodeToString(key)
	sealed, err := s.o.Vault.Seal(secretName(id), secret)
	if err != nil {
		return catalog.Hook{}, "", err
	}
	h, err := s.catalog.AddHook(ctx, who, catalog.Hook{ID: id, Org: n.Org, URL: n.URL, Secret: sealed, Events: events, Active: n.Active}, maxHooks)
	return h, secret, err
}

func secretName(id string) string { return "hook:" + id }

// mayManage asks policy about the hooks of an organisation, or of the domain.
func (s *Service) mayManage(ctx context.Context, who easel.Principal, org easel.Org) error {
	if org == "" {
		return policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Administer, "hook", "hooks of the domain")
	}
	if who.Anonymous() {
		return policy.Check(who, easel.Grants{}, policy.ManageHooks, "hook", string(org))
	}
	o, err := s.catalog.Org(ctx, who, org)
	if err == nil {
		err = policy.Check(who, o.Grants, policy.ManageHooks, "organisation", string(org))
	}
	if errors.Is(err, easel.NotFound) { // missing and hidden must not differ in words
		err = easel.E(easel.NotFound, "organisation", "there is no organisation %s of which you may see something", org)
	}
	return err
}

// maxURL bounds the address of a hook.
const maxURL = 2048

// checkURL refuses what is no plain http or https address, and an address
// that would be refused when it is dialled. A name is looked up only then.
func (s *Service) checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case len(text) > maxURL, err != nil, strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' }):
		return easel.E(easel.Invalid, "url", "%.200q is no address: want https://HOST/PATH, at most %d characters", text, maxURL)
	case u.Scheme != "https" && u.Scheme != "http", u.Hostname() == "", u.Opaque != "", u.Port() == "0":
		return easel.E(easel.Invalid, "url", "%.200q is no address of a hook: want https://HOST/PATH or http://HOST/PATH", text)
	case u.User != nil, u.Fragment != "":
		return easel.E(easel.Invalid, "url", "the address of a hook has neither a user nor a fragment: deliveries are signed")
	}
	if address, err := netip.ParseAddr(u.Hostname()); err == nil && !s.send.allowed(address) {
		return easel.E(easel.Invalid, "url", "the address %s is not public: whoever runs the server can allow it with --hook-allow", address)
	}
	return nil
}

// checkEvents returns the types in byte order, without repetition; none means all.
func checkEvents(events []string) ([]string, error) {
	known := catalog.EventTypes()
	for _, e := range events {
		if !slices.Contains(known, e) {
			return nil, easel.E(easel.Invalid, "event", "there are no events of the type %.40q: want some of %s", e, strings.Join(known, ", "))
		}
	}
	if len(events) == 0 {
		return known, nil
	}
	return slices.Compact(slices.Sorted(slices.Values(events))), nil
}

// List returns the hooks that the caller may manage, the oldest first; org ""
// means those of all organisations and of the domain. Errors: those of Create.
func (s *Service) List(ctx context.Context, org easel.Org) ([]catalog.Hook, error) {
	who := easel.PrincipalFrom(ctx)
	if org != "" {
		if err := s.mayManage(ctx, who, org); err != nil {
			return nil, err
		}
		return s.catalog.Hooks(ctx, who.DomainID, org)
	}
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "hook", "hooks"); err != nil {
		return nil, err
	}
	found, err := s.catalog.Hooks(ctx, who.DomainID, "")
	if err != nil || s.mayManage(ctx, who, "") == nil {
		return found, err
	}
	orgs, err := s.catalog.Orgs(ctx, who, catalog.OrgQuery{Domain: who.DomainID}) // policy decides on each
	return slices.DeleteFunc(found, func(h catalog.Hook) bool {
		return !slices.ContainsFunc(orgs, func(o catalog.Organisation) bool {
			return o.Name == h.Org && policy.Check(who, o.Grants, policy.ManageHooks, "organisation", string(h.Org)) == nil
		})
	}), err
}

// Hook returns a hook that the caller may manage. Errors: Unauthenticated;
// NotFound "hook", also for one that the caller may not manage.
func (s *Service) Hook(ctx context.Context, id string) (catalog.Hook, error) {
	who := easel.PrincipalFrom(ctx)
	if who.Anonymous() {
		return catalog.Hook{}, policy.Check(who, easel.Grants{}, policy.ManageHooks, "hook", "a hook")
	}
	missing := easel.E(easel.NotFound, "hook", "there is no hook %.60q that you may manage", id)
	if len(id) != 32 || strings.Trim(id, "0123456789abcdef") != "" {
		return catalog.Hook{}, missing
	}
	h, err := s.catalog.Hook(ctx, who.DomainID, id)
	if easel.AsError(err).Kind == easel.NotFound {
		return catalog.Hook{}, missing
	}
	if err != nil {
		return catalog.Hook{}, err
	}
	switch err := s.mayManage(ctx, who, h.Org); easel.AsError(err).Kind {
	case easel.NotFound, easel.Denied:
		return catalog.Hook{}, missing
	default:
		return h, err
	}
}

// Update changes a hook. Its secret stays. Errors: those of Hook; Invalid
// "url" and "event".
func (s *Service) Update(ctx context.Context, id string, c catalog.HookChange) (catalog.Hook, error) {
	h, err := s.Hook(ctx, id)
	if err != nil {
		return h, err
	}
	if c.URL != nil {
		if err := s.checkURL(*c.URL); err != nil {
			return h, err
		}
	}
	if c.Events != nil {
		if c.Events, err = checkEvents(c.Events); err != nil {
			return h, err
		}
	}
	return s.catalog.UpdateHook(ctx, easel.PrincipalFrom(ctx), id, c)
}

// Remove removes a hook; what waits to be delivered to it is not. Errors:
// those of Hook.
func (s *Service) Remove(ctx context.Context, id string) error {
	if _, err := s.Hook(ctx, id); err != nil {
		return err
	}
	return s.catalog.RemoveHook(ctx, easel.PrincipalFrom(ctx), id)
}

// Test queues an event of the type test for a hook, whatever types it wants,
// and returns the event's id. Errors: those of Hook; Invalid "hook" when it is
// not active.
func (s *Service) Test(ctx context.Context, id string) (string, error) {
	if _, err := s.Hook(ctx, id); err != nil {
		return "", err
	}
	return s.catalog.TestHook(ctx, easel.PrincipalFrom(ctx), id)
}

// Deliveries returns what was, and is to be, delivered to a hook, the newest
// first. Errors: those of Hook.
func (s *Service) Deliveries(ctx context.Context, q catalog.DeliveryQuery) ([]catalog.Delivery, error) {
	if _, err := s.Hook(ctx, q.Hook); err != nil {
		return nil, err
	}
	return s.catalog.Deliveries(ctx, q)
}

// Retry delivers what was given up once more, and returns how many events
// that is. Errors: those of Hook.
func (s *Service) Retry(ctx context.Context, id string) (int64, error) {
	if _, err := s.Hook(ctx, id); err != nil {
		return 0, err
	}
	return s.catalog.RetryHook(ctx, easel.PrincipalFrom(ctx), id)
}
