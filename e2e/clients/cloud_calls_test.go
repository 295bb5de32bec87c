package clients

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	modelarts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/modelarts/v1"
	swr "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2"
)

// notServed says why no test calls an operation of the SDK. A pattern is for
// whole names.
var notServed = []struct{ service, pattern, why string }{
	{"swr", `.*Instance.*|.*(Endpoint|Registry)Policy|.*ImmutableRules?|.*DomainNames?|.*GcSchedule|.*GcTasks?|.*SubResource.*|ListAuditLogs|ListFeatureGates|ListGlobalFeatureGates|ListNamespaceRepositories|ListNamespaceTags|StartManualScanning`, "the enterprise edition, another product (swr.md 14.1)"},
	{"swr", `.*Triggers?|ListTriggersDetails`, "triggers (swr.md 14.1); hooks tell more"},
	{"swr", `.*ImageSync.*|.*ImageAutoSync.*|ListSyncRegions|ShowSyncJob|CheckAgency|CreateAgency`, "synchronisation between regions: there is one (swr.md 14.1)"},
	{"swr", `ListReferences|ListRepoAccessories`, "not in the contract (swr.md 14.1); the registry has referrers"},
	{"swr", `ListRepoDetails|ListSharedRepoDetails|ListRepositoryTag`, "the optional lists of version 3: the gate enable_list_v3 is off (swr.md 14.1)"},
	{"swr", `CreateAuthorizationToken`, "optional: the gate enable_authorization_token is off (swr.md 11)"},
	{"iam", `.*Agency.*|ListAgencies`, "agencies, optional (iam.md 2, 7)"},
	{"iam", `.*EnterpriseProject.*`, "enterprise projects: not in the contract"},
	{"iam", `.*(Mfa|BindingDevice|LoginProtect|LoginToken).*`, "second factors and console logins, optional (iam.md 2)"},
	{"iam", `.*(IdentityProvider|Mapping|Protocol|Metadata|OpenIdConnect|Unscope|IdToken|Federation).*|KeystoneCreateScopedToken`, "federation in the cloud's own form (iam.md 0)"},
	{"iam", `(Show|Update)Domain(ApiAcl|ConsoleAcl|Login|Password|Protect)Policy|KeystoneShowSecurityCompliance.*|ShowDomainQuota|ShowProjectQuota`, "settings of the cloud's console: not in the contract"},
	{"iam", `Keystone(List|Show)(Endpoint|Region|Service)s?`, "the catalogue has what clients read (iam.md 5.5)"},
	{"iam", `ShowProjectDetailsAndStatus|UpdateProjectStatus`, "suspending projects: not in the contract"},
	{"iam", `UpdateUserInformation`, "mail addresses and telephone numbers: not kept"},
	{"images", `CreateImage|CreateSaveImageJob|ShowSaveImageJob`, "saves a notebook: there are none"},
	{"images", `.*DevServer.*`, "servers: not in the contract"},
}

// TestEveryCloudCall fails when the SDK has an operation that neither a test
// of this package calls nor notServed explains.
func TestEveryCloudCall(t *testing.T) {
	t.Parallel()
	called := calledMethods(t)
	clients := []struct {
		service string
		client  any
		of      string // which of its operations are ours
	}{
		{"swr", (*swr.SwrClient)(nil), `.*`},
		{"iam", (*iam.IamClient)(nil), `.*`},
		{"images", (*modelarts.ModelArtsClient)(nil), `.*(Image|Workspace).*`},
	}
	used := make([]bool, len(notServed))
	for _, c := range clients {
		ours := whole(c.of)
		for m := range reflect.TypeOf(c.client).Methods() {
			if strings.HasSuffix(m.Name, "Invoker") || !ours.MatchString(m.Name) {
				continue
			}
			why := slices.IndexFunc(notServed, func(n struct{ service, pattern, why string }) bool {
				return n.service == c.service && whole(n.pattern).MatchString(m.Name)
			})
			switch {
			case why >= 0 && called[m.Name] && !sharedName(m.Name):
				t.Errorf("%s: a test calls %s, and notServed has it: %s", c.service, m.Name, notServed[why].why)
			case why >= 0:
				used[why] = true
			case !called[m.Name]:
				t.Errorf("%s: no test calls %s; call it, or say in notServed why not", c.service, m.Name)
			}
		}
	}
	for i, n := range notServed {
		if !used[i] {
			t.Errorf("notServed, %s: the SDK has no %s", n.service, n.pattern)
		}
	}
}

// sharedName says whether two services have an operation of that name.
func sharedName(name string) bool {
	_, inSWR := reflect.TypeFor[*swr.SwrClient]().MethodByName(name)
	_, inIAM := reflect.TypeFor[*iam.IamClient]().MethodByName(name)
	return inSWR && inIAM
}

func whole(pattern string) *regexp.Regexp { return regexp.MustCompile(`^(?:` + pattern + `)$`) }

// calledMethods returns the names of all methods that the tests of this
// package call.
func calledMethods(t *testing.T) map[string]bool {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	ok(t, err)
	called := map[string]bool{}
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		ok(t, err)
		ast.Inspect(tree, func(n ast.Node) bool {
			if call, isCall := n.(*ast.CallExpr); isCall {
				if method, isMethod := call.Fun.(*ast.SelectorExpr); isMethod {
					called[method.Sel.Name] = true
				}
			}
			return true
		})
	}
	return called
}
