package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
)

// indent makes JSON readable without changing the order or spelling of
// anything; what is no JSON stays as it is.
func indent(body []byte) []byte {
	var b bytes.Buffer
	if err := json.Indent(&b, bytes.TrimSpace(body), "", "  "); err != nil {
		return bytes.TrimRight(body, "\n")
	}
	return b.Bytes()
}

// volatile values, in the order in which they are replaced: a UUID contains
// what looks like other numbers.
var volatile = []struct {
	name string
	re   *regexp.Regexp
}{
	{"time", regexp.MustCompile(`\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)`)},
	{"uuid", regexp.MustCompile(`\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b`)},
	{"id", regexp.MustCompile(`\b[0-9a-f]{32}\b`)},
	{"millis", regexp.MustCompile(`\b1[5-9]\d{11}\b`)},
}

var requestID = regexp.MustCompile(`(?m)^(X-Request-Id): .*$`)

// normal replaces volatile values by names. Times are all called <time>; ids
// are numbered in the order in which they appear, so that a file still shows
// which ids are the same.
func (r *Recorder) normal(text string) string {
	for _, x := range r.replaced {
		text = x.re.ReplaceAllString(text, x.by)
	}
	text = requestID.ReplaceAllString(text, "$1: <request-id>")
	for _, v := range volatile {
		names := map[string]string{}
		text = v.re.ReplaceAllStringFunc(text, func(s string) string {
			if v.name == "time" || v.name == "millis" {
				return "<" + v.name + ">"
			}
			if names[s] == "" {
				names[s] = fmt.Sprintf("<%s-%d>", v.name, len(names)+1)
			}
			return names[s]
		})
	}
	return text
}
