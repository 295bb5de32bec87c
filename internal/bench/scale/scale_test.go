package scale

import (
	"encoding/xml"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"

	"easel/internal/catalog"
)

func TestRun(t *testing.T) {
	t.Parallel()
	db, err := catalog.Open(t.Context(), catalog.Options{URL: "sqlite:" + filepath.Join(t.TempDir(), "easel.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	points, err := Run(t.Context(), Options{Catalog: db, Sizes: []int{10, 120}, Times: 3}, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	names, sizes := axes(points)
	if len(names) != 10 || len(sizes) != 2 || len(points) != 20 {
		t.Errorf("%d points of %v at %v", len(points), names, sizes)
	}
	for _, p := range points {
		if p.Wait <= 0 {
			t.Errorf("%+v took no time", p)
		}
	}
	var table, chart strings.Builder
	if err := errors.Join(WriteMarkdown(&table, points), WriteChart(&chart, points)); err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(table.String(), "\n"); lines != 2+10 {
		t.Errorf("the table has %d lines:\n%s", lines, table.String())
	}
	for d := xml.NewDecoder(strings.NewReader(chart.String())); ; {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("the chart is no XML: %v\n%s", err, chart.String())
		}
	}
	if found, err := db.Verify(t.Context(), false); err != nil || len(found) > 0 {
		t.Errorf("the catalogue has findings: %v, %v", found, err)
	}
}
