package identity

import (
	"context"
	"errors"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/issuer"
	"easel/internal/policy"
)

// maxTrusts is how many trusts a user has at most.
const maxTrusts = 100

// How long the credentials of a trust may last.
const (
	minTrustLife     = time.Minute
	defaultTrustLife = 15 * time.Minute
	maxTrustLife     = time.Hour
)

// NewTrust says whose tokens shall be exchanged for what: tokens of Issuer for
// Audience whose claims fit Claims, for a credential that may do what its user
// may, within its bound, for Life.
type NewTrust struct {
	Name             string // 1 to 64 characters
	User             string // id; "" is the caller
	Issuer, Audience string
	Claims           easel.Conditions // at least one
	JWKS             string           // the issuer's keys; "": it publishes them
	Bound            easel.Bound
	Life             time.Duration // 0: 15 min
}

// CreateTrust makes a trust. Machines make none. Errors: Invalid "trust",
// "issuer", "keys"; Denied "trust", "key", and "user", also for one that does not exist;
// TooMany "trust".
func (s *Service) CreateTrust(ctx context.Context, who easel.Principal, q NewTrust) (catalog.Trust, error) {
	if who.Bound != nil || who.Scopes != nil {
		return catalog.Trust{}, easel.E(easel.Denied, "trust", "a robot makes no trusts")
	}
	if err := q.check(); err != nil {
		return catalog.Trust{}, err
	}
	if q.User == "" {
		q.User = who.UserID
	}
	account, err := s.managed(ctx, who, q.User)
	if errors.Is(err, easel.NotFound) || err == nil && account.Domain.ID != who.DomainID {
		return catalog.Trust{}, easel.E(easel.Denied, "user", "%s may not make a trust for that user", who.UserName)
	}
	if err == nil {
		err = s.mayOwnKeys(ctx, who, account.ID)
	}
	if err != nil {
		return catalog.Trust{}, err
	}
	return s.catalog.AddTrust(ctx, who, catalog.Trust{
		ID: easel.NewUUID(s.now()), Name: q.Name, Account: account, Issuer: q.Issuer, Audience: q.Audience, Claims: q.Claims, JWKS: q.JWKS,
		Bound: q.Bound, Life: q.Life, Active: true,
	}, maxTrusts)
}

func (q *NewTrust) check() error {
	if q.Life == 0 {
		q.Life = defaultTrustLife
	}
	switch {
	case strings.TrimSpace(q.Name) == "" || len(q.Name) > 64 || checkDescription(q.Name) != nil:
		return easel.E(easel.Invalid, "trust", "a trust needs a name of 1 to 64 characters")
	case q.Audience == "" || len(q.Audience) > 255 || checkDescription(q.Audience) != nil:
		return easel.E(easel.Invalid, "trust", "a trust needs an audience, text of 1 to 255 bytes: whom the tokens are for, such as this server's address")
	case len(q.Claims) == 0:
		return easel.E(easel.Invalid, "trust", "a trust needs a condition on a claim, such as sub: an issuer makes tokens for others, too")
	case q.Life < minTrustLife || q.Life > maxTrustLife || q.Life%time.Second != 0:
		return easel.E(easel.Invalid, "trust", "the credentials of a trust last %v to %v, in whole seconds", minTrustLife, maxTrustLife)
	}
	if err := issuer.CheckURL(q.Issuer); err != nil {
		return err
	}
	if q.JWKS != "" {
		return issuer.CheckKeys(q.JWKS)
	}
	return nil
}

// Trusts returns the trusts that who may manage, oldest first: all of the
// domain for an administrator, else its own. A robot sees none.
func (s *Service) Trusts(ctx context.Context, who easel.Principal) ([]catalog.Trust, error) {
	if who.Bound != nil || who.Scopes != nil {
		return nil, easel.E(easel.Denied, "trust", "a robot may not list trusts")
	}
	if policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ManageKeys, "trust", "trusts") == nil {
		return s.catalog.Trusts(ctx, who.DomainID, "")
	}
	return s.catalog.Trusts(ctx, who.DomainID, who.UserID)
}

// Trust returns a trust that who may manage. Errors: NotFound "trust", also
// for another domain's; Denied "trust".
func (s *Service) Trust(ctx context.Context, who easel.Principal, id string) (catalog.Trust, error) {
	r, err := s.catalog.Trust(ctx, id)
	if err == nil {
		err = mayManage(who, r.Account, policy.ManageKeys, "trust", "trust "+r.ID)
	}
	if err != nil {
		return catalog.Trust{}, absent(err, "trust", "there is no trust %.64q", id)
	}
	return r, nil
}

// SetTrust makes a trust active or not; then what was exchanged ends. Who
// turns one on must be one who could make it. Errors: those of Trust.
func (s *Service) SetTrust(ctx context.Context, who easel.Principal, id string, active bool) (catalog.Trust, error) {
	r, err := s.Trust(ctx, who, id)
	if err == nil && active {
		err = errors.Join(s.notAbove(ctx, who, r.Account), s.mayOwnKeys(ctx, who, r.Account.ID))
	}
	if err != nil {
		return catalog.Trust{}, err
	}
	return s.catalog.SetTrust(ctx, who, r.ID, active)
}

// DeleteTrust removes a trust: what was exchanged ends with the next request.
// Errors: those of Trust.
func (s *Service) DeleteTrust(ctx context.Context, who easel.Principal, id string) error {
	r, err := s.Trust(ctx, who, id)
	if err != nil {
		return err
	}
	return s.catalog.DeleteTrust(ctx, who, r.ID)
}
