package app

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"easel/internal/api/docs"
)

func TestFamilyOf(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]family{
		"/":                               rootFamily,
		"/v1/p/images":                    modelartsFamily,
		"/v1":                             noFamily,
		"/v2":                             swrFamily,
		"/v2/":                            ociFamily,
		"/v2/manage":                      swrFamily,
		"/v2/manage/namespaces":           swrFamily,
		"/v2/manager/x/tags/list":         ociFamily,
		"/v2/manage%2Fx/tags/list":        ociFamily,
		"/v2/team/x/manifests/1":          ociFamily,
		"/v2/../v1/p/images":              ociFamily, // which finds nothing there
		"/swr/auth/v2/registry/auth":      tokenFamily,
		"/swr/auth/v2/registry/auth/":     tokenFamily,
		"/swr/auth/v2/registry/auth/x":    noFamily,
		"/v3":                             iamFamily,
		"/v3/":                            iamFamily,
		"/v3/auth/tokens":                 iamFamily,
		"/v3.0/OS-CREDENTIAL/credentials": iamFamily,
		"/v30":                            noFamily,
		"/easel/v1/plans":                 easelFamily,
		"/easel/v2/plans":                 noFamily,
		"/docs":                           docsFamily,
		"/docs/":                          docsFamily,
		"/openapi/swr.yaml":               docsFamily,
		"/console/":                       docsFamily,
		"/metrics":                        opsFamily,
		"/metrics/":                       noFamily,
		"/healthz":                        opsFamily,
		"//v2/":                           noFamily,
		"/./v2/":                          noFamily,
		"":                                noFamily,
		"*":                               noFamily,
	} {
		if got := familyOf(path); got != want {
			t.Errorf("familyOf(%q) = %s, want %s", path, got, want)
		}
	}
}

func TestRoot(t *testing.T) {
	t.Parallel()
	answer := func(text string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, text) })
	}
	h := root(answer("swr"), answer("iam"))
	for _, tt := range []struct {
		name, method, header, value string
		status                      int
		want                        string
	}{
		{"a browser", "GET", "Accept", "text/html,application/xhtml+xml", 302, "/docs/"},
		{"signed, plain layout", "GET", "Authorization", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=0", 200, "swr"},
		{"signed, plain layout, for an account", "GET", "Authorization+X-Domain-Id", "SDK-HMAC-SHA256 Access=AK, SignedHeaders=x-sdk-date, Signature=0", 200, "iam"},
		{"signed, scoped layout", "GET", "Authorization", "SDK-HMAC-SHA256 Credential=AK/20260102///sdk_request, SignedHeaders=x-sdk-date, Signature=0", 200, "iam"},
		{"anything else", "GET", "Accept", "*/*", 200, "iam"},
		{"HEAD", "HEAD", "Accept", "*/*", 200, "iam"},
		{"POST", "POST", "Accept", "text/html", 405, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, "/", nil)
			for name := range strings.SplitSeq(tt.header, "+") {
				r.Header.Set(name, tt.value)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			got := w.Body.String()
			if w.Code == http.StatusFound {
				got = w.Header().Get("Location")
			}
			if w.Code != tt.status || tt.want != "" && got != tt.want {
				t.Errorf("%s / = %d %q, want %d %q", tt.method, w.Code, got, tt.status, tt.want)
			}
		})
	}
}

func TestDispatcherCountsByFamily(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	d := &dispatcher{metrics: m, families: map[family]http.Handler{
		ociFamily: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }),
	}}
	for _, r := range []*http.Request{
		httptest.NewRequest("GET", "/v2/x", nil), httptest.NewRequest("BREW", "/v2/x", nil), httptest.NewRequest("GET", "/nothing", nil),
	} {
		d.ServeHTTP(httptest.NewRecorder(), r)
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{
		`easel_http_requests_total{family="oci",method="GET",status="418"} 1`,
		`easel_http_requests_total{family="oci",method="other",status="418"} 1`,
		`easel_http_requests_total{family="none",method="GET",status="404"} 1`,
		`easel_http_requests_in_flight{family="oci"} 0`,
	} {
		if !strings.Contains(w.Body.String(), want+"\n") {
			t.Errorf("/metrics has no line %s", want)
		}
	}
}

func TestDocsAt(t *testing.T) {
	t.Parallel()
	h := docsAt(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { writeText(w, http.StatusOK, "docs") }))
	for path, want := range map[string]int{
		"/docs/": 200, "/docs": 302, "/console/": 302, "/console": 302, "/openapi/swr.yaml": 200,
		"/docs//x": 404, "/docs/../v1/x": 404, "/docs/./": 404,
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		if w.Code != want {
			t.Errorf("GET %s = %d, want %d", path, w.Code, want)
		}
	}
}

func TestLocal(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		addr, header string
		want         bool
	}{
		{"127.0.0.1:1000", "", true},
		{"[::1]:1000", "", true},
		{"203.0.113.7:1000", "", false},
		{"127.0.0.1:1000", "X-Forwarded-For", false},
		{"127.0.0.1:1000", "Forwarded", false},
		{"@", "", false},
	} {
		r := httptest.NewRequest("GET", "/metrics", nil)
		r.RemoteAddr = tt.addr
		if tt.header != "" {
			r.Header.Set(tt.header, "for=203.0.113.7")
		}
		if got := local(r); got != tt.want {
			t.Errorf("local(%s, %s) = %v, want %v", tt.addr, tt.header, got, tt.want)
		}
	}
}

func TestPublicURL(t *testing.T) {
	t.Parallel()
	plain := httptest.NewRequest("GET", "http://127.0.0.1:8580/", nil)
	plain.Header.Set("X-Forwarded-Proto", "https") // anybody can send that
	for _, tt := range []struct {
		public string
		r      *http.Request
		want   string
	}{
		{"", plain, "http://127.0.0.1:8580"},
		{"", httptest.NewRequest("GET", "https://easel.example.org/", nil), "https://easel.example.org"},
		{"https://easel.example.org/", plain, "https://easel.example.org"},
	} {
		c := &Config{PublicURL: tt.public}
		if got := c.publicURL(tt.r); got != tt.want {
			t.Errorf("publicURL with %q = %s, want %s", tt.public, got, tt.want)
		}
	}
}

func TestClientURL(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ public, base, want string }{
		{"", "http://127.0.0.1:8580", "http://127.0.0.1:8580"},
		{"", "http://[::]:8580", "http://127.0.0.1:8580"},
		{"", "https://0.0.0.0:443", "https://127.0.0.1:443"},
		{"https://easel.example.org/", "http://127.0.0.1:8580", "https://easel.example.org"},
	} {
		if got := (&Config{PublicURL: tt.public}).clientURL(tt.base); got != tt.want {
			t.Errorf("clientURL(%s) with %q = %s, want %s", tt.base, tt.public, got, tt.want)
		}
	}
}

// TestDocuments: what the first reader of the API reference gets is no error.
func TestDocuments(t *testing.T) {
	t.Parallel()
	if _, err := docs.New(documents()); err != nil {
		t.Error(err)
	}
}
