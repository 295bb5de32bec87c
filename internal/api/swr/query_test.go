package swr

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

func TestReadQuery(t *testing.T) {
	t.Parallel()
	keys := []string{"namespace", "name", "limit", "offset"}
	for _, tt := range []struct {
		name, query string
		want        map[string]string
		filtered    bool
	}{
		{"nothing", "", map[string]string{}, false},
		{"plain", "name=web&limit=5&other=x", map[string]string{"name": "web", "limit": "5"}, false},
		{"empty values", "name=&filter=", map[string]string{}, false},
		{"filter", "filter=namespace::group|name::web|limit::20|offset::0", map[string]string{"namespace": "group", "name": "web", "limit": "20", "offset": "0"}, true},
		{"escaped filter", "filter=namespace%3A%3Agroup%7Cname%3A%3Aweb", map[string]string{"namespace": "group", "name": "web"}, true},
		{"filter wins", "filter=name::web|limit::20&name=x&namespace=y&limit=5&offset=7", map[string]string{"name": "web", "limit": "20", "offset": "7"}, true},
		{"a value may contain the separator", "filter=name::a::b", map[string]string{"name": "a::b"}, true},
		{"a filter's value may be empty", "filter=name::|limit::3", map[string]string{"limit": "3"}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := &http.Request{URL: &url.URL{RawQuery: tt.query}}
			q, err := readQuery(r, keys...)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, q.values); diff != "" || q.filtered != tt.filtered {
				t.Errorf("filtered = %v; values (-want +got):\n%s", q.filtered, diff)
			}
		})
	}
	for _, bad := range []string{"filter=web", "filter=|", "filter=name::a|", "filter=Name::a", "filter=name:a", "filter=name::a|name::b", "filter=::", "filter=name::a||limit::1"} {
		if _, err := readQuery(&http.Request{URL: &url.URL{RawQuery: bad}}, keys...); easel.AsError(err).Noun != "filter" || !errors.Is(err, easel.Invalid) {
			t.Errorf("readQuery(%q) = %v, want Invalid filter", bad, err)
		}
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		limit, offset string
		wantLimit     int
		wantOffset    int64
	}{
		{"", "", 100, 0},
		{"1", "", 1, 0},
		{"", "7", 100, 7},
		{"1000", "0", 1000, 0},
		{"1001", "0", 1000, 0},
		{"9223372036854775807", "9223372036854775807", 1000, 1<<63 - 1},
		{"010", "00", 10, 0},
	} {
		limit, offset, err := query{values: map[string]string{"limit": tt.limit, "offset": tt.offset}}.without("").page()
		if err != nil || limit != tt.wantLimit || offset != tt.wantOffset {
			t.Errorf("limit=%s offset=%s: %d, %d, %v; want %d, %d", tt.limit, tt.offset, limit, offset, err, tt.wantLimit, tt.wantOffset)
		}
	}
	for _, bad := range []string{"-1", "+1", "1.0", "0x1", "1e3", " 1", "1_000", "9223372036854775808", strings.Repeat("9", 100), "²", "ten"} {
		for _, key := range []string{"limit", "offset"} {
			_, _, err := query{values: map[string]string{key: bad}}.page()
			if easel.AsError(err).Noun != "page" || !errors.Is(err, easel.Invalid) {
				t.Errorf("%s=%q: %v, want Invalid page", key, bad, err)
			}
		}
	}
}

// without returns q without the keys whose value is absent, as readQuery leaves them out.
func (q query) without(absent string) query {
	for k, v := range q.values {
		if v == absent {
			delete(q.values, k)
		}
	}
	return q
}

// FuzzFilter checks that a filter that is taken has only known keys and can be
// put together again from what was read.
func FuzzFilter(f *testing.F) {
	for _, s := range []string{"", "|", "::", "name::web", "name::a::b|limit::1", "name::%|limit::", "limit::1|limit::2", "name:web"} {
		f.Add(s)
	}
	keys := []string{"name", "limit"}
	f.Fuzz(func(t *testing.T, s string) {
		values, err := parseFilter(s, keys)
		if err != nil {
			if e := easel.AsError(err); e.Kind != easel.Invalid || e.Noun != "filter" {
				t.Errorf("parseFilter(%q) = %v", s, err)
			}
			return
		}
		pairs := strings.Split(s, "|")
		if len(pairs) > len(keys) {
			t.Errorf("parseFilter(%q) took %d pairs", s, len(pairs))
		}
		for k, v := range values {
			if !slices.Contains(keys, k) || !slices.Contains(pairs, k+"::"+v) {
				t.Errorf("parseFilter(%q) found %q=%q", s, k, v)
			}
		}
	})
}

func TestRepoQuery(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, query string
		want        catalog.RepoQuery
	}{
		{"default", "", catalog.RepoQuery{Order: catalog.ReposByUpdated, Desc: true, Limit: 100}},
		{"plain organisation is exact", "namespace=team&name=a$b", catalog.RepoQuery{Org: "team", NamePart: "a/b", Order: catalog.ReposByUpdated, Desc: true, Limit: 100}},
		{"filtered organisation is not", "filter=namespace::team|center::self", catalog.RepoQuery{OrgPart: "team", Order: catalog.ReposByUpdated, Desc: true, Limit: 100}},
		{"all", "category=arms&is_public=true&order_column=tag_count&order_type=asc&limit=3&offset=4&center=self",
			catalog.RepoQuery{Category: "arm", Public: new(true), Order: catalog.ReposByTags, Limit: 3, Offset: 4}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := repoQuery(&http.Request{URL: &url.URL{RawQuery: tt.query}})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
