package identity

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"time"

	"easel"
	"easel/internal/catalog"
)

// TemporaryKey is an access key that ends by itself. Requests signed with it
// carry its security token (iam.md section 7). All three are secrets that
// nobody can read again.
type TemporaryKey struct {
	Access, Secret, Token string
	Expires               time.Time
}

// Bounds of the life of a temporary key.
const (
	MinTemporary = 900 * time.Second
	MaxTemporary = 24 * time.Hour
)

// NewTemporaryKey makes an access key for the holder of token that lasts for
// life, but not longer than the token. It ends at once with whatever ends all
// of the user's tokens: another password, being disabled or deleted. Errors:
// Invalid "field" for a life out of bounds, Unauthenticated "token" and "token
// expired", TooMany "key".
func (s *Service) NewTemporaryKey(ctx context.Context, token string, life time.Duration) (TemporaryKey, error) {
	if life < MinTemporary || life > MaxTemporary {
		return TemporaryKey{}, easel.E(easel.Invalid, "field", "duration_seconds must be %.0f to %.0f", MinTemporary.Seconds(), MaxTemporary.Seconds())
	}
	o, err := s.personsToken(ctx, token)
	if err != nil {
		return TemporaryKey{}, err
	}
	var secret [48]byte
	rand.Read(secret[:])
	now := s.now().Truncate(time.Microsecond)
	made := TemporaryKey{Access: newAccess(), Secret: newSecret(), Token: base64.RawURLEncoding.EncodeToString(secret[:]), Expires: now.Add(life)}
	if o.Token.Expires.Before(made.Expires) {
		made.Expires = o.Token.Expires
	}
	k := catalog.TemporaryKey{Access: made.Access, Account: o.Account.ID, Parent: o.Token.Hash, Token: tokenHash(made.Token), Created: now, Expires: made.Expires}
	if k.Secret, err = s.seal(made.Access, made.Secret); err != nil {
		return TemporaryKey{}, err
	}
	return made, s.catalog.AddTemporaryKey(ctx, bare(o.Account, o.Project), k, maxDockerLogins)
}

// boundBy lets a temporary key end with the key that asked for it at the
// latest. Only a key that is not temporary is a parent.
func (s *Service) boundBy(ctx context.Context, k *catalog.TemporaryKey) error {
	if k.Parent == "" {
		return nil
	}
	parent, err := s.catalog.LoginKey(ctx, k.Parent)
	if err != nil {
		return err
	}
	if parent.Key.Temporary {
		k.Parent = ""
	}
	if end := parent.Key.Expires; !end.IsZero() && end.Before(k.Expires) {
		k.Expires = parent.Key.Expires
	}
	return nil
}
