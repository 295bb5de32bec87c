package swr

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"easel"
)

// The bounds of a page (swr.md 2.8).
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// query holds the parameters of a listing, from the plain ones and the filter.
type query struct {
	values   map[string]string
	filtered bool // the filters come from "filter"
}

// paging are the keys that a filter may leave to the plain parameters. All
// others are ignored when there is a filter (swr.md 2.8).
var paging = []string{"limit", "offset", "order_column", "order_type"}

// readQuery reads the parameters called keys. An empty value counts as absent.
func readQuery(r *http.Request, keys ...string) (query, error) {
	plain, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return query{}, easel.E(easel.Invalid, "parameter", "the query string cannot be read").Because(err)
	}
	q := query{values: map[string]string{}, filtered: plain.Get("filter") != ""}
	for _, k := range keys {
		if v := plain.Get(k); v != "" && (!q.filtered || slices.Contains(paging, k)) {
			q.values[k] = v
		}
	}
	if !q.filtered {
		return q, nil
	}
	filter, err := parseFilter(plain.Get("filter"), keys)
	if err != nil {
		return query{}, err
	}
	for k, v := range filter {
		q.values[k] = v
	}
	return q, nil
}

// parseFilter reads pairs "key::value" joined by "|". A value may contain
// "::". A key that is not among keys, or comes twice, is Invalid "filter".
func parseFilter(s string, keys []string) (map[string]string, error) {
	values, seen := map[string]string{}, map[string]bool{}
	for pair := range strings.SplitSeq(s, "|") {
		k, v, ok := strings.Cut(pair, "::")
		switch {
		case !ok:
			return nil, easel.E(easel.Invalid, "filter", "%.80q in the filter is not key::value", pair)
		case !slices.Contains(keys, k):
			return nil, easel.E(easel.Invalid, "filter", "the filter cannot use %.40q; it can use %s", k, strings.Join(keys, ", "))
		case seen[k]:
			return nil, easel.E(easel.Invalid, "filter", "the filter has %q twice", k)
		}
		seen[k] = true
		if v != "" {
			values[k] = v
		}
	}
	return values, nil
}

// page returns limit and offset. A number that is not decimal, negative or
// beyond 63 bits, and the limit 0, are Invalid "page"; a limit above 1000 is 1000.
func (q query) page() (limit int, offset int64, err error) {
	n, err := q.number("limit", defaultLimit)
	if err == nil && n == 0 {
		err = easel.E(easel.Invalid, "page", "limit must be at least 1")
	}
	if err != nil {
		return 0, 0, err
	}
	offset, err = q.number("offset", 0)
	return int(min(n, maxLimit)), offset, err
}

func (q query) number(key string, absent int64) (int64, error) {
	s, ok := q.values[key]
	if !ok {
		return absent, nil
	}
	n, err := strconv.ParseUint(s, 10, 63)
	if err != nil {
		return 0, easel.E(easel.Invalid, "page", "%s must be a whole number that is not negative, not %.40q", key, s)
	}
	return int64(n), nil
}

// order returns the sort key that the query's order_column stands for in
// columns, and whether it is descending; absent when the query has none.
// Column and type come together.
func order[K any](q query, columns map[string]K, absent K) (column K, desc bool, err error) {
	name, direction := q.values["order_column"], q.values["order_type"]
	switch {
	case name == "" && direction == "":
		return absent, true, nil
	case name == "" || direction == "":
		return absent, false, easel.E(easel.Invalid, "parameter", "order_column and order_type must be given together")
	}
	column, ok := columns[name]
	if !ok {
		return absent, false, easel.E(easel.Invalid, "order column", "%.40q cannot be sorted by", name)
	}
	if direction != "asc" && direction != "desc" {
		return absent, false, easel.E(easel.Invalid, "parameter", "order_type must be asc or desc, not %.40q", direction)
	}
	return column, direction == "desc", nil
}

// truth returns a boolean parameter; nil when it is absent.
func (q query) truth(key string) (*bool, error) {
	switch q.values[key] {
	case "":
		return nil, nil
	case "true":
		return new(true), nil
	case "false":
		return new(false), nil
	}
	return nil, easel.E(easel.Invalid, "parameter", "%s must be true or false, not %.40q", key, q.values[key])
}

// contentRange tells where in the listing a page is: start, number of its
// records, number of all (swr.md 2.8).
func contentRange(w http.ResponseWriter, offset int64, count int, total int64) {
	w.Header().Set("Content-Range", fmt.Sprintf("%d-%d/%d", offset, count, total))
}
