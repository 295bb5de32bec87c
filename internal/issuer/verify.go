package issuer

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/go-jose/go-jose/v4/jwt"

	"easel"
)

// maxToken bounds what is parsed, in bytes.
const maxToken = 16 << 10

// maxSkew is how far ahead of ours an issuer's clock may be.
const maxSkew = time.Minute

// Token is what a token says that was found good.
type Token struct {
	Issuer, Subject string
	Nonce           string
	Claims          easel.Claims // all of them
}

var compact = regexp.MustCompile(`^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$`)

// wellFormed refuses what need not be looked at closer: what is no token, and
// what does not even say that it is from issuer.
func wellFormed(text, issuer string) error {
	if len(text) > maxToken {
		return fmt.Errorf("the token has more than %d bytes", maxToken)
	}
	if !compact.MatchString(text) {
		return errors.New("the token is no signed token in the compact form")
	}
	signed, err := jwt.ParseSigned(text, algorithms)
	if err != nil {
		return err
	}
	var claims jwt.Claims
	if err := signed.UnsafeClaimsWithoutVerification(&claims); err != nil {
		return err
	}
	if claims.Issuer != issuer {
		return fmt.Errorf("the token is from %.200q", claims.Issuer)
	}
	return nil
}

// verify checks a token that issuer should have signed for audience.
func verify(ctx context.Context, k *keys, text, issuer, audience string, now time.Time) (Token, error) {
	if err := wellFormed(text, issuer); err != nil {
		return Token{}, err
	}
	allowed := make([]string, len(algorithms))
	for i, a := range algorithms {
		allowed[i] = string(a)
	}
	verifier := oidc.NewVerifier(issuer, k, &oidc.Config{ClientID: audience, SupportedSigningAlgs: allowed, Now: func() time.Time { return now }})
	checked, err := verifier.Verify(ctx, text)
	if k.client != nil && err != nil {
		if down := k.problem(); down != nil {
			return Token{}, unavailable(down)
		}
	}
	if err != nil {
		return Token{}, err
	}
	var more struct {
		NotBefore float64 `json:"nbf"`
		IssuedAt  float64 `json:"iat"`
		Party     string  `json:"azp"`
	}
	if err := checked.Claims(&more); err != nil {
		return Token{}, err
	}
	latest := float64(now.Add(maxSkew).Unix())
	switch {
	case checked.Issuer != issuer: // one provider may say its name in two ways; we do not
		return Token{}, fmt.Errorf("the token is from %.200q", checked.Issuer)
	case more.NotBefore > latest || more.IssuedAt > latest:
		return Token{}, errors.New("the token is from the future")
	case checked.Subject == "" || len(checked.Subject) > 255 || strings.ContainsRune(checked.Subject, 0):
		return Token{}, errors.New("the subject must have 1 to 255 bytes, none of them NUL")
	case len(checked.Audience) > 1 && more.Party != "" && more.Party != audience:
		return Token{}, fmt.Errorf("the token is for %.200q", more.Party)
	}
	t := Token{Issuer: checked.Issuer, Subject: checked.Subject, Nonce: checked.Nonce}
	return t, checked.Claims(&t.Claims)
}
