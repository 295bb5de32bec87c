package workbench

import (
	"context"

	"easel"
	"easel/internal/policy"
)

// Protect keeps an image from being deleted until somebody lifts that: its
// record, its tag and the content of that, on every route, and its tag from
// being moved. It takes the rights of a deletion by force, or whoever may read
// a repository could keep its owner from deleting. An image that is
// protected stays so, for the one who did it first. Errors: those of May;
// NotFound "image"; NotFound "tag"; Denied "image".
func (s *Service) Protect(ctx context.Context, project, id string) (easel.Image, error) {
	if err := s.mayProtect(ctx, project, id); err != nil {
		return easel.Image{}, err
	}
	return s.catalog.ProtectImage(ctx, easel.PrincipalFrom(ctx), project, id)
}

// Unprotect lets an image be deleted again. Errors: those of Protect.
func (s *Service) Unprotect(ctx context.Context, project, id string) (easel.Image, error) {
	if err := s.mayProtect(ctx, project, id); err != nil {
		return easel.Image{}, err
	}
	return s.catalog.UnprotectImage(ctx, easel.PrincipalFrom(ctx), project, id)
}

// Protection returns one of the project's own images with its protection.
// Errors: those of May; NotFound and Denied "image".
func (s *Service) Protection(ctx context.Context, project, id string) (easel.Image, error) {
	if err := s.May(ctx, project, policy.ShowImage); err != nil {
		return easel.Image{}, err
	}
	return s.owned(ctx, project, id, policy.ShowImage)
}

func (s *Service) mayProtect(ctx context.Context, project, id string) error {
	if err := s.May(ctx, project, policy.DeleteImage); err != nil {
		return err
	}
	i, err := s.owned(ctx, project, id, policy.DeleteImage)
	if err != nil {
		return err
	}
	who := easel.PrincipalFrom(ctx)
	grants, err := s.catalog.RepoGrants(ctx, who, i.Repo)
	if err != nil || grants.Domain == "" {
		return err
	}
	if denied := policy.Check(who, grants, policy.DeleteTag, "repository", string(i.Repo)); denied != nil {
		return easel.E(easel.Denied, "image", "you may not %s in %s, so whether it may be deleted is not for you to say", policy.DeleteTag, i.Repo).Because(denied)
	}
	return nil
}
