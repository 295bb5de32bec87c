package registry

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"easel"
)

func rule(t *testing.T, template string, number int, selectors ...easel.TagSelector) easel.RetentionRule {
	t.Helper()
	r, err := easel.ParseRetention(template, number, selectors)
	must(t, err)
	return r
}

// tagsOf returns the tags of a repository by name.
func (y *yard) tagsOf(repo easel.Repo) string {
	y.t.Helper()
	tags, _, err := y.Tags(y.ctx(), repo, "", 1000)
	must(y.t, err)
	var names []string
	for _, tag := range tags {
		names = append(names, string(tag))
	}
	return strings.Join(names, " ")
}

// image pushes an image whose config is content.
func (y *yard) image(repo easel.Repo, tag easel.Tag, content string) {
	y.t.Helper()
	body := imageManifest(y.put(alice, repo, content), len(content))
	_, err := y.PutManifest(as(alice), repo, ManifestPush{Ref: easel.Ref{Tag: tag}, ContentType: easel.MediaTypeOCIManifest, Body: body})
	must(y.t, err)
}

// TestRetain lets time pass on the clock of the service: a policy takes tags
// when they are old enough, and as soon as there are too many.
func TestRetain(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for i := range 3 {
		y.now = y.now.Add(24 * time.Hour)
		y.image("team/daily", easel.Tag(fmt.Sprint("d", i)), fmt.Sprint("daily ", i))
		y.image("team/many", easel.Tag(fmt.Sprint("m", i)), fmt.Sprint("many ", i))
	}
	_, err := y.AddRetention(y.ctx(), "team/daily", rule(t, easel.DateRule, 4))
	must(t, err)
	_, err = y.AddRetention(y.ctx(), "team/many", rule(t, easel.TagRule, 2))
	must(t, err)
	check := func(when, daily, many string) {
		t.Helper()
		must(t, y.Retain(t.Context()))
		if d, m := y.tagsOf("team/daily"), y.tagsOf("team/many"); d != daily || m != many {
			t.Errorf("%s: %q and %q, want %q and %q", when, d, m, daily, many)
		}
	}
	check("at once", "d0 d1 d2", "m1 m2")
	y.now = y.now.Add(time.Minute)
	y.image("team/many", "m3", "many 3")
	check("after a push", "d0 d1 d2", "m2 m3")
	y.now = y.now.Add(2 * 24 * time.Hour)
	check("after two days", "d1 d2", "m2 m3")
	y.now = y.now.Add(30 * 24 * time.Hour)
	check("after a month", "", "m2 m3")
	log, total, err := y.RetentionLog(y.ctx(), "team/daily", 10, 0)
	must(t, err)
	if total != 3 || log[0].Tag != "d2" {
		t.Errorf("history: %d records, the newest of %s", total, log[0].Tag)
	}
	if r, err := y.db.Receipt(t.Context(), "d-acme", log[0].Receipt); err != nil || !strings.Contains(string(r), `"actor":"easel"`) {
		t.Errorf("receipt %s: %v", r, err)
	}
}

// TestRetainReplicas runs the same policies from two services on one catalogue.
func TestRetainReplicas(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	const repos = 5
	for i := range repos {
		repo := easel.Repo(fmt.Sprint("team/app", i))
		for j := range 4 {
			y.image(repo, easel.Tag(fmt.Sprint("v", j)), fmt.Sprint(i, " ", j))
		}
		_, err := y.db.AddRetention(t.Context(), alice, repo, rule(t, easel.TagRule, 1))
		must(t, err)
	}
	other := New(Options{Catalog: y.db, Blobs: y.store, Clock: func() time.Time { return y.now }})
	var both sync.WaitGroup
	for _, s := range []*Service{y.Service, other} {
		both.Go(func() {
			if err := s.Retain(context.Background()); err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	must(t, y.Retain(t.Context()))
	for i := range repos {
		repo := easel.Repo(fmt.Sprint("team/app", i))
		if got := len(strings.Fields(y.tagsOf(repo))); got != 1 {
			t.Errorf("%s has %d tags, want 1", repo, got)
		}
		if _, total, err := y.RetentionLog(y.ctx(), repo, 10, 0); err != nil || total != 3 {
			t.Errorf("history of %s: %d records, %v; want 3", repo, total, err)
		}
	}
}

func TestRunRetention(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	for i := range 3 {
		y.now = y.now.Add(time.Second)
		y.image("team/app", easel.Tag(fmt.Sprint("v", i)), fmt.Sprint("layer ", i))
	}
	one := rule(t, easel.TagRule, 1)
	planned, err := y.PreviewRetention(y.ctx(), "team/app", &one)
	must(t, err)
	if len(planned.Tags) != 2 || len(planned.Receipts) != 0 || y.tagsOf("team/app") != "v0 v1 v2" {
		t.Errorf("preview: %+v; tags %s", planned, y.tagsOf("team/app"))
	}
	if _, err := y.RunRetention(y.ctx(), "team/app"); !errors.Is(err, easel.NotFound) {
		t.Errorf("run without a policy: %v", err)
	}
	id, err := y.db.AddRetention(t.Context(), alice, "team/app", one)
	must(t, err)
	p, ok, err := y.db.ClaimRetention(t.Context(), id, time.Hour)
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	if _, err := y.RunRetention(y.ctx(), "team/app"); !errors.Is(err, easel.InUse) {
		t.Errorf("run of a policy that runs: %v", err)
	}
	must(t, y.db.FinishRetention(t.Context(), p, 0))
	done, err := y.RunRetention(y.ctx(), "team/app")
	must(t, err)
	if done.Freed != planned.Freed || done.Freed == 0 || len(done.Receipts) != 1 || y.tagsOf("team/app") != "v2" {
		t.Errorf("run %+v, preview %+v; tags %s", done, planned, y.tagsOf("team/app"))
	}
	for _, who := range []easel.Principal{bob, mal} {
		if _, err := y.RunRetention(as(who), "team/app"); err == nil {
			t.Errorf("%s ran the policy", who.UserName)
		}
		if _, err := y.PreviewRetention(as(who), "team/app", &one); err == nil {
			t.Errorf("%s saw a preview", who.UserName)
		}
	}
}
