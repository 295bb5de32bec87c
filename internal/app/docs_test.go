package app

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"easel/internal/api/easelapi"
	"easel/internal/api/iam"
	"easel/internal/api/modelarts"
	"easel/internal/api/ociapi"
	"easel/internal/api/swr"
)

// TestEveryOperationIsDocumented compares docs/compatibility.md with the API
// documents, which their own tests compare with what is served.
func TestEveryOperationIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "compatibility.md"))
	if err != nil {
		t.Fatal(err)
	}
	served := map[string]bool{}
	for _, document := range [][]byte{modelarts.OpenAPI, swr.OpenAPI, iam.OpenAPI, ociapi.OpenAPI, easelapi.OpenAPI} {
		var doc struct {
			Paths map[string]map[string]any `yaml:"paths"`
		}
		if err := yaml.Unmarshal(document, &doc); err != nil {
			t.Fatal(err)
		}
		for path, operations := range doc.Paths {
			for method := range operations {
				if op := strings.ToUpper(method) + " " + path; method != "parameters" {
					served[op] = true
				}
			}
		}
	}
	documented := map[string]bool{}
	for _, m := range regexp.MustCompile("`([A-Z]+ /[^`]*)`").FindAllStringSubmatch(string(text), -1) {
		documented[m[1]] = true
		if !served[m[1]] {
			t.Errorf("docs/compatibility.md has %s, which is not served", m[1])
		}
	}
	for op := range served {
		if !documented[op] {
			t.Errorf("docs/compatibility.md does not have %s", op)
		}
	}
}

// TestLinksLead follows the links between the documents, to their headings. The
// README leads to every page.
func TestLinksLead(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(moduleRoot, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	readme, security := filepath.Join(moduleRoot, "README.md"), filepath.Join(moduleRoot, "SECURITY.md")
	texts := map[string]string{}
	for _, page := range append(pages, readme, security) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		texts[page] = string(text)
	}
	link := regexp.MustCompile(`\]\(([^)#:]*)(#[^)]*)?\)`)
	linked := map[string]bool{}
	for page, text := range texts {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			target := page
			if m[1] != "" {
				target = filepath.Join(filepath.Dir(page), m[1])
			}
			if page == readme {
				linked[target] = true
			}
			if !isFile(target) {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			} else if m[2] != "" && !slices.Contains(headings(texts[target]), m[2]) {
				t.Errorf("%s links to %s%s, a heading that is not there", page, m[1], m[2])
			}
		}
	}
	for _, page := range pages {
		if !linked[page] {
			t.Errorf("README.md does not lead to %s", page)
		}
	}
}

var (
	heading  = regexp.MustCompile(`(?m)^#+ (.*)$`)
	unlinked = regexp.MustCompile(`[^\w\- ]`)
)

// headings returns how links name the headings of a page. Comments in its
// examples look like headings and are among them, which does no harm.
func headings(page string) []string {
	var names []string
	for _, m := range heading.FindAllStringSubmatch(page, -1) {
		names = append(names, "#"+strings.ReplaceAll(unlinked.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return names
}
