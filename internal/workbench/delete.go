package workbench

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
	"easel/internal/registry"
)

// Deletion says which images of a project go, and whether the content of
// their tags goes with them.
type Deletion struct {
	Project string
	IDs     []string // or
	Group   string   // all images of a group; or
	Filter  *Filter  // those that it matches when the deletion begins; its Project is not looked at
	Force   bool     // ignored for public images
}

// MaxImages bounds one deletion: it is one transaction, during which others
// wait.
const MaxImages = 1000

// Delete removes an image and, when forced, the content of its tag (images.md,
// operation E). It returns the image as it was, DELETED, and the receipt: when
// it returns, the bytes are off the store or the receipt says why not.
// Errors, in the order of their checks: those of May; NotFound "image"; Denied
// "workspace" and "image"; Unavailable "image" while it is being saved; InUse "image"; Denied "image"
// when content would go and the caller may not delete tags of the repository.
// On an error nothing has changed.
func (s *Service) Delete(ctx context.Context, project, id string, force bool) (easel.Image, easel.Receipt, error) {
	images, receipt, err := s.DeleteAll(ctx, Deletion{Project: project, IDs: []string{id}, Force: force})
	if err != nil {
		return easel.Image{}, easel.Receipt{}, err
	}
	return images[0], receipt, nil
}

// DeleteAll removes several images, all or none, with the checks of Delete.
func (s *Service) DeleteAll(ctx context.Context, d Deletion) ([]easel.Image, easel.Receipt, error) {
	if err := s.resolve(ctx, &d); err != nil {
		return nil, easel.Receipt{}, err
	}
	order, _, err := s.checked(ctx, d, s.owned)
	if err != nil {
		return nil, easel.Receipt{}, err
	}
	return s.delete(ctx, order)
}

// DeleteGroup removes all images of a group, all or none, and returns the
// group as it was (images.md, operation H). Errors: as Delete, with NotFound
// "group" and Denied "group".
func (s *Service) DeleteGroup(ctx context.Context, project, id string, force bool) (easel.ImageGroup, easel.Receipt, error) {
	if id == "" {
		return easel.ImageGroup{}, easel.Receipt{}, noGroup(id)
	}
	order, group, err := s.checked(ctx, Deletion{Project: project, Group: id, Force: force}, s.owned)
	if err != nil {
		return easel.ImageGroup{}, easel.Receipt{}, err
	}
	_, receipt, err := s.delete(ctx, order)
	return group, receipt, err
}

// Plan returns what d would do and what stands in its way, and changes
// nothing. Its errors are those of the deletion but for what is a blocker:
// images that are in use, protected, being saved or not the project's own.
func (s *Service) Plan(ctx context.Context, d Deletion) (easel.Plan, error) {
	if err := s.resolve(ctx, &d); err != nil {
		return easel.Plan{}, err
	}
	order, _, err := s.checked(ctx, d, s.visible)
	if err != nil {
		return easel.Plan{}, err
	}
	return s.catalog.PlanImages(ctx, easel.PrincipalFrom(ctx), order)
}

// resolve replaces the filter of d by the ids of the images that it matches
// now. Errors: those of List; NotFound "image" for none; TooMany "image".
func (s *Service) resolve(ctx context.Context, d *Deletion) error {
	if d.Filter == nil {
		return nil
	}
	f := *d.Filter
	f.Project = d.Project
	found, total, err := s.List(ctx, f, Order{}, catalog.Page{Limit: MaxImages})
	switch {
	case err != nil:
		return err
	case total == 0:
		return easel.E(easel.NotFound, "image", "the filter matches no image")
	case total > MaxImages:
		return easel.E(easel.TooLarge, "filter", "the filter matches %d images; at most %d go at once: make it narrower", total, MaxImages)
	}
	d.Filter = nil
	for _, i := range found {
		d.IDs = append(d.IDs, i.ID)
	}
	return nil
}

// checked looks at what can be decided before the transaction: who asks, what
// they may see, and whether they may delete content. The transaction asks the
// rest, and what may have changed, again. find looks up an image. It returns
// the group of a deletion by group, as it was.
func (s *Service) checked(ctx context.Context, d Deletion, find func(context.Context, string, string, policy.Action) (easel.Image, error)) (catalog.ImageDeletion, easel.ImageGroup, error) {
	order := catalog.ImageDeletion{Project: d.Project, IDs: d.IDs, Group: d.Group, Force: d.Force, InUse: Guard(s.o.InUse...)}
	var group easel.ImageGroup
	action := policy.DeleteImage
	if d.Group != "" {
		action = policy.DeleteGroup
	}
	if err := s.May(ctx, d.Project, action); err != nil {
		return order, group, err
	}
	var repos []easel.Repo
	for _, id := range d.IDs {
		i, err := find(ctx, d.Project, id, action)
		if err != nil {
			return order, group, err
		}
		if i.Project == d.Project {
			repos = append(repos, i.Repo)
		}
	}
	if d.Group != "" {
		var err error
		if group, err = s.ownedGroup(ctx, d.Project, d.Group, action); err != nil {
			return order, group, err
		}
		repos = append(repos, easel.Repo(string(group.Org)+"/"+group.Name))
	}
	if !d.Force {
		return order, group, nil
	}
	slices.Sort(repos)
	for _, repo := range slices.Compact(repos) {
		refusal, err := s.keepsContent(ctx, repo)
		if err != nil {
			return order, group, err
		}
		order.Refusal = cmp.Or(order.Refusal, refusal)
	}
	return order, group, nil
}

// ownedGroup returns a group of the project for action. Errors: NotFound
// "group"; Denied "group" for one of built-in images; Denied "workspace".
func (s *Service) ownedGroup(ctx context.Context, project, id string, action policy.Action) (easel.ImageGroup, error) {
	if !easel.IsUUID(id) {
		return easel.ImageGroup{}, noGroup(id)
	}
	g, err := s.catalog.ImageGroup(ctx, project, id)
	if errors.Is(err, easel.NotFound) {
		err = s.groupRefusal(ctx, id, action)
	}
	if err == nil {
		err = s.mayIn(ctx, project, g.Workspace, action)
	}
	return g, err
}

// keepsContent returns why the caller may not delete tags of repo, or nil.
func (s *Service) keepsContent(ctx context.Context, repo easel.Repo) (refusal, err error) {
	who := easel.PrincipalFrom(ctx)
	grants, err := s.catalog.RepoGrants(ctx, who, repo)
	if err != nil || grants.Domain == "" { // no organisation, no content
		return nil, err
	}
	if denied := policy.Check(who, grants, policy.DeleteTag, "repository", string(repo)); denied != nil {
		return easel.E(easel.Denied, "image", "you may not %s in %s, so the content cannot go; without force the record goes alone", policy.DeleteTag, repo).Because(denied), nil
	}
	if denied := registry.MayNow(ctx, s.catalog, grants, repo); denied != nil && easel.AsError(denied).Kind != easel.Denied {
		return nil, denied
	} else if denied != nil {
		return easel.E(easel.Denied, "image", "%s", easel.AsError(denied).Msg).Because(denied), nil
	}
	return nil, nil
}

// delete runs the transaction and takes the bytes off the store.
func (s *Service) delete(ctx context.Context, d catalog.ImageDeletion) ([]easel.Image, easel.Receipt, error) {
	images, removed, err := s.catalog.DeleteImages(ctx, easel.PrincipalFrom(ctx), d)
	if err != nil {
		return nil, easel.Receipt{}, err
	}
	for i := range images {
		images[i].Status = easel.ImageDeleted
	}
	return images, s.o.Registry.Unlink(ctx, removed), nil
}

// Guard asks all of uses, for everything that deletes content: the first that
// needs one of the images refuses.
func Guard(uses ...InUse) catalog.Guard {
	return func(ctx context.Context, images []easel.Image) error {
		for _, u := range uses {
			if err := u.ImagesInUse(ctx, images); err != nil {
				return err
			}
		}
		return nil
	}
}
