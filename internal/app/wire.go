package app

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"easel"
	"easel/internal/api"
	"easel/internal/api/docs"
	"easel/internal/api/easelapi"
	"easel/internal/api/iam"
	"easel/internal/api/modelarts"
	"easel/internal/api/ociapi"
	"easel/internal/api/swr"
	"easel/internal/hook"
	"easel/internal/identity"
	"easel/internal/registry"
	"easel/internal/workbench"
)

// system is a server put together and not yet started.
type system struct {
	handler  http.Handler
	identity *identity.Service
	registry *registry.Service
	images   *workbench.Service
	hooks    *hook.Service
	stopping chan struct{}                 // closed when the server stops
	loops    []func(context.Context) error // background work; each returns when its context ends
}

// wire puts services and families together on open stores, for a server that
// listens at the address at.
func wire(ctx context.Context, c *Config, st *stores, at net.Addr, m *metrics, traces *tracing, log *slog.Logger) (*system, error) {
	sys := &system{stopping: make(chan struct{})}
	sys.identity = identity.New(identity.Options{
		Catalog: st.catalog, MasterKey: st.masterKey, Log: log, Region: c.ProjectName, MaxKeys: c.KeyQuota,
		Lockout: identity.Lockout{After: c.lockout(), Observe: m.login}, Providers: c.providers, IssuerAllow: c.issuerAllow,
	})
	sys.registry = registry.New(registry.Options{
		Catalog: st.catalog, Blobs: traces.store(st.blobs), Log: log, Metrics: m, Receipts: sys.identity,
		UploadTTL: c.UploadTTL, UnlinkWait: c.UnlinkWait, MaxUploads: c.MaxUploads, MachineAgents: c.machineAgents(),
		Free: st.blobs.Free, LowSpace: int64(c.LowSpace), Capacity: st.blobs.Capacity,
	})
	sys.images = workbench.New(workbench.Options{
		Catalog: st.catalog, Registry: sys.registry, Subjects: sys.identity, Log: log, MaxImageSize: int64(c.MaxImageSize), Port: port(at), Hosts: c.hosts(),
	})
	sys.hooks = hook.New(hook.Options{Catalog: st.catalog, Vault: sys.identity, Log: log, Metrics: m, Allow: c.hookAllow})
	builtins, err := c.builtins()
	if err != nil {
		return nil, err
	}
	if err := st.catalog.PutBuiltins(ctx, builtins); err != nil {
		return nil, fmt.Errorf("builtin_images: %w", err)
	}
	m.watch(st.catalog, st.blobs.Free)
	auth := iam.NewAuthenticator(sys.identity)
	families := sys.families(c, auth, m)
	trusted, err := c.trusted()
	if err != nil {
		return nil, err
	}
	sys.handler = besides(newOps(st.catalog, auth, c.Metrics, m, log), api.Serve(families, api.ServeOptions{
		Log: log, Trusted: trusted, Trace: traces.request(), Limits: api.Limits{User: c.RateLimit, Stranger: c.AnonymousRateLimit, Refused: m.limit},
	}))
	sys.loops = []func(context.Context) error{
		func(ctx context.Context) error { sys.registry.Run(ctx); return nil },
		func(ctx context.Context) error { sys.registry.Seal(ctx); return nil },
		func(ctx context.Context) error { sys.hooks.Run(ctx); return nil },
		func(ctx context.Context) error { sys.images.RunJobs(ctx); return nil },
	}
	return sys, nil
}

// families returns the handler of all protocol families.
func (s *system) families(c *Config, auth api.Authenticator, m *metrics) http.Handler {
	base := c.publicURL
	return &dispatcher{metrics: m, families: map[family]http.Handler{
		modelartsFamily: modelarts.New(s.images, auth, modelarts.Options{PublicURL: base, NotFoundStatus: c.imageNotFound()}),
		swrFamily:       swr.New(s.registry, auth, swr.Options{Identity: s.identity, PublicURL: base}),
		ociFamily:       ociapi.New(s.registry, s.identity, ociapi.Options{PublicURL: base, Service: identity.Audience}),
		tokenFamily:     iam.NewRegistryAuth(s.identity),
		iamFamily:       iam.New(s.identity, auth, iam.Options{PublicURL: base, Region: c.ProjectName}),
		rootFamily:      root(swr.Versions(base), iam.VersionsHandler(base)),
		easelFamily:     easelapi.New(easelapi.Options{Auth: auth, Images: s.images, Room: s.images, Protector: s.images, Tags: s.registry, Trash: s.registry, Content: s.registry, Robots: s.identity, SignOn: s.identity, Trusts: s.identity, Exchange: s.identity, Hooks: s.hooks, Jobs: s.images, Stopping: s.stopping}),
		docsFamily:      docsAt(docs.Later(documents())),
	}}
}

// documents are the families' OpenAPI documents.
func documents() []docs.Family {
	return []docs.Family{
		{Name: "images", Title: "Images (ModelArts)", Document: modelarts.OpenAPI},
		{Name: "swr", Title: "Organisations, repositories, tags (SWR)", Document: swr.OpenAPI},
		{Name: "oci", Title: "Registry (OCI distribution)", Document: ociapi.OpenAPI},
		{Name: "iam", Title: "Identity (IAM)", Document: iam.OpenAPI},
		{Name: "easel", Title: "Easel additions", Document: easelapi.OpenAPI},
	}
}

// publicURL returns the address under which the client of r reaches the
// server. Headers that a proxy might set are not believed: whoever has a proxy
// names its address with --public-url.
func (c *Config) publicURL(r *http.Request) string {
	switch {
	case c.PublicURL != "":
		return strings.TrimSuffix(c.PublicURL, "/")
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// port returns the port that clients on this machine use.
func port(at net.Addr) int {
	if tcp, ok := at.(*net.TCPAddr); ok {
		return tcp.Port
	}
	return 0
}

// imageNotFound is the status for an image that is not there: the published
// 404, or the 400 that the cloud was seen to answer.
func (c *Config) imageNotFound() int {
	if c.Compat {
		return http.StatusBadRequest
	}
	return http.StatusNotFound
}

// hosts are the names of this registry that do not depend on the request.
func (c *Config) hosts() []string {
	hosts := slices.Clone(c.HostAlias)
	if u, err := url.Parse(c.PublicURL); err == nil && u.Host != "" {
		hosts = append(hosts, u.Host)
	}
	return hosts
}

// builtins returns the configured images in the catalogue's form.
func (c *Config) builtins() ([]easel.Image, error) {
	var all []easel.Image
	for n, b := range c.BuiltinImages {
		path, err := easel.ParseImagePath(b.Path)
		if err != nil {
			return nil, fmt.Errorf("builtin_images[%d]: %w", n, err)
		}
		i := easel.Image{
			Type: easel.BuildIn, Path: b.Path, Repo: path.Repo, Tag: path.Tag, Name: b.Name, Arch: b.Arch, Description: b.Description,
			Services: b.Services, ResourceCategories: b.ResourceCategories, ServiceType: b.ServiceType,
			ShowName: b.ShowName, ShowTag: b.ShowTag, Status: easel.ImageActive, Visibility: easel.Public,
		}
		if i.Name == "" {
			i.Name = path.Repo.Name()
		}
		if i.Arch == "" {
			i.Arch = "x86_64"
		}
		if i.ServiceType == "" {
			i.ServiceType = "COMMON"
		}
		if len(i.Services) == 0 {
			i.Services = []string{"NOTEBOOK", "SSH"}
		}
		if len(i.ResourceCategories) == 0 {
			i.ResourceCategories = []string{"CPU", "GPU"}
		}
		all = append(all, i)
	}
	return all, nil
}

// machineAgents returns what is looked for in a User-Agent, in lower case.
func (c *Config) machineAgents() []string {
	var parts []string
	for _, p := range c.MachineAgents {
		if p = strings.ToLower(strings.TrimSpace(p)); p != "" {
			parts = append(parts, p)
		}
	}
	return parts
}
