// Package scale measures what an operation on a catalogue costs as it grows:
// the CPU time of this process and the wait of one caller. Of what a server
// does that is the part which can grow with its contents.
package scale

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"easel"
	"easel/internal/bench/seed"
	"easel/internal/catalog"
)

// Options say what is measured.
type Options struct {
	Catalog *catalog.DB // empty
	Sizes   []int       // numbers of image records at which is measured, ascending
	Times   int         // that each operation is done at each size
}

// Point is what one operation cost at one size.
type Point struct {
	Operation string  `json:"operation"`
	Images    int     `json:"images"`
	CPU       float64 `json:"cpu_ms"`  // mean
	Wait      float64 `json:"wait_ms"` // median
}

// Operations, in the order in which they are done: all on images in one
// repository, that has nine tenths of the tags there are.
const (
	Push    = "push"             // an image of two blobs of its own, without its bytes
	Record  = "register"         // its record
	First   = "first page"       // 100 records with their total, right after a change
	Named   = "page of one name" // the same of an exact name
	Part    = "part of a name"   // the same of a substring
	Groups  = "groups"           // the first page of them
	TagPage = "first page of tags"
	Ledger  = "ledger" // of all organisations
	Plan    = "plan"
	Delete  = "delete" // the record with tag, manifest and blobs
)

var (
	domain  = catalog.Domain{ID: "scale", Name: "scale", Enabled: true}
	project = catalog.Project{ID: "scale", Domain: domain.ID, Name: "scale", Parent: domain.ID, Enabled: true}
	account = catalog.Account{ID: "scale", Name: "scale", Admin: true, Enabled: true, Domain: domain}
	who     = easel.Principal{UserID: account.ID, UserName: account.Name, DomainID: domain.ID, ProjectID: project.ID, Admin: true}
)

// Run fills the catalogue to one size after the other and measures at each.
func Run(ctx context.Context, o Options, progress func(string)) (points []Point, err error) {
	key := catalog.AccessKey{Access: "SCALE", Account: account.ID, Secret: []byte("sealed"), Active: true}
	if _, err := o.Catalog.Bootstrap(ctx, domain, project, account, key); err != nil {
		return nil, err
	}
	have := 0
	for _, size := range o.Sizes {
		org := easel.Org(fmt.Sprint("upto", size))
		err := seed.Fill(ctx, seed.Options{Catalog: o.Catalog, Project: project.ID, Who: who, Org: org, Repos: 1, Images: size - have, Clients: 64}, progress)
		if err != nil {
			return nil, err
		}
		have = size
		progress(fmt.Sprintf("measuring at %d images", size))
		m := &meter{Options: o, images: size, repo: easel.Repo(string(org) + "/image0"), cost: map[string]*cost{}}
		for n := range o.Times {
			if err := m.round(ctx, n); err != nil {
				return nil, err
			}
		}
		points = append(points, m.points()...)
	}
	return points, nil
}

// meter measures at one size.
type meter struct {
	Options
	images int
	repo   easel.Repo
	cost   map[string]*cost
	order  []string
}

type cost struct {
	cpu   time.Duration
	waits []time.Duration
}

// round does each operation once; what it makes, it deletes.
func (m *meter) round(ctx context.Context, n int) error {
	tag := easel.Tag(fmt.Sprint("measured", n))
	filter := catalog.ImageFilter{Project: project.ID, Workspace: easel.DefaultWorkspace}
	named, part := filter, filter
	named.Name, named.NameExact = m.repo.Name(), true
	part.Name = m.repo.Name()[1:]
	page := catalog.Page{Limit: 100}
	list := func(f catalog.ImageFilter) func() error {
		return func() error {
			_, total, err := m.Catalog.Images(ctx, f, nil, false, page)
			if err == nil && total != int64(m.images)+1 {
				err = fmt.Errorf("the list has a total of %d, want %d", total, m.images+1)
			}
			return err
		}
	}
	var made easel.Image
	deletion := func() catalog.ImageDeletion {
		return catalog.ImageDeletion{Project: project.ID, IDs: []string{made.ID}, Force: true}
	}
	for _, op := range []struct {
		name string
		do   func() error
	}{
		{Push, func() error { return m.push(ctx, tag) }},
		{Record, func() (err error) { made, err = m.register(ctx, tag); return err }},
		{First, list(filter)},
		{Named, list(named)},
		{Part, list(part)},
		{Groups, func() error {
			f := filter
			f.Type = easel.Dedicated
			_, _, err := m.Catalog.ImageGroups(ctx, f, page)
			return err
		}},
		{TagPage, func() error { _, _, err := m.Catalog.Tags(ctx, m.repo, "", 100); return err }},
		{Ledger, func() error {
			_, err := m.Catalog.Usage(ctx, catalog.UsageQuery{Kind: catalog.UsageOfOrgs, Domain: domain.ID, Limit: 100})
			return err
		}},
		{Plan, func() error { _, err := m.Catalog.PlanImages(ctx, who, deletion()); return err }},
		{Delete, func() error { _, _, err := m.Catalog.DeleteImages(ctx, who, deletion()); return err }},
	} {
		if err := m.measure(op.name, op.do); err != nil {
			return fmt.Errorf("%s at %d images: %w", op.name, m.images, err)
		}
	}
	return nil
}

func (m *meter) measure(name string, do func() error) error {
	c := m.cost[name]
	if c == nil {
		c = &cost{}
		m.cost[name], m.order = c, append(m.order, name)
	}
	start, before := time.Now(), cpuTime()
	err := do()
	c.cpu += cpuTime() - before
	c.waits = append(c.waits, time.Since(start))
	return err
}

func (m *meter) points() (all []Point) {
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for _, name := range m.order {
		c := m.cost[name]
		slices.Sort(c.waits)
		all = append(all, Point{name, m.images, ms(c.cpu) / float64(len(c.waits)), ms(c.waits[len(c.waits)/2])})
	}
	return all
}

// push does what a push does in the catalogue.
func (m *meter) push(ctx context.Context, tag easel.Tag) error {
	layers := make([]easel.Descriptor, 2)
	for n := range layers {
		u, err := m.Catalog.StartUpload(ctx, who, m.repo, easel.SHA256, time.Hour)
		if err != nil {
			return err
		}
		layers[n] = easel.Descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar", Size: seed.Size,
			Digest: easel.DigestOf(easel.SHA256, fmt.Appendf(nil, "%s %s %d", m.repo, tag, n))}
		if _, err := m.Catalog.FinishUpload(ctx, who, u, layers[n].Digest, layers[n].Size); err != nil {
			return err
		}
	}
	body, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest, "config": layers[0], "layers": layers[1:]})
	if err != nil {
		return err
	}
	manifest, err := easel.ParseManifest(easel.MediaTypeOCIManifest, body)
	if err != nil {
		return err
	}
	return m.Catalog.PutManifest(ctx, who, catalog.ManifestPut{Repo: m.repo, Digest: easel.DigestOf(easel.SHA256, body), Tags: []easel.Tag{tag}, Manifest: manifest})
}

func (m *meter) register(ctx context.Context, tag easel.Tag) (easel.Image, error) {
	return m.Catalog.RegisterImage(ctx, who, catalog.Registration{Image: easel.Image{
		Project: project.ID, Workspace: easel.DefaultWorkspace, Type: easel.Dedicated,
		Path: "localhost/" + string(m.repo) + ":" + string(tag), Repo: m.repo, Name: m.repo.Name(), Tag: tag, Arch: "x86_64",
		ServiceType: "COMMON", Origin: easel.OriginCustomize, Visibility: easel.Private,
	}})
}

// cpuTime is what this process has used so far.
func cpuTime() time.Duration {
	var u unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
