package registry

import (
	"context"
	"encoding"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/failpoint"
)

// While bytes arrive they are made durable, and the session moves forward,
// this often: a client that comes back goes on from there.
const (
	checkpointBytes = 64 << 20
	checkpointEvery = time.Minute
)

// uploadWriter is a session that is receiving bytes.
type uploadWriter struct {
	s     *Service
	leave func()         // gives the session's writer slot back
	u     catalog.Upload // as recorded
	whole bool           // the body is the whole content: record nothing of a part of it

	object blob.Writer
	hash   hash.Hash
	size   int64 // bytes written to object and hash

	checked   int64 // size at the last checkpoint
	checkedAt time.Time
}

func (w *uploadWriter) open(ctx context.Context) (err error) {
	w.object, err = w.s.blobs.Resume(ctx, w.u.Key, blob.State{Size: w.u.Size, Parts: w.u.Writer})
	if err != nil {
		return fmt.Errorf("upload %s: %w", w.u.ID, err)
	}
	w.checked, w.checkedAt = w.size, w.s.o.Clock()
	return nil
}

// close lets go of object and session. What was not recorded is cut away when
// the session is resumed.
func (w *uploadWriter) close() {
	defer w.leave()
	if err := w.object.Close(); err != nil {
		w.s.o.Log.Warn("upload closed", "upload", w.u.ID, "err", err)
	}
}

// state is where the session stands for the client.
func (w *uploadWriter) state() Upload { return Upload{ID: w.u.ID, Size: w.u.Size} }

// brokenOff marks an error of the client's side of the connection.
type brokenOff struct{ error }

func (b brokenOff) Unwrap() error { return b.error }

// receive copies the chunk's body to object and hash through a buffer of
// fixed size.
func (w *uploadWriter) receive(ctx context.Context, c Chunk) error {
	if c.Body == nil {
		return w.lengthIs(c, 0)
	}
	start := w.size
	err := w.s.writers.buffer(func(b []byte) error {
		for {
			n, err := c.Body.Read(b)
			if c.Size != SizeUnknown && w.size-start+int64(n) > c.Size {
				return easel.E(easel.Invalid, "size", "the body is longer than the %d bytes announced", c.Size)
			}
			if err := w.write(ctx, b[:n]); err != nil {
				return err
			}
			if err == io.EOF {
				return nil
			}
			if err != nil {
				return brokenOff{easel.E(easel.Invalid, "size", "the body ended after %d bytes: ask where the upload stands and go on from there", w.size-start).Because(err)}
			}
		}
	})
	if err != nil {
		return err
	}
	return w.lengthIs(c, w.size-start)
}

func (w *uploadWriter) lengthIs(c Chunk, got int64) error {
	if c.Size == SizeUnknown || c.Size == got {
		return nil
	}
	return brokenOff{easel.E(easel.Invalid, "size", "the body has %d bytes, but %d were announced", got, c.Size)}
}

func (w *uploadWriter) write(ctx context.Context, b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if _, err := w.object.Write(b); err != nil {
		return fmt.Errorf("upload %s: %w", w.u.ID, err)
	}
	w.hash.Write(b)
	w.size += int64(len(b))
	w.s.o.Metrics.BytesIn(int64(len(b)))
	now := w.s.o.Clock()
	if now.After(w.u.Until) {
		// Past this moment nobody may write: the key may be unlinked for good.
		return easel.E(easel.NotFound, "upload", "the upload has expired: start again")
	}
	if w.size-w.checked < checkpointBytes && now.Sub(w.checkedAt) < checkpointEvery {
		return nil
	}
	if err := w.s.room(0); err != nil {
		return err
	}
	if err := w.s.catalog.Fits(ctx, w.u.Repo, w.size); err != nil {
		return err
	}
	return w.record(ctx)
}

// record makes what was written durable and moves the session forward.
func (w *uploadWriter) record(ctx context.Context) error {
	failpoint.Hit("upload.checkpoint")
	state, err := w.object.Checkpoint(ctx)
	if err != nil {
		return fmt.Errorf("upload %s: %w", w.u.ID, err)
	}
	failpoint.Hit("upload.received")
	w.checked, w.checkedAt = w.size, w.s.o.Clock()
	next := w.u
	next.Until = w.checkedAt.Add(w.s.o.UploadTTL)
	if !w.whole {
		if state.Size != w.size {
			return fmt.Errorf("upload %s: store has %d of %d bytes", w.u.ID, state.Size, w.size)
		}
		next.Size, next.Writer = state.Size, state.Parts
		if next.Hash, err = w.hash.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
			return fmt.Errorf("upload %s: %w", w.u.ID, err)
		}
	}
	if err := w.s.catalog.AdvanceUpload(ctx, next, w.u.Size); err != nil {
		return err
	}
	failpoint.Hit("upload.recorded")
	w.u = next
	return nil
}

// keep records what a client sent before it broke off; it may be gone itself.
// After a full disk, or over a quota, it gives the session's bytes back instead. The result is
// only an error that matters more than the cause.
func (w *uploadWriter) keep(ctx context.Context, cause error) error {
	if errors.Is(cause, easel.NoSpace) || errors.Is(cause, easel.Denied) {
		w.s.discard(ctx, w.u.Repo, w.u.ID)
		w.u.ID = ""
		return nil
	}
	if !errors.As(cause, &brokenOff{}) || w.whole || w.size == w.u.Size {
		return nil
	}
	return w.record(context.WithoutCancel(ctx))
}

// finish turns the session into a blob: object and directory entry are durable
// before the catalogue says that the blob is there.
func (w *uploadWriter) finish(ctx context.Context, want easel.Digest) error {
	ctx = context.WithoutCancel(ctx) // all bytes are here: hanging up now must not waste them
	if got := easel.SumDigest(w.u.Algorithm, w.hash); want.Algorithm() == w.u.Algorithm && got != want {
		return w.mismatch(ctx, got, want)
	}
	if err := w.s.catalog.Fits(ctx, w.u.Repo, w.size); err != nil { // its size was perhaps not announced
		w.s.discard(ctx, w.u.Repo, w.u.ID)
		w.u.ID = ""
		return err
	}
	failpoint.Hit("upload.finish")
	if err := w.object.Finish(ctx); err != nil {
		return fmt.Errorf("upload %s: %w", w.u.ID, err)
	}
	if want.Algorithm() != w.u.Algorithm {
		got, err := w.s.rehash(ctx, w.u.Key, want.Algorithm())
		if err != nil {
			return fmt.Errorf("upload %s: %w", w.u.ID, err)
		}
		if got != want {
			return w.mismatch(ctx, got, want)
		}
	}
	failpoint.Hit("upload.finished")
	spare, err := w.s.catalog.FinishUpload(ctx, easel.PrincipalFrom(ctx), w.u, want, w.size)
	failpoint.Hit("upload.transformed")
	if err == nil {
		w.s.Unlink(ctx, catalog.Removed{Garbage: spare})
	}
	return err
}

func (w *uploadWriter) mismatch(ctx context.Context, got, want easel.Digest) error {
	w.s.discard(ctx, w.u.Repo, w.u.ID)
	w.u.ID = ""
	return easel.E(easel.Invalid, "digest", "the %d bytes received have the digest %s, not %s; the upload was dropped, start again", w.size, got, want)
}

// rehash reads a finished object again.
func (s *Service) rehash(ctx context.Context, key blob.Key, algorithm string) (easel.Digest, error) {
	o, err := s.blobs.Open(ctx, key)
	if err != nil {
		return "", err
	}
	defer o.Close()
	h, _ := easel.NewHash(algorithm)
	err = s.writers.buffer(func(b []byte) error {
		// The wrapper hides WriteTo, which would bring a buffer of its own.
		_, err := io.CopyBuffer(h, struct{ io.Reader }{o}, b)
		return err
	})
	return easel.SumDigest(algorithm, h), err
}
