// Package workbench is the image catalogue of a project: registering tags as
// images, listing, showing, synchronising and deleting them, alone or as a
// group. It decides with policy, keeps its state in catalog, leaves content
// to the registry, and never sees HTTP.
//
// The caller is in the context (easel.PrincipalFrom). Every exported method
// first asks policy whether the caller may do its action in the project
// (images.md section 6), then what the caller may see, then acts.
//
// # Reading order
//
// register.go makes a record of a tag; list.go reads records; delete.go is a
// deletion and the plan of one; job.go deletes many, one after the other;
// workspace.go is about the workspaces that images belong to.
package workbench

import (
	"context"
	"log/slog"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// Unlinker takes the bytes of a deletion off the store after its commit. It
// waits for a bounded time, is not stopped by a client that hangs up, and
// returns the receipt with what it achieved. registry.Service implements it.
type Unlinker interface {
	Unlink(ctx context.Context, r catalog.Removed) easel.Receipt
}

// InUse knows what needs images: notebooks, for example. It is asked inside
// the deleting transaction, after the locks, perhaps more than once: it must
// be quick and must not write to the catalogue.
type InUse interface {
	// ImagesInUse returns an InUse error that names what needs one of images, or nil.
	ImagesInUse(ctx context.Context, images []easel.Image) error
}

// Options wire a Service.
type Options struct {
	Catalog  *catalog.DB
	Registry Unlinker
	InUse    []InUse
	Subjects Subjects     // who jobs are done for
	Log      *slog.Logger // of jobs; nil: nothing is logged

	// MaxImageSize is the largest image that can be registered, in bytes; 0: any.
	MaxImageSize int64
	// Port is the listening port: localhost, 127.0.0.1 and [::1] with it are
	// this registry. 0: they are not.
	Port int
	// Hosts are further names of this registry, host or host:port.
	Hosts []string
}

// Service is the image catalogue. It is a passive struct, safe for concurrent
// use; its background work is the blocking method RunJobs.
type Service struct {
	o       Options
	catalog *catalog.DB
	awake   chan struct{} // says that there may be work for RunJobs
}

// New returns a Service. The caller keeps ownership of what is in o.
func New(o Options) *Service {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Service{o: o, catalog: o.Catalog, awake: make(chan struct{}, 1)}
}

// May asks whether the caller may do action in project, in some workspace.
// Edges ask it before they look at query and body, so that a stranger learns nothing from them;
// every other method asks it again, and then about the workspace. Errors: Unauthenticated "credential" for
// nobody, Unauthenticated "project scope" for a credential without project,
// Denied "project" for one of another project, Denied "image".
func (s *Service) May(ctx context.Context, project string, action policy.Action) error {
	who := easel.PrincipalFrom(ctx)
	switch {
	case who.Anonymous():
		return easel.E(easel.Unauthenticated, "credential", "log in to %s", action)
	case who.ProjectID == "":
		return easel.E(easel.Unauthenticated, "project scope", "the credential is not bound to a project: ask for a token of project %.64s", project)
	case who.ProjectID != project:
		return easel.E(easel.Denied, "project", "the credential belongs to another project than %.64s", project)
	}
	return policy.Somewhere(who, easel.Grants{Project: project}, action, "image", "in project "+project)
}

// visible returns an image that the project may see, for action: its own, a
// built-in one, or a public one of another project, whose id it knows
// (images.md 2.5). Errors: NotFound "image"; Denied "workspace" for one of its own in a
// workspace where the caller may not do action; to show a public one, it need not be open.
func (s *Service) visible(ctx context.Context, project, id string, action policy.Action) (easel.Image, error) {
	missing := easel.E(easel.NotFound, "image", "image %.64q was not found", id)
	if !easel.IsUUID(id) {
		return easel.Image{}, missing
	}
	i, err := s.catalog.Image(ctx, id)
	if err != nil {
		return easel.Image{}, err
	}
	if i.Project != project && i.Type != easel.BuildIn && i.Visibility != easel.Public {
		return easel.Image{}, missing
	}
	switch {
	case i.Project != project: // not of a workspace of the project
	case action == policy.ShowImage && i.Visibility == easel.Public: // whether it is closed does not matter
		err = policy.Check(easel.PrincipalFrom(ctx), easel.Grants{Project: project}, action, "workspace", i.Workspace)
	default:
		err = s.mayIn(ctx, project, i.Workspace, action)
	}
	if err != nil {
		return easel.Image{}, err
	}
	return i, nil
}

// owned is visible for those who want to change the image. Errors: those of
// visible; Denied "image" for a built-in one and for one of another project.
func (s *Service) owned(ctx context.Context, project, id string, action policy.Action) (easel.Image, error) {
	i, err := s.visible(ctx, project, id, action)
	if err != nil {
		return i, err
	}
	if i.Type == easel.BuildIn {
		return i, easel.E(easel.Denied, "image", "nobody may %s %s: it is a built-in image", action, i.ID)
	}
	if i.Project != project {
		return i, easel.E(easel.Denied, "image", "you may not %s %s: it belongs to another project", action, i.ID)
	}
	return i, nil
}
