package scale

import (
	"fmt"
	"html"
	"io"
	"math"
	"slices"
	"strings"
)

// WriteMarkdown writes a row for each operation and a column for each size.
func WriteMarkdown(w io.Writer, points []Point) error {
	var b strings.Builder
	b.WriteString("| CPU (wait), ms |")
	names, sizes := axes(points)
	for _, s := range sizes {
		fmt.Fprintf(&b, " %d images |", s)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(sizes)) + "\n")
	for _, name := range names {
		fmt.Fprintf(&b, "| %s |", name)
		for _, s := range sizes {
			p := find(points, name, s)
			fmt.Fprintf(&b, " %.2g (%.2g) |", p.CPU, p.Wait)
		}
		b.WriteByte('\n')
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// axes returns the operations and the sizes, each in the order in which they came.
func axes(points []Point) (names []string, sizes []int) {
	for _, p := range points {
		if !slices.Contains(names, p.Operation) {
			names = append(names, p.Operation)
		}
		if !slices.Contains(sizes, p.Images) {
			sizes = append(sizes, p.Images)
		}
	}
	return names, sizes
}

func find(points []Point, name string, size int) Point {
	i := slices.IndexFunc(points, func(p Point) bool { return p.Operation == name && p.Images == size })
	if i < 0 {
		return Point{}
	}
	return points[i]
}

// Measures of the chart, in pixels.
const (
	chartWidth, chartHeight = 760, 420
	left, right, top, below = 60, 170, 20, 40
)

// colours of the operations, and their dashes: told apart in grey as well.
var (
	colours = []string{"#1f5fa8", "#c9762b", "#3a7d44", "#6a3d78", "#9a2a2a", "#555555"}
	dashes  = []string{"", "6 3", "2 3"}
)

// WriteChart writes a line for each operation as SVG: CPU time over images,
// both on logarithmic axes. A cost that does not grow is level.
func WriteChart(w io.Writer, points []Point) error {
	names, sizes := axes(points)
	if len(sizes) == 0 {
		return nil
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		low, high = min(low, math.Floor(math.Log10(max(p.CPU, 0.001)))), max(high, math.Ceil(math.Log10(max(p.CPU, 0.001))))
	}
	high = max(high, low+1)
	first, last := math.Log10(float64(sizes[0])), math.Log10(float64(sizes[len(sizes)-1]))
	x := func(images int) float64 {
		return left + (math.Log10(float64(images))-first)/max(last-first, 1e-9)*(chartWidth-left-right)
	}
	y := func(cpu float64) float64 {
		return chartHeight - below - (math.Log10(max(cpu, 0.001))-low)/(high-low)*(chartHeight-top-below)
	}
	var b strings.Builder
	for power := low; power <= high; power++ {
		at := y(math.Pow(10, power))
		fmt.Fprintf(&b, `<line x1="%d" y1="%.1f" x2="%d" y2="%.1f" stroke="#dddddd"/><text x="%d" y="%.1f" text-anchor="end">%g ms</text>`+"\n",
			left, at, chartWidth-right, at, left-6, at+4, math.Pow(10, power))
	}
	for _, s := range sizes {
		fmt.Fprintf(&b, `<text x="%.1f" y="%d" text-anchor="middle">%d</text>`+"\n", x(s), chartHeight-below+18, s)
	}
	for n, name := range names {
		var path []string
		for _, s := range sizes {
			path = append(path, fmt.Sprintf("%.1f,%.1f", x(s), y(find(points, name, s).CPU)))
		}
		colour, dash, key := colours[n%len(colours)], dashes[n/len(colours)%len(dashes)], top+16*n
		fmt.Fprintf(&b, `<polyline fill="none" stroke="%s" stroke-width="2" stroke-dasharray="%s" points="%s"/>`+"\n", colour, dash, strings.Join(path, " "))
		fmt.Fprintf(&b, `<line x1="%d" y1="%d" x2="%d" y2="%d" stroke="%s" stroke-width="2" stroke-dasharray="%s"/><text x="%d" y="%d">%s</text>`+"\n",
			chartWidth-right+14, key, chartWidth-right+40, key, colour, dash, chartWidth-right+46, key+4, html.EscapeString(name))
	}
	_, err := fmt.Fprintf(w, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" font-family="sans-serif" font-size="11" role="img">
<title>CPU time of an operation as the catalogue grows</title>
<rect width="100%%" height="100%%" fill="#ffffff"/>
%s<text x="%d" y="%d" text-anchor="middle">images in the project</text>
</svg>
`, chartWidth, chartHeight, chartWidth, chartHeight, b.String(), (left+chartWidth-right)/2, chartHeight-6)
	return err
}
