package registry

import (
	"context"
	"errors"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// MountBlob makes a blob of another repository available in repo without
// sending it, and pins it. from may be "": then any repository that the caller
// has the right to read will do; nobody can ask for the scope of a
// repository that they do not name, so only rights count there.
//
// It returns false when there is nothing to mount: no such blob, no such
// repository, or none that the caller may read; these cannot be told apart.
// The caller then uploads the bytes. Denied means that the caller may read from but
// the token does not cover it.
func (s *Service) MountBlob(ctx context.Context, repo, from easel.Repo, digest easel.Digest) (bool, error) {
	if err := s.may(ctx, policy.Push, repo); err != nil {
		return false, err
	}
	if err := s.room(0); err != nil {
		return false, err
	}
	holders, err := s.holders(ctx, from, digest)
	if err != nil {
		return false, err
	}
	who := easel.PrincipalFrom(ctx)
	for _, h := range holders {
		if !readable(who, h) {
			continue
		}
		if from != "" {
			if err := policy.Check(who, h.Grants, policy.Pull, "repository", string(h.Repo)); err != nil {
				return false, err
			}
		}
		_, err := s.catalog.Mount(ctx, who, h.Repo, repo, digest)
		if err == nil {
			return true, nil
		}
		if e := easel.AsError(err); e.Kind != easel.NotFound || e.Noun == "organisation" {
			return false, err
		}
	}
	return false, nil
}

// holders returns where digest may be mounted from.
func (s *Service) holders(ctx context.Context, from easel.Repo, digest easel.Digest) ([]catalog.Holder, error) {
	who := easel.PrincipalFrom(ctx)
	if from == "" {
		return s.catalog.BlobHolders(ctx, who, digest)
	}
	g, err := s.catalog.RepoGrants(ctx, who, from)
	if err != nil && !errors.Is(err, easel.NotFound) {
		return nil, err
	}
	return []catalog.Holder{{Repo: from, Grants: g}}, nil
}

// readable reports whether who has the right to read h, whatever the token's scope.
func readable(who easel.Principal, h catalog.Holder) bool {
	who.Scopes = nil
	return policy.Check(who, h.Grants, policy.Pull, "repository", string(h.Repo)) == nil
}
