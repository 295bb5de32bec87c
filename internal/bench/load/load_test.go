package load

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"easel/internal/bench/yardstick"
)

func TestBlobReader(t *testing.T) {
	t.Parallel()
	for _, size := range []int64{0, 1, headerSize, headerSize + 1, 4 << 10, 3<<20 + 5} {
		b := newBlob(7, size)
		content, err := io.ReadAll(iotest.HalfReader(b.open()))
		if err != nil || int64(len(content)) != size {
			t.Fatalf("size %d: read %d, %v", size, len(content), err)
		}
		sum := sha256.Sum256(content)
		if want := "sha256:" + hex.EncodeToString(sum[:]); b.digest != want {
			t.Errorf("size %d: digest %s, content has %s", size, b.digest, want)
		}
	}
	if newBlob(1, 4096).digest == newBlob(2, 4096).digest {
		t.Error("two blobs are the same")
	}
}

// figures returns the figures of a run by name.
func figures(r Result) map[string]float64 {
	out := map[string]float64{}
	for _, f := range r.Figures {
		out[f.Name] = f.Value
	}
	return out
}

// TestRun: the profiles that need no registry get their content back from a
// plain file server.
func TestRun(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(yardstick.New(t.TempDir()))
	defer server.Close()
	result, err := Run(t.Context(), Target{Label: "files", URL: server.URL, Prefix: "bench", PID: os.Getpid()}, []string{"small", "manifests"}, 0.001, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	got := figures(result)
	for _, name := range []string{"small push", "small pull", "small push p99", "HEAD manifest", "GET manifest", "peak memory"} {
		if got[name] <= 0 {
			t.Errorf("%s = %v", name, got[name])
		}
	}
}

// TestRunNoticesWrongBytes: a registry that answers with other content fails
// the run.
func TestRunNoticesWrongBytes(t *testing.T) {
	t.Parallel()
	files := yardstick.New(t.TempDir())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet && strings.Contains(r.URL.Path, "/blobs/") {
			w.Write([]byte("something else"))
			return
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	_, err := Run(t.Context(), Target{Label: "liar", URL: server.URL, Prefix: "bench"}, []string{"small"}, 0.001, func(string) {})
	if err == nil || !strings.Contains(err.Error(), "digest") {
		t.Errorf("err = %v", err)
	}
}

// TestDelete: a server that removes the files when a manifest is deleted gives
// all bytes back before the call returns, and the run says so.
func TestDelete(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files := yardstick.New(dir)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			if err := removeLayers(dir); err != nil {
				t.Error(err)
			}
		}
		files.ServeHTTP(w, r)
	}))
	defer server.Close()
	result, err := Run(t.Context(), Target{Label: "files", URL: server.URL, Prefix: "bench", WatchDir: dir}, []string{"delete"}, 0.001, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	got := figures(result)
	if gone := got["bytes gone when the call returns"]; gone != 100 || got["delete"] <= 0 {
		t.Errorf("deleted %v images/s, %v %% of the bytes gone", got["delete"], gone)
	}
}

// removeLayers removes what is larger than a manifest.
func removeLayers(dir string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	for _, f := range files {
		info, err := f.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err == nil && info.Size() > 100<<10 {
			err = os.Remove(filepath.Join(dir, f.Name()))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// TestLogin: the client asks for the token that a challenge names, once.
func TestLogin(t *testing.T) {
	t.Parallel()
	logins := 0
	files := yardstick.New(t.TempDir())
	mux := http.NewServeMux()
	mux.HandleFunc("/token", func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		if q := r.URL.Query(); user != "ann" || password != "secret" || q.Get("service") != "here" || len(q["scope"]) != 2 {
			t.Errorf("login %s:%s with %v", user, password, q)
		}
		logins++
		json.NewEncoder(w).Encode(map[string]string{"token": "let me in"})
	})
	mux.HandleFunc("/v2/", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer let me in" {
			w.Header().Set("Www-Authenticate", `Bearer realm="http://`+r.Host+`/token",service="here",scope="repository:a:pull repository:b:pull"`)
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		files.ServeHTTP(w, r)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	c := newClient(Target{URL: server.URL, User: "ann", Password: "secret"})
	i := newImage("bench/a", "v1", "login", newBlob(1, 100))
	if sent, err := c.push(t.Context(), i); err != nil || sent != i.size() {
		t.Fatalf("push = %d, %v; want %d bytes", sent, err, i.size())
	}
	if n, err := c.pull(t.Context(), i.repo, i.tag); err != nil || n != i.size() {
		t.Errorf("pull = %d, %v; want %d bytes", n, err, i.size())
	}
	if logins != 2 {
		t.Errorf("%d logins for pushing and pulling", logins)
	}
}

func TestDiskUsage(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for name, size := range map[string]int{"a": 10, "deep/er/b": 300} {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if sum, err := diskUsage(dir); err != nil || sum != 310 {
		t.Errorf("diskUsage = %d, %v", sum, err)
	}
}
