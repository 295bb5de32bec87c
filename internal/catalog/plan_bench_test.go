package catalog_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

// BenchmarkPlanAmongMany plans the deletion of an image of 100 layers, half of
// them of its own and half shared with every other image, among many blobs.
func BenchmarkPlanAmongMany(b *testing.B) {
	sizes := []int{10_000, 100_000, 1_000_000}
	if testing.Short() {
		sizes = sizes[:1] // the others take longer to make than to plan
	}
	for _, blobs := range sizes {
		b.Run(fmt.Sprint("blobs=", blobs), func(b *testing.B) { benchPlan(b, blobs) })
	}
}

func benchPlan(b *testing.B, blobs int) {
	path := filepath.Join(b.TempDir(), "easel.db")
	db, err := catalog.Open(b.Context(), catalog.Options{URL: "sqlite:" + path})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := db.Bootstrap(b.Context(), d1, p1, a1, k1); err != nil {
		b.Fatal(err)
	}
	if err := db.CreateOrg(b.Context(), benchUser, "team"); err != nil {
		b.Fatal(err)
	}
	if err := db.CreateRepo(b.Context(), benchUser, catalog.NewRepository{Name: benchRepo}); err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil { // the rows come in without it: as pushes they would take hours
		b.Fatal(err)
	}
	fillImages(b, path, blobs)
	if db, err = catalog.Open(b.Context(), catalog.Options{URL: "sqlite:" + path}); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	made, err := db.RegisterImage(b.Context(), benchUser, catalog.Registration{Image: easel.Image{
		Project: p1.ID, Workspace: easel.DefaultWorkspace, Type: easel.Dedicated, Path: "localhost/team/image:v7", Repo: benchRepo, Name: "image", Tag: "v7",
		Arch: "x86_64", ServiceType: "COMMON", Origin: easel.OriginCustomize, Visibility: easel.Private}})
	if err != nil {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		start := time.Now()
		plan, err := db.PlanImages(b.Context(), benchUser, catalog.ImageDeletion{Project: p1.ID, IDs: []string{made.ID}, Force: true})
		if err != nil || len(plan.Blobs) != 50 || plan.Shared != 50 {
			b.Fatalf("%d blobs would go, %d bytes are shared: %v", len(plan.Blobs), plan.Shared, err)
		}
		took = append(took, time.Since(start))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "ms/median")
}

// fillImages writes images of 100 layers of one byte until there are so many
// blobs: 50 that all share, and 50 of each image.
func fillImages(b *testing.B, path string, blobs int) {
	b.Helper()
	raw, err := sql.Open("sqlite", "file:"+path+"?_pragma=synchronous(off)&_pragma=cache_size(-200000)")
	if err != nil {
		b.Fatal(err)
	}
	defer raw.Close()
	raw.SetMaxOpenConns(1)
	images := (blobs - 50) / 50
	for _, query := range []string{
		`BEGIN`,
		`CREATE TEMP TABLE n AS WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ` + fmt.Sprint(blobs) + `) SELECT i FROM c`,
		`INSERT INTO blob (id, digest, storage_key, size, lost) SELECT i, printf('sha256:%064x', i), printf('k%d', i), 1, 0 FROM n`,
		`INSERT INTO link (repo, blob) SELECT (SELECT id FROM repo), i FROM n`,
		`INSERT INTO manifest (id, repo, digest, media_type, artifact_type, subject, config, body, size, total, condemned, created)
			SELECT i, (SELECT id FROM repo), printf('sha256:%064x', i), '` + easel.MediaTypeOCIManifest + `', '', NULL, '', x'7b7d', 2, 100, 0, 0 FROM n WHERE i <= ` + fmt.Sprint(images),
		`INSERT INTO tag (repo, name, manifest, created, updated) SELECT repo, 'v' || id, id, 0, 0 FROM manifest`,
		`INSERT INTO ref (repo, manifest, blob) SELECT m.repo, m.id, k.i FROM manifest m JOIN n k ON k.i <= 50`,
		`INSERT INTO ref (repo, manifest, blob) SELECT m.repo, m.id, 50 + (m.id - 1) * 50 + k.i FROM manifest m JOIN n k ON k.i <= 50`,
		`COMMIT`,
	} {
		if _, err := raw.ExecContext(b.Context(), query); err != nil {
			b.Fatalf("%s: %v", query, err)
		}
	}
}
