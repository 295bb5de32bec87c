package swr

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"easel"
	"easel/internal/api/apitest"
)

const (
	shares  = "/v2/manage/namespaces/team/repositories/app/access-domains"
	always  = `{"access_domain":"evil","permit":"read","deadline":"forever"}`
	changed = `{"permit":"read","deadline":"forever"}`
)

// TestShareErrors plays one request for each rule of shares.
func TestShareErrors(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		w.repo("admin", "team/app", false)
		w.repo("admin", "team/open", true)
		w.do(t, as("admin", "POST", orgAccess, auth("u-dev", 3)), nil)
		rec := apitest.New(t, w.handler, OpenAPI)
		description := func(n int) string {
			return `{"access_domain":"evil","permit":"read","deadline":"forever","description":"` + strings.Repeat("é", n) + `"}`
		}
		for _, tt := range []struct {
			name, want string
			req        *requestOf
		}{
			{"no account", "400 4001014", of("admin", "POST", shares, `{"permit":"read","deadline":"forever"}`)},
			{"no permit", "400 4001014", of("admin", "POST", shares, `{"access_domain":"evil","deadline":"forever"}`)},
			{"no deadline", "400 4001014", of("admin", "POST", shares, `{"access_domain":"evil","permit":"read"}`)},
			{"another permit", "400 4001091", of("admin", "POST", shares, `{"access_domain":"evil","permit":"write","deadline":"forever"}`)},
			{"no time", "400 4000014", of("admin", "POST", shares, `{"access_domain":"evil","permit":"read","deadline":"tomorrow"}`)},
			{"a past time", "400 4000014", of("admin", "POST", shares, `{"access_domain":"evil","permit":"read","deadline":"2018-10-01T16:00:00.000Z"}`)},
			{"an unknown account", "400 4001041", of("admin", "POST", shares, `{"access_domain":"nobody","permit":"read","deadline":"forever"}`)},
			{"an account no database can store", "400 4001041", of("admin", "POST", shares, `{"access_domain":"\u0000","permit":"read","deadline":"forever"}`)},
			{"one's own account", "400 4001041", of("admin", "POST", shares, `{"access_domain":"ACME","permit":"read","deadline":"forever"}`)},
			{"a public repository", "400 4000014", of("admin", "POST", "/v2/manage/namespaces/team/repos/open/access-domains", always)},
			{"a long description", "413 4131012", of("admin", "POST", shares, description(1001))},
			{"NUL in the description", "400 4000014", of("admin", "POST", shares, `{"access_domain":"evil","permit":"read","deadline":"forever","description":"\u0000"}`)},
			{"no organisation", "404 4040058", of("admin", "POST", "/v2/manage/namespaces/none/repos/app/access-domains", always)},
			{"no repository", "404 4040113", of("admin", "POST", "/v2/manage/namespaces/team/repos/none/access-domains", always)},
			{"who only edits", "403 4037018", of("dev", "POST", shares, always)},
			{"who only edits, listing", "403 4037018", of("dev", "GET", shares, "")},
			{"a user without rights", "404 4040113", of("ops", "GET", shares, "")},
			{"a stranger", "403 4039001", of("eve", "POST", shares, always)},
			{"no share to change", "400 4001090", of("admin", "PATCH", shares+"/evil", changed)},
			{"no share to end", "400 4001090", of("admin", "DELETE", shares+"/evil", "")},
			{"no account to end a share with", "400 4001090", of("admin", "DELETE", shares+"/nobody", "")},
			{"shared", "", of("admin", "POST", shares, description(1000))},
			{"shared twice", "409 4090089", of("admin", "POST", shares, always)},
			{"the other account does not manage it", "403 4039001", of("eve", "GET", shares, "")},
			{"nor does it see who else may", "403 4039001", of("eve", "GET", repoAccess, "")},
			{"nor change it", "403 4039001", of("eve", "PATCH", "/v2/manage/namespaces/team/repos/app", `{"is_public":true}`)},
			{"nor delete it", "403 4039001", of("eve", "DELETE", "/v2/manage/namespaces/team/repos/app", "")},
			{"lists need a centre", "400 4001014", of("admin", "GET", "/v2/manage/shared-repositories", "")},
			{"one of two", "400 4001025", of("admin", "GET", "/v2/manage/shared-repositories?center=all", "")},
			{"strange status", "400 4001025", of("admin", "GET", "/v2/manage/shared-repositories?center=self&status=1", "")},
			{"strange column", "400 4001096", of("admin", "GET", "/v2/manage/shared-repositories?center=self&order_column=size&order_type=asc", "")},
		} {
			if got := code(t, rec.Do(t, tt.req.request())); got != tt.want {
				t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
			}
		}
	})
}

// TestShareEnds looks at a share before and after its deadline, which comes
// while nobody touches it.
func TestShareEnds(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		w.repo("admin", "team/app", false)
		w.repo("admin", "team/web", false)
		w.push("admin", "team/app", "v1", "layer")
		made, err := w.catalog.Repo(t.Context(), people["admin"], "team/app")
		if err != nil {
			t.Fatal(err)
		}
		deadline := made.Updated.Add(5 * time.Minute)
		body := fmt.Sprintf(`{"access_domain":"Evil","permit":"read","deadline":%q}`, deadline.Format(time.RFC3339))
		if got := code(t, w.do(t, as("admin", "POST", shares, body), nil)); got != "" {
			t.Fatal(got)
		}
		look := func(valid bool) {
			t.Helper()
			g, err := w.catalog.RepoGrants(t.Context(), people["eve"], "team/app")
			if err != nil || g.Shared != valid || g.Level != 0 {
				t.Errorf("RepoGrants = %+v, %v; want shared %v", g, err, valid)
			}
			holders, err := w.catalog.BlobHolders(t.Context(), people["eve"], easel.DigestOf(easel.SHA256, []byte("layer")))
			if err != nil || len(holders) == 1 != valid {
				t.Errorf("the layer can be mounted from %v, %v; want shared %v", holders, err, valid)
			}
			want := map[bool]string{true: "", false: "403 4039001"}[valid]
			for _, target := range []string{"/v2/manage/namespaces/team/repos/app", "/v2/manage/namespaces/team/repos/app/tags", "/v2/manage/namespaces/team/repos/app/tags/v1"} {
				if got := code(t, w.do(t, as("eve", "GET", target, ""), nil)); got != want {
					t.Errorf("GET %s as eve: %q, want %q", target, got, want)
				}
			}
			for query, n := range map[string]int{
				"center=thirdparty": 1, "center=thirdparty&domain_name=acme": 1, "center=thirdparty&domain_name=evil": 0, "center=thirdparty&name=web": 0,
				"center=thirdparty&status=" + fmt.Sprint(valid): 1, "center=thirdparty&status=" + fmt.Sprint(!valid): 0, "center=self": 0,
			} {
				var list []listedRepo
				rec := w.do(t, as("eve", "GET", "/v2/manage/shared-repositories?"+query, ""), &list)
				if len(list) != n || rec.Header().Get("Content-Range") != fmt.Sprintf("0-%d/%d", n, n) {
					t.Errorf("%s as eve: %d (%s), want %d", query, len(list), rec.Header().Get("Content-Range"), n)
				}
				for _, r := range list {
					if r.Status != valid || (len(r.Tags) == 1) != valid || (r.Size > 0) != valid || r.DomainName != "acme" || r.Name != "app" {
						t.Errorf("%s as eve: %+v, want valid %v", query, r, valid)
					}
				}
			}
			for query, n := range map[string]int{"": 1, "&status=" + fmt.Sprint(valid): 1, "&status=" + fmt.Sprint(!valid): 0} {
				var list []listedRepo
				if w.do(t, as("admin", "GET", "/v2/manage/shared-repositories?center=self"+query, ""), &list); len(list) != n {
					t.Errorf("self%s as admin: %d, want %d", query, len(list), n)
				}
			}
			var shown shownShare
			w.do(t, as("admin", "GET", shares+"/EVIL", ""), &shown)
			if !shown.Exist || shown.Status != valid || shown.AccessDomain != "evil" {
				t.Errorf("the share is %+v, want status %v", shown, valid)
			}
		}
		look(true)
		var users []listedRepo
		if w.do(t, as("dev", "GET", "/v2/manage/shared-repositories?center=self", ""), &users); len(users) != 0 {
			t.Errorf("dev, granted nothing, sees %v", users)
		}
		for range 300 { // seconds
			w.clock()
		}
		look(false)
		w.do(t, as("admin", "PATCH", shares+"/evil", changed), nil)
		look(true)
		w.do(t, as("admin", "PATCH", shares+"/evil", `{"permit":"read","deadline":"1970-01-01T00:00:00Z"}`), nil)
		look(false)
	})
}
