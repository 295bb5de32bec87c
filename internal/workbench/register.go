package workbench

import (
	"context"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Registration asks to register a tag as an image. Enumerated fields have
// values of images.md 2.3; the edge fills in their defaults.
type Registration struct {
	Project, Workspace string
	Path               string // as it was sent
	Host               string // host of this registry as the caller knows it
	Arch               string // "x86_64" or "aarch64"
	Description        string
	Origin             string
	ResourceCategories []string
	ServiceType        string
	Services           []string
	Visibility         string
	FlavorType         string
	SWRInstance        string
	Tags               []easel.ResourceTag // added to those of the image's group
	ReadMe             *string             // nil: that of the group stays
}

// Register makes an image record of a tag of this registry (images.md,
// operation B). It is ACTIVE at once. Errors, in the order of their checks:
// those of May; of enter; Invalid for the path; NotFound "registry";
// Exists "image"; NotFound "organisation"; NotFound "tag", also when the caller may
// not read the repository; TooLarge "image".
func (s *Service) Register(ctx context.Context, r Registration) (easel.Image, error) {
	if err := s.May(ctx, r.Project, policy.RegisterImg); err != nil {
		return easel.Image{}, err
	}
	ws, err := s.enter(ctx, r.Project, r.Workspace, policy.RegisterImg)
	if err != nil {
		return easel.Image{}, err
	}
	full, path, err := s.imagePath(r.Path, r.Host)
	if err != nil {
		return easel.Image{}, err
	}
	refusal, err := s.unreadable(ctx, path)
	if err != nil {
		return easel.Image{}, err
	}
	return s.catalog.RegisterImage(ctx, easel.PrincipalFrom(ctx), catalog.Registration{
		Image: easel.Image{
			Project: r.Project, Workspace: ws, Type: easel.Dedicated,
			Path: full, Repo: path.Repo, Name: path.Repo.Name(), Tag: path.Tag,
			Arch: r.Arch, Description: r.Description, Services: r.Services, Origin: r.Origin,
			ResourceCategories: r.ResourceCategories, ServiceType: r.ServiceType,
			Visibility: r.Visibility, FlavorType: r.FlavorType, SWRInstance: r.SWRInstance,
		},
		Tags: r.Tags, ReadMe: r.ReadMe, MaxSize: s.o.MaxImageSize, Refusal: refusal,
	})
}

// unreadable returns why the caller cannot register what path names, or nil.
// A repository that the caller may not read looks like one that is not there.
func (s *Service) unreadable(ctx context.Context, path easel.ImagePath) (refusal, err error) {
	who := easel.PrincipalFrom(ctx)
	grants, err := s.catalog.RepoGrants(ctx, who, path.Repo)
	if err != nil {
		return nil, err
	}
	if grants.Domain == "" {
		return easel.E(easel.NotFound, "organisation", "the organisation %s does not exist", path.Repo.Org()), nil
	}
	if denied := policy.Check(who, grants, policy.Pull, "repository", string(path.Repo)); denied != nil {
		return easel.E(easel.NotFound, "tag", "the registry has no image %s:%s that you may read", path.Repo, path.Tag).Because(denied), nil
	}
	return nil, nil
}

// Sync corrects an image by what its tag names now (images.md, operation F)
// and returns it. Errors: those of May; NotFound "image"; Denied "image",
// also when the caller may not read the repository.
func (s *Service) Sync(ctx context.Context, project, id string) (easel.Image, error) {
	if err := s.May(ctx, project, policy.SyncImage); err != nil {
		return easel.Image{}, err
	}
	i, err := s.owned(ctx, project, id, policy.SyncImage)
	if err != nil {
		return easel.Image{}, err
	}
	refusal, err := s.unreadable(ctx, easel.ImagePath{Repo: i.Repo, Tag: i.Tag})
	if err != nil {
		return easel.Image{}, err
	}
	if refusal != nil && easel.AsError(refusal).Noun != "organisation" {
		// Whoever cannot read the tag must not turn the record into ERROR.
		return easel.Image{}, easel.E(easel.Denied, "image", "you may not read %s, so %s cannot be synchronised by you", i.Repo, i.ID).Because(refusal)
	}
	return s.catalog.SyncImage(ctx, easel.PrincipalFrom(ctx), project, id)
}
