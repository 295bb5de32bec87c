package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"easel"
)

// ClaimRetention takes a policy that is due, or whose repository was pushed to
// since it last ran, so that nobody else runs it for the time of lease; with
// id that one, due or not. It returns false when there is none, or another
// process is at it.
func (db *DB) ClaimRetention(ctx context.Context, id int64, lease time.Duration) (r Retention, ok bool, err error) {
	err = db.update(ctx, func(t *tx) error {
		r, ok = Retention{}, false
		pick, a := ` WHERE p.leased <= $1 AND (p.due <= $1 OR r.updated > p.ran) ORDER BY p.due LIMIT 1`, args{t.now}
		if id != 0 {
			pick = ` WHERE p.leased <= $1 AND p.id = ` + a.add(id)
		}
		found, err := all(t, scanRetention, retentions+pick, a...)
		if err != nil || len(found) == 0 {
			return err
		}
		r = found[0]
		r.claim = t.now + lease.Microseconds()
		n, err := t.exec(`UPDATE retention SET leased = $1, ran = $2 WHERE id = $3 AND leased <= $2`, r.claim, t.now, r.ID)
		ok = n == 1
		return err
	})
	return r, ok, err
}

// FinishRetention gives a claimed policy back; it is due again after next. One
// that was changed meanwhile stays due.
func (db *DB) FinishRetention(ctx context.Context, r Retention, next time.Duration) error {
	return db.update(ctx, func(t *tx) error {
		_, err := t.exec(`
			UPDATE retention SET leased = 0, due = CASE WHEN updated > $1 THEN due ELSE $2 END WHERE id = $3 AND leased = $4`,
			micros(r.Updated), t.now+next.Microseconds(), r.ID, r.claim)
		return err
	})
}

// RetentionStep is a part of a run.
type RetentionStep struct {
	Policy int64 // 0: the rule is only tried
	Repo   easel.Repo
	Rule   easel.RetentionRule
	After  easel.TagPush // only tags that were pushed after this one; zero: all
	Limit  int           // at most so many tags
	InUse  Guard
}

// RetentionResult is what a step did.
type RetentionResult struct {
	Removed
	Gone []easel.TagPush // oldest first
	Kept []RefusedTag    // expired, but something needs them
	Last easel.TagPush   // where the next step goes on
	More bool            // tags are left that have expired
}

// RefusedTag is a tag that may not go.
type RefusedTag struct {
	easel.TagPush
	Reason string
}

// RunRetention lets expired tags go, in one transaction, as DeleteTag does. A
// tag that may not go is left and reported. Errors: NotFound "repository", and
// "retention" when the policy is gone.
func (db *DB) RunRetention(ctx context.Context, who easel.Principal, s RetentionStep) (out RetentionResult, err error) {
	err = db.update(ctx, func(t *tx) error {
		out, err = t.runRetention(who, s)
		return err
	})
	return out, err
}

// PlanRetention does what RunRetention does and rolls it back.
func (db *DB) PlanRetention(ctx context.Context, who easel.Principal, s RetentionStep) (out RetentionResult, err error) {
	err = db.plan(ctx, func(t *tx) error {
		out, err = t.runRetention(who, s)
		return err
	})
	return out, err
}

func (t *tx) runRetention(who easel.Principal, s RetentionStep) (out RetentionResult, err error) {
	id, err := t.repoID(s.Repo)
	if err != nil {
		return out, err
	}
	if err := t.lockRepos(id); err != nil {
		return out, err
	}
	if s.Policy != 0 { // what it says now counts, not what it said when it was claimed
		p, err := t.retention(s.Repo, s.Policy)
		if err != nil {
			return out, err
		}
		s.Rule = p.Rule
	}
	expired, err := t.expired(id, s)
	if err != nil || len(expired) == 0 {
		return out, err
	}
	if len(expired) > s.Limit {
		expired, out.More = expired[:s.Limit], true
	}
	out.Last = expired[len(expired)-1]
	r := newRemoval(id, s.Repo)
	if err := t.undoOf(r); err != nil {
		return out, err
	}
	for _, tag := range expired {
		if err := t.retire(r, tag, s.InUse, &out); err != nil {
			return out, err
		}
	}
	if len(out.Gone) == 0 {
		return out, nil
	}
	if err := t.unlink(who, "runRetention", string(s.Repo), []*removal{r}, &out.Removed); err != nil {
		return out, err
	}
	return out, t.logRetention(id, s, out)
}

// expired returns the tags that the rule lets go, after s.After.
func (t *tx) expired(repo int64, s RetentionStep) ([]easel.TagPush, error) {
	tags, err := all(t, func(s scanner) (p easel.TagPush, err error) {
		var at int64
		err = s.Scan(&p.Tag, &p.Digest, &at)
		p.At = fromMicros(at)
		return p, err
	}, `SELECT t.name, m.digest, t.updated FROM tag t JOIN manifest m ON m.id = t.manifest WHERE t.repo = $1`, repo)
	if err != nil {
		return nil, err
	}
	expired := s.Rule.Expired(tags, t.time())
	for len(expired) > 0 && s.After.Tag != "" && expired[0].Compare(s.After) <= 0 {
		expired = expired[1:]
	}
	return expired, nil
}

// retire drops one tag, unless something needs it.
func (t *tx) retire(r *removal, tag easel.TagPush, guard Guard, out *RetentionResult) error {
	broken, planning := len(out.Receipt.Broken), t.planning
	t.planning = false // what stands in the way of one tag is left here, in a plan as in a run
	defer func() { t.planning = planning }()
	err := t.tagsMayGo(r, tag.Tag)
	if err == nil {
		err = t.breakImages(r.name, []easel.Tag{tag.Tag}, guard, &out.Receipt)
	}
	if errors.Is(err, easel.InUse) || errors.Is(err, easel.Denied) {
		out.Receipt.Broken = out.Receipt.Broken[:broken]
		out.Kept = append(out.Kept, RefusedTag{tag, easel.AsError(err).Msg})
		return nil
	}
	if err != nil {
		return err
	}
	out.Gone = append(out.Gone, tag)
	_, err = t.dropTag(r, tag.Tag, &out.Receipt)
	return err
}

func (t *tx) logRetention(repo int64, s RetentionStep, out RetentionResult) error {
	rule, err := json.Marshal(s.Rule)
	if err != nil {
		return err
	}
	for _, tag := range out.Gone {
		if _, err := t.exec(`INSERT INTO retention_log (repo, retention, rule, tag, digest, receipt, created) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			repo, s.Policy, string(rule), string(tag.Tag), string(tag.Digest), out.Receipt.ID, t.now); err != nil {
			return err
		}
	}
	return nil
}
