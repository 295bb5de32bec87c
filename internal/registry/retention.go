package registry

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// AddRetention gives a repository a policy and runs it at once (swr.md 10).
// Errors: those of Repo; Exists "retention".
func (s *Service) AddRetention(ctx context.Context, repo easel.Repo, rule easel.RetentionRule) (int64, error) {
	if err := s.mayRetain(ctx, repo); err != nil {
		return 0, err
	}
	id, err := s.catalog.AddRetention(ctx, easel.PrincipalFrom(ctx), repo, rule)
	if err == nil {
		s.retainNow(ctx, id)
	}
	return id, err
}

// ChangeRetention gives a policy another rule and runs it at once. Errors:
// those of Repo; NotFound "retention"; Invalid "retention" for another template.
func (s *Service) ChangeRetention(ctx context.Context, repo easel.Repo, id int64, rule easel.RetentionRule) error {
	if err := s.mayRetain(ctx, repo); err != nil {
		return err
	}
	err := s.catalog.UpdateRetention(ctx, easel.PrincipalFrom(ctx), repo, id, rule)
	if err == nil {
		s.retainNow(ctx, id)
	}
	return err
}

// mayRetain asks for the right to delete tags, too: that is what a policy does.
func (s *Service) mayRetain(ctx context.Context, repo easel.Repo) error {
	if _, err := s.repo(ctx, policy.SetRetention, repo); err != nil {
		return err
	}
	r, err := s.repo(ctx, policy.DeleteTag, repo)
	if err != nil {
		return err
	}
	return MayNow(ctx, s.catalog, r.Grants, repo)
}

// EndRetention deletes a policy; its history stays. Errors: those of Repo;
// NotFound "retention".
func (s *Service) EndRetention(ctx context.Context, repo easel.Repo, id int64) error {
	if _, err := s.repo(ctx, policy.SetRetention, repo); err != nil {
		return err
	}
	return s.catalog.DeleteRetention(ctx, easel.PrincipalFrom(ctx), repo, id)
}

// Retention returns the policy of a repository; id 0 is whichever it has.
// Errors: those of Repo; NotFound "retention".
func (s *Service) Retention(ctx context.Context, repo easel.Repo, id int64) (catalog.Retention, error) {
	if _, err := s.repo(ctx, policy.ShowRetention, repo); err != nil {
		return catalog.Retention{}, err
	}
	return s.catalog.Retention(ctx, repo, id)
}

// Retentions returns the policies of the repositories of the caller's domain
// that the caller was granted something on, by name.
func (s *Service) Retentions(ctx context.Context) ([]catalog.Retention, error) {
	who := easel.PrincipalFrom(ctx)
	if err := policy.Check(who, easel.Grants{Domain: who.DomainID}, policy.ListOrgs, "retention", "retention policies"); err != nil {
		return nil, err
	}
	found, err := s.catalog.Retentions(ctx, who, !policy.SeesEverything(who))
	if err != nil {
		return nil, err
	}
	mine := []catalog.Retention{}
	for _, r := range found {
		g, err := s.catalog.RepoGrants(ctx, who, r.Repo)
		if err != nil {
			return nil, err
		}
		if policy.Check(who, g, policy.ShowRetention, "repository", string(r.Repo)) == nil {
			mine = append(mine, r)
		}
	}
	return mine, nil
}

// RetentionLog returns a page of what retention took from a repository, newest
// first, and how many records there are. Errors: those of Repo.
func (s *Service) RetentionLog(ctx context.Context, repo easel.Repo, limit int, offset int64) ([]catalog.RetentionRecord, int64, error) {
	if _, err := s.repo(ctx, policy.ShowRetention, repo); err != nil {
		return nil, 0, err
	}
	return s.catalog.RetentionLog(ctx, repo, limit, offset)
}

// Retained is what a run of a policy did, or, as a preview, would do.
type Retained struct {
	Repo     easel.Repo          `json:"repository"`
	Rule     easel.RetentionRule `json:"rule"`
	Tags     []RetainedTag       `json:"tags"`     // that go, oldest first
	Kept     []RetainedTag       `json:"kept"`     // that would go if nothing needed them
	Receipts []string            `json:"receipts"` // ids
	Freed    int64               `json:"bytes_freed"`
	Pending  int64               `json:"bytes_pending"`
	Pinned   int64               `json:"bytes_pinned"`
	Trash    int64               `json:"bytes_trash"` // that only trash holds then
	More     bool                `json:"more"`        // tags are left for the next run
}

// RetainedTag is a tag that a rule applies to.
type RetainedTag struct {
	Tag    easel.Tag    `json:"tag"`
	Digest easel.Digest `json:"digest"`
	Pushed string       `json:"pushed_at"`
	Reason string       `json:"reason,omitempty"` // why it is kept
}

func newRetained(repo easel.Repo, rule easel.RetentionRule) Retained {
	return Retained{Repo: repo, Rule: rule, Tags: []RetainedTag{}, Kept: []RetainedTag{}, Receipts: []string{}}
}

func (r *Retained) add(out catalog.RetentionResult, receipt easel.Receipt) {
	for _, p := range out.Gone {
		r.Tags = append(r.Tags, retainedTag(p, ""))
	}
	for _, p := range out.Kept {
		r.Kept = append(r.Kept, retainedTag(p.TagPush, p.Reason))
	}
	r.Freed, r.Pending, r.Pinned = r.Freed+receipt.Freed, r.Pending+receipt.Pending, r.Pinned+receipt.Pinned
	r.Trash += receipt.Trash
	r.More = out.More
}

func retainedTag(p easel.TagPush, reason string) RetainedTag {
	return RetainedTag{p.Tag, p.Digest, p.At.UTC().Format("2006-01-02T15:04:05Z"), reason}
}

// A run takes retentionBatch tags in a transaction and at most
// retentionBatches of them; what is left is for the next run.
const (
	retentionBatch   = 200
	retentionBatches = 10
)

// PreviewRetention tells what a run would do now, and changes nothing: with
// rule nil of the repository's policy, else of that rule. Errors: those of
// Repo; NotFound "retention".
func (s *Service) PreviewRetention(ctx context.Context, repo easel.Repo, rule *easel.RetentionRule) (Retained, error) {
	if _, err := s.repo(ctx, policy.SetRetention, repo); err != nil {
		return Retained{}, err
	}
	step := catalog.RetentionStep{Repo: repo, Limit: retentionBatch * retentionBatches, InUse: s.o.InUse}
	if rule == nil {
		p, err := s.catalog.Retention(ctx, repo, 0)
		if err != nil {
			return Retained{}, err
		}
		rule = &p.Rule
	}
	step.Rule = *rule
	out, err := s.catalog.PlanRetention(ctx, easel.PrincipalFrom(ctx), step)
	planned := newRetained(repo, *rule)
	planned.add(out, out.Receipt)
	return planned, err
}

// RunRetention runs the policy of a repository now. Errors: those of Repo;
// NotFound "retention"; InUse "retention" while it is running.
func (s *Service) RunRetention(ctx context.Context, repo easel.Repo) (Retained, error) {
	if err := s.mayRetain(ctx, repo); err != nil {
		return Retained{}, err
	}
	p, err := s.catalog.Retention(ctx, repo, 0)
	if err != nil {
		return Retained{}, err
	}
	p, ok, err := s.catalog.ClaimRetention(ctx, p.ID, retentionLease)
	if err == nil && !ok {
		err = easel.E(easel.InUse, "retention", "the policy of %s is running already", repo)
	}
	if err != nil {
		return Retained{}, err
	}
	return s.retain(ctx, easel.PrincipalFrom(ctx), p)
}

// retainNow runs a policy that was just set. What fails is tried again by Retain.
func (s *Service) retainNow(ctx context.Context, id int64) {
	p, ok, err := s.catalog.ClaimRetention(ctx, id, retentionLease)
	if err == nil && ok {
		_, err = s.retain(ctx, easel.PrincipalFrom(ctx), p)
	}
	if err != nil {
		s.o.Log.WarnContext(ctx, "a new retention policy did not run to its end; it is tried again", "policy", id, "err", err)
	}
}
