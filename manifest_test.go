package easel_test

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"easel"
)

const (
	digestA = "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	digestB = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
)

func descriptorJSON(digest string, size int) string {
	return fmt.Sprintf(`{"mediaType":"application/x","digest":%q,"size":%d}`, digest, size)
}

func TestParseManifest(t *testing.T) {
	t.Parallel()
	a, b := descriptorJSON(digestA, 3), descriptorJSON(digestB, 4)
	image := `{"schemaVersion":2,"mediaType":"` + easel.MediaTypeOCIManifest + `","config":` + a + `,"layers":[` + b + `,` + b + `]}`
	m, err := easel.ParseManifest(easel.MediaTypeOCIManifest, []byte(image))
	if err != nil {
		t.Fatal(err)
	}
	if m.ContentSize() != 11 || len(m.Blobs()) != 2 || m.IsIndex() || m.ArtifactType != "application/x" {
		t.Errorf("size %d, %d blobs, index %v, artifact type %q", m.ContentSize(), len(m.Blobs()), m.IsIndex(), m.ArtifactType)
	}
	index := `{"schemaVersion":2,"manifests":[` + a + `],"artifactType":"application/y","subject":` + b + `,"annotations":{"k":"v"}}`
	x, err := easel.ParseManifest(easel.MediaTypeOCIIndex+"; charset=utf-8", []byte(index))
	if err != nil {
		t.Fatal(err)
	}
	if !x.IsIndex() || len(x.Children) != 1 || x.Subject.Digest != digestB || x.Annotations["k"] != "v" || x.ArtifactType != "application/y" {
		t.Errorf("index %+v", x)
	}
}

func TestParseManifestRefuses(t *testing.T) {
	t.Parallel()
	a := descriptorJSON(digestA, 3)
	oci, docker := easel.MediaTypeOCIManifest, easel.MediaTypeDockerManifest
	tests := []struct{ name, contentType, body string }{
		{"no JSON", oci, `hello`},
		{"an array", oci, `[]`},
		{"two documents", oci, `{"schemaVersion":2,"config":` + a + `,"layers":[]}{}`},
		{"schema 1", oci, `{"schemaVersion":1,"fsLayers":[],"config":` + a + `,"layers":[]}`},
		{"no config", oci, `{"schemaVersion":2,"layers":[]}`},
		{"no layers", oci, `{"schemaVersion":2,"config":` + a + `}`},
		{"no manifests", easel.MediaTypeOCIIndex, `{"schemaVersion":2}`},
		{"manifest and index at once", oci, `{"schemaVersion":2,"config":` + a + `,"layers":[],"manifests":[]}`},
		{"index with layers", easel.MediaTypeOCIIndex, `{"schemaVersion":2,"manifests":[],"layers":[]}`},
		{"contradicting types", oci, `{"schemaVersion":2,"mediaType":"` + docker + `","config":` + a + `,"layers":[]}`},
		{"docker without its type", docker, `{"schemaVersion":2,"config":` + a + `,"layers":[]}`},
		{"unknown type", "application/json", `{"schemaVersion":2,"config":` + a + `,"layers":[]}`},
		{"no type", "", `{"schemaVersion":2,"config":` + a + `,"layers":[]}`},
		{"broken Content-Type", "a/b/c;", `{"schemaVersion":2,"config":` + a + `,"layers":[]}`},
		{"bad digest", oci, `{"schemaVersion":2,"config":` + descriptorJSON("md5:00", 1) + `,"layers":[]}`},
		{"negative size", oci, `{"schemaVersion":2,"config":` + descriptorJSON(digestA, -1) + `,"layers":[]}`},
		{"size that no sum can hold", oci, `{"schemaVersion":2,"config":` + descriptorJSON(digestA, math.MaxInt64) + `,"layers":[]}`},
		{"sizes that no image has", oci, `{"schemaVersion":2,"config":` + a + `,"layers":[` + descriptorJSON(digestB, 9<<40) + "," + descriptorJSON(digestB, 9<<40) + `]}`},
		{"NUL in a media type", oci, `{"schemaVersion":2,"config":{"mediaType":"x/\u0000","digest":"` + digestA + `","size":3},"layers":[]}`},
		{"NUL in the artifact type", oci, `{"schemaVersion":2,"artifactType":"x/\u0000","config":` + a + `,"layers":[]}`},
		{"size as text", oci, `{"schemaVersion":2,"config":{"mediaType":"x/y","digest":"` + digestA + `","size":"3"},"layers":[]}`},
		{"descriptor without type", oci, `{"schemaVersion":2,"config":{"digest":"` + digestA + `","size":3},"layers":[]}`},
		{"bad subject", oci, `{"schemaVersion":2,"config":` + a + `,"layers":[],"subject":{"mediaType":"x/y","digest":"x","size":3}}`},
		{"too many layers", oci, `{"schemaVersion":2,"config":` + a + `,"layers":[` + strings.Repeat(a+",", 10_000) + a + `]}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if m, err := easel.ParseManifest(tt.contentType, []byte(tt.body)); !errors.Is(err, easel.Invalid) {
				t.Errorf("ParseManifest = %+v, %v; want Invalid", m, err)
			}
		})
	}
	if _, err := easel.ParseManifest(oci, make([]byte, easel.MaxManifestSize+1)); !errors.Is(err, easel.TooLarge) {
		t.Errorf("a manifest over the limit: %v, want TooLarge", err)
	}
}

func FuzzParseManifest(f *testing.F) {
	f.Add(easel.MediaTypeOCIManifest, []byte(`{"schemaVersion":2,"config":`+descriptorJSON(digestA, 3)+`,"layers":[`+descriptorJSON(digestB, 4)+`]}`))
	f.Add(easel.MediaTypeOCIIndex, []byte(`{"schemaVersion":2,"manifests":[`+descriptorJSON(digestA, 3)+`]}`))
	f.Add("", []byte(`{"mediaType":"`+easel.MediaTypeDockerManifest+`"}`))
	f.Fuzz(func(t *testing.T, contentType string, body []byte) {
		m, err := easel.ParseManifest(contentType, body)
		if err != nil {
			if k := easel.AsError(err).Kind; k != easel.Invalid && k != easel.TooLarge {
				t.Fatalf("kind %v of %v", k, err)
			}
			return
		}
		for _, d := range slices.Concat(m.Blobs(), m.Children) {
			if _, err := easel.ParseDigest(string(d.Digest)); err != nil {
				t.Fatalf("accepted with %v", err)
			}
		}
		again, err := easel.ParseManifest(m.MediaType, m.Body)
		if err != nil || again.IsIndex() != m.IsIndex() || len(again.Blobs()) != len(m.Blobs()) {
			t.Fatalf("not stable: %v", err)
		}
	})
}
