// Package bench puts the figures of several runs side by side: medians,
// spreads and ratios, as a table for people and one for programs.
package bench

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"

	"easel/internal/bench/load"
)

// Comparison is what several targets did in several rounds.
type Comparison struct {
	Machine string   `json:"machine"`
	Date    string   `json:"date"`
	Load    string   `json:"load"` // average load when the first round began
	Scale   float64  `json:"scale"`
	Rounds  int      `json:"rounds"`
	Labels  []string `json:"targets"` // the first is the one that ratios are of
	Rows    []Row    `json:"rows"`
}

// Row is one figure of all targets.
type Row struct {
	Name string `json:"name"`
	Unit string `json:"unit"`
	Less bool   `json:"less,omitempty"` // less is better
	// Cells are in the order of Labels; nil: not measured there.
	Cells []*Cell `json:"cells"`
}

// Cell is one figure of one target.
type Cell struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	// Ratio is how many times the first target is better than this one; 0:
	// there is no such number.
	Ratio  float64   `json:"ratio,omitempty"`
	Values []float64 `json:"values"`
}

// Compare puts results side by side. first is the target that ratios are of.
// There must be at least one result.
func Compare(first string, results []load.Result) Comparison {
	c := Comparison{Machine: results[0].Machine, Date: results[0].Date.Format("2006-01-02 15:04 MST"), Load: results[0].Load, Scale: results[0].Scale, Labels: []string{first}}
	values := map[string]map[string][]float64{} // by figure, then label
	for _, r := range results {
		if !slices.Contains(c.Labels, r.Label) {
			c.Labels = append(c.Labels, r.Label)
		}
		for _, f := range r.Figures {
			if values[f.Name] == nil {
				values[f.Name] = map[string][]float64{}
				c.Rows = append(c.Rows, Row{Name: f.Name, Unit: f.Unit, Less: f.Less})
			}
			values[f.Name][r.Label] = append(values[f.Name][r.Label], f.Value)
			c.Rounds = max(c.Rounds, len(values[f.Name][r.Label]))
		}
	}
	for i := range c.Rows {
		row := &c.Rows[i]
		row.Cells = make([]*Cell, len(c.Labels))
		for n, label := range c.Labels {
			if v := values[row.Name][label]; len(v) > 0 {
				row.Cells[n] = newCell(v)
			}
		}
		row.ratios()
	}
	return c
}

func newCell(values []float64) *Cell {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return &Cell{Median: (sorted[(n-1)/2] + sorted[n/2]) / 2, Min: sorted[0], Max: sorted[n-1], Values: values}
}

func (r *Row) ratios() {
	for _, c := range r.Cells[1:] {
		if c == nil || r.Cells[0] == nil {
			continue
		}
		ratio := r.Cells[0].Median / c.Median
		if r.Less {
			ratio = 1 / ratio
		}
		if ratio > 0 && !math.IsInf(ratio, 0) {
			c.Ratio = ratio
		}
	}
}

// WriteMarkdown writes c as a table. Each cell has the median, in brackets the
// least and the most, and how many times the first target is better.
func (c Comparison) WriteMarkdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s; %s; load before the run %s; scale %g; medians of %d rounds, (least - most), **times the first column is better**\n\n", c.Date, c.Machine, c.Load, c.Scale, c.Rounds)
	fmt.Fprintf(&b, "| figure | %s |\n|---|%s\n", strings.Join(c.Labels, " | "), strings.Repeat("---|", len(c.Labels)))
	for _, r := range c.Rows {
		fmt.Fprintf(&b, "| %s, %s |", r.Name, r.Unit)
		for _, cell := range r.Cells {
			b.WriteString(" " + cell.text() + " |")
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (c *Cell) text() string {
	if c == nil {
		return "-"
	}
	s := number(c.Median)
	if c.Min != c.Max {
		s += " (" + number(c.Min) + " - " + number(c.Max) + ")"
	}
	if c.Ratio != 0 {
		s += " **" + number(c.Ratio) + "x**"
	}
	return s
}

// number writes v with three digits that mean something.
func number(v float64) string {
	digits := 0
	if a := math.Abs(v); a > 0 && a < 100 {
		digits = min(4, 2-int(math.Floor(math.Log10(a))))
	}
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimSuffix(strings.TrimRight(s, "0"), ".")
	}
	return s
}
