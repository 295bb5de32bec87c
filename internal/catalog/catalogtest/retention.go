package catalogtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

var retentionTests = []test{
	{"RetentionTakesTheOldest", retentionTakesTheOldest},
	{"RetentionGoesOnInSteps", retentionGoesOnInSteps},
	{"RetentionLeavesWhatIsNeeded", retentionLeavesWhatIsNeeded},
	{"RetentionCanBeUndone", retentionCanBeUndone},
	{"RetentionPlanIsTheRun", retentionPlanIsTheRun},
	{"RetentionIsClaimedOnce", retentionIsClaimedOnce},
	{"RetentionIsDueAfterPushes", retentionIsDueAfterPushes},
	{"RetentionPolicies", retentionPolicies},
}

func (w *world) rule(template string, number int, exempt ...string) easel.RetentionRule {
	w.t.Helper()
	var selectors []easel.TagSelector
	for _, x := range exempt {
		selectors = append(selectors, easel.TagSelector{Kind: easel.SelectRegexp, Pattern: x})
	}
	r, err := easel.ParseRetention(template, number, selectors)
	w.must(err)
	return r
}

// tagged pushes an image a minute for each tag, each with a layer of its own.
func (w *world) tagged(repo easel.Repo, tags ...string) {
	w.t.Helper()
	for _, tag := range tags {
		w.pass(time.Minute)
		w.push(w.ann, repo, easel.Tag(tag), "config "+tag, "base", "layer "+tag)
	}
	w.pass(pinFor + time.Minute)
	w.sweep()
}

func (w *world) policy(repo easel.Repo, rule easel.RetentionRule) int64 {
	w.t.Helper()
	id, err := w.db.AddRetention(w.t.Context(), w.ann, repo, rule)
	w.must(err)
	return id
}

func names(tags []easel.TagPush) string {
	var out []string
	for _, p := range tags {
		out = append(out, string(p.Tag))
	}
	return strings.Join(out, " ")
}

func retentionTakesTheOldest(t *testing.T, w *world) {
	w.tagged("team/app", "v1", "keep", "v2", "v3", "v4")
	id := w.policy("team/app", w.rule(easel.TagRule, 2, "^keep$"))
	out, err := w.db.RunRetention(t.Context(), w.ann, catalog.RetentionStep{Policy: id, Repo: "team/app", Limit: 10})
	w.must(err)
	if got := names(out.Gone); got != "v1 v2" || out.More {
		t.Errorf("gone %q, more %v; want v1 v2", got, out.More)
	}
	w.bytes(out.Removed, 2*(size("config v1")+size("layer v1")), size("base"), 0)
	if w.has("team/app", "layer v1") || !w.has("team/app", "layer keep") || !w.has("team/app", "base") {
		t.Error("the wrong blobs went")
	}
	log, total, err := w.db.RetentionLog(t.Context(), "team/app", 10, 0)
	w.must(err)
	if total != 2 || log[0].Tag != "v2" || log[1].Tag != "v1" || log[0].Receipt != out.Receipt.ID || log[0].Policy != id || log[0].Digest != out.Gone[1].Digest {
		t.Errorf("history %+v of %d", log, total)
	}
	again, err := w.db.RunRetention(t.Context(), w.ann, catalog.RetentionStep{Policy: id, Repo: "team/app", Limit: 10})
	w.must(err)
	if len(again.Gone) != 0 || again.Receipt.ID != "" {
		t.Errorf("a second run took %v and has the receipt %q", again.Gone, again.Receipt.ID)
	}
}

func retentionGoesOnInSteps(t *testing.T, w *world) {
	w.tagged("team/app", "a", "b", "c", "d", "e", "f")
	id := w.policy("team/app", w.rule(easel.TagRule, 1))
	step := catalog.RetentionStep{Policy: id, Repo: "team/app", Limit: 2}
	var all []string
	for more := true; more; {
		out, err := w.db.RunRetention(t.Context(), w.ann, step)
		w.must(err)
		all, step.After, more = append(all, names(out.Gone)), out.Last, out.More
	}
	if got := strings.Join(all, ", "); got != "a b, c d, e" {
		t.Errorf("steps %q", got)
	}
}

func retentionLeavesWhatIsNeeded(t *testing.T, w *world) {
	w.tagged("team/app", "v1", "release", "v2", "v3", "v4")
	w.must(w.db.SetRepoTagRules(t.Context(), w.ann, "team/app", []easel.TagPattern{"rel*"}))
	w.register(w.ann, "team/app", "v1")
	w.register(w.ann, "team/app", "v2")
	id := w.policy("team/app", w.rule(easel.TagRule, 1))
	inUse := func(_ context.Context, images []easel.Image) error {
		if slices.ContainsFunc(images, func(i easel.Image) bool { return i.Tag == "v1" }) {
			return easel.E(easel.InUse, "image", "a notebook runs on it")
		}
		return nil
	}
	step := catalog.RetentionStep{Policy: id, Repo: "team/app", Limit: 10, InUse: inUse}
	plan, err := w.db.PlanRetention(t.Context(), w.ann, step)
	w.must(err)
	out, err := w.db.RunRetention(t.Context(), w.ann, step)
	w.must(err)
	if names(plan.Gone) != names(out.Gone) || len(plan.Kept) != 2 {
		t.Errorf("the plan has gone %v, kept %v; the run gone %v, kept %v", plan.Gone, plan.Kept, out.Gone, out.Kept)
	}
	if names(out.Gone) != "v2 v3" || len(out.Kept) != 2 || out.Kept[1].Tag != "release" || out.Kept[0].Tag != "v1" || out.Kept[0].Reason != "a notebook runs on it" {
		t.Errorf("gone %v, kept %v", out.Gone, out.Kept)
	}
	if len(out.Receipt.Broken) != 1 {
		t.Errorf("broken records %v, want that of v2", out.Receipt.Broken)
	}
	if !w.has("team/app", "layer v1") {
		t.Error("the content of the tag that was kept is gone")
	}
}

// retentionCanBeUndone runs a policy where there is an undo window, and beside a
// protected image.
func retentionCanBeUndone(t *testing.T, w *world) {
	w.tagged("team/app", "guarded", "v1", "v2", "v3")
	id := w.register(w.ann, "team/app", "guarded")
	w.register(w.ann, "team/app", "v1")
	_, err := w.db.ProtectImage(t.Context(), w.ann, w.ann.ProjectID, id)
	w.must(err)
	w.must(w.db.SetOrgUndo(t.Context(), w.ann, "team", catalog.Undo{Window: time.Hour}))
	step := catalog.RetentionStep{Policy: w.policy("team/app", w.rule(easel.TagRule, 1)), Repo: "team/app", Limit: 10}
	plan, err := w.db.PlanRetention(t.Context(), w.ann, step)
	w.must(err)
	out, err := w.db.RunRetention(t.Context(), w.ann, step)
	w.must(err)
	if names(out.Gone) != "v1 v2" || len(out.Kept) != 1 || out.Kept[0].Tag != "guarded" || !strings.Contains(out.Kept[0].Reason, "protected by") {
		t.Errorf("gone %v, kept %v", out.Gone, out.Kept)
	}
	want := size("config v1") + size("layer v1") + size("config v2") + size("layer v2")
	for _, r := range []easel.Receipt{plan.Receipt, out.Receipt} {
		if r.Freed != 0 || r.Trash != want || r.RestoreUntil == nil {
			t.Errorf("freed %d, %d in trash, until %v; want %d in trash", r.Freed, r.Trash, r.RestoreUntil, want)
		}
	}
	if w.has("team/app", "layer v1") {
		t.Error("what is in trash can be read")
	}
	back, err := w.db.Restore(t.Context(), w.ann, out.Receipt.ID, "")
	w.must(err)
	if len(back.Tags) != 2 || !w.has("team/app", "layer v1") {
		t.Errorf("restored %+v", back)
	}
	w.pass(time.Minute)
	now, err := w.db.RunRetention(easel.WithDeleteNow(t.Context()), w.ann, step)
	w.must(err)
	if names(now.Gone) == "" || now.Receipt.Freed == 0 || now.Receipt.Trash != 0 {
		t.Errorf("now: gone %v, freed %d, %d in trash", now.Gone, now.Receipt.Freed, now.Receipt.Trash)
	}
}

func retentionPlanIsTheRun(t *testing.T, w *world) {
	w.tagged("team/app", "v1", "v2", "v3")
	id := w.policy("team/app", w.rule(easel.TagRule, 1))
	step := catalog.RetentionStep{Policy: id, Repo: "team/app", Limit: 10}
	plan, err := w.db.PlanRetention(t.Context(), w.ann, step)
	w.must(err)
	if !w.has("team/app", "layer v1") {
		t.Fatal("the plan deleted")
	}
	if _, total, _ := w.db.RetentionLog(t.Context(), "team/app", 10, 0); total != 0 {
		t.Errorf("the plan is in the history")
	}
	done, err := w.db.RunRetention(t.Context(), w.ann, step)
	w.must(err)
	if names(plan.Gone) != names(done.Gone) || plan.Receipt.Freed != done.Receipt.Freed || done.Receipt.Freed == 0 {
		t.Errorf("plan %v frees %d; run %v freed %d", plan.Gone, plan.Receipt.Freed, done.Gone, done.Receipt.Freed)
	}
}

// Many processes ask at once; each policy is given to one, until its lease ends.
func retentionIsClaimedOnce(t *testing.T, w *world) {
	for i := range 3 {
		repo := easel.Repo(fmt.Sprint("team/app", i))
		w.push(w.ann, repo, "v1", "config", "base")
		w.policy(repo, w.rule(easel.TagRule, 1))
	}
	w.pass(time.Second)
	var mu sync.Mutex
	claimed := map[easel.Repo]int{}
	claim := func() {
		for range 10 {
			r, ok, err := w.db.ClaimRetention(t.Context(), 0, time.Minute)
			if err != nil {
				t.Error(err)
			}
			if ok {
				mu.Lock()
				claimed[r.Repo]++
				mu.Unlock()
			}
		}
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(claim)
	}
	all.Wait()
	if len(claimed) != 3 || claimed["team/app0"] != 1 || claimed["team/app1"] != 1 || claimed["team/app2"] != 1 {
		t.Errorf("claims: %v, want one of each", claimed)
	}
	w.pass(2 * time.Minute)
	if _, ok, err := w.db.ClaimRetention(t.Context(), 0, time.Minute); err != nil || !ok {
		t.Errorf("a lease that ended: %v, %v", ok, err)
	}
}

func retentionIsDueAfterPushes(t *testing.T, w *world) {
	w.tagged("team/app", "v1")
	w.policy("team/app", w.rule(easel.TagRule, 1))
	run := func(want bool, when string) {
		t.Helper()
		r, ok, err := w.db.ClaimRetention(t.Context(), 0, time.Minute)
		w.must(err)
		if ok != want {
			t.Errorf("%s: due %v, want %v", when, ok, want)
		}
		if ok {
			w.must(w.db.FinishRetention(t.Context(), r, time.Hour))
		}
	}
	run(true, "when it is new")
	run(false, "after it ran")
	w.tagged("team/app", "v2")
	run(true, "after a push")
	run(false, "after it ran again")
	w.pass(time.Hour)
	run(true, "after an hour")
}

func retentionPolicies(t *testing.T, w *world) {
	w.push(w.ann, "team/app", "v1", "config", "base")
	w.push(w.ann, "team/other", "v1", "config", "base")
	ctx, rule := t.Context(), w.rule(easel.DateRule, 30, "^v")
	id := w.policy("team/app", rule)
	_, err := w.db.AddRetention(ctx, w.ann, "team/app", rule)
	w.wants(err, easel.Exists, "retention")
	_, err = w.db.AddRetention(ctx, w.ann, "team/none", rule)
	w.wants(err, easel.NotFound, "repository")
	_, err = w.db.Retention(ctx, "team/other", id)
	w.wants(err, easel.NotFound, "retention")
	w.wants(w.db.UpdateRetention(ctx, w.ann, "team/app", id, w.rule(easel.TagRule, 3)), easel.Invalid, "retention")
	w.must(w.db.UpdateRetention(ctx, w.ann, "team/app", id, w.rule(easel.DateRule, 3)))
	r, err := w.db.Retention(ctx, "team/app", 0)
	w.must(err)
	if r.ID != id || r.Rule.Number != 3 || len(r.Rule.Selectors) != 0 || r.Repo != "team/app" || r.CreatorName != "ann" {
		t.Errorf("policy %+v", r)
	}
	for _, tt := range []struct {
		who  easel.Principal
		want int
	}{{w.ann, 1}, {w.bob, 0}, {w.eve, 0}} {
		if found, err := w.db.Retentions(ctx, tt.who, true); err != nil || len(found) != tt.want {
			t.Errorf("%s sees %d policies, %v; want %d", tt.who.UserName, len(found), err, tt.want)
		}
	}
	w.wants(w.db.DeleteRetention(ctx, w.ann, "team/other", id), easel.NotFound, "retention")
	w.must(w.db.DeleteRetention(ctx, w.ann, "team/app", id))
	id = w.policy("team/app", rule)
	_, err = w.db.DeleteRepo(ctx, w.ann, "team/app", nil) // the policy goes with it
	w.must(err)
	_, err = w.db.RunRetention(ctx, w.ann, catalog.RetentionStep{Policy: id, Repo: "team/app", Limit: 1})
	w.wants(err, easel.NotFound, "repository")
}
