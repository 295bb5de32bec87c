package blobtest

import (
	"fmt"
	"io"
	"sync"
	"testing"

	"easel/internal/blob"
)

func writtenIsRead(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 1, 4096, 1<<20 + 1, 12<<20 + 12345} {
		want := Random(size)
		key := blob.NewKey()
		w := Resume(t, s, key, blob.State{})
		for _, c := range chunks(want, 100_003) {
			Write(t, w, c)
		}
		Finish(t, w)
		wantContent(t, s, key, want)
	}
}

func writersAreIndependent(t *testing.T, s blob.Store) {
	const writers = 8
	want := make(map[blob.Key][]byte)
	var wg sync.WaitGroup
	for n := range writers {
		key, content := blob.NewKey(), Random(200_000+n)
		want[key] = content
		wg.Go(func() {
			if err := put(t, s, key, content); err != nil {
				t.Errorf("writer %d: %v", n, err)
			}
		})
	}
	wg.Wait()
	for key, content := range want {
		wantContent(t, s, key, content)
	}
}

// put is Put for goroutines, which may not end the test.
func put(t *testing.T, s blob.Store, key blob.Key, content []byte) error {
	w, err := s.Resume(t.Context(), key, blob.State{})
	if err != nil {
		return fmt.Errorf("resume: %w", err)
	}
	defer w.Close()
	for _, c := range chunks(content, 10_000) {
		if _, err := w.Write(c); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return w.Finish(t.Context())
}

func nothingAfterFinish(t *testing.T, s blob.Store) {
	key := blob.NewKey()
	w := Resume(t, s, key, blob.State{})
	Write(t, w, []byte("all of it"))
	if err := w.Finish(t.Context()); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	if _, err := io.WriteString(w, "more"); err == nil {
		t.Error("Write after Finish succeeded")
	}
	wantContent(t, s, key, []byte("all of it"))
}

func closeTwice(t *testing.T, s blob.Store) {
	w := Resume(t, s, blob.NewKey(), blob.State{})
	Write(t, w, []byte("a"))
	for range 2 {
		if err := w.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	if _, err := w.Write([]byte("b")); err == nil {
		t.Error("Write after Close succeeded")
	}
}

func resumeAtCheckpoint(t *testing.T, s blob.Store) {
	want := Random(300_000)
	key := blob.NewKey()
	w := Resume(t, s, key, blob.State{})
	Write(t, w, want[:100_000])
	state := Checkpoint(t, w)
	w.Close()
	if state.Size != 100_000 {
		t.Errorf("Checkpoint: size %d, want 100000", state.Size)
	}
	w = Resume(t, s, key, state)
	Write(t, w, want[100_000:])
	Finish(t, w)
	wantContent(t, s, key, want)
}

func resumeAtEveryCheckpoint(t *testing.T, s blob.Store) {
	want := Random(1_000_000)
	key := blob.NewKey()
	var state blob.State
	for _, c := range chunks(want, 99_999) {
		w := Resume(t, s, key, state)
		Write(t, w, c)
		state = Checkpoint(t, w)
		w.Close()
	}
	w := Resume(t, s, key, state)
	Finish(t, w)
	wantContent(t, s, key, want)
}

func resumeCuts(t *testing.T, s blob.Store) {
	want := Random(200_000)
	key := blob.NewKey()
	w := Resume(t, s, key, blob.State{})
	Write(t, w, want[:50_000])
	state := Checkpoint(t, w)
	Write(t, w, Random(400_000)) // never recorded: its writer dies
	w.Close()
	w = Resume(t, s, key, state)
	Write(t, w, want[50_000:])
	Finish(t, w)
	wantContent(t, s, key, want)
}

func resumeFromNothing(t *testing.T, s blob.Store) {
	key := blob.NewKey()
	w := Resume(t, s, key, blob.State{})
	Write(t, w, Random(100_000)) // dies before its first checkpoint
	w.Close()
	w = Resume(t, s, key, blob.State{})
	Write(t, w, []byte("second try"))
	Finish(t, w)
	wantContent(t, s, key, []byte("second try"))
}

func resumeOfMissing(t *testing.T, s blob.Store) {
	key := blob.NewKey()
	w := Resume(t, s, key, blob.State{})
	Write(t, w, Random(6<<20))
	state := Checkpoint(t, w)
	w.Close()
	if err := s.Delete(t.Context(), key); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	w, err := s.Resume(t.Context(), key, state)
	if err != nil {
		return
	}
	defer w.Close()
	if err := w.Finish(t.Context()); err == nil {
		t.Error("an object whose recorded bytes are gone was finished")
	}
}
