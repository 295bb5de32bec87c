package registry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Blob is a blob that is being read.
type Blob struct {
	Digest easel.Digest
	Size   int64 // bytes
	// Content is the store's own object, so that a directory's files can be
	// sent with sendfile. The caller closes it.
	Content io.ReadSeekCloser
}

// StatBlob tells that a blob is there, and how long it is. Whoever may push to
// the repository is about to rely on the answer and gets a pin first; rights
// decide, not the token's scope, because some clients ask with a token that
// only allows pulling. Errors: NotFound "repository" or "blob".
func (s *Service) StatBlob(ctx context.Context, repo easel.Repo, digest easel.Digest) (Blob, error) {
	g, err := s.grants(ctx, policy.Pull, repo)
	if err != nil {
		return Blob{}, err
	}
	who := easel.PrincipalFrom(ctx)
	var b catalog.StoredBlob
	unbounded := who
	unbounded.Scopes = nil
	if policy.Check(unbounded, g, policy.Push, "repository", string(repo)) == nil {
		b, err = s.catalog.PinBlob(ctx, who, repo, digest)
	} else {
		b, err = s.catalog.Blob(ctx, repo, digest)
	}
	return Blob{Digest: b.Digest, Size: b.Size}, err
}

// OpenBlob opens a blob for reading and pins nothing. A deletion meanwhile
// does not disturb the reader. Errors: NotFound "repository" or "blob".
func (s *Service) OpenBlob(ctx context.Context, repo easel.Repo, digest easel.Digest) (Blob, error) {
	if err := s.may(ctx, policy.Pull, repo); err != nil {
		return Blob{}, err
	}
	found, err := s.catalog.Blob(ctx, repo, digest)
	if err != nil {
		return Blob{}, err
	}
	o, err := s.blobs.Open(ctx, found.Key)
	if errors.Is(err, fs.ErrNotExist) {
		found, o, err = s.reopen(ctx, repo, found)
	}
	if err != nil {
		return Blob{}, fmt.Errorf("open blob %s: %w", digest, err)
	}
	if o.Size() != found.Size {
		o.Close()
		return Blob{}, fmt.Errorf("object %s of blob %s has %d bytes instead of %d: run easel check", found.Key, digest, o.Size(), found.Size)
	}
	return Blob{Digest: digest, Size: found.Size, Content: o}, nil
}

// reopen is for a reader whose object went between look-up and open: the blob
// was deleted, or deleted and pushed again under another key.
func (s *Service) reopen(ctx context.Context, repo easel.Repo, before catalog.StoredBlob) (catalog.StoredBlob, blob.Object, error) {
	now, err := s.catalog.Blob(ctx, repo, before.Digest)
	if err != nil {
		return now, nil, err
	}
	o, err := s.blobs.Open(ctx, now.Key)
	if errors.Is(err, fs.ErrNotExist) {
		s.o.Log.ErrorContext(ctx, "object of a blob is missing: run easel check", "digest", now.Digest, "key", now.Key)
		err = easel.E(easel.NotFound, "blob", "the content of %s is missing", before.Digest).Because(err)
	}
	return now, o, err
}
