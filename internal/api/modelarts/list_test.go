package modelarts_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel/internal/api/modelarts"
	"easel/internal/workbench/imagetest"
)

type page struct {
	Current, Pages, Size, Total int64
	Data                        []struct{ Name, Tag string }
}

// names lists the page's data as "name:tag".
func (p page) names() []string {
	out := []string{}
	for _, d := range p.Data {
		out = append(out, d.Name+":"+d.Tag)
	}
	return out
}

func TestPageArithmetic(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	var all []string
	for n := range 7 {
		image := fmt.Sprintf("torch%d:1", n)
		s.Push(t, s.Ann, "team/"+image, "layer")
		s.register(t, "team/"+image)
		all = append(all, image)
	}
	slices.Reverse(all) // the newest first
	for _, tt := range []struct {
		query                string
		current, pages, size int64
		from, to             int
	}{
		{"", 0, 1, 200, 0, 7},
		{"limit=7", 0, 1, 7, 0, 7},
		{"limit=2", 0, 4, 2, 0, 2},
		{"limit=2&offset=2", 1, 4, 2, 2, 4},
		{"limit=2&offset=6", 3, 4, 2, 6, 7},
		{"limit=2&offset=3", 1, 4, 2, 3, 5}, // not a multiple: integer division
		{"limit=3&offset=8", 2, 3, 3, 7, 7},
		{"offset=5", 0, 1, 200, 5, 7},
		{"limit=1&offset=2147483647", 2147483647, 7, 1, 7, 7},
		{"limit=2147483647", 0, 1, 2147483647, 0, 7},
		{"limit=&offset=", 0, 1, 200, 0, 7},
	} {
		w := s.Do(t, request("GET", one+"?"+tt.query, ""))
		got := decode[page](t, w)
		if w.Code != 200 || got.Current != tt.current || got.Pages != tt.pages || got.Size != tt.size || got.Total != 7 {
			t.Errorf("?%s: %d, page %d of %d, size %d, total %d; want page %d of %d, size %d, total 7",
				tt.query, w.Code, got.Current, got.Pages, got.Size, got.Total, tt.current, tt.pages, tt.size)
		}
		if diff := cmp.Diff(all[tt.from:tt.to], got.names()); diff != "" {
			t.Errorf("?%s (-want +got):\n%s", tt.query, diff)
		}
	}
}

func TestListQueries(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	for _, image := range []string{"team/torch:1", "team/torch_x:1"} {
		s.Push(t, s.Ann, image, "layer")
		s.register(t, image)
	}
	q := url.QueryEscape
	for _, tt := range []struct {
		query string
		want  string // status and code, or the number of images
	}{
		{"name=torch", "2"},
		{"name=torch&name_fuzzy_match=FALSE", "1"},
		{"name=torch&name_fuzzy_match=True", "2"},
		{"name=h_x", "1"},
		{"name=" + strings.Repeat("a", 512), "0"},
		{"namespace=team", "2"},
		{"namespace=tea", "0"},
		{"type=dedicated", "2"},
		{"type=Build_In", "0"},
		{"service_type=unknown", "2"},
		{"service_type=TRAIN", "0"},
		{"show_name=" + q("🚀 ' \\ % _"), "0"},
		{"show_tag=x", "0"},
		{"workspace_id=0", "2"},
		{"sort_key=updateTime,update_time,updateAt,update_at&sort_dir=asc", "2"},
		{"sort_key=createTime,create_time,createAt,create_at,name,tag,namespace,size,status,type,arch,id", "2"},
		{"unknown=1&page=x", "2"},
		{"limit=1&limit=1", "1"},

		{"limit=0", "400 0107"},
		{"limit=-1", "400 0107"},
		{"limit=2147483648", "400 0107"},
		{"limit=9223372036854775808", "400 0107"},
		{"limit=1.5", "400 0107"},
		{"limit=1e3", "400 0107"},
		{"limit=ten", "400 0107"},
		{"limit=0x10", "400 0107"},
		{"limit=1_000", "400 0107"},
		{"limit=%201", "400 0107"},
		{"limit=1&limit=2", "400 0107"},
		{"offset=-1", "400 0107"},
		{"offset=2147483648", "400 0107"},
		{"offset=x", "400 0107"},
		{"name=" + strings.Repeat("a", 513), "400 0107"},
		{"name=" + strings.Repeat("a", 100_000), "400 0107"},
		{"name=TORCH", "400 0107"},
		{"name=" + q("%"), "400 0107"},
		{"name=" + q(`\_`), "400 0107"},
		{"name=" + q("' OR 1=1 --"), "400 0107"},
		{"name=" + q("🚀"), "400 0107"},
		{"name=%00", "400 0107"},
		{"name=torch%0a", "400 0107"},
		{"name_fuzzy_match=1", "400 0107"},
		{"namespace=1team", "400 0107"},
		{"namespace=" + strings.Repeat("a", 65), "400 0107"},
		{"type=ALL", "400 0107"},
		{"service_type=NONE", "400 0107"},
		{"show_name=%ff", "400 0107"},
		{"show_tag=%00", "400 0107"},
		{"sort_dir=up", "400 0107"},
		{"a=%zz", "400 0107"},
		{"a;b", "400 0107"},
		{"sort_key=colour", "400 6303"},
		{"sort_key=name,", "400 6303"},
		{"sort_key=,", "400 6303"},
		{"sort_key=NAME", "400 6303"},
		{"sort_key=" + q("name;DROP TABLE image"), "400 6303"},
		{"sort_key=" + strings.Repeat("name,", 30) + "id", "400 6303"},
		{"workspace_id=" + strings.Repeat("a", 32), "400 0102"},
		{"workspace_id=00", "400 0104"},
		{"workspace_id=" + strings.Repeat("A", 32), "400 0104"},
		{"workspace_id=%00", "400 0107"},
		{"workspace_id=x&limit=0", "400 0107"}, // syntax comes before the workspace
	} {
		w := s.Do(t, request("GET", one+"?"+tt.query, ""))
		got := said(t, w)
		if w.Code == 200 {
			got = fmt.Sprint(len(decode[page](t, w).Data))
		}
		if got != tt.want {
			t.Errorf("GET images?%.100s: %s, want %s", tt.query, got, tt.want)
		}
		if strings.Contains(tt.query, "sort_") || strings.Contains(tt.query, "service_") || strings.Contains(tt.query, "show_") {
			continue // the list of groups does not know them
		}
		if w := s.Do(t, request("GET", one+"/group?"+tt.query, "")); (w.Code == 200) != !strings.Contains(tt.want, " ") {
			t.Errorf("GET images/group?%.100s: %s, want %s", tt.query, said(t, w), tt.want)
		}
	}
}

func TestGroupPages(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	get := func(query string) page {
		t.Helper()
		w := s.Do(t, request("GET", one+"/group"+query, ""))
		if w.Code != 200 || !strings.Contains(w.Body.String(), `"is_swr_enterprise":false`) {
			t.Fatalf("groups%s: %d %s", query, w.Code, w.Body)
		}
		return decode[page](t, w)
	}
	if diff := cmp.Diff(page{Current: 1, Pages: 1, Data: []struct{ Name, Tag string }{}}, get("")); diff != "" {
		t.Errorf("no groups at all (-want +got):\n%s", diff)
	}
	for _, image := range []string{"team/a:1", "team/b:1", "team/b:2", "team/c:1"} {
		s.Push(t, s.Ann, image, "layer")
		s.register(t, image)
	}
	for _, tt := range []struct {
		query                       string
		current, pages, size, total int64
		want                        string
	}{
		{"", 1, 1, 3, 3, "c: b: a:"},
		{"?limit=2", 0, 2, 2, 3, "c: b:"},
		{"?limit=2&offset=2", 1, 2, 2, 3, "a:"},
		{"?offset=1", 0, 1, 200, 3, "b: a:"},
		{"?name=b&swr_instance_id=x", 1, 1, 1, 1, "b:"},
		{"?type=BUILD_IN", 1, 1, 0, 0, ""},
	} {
		got := get(tt.query)
		if got.Current != tt.current || got.Pages != tt.pages || got.Size != tt.size || got.Total != tt.total || strings.Join(got.names(), " ") != tt.want {
			t.Errorf("groups%s: %+v, want %+v", tt.query, got, tt)
		}
	}
}

func TestListShowsOnlyTheOwnProject(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	s.Push(t, s.Ann, "team/torch:1", "layer")
	s.register(t, "team/torch:1", `"visibility":"PUBLIC"`)
	for who, project := range map[string]string{"cleo": imagetest.AcmeTwo, "gus": imagetest.Globex} {
		for _, path := range []string{"/images", "/images/group"} {
			if got := decode[page](t, s.Do(t, requestBy(who, "GET", "/v1/"+project+path, ""))); got.Total != 0 || len(got.Data) != 0 {
				t.Errorf("%s sees %+v in %s, want nothing", who, got, path)
			}
		}
	}
}
