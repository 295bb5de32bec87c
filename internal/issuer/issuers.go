package issuer

import (
	"context"
	"net/http"
	"net/netip"
	"time"
	"unicode/utf8"

	"easel"
	"easel/internal/recent"
)

// maxIssuers bounds the issuers that are remembered.
const maxIssuers = 256

// Issuers checks tokens of issuers that users name. What it fetches comes from
// public addresses, and from those that it is allowed. It is safe for
// concurrent use.
type Issuers struct {
	client *http.Client
	now    func() time.Time
	known  *recent.Map[string, *remote]
}

// NewIssuers returns an Issuers that also asks addresses in allow; now is what
// the time is.
func NewIssuers(allow []netip.Prefix, now func() time.Time) *Issuers {
	return &Issuers{client: guardedClient(allow), now: now, known: recent.New[string, *remote](maxIssuers)}
}

// Close lets go of idle connections.
func (s *Issuers) Close() { s.client.CloseIdleConnections() }

// Expected is what a token must be.
type Expected struct {
	Issuer, Audience string
	JWKS             string // the issuer's keys (RFC 7517); "": it is asked for them
}

// Verify returns what a token says. Errors: Unavailable "issuer"; any other
// says, for the log, why the token does not count.
func (s *Issuers) Verify(ctx context.Context, token string, e Expected) (Token, error) {
	if e.JWKS != "" {
		k, err := fixedKeys([]byte(e.JWKS))
		if err != nil {
			return Token{}, err
		}
		return verify(ctx, k, token, e.Issuer, e.Audience, s.now())
	}
	if err := wellFormed(token, e.Issuer); err != nil { // before the issuer is asked
		return Token{}, err
	}
	var r *remote
	s.known.Update(e.Issuer, func(known *remote) (*remote, bool) {
		if r = known; r == nil {
			r = newRemote(e.Issuer, s.client, s.now)
		}
		return r, true
	})
	about, err := r.about(ctx)
	if err != nil {
		return Token{}, err
	}
	return verify(ctx, about.keys, token, e.Issuer, e.Audience, s.now())
}

// CheckKeys returns nil for a set of public keys. Errors: Invalid "keys".
func CheckKeys(text string) error {
	if _, err := fixedKeys([]byte(text)); err != nil || len(text) > maxFixed || !utf8.ValidString(text) {
		return easel.E(easel.Invalid, "keys", "the keys must be a JSON Web Key Set (RFC 7517) with public keys for signatures, at most %d KiB", maxFixed>>10).Because(err)
	}
	return nil
}

// maxFixed bounds keys that are given, in bytes.
const maxFixed = 64 << 10
