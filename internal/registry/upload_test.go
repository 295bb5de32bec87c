package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"easel"
	"easel/internal/blob"
)

func TestUploadInChunks(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.session()
	for _, tt := range []struct {
		name string
		c    Chunk
		kind easel.Kind // Internal: it works
		noun easel.Noun
		size int64 // where the session stands afterwards
	}{
		{"first", chunk(0, "abc"), 0, "", 3},
		{"next", chunk(3, "def"), 0, "", 6},
		{"gap", chunk(7, "h"), easel.Range, "upload", 6},
		{"overlap", chunk(5, "fg"), easel.Range, "upload", 6},
		{"again", chunk(3, "def"), easel.Range, "upload", 6},
		{"wherever it is", chunk(AtEnd, "g"), 0, "", 7},
		{"unknown length", Chunk{Body: strings.NewReader("hi"), At: 7, Size: SizeUnknown}, 0, "", 9},
		{"longer than announced", Chunk{Body: strings.NewReader("jklm"), At: 9, Size: 2}, easel.Invalid, "size", 9},
		{"shorter than announced: kept", Chunk{Body: strings.NewReader("jk"), At: 9, Size: 4}, easel.Invalid, "size", 11},
		{"broken off: kept", Chunk{Body: io.MultiReader(strings.NewReader("l"), iotest.ErrReader(io.ErrUnexpectedEOF)), At: 11, Size: 4}, easel.Invalid, "size", 12},
		{"empty", Chunk{At: 12}, 0, "", 12},
	} {
		u, err := y.AppendUpload(y.ctx(), "team/image", id, tt.c)
		if tt.kind == easel.Internal {
			must(t, err)
		} else {
			t.Run(tt.name, func(t *testing.T) { wantErr(t, err, tt.kind, tt.noun) })
		}
		if u.Size != tt.size {
			t.Errorf("%s: the session stands at %d, want %d", tt.name, u.Size, tt.size)
		}
		if u, err := y.UploadStatus(y.ctx(), "team/image", id); err != nil || u.Size != tt.size {
			t.Errorf("%s: status = %d, %v, want %d", tt.name, u.Size, err, tt.size)
		}
	}
	d := sha256("abcdefghijklm")
	_, err := y.FinishUpload(y.ctx(), "team/image", id, d, chunk(12, "m"))
	must(t, err)
	if got := y.read("team/image", d); got != "abcdefghijklm" {
		t.Errorf("content = %q", got)
	}
	_, err = y.UploadStatus(y.ctx(), "team/image", id)
	wantErr(t, err, easel.NotFound, "upload")
}

func TestUploadResumesAfterRestart(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.session()
	_, err := y.AppendUpload(y.ctx(), "team/image", id, chunk(0, "before "))
	must(t, err)
	y.restart()
	u, err := y.UploadStatus(y.ctx(), "team/image", id)
	if err != nil || u.Size != 7 {
		t.Fatalf("status = %+v, %v", u, err)
	}
	d := sha256("before and after")
	_, err = y.FinishUpload(y.ctx(), "team/image", id, d, chunk(7, "and after"))
	must(t, err)
	if got := y.read("team/image", d); got != "before and after" {
		t.Errorf("content = %q", got)
	}
}

// TestUnrecordedBytesAreCutAway is a process that died between writing bytes
// and recording them.
func TestUnrecordedBytesAreCutAway(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.session()
	_, err := y.AppendUpload(y.ctx(), "team/image", id, chunk(0, "good "))
	must(t, err)
	u, err := y.db.Upload(y.ctx(), alice, "team/image", id)
	must(t, err)
	w, err := y.store.Resume(y.ctx(), u.Key, blob.State{Size: u.Size, Parts: u.Writer})
	must(t, err)
	_, err = w.Write([]byte("lost in the crash"))
	must(t, err)
	must(t, w.Close())
	y.restart()
	d := sha256("good end")
	_, err = y.FinishUpload(y.ctx(), "team/image", id, d, chunk(5, "end"))
	must(t, err)
	if got := y.read("team/image", d); got != "good end" {
		t.Errorf("content = %q", got)
	}
}

func TestFinishVerifiesDigest(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, algorithm string
		digest          easel.Digest
		ok              bool
	}{
		{"sha256", "", sha256("content"), true},
		{"sha512 announced", easel.SHA512, sha512("content"), true},
		{"sha512 not announced", "", sha512("content"), true},
		{"sha256 after all", easel.SHA512, sha256("content"), true},
		{"wrong", "", sha256("other"), false},
		{"wrong of the other algorithm", "", sha512("other"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			y := newYard(t)
			u, err := y.StartUpload(y.ctx(), "team/image", tt.algorithm)
			must(t, err)
			_, err = y.AppendUpload(y.ctx(), "team/image", u.ID, chunk(0, "con"))
			must(t, err)
			_, err = y.FinishUpload(y.ctx(), "team/image", u.ID, tt.digest, chunk(3, "tent"))
			if tt.ok {
				must(t, err)
				if got := y.read("team/image", tt.digest); got != "content" {
					t.Errorf("content = %q", got)
				}
				return
			}
			wantErr(t, err, easel.Invalid, "digest")
			if n := y.objects(); n != 0 {
				t.Errorf("%d objects are left of a blob that was refused", n)
			}
			_, err = y.UploadStatus(y.ctx(), "team/image", u.ID)
			wantErr(t, err, easel.NotFound, "upload")
		})
	}
}

// TestWholeBodyIsSentAgain: clients that put a whole blob without an offset
// send it from the start when the connection broke.
func TestWholeBodyIsSentAgain(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id, d := y.session(), sha256("whole")
	broken := Chunk{Body: io.MultiReader(strings.NewReader("who"), iotest.ErrReader(io.ErrUnexpectedEOF)), At: AtEnd, Size: 5}
	u, err := y.FinishUpload(y.ctx(), "team/image", id, d, broken)
	wantErr(t, err, easel.Invalid, "size")
	if u.ID != id || u.Size != 0 {
		t.Errorf("the session stands at %+v, want 0", u)
	}
	_, err = y.FinishUpload(y.ctx(), "team/image", id, d, chunk(AtEnd, "whole"))
	must(t, err)
}

func TestPutBlobLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	err := y.PutBlob(y.ctx(), "team/image", sha256("whole"), Chunk{Body: strings.NewReader("who"), At: AtEnd, Size: 5})
	wantErr(t, err, easel.Invalid, "size")
	if n := y.objects(); n != 0 {
		t.Errorf("%d objects are left of a blob that broke off", n)
	}
	for _, content := range []string{"", "a", strings.Repeat("long", receiveBuffer)} {
		if d := y.put(alice, "team/image", content); y.read("team/image", d) != content {
			t.Errorf("a blob of %d bytes was read otherwise", len(content))
		}
	}
}

// during is a body that does something in the middle of being read.
func during(content string, do func()) io.Reader {
	done := false
	return io.MultiReader(strings.NewReader(content), readerFunc(func([]byte) (int, error) {
		if !done {
			done = true
			do()
		}
		return 0, io.EOF
	}))
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func TestOneWriterPerSession(t *testing.T) {
	t.Parallel()
	y := newYard(t, func(o *Options) { o.MaxUploads = 4 })
	id, other, third := y.session(), y.session(), y.session()
	body := during("first", func() {
		_, err := y.AppendUpload(y.ctx(), "team/image", id, chunk(0, "second"))
		wantErr(t, err, easel.InUse, "upload")
		_, err = y.FinishUpload(y.ctx(), "team/image", id, sha256("first"), Chunk{At: AtEnd})
		wantErr(t, err, easel.InUse, "upload")
		_, err = y.AppendUpload(y.ctx(), "team/image", other, Chunk{At: AtEnd, Size: SizeUnknown, Body: during("x", func() {
			_, err := y.AppendUpload(y.ctx(), "team/image", third, chunk(0, "too many"))
			wantErr(t, err, easel.TooMany, "upload")
		})})
		must(t, err)
	})
	u, err := y.AppendUpload(y.ctx(), "team/image", id, Chunk{Body: body, At: 0, Size: SizeUnknown})
	if err != nil || u.Size != 5 {
		t.Fatalf("append = %+v, %v", u, err)
	}
	_, err = y.AppendUpload(y.ctx(), "team/image", id, chunk(5, " again"))
	must(t, err)
}

func TestCheckpointWhileReceiving(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.session()
	body := io.MultiReader(bytes.NewReader(make([]byte, checkpointBytes+1)), during("", func() {
		u, err := y.UploadStatus(y.ctx(), "team/image", id)
		if err != nil || u.Size < checkpointBytes {
			t.Errorf("status while receiving = %+v, %v, want at least %d", u, err, int64(checkpointBytes))
		}
	}))
	_, err := y.AppendUpload(y.ctx(), "team/image", id, Chunk{Body: body, At: 0, Size: SizeUnknown})
	must(t, err)
	must(t, y.CancelUpload(y.ctx(), "team/image", id))
	if n := y.objects(); n != 0 {
		t.Errorf("%d objects are left of a cancelled upload", n)
	}
}

func TestCancelWhileReceiving(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.session()
	body := during("bytes", func() { must(t, y.CancelUpload(y.ctx(), "team/image", id)) })
	_, err := y.AppendUpload(y.ctx(), "team/image", id, Chunk{Body: body, At: 0, Size: SizeUnknown})
	wantErr(t, err, easel.NotFound, "upload")
	if n := y.objects(); n != 0 {
		t.Errorf("%d objects are left of a cancelled upload", n)
	}
}

func TestUploadExpires(t *testing.T) {
	t.Parallel()
	y := newYard(t, func(o *Options) { o.UploadTTL = time.Hour })
	id := y.session()
	y.now = y.now.Add(50 * time.Minute)
	_, err := y.AppendUpload(y.ctx(), "team/image", id, chunk(0, "still")) // starts the hour again
	must(t, err)
	y.now = y.now.Add(50 * time.Minute)
	body := io.MultiReader(during("more", func() { y.now = y.now.Add(11 * time.Minute) }), strings.NewReader("late"))
	_, err = y.AppendUpload(y.ctx(), "team/image", id, Chunk{Body: body, At: 5, Size: SizeUnknown})
	wantErr(t, err, easel.NotFound, "upload")
	_, err = y.UploadStatus(y.ctx(), "team/image", id)
	wantErr(t, err, easel.NotFound, "upload")
	_, err = y.Reclaim(y.ctx())
	must(t, err)
	if n := y.objects(); n != 0 {
		t.Errorf("%d objects are left of an expired upload", n)
	}
}

// TestStrangersSession: another user's session is as good as none, in
// whichever repository it is looked for.
func TestStrangersSession(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	u, err := y.StartUpload(as(bob), "lab/image", "")
	must(t, err)
	for _, repo := range []easel.Repo{"lab/image", "team/image"} {
		_, err := y.UploadStatus(as(alice), repo, u.ID)
		wantErr(t, err, easel.NotFound, "upload")
		_, err = y.AppendUpload(as(alice), repo, u.ID, chunk(0, "x"))
		wantErr(t, err, easel.NotFound, "upload")
		_, err = y.FinishUpload(as(alice), repo, u.ID, sha256(""), Chunk{At: AtEnd})
		wantErr(t, err, easel.NotFound, "upload")
		wantErr(t, y.CancelUpload(as(alice), repo, u.ID), easel.NotFound, "upload")
	}
	_, err = y.AppendUpload(as(mal), "lab/image", u.ID, chunk(0, "x"))
	wantErr(t, err, easel.NotFound, "repository")
	_, err = y.AppendUpload(as(easel.Principal{}), "lab/image", u.ID, chunk(0, "x"))
	wantErr(t, err, easel.Unauthenticated, "repository")
	_, err = y.FinishUpload(as(bob), "lab/image", u.ID, sha256("bob's"), chunk(0, "bob's"))
	must(t, err)
}

func TestLowSpace(t *testing.T) {
	t.Parallel()
	free := int64(1 << 40)
	y := newYard(t, func(o *Options) { o.Free = func() (int64, error) { return free, nil } })
	d, id := y.put(alice, "team/image", "there"), y.session()
	free = 65 << 20 // one MiB above the mark
	_, err := y.AppendUpload(y.ctx(), "team/image", id, Chunk{Body: strings.NewReader("x"), At: 0, Size: 2 << 20})
	wantErr(t, err, easel.NoSpace, "blob")
	free = 1 << 20
	_, err = y.StartUpload(y.ctx(), "team/image", "")
	wantErr(t, err, easel.NoSpace, "blob")
	_, err = y.PutManifest(y.ctx(), "team/image", ManifestPush{Ref: easel.Ref{Tag: "v1"}, ContentType: easel.MediaTypeOCIManifest, Body: imageManifest(d, 5)})
	wantErr(t, err, easel.NoSpace, "blob")
	if got := y.read("team/image", d); got != "there" {
		t.Errorf("content = %q", got)
	}
	if _, err := y.StatBlob(y.ctx(), "team/image", d); err != nil {
		t.Errorf("stat on a full disk: %v", err)
	}
	if _, err := y.DeleteBlob(y.ctx(), "team/image", d); err != nil {
		t.Errorf("delete on a full disk: %v", err)
	}
}

// fullStore is a store whose disk gets full while an object is written.
type fullStore struct{ blob.Store }

func (s fullStore) Resume(ctx context.Context, key blob.Key, state blob.State) (blob.Writer, error) {
	w, err := s.Store.Resume(ctx, key, state)
	return fullWriter{w}, err
}

type fullWriter struct{ blob.Writer }

func (w fullWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p[:len(p)/2])
	return n, errors.Join(err, easel.E(easel.NoSpace, "disk", "full"))
}

func TestFullDiskGivesBackWhatArrived(t *testing.T) {
	t.Parallel()
	y := newYard(t)
	id := y.session()
	y.Service = New(Options{Catalog: y.db, Blobs: fullStore{y.store}})
	u, err := y.AppendUpload(y.ctx(), "team/image", id, chunk(0, "more than there is room for"))
	wantErr(t, err, easel.NoSpace, "disk")
	if u.ID != "" {
		t.Errorf("the session %s is said to be there", u.ID)
	}
	if n := y.objects(); n != 0 {
		t.Errorf("%d objects still take room", n)
	}
}
