package catalog

import (
	"context"
	"errors"
	"testing"
	"time"

	"easel"
	"easel/internal/blob"
)

// interleavings are the hazards of concurrent deletion, each as one script of
// two transactions on two connections: random stress hardly ever shows the
// first three. Every script fails without its cure, which it names.
var interleavings = []struct {
	name string
	f    func(*stage)
}{
	// Cures: the repository lock, and the blob lock once more.
	{"TwoDeletionsOfOneRepositoryShareALayer", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one", "base")
		s.push(s.ann, "team/a", "v2", "two", "base")
		first := s.act("after DELETE FROM link", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.deletes(s.bob, "team/a", "v2"))
		s.must(errors.Join(first.finish(), second.finish()))
		if s.has("team/a", "base") || len(s.garbage()) != 3 {
			s.Errorf("the layer stayed; %d keys are garbage, want 3", len(s.garbage()))
		}
	}},
	// Cure: blobs FOR UPDATE before links go.
	{"TwoDeletionsOfTwoRepositoriesShareALayer", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one", "base")
		s.must(s.mounts(s.ann, "team/a", "team/b", "base")(s.Context()))
		s.blobs(s.ann, "team/b", "two")
		s.must(s.puts(s.ann, "team/b", imageOf(nil, "two", "base"), "v1")(s.Context()))
		first := s.act("after DELETE FROM blob", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.deletes(s.bob, "team/b", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		if len(s.garbage()) != 3 {
			s.Errorf("%d keys are garbage, want 3: the shared layer stayed", len(s.garbage()))
		}
	}},
	// Cures: blobs FOR UPDATE, and keys move by DELETE … RETURNING.
	{"MountBetweenLinkAndBlob", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one", "base")
		first := s.act("after DELETE FROM link", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.mounts(s.bob, "team/a", "team/b", "base"))
		s.must(first.finish())
		if err := second.finish(); !errors.Is(err, easel.NotFound) && (err != nil || !s.has("team/b", "base")) {
			s.Errorf("mounted: %v, there: %v", err, s.has("team/b", "base"))
		}
		s.sound() // no key is both a blob's and garbage
	}},
	// Cure: repositories FOR NO KEY UPDATE, which a foreign key does not wait for.
	{"UploadLinksWhileItsRepositoryIsLocked", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one")
		s.push(s.ann, "team/b", "v1", "two", "base")
		both := ImageDeletion{Project: "p", IDs: []string{s.registered("team/a"), s.registered("team/b")}, Force: true}
		first := s.act("after INSERT INTO blob", s.uploads(s.bob, s.begun(s.bob, "team/a"), "base"))
		second := s.meanwhile(func(ctx context.Context) error {
			_, _, err := s.db.DeleteImages(ctx, s.ann, both)
			return err
		})
		s.must(errors.Join(first.finish(), second.finish()))
		if first.tries.Load() != 1 || second.tries.Load() != 1 {
			s.Errorf("tries: upload %d, deletion %d; want one each: they waited for each other", first.tries.Load(), second.tries.Load())
		}
		if !s.has("team/a", "base") {
			s.Error("an acknowledged upload is lost")
		}
	}},
	// Cure: an upload of a digest that is there changes no column that a foreign key could name.
	{"UploadAndMountLinkOneBlobAtOnce", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "base")
		first := s.act("after INSERT INTO blob", s.uploads(s.bob, s.begun(s.bob, "team/b"), "base"))
		second := s.meanwhile(s.mounts(s.ann, "team/a", "team/b", "base"))
		s.must(errors.Join(first.finish(), second.finish()))
		if first.tries.Load() != 1 || second.tries.Load() != 1 {
			s.Errorf("tries: upload %d, mount %d; want one each: they waited for each other", first.tries.Load(), second.tries.Load())
		}
	}},
	// Cure: a deletion removes ended pins only; the foreign key finds the others.
	{"ManifestIsPinnedAfterTheDecision", func(s *stage) {
		m := s.push(s.ann, "team/a", "v1", "one")
		first := s.act("before DELETE FROM mpin", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(func(ctx context.Context) error {
			_, err := s.db.PinManifest(ctx, s.bob, "team/a", easel.Ref{Digest: bodyDigest(m)})
			return err
		})
		s.must(errors.Join(first.finish(), second.finish()))
		if err := s.puts(s.bob, "team/a", indexOf(m), "index")(s.Context()); err != nil {
			s.Errorf("an index of a manifest that its pusher was told about: %v", err)
		}
	}},
	{"BlobIsPinnedAfterTheDecision", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one", "base")
		s.blobs(s.bob, "team/a", "two")
		first := s.act("before DELETE FROM pin", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.heads(s.bob, "team/a", "base"))
		s.must(errors.Join(first.finish(), second.finish()))
		if err := s.puts(s.bob, "team/a", imageOf(nil, "two", "base"), "v2")(s.Context()); err != nil {
			s.Errorf("a manifest whose pusher was told that the layer is there: %v", err)
		}
	}},
	// Cure: only another user's pin refuses; the foreign key finds the caller's own.
	{"RepositoryGoesWhileItsOwnerPushes", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one")
		first := s.act("after DELETE FROM pin WHERE repo", func(ctx context.Context) error {
			_, err := s.db.DeleteRepo(ctx, s.ann, "team/a", nil)
			return err
		})
		second := s.meanwhile(s.uploads(s.ann, s.begun(s.ann, "team/a"), "two"))
		s.must(errors.Join(first.finish(), second.finish()))
		if s.has("team/a", "one") || s.has("team/a", "two") {
			s.Error("the repository was deleted, and a blob is still there")
		}
	}},
	// Cure: a manifest put by digest is pinned.
	{"ChildIsPutWhileItsIndexGoes", func(s *stage) {
		m := s.push(s.ann, "team/a", "child", "one")
		s.must(s.puts(s.ann, "team/a", indexOf(m), "v1")(s.Context()))
		s.must(s.deletes(s.ann, "team/a", "child")(s.Context()))
		first := s.act("before UPDATE manifest SET condemned", s.puts(s.bob, "team/a", m))
		second := s.meanwhile(s.deletes(s.ann, "team/a", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		if err := s.puts(s.bob, "team/a", indexOf(m), "v2")(s.Context()); err != nil {
			s.Errorf("an index of a child that was acknowledged: %v", err)
		}
	}},
	// Cure: every telling is counted.
	{"LayerIsAskedForWhileAManifestTakesItsPin", func(s *stage) {
		s.push(s.ann, "team/a", "v0", "zero", "base")
		s.blobs(s.bob, "team/a", "one", "base", "two") // for two pushes
		first := s.act("after UPDATE pin SET uses", s.puts(s.bob, "team/a", imageOf(nil, "one", "base"), "v1"))
		second := s.meanwhile(s.heads(s.bob, "team/a", "base"))
		s.must(errors.Join(first.finish(), second.finish()))
		s.must(s.deletes(s.ann, "team/a", "v0")(s.Context()))
		s.must(s.deletes(s.ann, "team/a", "v1")(s.Context()))
		if err := s.puts(s.bob, "team/a", imageOf(nil, "two", "base"), "v2")(s.Context()); err != nil {
			s.Errorf("a manifest whose pusher was told that the layer is there: %v", err)
		}
	}},
	{"LayerIsAskedForByTwoPushesOfOneUser", func(s *stage) {
		s.push(s.ann, "team/a", "v0", "zero", "base")
		s.blobs(s.bob, "team/a", "one", "two", "base", "base")
		s.must(s.deletes(s.ann, "team/a", "v0")(s.Context()))
		first := s.act("before INSERT INTO audit", s.puts(s.bob, "team/a", imageOf(nil, "one", "base"), "v1"))
		second := s.meanwhile(s.deletes(s.ann, "team/a", "v1"))
		s.must(first.finish())
		s.must(second.finish())
		if err := s.puts(s.bob, "team/a", imageOf(nil, "two", "base"), "v2")(s.Context()); err != nil {
			s.Errorf("a manifest whose pusher was told twice that the layer is there: %v", err)
		}
	}},
	// Cure: pins belong to the user, for clients mount with another token.
	{"MountAndPutWithDifferentTokens", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "one", "base")
		later := s.bob
		later.TokenID = "another token of bob"
		s.must(s.mounts(s.bob, "team/a", "team/b", "base")(s.Context()))
		s.blobs(later, "team/b", "two")
		first := s.act("before INSERT INTO audit", s.puts(later, "team/b", imageOf(nil, "two", "base"), "v1"))
		second := s.meanwhile(s.deletes(s.ann, "team/b", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		s.must(s.deletes(s.ann, "team/a", "v1")(s.Context()))
		if len(s.garbage()) != 3 {
			s.Errorf("%d keys are garbage, want 3: a pin was left behind", len(s.garbage()))
		}
	}},
	// Cure: garbage of an upload keeps its row until no writer can live.
	{"WriterIsLateForItsExpiredUpload", func(s *stage) {
		u := s.begun(s.ann, "team/a")
		s.pass(2 * time.Hour)
		first := s.act("after DELETE FROM upload", func(ctx context.Context) error {
			_, err := s.db.ExpireUploads(ctx)
			return err
		})
		second := s.meanwhile(s.uploads(s.ann, u, "late"))
		s.must(first.finish())
		if err := second.finish(); !errors.Is(err, easel.NotFound) {
			s.Errorf("the late upload: %v, want NotFound", err)
		}
		s.must(s.db.Forget(s.Context(), []blob.Key{u.Key})) // unlinked, and now the writer makes the object
		if _, named, err := s.db.StorageKey(s.Context(), u.Key); err != nil || !named {
			s.Errorf("no row names the key of a late writer (%v)", err)
		}
		s.pass(time.Hour)
		if got := s.garbage(); len(got) != 1 || got[0] != u.Key {
			s.Errorf("due an hour later: %v, want the key of the late writer", got)
		}
	}},
	// Cure: only committed garbage rows are unlinked, whoever lost which answer.
	{"UploadIsCancelledWhileItBecomesABlob", func(s *stage) {
		u := s.begun(s.ann, "team/a")
		first := s.act("after INSERT INTO link", s.uploads(s.ann, u, "layer"))
		second := s.meanwhile(func(ctx context.Context) error { return s.db.CancelUpload(ctx, s.ann, "team/a", u.ID) })
		s.must(first.finish())
		if err := second.finish(); !errors.Is(err, easel.NotFound) {
			s.Errorf("cancelled: %v, want NotFound", err)
		}
		if !s.has("team/a", "layer") || len(s.garbage()) != 0 {
			s.Errorf("there: %v, garbage: %v; want the blob and no garbage", s.has("team/a", "layer"), s.garbage())
		}
	}},
	// Cure: the repository lock.
	{"TwoLastTagsAtOnce", func(s *stage) {
		m := s.push(s.ann, "team/a", "v1", "one")
		s.must(s.puts(s.ann, "team/a", m, "v2")(s.Context()))
		first := s.act("before INSERT INTO audit", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.deletes(s.bob, "team/a", "v2"))
		s.must(errors.Join(first.finish(), second.finish()))
		if s.hasManifest("team/a", m) {
			s.Error("the manifest outlived both its tags")
		}
	}},
	// Cure: the repository lock, in a put as well.
	{"ReferrerIsPutWhileItsSubjectGoes", func(s *stage) {
		m := s.push(s.ann, "team/a", "v1", "one")
		s.blobs(s.bob, "team/a", "signature")
		sig := imageOf(m, "signature")
		first := s.act("before DELETE FROM child", s.deletes(s.ann, "team/a", "v1"))
		second := s.meanwhile(s.puts(s.bob, "team/a", sig))
		s.must(errors.Join(first.finish(), second.finish()))
		s.pass(time.Hour)
		s.sweep()
		if s.hasManifest("team/a", sig) {
			s.Error("the referrer stayed, without a subject and for ever")
		}
	}},
	// Cure: the key that comes back decides which of the two is garbage.
	{"TwoUploadsOfOneDigest", func(s *stage) {
		one, two := s.begun(s.ann, "team/a"), s.begun(s.bob, "team/b")
		first := s.act("after INSERT INTO blob", s.uploads(s.ann, one, "base"))
		second := s.meanwhile(s.uploads(s.bob, two, "base"))
		s.must(errors.Join(first.finish(), second.finish()))
		if !s.has("team/a", "base") || !s.has("team/b", "base") {
			s.Error("an acknowledged upload is lost")
		}
		if got := s.garbage(); len(got) != 1 || got[0] != two.Key {
			s.Errorf("garbage %v, want %v: the second upload's", got, two.Key)
		}
	}},
	// Cure: DO UPDATE … RETURNING, which locks the row that is there.
	{"UploadOfADigestThatIsBeingDeleted", func(s *stage) {
		s.push(s.ann, "team/a", "v1", "base")
		first := s.act("after INSERT INTO blob", s.uploads(s.bob, s.begun(s.bob, "team/b"), "base"))
		second := s.meanwhile(s.deletes(s.ann, "team/a", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		if first.tries.Load() != 1 || !s.has("team/b", "base") {
			s.Errorf("there: %v after %d tries", s.has("team/b", "base"), first.tries.Load())
		}
	}},
	// Cure: a referrer is pinned only while its subject is missing.
	{"SubjectIsDeletedAfterItsReferrer", func(s *stage) {
		m := s.push(s.ann, "team/a", "v1", "one")
		s.blobs(s.bob, "team/a", "signature")
		sig := imageOf(m, "signature")
		first := s.act("before INSERT INTO audit", s.puts(s.bob, "team/a", sig))
		second := s.meanwhile(s.deletes(s.ann, "team/a", "v1"))
		s.must(errors.Join(first.finish(), second.finish()))
		if s.hasManifest("team/a", sig) || len(s.garbage()) != 2 {
			s.Errorf("the referrer is there: %v; %d keys are garbage, want 2", s.hasManifest("team/a", sig), len(s.garbage()))
		}
	}},
}

func TestInterleavings(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	t.Parallel()
	for _, tt := range interleavings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			tt.f(s)
			s.settles()
		})
	}
}

// registered makes an image record of the tag v1.
func (s *stage) registered(repo easel.Repo) string {
	s.Helper()
	i, err := s.db.RegisterImage(s.Context(), s.ann, Registration{Image: easel.Image{
		Project: "p", Workspace: "0", Type: easel.Dedicated, Path: "host/" + string(repo) + ":v1", Repo: repo, Tag: "v1", Name: repo.Name(), Visibility: "PRIVATE"}})
	s.must(err)
	return i.ID
}
