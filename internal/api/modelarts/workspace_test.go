package modelarts_test

import (
	"strings"
	"testing"

	"easel"
	"easel/internal/api/modelarts"
	"easel/internal/workbench/imagetest"
)

// TestWorkspaceInput sends what breaks a rule, and what just does not.
func TestWorkspaceInput(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	made := s.WorkspaceID(t, s.Ann, "vision")
	for _, tt := range []struct{ method, target, body, want string }{
		{"POST", "", ``, "400 6335"},
		{"POST", "", `[]`, "400 6400"},
		{"POST", "", `{"name":""}`, "400 6335"},
		{"POST", "", `{"name":1}`, "400 6332"},
		{"POST", "", `{"name":"abc"}`, "400 6336"},
		{"POST", "", `{"name":"` + strings.Repeat("x", 65) + `"}`, "400 6336"},
		{"POST", "", `{"name":"with space"}`, "400 6334"},
		{"POST", "", `{"name":"nul\u0000l"}`, "400 6334"},
		{"POST", "", `{"name":"half\ud800"}`, "400 6334"},
		{"POST", "", `{"name":"vision"}`, "400 0107"},
		{"POST", "", `{"name":"good","description":"` + strings.Repeat("x", 257) + `"}`, "400 6336"},
		{"POST", "", `{"name":"good","description":"\u0000"}`, "400 6334"},
		{"POST", "", `{"name":"good","auth_type":"OPEN"}`, "400 6336"},
		{"POST", "", `{"name":"good","enterprise_project_id":"1"}`, "400 6336"},
		{"POST", "", `{"name":"good","grants":{}}`, "400 6332"},
		{"POST", "", `{"name":"good","grants":[{}]}`, "400 6335"},
		{"POST", "", `{"name":"good","grants":[{"user_name":"nobody"}]}`, "400 6336"},
		{"POST", "", `{"name":"good","grants":[{"user_name":"gus"}]}`, "400 6336"}, // of another account
		{"POST", "", `{"name":"good","grants":[{"user_id":"x\u0000"}]}`, "400 6334"},
		{"POST", "", `{"name":"good","grants":[{"user_name":"ben","user_type":"AGENCY"}]}`, "400 6336"},
		{"POST", "", `{"name":"good","grants":[` + strings.TrimSuffix(strings.Repeat(`{"user_name":"ben"},`, 101), ",") + `]}`, "400 6336"},
		{"POST", "", `{"name":"` + strings.Repeat("ж", 64) + `","description":null,"auth_type":"","grants":null,"unknown":1}`, "200"},
		{"PUT", "/" + made, `{"name":"no"}`, "400 6336"},
		{"PUT", "/" + made, `{"name":"default"}`, "400 0107"},
		{"PUT", "/" + made, ``, "200"},
		{"PUT", "/" + made, `{"auth_type":"internal","grants":[{"user_id":"user-ben","user_name":"somebody else"}]}`, "200"},
		{"PUT", "/" + easel.NewID(), `{}`, "400 7005"},
		{"DELETE", "/" + easel.NewID(), ``, "400 7005"},
		{"DELETE", "/" + strings.Repeat("A", 32), ``, "400 0104"},
		{"PUT", "/" + made + "/quotas", `{}`, "400 6335"},
		{"PUT", "/" + made + "/quotas", `{"quotas":{}}`, "400 6332"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"image"}]}`, "400 6335"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"notebook","quota":1}]}`, "400 6336"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"image","quota":0}]}`, "400 6336"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"image","quota":2147483648}]}`, "400 6336"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"image","quota":1.5}]}`, "400 6332"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"image","quota":1},{"resource":"image","quota":2}]}`, "400 6336"},
		{"PUT", "/" + made + "/quotas", `{"quotas":[{"resource":"image","quota":-1}]}`, "200"},
		{"PUT", "/0/quotas", `{"quotas":[{"resource":"image","quota":1}]}`, "403 0108"},
		{"GET", "/0/quotas", ``, "200"},
		{"GET", "/" + easel.NewID() + "/quotas", ``, "400 7005"},
		{"GET", "?limit=0", ``, "400 0107"},
		{"GET", "?offset=-1", ``, "400 0107"},
		{"GET", "?sort_by=owner", ``, "400 0107"},
		{"GET", "?order=up", ``, "400 0107"},
		{"GET", "?filter_accessible=yes", ``, "400 0107"},
		{"GET", "?name=%00", ``, "400 0107"},
		{"GET", "?limit=2147483647&offset=2147483647&sort_by=STATUS&order=ASC", ``, "200"},
	} {
		w := s.Do(t, request(tt.method, spaces+tt.target, tt.body))
		if got := said(t, w); got != tt.want {
			t.Errorf("%s %s %.80s: %s, want %s: %s", tt.method, tt.target, tt.body, got, tt.want, w.Body)
		}
	}
	w := s.Do(t, requestBy("ben", "GET", spaces+"/"+made, ""))
	if w.Code != 200 || !strings.Contains(w.Body.String(), `"user_name":"ben"`) {
		t.Errorf("whom the workspace names: %d %s", w.Code, w.Body)
	}
	if w := s.Do(t, requestBy("cleo", "GET", "/v1/"+imagetest.AcmeTwo+"/workspaces", "")); !strings.Contains(w.Body.String(), `"total_count":1,`) {
		t.Errorf("another project has %s", w.Body)
	}
}
