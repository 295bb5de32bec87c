package blob_test

import (
	"errors"
	"testing"

	"easel/internal/blob"
	"easel/internal/blob/blobtest"
)

var errBroken = errors.New("broken on purpose")

func openFaulty(t *testing.T) *blob.Faulty {
	s, _ := openDir(t)
	return blob.NewFaulty(s)
}

// Without a rule a Faulty is a Store like any other.
func TestFaulty(t *testing.T) {
	t.Parallel()
	blobtest.Run(t, func(t *testing.T) blob.Store { return openFaulty(t) })
}

func TestFaultyFails(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		op blob.Op
		do func(*testing.T, blob.Store, blob.Key) error
	}{
		{blob.OpResume, func(t *testing.T, s blob.Store, _ blob.Key) error {
			_, err := s.Resume(t.Context(), blob.NewKey(), blob.State{})
			return err
		}},
		{blob.OpWrite, func(t *testing.T, s blob.Store, _ blob.Key) error {
			_, err := blobtest.Resume(t, s, blob.NewKey(), blob.State{}).Write([]byte("x"))
			return err
		}},
		{blob.OpCheckpoint, func(t *testing.T, s blob.Store, _ blob.Key) error {
			_, err := blobtest.Resume(t, s, blob.NewKey(), blob.State{}).Checkpoint(t.Context())
			return err
		}},
		{blob.OpFinish, func(t *testing.T, s blob.Store, _ blob.Key) error {
			return blobtest.Resume(t, s, blob.NewKey(), blob.State{}).Finish(t.Context())
		}},
		{blob.OpOpen, func(t *testing.T, s blob.Store, key blob.Key) error {
			_, err := s.Open(t.Context(), key)
			return err
		}},
		{blob.OpRead, func(t *testing.T, s blob.Store, key blob.Key) error {
			o, err := s.Open(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Close()
			_, err = o.Read(make([]byte, 1))
			return err
		}},
		{blob.OpDelete, func(t *testing.T, s blob.Store, key blob.Key) error { return s.Delete(t.Context(), key) }},
		{blob.OpSync, func(t *testing.T, s blob.Store, key blob.Key) error { return s.Sync(t.Context(), []blob.Key{key}) }},
		{blob.OpList, func(t *testing.T, s blob.Store, _ blob.Key) error {
			for _, err := range s.List(t.Context()) {
				return err
			}
			return nil
		}},
	} {
		t.Run(string(tt.op), func(t *testing.T) {
			t.Parallel()
			s := openFaulty(t)
			key := blobtest.Put(t, s, []byte("content"))
			before := s.Calls(tt.op)
			s.Fail(tt.op, 2, errBroken)
			for n, want := range []error{nil, errBroken, nil} {
				if err := tt.do(t, s, key); !errors.Is(err, want) {
					t.Errorf("call %d: %v, want %v", n+1, err, want)
				}
				if tt.op == blob.OpDelete {
					key = blobtest.Put(t, s, []byte("content"))
				}
			}
			if got := s.Calls(tt.op) - before; got != 3 {
				t.Errorf("Calls(%s) rose by %d, want 3", tt.op, got)
			}
			s.Fail(tt.op, 0, errBroken)
			if err := tt.do(t, s, key); !errors.Is(err, errBroken) {
				t.Errorf("with every call failing: %v", err)
			}
			s.Heal()
			if err := tt.do(t, s, key); err != nil {
				t.Errorf("healed: %v", err)
			}
		})
	}
}

// A fsync that failed once must not look like a success when it is asked again.
func TestFaultyWriterStaysBroken(t *testing.T) {
	t.Parallel()
	s := openFaulty(t)
	key := blob.NewKey()
	w := blobtest.Resume(t, s, key, blob.State{})
	blobtest.Write(t, w, []byte("kept"))
	state := blobtest.Checkpoint(t, w)
	s.Fail(blob.OpCheckpoint, 1, errBroken)
	blobtest.Write(t, w, []byte(" lost"))
	if _, err := w.Checkpoint(t.Context()); !errors.Is(err, errBroken) {
		t.Fatalf("Checkpoint: %v, want the fault", err)
	}
	if _, err := w.Checkpoint(t.Context()); err == nil {
		t.Error("second Checkpoint succeeded")
	}
	if err := w.Finish(t.Context()); err == nil {
		t.Error("Finish succeeded")
	}
	w.Close()
	w = blobtest.Resume(t, s, key, state)
	blobtest.Write(t, w, []byte(" again"))
	blobtest.Finish(t, w)
	if got := blobtest.Content(t, s, key); string(got) != "kept again" {
		t.Errorf("content %q, want %q", got, "kept again")
	}
}

func TestFaultyHolds(t *testing.T) {
	t.Parallel()
	s := openFaulty(t)
	key := blobtest.Put(t, s, []byte("content"))
	reached, release := s.Hold(blob.OpDelete, 1)
	done := make(chan error)
	go func() { done <- s.Delete(t.Context(), key) }()
	<-reached
	if got := blobtest.Content(t, s, key); string(got) != "content" {
		t.Errorf("content while the deletion waits: %q", got)
	}
	release()
	if err := <-done; err != nil {
		t.Errorf("Delete: %v", err)
	}
}
