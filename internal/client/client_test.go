package client

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// The vectors are those of errors.md 3.2 and iam.md 8.6 and 10.1.
func TestSign(t *testing.T) {
	t.Parallel()
	const project = "5f0c2a9e4b7d41d0a1c3e5f7090b1d2e"
	for _, tt := range []struct {
		name, method, url, body string
		creds                   Credentials
		date, want              string
	}{
		{"POST with a body", "POST", "https://h.test/v1/" + project + "/images", `{"swr_path":"swr.example.test/vision-team/lab-torch:2.3.1"}` + "\n",
			Credentials{AccessKey: "AK", SecretKey: "example-secret-key", ProjectID: project}, "20260501T080000Z",
			"3f6204b1108bef9c0912fe61fbfab84d3fe779a471367df3f428568441383114"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(tt.method, tt.url, strings.NewReader(tt.body))
			if tt.creds.ProjectID != "" {
				r.Header.Set("X-Project-Id", tt.creds.ProjectID)
			}
			at, err := time.Parse(dateLayout, tt.date)
			if err != nil {
				t.Fatal(err)
			}
			sign(r, []byte(tt.body), tt.creds, at)
			if got := r.Header.Get("Authorization"); !strings.HasSuffix(got, "Signature="+tt.want) {
				t.Errorf("Authorization = %s, want Signature=%s", got, tt.want)
			}
		})
	}
}

func TestCanonicalRequest(t *testing.T) {
	t.Parallel()
	r := httptest.NewRequest("GET", "/v2/manage/repos?filter=namespace%3A%3Agroup%7Cname%3A%3Amy%20app%2Bv1&b=2&b=1&empty", nil)
	r.Header.Set("X-Sdk-Date", "20260102T030405Z")
	want := "GET\n/v2/manage/repos/\nb=1&b=2&empty=&filter=namespace%3A%3Agroup%7Cname%3A%3Amy%20app%2Bv1\nx-sdk-date:20260102T030405Z\n\n" +
		"x-sdk-date\ne3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
	if diff := cmp.Diff(want, canonicalRequest(r, nil, []string{"x-sdk-date"})); diff != "" {
		t.Errorf("canonical request (-want +got):\n%s", diff)
	}
	if got := canonicalPath("/v2/a$b c"); got != "/v2/a%24b%20c/" {
		t.Errorf("canonicalPath = %s", got)
	}
}

func TestLoginKey(t *testing.T) {
	t.Parallel()
	const want = "c7856b31ddce3b9011bf3d52ff735ae5c615e3e23638b7be385dc351e2bc5cf7"
	if got := LoginKey("AKVECTOR0000000001", "skVectorSecretKey0000000000000000000001"); got != want {
		t.Errorf("LoginKey = %s, want %s", got, want)
	}
}

func TestDo(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, body string
		status     int
		want       string
	}{
		{"a good answer", `{"name":"x"}`, 200, ""},
		{"an empty one", ``, 204, ""},
		{"not JSON", `<html>`, 200, "is not what an Easel server sends"},
		{"image API", `{"error_code":"ModelArts.6404","error_msg":"gone"}`, 404, "gone (ModelArts.6404)"},
		{"OCI", `{"errors":[{"code":"DENIED","message":"no"}]}`, 403, "no (DENIED)"},
		{"another server", `<html>`, 502, "Bad Gateway; request r1"},
		{"a redirect is no success", ``, 302, "Found"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Request-Id", "r1")
				w.Header().Set("Location", "/elsewhere")
				w.WriteHeader(tt.status)
				w.Write([]byte(tt.body))
			}))
			defer server.Close()
			c, err := New(server.URL+"/", Credentials{AccessKey: "AK", SecretKey: "sk", ProjectID: "p"})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			var out struct{ Name string }
			_, err = c.Do(t.Context(), Call{Method: "GET", Path: "/x", Out: &out})
			if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("error %v, want %q", err, tt.want)
			}
			if tt.status >= 300 && !IsStatus(err, tt.status) {
				t.Errorf("the error has no status %d: %v", tt.status, err)
			}
		})
	}
}

func TestNewRefusesWhatIsNoServer(t *testing.T) {
	t.Parallel()
	for _, base := range []string{"", "localhost:8580", "ftp://h", "http://", "://"} {
		if _, err := New(base, Credentials{}); err == nil {
			t.Errorf("New(%q) succeeded", base)
		}
	}
}
