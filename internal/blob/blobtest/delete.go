package blobtest

import (
	"testing"

	"easel/internal/blob"
)

func deleteTwice(t *testing.T, s blob.Store) {
	key := Put(t, s, []byte("gone soon"))
	for range 2 {
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if err := s.Sync(t.Context(), []blob.Key{key, key}); err != nil {
		t.Errorf("Sync: %v", err)
	}
	wantMissing(t, s, key)
	wantList(t, s, map[blob.Key]int64{})
}

func deleteUnfinished(t *testing.T, s blob.Store) {
	for _, size := range []int{0, 10, 6 << 20} {
		key := blob.NewKey()
		w := Resume(t, s, key, blob.State{})
		Write(t, w, Random(size))
		Checkpoint(t, w)
		w.Close()
		if err := s.Delete(t.Context(), key); err != nil {
			t.Errorf("Delete of an object of %d bytes that was never finished: %v", size, err)
		}
		wantMissing(t, s, key)
	}
	wantList(t, s, map[blob.Key]int64{})
}

func deleteOnlyThat(t *testing.T, s blob.Store) {
	keep, drop := Put(t, s, []byte("keep")), Put(t, s, []byte("drop"))
	if err := s.Delete(t.Context(), drop); err != nil {
		t.Fatal(err)
	}
	wantContent(t, s, keep, []byte("keep"))
	wantList(t, s, map[blob.Key]int64{keep: 4})
}

func syncKnowsNoKey(t *testing.T, s blob.Store) {
	for _, keys := range [][]blob.Key{nil, {blob.NewKey(), blob.NewKey()}} {
		if err := s.Sync(t.Context(), keys); err != nil {
			t.Errorf("Sync of %d keys that never were: %v", len(keys), err)
		}
	}
}

func keysAreChecked(t *testing.T, s blob.Store) {
	for _, key := range []blob.Key{
		"", "a", "..", "../../../../../../../../etc/passwd", "0123456789ABCDEF0123456789ABCDEF",
		"0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef0", "../123456789abcdef0123456789abcd",
	} {
		if w, err := s.Resume(t.Context(), key, blob.State{}); err == nil {
			w.Close()
			t.Errorf("Resume(%q) succeeded", key)
		}
		if o, err := s.Open(t.Context(), key); err == nil {
			o.Close()
			t.Errorf("Open(%q) succeeded", key)
		}
		if err := s.Delete(t.Context(), key); err == nil {
			t.Errorf("Delete(%q) succeeded", key)
		}
	}
}
