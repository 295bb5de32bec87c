package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"easel"
	"easel/internal/failpoint"
	"easel/internal/policy"
)

// Upload is where an upload session stands.
type Upload struct {
	ID   string
	Size int64 // bytes received and kept: where the next chunk starts
}

// Chunk is a part of an upload as a client sends it.
type Chunk struct {
	Body io.Reader // nil: no bytes
	At   int64     // offset of the first byte; AtEnd: wherever the upload stands
	Size int64     // bytes announced; SizeUnknown: until the body ends
}

// Values of Chunk that mean "not said".
const (
	AtEnd       = -1
	SizeUnknown = -1
)

// StartUpload opens a session that hashes with algorithm ("" is sha256), and
// makes the repository if need be. Errors: Denied and its kin, NotFound
// "organisation", Denied "space quota" and "repository quota", NoSpace.
func (s *Service) StartUpload(ctx context.Context, repo easel.Repo, algorithm string) (Upload, error) {
	algorithm = cmp.Or(algorithm, easel.SHA256)
	if _, ok := easel.NewHash(algorithm); !ok {
		return Upload{}, easel.E(easel.Invalid, "digest", "digest algorithm %.32q is not supported: use sha256 or sha512", algorithm)
	}
	if err := s.may(ctx, policy.Push, repo); err != nil {
		return Upload{}, err
	}
	if err := s.room(0); err != nil {
		return Upload{}, err
	}
	if err := s.catalog.Fits(ctx, repo, 0); err != nil {
		return Upload{}, err
	}
	u, err := s.catalog.StartUpload(ctx, easel.PrincipalFrom(ctx), repo, algorithm, s.o.UploadTTL)
	return Upload{ID: u.ID}, err
}

// AppendUpload adds a chunk. When it returns nil the chunk is durable. After
// an error that comes with an Upload, that is where the session stands: what
// arrived of a body that broke off is kept.
//
// Errors: NotFound "upload" (also for another user's), Range for a chunk that
// does not start where the session stands, Invalid "size" for a body that is
// not as long as announced, Denied "space quota", InUse, TooMany, NoSpace.
func (s *Service) AppendUpload(ctx context.Context, repo easel.Repo, id string, c Chunk) (Upload, error) {
	w, err := s.openSession(ctx, repo, id, c)
	if err != nil {
		return w.state(), err
	}
	defer w.close()
	if err := w.receive(ctx, c); err != nil {
		err = errors.Join(err, w.keep(ctx, err))
		return w.state(), err
	}
	err = w.record(context.WithoutCancel(ctx)) // all bytes are here: hanging up now must not waste them
	return w.state(), err
}

// FinishUpload adds the last chunk and turns the session into the blob
// digest, which the repository then has and the caller has pinned.
//
// When the bytes do not have that digest the error is Invalid "digest" and
// the session is gone with its bytes. The other errors are AppendUpload's.
//
// A chunk without an offset, sent to a session that has no bytes yet, is the
// whole content: clients that lose the connection send it again from the
// start, so nothing of it is recorded before it is complete.
func (s *Service) FinishUpload(ctx context.Context, repo easel.Repo, id string, digest easel.Digest, c Chunk) (Upload, error) {
	w, err := s.openSession(ctx, repo, id, c)
	if err != nil {
		return w.state(), err
	}
	defer w.close()
	w.whole = c.At == AtEnd && w.u.Size == 0
	if err := w.receive(ctx, c); err != nil {
		err = errors.Join(err, w.keep(ctx, err))
		return w.state(), err
	}
	err = w.finish(ctx, digest)
	return w.state(), err
}

// PutBlob stores a blob that comes in one request. Errors: those of
// StartUpload and FinishUpload; the session does not outlive the call.
func (s *Service) PutBlob(ctx context.Context, repo easel.Repo, digest easel.Digest, c Chunk) error {
	u, err := s.StartUpload(ctx, repo, digest.Algorithm())
	if err != nil {
		return err
	}
	if _, err = s.FinishUpload(ctx, repo, u.ID, digest, c); err != nil {
		s.discard(ctx, repo, u.ID)
	}
	return err
}

// UploadStatus tells where the caller's session stands. Errors: NotFound
// "upload".
func (s *Service) UploadStatus(ctx context.Context, repo easel.Repo, id string) (Upload, error) {
	if err := s.may(ctx, policy.Push, repo); err != nil {
		return Upload{}, err
	}
	u, err := s.catalog.Upload(ctx, easel.PrincipalFrom(ctx), repo, id)
	return Upload{ID: u.ID, Size: u.Size}, err
}

// CancelUpload ends the caller's session and gives its bytes back. Errors:
// NotFound "upload".
func (s *Service) CancelUpload(ctx context.Context, repo easel.Repo, id string) error {
	if err := s.may(ctx, policy.Push, repo); err != nil {
		return err
	}
	return s.abandon(ctx, repo, id)
}

// abandon makes the session's key garbage and, because that is committed,
// unlinks it at once. Reclaim unlinks it again when no writer can be left.
func (s *Service) abandon(ctx context.Context, repo easel.Repo, id string) error {
	who := easel.PrincipalFrom(ctx)
	u, err := s.catalog.Upload(ctx, who, repo, id)
	if err != nil {
		return err
	}
	if err := s.catalog.CancelUpload(ctx, who, repo, id); err != nil {
		return err
	}
	failpoint.Hit("upload.cancelled")
	if err := s.blobs.Delete(context.WithoutCancel(ctx), u.Key); err != nil {
		return fmt.Errorf("unlink cancelled upload: %w", err)
	}
	return nil
}

// discard is abandon for a session whose error is already known. What it
// cannot do now is done when the session expires.
func (s *Service) discard(ctx context.Context, repo easel.Repo, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
	defer cancel()
	if err := s.abandon(ctx, repo, id); err != nil && !errors.Is(err, easel.NotFound) {
		s.o.Log.WarnContext(ctx, "upload not given back yet", "upload", id, "err", err)
	}
}

// recordTimeout bounds the work that goes on after a client has hung up.
const recordTimeout = time.Minute

// openSession makes the caller the writer of its session. On error the writer
// is only good for state; on success it must be closed.
func (s *Service) openSession(ctx context.Context, repo easel.Repo, id string, c Chunk) (*uploadWriter, error) {
	w := &uploadWriter{s: s}
	if err := s.may(ctx, policy.Push, repo); err != nil {
		return w, err
	}
	leave, err := s.writers.enter(easel.PrincipalFrom(ctx).UserID, id)
	if err != nil {
		return w, err
	}
	if err = s.resumeSession(ctx, w, repo, id, c); err != nil {
		leave()
		return w, err
	}
	w.leave = leave
	return w, nil
}

func (s *Service) resumeSession(ctx context.Context, w *uploadWriter, repo easel.Repo, id string, c Chunk) (err error) {
	if w.u, err = s.catalog.Upload(ctx, easel.PrincipalFrom(ctx), repo, id); err != nil {
		w.u.ID = ""
		return err
	}
	w.size = w.u.Size
	if c.At != AtEnd && c.At != w.size {
		return easel.E(easel.Range, "upload", "the chunk starts at byte %d, but the upload stands at %d: go on from there", c.At, w.size)
	}
	if err := s.room(c.Size); err != nil {
		return err
	}
	if err := s.catalog.Fits(ctx, repo, w.size+max(0, c.Size)); err != nil {
		return err
	}
	if w.hash, err = resumeHash(w.u.Algorithm, w.u.Hash); err != nil {
		return err
	}
	return w.open(ctx)
}

// resumeHash returns a hash at the recorded state, which is empty at the start.
func resumeHash(algorithm string, state []byte) (hash.Hash, error) {
	h, ok := easel.NewHash(algorithm)
	if !ok {
		return nil, fmt.Errorf("upload with digest algorithm %q", algorithm)
	}
	if len(state) == 0 {
		return h, nil
	}
	u, ok := h.(interface{ UnmarshalBinary([]byte) error })
	if !ok {
		return nil, fmt.Errorf("a hash of %s cannot be resumed", algorithm)
	}
	return h, u.UnmarshalBinary(state)
}
