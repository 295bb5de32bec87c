package bench

import (
	"fmt"
	"html"
	"io"
	"strings"
)

// Measures of the chart, in pixels.
const (
	chartWidth = 760
	labelWidth = 210
	barWidth   = 400
	barHeight  = 13
	rowGap     = 10
	chartTop   = 34
)

// colours of the targets, told apart in grey as well.
var colours = []string{"#1f5fa8", "#c9762b", "#9a9a9a", "#6a3d78"}

// WriteChart writes the rows that are throughputs as an SVG bar chart. In each
// row the best target's bar has the full width; the numbers say how much that is.
func (c Comparison) WriteChart(w io.Writer) error {
	var b strings.Builder
	y := chartTop
	for _, r := range c.Rows {
		if !strings.HasSuffix(r.Unit, "/s") {
			continue
		}
		fmt.Fprintf(&b, `<text x="%d" y="%d" text-anchor="end">%s, %s</text>`+"\n", labelWidth-8, y+barHeight-2, html.EscapeString(r.Name), html.EscapeString(r.Unit))
		y = r.bars(&b, y) + rowGap
	}
	var legend strings.Builder
	x := labelWidth
	for n, label := range c.Labels {
		fmt.Fprintf(&legend, `<rect x="%d" y="10" width="10" height="10" fill="%s"/><text x="%d" y="19">%s</text>`+"\n", x, colour(n), x+14, html.EscapeString(label))
		x += 30 + 7*len(label)
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" role="img">
<title>Throughput, longer is better (scale %g, medians of %d rounds)</title>
<rect width="100%%" height="100%%" fill="#ffffff"/>
%s%s</svg>
`, chartWidth, y, chartWidth, y, c.Scale, c.Rounds, legend.String(), b.String())
	return err
}

// bars draws the row's bars from y on and returns where they end.
func (r Row) bars(b *strings.Builder, y int) int {
	best := 0.0
	for _, cell := range r.Cells {
		if cell != nil {
			best = max(best, cell.Median)
		}
	}
	for n, cell := range r.Cells {
		if cell == nil {
			continue
		}
		width := 0.0
		if best > 0 {
			width = cell.Median / best * barWidth
		}
		fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
			labelWidth, y, width, barHeight-2, colour(n), labelWidth+width+5, y+barHeight-3, number(cell.Median))
		y += barHeight
	}
	return y
}

func colour(n int) string { return colours[n%len(colours)] }
