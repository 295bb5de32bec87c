package swr

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"easel"
)

// FuzzRepoQuery: any query string is a list within its bounds, or the client's
// mistake.
func FuzzRepoQuery(f *testing.F) {
	for _, s := range []string{
		"", "filter=namespace::team|limit::10", "filter=limit::0", "limit=-1", "limit=1001&offset=9223372036854775807", "offset=9223372036854775808",
		"order_column=name&order_type=asc", "order_column=name;drop&order_type=asc", "order_column=name", "is_public=TRUE", "category=arms", "name=a$b%25_%5C",
		"a=1;b=2", "%zz", "filter=a::b::c|::", "limit=1&limit=2",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		r := httptest.NewRequest(http.MethodGet, "/v2/manage/repos", nil)
		r.URL.RawQuery = raw
		q, err := repoQuery(r)
		if err != nil {
			if a := wire[wireKey{easel.AsError(err).Kind, easel.AsError(err).Noun}]; easel.AsError(err).Kind != easel.Invalid || a.status >= 500 {
				t.Errorf("repoQuery(%q) = %v", raw, err)
			}
			return
		}
		if q.Limit < 1 || q.Limit > maxLimit || q.Offset < 0 || q.Org != "" && q.OrgPart != "" {
			t.Errorf("repoQuery(%q) = %+v", raw, q)
		}
		if q.Category != "" && categories[q.Category] != q.Category {
			t.Errorf("repoQuery(%q) has the category %q", raw, q.Category)
		}
	})
}
