package registry

import (
	"context"
	"errors"
	"sync"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/catalog"
	"easel/internal/failpoint"
	"easel/internal/policy"
)

// settle collects objects that are unlinked until their directories are
// synced and their garbage rows dropped, in batches.
type settle struct {
	mu   sync.Mutex
	keys []blob.Key
}

func (s *settle) add(gone []catalog.Garbage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range gone {
		s.keys = append(s.keys, g.Key)
	}
}

func (s *settle) take() []blob.Key {
	s.mu.Lock()
	defer s.mu.Unlock()
	keys := s.keys
	s.keys = nil
	return keys
}

// How often the background work happens.
const (
	settleEvery  = time.Second
	reclaimEvery = 10 * time.Second
)

// Run does the background work until ctx ends: it drops the garbage rows of
// what was unlinked, ends uploads and pins whose time is over, unlinks whatever
// waits, for example since a crash, and adds up the ledger. Any number of processes may run
// it at once.
func (s *Service) Run(ctx context.Context) {
	next := s.o.Clock()
	for {
		if now := s.o.Clock(); !now.Before(next) {
			next = now.Add(reclaimEvery)
			_, err := s.Maintain(ctx)
			err = errors.Join(err, s.Retain(ctx), s.writeServed(ctx), s.recordStore(ctx))
			if err = errors.Join(err, s.writePulls(ctx), s.catalog.FoldLedger(ctx)); err != nil && ctx.Err() == nil {
				s.o.Log.ErrorContext(ctx, "background reclaim failed; it is tried again", "err", err)
			}
		}
		if err := s.Settle(context.WithoutCancel(ctx)); err != nil {
			s.o.Log.ErrorContext(ctx, "garbage rows could not be dropped; it is tried again", "err", err)
		}
		if !pause(ctx, settleEvery) {
			if err := s.writeServed(context.WithoutCancel(ctx)); err != nil {
				s.o.Log.ErrorContext(ctx, "the last bytes served were not counted", "err", err)
			}
			if err := s.writePulls(context.WithoutCancel(ctx)); err != nil {
				s.o.Log.ErrorContext(ctx, "the last pulls were not counted", "err", err)
			}
			return
		}
	}
}

// pause waits for d and returns true, or false when ctx ends first.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Settle makes the unlinking so far durable and drops its garbage rows.
func (s *Service) Settle(ctx context.Context) error {
	keys := s.settle.take()
	if len(keys) == 0 {
		return nil
	}
	failpoint.Hit("delete.sync")
	if err := s.blobs.Sync(ctx, keys); err != nil {
		return err // the rows stay, and are unlinked again
	}
	failpoint.Hit("delete.synced")
	err := s.catalog.Forget(ctx, keys)
	failpoint.Hit("delete.settled")
	return err
}

// Reclaimed is what a reclaim did.
type Reclaimed struct {
	Objects int   `json:"objects"` // unlinked
	Bytes   int64 `json:"bytes"`
	Uploads int   `json:"uploads_expired"`
	Waiting int   `json:"objects_waiting"` // that could not be unlinked now
}

// Reclaim is Maintain for an administrator who does not want to wait.
func (s *Service) Reclaim(ctx context.Context) (Reclaimed, error) {
	if err := policy.Check(easel.PrincipalFrom(ctx), easel.Grants{}, policy.Operate, "registry", "reclaim"); err != nil {
		return Reclaimed{}, err
	}
	return s.Maintain(ctx)
}

// Maintain ends uploads, pins and trash whose time is over and unlinks all
// garbage that is due. What cannot be unlinked is reported, stays garbage, and does
// not keep the rest from going.
func (s *Service) Maintain(ctx context.Context) (done Reclaimed, err error) {
	if err = s.Settle(ctx); err != nil { // or it would unlink again what is only waiting for its rows to go
		return done, err
	}
	if done.Uploads, err = s.catalog.ExpireUploads(ctx); err != nil {
		return done, err
	}
	failpoint.Hit("reclaim.expired")
	for more := true; more && err == nil; {
		if err = ctx.Err(); err == nil {
			_, more, err = s.catalog.Sweep(ctx)
		}
	}
	failpoint.Hit("reclaim.swept")
	err = errors.Join(err, s.purgeTrash(ctx))
	return done, errors.Join(err, s.unlinkDue(ctx, &done))
}

// reclaimBatch is how many garbage rows one step looks at.
const reclaimBatch = 1000

func (s *Service) unlinkDue(ctx context.Context, done *Reclaimed) error {
	var errs []error
	for after := blob.Key(""); ; {
		due, err := s.catalog.Garbage(ctx, after, reclaimBatch)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		if len(due) == 0 {
			return errors.Join(errs...)
		}
		after = due[len(due)-1].Key
		gone, err := s.unlink(ctx, due)
		if err != nil {
			errs = append(errs, err)
		}
		for _, g := range gone {
			done.Objects++
			done.Bytes += g.Size
		}
		done.Waiting += len(due) - len(gone)
		s.settle.add(gone)
		if err := s.Settle(ctx); err != nil {
			return errors.Join(append(errs, err)...)
		}
	}
}
