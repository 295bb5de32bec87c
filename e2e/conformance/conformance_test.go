// Package conformance runs the test suite of the OCI distribution
// specification against the real program.
package conformance

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"testing"

	"easel/e2e/server"
	"easel/internal/pgtest"
)

func TestMain(m *testing.M) { os.Exit(server.Main(m)) }

// TestConformance accepts no failed and no skipped check. A "disabled" check is
// one that the version of the specification does not have.
func TestConformance(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	for _, tt := range []struct {
		version string
		least   int // checks that the suite makes of a registry that can do everything
	}{
		{"1.1", 860},
		{"dev", 986},
	} {
		for _, database := range []string{"SQLite", "PostgreSQL"} {
			t.Run(tt.version+"/"+database, func(t *testing.T) {
				t.Parallel()
				var flags []string
				if database == "PostgreSQL" {
					flags = []string{"--database", pgtest.Start(t)}
				}
				got := run(t, tt.version, database, flags...)
				t.Logf("%d passed, %d failed, %d errors, %d skipped, %d disabled",
					got.passed(), got.Failures, got.Errors, got.Skipped, got.Disabled)
				if got.Failures+got.Errors+got.Skipped > 0 {
					t.Errorf("failed or skipped checks; EASEL_TEST_REPORTS=DIR keeps the report")
				}
				if got.passed() < tt.least {
					t.Errorf("%d checks passed, want at least %d: did the suite end early?", got.passed(), tt.least)
				}
			})
		}
	}
}

// results is the JUnit summary of the suite.
type results struct {
	Tests    int `xml:"tests,attr"`
	Failures int `xml:"failures,attr"`
	Errors   int `xml:"errors,attr"`
	Skipped  int `xml:"skipped,attr"`
	Disabled int `xml:"disabled,attr"`
}

func (r results) passed() int { return r.Tests - r.Failures - r.Errors - r.Skipped - r.Disabled }

// run runs the suite of a version on a server of its own. The suite leaves with
// code 0 when it could not run, so only what it wrote counts.
func run(t *testing.T, version, database string, flags ...string) results {
	t.Helper()
	suite := server.Tool(t, "conformance")
	s := server.Start(t, flags...)
	s.CreateOrg(t, "first")
	s.CreateOrg(t, "second")
	dir := reports(t, version+"-"+database)
	out, err := server.Run(t.Context(), []string{
		"OCI_REGISTRY=" + s.Host, "OCI_TLS=disabled", "OCI_VERSION=" + version,
		"OCI_REPO1=first/conformance", "OCI_REPO2=second/conformance",
		"OCI_USERNAME=" + s.DockerUser(), "OCI_PASSWORD=" + s.DockerPassword(),
		"OCI_RESULTS_DIR=" + dir,
	}, "", suite)
	if err != nil {
		t.Errorf("the suite complains: %v", err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "junit.xml"))
	if err != nil {
		t.Fatalf("the suite left no results: %v\n%s", err, out)
	}
	var r results
	if err := xml.Unmarshal(b, &r); err != nil {
		t.Fatal(err)
	}
	s.Check(t)
	return r
}

// reports returns where the suite writes: EASEL_TEST_REPORTS keeps its reports.
func reports(t *testing.T, name string) string {
	t.Helper()
	keep := os.Getenv("EASEL_TEST_REPORTS")
	if keep == "" {
		return t.TempDir()
	}
	dir := filepath.Join(keep, "conformance-"+name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}
