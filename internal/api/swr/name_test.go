package swr

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"easel"
	"easel/internal/api"
)

// TestOrgNames creates organisations under names at the edges of the rule (swr.md 2.6).
func TestOrgNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	for _, tt := range []struct {
		name string
		ok   bool
	}{
		{"a", true}, {strings.Repeat("a", 64), true}, {strings.Repeat("a", 65), false},
		{"a-b", true}, {"a---b", true}, {"a.b", true}, {"a_b", true}, {"a__b", true}, {"a1-2.3_4", true},
		{"a___b", false}, {"a..b", false}, {"a._b", false}, {"a-.b", false}, {"a-_b", false},
		{"1a", false}, {"-a", false}, {"a-", false}, {"a.", false}, {"a_", false}, {"A", false}, {"é", false}, {"", false},
		{"a/b", false}, {"a$b", false}, {"a b", false}, {"a%", false}, {"a\n", false}, {"a\x00", false},
		{"library", false}, {"manage", false}, {"manager", true},
	} {
		got := code(t, w.do(t, as("admin", "POST", "/v2/manage/namespaces", `{"namespace":`+quote(tt.name)+`}`), nil))
		if want := map[bool]string{true: "", false: "400 4001028"}[tt.ok]; got != want {
			t.Errorf("organisation %.70q: %q, want %q", tt.name, got, want)
		}
	}
}

func TestRepoNames(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.org("admin", "team")
	for _, tt := range []struct {
		name string
		ok   bool
	}{
		{"a", true}, {"1", true}, {"a/b/c", true}, {strings.Repeat("a", 128), true}, {strings.Repeat("a", 129), false},
		{strings.Repeat("a/", 63) + "aa", true}, {"a---b", true}, {"a__b/c.d", true},
		{"a___b", false}, {"a//b", false}, {"/a", false}, {"a/", false}, {"a/-b", false}, {"a-/b", false}, {"a.-b", false},
		{"A", false}, {"a$b", false}, {"a:b", false}, {"a%2Fb", false}, {"", false}, {"..", false}, {"a/../b", false}, {"a\x00", false},
	} {
		got := code(t, w.do(t, as("admin", "POST", "/v2/manage/namespaces/team/repos", `{"is_public":false,"repository":`+quote(tt.name)+`}`), nil))
		if want := map[bool]string{true: "", false: "400 4001029"}[tt.ok]; got != want {
			t.Errorf("repository %.70q: %q, want %q", tt.name, got, want)
		}
	}
}

// quote returns s as a JSON string.
func quote(s string) string {
	return `"` + strings.NewReplacer("\n", `\n`, "\x00", `\u0000`).Replace(s) + `"`
}

// TestSlashForms reads one repository in every form its name may be spelt in.
func TestSlashForms(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.org("admin", "team")
	w.repo("admin", "team/a/b/c", false)
	for form, want := range map[string]string{
		"a$b$c": "", "a%24b%24c": "", "a%2Fb%2Fc": "", "a%2fb$c": "", "%61$b%2Fc": "",
		"a/b/c": "404 4040083", "a%252Fb%252Fc": "400 4001029", "a%5Cb%5Cc": "400 4001029", "a$$b$c": "400 4001029", "a%2Fb%2Fc%2F": "400 4001029",
		"a%2F..%2Fb": "400 4001029", "a%00": "400 4001029",
	} {
		var found shownRepo
		rec := w.do(t, as("admin", "GET", "/v2/manage/namespaces/team/repos/"+form, ""), &found)
		if got := code(t, rec); got != want {
			t.Errorf("%s: %q, want %q", form, got, want)
		}
		if want == "" && found.Name != "a/b/c" {
			t.Errorf("%s: found %q", form, found.Name)
		}
	}
}

// FuzzSlashes checks that every repository name that can be stored is reached
// under each of its spellings, and that whatever a path reaches is a valid name.
func FuzzSlashes(f *testing.F) {
	for _, s := range []string{"a", "a/b", "a$b", "a%2Fb", "$", "a//b", "a/../b", "é", "a\x00b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, name string) {
		repo, err := easel.ParseRepo("team/" + name)
		spellings := []string{url.PathEscape(name), strings.ReplaceAll(name, "/", "$"), strings.ReplaceAll(name, "/", "%24")}
		if err != nil {
			spellings = spellings[:1] // the others need not be a path
		}
		for _, s := range spellings {
			got, ok := route(s)
			switch {
			case err == nil && (!ok || got != repo):
				t.Errorf("%q reaches %q, want %q", s, got, repo)
			case ok:
				if again, bad := easel.ParseRepo(string(got)); bad != nil || again != got {
					t.Errorf("%q reaches %q: %v", s, got, bad)
				}
			}
		}
	})
}

// route returns the repository that the path segment reaches.
func route(segment string) (found easel.Repo, ok bool) {
	m := api.NewMux(func(http.ResponseWriter, *http.Request, error) {})
	m.Handle("GET /{namespace}/{repository}", func(_ http.ResponseWriter, r *http.Request) (err error) {
		found, err = pathRepo(r)
		ok = err == nil
		return err
	})
	u, err := url.Parse("/team/" + segment)
	if err != nil {
		return "", false
	}
	m.ServeHTTP(httptest.NewRecorder(), &http.Request{Method: "GET", URL: u, Header: http.Header{}})
	return found, ok
}
