package identity

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"easel"
	"easel/internal/policy"
)

// RegistryToken is a registry token with what it grants.
type RegistryToken struct {
	Token           string
	Granted         []easel.Scope
	Issued, Expires time.Time
}

// maxRegistryToken bounds what is parsed, in bytes: MaxScopes of the longest names fit.
const maxRegistryToken = 64 << 10

// signerSetting is the name under which the signing key is stored, sealed.
const signerSetting = "registry-token-key"

// signer makes registry tokens. header is the encoded JOSE header of every
// token it makes: one that starts otherwise is not ours, so no header
// parameter of a stranger (jwk, jku, x5c, kid, alg) is ever looked at.
type signer struct {
	jose   jose.Signer
	key    []byte
	header string
}

// access is one entry of a registry token's "access" claim.
type access struct {
	Type    string   `json:"type"`
	Name    string   `json:"name"`
	Actions []string `json:"actions"`
}

// claims are the claims of a registry token (iam.md 10.4). Key and Project
// say how the subject logged in.
type claims struct {
	jwt.Claims
	Access  []access `json:"access"`
	Key     string   `json:"key,omitempty"`
	Project string   `json:"project,omitempty"`
}

// RegistryToken makes a token for the part of requested that who is allowed
// now; asking for more is no error (iam.md 10.3). The anonymous caller may get
// one for public content.
func (s *Service) RegistryToken(ctx context.Context, who easel.Principal, requested []easel.Scope) (RegistryToken, error) {
	granted, err := s.grant(ctx, who, requested)
	if err != nil {
		return RegistryToken{}, err
	}
	sign, err := s.registrySigner(ctx)
	if err != nil {
		return RegistryToken{}, err
	}
	now := s.now().Truncate(time.Second)
	t := RegistryToken{Granted: granted, Issued: now, Expires: now.Add(s.o.RegistryTokenTTL)}
	c := claims{
		Claims: jwt.Claims{
			Issuer: s.o.Issuer, Subject: who.UserID, Audience: jwt.Audience{Audience}, ID: easel.NewID(),
			IssuedAt: jwt.NewNumericDate(now), NotBefore: jwt.NewNumericDate(now.Add(-10 * time.Second)), Expiry: jwt.NewNumericDate(t.Expires),
		},
		Access: make([]access, 0, len(granted)), Key: who.AccessKey, Project: who.ProjectID,
	}
	for _, g := range granted {
		c.Access = append(c.Access, access{g.Type, g.Name, g.Actions})
	}
	t.Token, err = jwt.Signed(sign.jose).Claims(c).Serialize()
	return t, err
}

// grant returns the part of requested that policy allows, one entry for each
// resource.
func (s *Service) grant(ctx context.Context, who easel.Principal, requested []easel.Scope) ([]easel.Scope, error) {
	granted := []easel.Scope{}
	for _, r := range requested {
		actions, err := s.allowed(ctx, who, r)
		if err != nil {
			return nil, err
		}
		if len(actions) == 0 {
			continue
		}
		i := slices.IndexFunc(granted, func(g easel.Scope) bool { return g.Type == r.Type && g.Name == r.Name })
		if i < 0 {
			granted = append(granted, easel.Scope{Type: r.Type, Name: r.Name, Actions: actions})
			continue
		}
		for _, a := range actions {
			if !slices.Contains(granted[i].Actions, a) {
				granted[i].Actions = append(granted[i].Actions, a)
			}
		}
	}
	return granted, nil
}

// allowed returns the actions of one scope that policy allows; "*" on a
// repository stands for all three.
func (s *Service) allowed(ctx context.Context, who easel.Principal, r easel.Scope) ([]string, error) {
	if r.Type == "registry" && r.Name == "catalog" && slices.Contains(r.Actions, "*") {
		if policy.Check(who, easel.Grants{}, policy.ListRepositories, "repository", r.Name) == nil {
			return []string{"*"}, nil
		}
		return nil, nil
	}
	if r.Type != "repository" {
		return nil, nil
	}
	repo, err := easel.ParseRepo(r.Name)
	if err != nil {
		return nil, nil // no such repository can exist: nothing is granted, as for one that is missing
	}
	g, err := s.catalog.RepoGrants(ctx, who, repo)
	if err != nil {
		return nil, err
	}
	var actions []string
	for _, a := range []policy.Action{policy.Pull, policy.Push, policy.Delete} {
		asked := slices.Contains(r.Actions, string(a)) || slices.Contains(r.Actions, "*")
		if asked && policy.Check(who, g, a, "repository", r.Name) == nil {
			actions = append(actions, string(a))
		}
	}
	return actions, nil
}

// VerifyRegistryToken returns who a registry token stands for, as of now:
// account and access key are read again. Scopes is never nil; the token of the
// anonymous caller gives an anonymous principal. Errors: Unauthenticated
// "token" and "token expired".
func (s *Service) VerifyRegistryToken(ctx context.Context, token string) (easel.Principal, error) {
	c, err := s.registryClaims(ctx, token)
	if err != nil {
		return easel.Principal{}, err
	}
	who := easel.Principal{}
	if c.Subject != "" {
		if who, err = s.registrySubject(ctx, c); err != nil {
			return easel.Principal{}, hide(err, "token", "the token is not valid")
		}
	}
	who.TokenID, who.Scopes = c.ID, []easel.Scope{}
	for _, a := range c.Access {
		who.Scopes = append(who.Scopes, easel.Scope{Type: a.Type, Name: a.Name, Actions: a.Actions})
	}
	return who, nil
}

// registryClaims checks everything about a token that needs no account.
func (s *Service) registryClaims(ctx context.Context, token string) (claims, error) {
	sign, err := s.registrySigner(ctx)
	if err != nil {
		return claims{}, err
	}
	c, known := s.verified.get(token)
	if !known {
		if c, err = s.openToken(sign, token); err != nil {
			return claims{}, badRegistryToken(err)
		}
		s.verified.add(token, c)
	}
	now := s.now()
	if !now.Before(c.Expiry.Time()) {
		return claims{}, easel.E(easel.Unauthenticated, "token expired", "the token has expired")
	}
	if now.Before(c.NotBefore.Time()) {
		return claims{}, badRegistryToken(errors.New("the token is from the future"))
	}
	return c, nil
}

// openToken checks what about a token never changes, and returns its claims.
func (s *Service) openToken(sign *signer, token string) (claims, error) {
	var c claims
	if header, _, _ := strings.Cut(token, "."); len(token) > maxRegistryToken || header != sign.header {
		return c, errors.New("the header is not that of our tokens")
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.HS256})
	if err != nil {
		return c, err
	}
	if err := parsed.Claims(sign.key, &c); err != nil {
		return c, err
	}
	if c.Issuer != s.o.Issuer || !slices.Equal(c.Audience, jwt.Audience{Audience}) || c.ID == "" || c.Expiry == nil || c.NotBefore == nil {
		return c, errors.New("issuer, audience or times are not those of our tokens")
	}
	return c, nil
}

// registrySubject loads the account that a token was made for, and the key
// and project that it logged in with. Errors: NotFound when one of them cannot
// be used any more.
func (s *Service) registrySubject(ctx context.Context, c claims) (easel.Principal, error) {
	subject, err := s.catalog.TokenSubject(ctx, c.Subject, c.Key, c.Project, s.now())
	if err != nil {
		return easel.Principal{}, err
	}
	if err := comesFrom(ctx, subject.Bound); err != nil {
		return easel.Principal{}, err
	}
	who, err := s.principal(ctx, subject.Account, subject.Project)
	return withKey(who, c.Key, subject.Bound), err
}

// registrySigner returns the signer of this installation. Its key is made
// when it is first needed, shared by all replicas and stored sealed.
func (s *Service) registrySigner(ctx context.Context) (*signer, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.signer != nil {
		return s.signer, nil
	}
	key, err := s.storedSecret(ctx, signerSetting)
	if err != nil {
		return nil, fmt.Errorf("read the key of registry tokens: %w", err)
	}
	s.signer, err = newSigner([]byte(key))
	return s.signer, err
}

func newSigner(key []byte) (*signer, error) {
	sum := sha256.Sum256(append([]byte("kid "), key...))
	options := (&jose.SignerOptions{}).WithType("JWT").WithHeader("kid", hex.EncodeToString(sum[:8]))
	sign, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.HS256, Key: key}, options)
	if err != nil {
		return nil, fmt.Errorf("sign registry tokens: %w", err)
	}
	sample, err := jwt.Signed(sign).Claims(jwt.Claims{}).Serialize()
	if err != nil {
		return nil, fmt.Errorf("sign registry tokens: %w", err)
	}
	header, _, _ := strings.Cut(sample, ".")
	return &signer{jose: sign, key: key, header: header}, nil
}

func badRegistryToken(reason error) error {
	return easel.E(easel.Unauthenticated, "token", "the token is not valid").Because(reason)
}
