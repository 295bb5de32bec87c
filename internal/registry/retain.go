package registry

import (
	"context"
	"errors"
	"time"

	"easel"
	"easel/internal/catalog"
)

const (
	// retentionLease is how long a policy is claimed: longer than a run takes.
	// Two runs at once would only ask twice, for each decides under the
	// repository's lock.
	retentionLease = 15 * time.Minute
	// retentionEvery is how often a policy runs without pushes.
	retentionEvery = time.Hour
	// retentionAgain is when one is tried again that failed or did not get to its end.
	retentionAgain = time.Minute
	// retentionsAtOnce bounds the policies that one pass of the background loop runs.
	retentionsAtOnce = 20
)

// Retain runs the policies that are due. Any number of processes may do so at
// once. An error of one policy does not keep the others from running.
func (s *Service) Retain(ctx context.Context) error {
	var errs []error
	for range retentionsAtOnce {
		p, ok, err := s.catalog.ClaimRetention(ctx, 0, retentionLease)
		if err != nil || !ok {
			return errors.Join(append(errs, err)...)
		}
		done, err := s.retain(ctx, p.Itself(), p)
		if err != nil {
			errs = append(errs, err)
		}
		if len(done.Tags) > 0 {
			s.o.Log.InfoContext(ctx, "retention", "repository", string(p.Repo), "tags", len(done.Tags), "kept", len(done.Kept), "bytes_freed", done.Freed)
		}
	}
	return errors.Join(errs...)
}

// retain runs a claimed policy and gives it back.
func (s *Service) retain(ctx context.Context, who easel.Principal, p catalog.Retention) (Retained, error) {
	done, err := s.runSteps(ctx, who, p)
	if errors.Is(err, easel.NotFound) && ctx.Err() == nil {
		return done, nil // policy or repository went meanwhile
	}
	next := retentionEvery
	if err != nil || done.More {
		next = retentionAgain
	}
	return done, errors.Join(err, s.catalog.FinishRetention(context.WithoutCancel(ctx), p, next))
}

func (s *Service) runSteps(ctx context.Context, who easel.Principal, p catalog.Retention) (Retained, error) {
	done := newRetained(p.Repo, p.Rule)
	step := catalog.RetentionStep{Policy: p.ID, Repo: p.Repo, Limit: retentionBatch, InUse: s.o.InUse}
	for n := 0; n < retentionBatches; { // steps that only find what has to stay do not count
		out, err := s.catalog.RunRetention(ctx, who, step)
		if err != nil {
			return done, err
		}
		receipt := out.Receipt
		if len(out.Gone) > 0 {
			n++
			receipt = s.Unlink(ctx, out.Removed)
			done.Receipts = append(done.Receipts, receipt.ID)
		}
		done.add(out, receipt)
		if !out.More {
			break
		}
		step.After = out.Last
	}
	return done, nil
}
