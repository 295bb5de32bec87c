package ociapi

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"easel"
	"easel/internal/catalog"
)

// TestPublicRepository: everybody pulls, nobody else gets further.
func TestPublicRepository(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.push("admin", "team/image", "config")
	image := imageOf("config")
	manifest, blob := "/v2/team/image/manifests/v1", "/v2/team/image/blobs/"+digestOf("config")
	if r := w.do("admin", "PUT", manifest, image, "Content-Type", easel.MediaTypeOCIManifest); r.Code != http.StatusCreated {
		t.Fatalf("push: %d %s", r.Code, r.Body)
	}
	yes := true
	if err := w.registry.UpdateRepo(easel.WithPrincipal(t.Context(), admin), "team/image", catalog.RepoChange{Public: &yes}); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		who, method, target string
		want                int
	}{
		{"", "GET", manifest, 200},
		{"", "HEAD", blob, 200},
		{"", "GET", blob, 200},
		{"", "GET", "/v2/team/image/tags/list", 200},
		{"", "PUT", manifest, 401},
		{"", "DELETE", manifest, 401},
		{"", "POST", "/v2/team/image/blobs/uploads/", 401},
		{"", "GET", "/v2/team/other/tags/list", 401},
		{"eve", "GET", manifest, 200},
		{"eve", "PUT", manifest, 403},
		{"eve", "DELETE", manifest, 403},
		{"eve", "DELETE", blob, 403},
		{"eve", "POST", "/v2/team/image/blobs/uploads/", 403},
		{"eve", "GET", "/v2/team/other/tags/list", 404},
	} {
		if got := w.do(tt.who, tt.method, tt.target, image, "Content-Type", easel.MediaTypeOCIManifest); got.Code != tt.want {
			t.Errorf("%q %s %s: %d %s, want %d", tt.who, tt.method, tt.target, got.Code, got.Body, tt.want)
		}
	}
}

// TestDroppedConnection: what arrived before a connection broke is kept, and
// the client goes on from there.
func TestDroppedConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ended := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.handler.ServeHTTP(rw, r)
		close(ended)
	}))
	defer s.Close()
	loc := w.start("admin", "/v2/team/image")
	conn, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "PATCH %s HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Length: 1000\r\nContent-Range: 0-999\r\n\r\n%s",
		loc, w.token("admin"), strings.Repeat("a", 500))
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
	<-ended
	r := w.do("admin", "GET", loc, "")
	if got := r.Header().Get("Range"); r.Code != http.StatusNoContent || got != "0-499" {
		t.Fatalf("status: %d, Range %s, want 0-499", r.Code, got)
	}
	digest := digestOf(strings.Repeat("a", 500) + "rest")
	if r := w.do("admin", "PUT", loc+"?digest="+digest, "rest", "Content-Range", "500-503"); r.Code != http.StatusCreated {
		t.Errorf("finish: %d %s", r.Code, r.Body)
	}
}

// TestStrangersUpload: the id of another user's session is worth nothing.
func TestStrangersUpload(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	loc := w.start("dev", "/v2/lab/image")
	inOwn := strings.Replace(loc, "/lab/image/", "/evilcorp/image/", 1)
	for _, tt := range []struct {
		who, target string
		code        string
	}{
		{"admin", loc, "BLOB_UPLOAD_UNKNOWN"}, // may push there, but did not start it
		{"eve", loc, "NAME_UNKNOWN"},
		{"eve", inOwn, "BLOB_UPLOAD_UNKNOWN"},
	} {
		for _, method := range []string{"GET", "PATCH", "PUT", "DELETE"} {
			r := w.do(tt.who, method, tt.target+"?digest="+digestOf("x"), "x")
			if r.Code != http.StatusNotFound || !strings.Contains(r.Body.String(), tt.code) {
				t.Errorf("%s %s %s: %d %s", tt.who, method, tt.target, r.Code, r.Body)
			}
		}
	}
	if r := w.do("dev", "PUT", loc+"?digest="+digestOf("x"), "x"); r.Code != http.StatusCreated {
		t.Errorf("the owner cannot finish: %d %s", r.Code, r.Body)
	}
}
