package modelarts

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"easel"
)

// FuzzListQuery checks that what the parser of a list's query accepts is
// within the documented bounds.
func FuzzListQuery(f *testing.F) {
	for _, q := range []string{"", "limit=2&offset=8", "name=h_x&name_fuzzy_match=False", "sort_key=updateTime,id&sort_dir=asc", "namespace=team&type=dedicated&workspace_id=0", "name=%00", "a;b"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q := queryOf(&http.Request{URL: &url.URL{RawQuery: raw}})
		filter, order := q.filter("p"), q.order()
		limit, offset := q.number("limit", defaultLimit, 1), q.number("offset", 0, 0)
		if q.err != nil {
			if a := answerFor(easel.AsError(q.err)); a.status != 400 {
				t.Errorf("%q is answered with %+v, want a 400", raw, a)
			}
			return
		}
		if limit < 1 || limit > 1<<31-1 || offset < 0 || offset > 1<<31-1 {
			t.Errorf("%q: limit %d, offset %d", raw, limit, offset)
		}
		if len(filter.Name) > 512 || strings.Trim(filter.Name, "abcdefghijklmnopqrstuvwxyz0123456789._/-") != "" || len(filter.Org) > 64 {
			t.Errorf("%q: name %q, organisation %q", raw, filter.Name, filter.Org)
		}
		if !slices.Contains([]string{"", easel.BuildIn, easel.Dedicated}, filter.Type) || !utf8.ValidString(filter.Workspace) {
			t.Errorf("%q: type %q, workspace %q", raw, filter.Type, filter.Workspace)
		}
		if slices.Contains(order.Keys, "") {
			t.Errorf("%q: keys %q", raw, order.Keys)
		}
	})
}

// FuzzRegistration checks that what the parser of a registration accepts is
// within the documented bounds and that everything else is the client's mistake.
func FuzzRegistration(f *testing.F) {
	for _, b := range []string{
		`{"swr_path":"team/torch:1"}`, `{"swr_path":"x","arch":"AARCH64","services":["ssh"],"tags":["a=b",{"key":"c","value":"d"}],"read_me":""}`,
		`null`, `[]`, `{"swr_path":1}`, `{"swr_path":"x","tags":[null]}`, `{"swr_path":"x","description":"\u0000"}`,
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, _, err := readObject[registration](httptest.NewRequest("POST", "/", strings.NewReader(text)))
		if err != nil {
			if a := answerFor(easel.AsError(err)); a.status < 400 || a.status >= 500 {
				t.Errorf("%q is answered with %+v, want a 4xx", text, a)
			}
			return
		}
		in, err := body.parse()
		if err != nil {
			if a := answerFor(easel.AsError(err)); a.status != 400 {
				t.Errorf("%q is answered with %+v, want a 400", text, a)
			}
			return
		}
		if !slices.Contains(arches, in.Arch) || !slices.Contains(visibilities, in.Visibility) || !slices.Contains(origins, in.Origin) || len(in.Services) == 0 {
			t.Errorf("%q: %+v has a value that is none", text, in)
		}
		if utf8.RuneCountInString(in.Description) > maxDescription || len(in.Tags) > 20 || strings.ContainsRune(in.Description, 0) {
			t.Errorf("%q: %+v is over a bound", text, in)
		}
		for _, tag := range in.Tags {
			if tag.Key == "" || strings.ContainsRune(tag.Key+tag.Value, 0) {
				t.Errorf("%q: tag %+v", text, tag)
			}
		}
	})
}
