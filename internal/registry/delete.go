package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/failpoint"
	"easel/internal/policy"
)

// DeleteTag removes a tag and whatever only it needed. When it returns, the
// tag is gone and the exclusive bytes are off the store; or Receipt.Pending
// says how many are still to go. Errors: NotFound "repository" or "tag"; InUse.
func (s *Service) DeleteTag(ctx context.Context, repo easel.Repo, tag easel.Tag) (easel.Receipt, error) {
	return s.remove(ctx, repo, policy.Delete, func(who easel.Principal) (catalog.Removed, error) {
		return s.catalog.DeleteTag(ctx, who, repo, tag, s.o.InUse)
	})
}

// DeleteManifest removes a manifest with all its tags. Receipt.Condemned names
// it when another user's push holds it a while longer. Errors: NotFound
// "repository" or "manifest"; InUse.
func (s *Service) DeleteManifest(ctx context.Context, repo easel.Repo, digest easel.Digest) (easel.Receipt, error) {
	return s.remove(ctx, repo, policy.Delete, func(who easel.Principal) (catalog.Removed, error) {
		return s.catalog.DeleteManifest(ctx, who, repo, digest, s.o.InUse)
	})
}

// DeleteBlob removes a blob that no manifest names from a repository. Errors:
// NotFound "repository" or "blob"; InUse.
func (s *Service) DeleteBlob(ctx context.Context, repo easel.Repo, digest easel.Digest) (easel.Receipt, error) {
	return s.remove(ctx, repo, policy.Delete, func(who easel.Principal) (catalog.Removed, error) {
		return s.catalog.DeleteBlob(ctx, who, repo, digest)
	})
}

// DeleteRepo removes a repository with everything in it. Errors: NotFound
// "repository"; InUse.
func (s *Service) DeleteRepo(ctx context.Context, repo easel.Repo) (easel.Receipt, error) {
	return s.remove(ctx, repo, policy.DeleteRepo, func(who easel.Principal) (catalog.Removed, error) {
		return s.catalog.DeleteRepo(ctx, who, repo, s.o.InUse)
	})
}

// Plan returns what DeleteTag, DeleteManifest or, for the zero Ref, DeleteRepo
// would do and what stands in its way, and changes nothing. Errors: theirs, but
// for InUse.
func (s *Service) Plan(ctx context.Context, repo easel.Repo, ref easel.Ref) (easel.Plan, error) {
	action := policy.Delete
	if ref == (easel.Ref{}) {
		action = policy.DeleteRepo
	}
	if err := s.may(ctx, action, repo); err != nil {
		return easel.Plan{}, err
	}
	return s.catalog.PlanContent(ctx, easel.PrincipalFrom(ctx), repo, ref, s.o.InUse)
}

func (s *Service) remove(ctx context.Context, repo easel.Repo, action policy.Action, do func(easel.Principal) (catalog.Removed, error)) (easel.Receipt, error) {
	g, err := s.grants(ctx, action, repo)
	if err == nil {
		err = MayNow(ctx, s.catalog, g, repo)
	}
	if err != nil {
		return easel.Receipt{}, err
	}
	removed, err := do(easel.PrincipalFrom(ctx))
	if err != nil {
		return easel.Receipt{}, err
	}
	return s.Unlink(ctx, removed), nil
}

// MayNow returns nil unless the caller wants what it deletes in repo gone now,
// the deletion could be undone, and the caller may not purge trash: whoever may
// only delete leaves others the time to undo it. g is what the caller was granted
// there.
func MayNow(ctx context.Context, db *catalog.DB, g easel.Grants, repo easel.Repo) error {
	if !easel.DeletesNow(ctx) {
		return nil
	}
	undoable, err := db.Undoable(ctx, repo.Org())
	if err != nil || !undoable {
		return err
	}
	if err := policy.CheckNow(easel.PrincipalFrom(ctx), g, repo); err != nil {
		return easel.E(easel.Denied, "repository", "deletions in %s can be undone, and you may not %s there: delete without asking for it to be gone now", repo.Org(), policy.RestoreTrash).Because(err)
	}
	return nil
}

// Unlink takes the bytes of a committed deletion off the store and returns its
// receipt. What is not gone within UnlinkWait, or cannot be unlinked now, is
// Pending: the background loop goes on until it is. The deletion is
// committed: a client that hangs up does not stop the unlinking.
func (s *Service) Unlink(ctx context.Context, removed catalog.Removed) easel.Receipt {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.o.UnlinkWait)
	defer cancel()
	receipt := removed.Receipt
	gone, err := s.unlink(ctx, removed.Garbage)
	if err != nil {
		s.o.Log.ErrorContext(ctx, "unlinking continues in the background", "receipt", receipt.ID, "err", err)
	}
	for _, g := range gone {
		receipt.Pending -= g.Size
	}
	receipt.Pending += receipt.Freed
	receipt.Freed -= receipt.Pending
	s.settle.add(gone)
	if receipt.RestoreUntil != nil { // more went to trash: older trash may have to make room
		if err := s.purgeTrash(ctx); err != nil {
			s.o.Log.ErrorContext(ctx, "trash could not be purged; it is tried again", "err", err)
		}
	}
	return receipt
}

// unlinkers is how many objects one deletion unlinks at the same time.
const unlinkers = 4

// unlink removes objects until ctx ends and returns those that are gone, with
// the first error. It may run any number of times, at once and in any order:
// a garbage key is never used again. An unlink that hangs outlives the call;
// nobody waits for it but its own row.
func (s *Service) unlink(ctx context.Context, garbage []catalog.Garbage) ([]catalog.Garbage, error) {
	type outcome struct {
		g   catalog.Garbage
		err error
	}
	work, results := make(chan catalog.Garbage, len(garbage)), make(chan outcome, len(garbage))
	for _, g := range garbage {
		work <- g
	}
	close(work)
	for range min(unlinkers, len(garbage)) {
		go func() {
			for g := range work {
				if ctx.Err() != nil {
					return
				}
				failpoint.Hit("delete.unlink")
				err := s.blobs.Delete(context.WithoutCancel(ctx), g.Key)
				failpoint.Hit("delete.unlinked")
				results <- outcome{g, err}
			}
		}()
	}
	var gone []catalog.Garbage
	var first error
	for range garbage {
		select {
		case r := <-results:
			if r.err == nil {
				gone = append(gone, r.g)
				s.o.Metrics.BytesFreed(r.g.Size)
			} else if first == nil {
				first = r.err
			}
		case <-ctx.Done():
			return gone, ctx.Err()
		}
	}
	return gone, first
}
