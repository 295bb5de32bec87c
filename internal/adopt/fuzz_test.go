package adopt

import (
	"slices"
	"testing"

	"easel"
)

// FuzzParse: what nobody said the type of is one of the four types, or is
// refused with words for people.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"", "{}", "[]", `{"schemaVersion":1}`, `{"schemaVersion":2,"manifests":[]}`,
		`{"schemaVersion":2,"config":{"mediaType":"x","digest":"sha256:` + "0" + `","size":1},"layers":[]}`, `{"schemaVersion":2,"mediaType":"x/y"}`} {
		f.Add("", []byte(text))
		f.Add(easel.MediaTypeDockerList, []byte(text))
	}
	known := []string{easel.MediaTypeOCIManifest, easel.MediaTypeOCIIndex, easel.MediaTypeDockerManifest, easel.MediaTypeDockerList}
	f.Fuzz(func(t *testing.T, mediaType string, text []byte) {
		m, err := parse(mediaType, text)
		switch {
		case err != nil && easel.AsError(err).Kind == easel.Internal:
			t.Errorf("parse(%q, %q) = %v", mediaType, text, err)
		case err == nil && !slices.Contains(known, m.MediaType):
			t.Errorf("parse(%q, %q) has the type %q", mediaType, text, m.MediaType)
		}
	})
}
