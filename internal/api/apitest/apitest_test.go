package apitest

import (
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// petDoc describes what pets serves.
func petDoc(t *testing.T) []byte {
	t.Helper()
	doc, err := os.ReadFile("testdata/pets.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

var petPatterns = []string{"GET /pets", "POST /pets", "DELETE /pets/{name...}"}

// pets is a small service that follows its document, unless it is told not to.
func pets(lie string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /pets", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("X-Request-Id", fmt.Sprintf("%p", r))
		body := `[{"name":"rex","id":"0192f0c4a5b67c8d9e0f1a2b3c4d5e6f","born":"2024-02-03T04:05:06.789Z"},{"name":"tom","id":"0192f0c4a5b67c8d9e0f1a2b3c4d5e60"},{"name":"rex2","id":"0192f0c4a5b67c8d9e0f1a2b3c4d5e6f"}]`
		if lie == "null" {
			body = "null"
		}
		fmt.Fprintln(w, body)
	})
	mux.HandleFunc("POST /pets", func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusCreated)
	})
	mux.HandleFunc("DELETE /pets/{name...}", func(w http.ResponseWriter, r *http.Request) {
		if lie == "body" {
			fmt.Fprint(w, "gone")
		}
		if lie == "status" {
			w.WriteHeader(http.StatusAccepted)
		}
	})
	mux.HandleFunc("PUT /secret", func(http.ResponseWriter, *http.Request) {})
	return mux
}

func TestContract(t *testing.T) {
	t.Parallel()
	Contract(t, petPatterns, petDoc(t))
}

func TestDifferences(t *testing.T) {
	t.Parallel()
	got := differences([]string{"GET /pets", "DELETE /pets/{id}", "PUT /pets"}, load(t, petDoc(t)))
	want := []string{
		"DELETE /pets/{id} is served, but the document does not have it",
		"DELETE /pets/{name} is in the document, but nothing serves it",
		"POST /pets is in the document, but nothing serves it",
		"PUT /pets is served, but the document does not have it",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("differences (-want +got):\n%s", diff)
	}
}

func TestGolden(t *testing.T) {
	t.Parallel()
	rec := New(t, pets(""), petDoc(t))
	rec.Replace(`tom`, "<cat>")
	rec.Golden(t, "pets",
		Request("GET", "/pets?limit=3", "", "X-Auth-Token", "never written"),
		Request("POST", "/pets", `{"name":"rex","id":"0192f0c4a5b67c8d9e0f1a2b3c4d5e6f"}`),
		Request("DELETE", "/pets/farm%2Fdog/rex", ""),
		Request("GET", "/cats", ""))
	rec.Complete(t)
}

// TestCheckFinds plays exchanges that break the document.
func TestCheckFinds(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, lie string
		req       *http.Request
		want      string
	}{
		{"response of another type", "null", Request("GET", "/pets", ""), "not as documented"},
		{"undocumented status", "status", Request("DELETE", "/pets/rex", ""), "status is not supported"},
		{"body where there is none", "body", Request("DELETE", "/pets/rex", ""), "no body"},
		{"success without a mandatory field", "", Request("POST", "/pets", `{"id":"x"}`), "does not allow"},
		{"success with a bad parameter", "", Request("GET", "/pets?limit=many", ""), "does not allow"},
		{"undocumented operation", "", Request("PUT", "/secret", ""), "404 or 405"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			rec := New(t, pets(tt.lie), petDoc(t))
			w := newRecorder(rec, tt.req)
			err := rec.check(tt.req, []byte(bodyOf(tt.req)), w)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("check = %v, want an error with %q", err, tt.want)
			}
		})
	}
}

func TestOperation(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"GET /v2/{$}":                         "GET /v2/",
		"PUT /v2/{name...}":                   "PUT /v2/{name}",
		"GET /v1/{project_id}/images/{image}": "GET /v1/{project_id}/images/{image}",
	} {
		if got := operation(in); got != want {
			t.Errorf("operation(%q) = %q, want %q", in, got, want)
		}
	}
}
