package registry

import (
	"context"
	"errors"
	"maps"
	"slices"

	"pgregory.net/rapid"

	"easel"
	"easel/internal/catalog"
)

// pushImage asks for each blob, sends what is missing, and puts the manifest.
func (m *machine) pushImage(t *rapid.T) {
	who, ctx := user(t)
	repo, x := drawRepo(t, "repo"), m.manifest(t)
	for _, b := range x.Blobs() {
		word := modelWords[slices.IndexFunc(modelWords, func(w string) bool { return sha256(w) == b.Digest })]
		_, err := m.StatBlob(ctx, repo, b.Digest)
		there := m.head(who, repo, b.Digest)
		wants(t, err, there, easel.NotFound)
		if !there {
			m.storeBlob(t, who, ctx, repo, word)
		}
	}
	m.storeManifest(t, who, ctx, repo, x, drawTag(t))
}

func (m *machine) deleteTag(t *rapid.T) {
	_, ctx := user(t)
	repo, tag := drawRepo(t, "repo"), drawTag(t)
	r := m.repos[repo]
	there := r != nil && r.tags[tag] != ""
	plan, planErr := m.Plan(ctx, repo, easel.Ref{Tag: tag})
	receipt, err := m.DeleteTag(ctx, repo, tag)
	promised(t, plan, planErr, receipt, err)
	wants(t, err, there && !m.protected(repo, tag), easel.NotFound, easel.InUse)
	if err == nil {
		before, u := m.bytes(), m.before(repo)
		m.dropTag(repo, tag)
		m.breaks(repo, tag)
		m.settled(t, receipt, before, u, nil)
	}
}

func (m *machine) dropTag(repo easel.Repo, tag easel.Tag) {
	r := m.repos[repo]
	d := r.tags[tag]
	delete(r.tags, tag)
	m.takeOut(r, []easel.Digest{d}, nil, nil)
}

// promised compares a plan with the deletion that follows it: they do the same,
// or what the deletion is refused for is among the plan's blockers.
func promised(t *rapid.T, plan easel.Plan, planErr error, done easel.Receipt, err error) {
	t.Helper()
	switch {
	case errors.Is(err, easel.InUse):
		words := func(b easel.Blocker) bool { return b.Message == err.Error() }
		if planErr != nil || !slices.ContainsFunc(plan.Blockers, words) {
			t.Fatalf("the deletion is refused with %v, the plan says %+v, %v", err, plan.Blockers, planErr)
		}
	case err != nil:
		if planErr == nil || planErr.Error() != err.Error() {
			t.Fatalf("the deletion fails with %v, the plan with %v", err, planErr)
		}
	case planErr != nil || len(plan.Blockers) > 0 || plan.ID != done.Plan || plan.Freed != done.Freed+done.Pending:
		t.Fatalf("planned %+v, %v; happened %+v", plan, planErr, done)
	}
}

// receipt compares what a deletion freed with the model.
func (m *machine) receipt(t *rapid.T, got easel.Receipt, before int64) {
	t.Helper()
	if freed := before - m.bytes(); got.Freed != freed || got.Pending != 0 {
		t.Fatalf("freed %d, pending %d; the model: freed %d", got.Freed, got.Pending, freed)
	}
}

func (m *machine) deleteManifest(t *rapid.T) {
	who, ctx := user(t)
	if len(m.made) == 0 {
		t.Skip("no manifest")
	}
	repo := drawRepo(t, "repo")
	d := easel.DigestOf(easel.SHA256, rapid.SampledFrom(m.made).Draw(t, "manifest").Body)
	r := m.repos[repo]
	there, free := r != nil && r.manifests[d] != nil, true
	if there {
		for parent := range r.manifests {
			free = free && !slices.Contains(r.children(parent), d)
		}
		for tag, named := range r.tags {
			free = free && (named != d || !m.protected(repo, tag))
		}
	}
	plan, planErr := m.Plan(ctx, repo, easel.Ref{Digest: d})
	receipt, err := m.DeleteManifest(ctx, repo, d)
	promised(t, plan, planErr, receipt, err)
	wants(t, err, there && free, easel.NotFound, easel.InUse)
	if err != nil {
		return
	}
	before, u := m.bytes(), m.before(repo)
	delete(r.mpins, pinned{d, who.UserID})
	for tag, named := range r.tags {
		if named == d {
			delete(r.tags, tag)
			m.breaks(repo, tag)
		}
	}
	m.takeOut(r, []easel.Digest{d}, map[easel.Digest]bool{d: true}, nil)
	m.settled(t, receipt, before, u, nil)
}

func (m *machine) deleteBlob(t *rapid.T) {
	who, ctx := user(t)
	repo, d := drawRepo(t, "repo"), sha256(drawWord(t))
	r := m.repos[repo]
	may := r != nil && r.links[d] && !heldBy(r.pins, d, m.now, who.UserID)
	if may {
		for x := range r.manifests {
			may = may && !slices.Contains(r.blobs(x), d)
		}
	}
	receipt, err := m.DeleteBlob(ctx, repo, d)
	wants(t, err, may, easel.NotFound, easel.InUse)
	if err == nil {
		before := m.bytes()
		delete(r.pins, pinned{d, who.UserID})
		m.takeOut(r, nil, nil, []easel.Digest{d})
		m.receipt(t, receipt, before)
	}
}

func (m *machine) deleteRepo(t *rapid.T) {
	who, _ := user(t)
	repo := drawRepo(t, "repo")
	r := m.repos[repo]
	may := r != nil
	if may {
		for _, pins := range []map[pinned]*modelPin{r.pins, r.mpins} {
			for k, p := range pins {
				may = may && (k.user == who.UserID || !p.live(m.now))
			}
		}
		for tag := range r.tags {
			may = may && !m.protected(repo, tag)
		}
	}
	who.Scopes = nil
	plan, planErr := m.Plan(as(who), repo, easel.Ref{})
	receipt, err := m.DeleteRepo(as(who), repo)
	promised(t, plan, planErr, receipt, err)
	wants(t, err, may, easel.NotFound, easel.InUse)
	if err == nil {
		before, u := m.bytes(), m.before(repo)
		delete(m.repos, repo)
		m.breaks(repo, slices.Collect(maps.Keys(r.tags))...)
		m.settled(t, receipt, before, u, nil)
	}
}

func (m *machine) register(t *rapid.T) {
	repo, tag := drawRepo(t, "repo"), drawTag(t)
	r, ws := m.repos[repo], m.workspace(t)
	may := r != nil && r.tags[tag] != "" && m.isWorkspace(ws)
	for _, i := range m.images {
		may = may && (i.repo != repo || i.tag != tag)
	}
	i, err := m.db.RegisterImage(context.Background(), alice, catalog.Registration{Image: easel.Image{
		Project: "p", Workspace: ws, Type: easel.Dedicated, Path: "host/" + string(repo) + ":" + string(tag), Repo: repo, Tag: tag, Name: repo.Name(), Visibility: "PRIVATE"}})
	wants(t, err, may, easel.NotFound, easel.Exists)
	if err == nil {
		m.images[i.ID] = &modelImage{repo: repo, tag: tag, workspace: ws}
	}
}

func (m *machine) deleteImages(t *rapid.T) {
	if len(m.images) == 0 {
		t.Skip("no image")
	}
	ids := rapid.SliceOfNDistinct(rapid.SampledFrom(slices.Sorted(maps.Keys(m.images))), 1, 2, rapid.ID[string]).Draw(t, "images")
	m.removeImages(t, catalog.ImageDeletion{Project: "p", IDs: ids}, ids)
}

func (m *machine) deleteGroup(t *rapid.T) {
	repo, ws := drawRepo(t, "repo"), m.workspace(t)
	var ids []string
	for id, i := range m.images {
		if i.repo == repo && i.workspace == ws {
			ids = append(ids, id)
		}
	}
	m.removeImages(t, catalog.ImageDeletion{Project: "p", Group: easel.GroupID("p", ws, "team", repo.Name())}, ids)
}

// removeImages deletes records, by force or not, after a plan, which must
// promise exactly what then happens.
func (m *machine) removeImages(t *rapid.T, d catalog.ImageDeletion, ids []string) {
	ctx := context.Background()
	d.Force = rapid.Bool().Draw(t, "force")
	planned, err := m.db.PlanImages(ctx, alice, d)
	wants(t, err, len(ids) > 0, easel.NotFound)
	_, removed, err := m.db.DeleteImages(ctx, alice, d)
	may := len(ids) > 0
	for _, id := range ids {
		may = may && !m.images[id].protected
	}
	wants(t, err, may, easel.NotFound, easel.InUse)
	if len(ids) > 0 {
		promised(t, planned, nil, removed.Receipt, err)
	}
	if err != nil {
		return
	}
	before, u, forced := m.bytes(), m.before(modelRepos...), map[string]*modelImage{}
	receipt := m.Unlink(ctx, removed)
	for _, id := range ids {
		i := m.images[id]
		delete(m.images, id)
		if d.Force {
			forced[id] = i
		}
		if r := m.repos[i.repo]; d.Force && r != nil && r.tags[i.tag] != "" {
			m.dropTag(i.repo, i.tag)
		}
	}
	m.settled(t, receipt, before, u, forced)
}

func (m *machine) sweepOnly(t *rapid.T) {
	for more, n := true, 0; more; n++ {
		var err error
		_, more, err = m.db.Sweep(context.Background())
		check(t, err)
		if n > 100 {
			t.Fatal("the sweep does not end")
		}
	}
	m.unlinked += m.sweep()
}

func (m *machine) expireOnly(t *rapid.T) {
	_, err := m.db.ExpireUploads(context.Background())
	check(t, err)
	m.unlinked += m.expire()
}

func (m *machine) settleOnly(t *rapid.T) { check(t, m.Settle(context.Background())) }

func (m *machine) maintain(t *rapid.T) {
	_, err := m.Reclaim(operator())
	check(t, err)
	m.expire()
	m.sweep()
	m.purge()
	m.unlinked = 0
}
