package app

import (
	"os"
	"path/filepath"
	"regexp"
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

// TestLinksLead follows the links between the documents.
func TestLinksLead(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob(filepath.Join(moduleRoot, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	link := regexp.MustCompile(`\]\(([^)#:]+)\)`)
	for _, page := range append(pages, filepath.Join(moduleRoot, "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if !isFile(filepath.Join(filepath.Dir(page), m[1])) {
				t.Errorf("%s links to %s, which is not there", page, m[1])
			}
		}
	}
}
