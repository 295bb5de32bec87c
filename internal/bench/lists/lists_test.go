package lists

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"easel/internal/client"
)

// project serves a project with so many images, each in a group of its own,
// and says that it has more.
func project(t *testing.T, images, more int) *client.Client {
	t.Helper()
	changes := 0
	list := func(w http.ResponseWriter, r *http.Request) {
		number := func(name string) int { n, _ := strconv.Atoi(r.FormValue(name)); return n }
		page := map[string]any{"total": images + more}
		data := []map[string]string{}
		for n := number("offset"); n < min(images, number("offset")+number("limit")); n++ {
			data = append(data, map[string]string{"id": fmt.Sprint("image", n)})
		}
		page["data"] = data
		_ = json.NewEncoder(w).Encode(page)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/p/images", list)
	mux.HandleFunc("GET /v1/p/images/group", list)
	mux.HandleFunc("PUT /v1/p/images/group/image0", func(http.ResponseWriter, *http.Request) { changes++ })
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		server.Close()
		if changes == 0 {
			t.Error("nothing changed between the requests")
		}
	})
	c, err := client.New(server.URL, client.Credentials{AccessKey: "k", SecretKey: "s"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestRun(t *testing.T) {
	t.Parallel()
	rows, err := Run(t.Context(), Options{Client: project(t, 550, 0), Project: "p", Org: "o", Images: 550, Times: 3})
	if err != nil {
		t.Fatal(err)
	}
	var table strings.Builder
	if err := WriteMarkdown(&table, rows); err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if r.Matches != 550 || r.Median <= 0 || r.Worst < r.Median {
			t.Errorf("%+v", r)
		}
		if !strings.Contains(table.String(), "| "+r.Request+" | 550 | ") {
			t.Errorf("the table lacks %s:\n%s", r.Request, table.String())
		}
	}
}

// TestRunChecks: an answer that is not whole is no measurement.
func TestRunChecks(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name         string
		images, more int
		want         string
	}{
		{"short pages", 40, 20, "the page at 0 of 60 has 40, want 60"},
		{"another total", 60, 0, "there are 60 images, want 61"},
	} {
		_, err := Run(t.Context(), Options{Client: project(t, tt.images, tt.more), Project: "p", Org: "o", Images: 61, Times: 2})
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.want)
		}
	}
}
