package modelarts_test

import (
	"fmt"
	"io"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/api/modelarts"
	"easel/internal/workbench/imagetest"
)

func TestRegistrationFields(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	s.Push(t, s.Ann, "team/torch:1", "layer")
	text := func(n int) string { return strings.Repeat("ü", n) }
	tags := func(n int) string {
		var all []string
		for i := range n {
			all = append(all, fmt.Sprintf(`"k%d=v"`, i))
		}
		return "[" + strings.Join(all, ",") + "]"
	}
	for _, tt := range []struct {
		field string
		want  string // status and code, or what the answer contains
	}{
		{`"arch":"x86_64"`, `"arch":"x86_64"`},
		{`"arch":"AArch64"`, `"arch":"aarch64"`},
		{`"arch":""`, `"arch":"x86_64"`},
		{`"arch":null`, `"arch":"x86_64"`},
		{`"arch":"riscv64"`, "400 6336"},
		{`"arch":64`, "400 6332"},
		{`"description":"` + text(512) + `"`, text(512)},
		{`"description":"` + text(513) + `"`, "400 6336"},
		{`"description":"<script>alert('x')</script> & \"\n\u202e"`, `<script>alert('x')</script> &`},
		{`"description":"a\u0000b"`, "400 6334"},
		{`"description":"\ud800"`, "\"description\":\"\uFFFD\""},
		{`"description":["a"]`, "400 6332"},
		{`"origin":"image_save"`, `"status_message":""`},
		{`"origin":"COPY"`, "400 6336"},
		{`"resource_category":["gpu","GPU","cpu"]`, `"resource_categories":["GPU","CPU"]`},
		{`"resource_category":[]`, `"resource_categories":["CPU","GPU"]`},
		{`"resource_category":["TPU"]`, "400 6336"},
		{`"resource_category":"CPU"`, "400 6332"},
		{`"resource_category":[1]`, "400 6332"},
		{`"service_type":"dev"`, `"service_type":"DEV"`},
		{`"service_type":"ALL"`, "400 6336"},
		{`"services":["SSH","NOTEBOOK"]`, `"dev_services":["SSH","NOTEBOOK"]`},
		{`"services":["TELNET"]`, "400 6336"},
		{`"visibility":"Public"`, `"visibility":"PUBLIC"`},
		{`"visibility":"HIDDEN"`, "400 6336"},
		{`"visibility":true`, "400 6332"},
		{`"workspace_id":""`, `"workspace_id":"0"`},
		{`"workspace_id":"` + strings.Repeat("z", 32) + `"`, "400 0102"},
		{`"workspace_id":"default"`, "400 0104"},
		{`"workspace_id":0`, "400 6332"},
		{`"flavor_type":"ascend_snt3"`, `"flavor_type":"ASCEND_SNT3"`},
		{`"flavor_type":"A100"`, "400 6336"},
		{`"swr_instance_id":"i-1"`, `"swr_instance_id":"i-1"`},
		{`"swr_instance_id":"` + strings.Repeat("i", 65) + `"`, "400 6336"},
		{`"tags":[]`, `"tags":[]`},
		{`"tags":["k=","a=b=c",{"key":"x"}]`, `"tags":[{"key":"k","value":""},{"key":"a","value":"b=c"},{"key":"x","value":""}]`},
		{`"tags":` + tags(20), `"k19"`},
		{`"tags":` + tags(21), "400 6336"},
		{`"tags":["k=1","k=2"]`, "400 6336"},
		{`"tags":["no value"]`, "400 6336"},
		{`"tags":["=v"]`, "400 6336"},
		{`"tags":[1]`, "400 6336"},
		{`"tags":[null]`, "400 6336"},
		{`"tags":[["k","v"]]`, "400 6336"},
		{`"tags":[{"key":1}]`, "400 6336"},
		{`"tags":[{"key":"` + text(128) + `","value":"` + text(255) + `"}]`, text(255)},
		{`"tags":[{"key":"` + text(129) + `"}]`, "400 6336"},
		{`"tags":[{"key":"k","value":"` + text(256) + `"}]`, "400 6336"},
		{`"tags":{"k":"v"}`, "400 6332"},
		{`"read_me":"` + text(3000) + `"`, "200"},
		{`"read_me":"` + text(3001) + `"`, "400 6336"},
		{`"read_me":7`, "400 6332"},
	} {
		w := s.Do(t, request("POST", one, `{"swr_path":"team/torch:1",`+tt.field+`}`))
		got := said(t, w)
		if w.Code == 200 {
			got = w.Body.String()
			id := decode[idOf](t, w).ID
			if w := s.Do(t, request("DELETE", one+"/"+id, "")); w.Code != 200 {
				t.Fatalf("delete %s: %s", id, w.Body)
			}
			if tt.want == "200" {
				continue
			}
		}
		if !strings.Contains(got, tt.want) {
			t.Errorf("%.100s: %.300s, want %.100s", tt.field, got, tt.want)
		}
	}
}

func TestBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	s.Push(t, s.Ann, "team/torch:1", "layer")
	group := easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")
	good := `{"swr_path":"team/torch:1"}`
	for _, tt := range []struct {
		name, method, path, contentType, body string
		want                                  string
	}{
		{"no body", "POST", "", "", "", "400 6400"},
		{"blank", "POST", "", "application/json", " \n", "400 6400"},
		{"null", "POST", "", "application/json", "null", "400 6400"},
		{"array", "POST", "", "application/json", "[" + good + "]", "400 6400"},
		{"string", "POST", "", "application/json", `"x"`, "400 6400"},
		{"half", "POST", "", "application/json", `{"swr_path":`, "400 6400"},
		{"two documents", "POST", "", "application/json", good + good, "400 6400"},
		{"byte order mark", "POST", "", "application/json", "\uFEFF" + good, "400 6400"},
		{"a hundred thousand brackets", "POST", "", "application/json", `{"a":` + strings.Repeat("[", 100_000), "400 6400"},
		{"form", "POST", "", "application/x-www-form-urlencoded", good, "415 6400"},
		{"no content type that can be read", "POST", "", ";;", good, "415 6400"},
		{"json by name only", "POST", "", "text/application/json", good, "415 6400"},
		{"empty path", "POST", "", "application/json", `{"swr_path":""}`, "400 6335"},
		{"no path", "POST", "", "application/json", `{"arch":"x86_64"}`, "400 6335"},
		{"no content type", "POST", "", "", good, "200"},
		{"content type with a parameter, path as array", "POST", "", "application/json;charset=UTF-8", `{"swr_path":["x"]}`, "400 6332"},
		{"a list ignores a type without a body", "GET", "", "text/plain", "", "200"},

		{"group: nothing", "PUT", "/group/" + group, "", "", "200"},
		{"group: null", "PUT", "/group/" + group, "application/json", "null", "400 6400"},
		{"group: mistyped", "PUT", "/group/" + group, "application/json", `{"read_me":1}`, "400 6332"},
		{"group: mistyped tags", "PUT", "/group/" + group, "application/json", `{"tags":{}}`, "400 6332"},
		{"group: long guide", "PUT", "/group/" + group, "application/json", `{"read_me":"` + strings.Repeat("ü", 30_000) + `"}`, "200"},
		{"group: too long a guide", "PUT", "/group/" + group, "application/json", `{"read_me":"` + strings.Repeat("ü", 30_001) + `"}`, "400 6336"},
		{"group: too many tags", "PUT", "/group/" + group, "application/json", `{"tags":[` + strings.Repeat(`"a=b",`, 20) + `"c=d"]}`, "400 6336"},
		{"group: bad before unknown", "PUT", "/group/none", "application/json", `{"tags":[1]}`, "400 6336"},
		{"group: unknown", "PUT", "/group/none", "application/json", `{}`, "404 6404"},

		{"delete: mistyped", "DELETE", "/none", "application/json", `{"is_force":"true"}`, "400 6332"},
		{"delete: number", "DELETE", "/none", "application/json", `{"is_force":1}`, "400 6332"},
		{"delete: array", "DELETE", "/none", "application/json", `[true]`, "400 6400"},
		{"delete: contradiction", "DELETE", "/none?force=true", "application/json", `{"is_force":false}`, "400 0107"},
		{"delete: the other one", "DELETE", "/none?force=false", "application/json", `{"is_force":true}`, "400 0107"},
		{"delete: contradiction in the query", "DELETE", "/none?force=false&force=true", "", "", "400 0107"},
		{"delete: no boolean", "DELETE", "/none?force=yes", "", "", "400 0107"},
		{"delete: agreement", "DELETE", "/none?force=TRUE", "application/json", `{"is_force":true}`, "404 6404"},
		{"delete: null flag", "DELETE", "/none?force=", "application/json", `{"is_force":null}`, "404 6404"},
		{"delete: empty object", "DELETE", "/none", "application/json", `{}`, "404 6404"},
		{"delete group: contradiction", "DELETE", "/group/none?force=true", "application/json", `{"is_force":false}`, "400 0107"},
		{"sync: array", "POST", "/none/sync", "application/json", `[]`, "400 6400"},
	} {
		r := apitest.Request(tt.method, one+tt.path, tt.body, "X-Auth-Token", "ann")
		r.Header.Del("Content-Type")
		if tt.contentType != "" {
			r.Header.Set("Content-Type", tt.contentType)
		}
		w := httptest.NewRecorder()
		s.Serve(w, r)
		if got := said(t, w); got != tt.want {
			t.Errorf("%s: %s %s, want %s", tt.name, got, w.Body, tt.want)
		}
	}
}

// TestForce deletes by each spelling of the flag.
func TestForce(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	for n, tt := range []struct {
		query, body string
		force       bool
	}{
		{"", "", false},
		{"", "{}", false},
		{"?force=false", "", false},
		{"", `{"is_force":false}`, false},
		{"?force=", `{"is_force":null}`, false},
		{"?is_force=true", `{"force":true}`, false}, // each spelling has its place
		{"?force=true", "", true},
		{"?force=True", "{}", true},
		{"", `{"is_force":true}`, true},
		{"?force=true", `{"is_force":true}`, true},
	} {
		for _, group := range []bool{false, true} {
			image := fmt.Sprintf("team/torch%d%t:1", n, group)
			image = strings.ToLower(image)
			s.Push(t, s.Ann, image, "base", image)
			path := one + "/" + s.register(t, image)
			if group {
				path = one + "/group/" + easel.GroupID(imagetest.AcmeOne, "0", "team", strings.TrimSuffix(image[len("team/"):], ":1"))
			}
			w := s.Do(t, request("DELETE", path+tt.query, tt.body))
			if w.Code != 200 || w.Header().Get("X-Easel-Receipt") == "" || s.HasTag(t, image) == tt.force {
				t.Errorf("DELETE %s%s %s: %d %s, tag there: %v; want 200, a receipt, and the tag gone: %v", path, tt.query, tt.body, w.Code, w.Body, s.HasTag(t, image), tt.force)
			}
			if freed := w.Header().Get("X-Easel-Bytes-Freed"); (freed != "0") != tt.force {
				t.Errorf("DELETE %s%s %s: freed %s bytes", path, tt.query, tt.body, freed)
			}
		}
	}
}

func TestLargeBodies(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	for _, tt := range []struct {
		name, who string
		size      int64 // of a body of blanks
		announced bool
		want      string
	}{
		{"announced", "ann", 12<<20 + 1, true, "413 4104"},
		{"announced by a stranger", "", 12<<20 + 1, true, "413 4104"},
		{"not announced", "ann", 12<<20 + 1, false, "413 4104"},
		{"not announced, by a stranger", "", 12<<20 + 1, false, "401 0201"},
		{"just small enough", "ann", 12 << 20, true, "400 6400"},
	} {
		r := apitest.Request("POST", one, "", "X-Auth-Token", tt.who, "Content-Type", "application/json")
		r.Body = io.NopCloser(io.LimitReader(blanks{}, tt.size))
		r.ContentLength = -1
		if tt.announced {
			r.ContentLength = tt.size
		}
		w := httptest.NewRecorder()
		s.Serve(w, r)
		if got := said(t, w); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

// blanks is an endless body.
type blanks struct{}

func (blanks) Read(p []byte) (int, error) {
	for n := range p {
		p[n] = ' '
	}
	return len(p), nil
}

func TestChunkedBodyOfAnotherType(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	for body, want := range map[string]string{"hello": "415 6400", "": "200"} {
		r := apitest.Request("GET", one, "", "X-Auth-Token", "ann", "Content-Type", "text/plain")
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(body)), -1
		w := httptest.NewRecorder()
		s.Serve(w, r)
		if got := said(t, w); got != want {
			t.Errorf("%q: %s, want %s", body, got, want)
		}
	}
}

func TestPathsEcho(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{PublicURL: publicURL})
	s.Push(t, s.Ann, "team/torch:1", "layer")
	got := map[string]string{}
	for _, path := range []string{"team/torch:1", "swr.public.test/team/torch:1", "localhost:8580/team/torch:1", "alias.test/team/torch:1", "example.com/team/torch:1"} {
		w := s.Do(t, request("POST", one, `{"swr_path":"`+path+`"}`))
		got[path] = said(t, w)
		if w.Code == 200 {
			i := decode[struct {
				ID   string
				Path string `json:"swr_path"`
			}](t, w)
			got[path] = i.Path
			s.Do(t, request("DELETE", one+"/"+i.ID, ""))
		}
	}
	want := map[string]string{
		"team/torch:1":                 "swr.public.test/team/torch:1",
		"swr.public.test/team/torch:1": "swr.public.test/team/torch:1",
		"localhost:8580/team/torch:1":  "localhost:8580/team/torch:1",
		"alias.test/team/torch:1":      "alias.test/team/torch:1",
		"example.com/team/torch:1":     "400 6797", // the request's host is not the public one
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("registered as (-want +got):\n%s", diff)
	}
}
