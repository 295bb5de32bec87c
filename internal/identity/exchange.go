package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/issuer"
)

// maxExchanged bounds the credentials of one trust that have not ended.
const maxExchanged = 1000

// Exchanged is what a machine gets for a token of an issuer that is trusted:
// an access key of a robot with its registry login, and an IAM token. All of it ends
// by itself, and with the trust.
type Exchanged struct {
	Access, Secret string
	Token          string
	User, Key      string // registry login
	Project        catalog.Project
	Issued         time.Time
	Expires        time.Time
}

// Exchange gives a credential for a token, by a trust (RFC 8693). Every
// refusal is the same Unauthenticated "exchange"; the log has the reason. Errors also:
// TooMany "lock-out" and "key", Unavailable "issuer".
func (s *Service) Exchange(ctx context.Context, trust, token string) (Exchanged, error) {
	attempt := s.attempt(ctx, "exchange", fmt.Sprintf("%.64q", trust))
	if err := attempt.early(); err != nil {
		return Exchanged{}, err
	}
	r, err := s.catalog.Trust(ctx, trust)
	var t issuer.Token
	if err == nil {
		t, err = s.proves(ctx, r, token)
	}
	if known := easel.AsError(err).Kind; err != nil && (known == easel.NotFound || known == easel.Unauthenticated) {
		err = badExchange(err)
	}
	if err := attempt.judge(err); err != nil {
		return Exchanged{}, err
	}
	project, err := s.usableProject(ctx, r.Account, "")
	if err != nil {
		return Exchanged{}, hide(err, "exchange", exchangeFailed)
	}
	return s.credential(ctx, r, project, t)
}

// proves returns what a token says that fits a trust. Errors: Unauthenticated
// "exchange", Unavailable "issuer".
func (s *Service) proves(ctx context.Context, r catalog.Trust, token string) (issuer.Token, error) {
	switch {
	case !r.Active:
		return issuer.Token{}, badExchange(errors.New("the trust is not active"))
	case !r.Account.Usable():
		return issuer.Token{}, badExchange(errors.New("user or domain is disabled"))
	}
	if err := comesFrom(ctx, &r.Bound); err != nil {
		return issuer.Token{}, badExchange(err)
	}
	t, err := s.issuers.Verify(ctx, token, issuer.Expected{Issuer: r.Issuer, Audience: r.Audience, JWKS: r.JWKS})
	if errors.Is(err, easel.Unavailable) {
		return issuer.Token{}, err
	}
	if err != nil {
		return issuer.Token{}, badExchange(err)
	}
	if missed := r.Claims.Missed(t.Claims); missed != "" {
		return issuer.Token{}, badExchange(fmt.Errorf("the claim %.200q is %.500q, which does not fit the condition %.500q", missed, t.Claims.Strings(missed), r.Claims[missed]))
	}
	return t, nil
}

// credential makes and stores what a token is exchanged for.
func (s *Service) credential(ctx context.Context, r catalog.Trust, p catalog.Project, t issuer.Token) (Exchanged, error) {
	var secret [32]byte
	rand.Read(secret[:])
	now := s.now().Truncate(time.Second)
	e := Exchanged{Access: newAccess(), Secret: newSecret(), Token: base64.RawURLEncoding.EncodeToString(secret[:]), Project: p, Issued: now, Expires: now.Add(r.Life)}
	e.User, e.Key = p.Name+"@"+e.Access, LoginKey(e.Access, e.Secret)
	sealed, err := s.seal(e.Access, e.Secret)
	if err != nil {
		return Exchanged{}, err
	}
	who := bare(r.Account, p)
	who.Machine, who.Bound = true, &r.Bound
	err = s.catalog.Exchange(ctx, who, catalog.Exchanged{
		Trust: r.ID, Subject: t.Subject, At: s.now(), Limit: maxExchanged,
		Key:   catalog.AccessKey{Access: e.Access, Secret: sealed, Description: r.Name, Expires: e.Expires},
		Token: catalog.Token{Hash: tokenHash(e.Token), Project: p.ID, Methods: "token", Issued: now, Expires: e.Expires},
	})
	return e, hide(err, "exchange", exchangeFailed)
}

const exchangeFailed = "the token was not accepted: whoever runs the server finds the reason in its log, under the request's id"

func badExchange(reason error) error {
	return easel.E(easel.Unauthenticated, "exchange", exchangeFailed).Because(errors.New(reason.Error()))
}
