package ociapi

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"easel"
	"easel/internal/registry"
)

// FuzzPage: a page that is accepted is one that the catalogue can look for.
func FuzzPage(f *testing.F) {
	for _, s := range []string{"", "n=0", "n=-1", "n=2147483648", "n=9223372036854775808", "n=1e3", "n=+1", "last=%00", "last=%ff", "n=5&last=v1", "n=1&n=2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		n, last, err := parsePage(q)
		if err != nil {
			if e := easel.AsError(err); e.Kind != easel.Invalid || e.Noun != "page" {
				t.Errorf("parsePage(%q) = %v", raw, err)
			}
			return
		}
		if n < 0 || n > registry.MaxPage || len(last) > 512 || !utf8.ValidString(last) || strings.ContainsRune(last, 0) {
			t.Errorf("parsePage(%q) = %d, %q", raw, n, last)
		}
	})
}

// FuzzTags: tags that are accepted are tags, each once.
func FuzzTags(f *testing.F) {
	for _, s := range []string{"tag=a&tag=b&tag=a", "tag=", "tag=.x", "tag=" + strings.Repeat("a", 129), strings.Repeat("tag=a&", 101), "tag=a%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		tags, err := parseTags(q)
		if err != nil {
			return
		}
		seen := map[easel.Tag]bool{}
		for _, tag := range tags {
			if _, err := easel.ParseTag(string(tag)); err != nil || seen[tag] {
				t.Errorf("parseTags(%q) has %q: %v", raw, tag, err)
			}
			seen[tag] = true
		}
		if len(tags) > maxTags {
			t.Errorf("parseTags(%q) has %d tags", raw, len(tags))
		}
	})
}
