package blobtest

import (
	"bytes"
	"io"
	"sync"
	"testing"

	"easel/internal/blob"
)

func objectsSeek(t *testing.T, s blob.Store) {
	want := Random(1 << 20)
	o, err := s.Open(t.Context(), Put(t, s, want))
	if err != nil {
		t.Fatal(err)
	}
	defer o.Close()
	for _, tt := range []struct {
		offset int64
		whence int
		at     int64
	}{
		{1000, io.SeekStart, 1000},
		{500_000, io.SeekCurrent, 501_100}, // 100 bytes were read at 1000
		{-100, io.SeekEnd, 1<<20 - 100},
		{0, io.SeekStart, 0},
	} {
		at, err := o.Seek(tt.offset, tt.whence)
		if err != nil || at != tt.at {
			t.Fatalf("Seek(%d, %d) = %d, %v, want %d", tt.offset, tt.whence, at, err, tt.at)
		}
		got := make([]byte, 100)
		if _, err := io.ReadFull(o, got); err != nil {
			t.Fatalf("read at %d: %v", at, err)
		}
		if !bytes.Equal(got, want[at:at+100]) {
			t.Errorf("bytes at %d differ", at)
		}
	}
	if at, err := o.Seek(0, io.SeekEnd); err != nil || at != o.Size() {
		t.Errorf("Seek to the end = %d, %v, want %d", at, err, o.Size())
	}
	if n, err := o.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("Read at the end = %d, %v, want EOF", n, err)
	}
}

func readersAreIndependent(t *testing.T, s blob.Store) {
	want := Random(1 << 20)
	key := Put(t, s, want)
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			o, err := s.Open(t.Context(), key)
			if err != nil {
				t.Errorf("Open: %v", err)
				return
			}
			defer o.Close()
			skip := int64(n * 1000)
			if _, err := o.Seek(skip, io.SeekStart); err != nil {
				t.Errorf("Seek: %v", err)
			}
			if got, err := io.ReadAll(o); err != nil || !bytes.Equal(got, want[skip:]) {
				t.Errorf("reader %d read %d bytes, %v", n, len(got), err)
			}
		})
	}
	wg.Wait()
}

func openMissing(t *testing.T, s blob.Store) { wantMissing(t, s, blob.NewKey()) }

func listIsComplete(t *testing.T, s blob.Store) {
	wantList(t, s, map[blob.Key]int64{})
	want := make(map[blob.Key]int64)
	for n := range 40 {
		want[Put(t, s, Random(n))] = int64(n)
	}
	wantList(t, s, want)
	for info, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if info.ModTime.IsZero() {
			t.Errorf("%s: no modification time", info.Key)
		}
	}
}

func listStops(t *testing.T, s blob.Store) {
	for range 10 {
		Put(t, s, []byte("x"))
	}
	n := 0
	for range s.List(t.Context()) {
		if n++; n == 3 {
			break
		}
	}
	if n != 3 {
		t.Errorf("%d objects before the break, want 3", n)
	}
}
