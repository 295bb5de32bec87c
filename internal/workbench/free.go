package workbench

import (
	"context"
	"errors"
	"slices"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Freeing is a proposal of what should go to make room.
type Freeing struct {
	Wanted int64              `json:"bytes_wanted"`
	Freed  int64              `json:"bytes_freed"` // by all items together, to the byte
	Enough bool               `json:"enough"`      // false: this is all that can be had
	Plan   string             `json:"plan_id"`     // what a deletion can insist on
	Items  []catalog.FreeItem `json:"items"`       // in the order in which they were chosen
}

// PlanFree proposes the safest set that frees bytes, of what the caller may
// delete: trash of the caller's domain, what was left behind in its
// repositories, then images of the project, those first that nobody used for longest. Nothing
// changes. Errors: those of May.
func (s *Service) PlanFree(ctx context.Context, project string, bytes int64) (Freeing, error) {
	f := Freeing{Wanted: bytes, Items: []catalog.FreeItem{}}
	if err := s.May(ctx, project, policy.DeleteImage); err != nil {
		return f, err
	}
	items, err := s.freeable(ctx, project)
	if err != nil || len(items) == 0 {
		return f, err
	}
	// What a set frees grows with the set, and is known from the deletion
	// itself, rolled back: the smallest prefix that is enough is searched for,
	// and what it does not need is spared.
	try := func(some []catalog.FreeItem) (easel.Plan, error) {
		return s.catalog.PlanFree(ctx, easel.PrincipalFrom(ctx), project, some, Guard(s.o.InUse...))
	}
	low, high := 1, upTo(items, bytes)
	plan, err := try(items[:high])
	if err != nil {
		return f, err
	}
	goal := min(bytes, plan.Freed)
	for low < high {
		middle := (low + high) / 2
		p, err := try(items[:middle])
		switch {
		case err != nil:
			return f, err
		case p.Freed >= goal:
			high = middle
		default:
			low = middle + 1
		}
	}
	items, plan, err = spare(items[:high], goal, try)
	f.Items, f.Freed, f.Enough, f.Plan = items, plan.Freed, plan.Freed >= bytes, plan.Receipt.Plan
	return f, err
}

// maxSpared bounds the plans that are made to spare single items.
const maxSpared = 32

// spare leaves out what holds nothing alone and is not needed for goal: first
// all of that at once, and when that is too much, one after the other. It
// returns the plan of what is left.
func spare(items []catalog.FreeItem, goal int64, try func([]catalog.FreeItem) (easel.Plan, error)) ([]catalog.FreeItem, easel.Plan, error) {
	needed := slices.DeleteFunc(slices.Clone(items), func(x catalog.FreeItem) bool { return x.Bytes == 0 })
	if len(needed) > 0 && len(needed) < len(items) {
		if plan, err := try(needed); err != nil || plan.Freed >= goal {
			return needed, plan, err
		}
	}
	plan, err := try(items)
	for n, tries := len(items)-1, 0; n >= 0 && len(items) > 1 && tries < maxSpared && err == nil; n-- {
		if items[n].Bytes > 0 {
			continue
		}
		tries++
		without := slices.Delete(slices.Clone(items), n, n+1)
		var p easel.Plan
		if p, err = try(without); err == nil && p.Freed >= goal {
			items, plan = without, p
		}
	}
	if plan.Freed == 0 { // nothing comes back, so nothing should go
		return []catalog.FreeItem{}, easel.Plan{}, err
	}
	return items, plan, err
}

// upTo returns how many items are enough even if they share nothing, or all of them.
func upTo(items []catalog.FreeItem, bytes int64) int {
	for n, x := range items {
		if bytes -= x.Bytes; bytes <= 0 {
			return n + 1
		}
	}
	return len(items)
}

// Free deletes what PlanFree proposes now, in one transaction. The context
// should insist on a plan: then nothing goes when the proposal is not the same
// any more. Errors: those of PlanFree; Changed "plan"; NotFound "image" when
// there is nothing that may go.
func (s *Service) Free(ctx context.Context, project string, bytes int64) (easel.Receipt, error) {
	f, err := s.PlanFree(ctx, project, bytes)
	if err != nil {
		return easel.Receipt{}, err
	}
	if len(f.Items) == 0 {
		return easel.Receipt{}, easel.E(easel.NotFound, "image", "there is nothing that you may delete to make room")
	}
	removed, err := s.catalog.Free(ctx, easel.PrincipalFrom(ctx), project, f.Items, Guard(s.o.InUse...))
	if err != nil {
		return easel.Receipt{}, err
	}
	return s.o.Registry.Unlink(ctx, removed), nil
}

// freeable returns what the caller may delete to make room, and nothing uses.
func (s *Service) freeable(ctx context.Context, project string) ([]catalog.FreeItem, error) {
	who := easel.PrincipalFrom(ctx)
	found, err := s.catalog.FreeRepos(ctx, who, who.DomainID)
	if err != nil {
		return nil, err
	}
	var repos []easel.Repo
	undoable := map[easel.Org]bool{} // where the caller may delete, but not for good
	for _, r := range found {
		if policy.Check(who, r.Grants, policy.DeleteTag, "repository", string(r.Repo)) != nil {
			continue
		}
		org := r.Repo.Org()
		if _, known := undoable[org]; !known && policy.CheckNow(who, r.Grants, r.Repo) != nil {
			if undoable[org], err = s.catalog.Undoable(ctx, org); err != nil {
				return nil, err
			}
		}
		if !undoable[org] || policy.CheckNow(who, r.Grants, r.Repo) == nil {
			repos = append(repos, r.Repo)
		}
	}
	receipts, err := s.purgeable(ctx)
	if err != nil {
		return nil, err
	}
	workspaces, err := s.workspacesFor(ctx, project, policy.DeleteImage)
	if err != nil {
		return nil, err
	}
	items, err := s.catalog.FreeCandidates(ctx, catalog.FreeScope{Project: project, Workspaces: workspaces, Receipts: receipts, Repos: repos})
	if err != nil || len(s.o.InUse) == 0 {
		return items, err
	}
	guard := Guard(s.o.InUse...)
	var failed error
	items = slices.DeleteFunc(items, func(x catalog.FreeItem) bool {
		if x.Image == "" || failed != nil {
			return false
		}
		i, err := s.catalog.Image(ctx, x.Image)
		if err == nil {
			err = guard(ctx, []easel.Image{i})
		}
		if err != nil && !errors.Is(err, easel.InUse) && !errors.Is(err, easel.NotFound) {
			failed = err
		}
		return err != nil
	})
	return items, failed
}

// purgeable returns the receipts of the deletions whose trash the caller may
// purge: those that the caller could restore.
func (s *Service) purgeable(ctx context.Context) (receipts []string, err error) {
	who := easel.PrincipalFrom(ctx)
	found, err := s.catalog.FreeTrash(ctx, who, who.DomainID)
	if err != nil {
		return nil, err
	}
	refused := map[string]bool{}
	for _, x := range found {
		if policy.Check(who, x.Grants, policy.RestoreTrash, "repository", string(x.Repo)) != nil {
			refused[x.Receipt] = true
		}
	}
	for _, x := range found {
		if !refused[x.Receipt] {
			receipts, refused[x.Receipt] = append(receipts, x.Receipt), true // once
		}
	}
	return receipts, nil
}
