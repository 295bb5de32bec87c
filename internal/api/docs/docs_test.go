package docs

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel/internal/api"
)

func zoo(t *testing.T) []byte {
	t.Helper()
	doc, err := os.ReadFile("testdata/zoo.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func get(t *testing.T, h http.Handler, method, path string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	return w
}

func newDocs(t *testing.T) http.Handler {
	t.Helper()
	h, err := New([]Family{{Name: "zoo", Title: "The zoo", Document: zoo(t)}, {Name: "empty", Title: "Nothing", Document: []byte("openapi: 3.1.0\ninfo: {title: x, version: '1'}\npaths: {}\n")}})
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestServe(t *testing.T) {
	t.Parallel()
	h := newDocs(t)
	for _, tt := range []struct {
		method, path string
		status       int
		contentType  string
		has          string
	}{
		{"GET", "/docs/", 200, htmlType, `<a href="/docs/zoo/">The zoo</a>`},
		{"GET", "/docs/zoo/", 200, htmlType, `<code class="path">/animals/{id}</code>`},
		{"GET", "/docs/zoo", 200, htmlType, `id="showAnimal"`},
		{"GET", "/openapi/zoo.yaml", 200, "application/yaml", "openapi: 3.1.0"},
		{"GET", "/docs/none/", 404, htmlType, "No such page"},
		{"GET", "/openapi/", 404, htmlType, "No such page"},
		{"POST", "/docs/", 405, "text/plain; charset=utf-8", ""},
		{"HEAD", "/docs/zoo/", 200, htmlType, ""},
	} {
		w := get(t, h, tt.method, tt.path)
		if w.Code != tt.status || w.Header().Get("Content-Type") != tt.contentType || !strings.Contains(w.Body.String(), tt.has) {
			t.Errorf("%s %s: %d %s, want %d %s with %q", tt.method, tt.path, w.Code, w.Header().Get("Content-Type"), tt.status, tt.contentType, tt.has)
		}
		if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'; style-src 'sha256-") {
			t.Errorf("%s %s: no strict policy: %q", tt.method, tt.path, w.Header().Get("Content-Security-Policy"))
		}
	}
	if string(zoo(t)) != get(t, h, "GET", "/openapi/zoo.yaml").Body.String() {
		t.Error("the document is not served byte for byte")
	}
}

func TestNotModified(t *testing.T) {
	t.Parallel()
	h := newDocs(t)
	r := httptest.NewRequest("GET", "/docs/zoo/", nil)
	r.Header.Set("If-None-Match", get(t, h, "GET", "/docs/zoo/").Header().Get("ETag"))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusNotModified {
		t.Errorf("%d, want 304", w.Code)
	}
}

var (
	ids    = regexp.MustCompile(` id="([^"]+)"`)
	links  = regexp.MustCompile(` href="#([^"]+)"`)
	remote = regexp.MustCompile(`(?i)(?:src|href)="(?:https?:)?//|url\(|@import|<script|<img|<link|\son[a-z]+=`)
)

// TestPage checks that every anchor leads somewhere, that nothing is fetched
// from elsewhere, and that the document's text cannot become markup.
func TestPage(t *testing.T) {
	t.Parallel()
	html := get(t, newDocs(t), "GET", "/docs/zoo/").Body.String()
	seen := map[string]int{}
	for _, m := range ids.FindAllStringSubmatch(html, -1) {
		seen[m[1]]++
	}
	for id, n := range seen {
		if n > 1 {
			t.Errorf("the id %q is there %d times", id, n)
		}
	}
	for _, m := range links.FindAllStringSubmatch(html, -1) {
		if seen[m[1]] == 0 {
			t.Errorf("a link leads to #%s, which is not there", m[1])
		}
	}
	if m := remote.FindString(html); m != "" {
		t.Errorf("the page has %q", m)
	}
	for _, want := range []string{"&lt;script&gt;alert(1)&lt;/script&gt;", "<strong>wild</strong>", "<li>lions</li>", "<li>tigers</li>", `<a href="#schema-Animal">Animal</a>`, "length ≤ 40", "deprecated", "no credentials needed"} {
		if !strings.Contains(html, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if a, b := strings.Index(html, `id="zebraFirst"`), strings.Index(html, `id="showAnimal"`); a < 0 || b < a {
		t.Error("operations are not in the document's order")
	}
}

// TestStyleIsAllowed checks that the policy's hash is that of the style as a
// browser reads it.
func TestStyleIsAllowed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/docs/", "/docs/zoo/", "/docs/none/"} {
		w := get(t, newDocs(t), "GET", path)
		_, rest, _ := strings.Cut(w.Body.String(), "<style>")
		text, _, _ := strings.Cut(rest, "</style>")
		sum := sha256.Sum256([]byte(text))
		if hash := base64.StdEncoding.EncodeToString(sum[:]); text == "" || !strings.Contains(w.Header().Get("Content-Security-Policy"), "'sha256-"+hash+"'") {
			t.Errorf("%s: the policy %q does not allow the page's style", path, w.Header().Get("Content-Security-Policy"))
		}
	}
}

func TestSamples(t *testing.T) {
	t.Parallel()
	ref, err := read(Family{Name: "zoo", Document: zoo(t)})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for _, g := range ref.Groups {
		for _, op := range g.Operations {
			got[op.ID] = op.SampleStatus + "\n" + op.Sample
		}
	}
	want := map[string]string{
		"zebraFirst": "200 OK\n[\n  {\n    \"name\": \"rex\",\n    \"kind\": \"lion\",\n    \"born\": \"2026-01-02T03:04:05Z\",\n    \"keeper\": null,\n    \"legs\": 0,\n    \"friends\": [\n      {}\n    ]\n  }\n]",
		"showAnimal": "200 OK\n{\n  \"name\": \"given\"\n}",
		"freeAnimal": "204 No Content\n",
	}
	// Animal has Animals as friends: the nesting ends somewhere, and where is of no interest here.
	got["zebraFirst"] = regexp.MustCompile(`(?s)"friends": \[\n      \{.*\}\n    \]`).ReplaceAllString(got["zebraFirst"], "\"friends\": [\n      {}\n    ]")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestBadDocuments(t *testing.T) {
	t.Parallel()
	for name, doc := range map[string]string{
		"no YAML":                    "paths: [",
		"a reference to nothing":     `{paths: {/x: {get: {requestBody: {$ref: "#/components/none"}}}}}`,
		"a reference to elsewhere":   `{paths: {/x: {$ref: "other.yaml#/x"}}}`,
		"a reference to itself":      `{paths: {/x: {get: {parameters: [{$ref: "#/a"}]}}}, a: {$ref: "#/a"}}`,
		"a list where a map belongs": `[]`,
	} {
		if _, err := New([]Family{{Name: "x", Document: []byte(doc)}}); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New([]Family{{Name: "x", Document: zoo(t)}, {Name: "x", Document: zoo(t)}}); err == nil {
		t.Error("two families of one name: no error")
	}
}

func TestProse(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      "",
		"one\ntwo\n\nthree":     "<p>one\ntwo</p><p>three</p>",
		"`a<b>` & **c**":        "<p><code>a&lt;b&gt;</code> &amp; <strong>c</strong></p>",
		"- a\n- b `c`":          "<ul><li>a</li><li>b <code>c</code></li></ul>",
		"x\n\n```json\n{}\n```": "<p>x</p><pre><code>{}</code></pre>",
		"<img src=x onerror=y>": "<p>&lt;img src=x onerror=y&gt;</p>",
	} {
		if got := string(prose(in)); got != want {
			t.Errorf("prose(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzProse checks that no text becomes a tag that prose does not make itself.
func FuzzProse(f *testing.F) {
	f.Add("`a` **b** <i>\n\n- c\n```\n<d>\n```")
	tag := regexp.MustCompile(`<[^>]*>?`)
	own := regexp.MustCompile(`^</?(?:p|ul|li|code|strong|pre)>$`)
	f.Fuzz(func(t *testing.T, s string) {
		for _, found := range tag.FindAllString(string(prose(s)), -1) {
			if !own.MatchString(found) {
				t.Errorf("prose(%q) has the tag %q", s, found)
			}
		}
	})
}

// TestLater: pages that are made for their first reader are those that New
// makes, and a document that is broken is an error of the server.
func TestLater(t *testing.T) {
	t.Parallel()
	for document, want := range map[string]int{"openapi: 3.1.0\npaths: {}\n": http.StatusOK, "{": http.StatusInternalServerError} {
		h := Later([]Family{{Name: "one", Title: "One", Document: []byte(document)}})
		for range 2 {
			w := httptest.NewRecorder()
			api.Serve(h, api.ServeOptions{}).ServeHTTP(w, httptest.NewRequest("GET", "/docs/one/", nil))
			if w.Code != want {
				t.Errorf("with the document %q: %d, want %d", document, w.Code, want)
			}
		}
	}
}
