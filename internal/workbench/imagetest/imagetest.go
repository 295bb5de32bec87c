// Package imagetest is a small world for tests of the image catalogue: two
// domains with projects and users, organisations, and pushed content that is
// written down by symbols.
//
//	w := imagetest.New(t, imagetest.SQLite(t))
//	w.Push(t, w.Ann, "team/torch:2.3", "base", "torch") // two layers
//
// Only tests import it.
package imagetest

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

// The ids of the projects.
const (
	AcmeOne = "a0000000000000000000000000000001" // of domain acme
	AcmeTwo = "a0000000000000000000000000000002" // of domain acme
	Globex  = "b0000000000000000000000000000001" // of domain globex
)

// World is an open catalogue with inhabitants. The organisation "team"
// belongs to acme, "rival" to globex.
type World struct {
	DB   *catalog.DB
	Ann  easel.Principal // administrator of acme, in AcmeOne
	Ben  easel.Principal // user of acme without any grant, in AcmeOne
	Cleo easel.Principal // administrator of acme, in AcmeTwo
	Gus  easel.Principal // administrator of globex, in Globex

	url string
}

// SQLite returns the URL of a new database in a temporary directory.
func SQLite(t testing.TB) string { return "sqlite:" + t.TempDir() + "/easel.db" }

// New opens the catalogue at url, which must be empty, and populates it.
func New(t testing.TB, url string) *World { return NewAt(t, url, nil) }

// NewAt is New with a clock.
func NewAt(t testing.TB, url string, clock func() time.Time) *World {
	t.Helper()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: url, Clock: clock})
	must(t, err)
	t.Cleanup(func() { must(t, db.Close()) })
	w := &World{
		DB:   db,
		url:  url,
		Ann:  principal("ann", "acme", AcmeOne, true),
		Ben:  principal("ben", "acme", AcmeOne, false),
		Cleo: principal("cleo", "acme", AcmeTwo, true),
		Gus:  principal("gus", "globex", Globex, true),
	}
	for _, name := range []string{"acme", "globex"} {
		must(t, db.AddDomain(t.Context(), catalog.Domain{ID: "domain-" + name, Name: name, Enabled: true, Operator: name == "acme", Created: time.Unix(0, 0)}))
	}
	for _, p := range []easel.Principal{w.Ann, w.Cleo, w.Gus} {
		must(t, db.AddProject(t.Context(), catalog.Project{ID: p.ProjectID, Domain: p.DomainID, Name: p.ProjectName, Parent: p.DomainID, Enabled: true, Created: time.Unix(0, 0)}))
	}
	for _, p := range []easel.Principal{w.Ann, w.Ben, w.Cleo, w.Gus} {
		must(t, db.AddAccount(t.Context(), catalog.Account{
			ID: p.UserID, Name: p.UserName, Admin: p.Admin, Enabled: true, Created: time.Unix(0, 0), Domain: catalog.Domain{ID: p.DomainID},
		}))
	}
	must(t, db.CreateOrg(t.Context(), w.Ann, "team"))
	must(t, db.CreateOrg(t.Context(), w.Gus, "rival"))
	return w
}

func principal(user, domain, project string, admin bool) easel.Principal {
	return easel.Principal{
		UserID: "user-" + user, UserName: user, DomainID: "domain-" + domain, DomainName: domain,
		ProjectID: project, ProjectName: "project-" + project[30:] + "-" + domain, Admin: admin, Operator: domain == "acme",
	}
}

// As returns the test's context with p as the caller.
func As(t testing.TB, p easel.Principal) context.Context { return easel.WithPrincipal(t.Context(), p) }

// Push stores the image "organisation/name:tag" made of the named layers and
// a config, and returns its size: the length of their names.
func (w *World) Push(t testing.TB, who easel.Principal, image string, layers ...string) int64 {
	t.Helper()
	repo, tag := split(image)
	d := w.manifest(t, who, repo, tag, layers)
	return d.size
}

// PushIndex stores an index of one manifest per platform, each of one layer:
// platforms are "architecture=layer".
func (w *World) PushIndex(t testing.TB, who easel.Principal, image string, platforms ...string) {
	t.Helper()
	repo, tag := split(image)
	var children []easel.Descriptor
	for _, p := range platforms {
		arch, layer, _ := strings.Cut(p, "=")
		d := w.manifest(t, who, repo, "", []string{layer})
		children = append(children, easel.Descriptor{
			MediaType: easel.MediaTypeOCIManifest, Digest: d.digest, Size: int64(len(d.body)), Platform: &easel.Platform{Architecture: arch, OS: "linux"},
		})
	}
	w.put(t, who, repo, tag, easel.MediaTypeOCIIndex, map[string]any{
		"schemaVersion": 2, "mediaType": easel.MediaTypeOCIIndex, "manifests": children,
	})
}

type stored struct {
	digest easel.Digest
	body   []byte
	size   int64
}

func (w *World) manifest(t testing.TB, who easel.Principal, repo easel.Repo, tag easel.Tag, layers []string) stored {
	t.Helper()
	config := w.blob(t, who, repo, `{"of":"`+strings.Join(layers, "+")+`"}`)
	config.MediaType = "application/vnd.oci.image.config.v1+json"
	all, size := []easel.Descriptor{}, config.Size
	for _, l := range layers {
		d := w.blob(t, who, repo, l)
		all, size = append(all, d), size+d.Size
	}
	s := w.put(t, who, repo, tag, easel.MediaTypeOCIManifest, map[string]any{
		"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest, "config": config, "layers": all,
	})
	s.size = size
	return s
}

func (w *World) blob(t testing.TB, who easel.Principal, repo easel.Repo, content string) easel.Descriptor {
	t.Helper()
	d := easel.DigestOf(easel.SHA256, []byte(content))
	u, err := w.DB.StartUpload(t.Context(), who, repo, easel.SHA256, time.Hour)
	must(t, err)
	_, err = w.DB.FinishUpload(t.Context(), who, u, d, int64(len(content)))
	must(t, err)
	return easel.Descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Digest: d, Size: int64(len(content))}
}

func (w *World) put(t testing.TB, who easel.Principal, repo easel.Repo, tag easel.Tag, mediaType string, doc any) stored {
	t.Helper()
	body, err := json.Marshal(doc)
	must(t, err)
	m, err := easel.ParseManifest(mediaType, body)
	must(t, err)
	p := catalog.ManifestPut{Repo: repo, Digest: easel.DigestOf(easel.SHA256, body), Manifest: m}
	if tag != "" {
		p.Tags = []easel.Tag{tag}
	}
	must(t, w.DB.PutManifest(t.Context(), who, p))
	return stored{digest: p.Digest, body: body}
}

// Untag removes a tag the way a registry client does.
func (w *World) Untag(t testing.TB, who easel.Principal, image string) {
	t.Helper()
	repo, tag := split(image)
	_, err := w.DB.DeleteTag(t.Context(), who, repo, tag, nil)
	must(t, err)
}

// HasTag reports whether the registry has an image.
func (w *World) HasTag(t testing.TB, image string) bool {
	t.Helper()
	repo, tag := split(image)
	tags, _, err := w.DB.Tags(t.Context(), repo, "", 1000)
	must(t, err)
	for _, have := range tags {
		if have == tag {
			return true
		}
	}
	return false
}

// WorkspaceID returns the id of the workspace of who's project that is called
// name. It makes one of who, open to the project, if there is none.
func (w *World) WorkspaceID(t testing.TB, who easel.Principal, name string) string {
	t.Helper()
	found, err := w.DB.Workspaces(t.Context(), who.ProjectID)
	must(t, err)
	for _, x := range found {
		if x.Name == name {
			return x.ID
		}
	}
	made, err := w.DB.CreateWorkspace(t.Context(), who, easel.Workspace{Project: who.ProjectID, Name: name, Access: easel.Public})
	must(t, err)
	return made.ID
}

// SetStatus puts an image into a status that only a save leads to.
func (w *World) SetStatus(t testing.TB, id string, status easel.ImageStatus) {
	t.Helper()
	driver, source := "pgx", w.url
	if path, ok := strings.CutPrefix(w.url, "sqlite:"); ok {
		driver, source = "sqlite", path
	}
	db, err := sql.Open(driver, source)
	must(t, err)
	defer db.Close()
	r, err := db.ExecContext(t.Context(), `UPDATE image SET status = $1 WHERE id = $2`, string(status), id)
	must(t, err)
	n, err := r.RowsAffected()
	if err != nil || n != 1 {
		t.Fatalf("set image %s to %s: %d rows, %v", id, status, n, err)
	}
}

func split(image string) (easel.Repo, easel.Tag) {
	i := strings.LastIndexByte(image, ':')
	return easel.Repo(image[:i]), easel.Tag(image[i+1:])
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
