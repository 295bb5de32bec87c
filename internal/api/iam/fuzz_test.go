package iam

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"easel"
)

// FuzzProjectFilter: pages of projects are within their bounds whatever is asked.
func FuzzProjectFilter(f *testing.F) {
	for _, s := range []string{"", "page=1&per_page=5000", "page=0&per_page=1", "page=1048576&per_page=5000", "page=1", "enabled=x", "is_domain=true", "name=%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		q, err := url.ParseQuery(raw)
		if err != nil {
			return
		}
		filter, err := parseProjectFilter(q)
		if err != nil {
			if e := easel.AsError(err); e.Kind != easel.Invalid || e.Noun != "query" {
				t.Errorf("parseProjectFilter(%q) = %v", raw, err)
			}
			return
		}
		if got := pageOf(make([]project, 3), filter.page, filter.perPage); len(got) > 3 || filter.page > 0 && len(got) > filter.perPage {
			t.Errorf("parseProjectFilter(%q) has a page of %d", raw, len(got))
		}
	})
}

// FuzzTokenRequest: the body of a log-in is read, or the client's mistake; a
// project wins over a domain.
func FuzzTokenRequest(f *testing.F) {
	for _, s := range []string{
		"", "{}", "[]", "null", `{"auth":null}`, `{"auth":{"identity":{"methods":["token"],"token":{"id":"x"}}}}`, `{"auth":{"identity":{"methods":"password"}}}`,
		`{"auth":{"identity":{"methods":["password"],"password":{"user":{"name":"a","password":"b","domain":{"name":"c"}}}},"scope":{"project":{"id":"p"},"domain":{"id":"d"}}}}`,
		`{"auth":{"identity":{}},"auth":{"identity":null}}`, "\ufeff{}", strings.Repeat("[", 20_000),
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		r := httptest.NewRequest(http.MethodPost, "/v3/auth/tokens", strings.NewReader(text))
		var body tokenRequest
		if err := readJSON(r, &body); err != nil {
			if kind := easel.AsError(err).Kind; kind != easel.Invalid {
				t.Errorf("%q = %v", text, err)
			}
			return
		}
		q, err := body.parse(http.Header{})
		if err != nil && easel.AsError(err).Noun != "missing field" {
			t.Errorf("%q = %v", text, err)
		}
		if err == nil && q.Scope.ProjectID != "" && q.Scope.DomainID != body.Auth.Scope.Project.Domain.ID {
			t.Errorf("%q: project %s with domain %s", text, q.Scope.ProjectID, q.Scope.DomainID)
		}
	})
}
