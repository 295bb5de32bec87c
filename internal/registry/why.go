package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Why tells what keeps a blob: the references to it in repositories of the
// caller's domain that the caller may see, and how many there are elsewhere.
// An administrator sees all of the domain. Errors: Unauthenticated and
// Denied "blob"; NotFound "blob" when no repository that the caller may see has it.
func (s *Service) Why(ctx context.Context, digest easel.Digest) (catalog.Why, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Inspect, "blob", string(digest)); err != nil {
		return catalog.Why{}, err
	}
	return s.catalog.Why(ctx, who, digest, repoSight(who))
}

// BlobsOf returns the blobs of an image and, when it is an index, of those it
// names; the largest first. Errors: NotFound "repository" or "manifest".
func (s *Service) BlobsOf(ctx context.Context, repo easel.Repo, ref easel.Ref) ([]easel.ReceiptBlob, error) {
	if err := s.may(ctx, policy.Pull, repo); err != nil {
		return nil, err
	}
	return s.catalog.BlobsOf(ctx, repo, ref)
}
