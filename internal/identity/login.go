package identity

import (
	"context"
	"crypto/hmac"
	"encoding/hex"
	"errors"
	"strings"

	"easel"
	"easel/internal/catalog"
)

// LoginKey is the password of a registry login: HMAC-SHA256 of the access
// key under the secret key, in lower-case hex (iam.md 10.1).
func LoginKey(access, secret string) string {
	return hex.EncodeToString(mac([]byte(secret), access))
}

// CheckLogin checks a registry login: name is "project@access key", key is
// the [LoginKey] of a permanent or a temporary access key. Every failure is the
// same Unauthenticated "login", until there are too many: TooMany "lock-out".
func (s *Service) CheckLogin(ctx context.Context, name, key string) (easel.Principal, error) {
	at := strings.LastIndexByte(name, '@')
	if at < 0 || !accessPattern.MatchString(name[at+1:]) {
		return easel.Principal{}, badLogin(errors.New("the user name is not project@key"))
	}
	projectName, access := name[:at], name[at+1:]
	attempt := s.attempt(ctx, "login", access)
	if err := attempt.early(); err != nil {
		return easel.Principal{}, err
	}
	owner, secret, err := s.loginKey(ctx, access)
	if err == nil {
		err = comesFrom(ctx, owner.Key.Bound)
	}
	unknown := errors.Is(err, easel.NotFound)
	if err != nil && !unknown {
		return easel.Principal{}, err
	}
	err = nil
	if right := hmac.Equal([]byte(LoginKey(access, secret)), []byte(key)); unknown || !right {
		err = badLogin(errors.New("unknown access key or wrong login key"))
	}
	if err := attempt.judge(err); err != nil {
		return easel.Principal{}, err
	}
	project, err := s.loginProject(ctx, owner.Account, projectName)
	if err != nil {
		return easel.Principal{}, hide(err, "login", loginFailed)
	}
	who, err := s.principal(ctx, owner.Account, project)
	if err != nil {
		return easel.Principal{}, err
	}
	who = withKey(who, access, owner.Key.Bound)
	s.used(ctx, owner.Key)
	return who, nil
}

func (s *Service) loginKey(ctx context.Context, access string) (catalog.KeyOwner, string, error) {
	owner, err := s.catalog.LoginKey(ctx, access)
	if err != nil {
		return catalog.KeyOwner{}, "", err
	}
	return s.live(owner)
}

// loginProject finds the project by name; the region's name stands for the
// region's own project whatever that is called.
func (s *Service) loginProject(ctx context.Context, a catalog.Account, name string) (catalog.Project, error) {
	p, err := s.projectNamed(ctx, a.Domain.ID, name)
	if errors.Is(err, easel.NotFound) && name != "" && name == s.o.Region {
		return s.usableProject(ctx, a, "")
	}
	if err == nil && !p.Enabled {
		return catalog.Project{}, easel.E(easel.NotFound, "project", "the project %s is disabled", name)
	}
	return p, err
}

const loginFailed = "Authenticate Error"

func badLogin(reason error) error {
	return easel.E(easel.Unauthenticated, "login", loginFailed).Because(reason)
}
