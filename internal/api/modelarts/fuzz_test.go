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

// FuzzWorkspace checks that what the parser of a workspace accepts is within
// the documented bounds and that everything else is the client's mistake.
func FuzzWorkspace(f *testing.F) {
	for _, b := range []string{
		`{"name":"vision"}`, `{"name":"视觉_2","auth_type":"internal","grants":[{"user_id":"u","user_name":"eva","user_type":"iam"}]}`,
		`null`, `{"name":1}`, `{"name":"a\u0000bc"}`, `{"grants":[{}]}`, `{"grants":[null],"description":"\ud800"}`, `{"enterprise_project_id":"1"}`,
	} {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, text string) {
		body, _, err := readObject[workspaceBody](httptest.NewRequest("POST", "/", strings.NewReader(text)))
		if err != nil {
			if a := answerFor(easel.AsError(err)); a.status < 400 || a.status >= 500 {
				t.Errorf("%q is answered with %+v, want a 4xx", text, a)
			}
			return
		}
		c, err := body.parse()
		if err != nil {
			if a := answerFor(easel.AsError(err)); a.status != 400 {
				t.Errorf("%q is answered with %+v, want a 400", text, a)
			}
			return
		}
		if c.Name != nil && (utf8.RuneCountInString(*c.Name) < 4 || utf8.RuneCountInString(*c.Name) > 64 || !utf8.ValidString(*c.Name) || strings.ContainsAny(*c.Name, "\x00 /%'\"<>\n")) {
			t.Errorf("%q: name %q", text, *c.Name)
		}
		if c.Description != nil && (utf8.RuneCountInString(*c.Description) > 256 || strings.ContainsRune(*c.Description, 0)) {
			t.Errorf("%q: description %q", text, *c.Description)
		}
		if c.Access != nil && !slices.Contains(accesses, *c.Access) {
			t.Errorf("%q: access %q", text, *c.Access)
		}
		if c.Users == nil {
			return
		}
		for _, u := range *c.Users {
			if u.ID == "" && u.Name == "" || strings.ContainsRune(u.ID+u.Name, 0) {
				t.Errorf("%q: user %+v", text, u)
			}
		}
	})
}
