// Package apitest checks a family's HTTP edge against its OpenAPI 3.1
// document and against golden exchanges. Only tests import it.
//
//	func TestContract(t *testing.T) { apitest.Contract(t, mux.Patterns(), swr.OpenAPI) }
//
//	func TestOrganisations(t *testing.T) {
//		rec := apitest.New(t, mux, swr.OpenAPI)
//		rec.Golden(t, "organisations",
//			apitest.Request("POST", "/v2/manage/namespaces", `{"namespace":"team"}`, "X-Auth-Token", "admin"),
//			apitest.Request("GET", "/v2/manage/namespaces", "", "X-Auth-Token", "admin"))
//		rec.Complete(t) // every operation was answered with a success
//	}
//
// Golden compares with testdata/organisations.http; "go test -update" writes
// the files anew. The package registers the flag -update for its importers,
// which must not register it again.
//
// # What is checked of each exchange
//
// A request that is answered with less than 400 must be one the document
// allows. A response must have a documented status, and the headers and the
// body the document gives it. A request that the document knows no operation
// for must be answered with 404 or 405.
package apitest

import (
	"context"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write golden files instead of comparing with them")

// Contract fails t unless doc is a valid OpenAPI 3.1 document in which every
// pattern of the mux ("METHOD /path/{wildcard}") has an operation, under the
// same wildcard names, and in which every operation has a pattern. A GET
// pattern answers a HEAD operation too. Every operation needs a summary and an
// operationId of its own.
func Contract(t *testing.T, patterns []string, doc []byte) {
	t.Helper()
	d := load(t, doc)
	for _, problem := range differences(patterns, d) {
		t.Error(problem)
	}
}

// differences returns what Contract complains about, sorted.
func differences(patterns []string, d *openapi3.T) []string {
	var found []string
	described, ids, served := map[string]bool{}, map[string]bool{}, map[string]bool{}
	for path, item := range d.Paths.Map() {
		for method, op := range item.Operations() {
			described[method+" "+path] = true
			if op.Summary == "" || op.OperationID == "" || ids[op.OperationID] {
				found = append(found, fmt.Sprintf("%s %s needs a summary and an operationId of its own, has %q and %q", method, path, op.Summary, op.OperationID))
			}
			ids[op.OperationID] = true
		}
	}
	for _, p := range patterns {
		served[operation(p)] = true
		if !described[operation(p)] {
			found = append(found, operation(p)+" is served, but the document does not have it")
		}
	}
	for p := range described {
		get := "GET" + strings.TrimPrefix(p, "HEAD")
		if !served[p] && !(strings.HasPrefix(p, "HEAD ") && served[get]) {
			found = append(found, p+" is in the document, but nothing serves it")
		}
	}
	slices.Sort(found)
	return found
}

// operation turns a pattern of http.ServeMux into the form of the document:
// {name...} becomes {name} and the anchor {$} goes.
func operation(pattern string) string {
	return strings.ReplaceAll(strings.TrimSuffix(pattern, "{$}"), "...}", "}")
}

// load parses and validates doc, examples included.
func load(t *testing.T, doc []byte) *openapi3.T {
	t.Helper()
	d, err := openapi3.NewLoader().LoadFromData(doc)
	if err != nil {
		t.Fatalf("read the OpenAPI document: %v", err)
	}
	if err := d.Validate(context.Background()); err != nil {
		t.Errorf("the OpenAPI document is not valid: %v", err)
	}
	if !strings.HasPrefix(d.OpenAPI, "3.1.") {
		t.Errorf("the document says openapi: %s, want 3.1", d.OpenAPI)
	}
	return d
}

// Request returns a request with a body ("" for none) and headers given as
// name, value, name, value. A body that looks like JSON is sent as
// application/json unless the headers say otherwise.
func Request(method, target, body string, headers ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if body == "" {
		r = httptest.NewRequest(method, target, nil)
	} else if body[0] == '{' || body[0] == '[' {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	return r
}

// Golden compares got with the file testdata/name, or writes the file when
// the test runs with -update.
func Golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := writeFile(file, got); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("%v (run the test with -update to write it)", err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s differs (-want +got; -update writes it anew):\n%s", file, diff)
	}
}

func writeFile(file, text string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return fmt.Errorf("make the golden file's directory: %w", err)
	}
	return os.WriteFile(file, []byte(text), 0o644)
}
