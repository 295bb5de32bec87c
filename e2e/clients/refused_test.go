package clients

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel/e2e/server"
	"easel/internal/pgtest"
)

// refusal is a request that must change nothing. $NAME is an id of something
// that newCrowded made.
type refusal struct {
	name, method, path, body string
	status                   int
	code                     string // of SWR without its prefix
}

const (
	manage = "/v2/manage/namespaces"
	lab    = manage + "/vision/repos/lab"
)

var refusals = []refusal{
	// Names (swr.md 2.6).
	{"an organisation in capitals", "POST", manage, `{"namespace":"Vision"}`, 400, "4001028"},
	{"an organisation that begins with a digit", "POST", manage, `{"namespace":"1vision"}`, 400, "4001028"},
	{"an organisation that ends with a hyphen", "POST", manage, `{"namespace":"vision-"}`, 400, "4001028"},
	{"different separators beside each other", "POST", manage, `{"namespace":"a._b"}`, 400, "4001028"},
	{"three underscores", "POST", manage, `{"namespace":"a___b"}`, 400, "4001028"},
	{"an organisation of 65 characters", "POST", manage, `{"namespace":"` + strings.Repeat("a", 65) + `"}`, 400, "4001028"},
	{"an organisation with a NUL", "POST", manage, `{"namespace":"a\u0000b"}`, 400, "4001028"},
	{"the reserved organisation library", "POST", manage, `{"namespace":"library"}`, 400, "4001028"},
	{"the reserved organisation manage", "POST", manage, `{"namespace":"manage"}`, 400, "4001028"},
	{"no name", "POST", manage, `{}`, 400, "4001014"},
	{"an organisation that is there", "POST", manage, `{"namespace":"vision"}`, 409, "4090060"},
	{"an organisation of another domain", "POST", manage, `{"namespace":"rival"}`, 409, "4090060"},
	{"a repository in capitals", "POST", manage + "/vision/repos", `{"repository":"Lab","is_public":false}`, 400, "4001029"},
	{"a repository with an empty part", "POST", manage + "/vision/repos", `{"repository":"a//b","is_public":false}`, 400, "4001029"},
	{"a repository that ends with a slash", "POST", manage + "/vision/repos", `{"repository":"a/","is_public":false}`, 400, "4001029"},
	{"a repository of 129 characters", "POST", manage + "/vision/repos", `{"repository":"` + strings.Repeat("a", 129) + `","is_public":false}`, 400, "4001029"},
	{"a repository that is there", "POST", manage + "/vision/repos", `{"repository":"lab","is_public":false}`, 409, "4090006"},
	{"a repository without visibility", "POST", manage + "/vision/repos", `{"repository":"new"}`, 400, "4001014"},
	{"an unknown category", "POST", manage + "/vision/repos", `{"repository":"new","is_public":false,"category":"toys"}`, 400, "4000014"},
	{"a description that is too long", "PATCH", lab, `{"is_public":false,"description":"` + strings.Repeat("x", 30_001) + `"}`, 413, "4131012"},
	{"a tag that begins with a hyphen", "POST", lab + "/tags", `{"source_tag":"1","destination_tag":"-2"}`, 400, "4009021"},
	{"a tag that is taken", "POST", lab + "/tags", `{"source_tag":"1","destination_tag":"2"}`, 409, "4090006"},
	{"deletion of a tag that is none", "DELETE", lab + "/tags/-1", "", 400, "4009021"},
	{"deletion of a tag that is not there", "DELETE", lab + "/tags/9", "", 404, "4040115"},
	{"deletion of a repository that is not there", "DELETE", manage + "/vision/repos/nothing", "", 404, "4040113"},

	// Levels (swr.md 5 and 7): 7, 3 and 1.
	{"level 2 on an organisation", "POST", manage + "/vision/access", `[{"user_id":"$EVA","user_name":"eva","auth":2}]`, 400, "4001065"},
	{"level 0 on an organisation", "PATCH", manage + "/vision/access", `[{"user_id":"$RAY","user_name":"ray","auth":0}]`, 400, "4001065"},
	{"a level beyond all numbers", "PATCH", manage + "/vision/access", `[{"user_id":"$RAY","user_name":"ray","auth":99999999999999999999}]`, 400, "4000014"},
	{"a level that is text", "PATCH", manage + "/vision/access", `[{"user_id":"$RAY","user_name":"ray","auth":"7"}]`, 400, "4000014"},
	{"one good level and one bad", "POST", manage + "/vision/access", `[{"user_id":"$EVA","user_name":"eva","auth":7},{"user_id":"$RAY","user_name":"ray","auth":4}]`, 400, "4001065"},
	{"no levels", "POST", manage + "/vision/access", `[]`, 400, "4001065"},
	{"a level for nobody", "POST", manage + "/vision/access", `[{"user_id":"none","user_name":"x","auth":7}]`, 400, "4001067"},
	{"a level for somebody of another domain", "POST", manage + "/vision/access", `[{"user_id":"$GUS","user_name":"gus","auth":7}]`, 400, "4001067"},
	{"a second level", "POST", manage + "/vision/access", `[{"user_id":"$RAY","user_name":"ray","auth":7}]`, 409, "4090076"},
	{"a change of no level", "PATCH", manage + "/vision/access", `[{"user_id":"$EVA","user_name":"eva","auth":7}]`, 404, "4040078"},
	{"taking two levels, of which one is none", "DELETE", manage + "/vision/access", `["$RAY","$EVA"]`, 404, "4040078"},
	{"level 5 on a repository", "POST", lab + "/access", `[{"user_id":"$EVA","user_name":"eva","auth":5}]`, 400, "4001066"},
	{"a second level on a repository", "POST", lab + "/access", `[{"user_id":"$RAY","user_name":"ray","auth":7}]`, 409, "4090089"},
	{"a change of no level on a repository", "PATCH", lab + "/access", `[{"user_id":"$EVA","user_name":"eva","auth":7}]`, 404, "4040091"},

	// Shares (swr.md 9): deadlines lie ahead.
	{"a deadline in the past", "POST", lab + "/access-domains", `{"access_domain":"third","permit":"read","deadline":"2020-01-01T00:00:00Z"}`, 400, "4000014"},
	{"a deadline that is none", "POST", lab + "/access-domains", `{"access_domain":"third","permit":"read","deadline":"tomorrow"}`, 400, "4000014"},
	{"a month that is none", "PATCH", lab + "/access-domains/rivals", `{"permit":"read","deadline":"2030-13-01T00:00:00Z"}`, 400, "4000014"},
	{"no deadline", "POST", lab + "/access-domains", `{"access_domain":"third","permit":"read"}`, 400, "4001014"},
	{"a share to write", "POST", lab + "/access-domains", `{"access_domain":"third","permit":"write","deadline":"forever"}`, 400, "4001091"},
	{"a share with an unknown account", "POST", lab + "/access-domains", `{"access_domain":"nobody","permit":"read","deadline":"forever"}`, 400, "4001041"},
	{"a share with oneself", "POST", lab + "/access-domains", `{"access_domain":"EASEL","permit":"read","deadline":"forever"}`, 400, "4001041"},
	{"a second share", "POST", lab + "/access-domains", `{"access_domain":"RIVALS","permit":"read","deadline":"forever"}`, 409, "4090089"},
	{"a share of what is public", "POST", manage + "/vision/repos/open/access-domains", `{"access_domain":"third","permit":"read","deadline":"forever"}`, 400, "4000014"},
	{"a long description of a share", "POST", lab + "/access-domains", `{"access_domain":"third","permit":"read","deadline":"forever","description":"` + strings.Repeat("x", 1001) + `"}`, 413, "4131012"},
	{"the end of a share that is not there", "DELETE", lab + "/access-domains/third", "", 400, "4001090"},

	// Retention (swr.md 10): selectors compile, numbers are in bounds.
	{"a selector that does not compile", "PATCH", lab + "/retentions/$POLICY", rule("tag_rule", `{"num":"5"}`, `{"kind":"regexp","pattern":"("}`), 400, "4000014"},
	{"an expression that only other engines know", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"num":"5"}`, `{"kind":"regexp","pattern":"(?=a)"}`), 400, "4000014"},
	{"an unknown kind of selector", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"num":"5"}`, `{"kind":"glob","pattern":"*"}`), 400, "4000014"},
	{"an unknown rule", "POST", manage + "/vision/repos/open/retentions", rule("size_rule", `{"num":"5"}`), 400, "4000014"},
	{"no tags to keep", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"num":"0"}`), 400, "4000014"},
	{"more tags than there are numbers", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"num":"99999999999999999999"}`), 400, "4000014"},
	{"1001 tags", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"num":"1001"}`), 400, "4000014"},
	{"366 days", "POST", manage + "/vision/repos/open/retentions", rule("date_rule", `{"days":"366"}`), 400, "4000014"},
	{"days for a rule that counts", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"days":"5"}`), 400, "4000014"},
	{"another algorithm", "POST", manage + "/vision/repos/open/retentions", strings.Replace(rule("tag_rule", `{"num":"5"}`), `"or"`, `"and"`, 1), 400, "4000014"},
	{"no rule", "POST", manage + "/vision/repos/open/retentions", `{"algorithm":"or","rules":[]}`, 400, "4000014"},
	{"another kind of rule", "PATCH", lab + "/retentions/$POLICY", rule("date_rule", `{"days":"5"}`), 400, "4000014"},
	{"a second policy", "POST", lab + "/retentions", rule("tag_rule", `{"num":"5"}`), 400, "4000014"},
	{"a policy with an id that is no number", "DELETE", lab + "/retentions/one", "", 400, "4009013"},
	{"a policy that is not there", "DELETE", lab + "/retentions/2147483647", "", 404, "4000306"},

	// What is not empty stays.
	{"deletion of an organisation with repositories", "DELETE", manage + "/vision", "", 406, "4060074"},
	{"deletion of an organisation of another domain", "DELETE", manage + "/rival", "", 403, "4039001"},
	{"deletion of an organisation that is not there", "DELETE", manage + "/nothing", "", 404, "4040058"},

	// Text that a database would choke on.
	{"a tag with a NUL", "DELETE", lab + "/tags/a%00b", "", 400, "4009021"},
	{"a repository with a NUL", "GET", manage + "/vision/repos/a%00b", "", 400, "4001029"},
	{"a description with a NUL", "PATCH", lab, `{"is_public":false,"description":"a\u0000b"}`, 400, "4000014"},
	{"a selector with a NUL", "POST", manage + "/vision/repos/open/retentions", rule("tag_rule", `{"num":"5"}`, `{"kind":"label","pattern":"a\u0000b"}`), 400, "4000014"},
	{"a share with an account with a NUL", "POST", lab + "/access-domains", `{"access_domain":"a\u0000b","permit":"read","deadline":"forever"}`, 400, "4001041"},
	{"a level for a user with a NUL", "POST", manage + "/vision/access", `[{"user_id":"a\u0000b","user_name":"x","auth":7}]`, 400, "4001067"},
	{"a user with a NUL", "POST", "/v3/users", `{"user":{"name":"a\u0000b"}}`, 400, "IAM.0073"},
	{"a group with a NUL", "POST", "/v3/groups", `{"group":{"name":"a\u0000b"}}`, 400, "IAM.0073"},
	{"a policy of a role with a NUL", "DELETE", "/v3.0/OS-ROLE/roles/a%00b", "", 404, "IAM.0004"},
	{"a key with a NUL", "DELETE", "/v3.0/OS-CREDENTIAL/credentials/a%00b", "", 404, "IAM.0004"},
	{"a policy with a number beyond all numbers", "DELETE", lab + "/retentions/99999999999999999999", "", 400, "4009013"},

	// Bodies and queries (swr.md 2.8, 2.10).
	{"half an object", "POST", manage, `{"namespace":`, 400, "4000014"},
	{"a list for an object", "POST", manage, `["new"]`, 400, "4000014"},
	{"a body of 13 MB", "POST", manage, `{"namespace":"` + strings.Repeat("a", 13_000_000) + `"}`, 413, "4131001"},
	{"a page of nothing", "GET", lab + "/tags?limit=0&offset=0", "", 400, "4000056"},
	{"a page before the first", "GET", lab + "/tags?limit=1&offset=-1", "", 400, "4000056"},
	{"an order without a direction", "GET", lab + "/tags?order_column=tag", "", 400, "4001025"},
	{"an order by what there is not", "GET", "/v2/manage/repos?order_column=colour&order_type=asc", "", 400, "4001096"},
	{"half a filter", "GET", "/v2/manage/repos?filter=name", "", 400, "4001035"},
	{"a report of what there is not", "GET", "/v2/manage/reports/upflow/daily", "", 400, "4001025"},
	{"shared by nobody in particular", "GET", "/v2/manage/shared-repositories", "", 400, "4001014"},
	{"a route that is not there", "POST", "/v2/manage/regions", "{}", 404, "4040083"},
	{"a login for a foreign project", "POST", "/v2/manage/utils/secret?projectname=eu-nl", "", 400, "4000014"},

	// Nobody is locked out for good (iam.md 1; docs/access.md).
	{"the last administrator is disabled", "PATCH", "/v3/users/$ADMIN", `{"user":{"enabled":false}}`, 409, "IAM.0005"},
	{"the last administrator goes", "DELETE", "/v3/users/$ADMIN", "", 409, "IAM.0005"},
	{"a policy that denies the last administrator everything", "PUT", "/v3/domains/$DOMAIN/groups/$GROUP/roles/$NOTHING", "", 409, "IAM.0005"},
	{"a granted policy denies the last administrator everything", "PATCH", "/v3.0/OS-ROLE/roles/$LITTLE", `{"role":{"policy":{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["*"]}]}}}`, 409, "IAM.0005"},

	// IAM (iam.md 4, 6, 7).
	{"a policy of another version", "POST", "/v3.0/OS-ROLE/roles", policyBody(`{"Version":"5.0","Statement":[{"Effect":"Allow","Action":["swr:*:*"]}]}`), 400, "IAM.0011"},
	{"a policy without statements", "POST", "/v3.0/OS-ROLE/roles", policyBody(`{"Version":"1.1","Statement":[]}`), 400, "IAM.0011"},
	{"a policy that neither allows nor denies", "POST", "/v3.0/OS-ROLE/roles", policyBody(`{"Version":"1.1","Statement":[{"Effect":"Maybe","Action":["swr:*:*"]}]}`), 400, "IAM.0011"},
	{"a policy about no action", "POST", "/v3.0/OS-ROLE/roles", policyBody(`{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["swr"]}]}`), 400, "IAM.0011"},
	{"a policy with a condition", "POST", "/v3.0/OS-ROLE/roles", policyBody(`{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["swr:*:*"],"Condition":{"StringEquals":{"g:UserName":["eva"]}}}]}`), 400, "IAM.0011"},
	{"a granted policy goes", "DELETE", "/v3.0/OS-ROLE/roles/$LITTLE", "", 409, "IAM.0005"},
	{"a ready-made role goes", "DELETE", "/v3.0/OS-ROLE/roles/$READY", "", 403, "IAM.0002"},
	{"a user without a name", "POST", "/v3/users", `{"user":{}}`, 400, "IAM.0072"},
	{"a user that is there", "POST", "/v3/users", `{"user":{"name":"eva"}}`, 409, "IAM.0005"},
	{"a user for another domain", "POST", "/v3/users", `{"user":{"name":"zoe","domain_id":"$RIVALS"}}`, 403, "IAM.0002"},
	{"a password that is too short", "POST", "/v3/users", `{"user":{"name":"zoe","password":"x"}}`, 400, "IAM.0073"},
	{"a member who is not there", "PUT", "/v3/groups/$GROUP/users/none", "", 404, "IAM.0004"},
	{"a member of another domain", "PUT", "/v3/groups/$GROUP/users/$GUS", "", 404, "IAM.0004"},
	{"a key for nobody", "POST", "/v3.0/OS-CREDENTIAL/credentials", `{"credential":{"user_id":"none"}}`, 403, "IAM.0002"},
	{"a key that is neither active nor inactive", "PUT", "/v3.0/OS-CREDENTIAL/credentials/$KEY", `{"credential":{"status":"asleep"}}`, 400, "IAM.0073"},
	{"a temporary key for a minute", "POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"],"token":{"duration_seconds":60}}}}`, 400, "IAM.0073"},
	{"a temporary key with a policy", "POST", "/v3.0/OS-CREDENTIAL/securitytokens", `{"auth":{"identity":{"methods":["token"],"policy":{"Version":"1.1","Statement":[]}}}}`, 400, "IAM.0073"},
	{"a body that is no JSON", "POST", "/v3/groups", `group`, 400, "IAM.0011"},
	{"a body over 32 KB", "POST", "/v3/groups", `{"group":{"name":"` + strings.Repeat("x", 40_000) + `"}}`, 400, "IAM.1101"},
	{"a token for a method that is none", "POST", "/v3/auth/tokens", `{"auth":{"identity":{"methods":["wish"]}}}`, 400, "IAM.0073"},
	{"a token without methods", "POST", "/v3/auth/tokens", `{"auth":{"identity":{}}}`, 400, "IAM.0072"},
}

func rule(template, params string, selectors ...string) string {
	return fmt.Sprintf(`{"algorithm":"or","rules":[{"template":%q,"params":%s,"tag_selectors":[%s]}]}`, template, params, strings.Join(selectors, ","))
}

func policyBody(policy string) string {
	return `{"role":{"display_name":"bad","type":"AX","policy":` + policy + `}}`
}

// TestRefusals sends everything that the specifications' tables refuse: the
// documented code comes back and nothing changes.
func TestRefusals(t *testing.T) {
	t.Parallel()
	testRefusals(t)
}

func TestRefusalsOnPostgreSQL(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	testRefusals(t, "--database", pgtest.Start(t))
}

func testRefusals(t *testing.T, flags ...string) {
	t.Helper()
	s, replace := newCrowded(t, flags...)
	token := s.Token(t)
	header := map[string]string{"X-Auth-Token": token}
	before := everything(t, s, token)
	for _, tt := range refusals {
		a := s.Do(t, tt.method, replace.Replace(tt.path), header, replace.Replace(tt.body))
		code := tt.code
		if !strings.HasPrefix(code, "IAM.") {
			code = "SVCSTG.SWR." + code
		}
		var body struct {
			Code string `json:"error_code"`
			Msg  string `json:"error_msg"`
		}
		if err := json.Unmarshal(a.Body, &body); err != nil || a.Status != tt.status || body.Code != code || body.Msg == "" {
			t.Errorf("%s: %d %.300s, want %d %s", tt.name, a.Status, a.Body, tt.status, code)
		}
		if diff := cmp.Diff(before, everything(t, s, token)); diff != "" {
			t.Fatalf("%s changed something (-before +after):\n%s", tt.name, diff)
		}
	}
	if strings.Contains(s.Log(), "level=ERROR") {
		t.Error("the server takes a client's mistake for its own")
	}
	s.Check(t)
}

// newCrowded starts a server that has something of everything, and returns what
// the names of ids stand for.
func newCrowded(t *testing.T, flags ...string) (*server.Server, *strings.Replacer) {
	t.Helper()
	s := start(t, flags...)
	push(t, s, "lab:1", newImage(t, 1))
	push(t, s, "lab:2", newImage(t, 1))
	s.Call(t, "POST", manage+"/vision/repos", map[string]any{"repository": "open", "is_public": true}, nil)
	eva, ray, other := s.NewUser(t, "eva"), s.NewUser(t, "ray"), s.NewDomain(t, "rivals")
	s.NewDomain(t, "third")
	other.CreateOrg(t, "rival")
	s.Grant(t, org, ray, 1)
	s.Call(t, "POST", lab+"/access", []any{map[string]any{"user_id": ray.UserID, "user_name": "ray", "auth": 3}}, nil)
	s.Call(t, "POST", lab+"/access-domains", map[string]string{"access_domain": "rivals", "permit": "read", "deadline": "2099-01-01T00:00:00Z"}, nil)
	var kept struct{ ID int }
	s.Call(t, "POST", lab+"/retentions", json.RawMessage(rule("tag_rule", `{"num":"7"}`, `{"kind":"label","pattern":"1"}`)), &kept)

	var users struct{ Users []struct{ ID string } }
	s.Call(t, "GET", "/v3/users?name=admin", nil, &users)
	var domains struct{ Domains []struct{ ID string } }
	s.Call(t, "GET", "/v3/auth/domains", nil, &domains)
	var theirs struct{ Domains []struct{ ID string } }
	other.Call(t, "GET", "/v3/auth/domains", nil, &theirs)
	var ready struct{ Roles []struct{ ID string } }
	s.Call(t, "GET", "/v3/roles", nil, &ready)
	admin, domain := users.Users[0].ID, domains.Domains[0].ID
	var group struct{ Group struct{ ID string } }
	s.Call(t, "POST", "/v3/groups", map[string]any{"group": map[string]string{"name": "chiefs"}}, &group)
	s.Call(t, "PUT", "/v3/groups/"+group.Group.ID+"/users/"+admin, nil, nil)
	policy := func(name, text string) string {
		t.Helper()
		var made struct{ Role struct{ ID string } }
		s.Call(t, "POST", "/v3.0/OS-ROLE/roles", map[string]any{"role": map[string]any{"display_name": name, "type": "AX", "policy": json.RawMessage(text)}}, &made)
		return made.Role.ID
	}
	nothing := policy("nothing", `{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["*"]}]}`)
	little := policy("little", `{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["swr:repo:get*"]}]}`)
	s.Call(t, "PUT", "/v3/domains/"+domain+"/groups/"+group.Group.ID+"/roles/"+little, nil, nil)
	return s, strings.NewReplacer("$EVA", eva.UserID, "$RAY", ray.UserID, "$GUS", other.UserID, "$POLICY", fmt.Sprint(kept.ID), "$ADMIN", admin, "$DOMAIN", domain,
		"$RIVALS", theirs.Domains[0].ID, "$GROUP", group.Group.ID, "$NOTHING", nothing, "$LITTLE", little, "$READY", ready.Roles[0].ID, "$KEY", ray.AccessKey)
}

// everything returns what the interfaces show, by address.
func everything(t *testing.T, s *server.Server, token string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, path := range []string{
		manage, manage + "/vision/access", "/v2/manage/repos", lab, lab + "/tags", lab + "/access", lab + "/access-domains", lab + "/retentions", lab + "/retentions/histories",
		manage + "/vision/repos/open", manage + "/vision/repos/open/retentions", manage + "/vision/repos/open/access-domains",
		"/v2/manage/overview", "/v3/users", "/v3/groups", "/v3/projects", "/v3/domains", "/v3.0/OS-ROLE/roles", "/v3.0/OS-PERMISSION/role-assignments",
		"/easel/v1/ledger", "/easel/v1/quotas", "/easel/v1/robots",
	} {
		a := s.Do(t, http.MethodGet, path, map[string]string{"X-Auth-Token": token}, "")
		if a.Status != http.StatusOK {
			t.Fatalf("%s: %d %s", path, a.Status, a.Body)
		}
		all[path] = string(a.Body)
	}
	return all
}
