package app

import (
	"bytes"
	"io"
	"testing"
)

func TestSize(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{
		0: "0 B", 1: "1 B", 1023: "1023 B", 1024: "1.00 KiB", 10 << 10: "10.0 KiB", 100 << 10: "100 KiB", 1<<20 - 1: "1.00 MiB",
		3 << 30: "3.00 GiB", 5 << 40: "5.00 TiB", 5000 << 40: "5000 TiB",
	} {
		if got := size(n); got != want {
			t.Errorf("size(%d) = %s, want %s", n, got, want)
		}
	}
}

func TestPrinter(t *testing.T) {
	t.Parallel()
	v := []map[string]any{{"name": "a", "size": 1}}
	for format, want := range map[string]string{
		"table": "NAME  SIZE\na     1\n",
		"json":  "[\n  {\n    \"name\": \"a\",\n    \"size\": 1\n  }\n]\n",
		"yaml":  "- name: a\n  size: 1\n",
	} {
		var b bytes.Buffer
		err := printer{w: &b, format: format}.print(v, func(w io.Writer) { row(w, "NAME", "SIZE"); row(w, "a", 1) })
		if err != nil || b.String() != want {
			t.Errorf("%s: %q, %v; want %q", format, b.String(), err, want)
		}
	}
}
