package easel_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"easel"
)

func BenchmarkParseManifest(b *testing.B) {
	layers := make([]easel.Descriptor, 12)
	for i := range layers {
		layers[i] = easel.Descriptor{MediaType: "application/vnd.oci.image.layer.v1.tar+gzip", Digest: easel.DigestOf(easel.SHA256, fmt.Append(nil, i)), Size: 1 << 20}
	}
	body, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": easel.MediaTypeOCIManifest, "config": layers[0], "layers": layers})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		if _, err := easel.ParseManifest(easel.MediaTypeOCIManifest, body); err != nil {
			b.Fatal(err)
		}
	}
}
