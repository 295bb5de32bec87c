package identity

import (
	"context"

	"easel"
)

// Subject returns a user in a project, as a credential of the user would be
// taken now: for work that goes on after the request that asked for it. key is
// the access key that the request came with, or "". Errors: Unauthenticated
// when the user, the key or the project is gone or disabled.
func (s *Service) Subject(ctx context.Context, user, key, project string) (easel.Principal, error) {
	subject, err := s.catalog.TokenSubject(ctx, user, key, project, s.now())
	if err != nil {
		return easel.Principal{}, hide(err, "credential", "the user, the key or the project is gone or disabled")
	}
	who, err := s.principal(ctx, subject.Account, subject.Project)
	return withKey(who, key, subject.Bound), err
}
