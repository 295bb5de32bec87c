package modelarts_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/api/modelarts"
	"easel/internal/workbench/imagetest"
)

func publicURL(*http.Request) string { return "https://swr.public.test" }

const unknownID = "0b6c1f3e-7d5a-4b02-9f27-3a1de0c4a911"

// TestOrderOfChecks breaks several rules at once: the first in the order of
// errors.md section 5 answers.
func TestOrderOfChecks(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	s.Push(t, s.Ann, "team/torch:1", "layer")
	id := s.register(t, "team/torch:1")
	s.use.tag = "1"
	foreign := "/v1/" + imagetest.AcmeTwo + "/images"
	for _, tt := range []struct {
		name, who, method, target, body string
		headers                         []string
		want                            string
	}{
		{"path before credential", "", "GET", one + "/a/b/c", "", nil, "404 4204"},
		{"method before credential", "", "PUT", one, "{}", nil, "405 2803"},
		{"content type before credential", "", "POST", one, "x", []string{"Content-Type", "text/plain"}, "415 6400"},
		{"credential before project", "", "GET", foreign + "?limit=0", "", nil, "401 0201"},
		{"credential without a project", "unbound", "GET", foreign + "?limit=0", "", nil, "401 0212"},
		{"nobody", "nobody", "GET", one, "", nil, "401 0201"},
		{"project before query", "ann", "GET", foreign + "?limit=0", "", nil, "403 0210"},
		{"project before body", "ann", "POST", foreign, "[", nil, "403 0210"},
		{"project before existence", "ann", "DELETE", foreign + "/" + unknownID + "?force=x", "", nil, "403 0210"},
		{"body before existence", "ann", "DELETE", one + "/" + unknownID, `{"is_force":1}`, nil, "400 6332"},
		{"fields before workspace", "ann", "POST", one, `{"swr_path":"team/torch:1","arch":"x","workspace_id":"x"}`, nil, "400 6336"},
		{"workspace before path", "ann", "POST", one, `{"swr_path":"x","workspace_id":"x"}`, nil, "400 0104"},
		{"path before duplicates", "ann", "POST", one, `{"swr_path":"other.test/team/torch:1"}`, nil, "400 6797"},
		{"duplicate before look-up", "ben", "POST", one, `{"swr_path":"team/torch:1"}`, nil, "400 6737"},
		{"use before rights on content", "ben", "DELETE", one + "/" + id + "?force=true", "", nil, "400 6344"},
		{"signed for the project", "", "GET", one, "", []string{"Authorization", "signed by ann", "X-Project-Id", imagetest.AcmeOne}, "200"},
		{"signed for another project", "", "GET", one, "", []string{"Authorization", "signed by ann", "X-Project-Id", imagetest.AcmeTwo}, "403 0210"},
		{"signed without a project header, second project", "", "GET", foreign, "", []string{"Authorization", "signed by ann"}, "200"},
		{"signed without a project header, foreign", "", "GET", "/v1/" + imagetest.Globex + "/images", "", []string{"Authorization", "signed by ann"}, "403 0210"},
		{"signed without a project header", "", "GET", one, "", []string{"Authorization", "signed by ann"}, "200"},
	} {
		r := apitest.Request(tt.method, tt.target, tt.body, append(tt.headers, "X-Auth-Token", tt.who)...)
		w := httptest.NewRecorder()
		s.Serve(w, r)
		if got := said(t, w); got != tt.want {
			t.Errorf("%s: %s %s, want %s", tt.name, got, w.Body, tt.want)
		}
	}
}

// TestForeignIDs asks every route for what belongs to another project.
func TestForeignIDs(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	stock := s.stock(t)
	s.Push(t, s.Ann, "team/private:1", "layer")
	s.Push(t, s.Ann, "team/public:1", "layer")
	private := s.register(t, "team/private:1")
	public := s.register(t, "team/public:1", `"visibility":"PUBLIC"`)
	group := easel.GroupID(imagetest.AcmeOne, "0", "team", "private")
	for who, project := range map[string]string{"cleo": imagetest.AcmeTwo, "gus": imagetest.Globex} {
		base := "/v1/" + project + "/images"
		for _, tt := range []struct{ method, path, want string }{
			{"GET", "/" + private, "404 6404"},
			{"DELETE", "/" + private, "404 6404"},
			{"DELETE", "/" + private + "?force=true", "404 6404"},
			{"POST", "/" + private + "/sync", "404 6404"},
			{"GET", "/" + public, "200"},
			{"DELETE", "/" + public, "403 0108"},
			{"DELETE", "/" + public + "?force=true", "403 0108"},
			{"POST", "/" + public + "/sync", "403 0108"},
			{"GET", "/" + stock, "200"},
			{"DELETE", "/" + stock + "?force=true", "403 0108"},
			{"POST", "/" + stock + "/sync", "403 0108"},
			{"PUT", "/group/" + group, "404 6404"},
			{"DELETE", "/group/" + group, "404 6404"},
			{"GET", "/" + group, "404 6404"},
			{"GET", "/" + unknownID, "404 6404"},
			{"GET", "/" + strings.ToUpper(private), "404 6404"},
			{"GET", "/..%2f" + private, "404 6404"},
			{"GET", "/%00", "404 6404"},
			{"GET", "/" + strings.Repeat("a", 5000), "404 6404"},
			{"GET", "/" + private + "'--", "404 6404"},
			{"GET", "/" + private + "/", "404 4204"},
			{"GET", "//" + private, "404 4204"},
		} {
			w := httptest.NewRecorder()
			s.Serve(w, requestBy(who, tt.method, base+tt.path, ""))
			if got := said(t, w); got != tt.want {
				t.Errorf("%s by %s %.80s: %s, want %s", tt.method, who, tt.path, got, tt.want)
			}
			if w.Code >= 400 && strings.Contains(w.Body.String(), "team/private") {
				t.Errorf("%s by %s %.80s names another project's repository: %s", tt.method, who, tt.path, w.Body)
			}
		}
	}
	if w := s.Do(t, request("GET", one+"?type=DEDICATED", "")); decode[page](t, w).Total != 2 {
		t.Errorf("the owner has %s, want both images", w.Body)
	}
}

func TestNotFoundStatusCanBe400(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{NotFoundStatus: http.StatusBadRequest})
	for target, want := range map[string]string{
		one + "/" + unknownID:  "400 6404",
		one + "/a/b/c":         "404 4204",
		one + "?sort_key=none": "400 6303",
	} {
		if got := said(t, s.Do(t, request("GET", target, ""))); got != want {
			t.Errorf("GET %s: %s, want %s", target, got, want)
		}
	}
}
