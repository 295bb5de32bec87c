package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// LeftBehind is what was left behind in one organisation.
type LeftBehind struct {
	Org       easel.Org      `json:"organisation"`
	Tags      int            `json:"tags"`
	Manifests int            `json:"manifests"`
	Bytes     int64          `json:"bytes"` // that come back when all of it is reclaimed
	Shared    int64          `json:"bytes_shared"`
	Pinned    int64          `json:"bytes_pinned"`
	Trash     int64          `json:"bytes_trash"` // that go to trash, from where they can be restored
	More      bool           `json:"more"`        // there is more than one transaction takes: run it again
	Items     []catalog.Left `json:"items,omitempty"`
	Receipt   string         `json:"receipt,omitempty"` // of what was done
}

// LeftQuery says what is meant, and where.
type LeftQuery struct {
	Org          easel.Org // "": all of the caller's domain
	Unregistered bool      // tags whose last image record was deleted without its content
	Untagged     bool      // manifests without a tag
}

// maxLeft bounds what of each kind one transaction takes, and one answer lists.
const maxLeft = 1000

// LeftBehind lists, by organisation, what was left behind where the caller
// may delete, and what reclaiming it would bring back: that is the
// reclaiming transaction rolled back. Errors: Unauthenticated.
func (s *Service) LeftBehind(ctx context.Context, q LeftQuery) ([]LeftBehind, error) {
	return s.eachLeft(ctx, q, func(org easel.Org, what catalog.LeftQuery) (LeftBehind, error) {
		out, more, err := s.catalog.PlanReclaim(ctx, easel.PrincipalFrom(ctx), org, what, s.o.InUse)
		if err != nil {
			return LeftBehind{}, err
		}
		left := leftIn(org, out.Receipt, more)
		left.Items, err = s.catalog.LeftBehind(ctx, what)
		return left, err
	})
}

// ReclaimLeft deletes what was left behind where the caller may delete, one
// transaction for each organisation. What is immutable, and what a pin holds,
// stays; where deletions can be undone, so can this. Errors: Unauthenticated;
// those of MayNow.
func (s *Service) ReclaimLeft(ctx context.Context, q LeftQuery) ([]LeftBehind, error) {
	return s.eachLeft(ctx, q, func(org easel.Org, what catalog.LeftQuery) (LeftBehind, error) {
		out, more, err := s.catalog.ReclaimLeft(ctx, easel.PrincipalFrom(ctx), org, what, s.o.InUse)
		if err != nil || out.Receipt.ID == "" {
			return LeftBehind{}, err
		}
		left := leftIn(org, s.Unlink(ctx, out), more)
		left.Receipt = out.Receipt.ID
		return left, nil
	})
}

func leftIn(org easel.Org, r easel.Receipt, more bool) LeftBehind {
	return LeftBehind{Org: org, Tags: len(r.Tags), Manifests: len(r.Manifests) + len(r.Condemned),
		Bytes: r.Freed + r.Pending, Shared: r.Shared, Pinned: r.Pinned, Trash: r.Trash, More: more}
}

// eachLeft calls do for each organisation in which something was left behind
// that the caller may delete.
func (s *Service) eachLeft(ctx context.Context, q LeftQuery, do func(easel.Org, catalog.LeftQuery) (LeftBehind, error)) ([]LeftBehind, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.Inspect, "content", "what was left behind"); err != nil {
		return nil, err
	}
	what := catalog.LeftQuery{Unregistered: q.Unregistered, Untagged: q.Untagged, Limit: maxLeft}
	found, err := s.catalog.LeftRepos(ctx, who, who.DomainID, q.Org, what)
	if err != nil {
		return nil, err
	}
	repos := map[easel.Org][]easel.Repo{}
	var orgs []easel.Org
	for _, r := range found {
		if policy.Check(who, r.Grants, policy.Delete, "repository", string(r.Repo)) != nil {
			continue
		}
		if err := MayNow(ctx, s.catalog, r.Grants, r.Repo); err != nil {
			return nil, err
		}
		if repos[r.Repo.Org()] == nil {
			orgs = append(orgs, r.Repo.Org())
		}
		repos[r.Repo.Org()] = append(repos[r.Repo.Org()], r.Repo)
	}
	out := []LeftBehind{}
	for _, org := range orgs {
		what.Repos = repos[org]
		left, err := do(org, what)
		if err != nil {
			return out, err
		}
		if left.Org != "" {
			out = append(out, left)
		}
	}
	return out, nil
}
