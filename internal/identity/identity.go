// Package identity establishes who is asking: passwords, tokens, signatures
// of access keys, registry logins and registry tokens, each to an
// [easel.Principal]; and it keeps the domains, projects, accounts and keys
// behind them.
//
// Its one invariant: nothing is remembered that a revocation could not take
// back. Every check reads the account again, so a disabled user, a deleted key
// and a revoked token end with the next request. Secrets that must be
// recoverable (signatures need the secret key) are stored sealed with the
// master key; passwords and tokens are stored as hashes only.
//
// The package knows no HTTP. It does not decide about content: a registry
// token carries what policy allowed when it was made, and policy is asked
// again when it is used.
package identity

import (
	"crypto/ed25519"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"easel/internal/catalog"
	"easel/internal/issuer"
	"easel/internal/recent"
)

// Audience is the service name of registry tokens (iam.md 10.2).
const Audience = "dockyard"

// Options wire a Service. Zero values take the defaults named.
type Options struct {
	Catalog   *catalog.DB
	MasterKey []byte           // 32 bytes
	Clock     func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: discarded

	TokenTTL         time.Duration // 24 h
	RegistryTokenTTL time.Duration // 900 s
	DockerLoginTTL   time.Duration // of a login command: 6 h
	Issuer           string        // of registry tokens: "easel"
	Region           string        // accepted in place of the region project's name in a registry login
	MaxKeys          int           // access keys per user: 20
	Lockout          Lockout
	Providers        []Provider     // of single sign-on, each one checked
	IssuerAllow      []netip.Prefix // where issuers of trusts may be besides public addresses
}

// Service knows who is asking. It is a passive struct, safe for concurrent use.
type Service struct {
	o         Options
	catalog   *catalog.DB
	passwords passwords
	verified  verified // registry tokens
	lockout   *lockout
	providers []*issuer.Provider             // of o.Providers
	issuers   *issuer.Issuers                // of trusts
	asked     *recent.Map[string, time.Time] // when the next question to an identity provider is due, by address

	mu       sync.Mutex
	signer   *signer            // of registry tokens; nil until first needed
	receipts ed25519.PrivateKey // signs receipts; nil until first needed
}

// New returns a Service. The caller keeps ownership of the catalogue.
func New(o Options) *Service {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.TokenTTL <= 0 {
		o.TokenTTL = 24 * time.Hour
	}
	if o.RegistryTokenTTL <= 0 {
		o.RegistryTokenTTL = 900 * time.Second
	}
	if o.DockerLoginTTL <= 0 {
		o.DockerLoginTTL = 6 * time.Hour
	}
	if o.Issuer == "" {
		o.Issuer = "easel"
	}
	if o.MaxKeys <= 0 {
		o.MaxKeys = 20
	}
	s := &Service{o: o, catalog: o.Catalog, passwords: newPasswords(argonCost), lockout: newLockout(o.Lockout), asked: recent.New[string, time.Time](maxAskedBy)}
	s.issuers = issuer.NewIssuers(o.IssuerAllow, s.now)
	for _, p := range o.Providers {
		s.providers = append(s.providers, issuer.NewProvider(p.Client, s.now))
	}
	return s
}

func (s *Service) now() time.Time { return s.o.Clock().UTC() }
