// Package blobtest is the contract of [blob.Store] as a test: every
// implementation and every decorator runs it.
package blobtest

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel/internal/blob"
)

// Run checks the stores that open returns; each subtest gets a fresh, empty one.
func Run(t *testing.T, open func(*testing.T) blob.Store) {
	for _, tt := range []struct {
		name string
		f    func(*testing.T, blob.Store)
	}{
		{"WhatIsWrittenIsRead", writtenIsRead},
		{"ObjectsSeek", objectsSeek},
		{"ReadersAreIndependent", readersAreIndependent},
		{"WritersAreIndependent", writersAreIndependent},
		{"NothingIsWrittenAfterFinish", nothingAfterFinish},
		{"CloseTwice", closeTwice},
		{"ResumeAtCheckpoint", resumeAtCheckpoint},
		{"ResumeAtEveryCheckpoint", resumeAtEveryCheckpoint},
		{"ResumeCutsWhatWasNotRecorded", resumeCuts},
		{"ResumeFromNothing", resumeFromNothing},
		{"ResumeOfNothingRecordedFails", resumeOfMissing},
		{"OpenMissing", openMissing},
		{"DeleteTwice", deleteTwice},
		{"DeleteUnfinished", deleteUnfinished},
		{"DeleteOnlyThat", deleteOnlyThat},
		{"SyncKnowsNoKey", syncKnowsNoKey},
		{"ListIsComplete", listIsComplete},
		{"ListStops", listStops},
		{"KeysAreChecked", keysAreChecked},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.f(t, open(t))
		})
	}
}

// Put stores content under a new key.
func Put(t *testing.T, s blob.Store, content []byte) blob.Key {
	t.Helper()
	key := blob.NewKey()
	w := Resume(t, s, key, blob.State{})
	Write(t, w, content)
	Finish(t, w)
	return key
}

// Resume opens a writer, which is closed at the latest when the test ends.
func Resume(t *testing.T, s blob.Store, key blob.Key, state blob.State) blob.Writer {
	t.Helper()
	w, err := s.Resume(t.Context(), key, state)
	if err != nil {
		t.Fatalf("Resume(%s, size %d): %v", key, state.Size, err)
	}
	t.Cleanup(func() { w.Close() })
	return w
}

// Write writes content.
func Write(t *testing.T, w blob.Writer, content []byte) {
	t.Helper()
	if n, err := w.Write(content); err != nil || n != len(content) {
		t.Fatalf("Write of %d bytes = %d, %v", len(content), n, err)
	}
}

// Checkpoint returns the state to resume from.
func Checkpoint(t *testing.T, w blob.Writer) blob.State {
	t.Helper()
	state, err := w.Checkpoint(t.Context())
	if err != nil {
		t.Fatalf("Checkpoint: %v", err)
	}
	return state
}

// Finish finishes and closes.
func Finish(t *testing.T, w blob.Writer) {
	t.Helper()
	if err := w.Finish(t.Context()); err != nil {
		t.Fatalf("Finish: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
}

// Content returns what is stored under key.
func Content(t *testing.T, s blob.Store, key blob.Key) []byte {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if err != nil {
		t.Fatalf("Open(%s): %v", key, err)
	}
	defer o.Close()
	content, err := io.ReadAll(o)
	if err != nil {
		t.Fatalf("read %s: %v", key, err)
	}
	if o.Size() != int64(len(content)) {
		t.Errorf("Size() = %d, but %d bytes were read", o.Size(), len(content))
	}
	return content
}

// List returns the keys and sizes of all objects. A stray fails the test.
func List(t *testing.T, s blob.Store) map[blob.Key]int64 {
	t.Helper()
	found := make(map[blob.Key]int64)
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatalf("List: %v", err)
		}
		if info.Stray != "" {
			t.Errorf("List: stray %q", info.Stray)
			continue
		}
		if _, twice := found[info.Key]; twice {
			t.Errorf("List: %s twice", info.Key)
		}
		found[info.Key] = info.Size
	}
	return found
}

// Random returns n bytes that do not compress.
func Random(n int) []byte {
	b := make([]byte, n)
	src := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	src.Read(b)
	return b
}

func wantContent(t *testing.T, s blob.Store, key blob.Key, want []byte) {
	t.Helper()
	if got := Content(t, s, key); !bytes.Equal(got, want) {
		t.Errorf("content of %s: %d bytes that differ from the %d written", key, len(got), len(want))
	}
}

func wantMissing(t *testing.T, s blob.Store, key blob.Key) {
	t.Helper()
	o, err := s.Open(t.Context(), key)
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open of a missing object: %v, want fs.ErrNotExist", err)
	}
	if err == nil {
		o.Close()
	}
}

func wantList(t *testing.T, s blob.Store, want map[blob.Key]int64) {
	t.Helper()
	if diff := cmp.Diff(want, List(t, s)); diff != "" {
		t.Errorf("List (-want +got):\n%s", diff)
	}
}

// chunks cuts b into pieces of at most n bytes.
func chunks(b []byte, n int) [][]byte { return slices.Collect(slices.Chunk(b, n)) }
