package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// TokenRequest asks for a token (iam.md section 2). Methods is ["password"]
// or ["token"]. Project wins over domain; with neither the token is bound to
// the user's domain.
type TokenRequest struct {
	Methods  []string
	Password Password
	Token    string // for the method "token"
	Scope    TokenScope
}

// Password names a user by id, or by name and domain, with the password.
type Password struct {
	UserID, UserName     string
	DomainID, DomainName string
	Password             string
}

// TokenScope names what a token is for. The domain goes with the project's
// name when there is one; it defaults to the user's.
type TokenScope struct {
	ProjectID, ProjectName string
	DomainID, DomainName   string
}

func (s TokenScope) project() bool { return s.ProjectID != "" || s.ProjectName != "" }

// TokenInfo is a token without its secret.
type TokenInfo struct {
	Who             easel.Principal
	Roles           []RoleName // of the groups that Who is in, where the token is for
	Methods         []string
	Issued, Expires time.Time
}

// maxToken bounds what is hashed, in bytes.
const maxToken = 4 << 10

// forgetAfter is how long an expired token is still known as expired.
const forgetAfter = 24 * time.Hour

// IssueToken checks the credentials in q and returns a new token. Errors:
// Invalid "field" (unknown method) and "missing field"; Unauthenticated
// "password", "token", "token expired" and "scope"; Denied "disabled user" and, for
// a project that is disabled, "scope"; TooMany "password" and "lock-out".
func (s *Service) IssueToken(ctx context.Context, q TokenRequest) (token string, info TokenInfo, err error) {
	account, expires, err := s.authenticate(ctx, q)
	if err != nil {
		return "", TokenInfo{}, err
	}
	project, err := s.scope(ctx, account, q.Scope)
	if err != nil {
		return "", TokenInfo{}, err
	}
	var secret [32]byte
	rand.Read(secret[:])
	token = base64.RawURLEncoding.EncodeToString(secret[:])
	now := s.now().Truncate(time.Microsecond)
	if end := now.Add(s.o.TokenTTL); expires.IsZero() || end.Before(expires) {
		expires = end
	}
	err = s.catalog.AddToken(ctx, catalog.Token{
		Hash: tokenHash(token), Account: account.ID, Project: project.ID,
		Methods: strings.Join(q.Methods, ","), Issued: now, Expires: expires,
	}, now.Add(-forgetAfter))
	if err != nil {
		return "", TokenInfo{}, err
	}
	info, err = s.tokenInfo(ctx, account, project)
	info.Methods, info.Issued, info.Expires = q.Methods, now, expires
	return token, info, err
}

// authenticate returns the account that q proves, and when the proof ends:
// a token that was made from another must not outlive it.
func (s *Service) authenticate(ctx context.Context, q TokenRequest) (catalog.Account, time.Time, error) {
	if len(q.Methods) == 0 {
		return catalog.Account{}, time.Time{}, easel.E(easel.Invalid, "missing field", "auth.identity.methods is required")
	}
	if len(q.Methods) == 1 && q.Methods[0] == "password" {
		a, err := s.checkPassword(ctx, q.Password)
		return a, time.Time{}, err
	}
	if len(q.Methods) != 1 || q.Methods[0] != "token" {
		return catalog.Account{}, time.Time{}, easel.E(easel.Invalid, "field", "auth.identity.methods must be [\"password\"] or [\"token\"]")
	}
	if q.Token == "" {
		return catalog.Account{}, time.Time{}, easel.E(easel.Invalid, "missing field", "auth.identity.token.id is required")
	}
	o, err := s.personsToken(ctx, q.Token)
	return o.Account, o.Token.Expires, err
}

// personsToken returns a token that may be used now to make other credentials:
// one of a machine makes none. Errors: those of liveToken.
func (s *Service) personsToken(ctx context.Context, token string) (catalog.TokenOwner, error) {
	o, err := s.liveToken(ctx, token)
	if err == nil && o.Bound != nil {
		return catalog.TokenOwner{}, easel.E(easel.Unauthenticated, "token", "decrypt token fail").Because(errors.New("the token is a machine's"))
	}
	return o, err
}

func (s *Service) checkPassword(ctx context.Context, p Password) (catalog.Account, error) {
	if p.Password == "" || (p.UserID == "" && p.UserName == "") {
		return catalog.Account{}, easel.E(easel.Invalid, "missing field", "auth.identity.password.user needs password and id or name")
	}
	if p.UserID == "" && p.DomainID == "" && p.DomainName == "" {
		return catalog.Account{}, easel.E(easel.Invalid, "missing field", "auth.identity.password.user.domain is required with a name")
	}
	var a catalog.Account
	var err error
	if p.UserID != "" {
		a, err = s.catalog.Account(ctx, p.UserID)
	} else {
		a, err = s.catalog.AccountNamed(ctx, p.DomainID, p.DomainName, p.UserName)
	}
	if err != nil && !errors.Is(err, easel.NotFound) {
		return catalog.Account{}, err
	}
	attempt := s.attempt(ctx, "password", p.subject(a))
	if err := attempt.early(); err != nil {
		return catalog.Account{}, err
	}
	ok, err := s.passwords.check(ctx, p.Password, a.Password) // an unknown user has none: as slow, never right
	if err == nil && !ok {
		err = easel.E(easel.Unauthenticated, "password", "the user name or password is wrong")
	}
	if err := attempt.judge(err); err != nil {
		return catalog.Account{}, err
	}
	if !a.Usable() {
		return catalog.Account{}, easel.E(easel.Denied, "disabled user", "the user is disabled")
	}
	return a, nil
}

// subject names the user for the count of failures: the same user by id and
// by name, and another one once the password was changed.
func (p Password) subject(a catalog.Account) string {
	if a.ID == "" {
		sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{p.UserID, p.UserName, p.DomainID, p.DomainName}))
		return hex.EncodeToString(sum[:16])
	}
	sum := sha256.Sum256([]byte(a.Password))
	return a.ID + " " + hex.EncodeToString(sum[:8])
}

// scope returns the project that a token is bound to; zero for the domain.
func (s *Service) scope(ctx context.Context, a catalog.Account, q TokenScope) (catalog.Project, error) {
	unknown := easel.E(easel.Unauthenticated, "scope", "the scope names no project or domain of the user")
	if (q.DomainID != "" && q.DomainID != a.Domain.ID) || (q.DomainName != "" && q.DomainName != a.Domain.Name) {
		return catalog.Project{}, unknown
	}
	if !q.project() {
		return catalog.Project{}, nil
	}
	var p catalog.Project
	var err error
	if q.ProjectID != "" {
		p, err = s.catalog.Project(ctx, a.Domain.ID, q.ProjectID)
	} else {
		p, err = s.projectNamed(ctx, a.Domain.ID, q.ProjectName)
	}
	if errors.Is(err, easel.NotFound) {
		return catalog.Project{}, unknown
	}
	if err == nil && !p.Enabled {
		return catalog.Project{}, easel.E(easel.Denied, "scope", "the project is disabled")
	}
	return p, err
}

func (s *Service) projectNamed(ctx context.Context, domain, name string) (catalog.Project, error) {
	found, err := s.catalog.Projects(ctx, domain, name)
	if err != nil {
		return catalog.Project{}, err
	}
	if name == "" || len(found) == 0 {
		return catalog.Project{}, easel.E(easel.NotFound, "project", "there is no project %.100s", name)
	}
	return found[0], nil
}

// VerifyToken returns whose token this is. Errors: Unauthenticated "token"
// and "token expired".
func (s *Service) VerifyToken(ctx context.Context, token string) (easel.Principal, error) {
	o, err := s.liveToken(ctx, token)
	if err != nil {
		return easel.Principal{}, err
	}
	who, err := s.principal(ctx, o.Account, o.Project)
	return withKey(who, o.Access, o.Bound), err
}

// liveToken returns a token that may be used now, from where the request comes.
func (s *Service) liveToken(ctx context.Context, token string) (catalog.TokenOwner, error) {
	o, err := s.knownToken(ctx, token)
	if err != nil {
		return catalog.TokenOwner{}, hide(err, "token", "decrypt token fail")
	}
	unusable := easel.E(easel.Unauthenticated, "token", "decrypt token fail")
	switch {
	case !s.now().Before(o.Token.Expires):
		return catalog.TokenOwner{}, easel.E(easel.Unauthenticated, "token expired", "token expires")
	case !o.Account.Usable():
		return catalog.TokenOwner{}, unusable.Because(errors.New("user or domain is disabled"))
	case o.Token.Project != "" && !o.Project.Enabled: // gone or disabled
		return catalog.TokenOwner{}, unusable.Because(errors.New("the token's project is gone or disabled"))
	}
	if err := comesFrom(ctx, o.Bound); err != nil {
		return catalog.TokenOwner{}, hide(err, "token", "decrypt token fail")
	}
	return o, nil
}

func (s *Service) knownToken(ctx context.Context, token string) (catalog.TokenOwner, error) {
	if token == "" || len(token) > maxToken {
		return catalog.TokenOwner{}, easel.E(easel.NotFound, "token", "there is no such token")
	}
	return s.catalog.TokenOwner(ctx, tokenHash(token))
}

// InspectToken returns what subject, a token, stands for. One's own need no
// right. Errors: NotFound "token" for an unknown, expired or foreign one;
// Denied "token".
func (s *Service) InspectToken(ctx context.Context, who easel.Principal, subject string) (TokenInfo, error) {
	o, err := s.subjectToken(ctx, who, subject)
	if err != nil {
		return TokenInfo{}, err
	}
	if _, err := s.liveToken(ctx, subject); err != nil {
		if errors.Is(err, easel.Unauthenticated) {
			return TokenInfo{}, easel.E(easel.NotFound, "token", "the token in X-Subject-Token is unknown or expired")
		}
		return TokenInfo{}, err
	}
	info, err := s.tokenInfo(ctx, o.Account, o.Project)
	info.Methods, info.Issued, info.Expires = strings.Split(o.Token.Methods, ","), o.Token.Issued, o.Token.Expires
	return info, err
}

func (s *Service) tokenInfo(ctx context.Context, a catalog.Account, p catalog.Project) (info TokenInfo, err error) {
	if info.Who, err = s.principal(ctx, a, p); err == nil && a.Grouped {
		info.Roles, err = s.roleNames(ctx, a.ID, p.ID)
	}
	return info, err
}

// Revoke ends subject, a token, expired or not. Errors: NotFound "token",
// Denied "token".
func (s *Service) Revoke(ctx context.Context, who easel.Principal, subject string) error {
	o, err := s.subjectToken(ctx, who, subject)
	if err != nil {
		return err
	}
	return s.catalog.DeleteToken(ctx, o.Token.Hash)
}

func (s *Service) subjectToken(ctx context.Context, who easel.Principal, subject string) (catalog.TokenOwner, error) {
	o, err := s.knownToken(ctx, subject)
	if err == nil {
		err = mayManage(who, o.Account, policy.ManageTokens, "token", "another user's token")
	}
	return o, absent(err, "token", "there is no such token")
}

// mayManage returns nil when who may look after what belongs to a: the user
// itself, or who may do action in its domain, and neither with a registry
// token nor with the key of a robot. Others of the domain are Denied, everybody else finds nothing.
func mayManage(who easel.Principal, a catalog.Account, action policy.Action, noun easel.Noun, resource string) error {
	if !who.Anonymous() && who.UserID == a.ID && who.Scopes == nil && who.Bound == nil {
		return nil
	}
	return policy.Check(who, easel.Grants{Domain: a.Domain.ID}, action, noun, resource)
}

func tokenHash(token string) string {
	sum := sha256.Sum256([]byte(token))
	return hex.EncodeToString(sum[:])
}
