package seed

import (
	"path/filepath"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

func TestFill(t *testing.T) {
	t.Parallel()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "easel.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	domain := catalog.Domain{ID: "d", Name: "d", Enabled: true, Created: time.Now()}
	project := catalog.Project{ID: "p", Domain: "d", Name: "p", Parent: "d", Enabled: true}
	account := catalog.Account{ID: "a", Name: "admin", Admin: true, Enabled: true, Domain: domain}
	if _, err := db.Bootstrap(t.Context(), domain, project, account, catalog.AccessKey{Access: "K", Account: "a", Secret: []byte("sealed"), Active: true}); err != nil {
		t.Fatal(err)
	}
	o := Options{Catalog: db, BlobDir: t.TempDir(), Project: "p", Org: "seeded", Repos: 3, Images: 250, Blobs: 12, Clients: 8,
		Who: easel.Principal{UserID: "a", UserName: "admin", DomainID: "d", ProjectID: "p", Admin: true}}
	if err := Fill(t.Context(), o, func(string) {}); err != nil {
		t.Fatal(err)
	}
	_, images, err := db.Images(t.Context(), catalog.ImageFilter{Project: "p", Workspace: easel.DefaultWorkspace}, nil, false, catalog.Page{Limit: 1})
	if err != nil || images != 250 {
		t.Errorf("%d images, %v", images, err)
	}
	files, err := filepath.Glob(filepath.Join(o.BlobDir, "b", "*", "*"))
	if err != nil || len(files) != 12 {
		t.Errorf("%d files, %v", len(files), err)
	}
	if found, err := db.Verify(t.Context(), false); err != nil || len(found) != 0 {
		t.Errorf("the catalogue has findings: %v, %v", found, err)
	}
}
