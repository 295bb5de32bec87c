package modelarts

import (
	"math"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench"
)

// query reads parameters and remembers the first that is not acceptable. An
// empty value is an absent one.
type query struct {
	values url.Values
	err    error
}

func queryOf(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.err = badQuery("the query cannot be read").Because(err)
	}
	return q
}

func badQuery(format string, args ...any) *easel.Error {
	return easel.E(easel.Invalid, "query", format, args...)
}

func (q *query) fail(err error) {
	if q.err == nil {
		q.err = err
	}
}

// text returns a parameter. One that is given twice with different values has
// no value that anybody could rely on.
func (q *query) text(name string) string {
	values := q.values[name]
	if len(slices.Compact(slices.Sorted(slices.Values(values)))) > 1 {
		q.fail(badQuery("%s is given more than once", name))
	}
	v := q.values.Get(name)
	if !utf8.ValidString(v) || strings.ContainsRune(v, 0) {
		q.fail(badQuery("%s is no text", name))
	}
	return v
}

// matching returns a parameter of at most limit characters that matches re.
func (q *query) matching(name string, limit int, re *regexp.Regexp) string {
	v := q.text(name)
	if v != "" && (len(v) > limit || !re.MatchString(v)) {
		q.fail(badQuery("%s is not acceptable: want at most %d characters that match %s", name, limit, re))
	}
	return v
}

// number returns a 32-bit parameter that is at least low, or def.
func (q *query) number(name string, def, low int64) int64 {
	v := q.text(name)
	if v == "" {
		return def
	}
	n, err := strconv.ParseInt(v, 10, 32)
	if err != nil || n < low {
		q.fail(badQuery("%s is %.32q: want a whole number from %d to %d", name, v, low, math.MaxInt32))
		return def
	}
	return n
}

// boolean returns a parameter that is true or false in any letter case; nil
// when it is absent.
func (q *query) boolean(name string) *bool {
	v := q.text(name)
	if v == "" {
		return nil
	}
	is := strings.EqualFold(v, "true")
	if !is && !strings.EqualFold(v, "false") {
		q.fail(badQuery("%s is %.32q: want true or false", name, v))
	}
	return &is
}

// oneOf returns a parameter that is one of values in any letter case.
func (q *query) oneOf(name string, values ...string) string {
	v, known := enum(q.text(name), values)
	if !known && v != "" {
		q.fail(badQuery("%s is %.32q: want one of %s", name, v, strings.Join(values, ", ")))
	}
	return v
}

// enum returns the member of values that v spells in any letter case.
func enum(v string, values []string) (string, bool) {
	for _, known := range values {
		if strings.EqualFold(v, known) {
			return known, true
		}
	}
	return v, false
}

var (
	nameFilter = regexp.MustCompile(`^[a-z0-9._/-]*$`)
	orgFilter  = regexp.MustCompile(`^[a-z][A-Za-z0-9._-]*$`)
	sortList   = regexp.MustCompile(`^[A-Za-z0-9_,-]*$`)
)

// filter reads what the lists of images and of groups have in common.
func (q *query) filter(project string) workbench.Filter {
	f := workbench.Filter{
		Project:   project,
		Workspace: q.text("workspace_id"),
		Name:      q.matching("name", 512, nameFilter),
		Org:       easel.Org(q.matching("namespace", 64, orgFilter)),
		Type:      q.oneOf("type", easel.BuildIn, easel.Dedicated),
	}
	if fuzzy := q.boolean("name_fuzzy_match"); fuzzy != nil {
		f.NameExact = !*fuzzy
	}
	return f
}

// sortKeys are the accepted spellings (images.md 3.3).
var sortKeys = map[string]catalog.ImageSort{
	"updateTime": catalog.ByUpdated, "update_time": catalog.ByUpdated, "updateAt": catalog.ByUpdated, "update_at": catalog.ByUpdated,
	"createTime": catalog.ByCreated, "create_time": catalog.ByCreated, "createAt": catalog.ByCreated, "create_at": catalog.ByCreated,
	"name": catalog.ByName, "tag": catalog.ByTag, "namespace": catalog.ByNamespace, "size": catalog.BySize, "status": catalog.ByStatus,
	"type": catalog.ByType, "arch": catalog.ByArch, "id": catalog.ByID,
}

// maxSortKeys is the longest list of sort keys in characters.
const maxSortKeys = 128

func (q *query) order() workbench.Order {
	o := workbench.Order{Ascending: q.oneOf("sort_dir", "ASC", "DESC") == "ASC"}
	keys := q.text("sort_key")
	if keys == "" {
		return o
	}
	if len(keys) > maxSortKeys || !sortList.MatchString(keys) {
		q.fail(easel.E(easel.Invalid, "sort", "sort_key is not acceptable: want at most %d characters of letters, digits, '_', '-' and ','", maxSortKeys))
		return o
	}
	for key := range strings.SplitSeq(keys, ",") {
		column, known := sortKeys[key]
		if !known {
			q.fail(easel.E(easel.Invalid, "sort", "images cannot be sorted by %q", key))
		}
		if !slices.Contains(o.Keys, column) {
			o.Keys = append(o.Keys, column)
		}
	}
	return o
}
