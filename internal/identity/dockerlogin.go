package identity

import (
	"context"
	"errors"
	"time"

	"easel"
	"easel/internal/catalog"
)

// DockerLogin is a registry login that ends by itself (swr.md 11).
type DockerLogin struct {
	User    string // "project@temporary access key"
	Key     string // its [LoginKey]: a secret
	Expires time.Time
}

// maxDockerLogins bounds the logins of one user that have not ended: a CI
// system may ask for one in each of its jobs.
const maxDockerLogins = 1000

// NewDockerLogin makes a temporary access key for who and returns the registry
// login that goes with it, for the project called project; "" is the region's
// own. The login ends after [Options.DockerLoginTTL], and with whatever ends
// the user's tokens or the access key that who used. Its secret key never
// leaves the server: the login cannot sign requests. Errors: Unauthenticated
// "login", Denied "login" for a registry token and a robot, Invalid "project", TooMany "key".
func (s *Service) NewDockerLogin(ctx context.Context, who easel.Principal, project string) (DockerLogin, error) {
	if who.Anonymous() {
		return DockerLogin{}, easel.E(easel.Unauthenticated, "login", "log in first")
	}
	if who.Scopes != nil {
		return DockerLogin{}, easel.E(easel.Denied, "login", "a registry token makes no logins")
	}
	if who.Bound != nil {
		return DockerLogin{}, easel.E(easel.Denied, "login", "a robot makes no logins: it has one, its access key")
	}
	if project == "" {
		project = s.o.Region
	}
	if project == "" {
		project = who.ProjectName
	}
	account, err := s.catalog.Account(ctx, who.UserID)
	if err != nil {
		return DockerLogin{}, err
	}
	_, err = s.loginProject(ctx, account, project)
	if errors.Is(err, easel.NotFound) {
		return DockerLogin{}, easel.E(easel.Invalid, "project", "the project %.100q is not one of yours", project)
	}
	if err != nil {
		return DockerLogin{}, err
	}
	now := s.now().Truncate(time.Microsecond)
	k := catalog.TemporaryKey{Access: newAccess(), Account: account.ID, Parent: who.AccessKey, Created: now, Expires: now.Add(s.o.DockerLoginTTL)}
	if err := s.boundBy(ctx, &k); err != nil {
		return DockerLogin{}, err
	}
	secret := newSecret()
	if k.Secret, err = s.seal(k.Access, secret); err != nil {
		return DockerLogin{}, err
	}
	if err := s.catalog.AddTemporaryKey(ctx, who, k, maxDockerLogins); err != nil {
		return DockerLogin{}, err
	}
	return DockerLogin{User: project + "@" + k.Access, Key: LoginKey(k.Access, secret), Expires: k.Expires}, nil
}
