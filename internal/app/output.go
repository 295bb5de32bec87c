package app

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/goccy/go-yaml"
)

// printer writes results in the form the user asked for.
type printer struct {
	w      io.Writer
	format string // "table", "json" or "yaml"
}

// print writes v as JSON or YAML, or calls table to write it for people.
func (p printer) print(v any, table func(w io.Writer)) error {
	if p.format != "json" && p.format != "yaml" {
		t := tabwriter.NewWriter(p.w, 0, 4, 2, ' ', 0)
		table(t)
		return t.Flush()
	}
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	if p.format == "yaml" {
		if text, err = yaml.JSONToYAML(text); err != nil {
			return err
		}
	}
	_, err = fmt.Fprintln(p.w, strings.TrimSpace(string(text)))
	return err
}

// forPeople reports whether the output is meant to be read, not parsed.
func (p printer) forPeople() bool { return p.format != "json" && p.format != "yaml" }

// row writes cells as one line of a table.
func row(w io.Writer, cells ...any) {
	texts := make([]string, len(cells))
	for i, c := range cells {
		texts[i] = fmt.Sprint(c)
	}
	fmt.Fprintln(w, strings.Join(texts, "\t"))
}

// size writes n bytes for people: three significant digits, powers of 1024.
func size(n int64) string {
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	value, unit := float64(n), 0
	for value >= 1023.5 && unit < 4 {
		value /= 1024
		unit++
	}
	name := [...]string{"B", "KiB", "MiB", "GiB", "TiB"}[unit]
	switch {
	case value < 9.995:
		return fmt.Sprintf("%.2f %s", value, name)
	case value < 99.95:
		return fmt.Sprintf("%.1f %s", value, name)
	}
	return fmt.Sprintf("%.0f %s", value, name)
}

// when writes milliseconds since 1970 for people; 0 as "-".
func when(ms int64) string {
	if ms == 0 {
		return "-"
	}
	return time.UnixMilli(ms).UTC().Format("2006-01-02 15:04")
}

// plural writes n with the word, "1 image" or "2 images".
func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
