package clients

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	swr "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"
)

// acceptance names, for each item of the acceptance lists, the tests that hold
// it: "DIRECTORY FUNCTION". What is not of this directory needs a clock to
// turn, or sends what no client sends.
var acceptance = []struct {
	item string
	held []string
}{
	{"swr.md 17, 1: every call of the SDK by its address; errors carry code and message", []string{
		"e2e/clients TestCloudEndpoint", "e2e/clients TestEveryCloudCall", "e2e/clients TestRefusals"}},
	{"swr.md 17, 2: lists expose ContentRange, CreateSecret both headers", []string{
		"e2e/clients TestCloudTags", "e2e/clients TestCloudShares", "e2e/clients TestCloudRetention", "e2e/clients TestCloudDockerLogin"}},
	{"swr.md 17, 3: the other SDK makes, lists and deletes everything", []string{"e2e/clients TestStrictSDKs"}},
	{"swr.md 17, 4: the Terraform data source terminates", []string{"e2e/clients TestTerraformPages", "e2e/clients TestStrictSDKs"}},
	{"swr.md 17, 5: the spellings of a slash", []string{"e2e/clients TestSlashes", "internal/api/swr TestSlashForms"}},
	{"swr.md 17, 6: levels 1, 3 and 7", []string{"e2e/clients TestLevels"}},
	{"swr.md 17, 7: a share expires", []string{"e2e/clients TestShareExpires", "internal/attack TestSharesEndAtOnce"}},
	{"swr.md 17, 8: retention with an exempt tag, and its history", []string{"e2e/clients TestCloudRetention"}},
	{"iam.md 11, 1: the vectors, and each negative variant", []string{
		"internal/identity TestVerifyVectors", "internal/identity TestVerifyPublished", "internal/identity TestVerifyRefuses"}},
	{"iam.md 11, 2: the SDK looks up its project", []string{"e2e/clients TestCloudIAM", "e2e/clients TestCloudRepositories"}},
	{"iam.md 11, 3: the other SDK with access key, password and token", []string{"e2e/clients TestStrictSDKs"}},
	{"iam.md 11, 4: a token until it is revoked or 24 hours old", []string{"e2e/clients TestTokenLife", "internal/identity TestTokenLife"}},
	{"iam.md 11, 5: a new key signs and logs in at once, an inactive one does not", []string{"e2e/clients TestCloudKeys", "e2e/clients TestLogins"}},
	{"iam.md 11, 6: a temporary key with its token, without, and expired", []string{"e2e/clients TestCloudTemporaryKey", "internal/identity TestTemporaryKey"}},
	{"iam.md 11, 7: docker, containerd, skopeo: login, push, pull, delete; anonymous pull; denied push", []string{
		"e2e/clients TestLogins", "e2e/clients TestLevels", "e2e/clients TestTLS", "e2e/clients TestDocker", "e2e/clients TestSkopeo"}},
	{"iam.md 11, 8: the clock may be 15 minutes off", []string{"internal/identity TestVerifyClock"}},
}

// TestAcceptance fails when a test that holds an item is gone.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	items := map[string]int{}
	for _, a := range acceptance {
		spec, _, _ := strings.Cut(a.item, ",")
		items[spec]++
		for _, test := range a.held {
			dir, name, _ := strings.Cut(test, " ")
			if !hasTest(t, filepath.Join("../..", dir), name) {
				t.Errorf("%s: there is no test %s in %s", a.item, name, dir)
			}
		}
	}
	want(t, "items of swr.md", items["swr.md 17"], 8)
	want(t, "items of iam.md", items["iam.md 11"], 8)
}

func hasTest(t *testing.T, dir, name string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*_test.go"))
	ok(t, err)
	for _, file := range files {
		tree, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		ok(t, err)
		for _, d := range tree.Decls {
			if f, isFunc := d.(*ast.FuncDecl); isFunc && f.Recv == nil && f.Name.Name == name {
				return true
			}
		}
	}
	return false
}

// TestCloudEndpoint uses clients that know an address and no region, with and
// without a project: without, the SDK looks nothing up and leaves the name of
// the parameter in the path.
func TestCloudEndpoint(t *testing.T) {
	t.Parallel()
	s := start(t)
	push(t, s, "lab:1", newImage(t, 1))
	for name, project := range map[string]string{"with a project": s.Project, "without": ""} {
		credentials, err := basic.NewCredentialsBuilder().WithAk(s.AccessKey).WithSk(s.SecretKey).WithProjectId(project).SafeBuild()
		ok(t, err)
		hc, err := swr.SwrClientBuilder().WithEndpoints([]string{s.URL}).WithCredential(credentials).SafeBuild()
		ok(t, err)
		c := swr.NewSwrClient(hc)
		repos, err := c.ListReposDetails(&model.ListReposDetailsRequest{})
		ok(t, err)
		want(t, "repositories, "+name, *repos.ContentRange, "0-1/1")
		_, err = c.ListQuotas(&model.ListQuotasRequest{})
		if err != nil {
			t.Errorf("quotas, %s: %v", name, err)
		}
		_, err = c.ShowShareFeatureGates(&model.ShowShareFeatureGatesRequest{})
		if err != nil {
			t.Errorf("feature gates, %s: %v", name, err)
		}
	}
}
