package workbench

import (
	"context"
	"errors"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Filter says which images or groups are wanted (images.md, operations A and
// C). Zero fields do not filter; Workspace "" is the default one.
type Filter = catalog.ImageFilter

// Order says how images are ordered: by Keys in one direction, then by
// ascending id. Without keys by creation time.
type Order struct {
	Keys      []catalog.ImageSort
	Ascending bool
}

// List returns a page of the project's images and the built-in ones, and how
// many match. Errors: those of May and enter.
func (s *Service) List(ctx context.Context, f Filter, o Order, p catalog.Page) ([]easel.Image, int64, error) {
	if err := s.May(ctx, f.Project, policy.ListImages); err != nil {
		return nil, 0, err
	}
	ws, err := s.enter(ctx, f.Project, f.Workspace, policy.ListImages)
	if err != nil {
		return nil, 0, err
	}
	f.Workspace = ws
	return s.catalog.Images(ctx, f, o.Keys, o.Ascending, p)
}

// Show returns an image. Errors: those of May; NotFound "image"; Denied "workspace".
func (s *Service) Show(ctx context.Context, project, id string) (easel.Image, error) {
	if err := s.May(ctx, project, policy.ShowImage); err != nil {
		return easel.Image{}, err
	}
	return s.visible(ctx, project, id, policy.ShowImage)
}

// Groups returns a page of the project's image groups, the one changed last
// first, and how many there are. Without f.Type: groups of dedicated images.
// Errors: those of May and enter.
func (s *Service) Groups(ctx context.Context, f Filter, p catalog.Page) ([]easel.ImageGroup, int64, error) {
	if err := s.May(ctx, f.Project, policy.ListGroups); err != nil {
		return nil, 0, err
	}
	ws, err := s.enter(ctx, f.Project, f.Workspace, policy.ListGroups)
	if err != nil {
		return nil, 0, err
	}
	f.Workspace = ws
	if f.Type == "" {
		f.Type = easel.Dedicated
	}
	return s.catalog.ImageGroups(ctx, f, p)
}

// UpdateGroup changes a group and returns it. Errors: those of May; NotFound
// "group"; Denied "group" for one of built-in images, and "workspace".
func (s *Service) UpdateGroup(ctx context.Context, project, id string, u catalog.GroupUpdate) (easel.ImageGroup, error) {
	if err := s.May(ctx, project, policy.UpdateGroup); err != nil {
		return easel.ImageGroup{}, err
	}
	if _, err := s.ownedGroup(ctx, project, id, policy.UpdateGroup); err != nil {
		return easel.ImageGroup{}, err
	}
	g, err := s.catalog.UpdateImageGroup(ctx, easel.PrincipalFrom(ctx), project, id, u)
	if errors.Is(err, easel.NotFound) {
		err = s.groupRefusal(ctx, id, policy.UpdateGroup)
	}
	return g, err
}

// groupRefusal tells a group of built-in images, which everybody sees and
// nobody may change, from one that is not there.
func (s *Service) groupRefusal(ctx context.Context, id string, action policy.Action) error {
	builtins, _, err := s.catalog.ImageGroups(ctx, Filter{Type: easel.BuildIn}, catalog.Page{})
	if err != nil {
		return err
	}
	for _, g := range builtins {
		if g.ID == id {
			return easel.E(easel.Denied, "group", "nobody may %s %s: its images are built-in", action, id)
		}
	}
	return noGroup(id)
}

func noGroup(id string) error {
	return easel.E(easel.NotFound, "group", "image group %.64q was not found", id)
}
