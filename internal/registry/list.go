package registry

import (
	"context"

	"easel"
	"easel/internal/policy"
)

// MaxPage is the largest page of a listing, and the one that is taken when
// nobody asks for another.
const MaxPage = 1000

// Tags returns up to limit tags of repo after last, in byte order, and
// whether more follow. Errors: NotFound "repository".
func (s *Service) Tags(ctx context.Context, repo easel.Repo, last string, limit int) ([]easel.Tag, bool, error) {
	if err := s.may(ctx, policy.Pull, repo); err != nil {
		return nil, false, err
	}
	return s.catalog.Tags(ctx, repo, last, min(limit, MaxPage))
}

// Repositories returns up to limit repositories of the administrator's own
// domain after last, in byte order, and whether more follow. Errors: NotFound
// "route" for everybody else.
func (s *Service) Repositories(ctx context.Context, last string, limit int) ([]easel.Repo, bool, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{}, policy.ListRepositories, "route", "/v2/_catalog"); err != nil {
		return nil, false, err
	}
	return s.catalog.Repositories(ctx, who.DomainID, last, min(limit, MaxPage))
}

// A page of referrers is bounded by bytes, too: each may carry annotations of
// nearly the size of a manifest. They are fetched in batches, so that a page
// costs little more memory than it may have bytes.
const (
	referrerBatch = 16
	referrerBytes = 4 << 20
)

// Referrers returns the descriptors of the manifests whose subject is subject,
// ordered by digest and after last, and whether more follow. artifactType ""
// means all. A page has at most MaxPage descriptors and about 4 MiB.
// A repository that does not exist, where it could be made, has none.
func (s *Service) Referrers(ctx context.Context, repo easel.Repo, subject easel.Digest, artifactType string, last easel.Digest) ([]easel.Descriptor, bool, error) {
	if err := s.may(ctx, policy.Pull, repo); err != nil {
		return nil, false, err
	}
	found, size := []easel.Descriptor{}, 0
	for {
		batch, more, err := s.catalog.Referrers(ctx, repo, subject, artifactType, last, referrerBatch)
		if err != nil {
			return nil, false, err
		}
		for _, d := range batch {
			if size += descriptorBytes(d); size > referrerBytes && len(found) > 0 {
				return found, true, nil
			}
			found = append(found, d)
			last = d.Digest
		}
		if !more || len(found) >= MaxPage-referrerBatch {
			return found, more, nil
		}
	}
}

// descriptorBytes is about what d takes as JSON.
func descriptorBytes(d easel.Descriptor) int {
	n := 256 + len(d.MediaType) + len(d.ArtifactType)
	for k, v := range d.Annotations {
		n += len(k) + len(v) + 6
	}
	return n
}
