package swr

import (
	"fmt"
	"slices"
	"testing"

	"easel"
	"easel/internal/api/apitest"
)

const (
	orgAccess  = "/v2/manage/namespaces/team/access"
	repoAccess = "/v2/manage/namespaces/team/repos/app/access"
)

func auth(user string, level int) string {
	return fmt.Sprintf(`[{"user_id":%q,"user_name":"x","auth":%d}]`, user, level)
}

// TestGrantErrors plays one request for each rule of permissions.
func TestGrantErrors(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		w.repo("admin", "team/app", false)
		rec := apitest.New(t, w.handler, OpenAPI)
		for _, tt := range []struct {
			name, want string
			req        *requestOf
		}{
			{"nobody", "400 4001065", of("admin", "POST", orgAccess, `[]`)},
			{"nobody on a repository", "400 4001066", of("admin", "POST", repoAccess, `[]`)},
			{"no body", "400 4001014", of("admin", "POST", orgAccess, "")},
			{"no list of users", "400 4001014", of("admin", "DELETE", orgAccess, "")},
			{"no level", "400 4001014", of("admin", "POST", orgAccess, `[{"user_id":"u-dev","user_name":"dev"}]`)},
			{"no name", "400 4001014", of("admin", "POST", orgAccess, `[{"user_id":"u-dev","auth":1}]`)},
			{"no id", "400 4001014", of("admin", "POST", orgAccess, `[{"user_name":"dev","auth":1}]`)},
			{"no list", "400 4000014", of("admin", "POST", orgAccess, `{"user_id":"u-dev"}`)},
			{"bad level", "400 4001065", of("admin", "POST", orgAccess, auth("u-dev", 2))},
			{"bad level on a repository", "400 4001066", of("admin", "POST", repoAccess, auth("u-dev", 8))},
			{"oneself", "400 4001065", of("admin", "POST", orgAccess, auth("u-admin", 7))},
			{"taking one's own", "400 4001065", of("admin", "DELETE", orgAccess, `["u-admin"]`)},
			{"oneself on a repository", "400 4001066", of("admin", "POST", repoAccess, auth("u-admin", 1))},
			{"an unknown user", "400 4001067", of("admin", "POST", orgAccess, auth("nobody", 1))},
			{"a user whose id no database can store", "400 4001067", of("admin", "POST", orgAccess, `[{"user_id":"\u0000","user_name":"x","auth":1}]`)},
			{"a user of another account", "400 4001067", of("admin", "POST", repoAccess, auth("u-eve", 1))},
			{"one good, one unknown", "400 4001067", of("admin", "POST", orgAccess, `[{"user_id":"u-dev","user_name":"dev","auth":1},{"user_id":"nobody","user_name":"x","auth":1}]`)},
			{"the same user twice", "409 4090076", of("admin", "POST", orgAccess, `[{"user_id":"u-dev","user_name":"dev","auth":1},{"user_id":"u-dev","user_name":"dev","auth":3}]`)},
			{"no permission to change", "404 4040078", of("admin", "PATCH", orgAccess, auth("u-dev", 1))}, // nothing of the last two was done
			{"no permission to take", "404 4040078", of("admin", "DELETE", orgAccess, `["u-dev"]`)},
			{"no permission on a repository to change", "404 4040091", of("admin", "PATCH", repoAccess, auth("u-dev", 1))},
			{"no permission on a repository to take", "404 4040091", of("admin", "DELETE", repoAccess, `["\u0000"]`)},
			{"no organisation", "404 4040058", of("admin", "POST", "/v2/manage/namespaces/none/access", auth("u-dev", 1))},
			{"no repository", "404 4040113", of("admin", "POST", "/v2/manage/namespaces/team/repos/none/access", auth("u-dev", 1))},
			{"a stranger", "403 4039001", of("eve", "POST", orgAccess, auth("u-eve", 7))},
			{"a stranger on a repository", "403 4039001", of("eve", "GET", repoAccess, "")},
			{"a user without rights", "403 4037017", of("dev", "POST", orgAccess, auth("u-admin", 1))},
			{"a user without rights on a repository", "404 4040113", of("dev", "PATCH", repoAccess, auth("u-admin", 1))},
			{"granted", "", of("admin", "POST", orgAccess, auth("u-dev", 1))},
			{"granted twice", "409 4090076", of("admin", "POST", orgAccess, auth("u-dev", 3))},
			{"granted on the repository", "", of("admin", "POST", repoAccess, auth("u-dev", 1))},
			{"granted twice on the repository", "409 4090089", of("admin", "POST", repoAccess, auth("u-dev", 3))},
			{"a reader grants", "403 4037017", of("dev", "POST", orgAccess, auth("u-admin", 1))},
			{"a reader grants on the repository", "403 4037020", of("dev", "POST", repoAccess, auth("u-admin", 1))},
		} {
			if got := code(t, rec.Do(t, tt.req.request())); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

// TestGrantCeiling: whoever edits the organisation grants on its repositories,
// but touches no level above the own.
func TestGrantCeiling(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		w.repo("admin", "team/app", false)
		w.repo("admin", "team/open", true)
		for _, tt := range []struct {
			name, want, who, method, target, body string
		}{
			{"dev edits the organisation", "", "admin", "POST", orgAccess, auth("u-dev", 3)},
			{"dev grants what is above dev", "403 4037020", "dev", "POST", repoAccess, auth("u-ops", 7)},
			{"dev grants", "", "dev", "POST", repoAccess, auth("u-ops", 3)},
			{"dev raises above dev", "403 4037020", "dev", "PATCH", repoAccess, auth("u-ops", 7)},
			{"ops, editing one repository, grants nothing", "403 4037020", "ops", "PATCH", repoAccess, auth("u-dev", 1)},
			{"the administrator raises", "", "admin", "PATCH", repoAccess, auth("u-ops", 7)},
			{"dev lowers what is above dev", "403 4037020", "dev", "PATCH", repoAccess, auth("u-ops", 1)},
			{"dev takes what is above dev", "403 4037020", "dev", "DELETE", repoAccess, `["u-ops"]`},
			{"ops manages one repository", "", "ops", "POST", repoAccess, auth("u-dev", 7)},
			{"now dev may", "", "dev", "DELETE", repoAccess, `["u-ops"]`},
			{"and ops is out", "404 4040113", "ops", "GET", repoAccess, ""},
			{"whose rights are no matter for who may only pull", "403 4037020", "ops", "GET", "/v2/manage/namespaces/team/repos/open/access", ""},
			{"nor for other accounts", "403 4039001", "eve", "GET", "/v2/manage/namespaces/team/repos/open/access", ""},
		} {
			if got := code(t, w.do(t, as(tt.who, tt.method, tt.target, tt.body), nil)); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

// TestGrantOnOneRepository shows what a user sees who was granted one repository of three.
func TestGrantOnOneRepository(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		w.org("admin", "lab")
		for _, name := range []string{"app", "web", "db"} {
			w.repo("admin", easel.Repo("team/"+name), false)
		}
		w.push("admin", "team/app", "v1", "layer")
		w.do(t, as("admin", "POST", repoAccess, auth("u-dev", 3)), nil)

		var repos []listedRepo
		rec := w.do(t, as("dev", "GET", "/v2/manage/repos", ""), &repos)
		if len(repos) != 1 || repos[0].Name != "app" || rec.Header().Get("Content-Range") != "0-1/1" {
			t.Errorf("dev sees %+v (%s), want app alone", repos, rec.Header().Get("Content-Range"))
		}
		for target, want := range map[string][]listedNamespace{
			"/v2/manage/namespaces":                      {},
			"/v2/manage/namespaces?filter=mode::visible": {{namespace{ID: 1, Name: "team", CreatorName: "admin"}, 1, 3}},
		} {
			var got map[string][]listedNamespace
			w.do(t, as("dev", "GET", target, ""), &got)
			if !slices.Equal(got["namespaces"], want) {
				t.Errorf("GET %s: %+v, want %+v", target, got["namespaces"], want)
			}
		}
		for _, tt := range []struct{ method, target, body, want string }{
			{"GET", "/v2/manage/namespaces/team", "", ""},
			{"GET", "/v2/manage/namespaces/lab", "", "403 4037017"},
			{"GET", orgAccess, "", "403 4037017"},
			{"GET", repoAccess, "", ""},
			{"GET", "/v2/manage/namespaces/team/repos/app/tags", "", ""},
			{"PATCH", "/v2/manage/namespaces/team/repos/app", `{"is_public":false}`, ""},
			{"GET", "/v2/manage/namespaces/team/repos/web", "", "404 4040113"},
			{"POST", "/v2/manage/namespaces/team/repos", `{"repository":"new","is_public":false}`, "403 4037017"},
			{"DELETE", "/v2/manage/namespaces/team/repos/app/tags/v1", "", "403 4037020"},
			{"DELETE", "/v2/manage/namespaces/team/repos/app", "", "403 4037020"},
		} {
			if got := code(t, w.do(t, as("dev", tt.method, tt.target, tt.body), nil)); got != tt.want {
				t.Errorf("%s %s as dev: %q, want %q", tt.method, tt.target, got, tt.want)
			}
		}
		w.push("dev", "team/app", "v2", "layer") // edit is enough to push, also what others hold
		w.do(t, as("admin", "PATCH", repoAccess, auth("u-dev", 7)), nil)
		if got := code(t, w.do(t, as("dev", "DELETE", "/v2/manage/namespaces/team/repos/app", ""), nil)); got != "" {
			t.Errorf("delete with level 7: %s", got)
		}
		w.repo("admin", "team/app", false) // what has the name of a repository that is gone has none of its permissions
		if got := code(t, w.do(t, as("dev", "GET", repoAccess, ""), nil)); got != "404 4040113" {
			t.Errorf("dev in a new repository of the same name: %q, want 404 4040113", got)
		}
	})
}
