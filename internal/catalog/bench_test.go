package catalog_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

// The hot paths of a registry request, on SQLite with every sync.

var benchUser = easel.Principal{UserID: a1.ID, UserName: a1.Name, DomainID: d1.ID, ProjectID: p1.ID, Admin: true}

const benchRepo = easel.Repo("team/image")

func openBench(b *testing.B) *catalog.DB {
	b.Helper()
	db, err := catalog.Open(b.Context(), catalog.Options{URL: "sqlite:" + filepath.Join(b.TempDir(), "easel.db")})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.Bootstrap(b.Context(), d1, p1, a1, k1); err != nil {
		b.Fatal(err)
	}
	if err := db.CreateOrg(b.Context(), benchUser, "team"); err != nil {
		b.Fatal(err)
	}
	return db
}

// benchBlob stores a blob that says text.
func benchBlob(b *testing.B, db *catalog.DB, text string) easel.Descriptor {
	b.Helper()
	u, err := db.StartUpload(b.Context(), benchUser, benchRepo, easel.SHA256, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	d := easel.Descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar", Digest: easel.DigestOf(easel.SHA256, []byte(text)), Size: int64(len(text))}
	if _, err := db.FinishUpload(b.Context(), benchUser, u, d.Digest, d.Size); err != nil {
		b.Fatal(err)
	}
	return d
}

// benchPut returns the put of a manifest of config and layers as tag.
func benchPut(b *testing.B, tag string, config easel.Descriptor, layers ...easel.Descriptor) catalog.ManifestPut {
	b.Helper()
	body, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest, "config": config, "layers": layers})
	if err != nil {
		b.Fatal(err)
	}
	m, err := easel.ParseManifest(easel.MediaTypeOCIManifest, body)
	if err != nil {
		b.Fatal(err)
	}
	return catalog.ManifestPut{Repo: benchRepo, Digest: easel.DigestOf(easel.SHA256, body), Tags: []easel.Tag{easel.Tag(tag)}, Manifest: m}
}

func BenchmarkRepoGrants(b *testing.B) {
	db := openBench(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.RepoGrants(b.Context(), benchUser, benchRepo); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkManifest(b *testing.B) {
	db := openBench(b)
	if err := db.PutManifest(b.Context(), benchUser, benchPut(b, "v1", benchBlob(b, db, "config"), benchBlob(b, db, "layer"))); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.Manifest(b.Context(), benchRepo, easel.Ref{Tag: "v1"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBlob(b *testing.B) {
	db := openBench(b)
	d := benchBlob(b, db, "layer")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.Blob(b.Context(), benchRepo, d.Digest); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpload is a session from start to blob: two commits.
func BenchmarkUpload(b *testing.B) {
	db, n := openBench(b), 0
	b.ReportAllocs()
	for b.Loop() {
		n++
		benchBlob(b, db, fmt.Sprint("layer ", n))
	}
}

func BenchmarkPutManifest(b *testing.B) {
	db, n := openBench(b), 0
	layer := benchBlob(b, db, "layer")
	b.ReportAllocs()
	for b.Loop() {
		n++
		put := benchPut(b, fmt.Sprint("v", n), layer, layer)
		put.Digest = easel.DigestOf(easel.SHA256, fmt.Append(nil, n))
		if err := db.PutManifest(b.Context(), benchUser, put); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkDeleteTag is the deletion of an image with a layer of its own;
// pushing it is not timed.
func BenchmarkDeleteTag(b *testing.B) {
	db, n := openBench(b), 0
	shared := benchBlob(b, db, "shared")
	if err := db.PutManifest(b.Context(), benchUser, benchPut(b, "keep", benchBlob(b, db, "config"), shared)); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		n++
		tag := fmt.Sprint("v", n)
		if err := db.PutManifest(b.Context(), benchUser, benchPut(b, tag, benchBlob(b, db, "config "+tag), shared, benchBlob(b, db, "layer "+tag))); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if _, err := db.DeleteTag(b.Context(), benchUser, benchRepo, easel.Tag(tag), nil); err != nil {
			b.Fatal(err)
		}
	}
}

func benchRegister(b *testing.B, db *catalog.DB, tag string) easel.Image {
	b.Helper()
	made, err := db.RegisterImage(b.Context(), benchUser, catalog.Registration{Image: easel.Image{
		Project: p1.ID, Workspace: easel.DefaultWorkspace, Type: easel.Dedicated, Path: "localhost/team/image:" + tag, Repo: benchRepo, Name: "image", Tag: easel.Tag(tag),
		Arch: "x86_64", ServiceType: "COMMON", Origin: easel.OriginCustomize, Visibility: easel.Private}})
	if err != nil {
		b.Fatal(err)
	}
	return made
}

// BenchmarkPlan is the deletion of an image that is rolled back.
func BenchmarkPlan(b *testing.B) {
	db := openBench(b)
	if err := db.PutManifest(b.Context(), benchUser, benchPut(b, "v1", benchBlob(b, db, "config"), benchBlob(b, db, "layer"))); err != nil {
		b.Fatal(err)
	}
	made := benchRegister(b, db, "v1")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := db.PlanImages(b.Context(), benchUser, catalog.ImageDeletion{Project: p1.ID, IDs: []string{made.ID}, Force: true}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTags reads a page of 100 out of 1,000 tags.
func BenchmarkTags(b *testing.B) {
	db := openBench(b)
	put := benchPut(b, "v", benchBlob(b, db, "config"), benchBlob(b, db, "layer"))
	for n := range 1000 {
		put.Tags = append(put.Tags, easel.Tag(fmt.Sprint("v", n)))
	}
	if err := db.PutManifest(b.Context(), benchUser, put); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if tags, _, err := db.Tags(b.Context(), benchRepo, "v5", 100); err != nil || len(tags) != 100 {
			b.Fatal(len(tags), err)
		}
	}
}

// BenchmarkImages reads a page of 100 out of 500 image records from the
// database: nothing is remembered of an offset that no page ended at.
func BenchmarkImages(b *testing.B) {
	db := openBench(b)
	put := benchPut(b, "v", benchBlob(b, db, "config"), benchBlob(b, db, "layer"))
	for n := range 500 {
		put.Tags = append(put.Tags, easel.Tag(fmt.Sprint("v", n)))
	}
	if err := db.PutManifest(b.Context(), benchUser, put); err != nil {
		b.Fatal(err)
	}
	for n := range 500 {
		benchRegister(b, db, fmt.Sprint("v", n))
	}
	f := catalog.ImageFilter{Project: p1.ID, Workspace: easel.DefaultWorkspace}
	b.ReportAllocs()
	for b.Loop() {
		if images, total, err := db.Images(b.Context(), f, nil, false, catalog.Page{Limit: 100, Offset: 150}); err != nil || len(images) != 100 || total != 500 {
			b.Fatal(len(images), total, err)
		}
	}
}
