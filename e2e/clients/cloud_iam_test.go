package clients

import (
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"

	"easel/e2e/server"
)

func TestCloudIAM(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	projects, err := c.iam.KeystoneListProjects(&model.KeystoneListProjectsRequest{Name: ptr(server.Region)})
	ok(t, err)
	want(t, "projects of the region", len(*projects.Projects), 1)
	want(t, "project id", (*projects.Projects)[0].Id, s.Project)
	mine, err := c.iam.KeystoneListAuthProjects(&model.KeystoneListAuthProjectsRequest{})
	ok(t, err)
	want(t, "projects", len(*mine.Projects), 1)
	domains, err := c.iam.KeystoneListAuthDomains(&model.KeystoneListAuthDomainsRequest{})
	ok(t, err)
	want(t, "domains", len(*domains.Domains), 1)
	want(t, "domain", (*domains.Domains)[0].Name, "easel")
}
