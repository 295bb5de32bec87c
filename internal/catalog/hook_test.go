package catalog

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
)

// hookWorld is a catalogue with two organisations and a clock that stands.
type hookWorld struct {
	*DB
	now time.Time
	ann easel.Principal
}

func newHookWorld(t *testing.T, db *DB) *hookWorld {
	t.Helper()
	w := &hookWorld{DB: db, now: time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)}
	db.clock = func() time.Time { return w.now }
	d := Domain{ID: "lab", Name: "lab", Enabled: true}
	w.ann = easel.Principal{UserID: "ann", UserName: "ann", DomainID: "lab", DomainName: "lab", ProjectID: "p", Admin: true}
	for _, err := range []error{
		db.AddDomain(t.Context(), d),
		db.AddAccount(t.Context(), Account{ID: "ann", Name: "ann", Enabled: true, Domain: d}),
		db.CreateOrg(t.Context(), w.ann, "team"),
		db.CreateOrg(t.Context(), w.ann, "rest"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return w
}

func (w *hookWorld) hook(t *testing.T, id string, org easel.Org, events ...string) {
	t.Helper()
	h := Hook{ID: id, Org: org, URL: "https://sink.example.com/" + id, Secret: []byte("sealed"), Events: events, Active: true}
	if _, err := w.AddHook(t.Context(), w.ann, h, 10); err != nil {
		t.Fatal(err)
	}
}

// happens records changes and seals them.
func (w *hookWorld) happens(t *testing.T, changes ...func(*tx) error) {
	t.Helper()
	for _, f := range changes {
		w.now = w.now.Add(time.Second)
		if err := w.update(t.Context(), f); err != nil {
			t.Fatal(err)
		}
	}
	sealAll(t, w.DB)
}

func (w *hookWorld) pushed(repo easel.Repo) func(*tx) error {
	return func(t *tx) error {
		return t.auditAbout(w.ann, "pushManifest", string(repo)+":1", 7, About{Repo: repo, Tags: []easel.Tag{"1"}, Digest: "sha256:x"})
	}
}

func (w *hookWorld) deleted(action, resource string, tags ...string) func(*tx) error {
	return func(t *tx) error {
		return t.audit(w.ann, action, resource, 7, &easel.Receipt{ID: easel.NewUUID(t.time()), Tags: tags})
	}
}

// queued returns the types of the deliveries of a hook, the oldest first.
func (w *hookWorld) queued(t *testing.T, hook string) []string {
	t.Helper()
	found, err := w.Deliveries(t.Context(), DeliveryQuery{Hook: hook, State: -1, Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	types := []string{}
	for i := len(found) - 1; i >= 0; i-- {
		types = append(types, found[i].Type)
	}
	return types
}

func TestEventsAreQueued(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, db *DB) {
		w := newHookWorld(t, db)
		w.happens(t, w.pushed("team/early")) // before there is a hook
		w.hook(t, "all", "", EventTypes()...)
		w.hook(t, "team", "team", EventTypes()...)
		w.hook(t, "deletions", "", "delete")
		w.hook(t, "quiet", "", EventTypes()...)
		off := false
		if h, err := w.UpdateHook(t.Context(), w.ann, "quiet", HookChange{Active: &off}); err != nil || h.Active {
			t.Fatalf("%+v, %v", h, err)
		}
		stranger := easel.Principal{UserID: "eve", DomainID: "other"}
		w.happens(t,
			w.pushed("team/a"), w.pushed("rest/b"),
			w.deleted("deleteImageTag", "rest/b:1"),
			w.deleted("deleteNotebookImage", easel.NewUUID(w.now), "rest/b:2", "team/a:1"), // of both organisations
			w.deleted("sweepPins", "team/a"),
			w.deleted("reclaimLeftBehind", "rest", "rest/b:3"),
			w.deleted("runRetention", "rest/b", "rest/b:4"),
			func(t *tx) error {
				return t.auditAbout(w.ann, "restoreManifests", "team/a", 0, About{Repo: "team/a", Tags: []easel.Tag{"1"}})
			},
			w.deleted("purgeTrash", easel.NewUUID(w.now), "team/a:1"),
			func(t *tx) error { return t.audit(w.ann, "createUserNamespace", "team", 0, nil) }, // no event
			func(t *tx) error { return t.audit(stranger, "pushManifest", "team/a:1", 0, nil) }, // of another domain
		)
		if _, err := w.TestHook(t.Context(), w.ann, "deletions"); err != nil {
			t.Fatal(err)
		}
		w.happens(t)
		for hook, want := range map[string][]string{
			"all":       {"push", "push", "delete", "delete", "reclaim", "reclaim", "delete", "restore", "reclaim"},
			"team":      {"push", "delete", "reclaim", "restore", "reclaim"},
			"deletions": {"delete", "delete", "delete", "test"},
			"quiet":     {},
		} {
			if diff := cmp.Diff(want, w.queued(t, hook)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", hook, diff)
			}
		}
		if err := w.DeleteOrg(t.Context(), w.ann, "team"); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Hook(t.Context(), "lab", "team"); easel.AsError(err).Kind != easel.NotFound {
			t.Errorf("the hook of a deleted organisation: %v", err)
		}
		if b, err := w.HookBacklog(t.Context()); err != nil || b != (HookBacklog{Waiting: 13}) {
			t.Errorf("backlog = %+v, %v", b, err)
		}
	})
}

// TestTurns lets two processes deliver to one hook.
func TestTurns(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, db *DB) {
		ctx := t.Context()
		w := newHookWorld(t, db)
		w.hook(t, "h", "", EventTypes()...)
		w.happens(t, w.pushed("team/a"), w.pushed("team/b"))
		if due, err := w.DueHooks(ctx); err != nil || len(due) != 1 || due[0].Hook != "h" {
			t.Fatalf("due = %+v, %v", due, err)
		}
		first, taken, err := w.TakeTurn(ctx, "h", time.Minute)
		if err != nil || !taken {
			t.Fatalf("the first turn: %v, %v", taken, err)
		}
		if _, taken, err := w.TakeTurn(ctx, "h", time.Minute); err != nil || taken {
			t.Errorf("a second turn at the same time: %v, %v", taken, err)
		}
		if due, err := w.DueHooks(ctx); err != nil || len(due) != 0 {
			t.Errorf("in a turn, due = %+v, %v", due, err)
		}
		d, found, err := w.NextDelivery(ctx, first)
		if err != nil || !found || d.Record.About.Repo != "team/a" || string(d.Hook.Secret) != "sealed" || d.Hook.URL == "" {
			t.Fatalf("next = %+v, %v, %v", d, found, err)
		}
		w.now = w.now.Add(2 * time.Minute) // the first process stands still
		second, taken, err := w.TakeTurn(ctx, "h", time.Minute)
		if err != nil || !taken {
			t.Fatalf("the turn after the lease: %v, %v", taken, err)
		}
		if err := w.EndDelivery(ctx, first, d.ID, Outcome{State: Delivered, Status: 200}); easel.AsError(err).Kind != easel.Changed {
			t.Errorf("an outcome of the turn before: %v", err)
		}
		if _, found, err := w.NextDelivery(ctx, first); err != nil || found {
			t.Errorf("the turn before goes on: %v, %v", found, err)
		}
		w.ends(ctx, t, second, Outcome{State: Waiting, Status: 500, Wait: time.Hour}, "team/a")
		w.ends(ctx, t, second, Outcome{State: Delivered, Status: 204}, "team/b") // it does not wait for the other
		if _, found, err := w.NextDelivery(ctx, second); err != nil || found {
			t.Errorf("what waits for its next try is due: %v, %v", found, err)
		}
		if err := w.EndTurn(ctx, second); err != nil {
			t.Fatal(err)
		}
		w.now = w.now.Add(time.Hour)
		third, _, err := w.TakeTurn(ctx, "h", time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		w.ends(ctx, t, third, Outcome{State: GivenUp, Problem: "no connection"}, "team/a")
		w.remembers(ctx, t)
	})
}

// ends records the outcome of the next delivery, which is about repo.
func (w *hookWorld) ends(ctx context.Context, t *testing.T, u HookTurn, o Outcome, repo easel.Repo) {
	t.Helper()
	d, found, err := w.NextDelivery(ctx, u)
	if err != nil || !found || d.Record.About.Repo != repo {
		t.Fatalf("next = %+v, %v, %v, want %s", d.Record, found, err, repo)
	}
	if err := w.EndDelivery(ctx, u, d.ID, o); err != nil {
		t.Fatal(err)
	}
}

// remembers goes on where TestTurns ends: one delivered, one given up.
func (w *hookWorld) remembers(ctx context.Context, t *testing.T) {
	t.Helper()
	h, err := w.Hook(ctx, "lab", "h")
	if err != nil || h.Waiting != 0 || h.GivenUp != 1 {
		t.Errorf("the hook = %+v, %v", h, err)
	}
	if n, err := w.RetryHook(ctx, w.ann, "h"); err != nil || n != 1 {
		t.Errorf("retried %d, %v", n, err)
	}
	if found, err := w.Deliveries(ctx, DeliveryQuery{Hook: "h", State: Waiting, Limit: 10}); err != nil || len(found) != 1 || found[0].Tries != 0 || found[0].Problem == "" {
		t.Errorf("retried = %+v, %v", found, err)
	}
	w.now = w.now.Add(48 * time.Hour)
	if err := w.ForgetDeliveries(ctx, 24*time.Hour, 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	if got := w.queued(t, "h"); len(got) != 1 { // what waits is never forgotten
		t.Errorf("after two days: %v", got)
	}
}

func TestHookBounds(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, db *DB) {
		w := newHookWorld(t, db)
		w.hook(t, "h", "", EventTypes()...)
		full := `INSERT INTO delivery (hook, event, type, state, tries, due, status, problem, created, updated)
			VALUES ('h', CAST($1 AS TEXT), 'push', 0, 0, 0, 0, '', 0, 0)`
		err := db.update(t.Context(), func(t *tx) error {
			for n := range maxWaiting - 1 {
				if _, err := t.exec(full, strconv.Itoa(n)); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		w.happens(t, w.pushed("team/a"), w.pushed("team/b"), w.pushed("team/c"))
		if h, err := w.Hook(t.Context(), "lab", "h"); err != nil || h.Waiting != maxWaiting || h.Dropped != 2 {
			t.Errorf("hook = %+v, %v; want %d waiting, 2 dropped", h, err, maxWaiting)
		}
		if _, err := w.AddHook(t.Context(), w.ann, Hook{ID: "more", Events: EventTypes()}, 1); easel.AsError(err).Kind != easel.TooMany {
			t.Errorf("one hook more than allowed: %v", err)
		}
		stranger := easel.Principal{UserID: "eve", DomainID: "other"}
		if err := w.RemoveHook(t.Context(), stranger, "h"); easel.AsError(err).Kind != easel.NotFound {
			t.Errorf("removing another domain's hook: %v", err)
		}
		if err := w.RemoveHook(t.Context(), w.ann, "h"); err != nil {
			t.Error(err)
		}
	})
}
