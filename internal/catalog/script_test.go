package catalog

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
	"easel/internal/pgtest"
)

// stage is a PostgreSQL catalogue on which transactions are stopped between
// two statements. Blobs are named by words; nothing is ever stored.
type stage struct {
	*testing.T
	db       *DB
	now      atomic.Int64
	ann, bob easel.Principal
}

func newStage(t *testing.T) *stage {
	s := &stage{T: t}
	s.now.Store(time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC).UnixMicro())
	db, err := Open(t.Context(), Options{URL: pgtest.Start(t), Clock: func() time.Time { return fromMicros(s.now.Load()) }})
	if err != nil {
		t.Fatal(err)
	}
	db.watch = watched
	s.db = db
	d := Domain{ID: "lab", Name: "lab", Enabled: true}
	s.must(db.AddDomain(t.Context(), d))
	for _, name := range []string{"ann", "bob"} {
		s.must(db.AddAccount(t.Context(), Account{ID: name, Name: name, Enabled: true, Domain: d}))
	}
	s.ann = easel.Principal{UserID: "ann", UserName: "ann", DomainID: "lab", ProjectID: "p", TokenID: "token of ann"}
	s.bob = easel.Principal{UserID: "bob", UserName: "bob", DomainID: "lab", ProjectID: "p", TokenID: "token of bob"}
	s.must(db.CreateOrg(t.Context(), s.ann, "team"))
	t.Cleanup(func() { s.must(db.Close()) })
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// settles ends an act: a day later nothing is needless and no key is named twice.
func (s *stage) settles() {
	s.Helper()
	s.sound()
	s.pass(25 * time.Hour)
	_, err := s.db.ExpireUploads(s.Context())
	s.must(err)
	s.sweep()
	s.sound()
}

func (s *stage) sound() {
	s.Helper()
	found, err := s.db.Verify(s.Context(), false)
	if err != nil || len(found) > 0 {
		s.Errorf("findings %v, err %v", found, err)
	}
}

func (s *stage) pass(d time.Duration) { s.now.Add(d.Microseconds()) }

func (s *stage) sweep() {
	s.Helper()
	for more := true; more; {
		var err error
		_, more, err = s.db.Sweep(s.Context())
		s.must(err)
	}
}

// actor is a transaction, or a few, on a connection of its own.
type actor struct {
	tries atomic.Int64 // transactions begun
	point string       // "before SQL" or "after SQL": where it stops, once

	mu      sync.Mutex // guards passed
	passed  bool
	reached chan struct{} // closed at the point
	goes    chan struct{} // closed when it may go on
	done    chan struct{} // closed at the end
	err     error
}

type actorKey struct{}

// act starts f and returns when it has come to the point.
func (s *stage) act(point string, f func(context.Context) error) *actor {
	s.Helper()
	a := &actor{point: point, reached: make(chan struct{}), goes: make(chan struct{}), done: make(chan struct{})}
	ctx := context.WithValue(s.Context(), actorKey{}, a)
	go func() {
		defer close(a.done)
		a.err = f(ctx)
	}()
	select {
	case <-a.reached:
	case <-a.done:
		s.Fatalf("the first actor ended (%v) and never came to the point %q", a.err, point)
	}
	return a
}

// meanwhile starts f and returns when it has ended, or waits for a lock.
func (s *stage) meanwhile(f func(context.Context) error) *actor {
	s.Helper()
	a := &actor{passed: true, done: make(chan struct{})}
	ctx := context.WithValue(s.Context(), actorKey{}, a)
	go func() {
		defer close(a.done)
		a.err = f(ctx)
	}()
	for {
		select {
		case <-a.done:
			return a
		case <-time.After(5 * time.Millisecond):
		}
		var waiting int
		s.must(s.db.read.QueryRowContext(s.Context(),
			`SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
		if waiting > 0 {
			return a
		}
	}
}

// finish lets the actor go on and returns how it ended.
func (a *actor) finish() error {
	if a.goes != nil {
		close(a.goes)
	}
	<-a.done
	return a.err
}

func watched(ctx context.Context, q querier) querier {
	a, ok := ctx.Value(actorKey{}).(*actor)
	if !ok {
		return q
	}
	a.tries.Add(1)
	return scripted{q, a}
}

// scripted stops its actor between two statements.
type scripted struct {
	querier
	a *actor
}

func (q scripted) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	q.a.stopAt("before", query)
	defer q.a.stopAt("after", query)
	return q.querier.ExecContext(ctx, query, args...)
}

func (q scripted) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	q.a.stopAt("before", query)
	defer q.a.stopAt("after", query)
	return q.querier.QueryContext(ctx, query, args...)
}

func (q scripted) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	q.a.stopAt("before", query)
	defer q.a.stopAt("after", query)
	return q.querier.QueryRowContext(ctx, query, args...)
}

func (a *actor) stopAt(when, query string) {
	at, sql, _ := strings.Cut(a.point, " ")
	if at != when || !strings.Contains(query, sql) {
		return
	}
	a.mu.Lock()
	passed := a.passed
	a.passed = true
	a.mu.Unlock()
	if !passed {
		close(a.reached)
		<-a.goes
	}
}

func wordDigest(word string) easel.Digest { return easel.DigestOf(easel.SHA256, []byte(word)) }

// begun starts an upload of word.
func (s *stage) begun(who easel.Principal, repo easel.Repo) Upload {
	s.Helper()
	u, err := s.db.StartUpload(s.Context(), who, repo, easel.SHA256, time.Hour)
	s.must(err)
	return u
}

// uploads returns the end of an upload of word.
func (s *stage) uploads(who easel.Principal, u Upload, word string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.FinishUpload(ctx, who, u, wordDigest(word), int64(len(word)))
		return err
	}
}

// heads returns the question whether repo has word.
func (s *stage) heads(who easel.Principal, repo easel.Repo, word string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.PinBlob(ctx, who, repo, wordDigest(word))
		return err
	}
}

func (s *stage) puts(who easel.Principal, repo easel.Repo, m *easel.Manifest, tags ...easel.Tag) func(context.Context) error {
	return func(ctx context.Context) error {
		return s.db.PutManifest(ctx, who, ManifestPut{Repo: repo, Digest: bodyDigest(m), Tags: tags, Manifest: m})
	}
}

func (s *stage) deletes(who easel.Principal, repo easel.Repo, tag easel.Tag) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.DeleteTag(ctx, who, repo, tag, nil)
		return err
	}
}

func (s *stage) mounts(who easel.Principal, from, to easel.Repo, word string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.Mount(ctx, who, from, to, wordDigest(word))
		return err
	}
}

// push is a whole push: each word is asked for first.
func (s *stage) push(who easel.Principal, repo easel.Repo, tag easel.Tag, words ...string) *easel.Manifest {
	s.Helper()
	s.blobs(who, repo, words...)
	m := imageOf(nil, words...)
	s.must(s.puts(who, repo, m, tag)(s.Context()))
	return m
}

func (s *stage) blobs(who easel.Principal, repo easel.Repo, words ...string) {
	s.Helper()
	for _, word := range words {
		if err := s.heads(who, repo, word)(s.Context()); errors.Is(err, easel.NotFound) {
			s.must(s.uploads(who, s.begun(who, repo), word)(s.Context()))
		} else {
			s.must(err)
		}
	}
}

// has reports whether a puller finds the blob.
func (s *stage) has(repo easel.Repo, word string) bool {
	_, err := s.db.Blob(s.Context(), repo, wordDigest(word))
	return err == nil
}

func (s *stage) hasManifest(repo easel.Repo, m *easel.Manifest) bool {
	_, err := s.db.Manifest(s.Context(), repo, easel.Ref{Digest: bodyDigest(m)})
	return err == nil
}

// garbage returns the keys that are due to be unlinked.
func (s *stage) garbage() (keys []blob.Key) {
	s.Helper()
	due, err := s.db.Garbage(s.Context(), "", 100)
	s.must(err)
	for _, g := range due {
		keys = append(keys, g.Key)
	}
	return keys
}

func bodyDigest(m *easel.Manifest) easel.Digest { return easel.DigestOf(easel.SHA256, m.Body) }

// imageOf is a manifest whose config is the first word; subject may be nil.
func imageOf(subject *easel.Manifest, words ...string) *easel.Manifest {
	type object = map[string]any
	var all []any
	for _, word := range words {
		all = append(all, object{"mediaType": "application/vnd.test", "digest": wordDigest(word), "size": len(word)})
	}
	m := object{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest, "config": all[0], "layers": all[1:]}
	if subject != nil {
		m["subject"] = manifestDescriptor(subject)
	}
	return parsed(m)
}

func indexOf(children ...*easel.Manifest) *easel.Manifest {
	var all []any
	for _, c := range children {
		all = append(all, manifestDescriptor(c))
	}
	return parsed(map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIIndex, "manifests": all})
}

func manifestDescriptor(m *easel.Manifest) any {
	return map[string]any{"mediaType": m.MediaType, "digest": bodyDigest(m), "size": len(m.Body)}
}

func parsed(fields map[string]any) *easel.Manifest {
	body, err := json.Marshal(fields)
	if err != nil {
		panic(err)
	}
	m, err := easel.ParseManifest(fields["mediaType"].(string), body)
	if err != nil {
		panic(err)
	}
	return m
}
