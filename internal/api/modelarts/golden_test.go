package modelarts_test

import (
	"net/http"
	"testing"
	"time"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/api/modelarts"
	"easel/internal/workbench/imagetest"
)

// stock puts the built-in image of images.md operation D into the catalogue.
func (s *server) stock(t *testing.T) string {
	t.Helper()
	const id = "e7a4b0d2-1c55-4a0e-8d39-52f6c9a1b870"
	err := s.DB.PutBuiltins(t.Context(), []easel.Image{{
		ID: id, Path: "swr.example.test/builtin/exampletorch_2_1:et_2.1", Repo: "builtin/exampletorch_2_1", Tag: "et_2.1",
		Name: "exampletorch2.1-cuda12.1-ubuntu22.04", Arch: "x86_64", Description: "CPU and GPU image with the example framework",
		Services: []string{"NOTEBOOK", "SSH"}, ResourceCategories: []string{"GPU", "CPU"}, ServiceType: "COMMON", Status: easel.ImageActive,
		ShowName: "Example Torch", ShowTag: "2.1",
		Created: time.UnixMilli(1_711_000_000_000), Updated: time.UnixMilli(1_712_000_000_000),
	}})
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestExchanges records each operation as documented.
func TestExchanges(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	stock := s.stock(t)
	s.Push(t, s.Ann, "team/torch:2.3.0", "base", "torch 2.3.0")
	s.Push(t, s.Ann, "team/torch:2.3.1", "base", "torch 2.3.1")
	s.Push(t, s.Ann, "team/jax:0.4", "base", "jax")

	w := s.Golden(t, "register",
		request("POST", one, `{"swr_path":"example.com/team/torch:2.3.0","arch":"X86_64","resource_category":["CPU"],"description":"torch for the lab"}`),
		request("POST", one, `{"swr_path":"team/torch:2.3.1","read_me":"Start with conda activate lab.","tags":[{"key":"team","value":"vision"},"stage=test"]}`),
		request("POST", one, `{"swr_path":"localhost:8580/team/jax:0.4","arch":"aarch64","resource_category":["ASCEND","CPU","ASCEND"],"services":["ssh"],
			"service_type":"train","visibility":"public","origin":"IMAGE_SAVE","flavor_type":"ASCEND_SNT9B","workspace_id":"0","swr_instance_id":null,"unknown":1}`),
	)
	first, third := decode[idOf](t, w[0]).ID, decode[idOf](t, w[2]).ID
	s.Golden(t, "list",
		request("GET", one+"?type=DEDICATED&limit=2&sort_key=createAt&sort_dir=asc", ""),
		request("GET", one+"?type=DEDICATED&limit=2&offset=2&sort_key=createAt&sort_dir=asc", ""),
		request("GET", one+"?type=build_in", ""),
		request("GET", one+"?name=nothing&workspace_id=&force=", ""),
	)
	s.Golden(t, "show", request("GET", one+"/"+first, ""), request("GET", one+"/"+stock, ""))
	group := easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")
	s.Golden(t, "groups",
		request("GET", one+"/group?namespace=team", ""),
		request("GET", one+"/group?namespace=team&limit=1", ""),
		request("GET", one+"/group?type=BUILD_IN", ""),
		request("PUT", one+"/group/"+group, `{"read_me":"","tags":[]}`),
		request("PUT", one+"/group/"+group, `{}`),
	)
	s.Push(t, s.Ann, "team/jax:0.5", "base", "jax 0.5")
	s.Push(t, s.Ann, "team/jax:0.6", "base", "jax 0.6")
	s.Untag(t, s.Ann, "team/jax:0.4")
	s.Golden(t, "sync", request("POST", one+"/"+third+"/sync", ""), request("POST", one+"/"+first+"/sync", "{}"))
	s.Golden(t, "delete",
		request("DELETE", one+"/"+first+"?force=true", ""),
		request("DELETE", one+"/"+first+"?force=true", ""),
		request("DELETE", one+"/"+third, `{"is_force":true}`),
		request("DELETE", one+"/group/"+group, `{"is_force":false}`),
		request("GET", one+"/group/"+group, ""),
	)
	s.workspaces(t)
	s.Complete(t)
}

// spaces is the path of the workspaces of AcmeOne.
const spaces = "/v1/" + imagetest.AcmeOne + "/workspaces"

// workspaces records the workspace API.
func (s *server) workspaces(t *testing.T) {
	t.Helper()
	w := s.Golden(t, "workspaces",
		request("POST", spaces, `{"name":"vision-team","description":"cameras","auth_type":"INTERNAL","enterprise_project_id":"0",
			"grants":[{"user_name":"ben"},{"user_id":"user-cleo","user_type":"IAM"}]}`),
		request("POST", spaces, `{"name":"视觉_2"}`),
		request("GET", spaces, ""),
		request("GET", spaces+"?sort_by=update_time&order=asc&limit=1&offset=1", ""),
		request("GET", spaces+"?name=VISION&filter_accessible=true&enterprise_project_id=", ""),
		request("GET", spaces+"?enterprise_project_id=other", ""),
		request("GET", spaces+"/0", ""),
	)
	made := decode[idOf](t, w[0]).ID
	s.Golden(t, "workspace",
		request("GET", spaces+"/"+made, ""),
		request("GET", spaces+"/"+made+"/quotas", ""),
		request("PUT", spaces+"/"+made+"/quotas", `{"quotas":[{"resource":"image","quota":1}]}`),
		request("PUT", spaces+"/"+made, `{"name":"vision","auth_type":"private","grants":[]}`),
		request("GET", spaces+"/"+made, ""),
		request("POST", one, `{"swr_path":"team/jax:0.5","workspace_id":"`+made+`"}`),
		request("GET", one+"?type=DEDICATED&workspace_id="+made, ""),
		request("GET", one+"/group?workspace_id="+made, ""),
		request("GET", spaces+"/"+made+"/quotas", ""),
		request("POST", one, `{"swr_path":"team/jax:0.6","workspace_id":"`+made+`"}`), // 0118
		requestBy("ben", "GET", one+"?workspace_id="+made, ""),                        // 0112
		request("DELETE", spaces+"/"+made, ""),                                        // 6344
		request("DELETE", one+"/group/"+easel.GroupID(imagetest.AcmeOne, made, "team", "jax"), ""),
		request("DELETE", spaces+"/"+made, ""),
		request("GET", spaces+"/"+made, ""),               // 7005
		request("POST", spaces, `{"name":"default"}`),     // 0107
		request("PUT", spaces+"/0", `{"name":"renamed"}`), // 0108
		request("DELETE", spaces+"/0", ""),
		request("GET", spaces+"/1", ""), // 0104
	)
}

type idOf struct{ ID string }

// TestErrorExchanges records how each code goes over the wire.
func TestErrorExchanges(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	stock := s.stock(t)
	s.Push(t, s.Ann, "team/torch:2.3.0", "base")
	s.Push(t, s.Ann, "team/large:1", "a layer that is larger than the hundred bytes which the tests allow to be registered, together with its config")
	id := s.register(t, "team/torch:2.3.0")
	s.use.tag = "2.3.0"
	withType := func(contentType string, r *http.Request) *http.Request {
		r.Header.Set("Content-Type", contentType)
		return r
	}
	s.Golden(t, "errors",
		apitest.Request("GET", one, ""), // 0201
		requestBy("token expired", "GET", one, ""),
		requestBy("token", "GET", one, ""),
		requestBy("signature format", "GET", one, ""),
		requestBy("signature", "GET", one, ""),
		requestBy("unbound", "GET", one, ""),  // 0212
		requestBy("cleo", "GET", one, ""),     // 0210
		request("DELETE", one+"/"+stock, ""),  // 0108
		request("GET", one+"/nonsense/x", ""), // 4204
		request("PATCH", one, "{}"),           // 2803
		withType("text/plain", request("POST", one, "hello")),
		request("POST", one, "[1]"),                                     // 6400
		request("POST", one, `{"swr_path":1}`),                          // 6332
		request("POST", one, `{}`),                                      // 6335
		request("POST", one, `{"swr_path":"team/torch"}`),               // 6336
		request("GET", one+"?limit=0", ""),                              // 0107
		request("GET", one+"?sort_key=colour", ""),                      // 6303
		request("GET", one+"?workspace_id=x", ""),                       // 0104
		request("GET", one+"?workspace_id="+imagetest.AcmeTwo, ""),      // 0102
		request("GET", one+"/0b6c1f3e-7d5a-4b02-9f27-3a1de0c4a911", ""), // 6404
		request("POST", one, `{"swr_path":"team/torch:2.3.0"}`),         // 6737
		request("POST", one, `{"swr_path":"team/torch:2.3.9"}`),         // 6797
		request("POST", one, `{"swr_path":"nobody/torch:2.3.9"}`),       // 2885
		request("POST", one, `{"swr_path":"team/large:1"}`),             // 6771
		request("DELETE", one+"/"+id, ""),                               // 6344
		request("POST", one, `{"swr_path":"team/torch:2.3.0","description":"\u0000"}`),
	)
}
