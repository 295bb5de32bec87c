package blob

import (
	"context"
	"iter"
	"sync"
)

// Op names an operation of a Store, a Writer or an Object that a Faulty can disturb.
type Op string

// The operations. OpRead is one Read of an open object, and OpList one listing.
const (
	OpResume     Op = "resume"
	OpWrite      Op = "write"
	OpCheckpoint Op = "checkpoint"
	OpFinish     Op = "finish"
	OpOpen       Op = "open"
	OpRead       Op = "read"
	OpDelete     Op = "delete"
	OpSync       Op = "sync"
	OpList       Op = "list"
)

// Faulty is a Store that does what another one does, except that tests can
// make chosen calls fail or wait. Without a rule it changes nothing.
type Faulty struct {
	store Store

	mu    sync.Mutex // guards what follows
	calls map[Op]int
	rules map[Op][]rule
}

// rule disturbs the nth call of an operation, or with n 0 every call.
type rule struct {
	n int
	f func(context.Context) error
}

// NewFaulty returns a Faulty around store.
func NewFaulty(store Store) *Faulty {
	return &Faulty{store: store, calls: make(map[Op]int), rules: make(map[Op][]rule)}
}

// On calls f before the nth call from now of op (1 is the next one), and
// before every call when n is 0. When f returns an error the call fails with
// it and does nothing.
func (s *Faulty) On(op Op, n int, f func(context.Context) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n > 0 {
		n += s.calls[op]
	}
	s.rules[op] = append(s.rules[op], rule{n, f})
}

// Fail makes the nth call from now of op fail with err, and every call when n is 0.
func (s *Faulty) Fail(op Op, n int, err error) {
	s.On(op, n, func(context.Context) error { return err })
}

// Hold makes the nth call from now of op wait until release is called, or its
// context ends. The channel is closed when the call has come.
func (s *Faulty) Hold(op Op, n int) (reached <-chan struct{}, release func()) {
	came, free := make(chan struct{}), make(chan struct{})
	come := sync.OnceFunc(func() { close(came) })
	s.On(op, n, func(ctx context.Context) error {
		come()
		select {
		case <-free:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	})
	return came, sync.OnceFunc(func() { close(free) })
}

// Heal removes all rules.
func (s *Faulty) Heal() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.rules)
}

// Calls returns how often op was called.
func (s *Faulty) Calls(op Op) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[op]
}

func (s *Faulty) before(ctx context.Context, op Op) error {
	for _, f := range s.due(op) {
		if err := f(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (s *Faulty) due(op Op) []func(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls[op]++
	var due []func(context.Context) error
	for _, r := range s.rules[op] {
		if r.n == 0 || r.n == s.calls[op] {
			due = append(due, r.f)
		}
	}
	return due
}

// Resume implements Store.
func (s *Faulty) Resume(ctx context.Context, key Key, state State) (Writer, error) {
	if err := s.before(ctx, OpResume); err != nil {
		return nil, err
	}
	w, err := s.store.Resume(ctx, key, state)
	if err != nil {
		return nil, err
	}
	return &faultyWriter{s: s, ctx: ctx, w: w}, nil
}

// Open implements Store. The object hides the *os.File of a directory.
func (s *Faulty) Open(ctx context.Context, key Key) (Object, error) {
	if err := s.before(ctx, OpOpen); err != nil {
		return nil, err
	}
	o, err := s.store.Open(ctx, key)
	if err != nil {
		return nil, err
	}
	return &faultyObject{Object: o, s: s, ctx: ctx}, nil
}

// Delete implements Store.
func (s *Faulty) Delete(ctx context.Context, key Key) error {
	if err := s.before(ctx, OpDelete); err != nil {
		return err
	}
	return s.store.Delete(ctx, key)
}

// Sync implements Store.
func (s *Faulty) Sync(ctx context.Context, keys []Key) error {
	if err := s.before(ctx, OpSync); err != nil {
		return err
	}
	return s.store.Sync(ctx, keys)
}

// List implements Store.
func (s *Faulty) List(ctx context.Context) iter.Seq2[Info, error] {
	return func(yield func(Info, error) bool) {
		if err := s.before(ctx, OpList); err != nil {
			yield(Info{}, err)
			return
		}
		s.store.List(ctx)(yield)
	}
}

// faultyWriter keeps the promise that nothing works after an error.
type faultyWriter struct {
	s   *Faulty
	ctx context.Context // of Resume: Write has none
	w   Writer
	err error
}

func (w *faultyWriter) Write(p []byte) (n int, err error) {
	err = w.try(w.ctx, OpWrite, func() error {
		n, err = w.w.Write(p)
		return err
	})
	return n, err
}

func (w *faultyWriter) Checkpoint(ctx context.Context) (state State, err error) {
	err = w.try(ctx, OpCheckpoint, func() error {
		state, err = w.w.Checkpoint(ctx)
		return err
	})
	return state, err
}

func (w *faultyWriter) Finish(ctx context.Context) error {
	return w.try(ctx, OpFinish, func() error { return w.w.Finish(ctx) })
}

func (w *faultyWriter) Close() error { return w.w.Close() }

func (w *faultyWriter) try(ctx context.Context, op Op, f func() error) error {
	if w.err == nil {
		w.err = w.s.before(ctx, op)
	}
	if w.err == nil {
		w.err = f()
	}
	return w.err
}

type faultyObject struct {
	Object
	s   *Faulty
	ctx context.Context
}

func (o *faultyObject) Read(p []byte) (int, error) {
	if err := o.s.before(o.ctx, OpRead); err != nil {
		return 0, err
	}
	return o.Object.Read(p)
}
