package bench

import (
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel/internal/bench/load"
)

var update = flag.Bool("update", false, "write golden files")

// results are two rounds of two targets, one of which was not asked everything.
func results() []load.Result {
	result := func(label string, figures ...load.Figure) load.Result {
		return load.Result{Format: 1, Label: label, Machine: "a machine", Load: "0.1 0.2 0.3", Scale: 1, Figures: figures,
			Date: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	}
	push := func(v float64) load.Figure { return load.Figure{Name: "push", Unit: "images/s", Value: v} }
	wait := func(v float64) load.Figure { return load.Figure{Name: "push p99", Unit: "ms", Value: v, Less: true} }
	broken := func(v float64) load.Figure {
		return load.Figure{Name: "broken", Unit: "images", Value: v, Less: true}
	}
	return []load.Result{
		result("peer <1>", push(50), wait(40), broken(3)),
		result("easel", push(200), wait(9.5), broken(0)),
		result("easel", push(100), wait(10.5), broken(0)),
		result("peer <1>", push(50), wait(20), broken(5)),
		result("files", push(1234.5)),
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestWriteMarkdown(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Compare("easel", results()).WriteMarkdown(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, "table.md", b.String())
}

func TestWriteChart(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	if err := Compare("easel", results()).WriteChart(&b); err != nil {
		t.Fatal(err)
	}
	for d := xml.NewDecoder(strings.NewReader(b.String())); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("the chart is no XML: %v\n%s", err, b.String())
		}
	}
	golden(t, "chart.svg", b.String())
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{0: "0", 1234.56: "1235", 99.96: "100", 12.34: "12.3", 1.5: "1.5", 0.0123: "0.0123", 100: "100"} {
		if got := number(v); got != want {
			t.Errorf("number(%v) = %s, want %s", v, got, want)
		}
	}
}
