package clients

import (
	"errors"
	"net/http"
	"sync"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/global"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/httphandler"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/sdkerr"
	iam "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3"
	modelarts "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/modelarts/v1"
	swr "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2"

	"easel/e2e/server"
)

// cloud is the vendor's SDK, pointed at a server. Its clients look up project
// and domain on their own.
type cloud struct {
	images *modelarts.ModelArtsClient
	repos  *swr.SwrClient
	iam    *iam.IamClient

	mu   sync.Mutex // guards what follows
	last http.Header
}

func newCloud(t *testing.T, s *server.Server) *cloud {
	t.Helper()
	c := &cloud{}
	here := region.NewRegion(server.Region, s.URL)
	conf := func() *config.HttpConfig {
		return config.DefaultHttpConfig().WithHttpHandler(httphandler.NewHttpHandler().AddResponseHandler(c.remember))
	}
	project, err := basic.NewCredentialsBuilder().WithAk(s.AccessKey).WithSk(s.SecretKey).
		WithIamEndpointOverride(s.URL).SafeBuild()
	ok(t, err)
	domain, err := global.NewCredentialsBuilder().WithAk(s.AccessKey).WithSk(s.SecretKey).
		WithIamEndpointOverride(s.URL).SafeBuild()
	ok(t, err)

	images, err := modelarts.ModelArtsClientBuilder().WithRegion(here).WithCredential(auth.ICredential(project)).WithHttpConfig(conf()).SafeBuild()
	ok(t, err)
	repos, err := swr.SwrClientBuilder().WithRegion(here).WithCredential(auth.ICredential(project)).WithHttpConfig(conf()).SafeBuild()
	ok(t, err)
	identity, err := iam.IamClientBuilder().WithRegion(here).WithCredential(auth.ICredential(domain)).WithHttpConfig(conf()).SafeBuild()
	ok(t, err)
	c.images, c.repos, c.iam = modelarts.NewModelArtsClient(images), swr.NewSwrClient(repos), iam.NewIamClient(identity)
	return c
}

// remember keeps the headers of an answer, which the SDK does not hand out.
func (c *cloud) remember(r http.Response) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last = r.Header
}

// receipt returns what the last answer says about bytes.
func (c *cloud) receipt(t *testing.T) server.Receipt {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	return server.ReceiptOf(t, c.last)
}

// ok ends the test when a call failed.
func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantStatus fails the test unless err is an answer with this status.
func wantStatus(t *testing.T, err error, status int) {
	t.Helper()
	var refused *sdkerr.ServiceResponseError
	if !errors.As(err, &refused) || refused.StatusCode != status {
		t.Errorf("error %v, want an answer %d", err, status)
	}
}

// wantRefused fails the test unless err is an answer of the server with this
// status and code.
func wantRefused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var refused *sdkerr.ServiceResponseError
	if !errors.As(err, &refused) {
		t.Errorf("error %v, want an answer %d %s", err, status, code)
		return
	}
	if refused.StatusCode != status || refused.ErrorCode != code {
		t.Errorf("answer %d %s %q, want %d %s", refused.StatusCode, refused.ErrorCode, refused.ErrorMessage, status, code)
	}
	if refused.RequestId == "" {
		t.Error("the answer has no request id")
	}
}
