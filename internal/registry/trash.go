package registry

import (
	"context"
	"errors"
	"fmt"
	"time"

	"easel"
	"easel/internal/catalog"
	"easel/internal/failpoint"
	"easel/internal/policy"
)

// maxUndo is the longest undo window.
const maxUndo = 90 * 24 * time.Hour

// Undo is an organisation's undo window with what its trash holds.
type Undo struct {
	catalog.Undo
	Held int64 // bytes that only its trash holds
}

// Undo returns the undo window of an organisation. Errors: those of Org.
func (s *Service) Undo(ctx context.Context, org easel.Org) (u Undo, err error) {
	if _, err = s.org(ctx, policy.ShowOrg, org); err != nil {
		return u, err
	}
	u.Undo, u.Held, err = s.catalog.OrgUndo(ctx, org)
	return u, err
}

// SetUndo changes an organisation's undo window: from then on what is deleted
// there goes to trash and can be restored until the window has passed, or
// until the trash of the organisation holds more bytes than the budget. Errors:
// those of Org; Invalid "undo".
func (s *Service) SetUndo(ctx context.Context, org easel.Org, u catalog.Undo) (Undo, error) {
	if _, err := s.org(ctx, policy.SetUndo, org); err != nil {
		return Undo{}, err
	}
	switch {
	case u.Window < 0 || u.Window > maxUndo:
		return Undo{}, easel.E(easel.Invalid, "undo", "the window must be between 0 (off) and %d days", maxUndo/24/time.Hour)
	case u.Budget < 0:
		return Undo{}, easel.E(easel.Invalid, "undo", "the budget must be a number of bytes, or 0 for any number")
	}
	if s.o.Capacity != nil && u.Budget > 0 {
		size, err := s.o.Capacity()
		if err != nil {
			return Undo{}, fmt.Errorf("size of the store's disk: %w", err)
		}
		if u.Budget > size {
			return Undo{}, easel.E(easel.Invalid, "undo", "the budget of %d bytes is more than the disk of the store has, which are %d", u.Budget, size)
		}
	}
	if err := s.catalog.SetOrgUndo(ctx, easel.PrincipalFrom(ctx), org, u); err != nil {
		return Undo{}, err
	}
	if err := s.purgeTrash(context.WithoutCancel(ctx)); err != nil { // the budget may be smaller now
		return Undo{}, err
	}
	return s.Undo(ctx, org)
}

// Trash returns what the caller could restore, newest first. Domain and Sight of q are set here.
func (s *Service) Trash(ctx context.Context, q catalog.TrashQuery) ([]catalog.Trash, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Inspect, "trash", "trash"); err != nil {
		return nil, err
	}
	if who.Bound != nil {
		return []catalog.Trash{}, nil // a machine restores nothing
	}
	q.Domain = who.DomainID
	v := policy.SeesTrash(who)
	q.Sight = &catalog.Sight{Granted: !v.All, Shown: v.Shown, Hidden: v.Hidden}
	mine := []catalog.Trash{}
	for {
		found, err := s.catalog.Trash(ctx, who, q)
		if err != nil {
			return nil, err
		}
		for _, x := range found {
			if !mayRestore(who, x) || len(mine) == q.Limit {
				continue
			}
			if err := s.hideImages(ctx, &x); err != nil {
				return nil, err
			}
			mine = append(mine, x)
		}
		if len(found) < q.Limit || len(mine) == q.Limit {
			return mine, nil
		}
		q.Before = found[len(found)-1].Row
	}
}

func mayRestore(who easel.Principal, x catalog.Trash) bool {
	return policy.Check(who, x.Grants, policy.RestoreTrash, "repository", string(x.Repo)) == nil
}

// maxTrashOfOne bounds the repositories of one deletion.
const maxTrashOfOne = 10_000

// hideImages leaves out the image records of workspaces that the caller may
// not enter.
func (s *Service) hideImages(ctx context.Context, x *catalog.Trash) error {
	shown := []easel.ReceiptItem{}
	for n, i := range x.Images {
		err := s.mayAtHome(ctx, x.Projects[n], x.Homes[n], policy.ShowImage)
		if err != nil && !errors.Is(err, easel.Denied) {
			return err
		}
		if err == nil || x.Homes[n] == easel.DefaultWorkspace {
			shown = append(shown, i)
		}
	}
	x.Images = shown
	return nil
}

// mayAtHome asks whether the caller may do action in the workspace of an image
// record, or in the default one when that is gone: a restore brings it there.
func (s *Service) mayAtHome(ctx context.Context, project, home string, action policy.Action) error {
	w := easel.DefaultWorkspaceOf(project)
	if home != easel.DefaultWorkspace {
		switch found, err := s.catalog.Workspace(ctx, project, home); {
		case err == nil:
			w = found
		case !errors.Is(err, easel.NotFound):
			return err
		}
	}
	who := easel.PrincipalFrom(ctx)
	return policy.Check(who, w.Grants(who), action, "workspace", w.ID)
}

// TrashOf returns what a deletion left to trash, by repository; id is that of
// its receipt. It takes manage on each. Errors: NotFound "trash".
func (s *Service) TrashOf(ctx context.Context, id string) ([]catalog.Trash, error) {
	found, err := s.trashOf(ctx, id)
	for n := range found {
		if err := s.hideImages(ctx, &found[n]); err != nil {
			return nil, err
		}
	}
	return found, err
}

func (s *Service) trashOf(ctx context.Context, id string) ([]catalog.Trash, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Inspect, "trash", id); err != nil {
		return nil, err
	}
	found, err := s.catalog.Trash(ctx, who, catalog.TrashQuery{Domain: who.DomainID, ID: id, Limit: maxTrashOfOne})
	if err != nil {
		return nil, err
	}
	for _, x := range found {
		if !mayRestore(who, x) {
			found = nil
			break
		}
	}
	if len(found) == 0 {
		return nil, easel.E(easel.NotFound, "trash", "there is nothing that you could restore under %.60q: it was restored or purged, or its time was over", id)
	}
	return found, nil
}

// Restore brings back what a deletion left to trash, all of it or, on an
// error, nothing. It takes the rights of the deletion: manage on the
// repositories and, for image records, a credential of their project with the
// right to register images in their workspaces. as is a
// name for its tag, if it is one; "": as it was, or a free one. Errors: NotFound
// "trash" and "blob"; Denied "project" and "workspace"; Exists "tag" and "image"; Invalid "tag".
func (s *Service) Restore(ctx context.Context, id string, as easel.Tag) (catalog.Restored, error) {
	found, err := s.trashOf(ctx, id)
	if err != nil {
		return catalog.Restored{}, err
	}
	who := easel.PrincipalFrom(ctx)
	for _, x := range found {
		for n, project := range x.Projects {
			if project != who.ProjectID {
				return catalog.Restored{}, easel.E(easel.Denied, "project", "image records of project %s would come back: use a credential of that project", project)
			}
			if err := s.mayAtHome(ctx, project, x.Homes[n], policy.RegisterImg); err != nil {
				return catalog.Restored{}, err
			}
		}
	}
	failpoint.Hit("trash.restore")
	out, err := s.catalog.Restore(ctx, who, id, as)
	failpoint.Hit("trash.restored")
	return out, err
}

// Purge frees now what a deletion left to trash. Errors: NotFound "trash".
func (s *Service) Purge(ctx context.Context, id string) (easel.Receipt, error) {
	if _, err := s.trashOf(ctx, id); err != nil {
		return easel.Receipt{}, err
	}
	failpoint.Hit("trash.purge")
	removed, err := s.catalog.PurgeTrash(ctx, easel.PrincipalFrom(ctx), id)
	if err != nil {
		return easel.Receipt{}, err
	}
	failpoint.Hit("trash.purged")
	return s.Unlink(ctx, removed), nil
}

// purgeTrash ends trash whose time is over or for which the budget is too
// small and, while the disk is low, the oldest.
func (s *Service) purgeTrash(ctx context.Context) error {
	always := func() bool { return true }
	low := func() bool { return errors.Is(s.room(0), easel.NoSpace) }
	return errors.Join(s.purgeWhile(ctx, s.catalog.PurgeEnded, always), s.purgeWhile(ctx, s.catalog.PurgeOldest, low))
}

// purgeWhile purges what next finds, as long as more is wanted and there.
func (s *Service) purgeWhile(ctx context.Context, next func(context.Context) (catalog.Removed, bool, error), wanted func() bool) error {
	for wanted() {
		if err := ctx.Err(); err != nil {
			return err
		}
		removed, more, err := next(ctx)
		if err != nil || !more {
			return err
		}
		failpoint.Hit("trash.purged")
		s.Unlink(ctx, removed)
	}
	return nil
}
