package catalogtest

import (
	"fmt"
	"sync"
	"testing"

	"easel"
	"easel/internal/catalog"
)

var quotaTests = []test{
	{"SpaceQuotaIsExact", spaceQuotaIsExact},
	{"RepoQuotaIsExact", repoQuotaIsExact},
	{"QuotasAreWhatTheLedgerSays", quotasAreWhatTheLedgerSays},
}

func (w *world) bound(c catalog.QuotaChange) {
	w.t.Helper()
	w.must(w.db.SetOrgQuota(w.t.Context(), w.ann, "team", c))
}

// together runs n calls at once and returns how many succeeded; the others
// must have been refused for a quota of this noun.
func (w *world) together(n int, noun easel.Noun, call func(i int) error) (done int) {
	w.t.Helper()
	errs := make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { errs[i] = call(i) })
	}
	all.Wait()
	for _, err := range errs {
		if err == nil {
			done++
			continue
		}
		w.wants(err, easel.Denied, noun)
	}
	return done
}

// Manifests that are put into several repositories at once never take an
// organisation over its bound.
func spaceQuotaIsExact(t *testing.T, w *world) {
	const n, fit = 6, 2
	images := make([]*easel.Manifest, n)
	for i := range n {
		word := fmt.Sprint("layer-", i)
		w.upload(w.ann, easel.Repo(fmt.Sprint("team/app", i%3)), word)
		images[i] = image(word)
	}
	w.bound(catalog.QuotaChange{Space: new(fit*size("layer-0") + 1)})
	done := w.together(n, "space quota", func(i int) error {
		return w.put(w.ann, easel.Repo(fmt.Sprint("team/app", i%3)), images[i], easel.Tag(fmt.Sprint("v", i)))
	})
	if done != fit {
		t.Errorf("%d manifests fit, want %d", done, fit)
	}
}

func repoQuotaIsExact(t *testing.T, w *world) {
	w.bound(catalog.QuotaChange{Repos: new(int64(2))})
	done := w.together(6, "repository quota", func(i int) error {
		return w.db.CreateRepo(t.Context(), w.ann, catalog.NewRepository{Name: easel.Repo(fmt.Sprint("team/app", i)), Category: "other"})
	})
	if done != 2 {
		t.Errorf("%d repositories fit, want 2", done)
	}
}

func quotasAreWhatTheLedgerSays(t *testing.T, w *world) {
	ctx := t.Context()
	w.push(w.ann, "team/app", "v1", "config", "base")
	w.push(w.ann, "team/other", "v1", "config", "extra")
	w.bound(catalog.QuotaChange{Space: new(int64(100)), Repos: new(int64(7))})
	w.bound(catalog.QuotaChange{Repos: new(int64(catalog.DefaultQuota))})
	found, err := w.db.OrgQuotas(ctx, w.ann, true)
	w.must(err)
	want := catalog.OrgQuota{Org: "team", Repos: catalog.Quota{Used: 2, Default: true}, Space: catalog.Quota{Limit: 100, Used: size("config") + size("base") + size("extra")}}
	if len(found) != 1 || found[0] != want {
		t.Errorf("quotas %+v, want %+v", found, want)
	}
	w.must(w.db.Fits(ctx, "team/new", 100-want.Space.Used))
	w.wants(w.db.Fits(ctx, "team/new", 101-want.Space.Used), easel.Denied, "space quota")
	w.must(w.db.Fits(ctx, "foreign/new", 1<<40))
	w.wants(w.db.SetOrgQuota(ctx, w.eve, "team", catalog.QuotaChange{Space: new(int64(1))}), easel.NotFound, "organisation")
	w.wants(w.db.SetProjectQuota(ctx, w.ann, "none", catalog.QuotaChange{Images: new(int64(1))}), easel.NotFound, "project")
	q, err := w.db.SetDomainQuota(ctx, w.ann, w.ann.DomainName, 1)
	w.must(err)
	if want := (catalog.DomainQuota{Domain: w.ann.DomainName, Orgs: catalog.Quota{Limit: 1, Used: 1}}); q != want {
		t.Errorf("quota %+v, want %+v", q, want)
	}
	w.wants(w.db.CreateOrg(ctx, w.ann, "more"), easel.TooMany, "organisation quota")
	_, err = w.db.SetDomainQuota(ctx, w.ann, "none\x00", 1)
	w.wants(err, easel.NotFound, "domain")
	w.must(w.db.RecordStore(ctx))
	w.must(w.db.AddDownflow(ctx, map[easel.Repo]int64{"team/app": 9, "foreign/none": 1}))
	o, err := w.db.Overview(ctx, w.ann.DomainID)
	w.must(err)
	if want := (catalog.Overview{Orgs: 1, Repos: 2, Tags: 2, Store: want.Space.Used, Downflow: 9}); o != want {
		t.Errorf("overview %+v, want %+v", o, want)
	}
	days, err := w.db.Days(ctx, w.ann.DomainID, 30)
	w.must(err)
	if today := days[29]; today.Store != o.Store || today.Downflow != 9 || today.Date.Format("2006-01-02") != "2026-05-01" {
		t.Errorf("today %+v", today)
	}
}
