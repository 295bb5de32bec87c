package catalog

import (
	"context"
	"errors"
	"testing"

	"easel"
)

// workspaceInterleavings are those of a workspace that goes while something
// comes into it. Their cure is the foreign key from groups to their workspace,
// and that the whole transaction runs again when it fails.
var workspaceInterleavings = []struct {
	name string
	f    func(*stage)
}{
	{"WorkspaceGoesAfterARegistrationHasLookedForIt", func(s *stage) {
		id := s.workspace()
		first := s.act("after SELECT 1 FROM workspace WHERE id", s.registers(id))
		s.must(s.meanwhile(s.deletesWorkspace(id)).finish())
		if err := first.finish(); !errors.Is(err, easel.NotFound) || first.tries.Load() != 2 {
			s.Errorf("registered: %v after %d tries; want not found after 2", err, first.tries.Load())
		}
	}},
	{"RegistrationCommitsAfterADeletionHasLookedForImages", func(s *stage) {
		id := s.workspace()
		first := s.act("before DELETE FROM workspace", s.deletesWorkspace(id))
		s.must(s.meanwhile(s.registers(id)).finish())
		if err := first.finish(); !errors.Is(err, easel.InUse) || first.tries.Load() != 2 {
			s.Errorf("deleted: %v after %d tries; want in use after 2", err, first.tries.Load())
		}
	}},
	{"DeletionWaitsForARegistration", func(s *stage) {
		id := s.workspace()
		first := s.act("before INSERT INTO audit", s.registers(id))
		second := s.meanwhile(s.deletesWorkspace(id))
		s.must(first.finish())
		if err := second.finish(); !errors.Is(err, easel.InUse) {
			s.Errorf("deleted: %v; want in use", err)
		}
	}},
	{"LastImageGoesWhileTheNextComes", func(s *stage) {
		id := s.workspace()
		s.must(s.registers(id)(s.Context()))
		s.push(s.ann, "team/a", "v2", "two")
		group := easel.GroupID("p", id, "team", "a")
		first := s.act("after DELETE FROM image_group", func(ctx context.Context) error {
			_, _, err := s.db.DeleteImages(ctx, s.ann, ImageDeletion{Project: "p", Group: group})
			return err
		})
		second := s.meanwhile(func(ctx context.Context) error {
			_, err := s.db.RegisterImage(ctx, s.ann, s.registration(id, "v2"))
			return err
		})
		s.must(errors.Join(first.finish(), second.finish()))
		if err := s.deletesWorkspace(id)(s.Context()); !errors.Is(err, easel.InUse) {
			s.Errorf("deleted: %v; want in use", err)
		}
	}},
}

func TestWorkspaceInterleavings(t *testing.T) {
	if testing.Short() {
		t.Skip("left out: -short")
	}
	t.Parallel()
	for _, tt := range workspaceInterleavings {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.must(s.db.AddProject(t.Context(), Project{ID: "p", Domain: "lab", Name: "eu-de", Parent: "lab", Enabled: true}))
			s.push(s.ann, "team/a", "v1", "one")
			tt.f(s)
			s.settles()
		})
	}
}

func (s *stage) workspace() string {
	s.Helper()
	w, err := s.db.CreateWorkspace(s.Context(), s.ann, easel.Workspace{Project: "p", Name: "vision", Access: easel.Public})
	s.must(err)
	return w.ID
}

func (s *stage) registration(workspace string, tag easel.Tag) Registration {
	return Registration{Image: easel.Image{Project: "p", Workspace: workspace, Type: easel.Dedicated, Path: "host/team/a:" + string(tag),
		Repo: "team/a", Tag: tag, Name: "a", Visibility: easel.Private}}
}

func (s *stage) registers(workspace string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.db.RegisterImage(ctx, s.ann, s.registration(workspace, "v1"))
		return err
	}
}

func (s *stage) deletesWorkspace(id string) func(context.Context) error {
	return func(ctx context.Context) error { return s.db.DeleteWorkspace(ctx, s.bob, "p", id) }
}
