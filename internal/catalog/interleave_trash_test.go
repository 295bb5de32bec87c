package catalog

import (
	"context"
	"errors"
	"testing"
	"time"

	"easel"
)

// trashInterleavings are those in which one of the two leaves something to
// trash, restores it or purges it. The organisation team has an undo window,
// plain has none.
var trashInterleavings = []struct {
	name string
	f    func(*stage)
}{
	// Cure: the blobs are locked before trash names them, and dropBlobs looks for that after the lock.
	{"LastLinkGoesWhileTheOtherGoesToTrash", func(s *stage) {
		s.sharesBase()
		first := s.act("after INSERT INTO trash_blob", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.deletes(s.bob, "plain/b", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		s.comesBack("team/a", 1)
	}},
	{"OneGoesToTrashWhileTheLastLinkGoes", func(s *stage) {
		s.sharesBase()
		first := s.act("after DELETE FROM link", s.deletes(s.bob, "plain/b", "v1"))
		second := s.meanwhile(s.deletes(s.ann, "team/a", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		s.comesBack("team/a", 1)
	}},
	// Cure: both lock the trash row first.
	{"RestoreOfWhatIsBeingPurged", func(s *stage) {
		id := s.trashed("team/a", "one", "base")
		first := s.act("after DELETE FROM trash", s.purges(s.bob, id))
		second := s.meanwhile(s.restores(s.ann, id))
		s.must(first.finish())
		if err := second.finish(); !errors.Is(err, easel.NotFound) || s.has("team/a", "base") || len(s.garbage()) != 2 {
			s.Errorf("restored: %v, there: %v, %d keys are garbage; want nothing, and 2", err, s.has("team/a", "base"), len(s.garbage()))
		}
	}},
	{"PurgeOfWhatIsBeingRestored", func(s *stage) {
		id := s.trashed("team/a", "one", "base")
		first := s.act("after INSERT INTO link", s.restores(s.ann, id))
		second := s.meanwhile(s.purges(s.bob, id))
		s.must(first.finish())
		if err := second.finish(); !errors.Is(err, easel.NotFound) || !s.has("team/a", "base") || len(s.garbage()) != 0 {
			s.Errorf("purged: %v, there: %v, %d keys are garbage; want all of it there", err, s.has("team/a", "base"), len(s.garbage()))
		}
	}},
	// Cure: an upload locks the row of its digest, and makes another when that is gone.
	{"UploadOfWhatIsBeingPurged", func(s *stage) {
		id := s.trashed("team/a", "one", "base")
		first := s.act("after DELETE FROM blob", s.purges(s.bob, id))
		second := s.meanwhile(s.uploads(s.ann, s.begun(s.ann, "team/b"), "base"))
		s.must(errors.Join(first.finish(), second.finish()))
		if !s.has("team/b", "base") {
			s.Error("an acknowledged upload is lost")
		}
	}},
	{"PurgeOfWhatIsBeingUploaded", func(s *stage) {
		id := s.trashed("team/a", "one", "base")
		first := s.act("after INSERT INTO blob", s.uploads(s.ann, s.begun(s.ann, "team/b"), "base"))
		second := s.meanwhile(s.purges(s.bob, id))
		s.must(errors.Join(first.finish(), second.finish()))
		if !s.has("team/b", "base") {
			s.Error("an acknowledged upload is lost")
		}
	}},
	// Cure: the repository lock.
	{"PushOfWhatIsBeingRestored", func(s *stage) {
		id := s.trashed("team/a", "one", "base")
		m := imageOf(nil, "one", "base")
		s.blobs(s.bob, "team/a", "one", "base")
		first := s.act("before INSERT INTO tag", s.restores(s.ann, id))
		second := s.meanwhile(s.puts(s.bob, "team/a", m, "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		if !s.hasManifest("team/a", m) || !s.has("team/a", "base") {
			s.Error("what was restored and pushed is not there")
		}
	}},
	{"RestoreOfWhatIsBeingPushed", func(s *stage) {
		id := s.trashed("team/a", "one", "base")
		s.blobs(s.bob, "team/a", "two", "base")
		first := s.act("before INSERT INTO tag", s.puts(s.bob, "team/a", imageOf(nil, "two", "base"), "v1"))
		second := s.meanwhile(s.restores(s.ann, id))
		s.must(errors.Join(first.finish(), second.finish()))
		if _, err := s.db.Manifest(s.Context(), "team/a", easel.Ref{Tag: "v1-restored-1"}); err != nil {
			s.Errorf("the tag was taken a moment before: %v", err)
		}
	}},
	// Cure: locks in one order, blobs by digest.
	{"TwoPurgesShareALayer", func(s *stage) {
		one, two := s.trashed("team/a", "one", "base"), s.trashed("team/b", "two", "base")
		first := s.act("after DELETE FROM trash", s.purges(s.ann, one))
		second := s.meanwhile(s.purges(s.bob, two))
		s.must(errors.Join(first.finish(), second.finish()))
		if len(s.garbage()) != 4 { // base was uploaded twice
			s.Errorf("%d keys are garbage, want 4: the shared layer stayed", len(s.garbage()))
		}
	}},
}

func TestTrashInterleavings(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	t.Parallel()
	for _, tt := range trashInterleavings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.must(s.db.SetOrgUndo(t.Context(), s.ann, "team", Undo{Window: time.Hour}))
			s.must(s.db.CreateOrg(t.Context(), s.bob, "plain"))
			tt.f(s)
			s.settles()
		})
	}
}

// sharesBase pushes an image to each organisation; they share the layer base.
func (s *stage) sharesBase() {
	s.Helper()
	s.push(s.ann, "team/a", "v1", "one", "base")
	s.must(s.mounts(s.bob, "team/a", "plain/b", "base")(s.Context()))
	s.blobs(s.bob, "plain/b", "two")
	s.must(s.puts(s.bob, "plain/b", imageOf(nil, "two", "base"), "v1")(s.Context()))
}

// trashed pushes an image and deletes it, and returns the receipt's id.
func (s *stage) trashed(repo easel.Repo, words ...string) string {
	s.Helper()
	s.push(s.ann, repo, "v1", words...)
	out, err := s.db.DeleteTag(s.Context(), s.ann, repo, "v1", nil)
	s.must(err)
	return out.Receipt.ID
}

// comesBack restores what is in trash and wants base there, and n keys of garbage.
func (s *stage) comesBack(repo easel.Repo, n int) {
	s.Helper()
	s.sound()
	found, err := s.db.Trash(s.Context(), s.ann, TrashQuery{Domain: "lab", Limit: 10})
	s.must(err)
	if len(found) != 1 || len(s.garbage()) != n {
		s.Fatalf("trash %+v, garbage %v; want one deletion, and %d keys", found, s.garbage(), n)
	}
	s.must(s.restores(s.ann, found[0].ID)(s.Context()))
	if !s.has(repo, "base") {
		s.Error("the layer is lost")
	}
}

func (s *stage) restores(who easel.Principal, id string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.Restore(ctx, who, id, "")
		return err
	}
}

func (s *stage) purges(who easel.Principal, id string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.PurgeTrash(ctx, who, id)
		return err
	}
}
