package swr

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"easel"
	"easel/internal/api/apitest"
	"easel/internal/registry"
)

func TestContract(t *testing.T) {
	t.Parallel()
	m := New(registry.New(registry.Options{}), tokens{}, Options{})
	apitest.Contract(t, append(m.Patterns(), "GET /{$}"), OpenAPI) // the last is Versions
}

// TestExchanges plays every operation and compares what is on the wire.
func TestExchanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	rec := apitest.New(t, w.handler, OpenAPI)
	rec.Replace(`eu-de@[A-Z0-9]{20} -p [0-9a-f]{64}`, "eu-de@<access-key> -p <login-key>")
	rec.Replace(`"auth": "[A-Za-z0-9+/=]{120,}"`, `"auth": "<base64>"`)
	rec.Golden(t, "versions",
		as("", "GET", "/", ""),
		as("", "GET", "/v2", ""))
	rec.Golden(t, "organisations",
		as("admin", "POST", "/v2/manage/namespaces", `{"namespace":"team"}`),
		as("admin", "POST", "/v2/manage/namespaces", `{"namespace":"lab"}`),
		as("admin", "GET", "/v2/manage/namespaces?filter=mode::visible", "", "Content-Type", "application/json;charset=utf-8"),
		as("admin", "GET", "/v2/manage/namespaces?namespace=team", ""),
		as("admin", "GET", "/v2/manage/namespaces?filter=namespace::none%7Cmode::visible", ""),
		as("dev", "GET", "/v2/manage/namespaces", ""),
		as("admin", "GET", "/v2/manage/namespaces/team", ""),
		as("admin", "DELETE", "/v2/manage/namespaces/lab", ""))
	rec.Golden(t, "repositories",
		as("admin", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"torch/train","is_public":false,"category":"arms","description":"<b> & \"quotes\""}`),
		as("admin", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"web","is_public":true}`),
		as("admin", "GET", "/v2/manage/repos", ""),
		as("admin", "GET", "/v2/manage/repos?filter=name::torch$tr%7Cnamespace::ea%7Climit::1%7Coffset::0", ""),
		as("admin", "GET", "/v2/manage/repos?limit=10&offset=10&order_column=name&order_type=asc", ""),
		as("admin", "GET", "/v2/manage/namespaces/team/repos/torch$train", ""),
		as("admin", "PATCH", "/v2/manage/namespaces/team/repos/torch%2Ftrain", `{"is_public":true,"description":""}`),
		as("eve", "GET", "/v2/manage/namespaces/team/repos/torch%24train", ""))
	first := w.push("admin", "team/torch/train", "v1", "one layer")
	second := w.push("admin", "team/torch/train", "v2", "another layer, longer")
	w.index("admin", "team/torch/train", "multi", first, second)
	rec.Golden(t, "tags",
		as("admin", "GET", "/v2/manage/namespaces/team/repos/torch$train/tags?order_column=tag&order_type=asc", ""),
		as("admin", "GET", "/v2/manage/namespaces/team/repos/torch$train/tags?filter=tag::v%7Climit::1%7Coffset::1", ""),
		as("eve", "GET", "/v2/manage/namespaces/team/repos/torch$train/tags/v2", ""),
		as("admin", "GET", "/v2/manage/repos?name=train", ""),
		as("admin", "DELETE", "/v2/manage/namespaces/team/repos/torch$train/tags/multi", ""),
		as("admin", "DELETE", "/v2/manage/namespaces/team/repos/torch$train/tags/v2", ""),
		as("admin", "DELETE", "/v2/manage/namespaces/team/repos/torch$train", ""),
		as("admin", "GET", "/v2/manage/repos", ""))
	const org, repo = "/v2/manage/namespaces/team/access", "/v2/manage/namespaces/team/repos/web/access"
	dev := func(level string) string { return `[{"user_id":"u-dev","user_name":"dev","auth":` + level + `}]` }
	rec.Golden(t, "permissions",
		as("admin", "POST", org, dev("1")),
		as("admin", "PATCH", org, dev("3")),
		as("admin", "GET", org, ""),
		as("dev", "GET", org, ""),
		as("admin", "DELETE", org, `["u-dev"]`),
		as("admin", "POST", repo, dev("7")),
		as("admin", "PATCH", repo, dev("1")),
		as("admin", "GET", repo, ""),
		as("dev", "GET", repo, ""),
		as("dev", "GET", "/v2/manage/namespaces?filter=mode::visible", ""),
		as("admin", "DELETE", repo, `["u-dev"]`))
	w.repo("admin", "team/data", false)
	for _, repos := range []string{"repositories", "repos"} {
		path := "/v2/manage/namespaces/team/" + repos + "/data/access-domains"
		rec.Golden(t, "shares-"+repos,
			as("admin", "POST", path, `{"access_domain":"EVIL","permit":"read","deadline":"2027-01-01T00:00:00.000Z","description":"for the audit"}`),
			as("admin", "GET", path, ""),
			as("admin", "PATCH", path+"/evil", `{"permit":"read","deadline":"forever"}`),
			as("admin", "GET", path+"/evil", ""),
			as("admin", "GET", "/v2/manage/shared-repositories?center=self&limit=10&offset=0", ""),
			as("eve", "GET", "/v2/manage/shared-repositories?center=thirdparty&filter=center::thirdparty%7Cname::dat", ""),
			as("eve", "GET", "/v2/manage/namespaces/team/repos/data", ""),
			as("admin", "DELETE", path+"/evil", ""),
			as("admin", "GET", path+"/evil", ""))
	}
	for n := range 4 {
		w.push("admin", "team/model", easel.Tag(fmt.Sprint("v", n)), fmt.Sprint("model ", n))
	}
	const policies = "/v2/manage/namespaces/team/repos/model/retentions"
	rule := func(params string) string {
		return `{"algorithm":"or","rules":[{"template":"tag_rule","params":{"num":` + params + `},"tag_selectors":[{"kind":"label","pattern":"v0"}]}]}`
	}
	rec.Golden(t, "retention",
		as("admin", "GET", policies, ""),
		as("admin", "POST", policies, rule(`"3"`)),
		as("admin", "GET", policies+"/histories", ""),
		as("admin", "PATCH", policies+"/1", rule(`1`)),
		as("admin", "GET", policies+"/1", ""),
		as("admin", "GET", policies, ""),
		as("admin", "DELETE", policies+"/1", ""),
		as("admin", "GET", policies+"/histories?filter=limit::1%7Coffset::1", ""))
	rec.Golden(t, "second-names",
		as("admin", "POST", "/v2/manage/namespaces/team/repos/model/tags", `{"source_tag":"v0","destination_tag":"stable"}`),
		as("admin", "POST", "/v2/manage/namespaces/team/repos/model/tags", `{"source_tag":"v3","destination_tag":"stable","override":true}`),
		as("admin", "GET", "/v2/manage/namespaces/team/repos/model/tags/stable", ""))
	w.measure("team/model", 5<<20)
	rec.Golden(t, "overview",
		as("dev", "GET", "/v2/manage/overview", ""),
		as("dev", "GET", "/v2/manage/reports/downflow/daily", ""),
		as("dev", "GET", "/v2/manage/reports/store/daily", ""))
	rec.Golden(t, "account",
		as("dev", "GET", "/v2/manage/projects/p-acme/quotas", ""),
		as("dev", "GET", "/v2/manage/projects/p-acme/feature-gates", ""))
	rec.Golden(t, "logins",
		as("dev", "POST", "/v2/manage/utils/secret", ""),
		as("dev", "POST", "/v2/manage/utils/secret?projectname=eu-de", ""))
	rec.Complete(t)
}

// retain is the body of a retention policy.
func retain(template, params, selectors string) string {
	return `{"algorithm":"or","rules":[{"template":"` + template + `","params":{` + params + `},"tag_selectors":[` + selectors + `]}]}`
}

// TestErrors plays one request for each error code.
func TestErrors(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, "sqlite:"+t.TempDir()+"/easel.db", Options{}, nil)
	if _, err := w.catalog.SetDomainQuota(t.Context(), people["admin"], people["admin"].DomainName, 3); err != nil {
		t.Fatal(err)
	}
	w.org("admin", "team")
	w.org("admin", "other")
	w.org("eve", "theirs")
	w.repo("admin", "team/web", false)
	w.push("admin", "team/web", "v1", "layer")
	const repo = "/v2/manage/namespaces/team/repos/web"
	rec := apitest.New(t, w.handler, OpenAPI)
	for _, tt := range []struct {
		name, want string
		req        *requestOf
	}{
		{"no credentials", "401 S2I.4019000", of("", "GET", repo, "")},
		{"bad token", "401 4010000", of("mallory", "GET", repo, "")},
		{"authentication comes before syntax", "401 S2I.4019000", of("", "GET", "/v2/manage/namespaces/BAD", "")},
		{"no JSON", "400 4000014", of("admin", "POST", "/v2/manage/namespaces", `{"namespace"`)},
		{"JSON of another type", "400 4000014", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":7}`)},
		{"a list", "400 4000014", of("admin", "POST", "/v2/manage/namespaces", `[]`)},
		{"no body", "400 4001014", of("admin", "POST", "/v2/manage/namespaces", "")},
		{"null", "400 4001014", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":null}`)},
		{"another content type", "400 4001018", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":"x"}`, "Content-Type", "text/plain")},
		{"bad organisation name", "400 4001028", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":"Team"}`)},
		{"reserved organisation name", "400 4001028", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":"manage"}`)},
		{"organisation exists", "409 4090060", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":"team"}`)},
		{"organisation exists in another account", "409 4090060", of("admin", "POST", "/v2/manage/namespaces", `{"namespace":"theirs"}`)},
		{"who is no administrator makes no organisation", "403 4037017", of("dev", "POST", "/v2/manage/namespaces", `{"namespace":"mine"}`)},
		{"filter without a pair", "400 4001035", of("admin", "GET", "/v2/manage/namespaces?filter=team", "")},
		{"filter with a strange key", "400 4001035", of("admin", "GET", "/v2/manage/namespaces?filter=name::team", "")},
		{"filter with a strange mode", "400 4001035", of("admin", "GET", "/v2/manage/namespaces?filter=mode::all", "")},
		{"no such organisation", "404 4040058", of("admin", "GET", "/v2/manage/namespaces/none", "")},
		{"organisation of another account", "403 4039001", of("admin", "GET", "/v2/manage/namespaces/theirs", "")},
		{"organisation without a grant", "403 4037017", of("dev", "GET", "/v2/manage/namespaces/team", "")},
		{"organisation with a repository", "406 4060074", of("admin", "DELETE", "/v2/manage/namespaces/team", "")},
		{"organisation of another account is not deleted", "403 4039001", of("eve", "DELETE", "/v2/manage/namespaces/team", "")},
		{"bad organisation in the path", "400 4001028", of("admin", "GET", "/v2/manage/namespaces/a%2Fb", "")},
		{"bad repository name", "400 4001029", of("admin", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"a$b","is_public":true}`)},
		{"is_public is mandatory", "400 4001014", of("admin", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"a"}`)},
		{"repository is mandatory", "400 4001014", of("admin", "POST", "/v2/manage/namespaces/team/repos", `{"is_public":true}`)},
		{"bad category", "400 4000014", of("admin", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"a","is_public":true,"category":"x"}`)},
		{"NUL in the description", "400 4000014", of("admin", "PATCH", repo, `{"is_public":true,"description":"\u0000"}`)},
		{"repository exists", "409 4090006", of("admin", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"web","is_public":true}`)},
		{"repository in no organisation", "404 4040058", of("admin", "POST", "/v2/manage/namespaces/none/repos", `{"repository":"a","is_public":true}`)},
		{"repository in another account's organisation", "403 4039001", of("eve", "POST", "/v2/manage/namespaces/team/repos", `{"repository":"a","is_public":true}`)},
		{"limit 0", "400 4000056", of("admin", "GET", "/v2/manage/repos?limit=0&offset=0", "")},
		{"negative offset", "400 4000056", of("admin", "GET", "/v2/manage/repos?limit=1&offset=-1", "")},
		{"a column without a direction", "400 4001025", of("admin", "GET", "/v2/manage/repos?order_column=name", "")},
		{"a direction without a column", "400 4001025", of("admin", "GET", "/v2/manage/repos?order_type=asc", "")},
		{"strange direction", "400 4001025", of("admin", "GET", "/v2/manage/repos?order_column=name&order_type=up", "")},
		{"strange column", "400 4001096", of("admin", "GET", "/v2/manage/repos?order_column=size&order_type=asc", "")},
		{"strange truth", "400 4001025", of("admin", "GET", "/v2/manage/repos?is_public=yes", "")},
		{"strange category", "400 4000014", of("admin", "GET", "/v2/manage/repos?category=x", "")},
		{"unreadable query", "400 4001025", of("admin", "GET", "/v2/manage/repos?name=%zz", "")},
		{"no such repository", "404 4040113", of("admin", "GET", "/v2/manage/namespaces/team/repos/none", "")},
		{"no such repository to change", "404 4040113", of("admin", "PATCH", "/v2/manage/namespaces/team/repos/none", `{"is_public":true}`)},
		{"no such repository to delete", "404 4040113", of("admin", "DELETE", "/v2/manage/namespaces/team/repos/none", "")},
		{"bad repository in the path", "400 4001029", of("admin", "GET", "/v2/manage/namespaces/team/repos/$a", "")},
		{"encoded twice", "400 4001029", of("admin", "GET", "/v2/manage/namespaces/team/repos/a%252Fb", "")},
		{"bad tag in the path", "400 4009021", of("admin", "DELETE", repo+"/tags/.v1", "")},
		{"no such tag", "404 4040115", of("admin", "GET", repo+"/tags/none", "")},
		{"no such tag to delete", "404 4040115", of("admin", "DELETE", repo+"/tags/none", "")},
		{"tags of no repository", "404 4040113", of("admin", "GET", "/v2/manage/namespaces/team/repos/none/tags", "")},
		{"tags in no organisation", "404 4040058", of("admin", "DELETE", "/v2/manage/namespaces/none/repos/web/tags/v1", "")},
		{"no source tag", "400 4001014", of("admin", "POST", repo+"/tags", `{"destination_tag":"v2"}`)},
		{"no destination tag", "400 4001014", of("admin", "POST", repo+"/tags", `{"source_tag":"v1"}`)},
		{"bad destination tag", "400 4009021", of("admin", "POST", repo+"/tags", `{"source_tag":"v1","destination_tag":".v2"}`)},
		{"no such source tag", "404 4040115", of("admin", "POST", repo+"/tags", `{"source_tag":"v9","destination_tag":"v2"}`)},
		{"destination tag exists", "409 4090006", of("admin", "POST", repo+"/tags", `{"source_tag":"v1","destination_tag":"v1"}`)},
		{"a report of what there is none of", "400 4001025", of("admin", "GET", "/v2/manage/reports/upflow/daily", "")},
		{"a report of a strange frequency", "400 4001025", of("admin", "GET", "/v2/manage/reports/store/hourly", "")},
		{"policy without an algorithm", "400 4001014", of("admin", "POST", repo+"/retentions", `{"rules":[]}`)},
		{"policy without rules", "400 4001014", of("admin", "POST", repo+"/retentions", `{"algorithm":"or"}`)},
		{"strange algorithm", "400 4000014", of("admin", "POST", repo+"/retentions", `{"algorithm":"and","rules":[{}]}`)},
		{"two rules", "400 4000014", of("admin", "POST", repo+"/retentions", `{"algorithm":"or","rules":[{},{}]}`)},
		{"strange template", "400 4000014", of("admin", "POST", repo+"/retentions", retain("size_rule", `"num":"1"`, ""))},
		{"no days", "400 4000014", of("admin", "POST", repo+"/retentions", retain("date_rule", `"num":"1"`, ""))},
		{"too many days", "400 4000014", of("admin", "POST", repo+"/retentions", retain("date_rule", `"days":"366"`, ""))},
		{"no tags at all", "400 4000014", of("admin", "POST", repo+"/retentions", retain("tag_rule", `"num":"0"`, ""))},
		{"a selector that does not compile", "400 4000014", of("admin", "POST", repo+"/retentions", retain("tag_rule", `"num":"1"`, `{"kind":"regexp","pattern":"("}`))},
		{"a selector of a strange kind", "400 4000014", of("admin", "POST", repo+"/retentions", retain("tag_rule", `"num":"1"`, `{"kind":"glob","pattern":"*"}`))},
		{"policy that is no number", "400 4009013", of("admin", "GET", repo+"/retentions/x", "")},
		{"no such policy", "404 4000306", of("admin", "GET", repo+"/retentions/9", "")},
		{"no such policy to change", "404 4000306", of("admin", "PATCH", repo+"/retentions/9", retain("tag_rule", `"num":"1"`, ""))},
		{"no such policy to delete", "404 4000306", of("admin", "DELETE", repo+"/retentions/9", "")},
		{"policy of no repository", "404 4040113", of("admin", "POST", "/v2/manage/namespaces/team/repos/none/retentions", retain("tag_rule", `"num":"1"`, ""))},
		{"policy in no organisation", "404 4040058", of("admin", "GET", "/v2/manage/namespaces/none/repos/web/retentions", "")},
		{"a login for no project", "400 4000014", of("admin", "POST", "/v2/manage/utils/secret?projectname=other", "")},
		{"quotas of another account's project", "403 4039001", of("admin", "GET", "/v2/manage/projects/p-evil/quotas", "")},
		{"features of no project", "403 4039001", of("admin", "GET", "/v2/manage/projects/none/feature-gates", "")},
		{"unknown route", "404 4040083", of("admin", "GET", "/v2/manage/regions", "")},
		{"route that is not there yet", "404 4040083", of("admin", "GET", repo+"/triggers", "")},
		{"unclean path", "404 4040083", of("admin", "GET", "/v2/manage//repos", "")},
		{"unknown method", "405 4040083", of("admin", "PUT", "/v2/manage/repos", "")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := code(t, rec.Do(t, tt.req.request())); got != tt.want {
				t.Errorf("%s %s: %s, want %s", tt.req.method, tt.req.target, got, tt.want)
			}
		})
	}

	t.Run("long description", func(t *testing.T) {
		body := func(n int) string { return `{"is_public":false,"description":"` + strings.Repeat("é", n) + `"}` }
		if got := code(t, rec.Do(t, as("admin", "PATCH", repo, body(30_000)))); got != "" {
			t.Errorf("30,000 characters: %s, want success", got)
		}
		if got := code(t, rec.Do(t, as("admin", "PATCH", repo, body(30_001)))); got != "413 4131012" {
			t.Errorf("30,001 characters: %s, want 413 4131012", got)
		}
	})
	t.Run("large body", func(t *testing.T) {
		if got := code(t, rec.Do(t, as("admin", "PATCH", repo, `{"is_public":false,"x":"`+strings.Repeat("x", 12<<20)+`"}`))); got != "413 4131001" {
			t.Errorf("%s, want 413 4131001", got)
		}
	})
	t.Run("quota", func(t *testing.T) {
		w.org("admin", "third")
		if got := code(t, rec.Do(t, as("admin", "POST", "/v2/manage/namespaces", `{"namespace":"fourth"}`))); got != "400 4000097" {
			t.Errorf("%s, want 400 4000097", got)
		}
	})
	rec.Golden(t, "errors",
		as("admin", "GET", "/v2/manage/namespaces/none", ""),
		as("admin", "PUT", "/v2/manage/repos", ""),
		as("", "GET", "/v2/manage/repos", ""))
}

// requestOf makes the same request anew each time.
type requestOf struct {
	who, method, target, body string
	headers                   []string
}

func of(who, method, target, body string, headers ...string) *requestOf {
	return &requestOf{who, method, target, body, headers}
}

func (r *requestOf) request() *http.Request {
	return as(r.who, r.method, r.target, r.body, r.headers...)
}
