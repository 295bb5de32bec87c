package clients

import (
	"net/http"
	"strings"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/config"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/httphandler"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/region"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"
	swr "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2"
	swrmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"

	"easel/e2e/server"
)

// TestCloudAccess makes a user, a group and a policy with the SDK, and lets
// the user look with a key of its own until the policy is revoked.
func TestCloudAccess(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	_, err := c.repos.CreateNamespace(&swrmodel.CreateNamespaceRequest{Body: &swrmodel.CreateNamespaceRequestBody{Namespace: "team"}})
	ok(t, err)
	user, err := c.iam.KeystoneCreateUser(&model.KeystoneCreateUserRequest{Body: &model.KeystoneCreateUserRequestBody{
		User: &model.KeystoneCreateUserOption{Name: "eva", Password: ptr("correct horse")}}})
	ok(t, err)
	group, err := c.iam.KeystoneCreateGroup(&model.KeystoneCreateGroupRequest{Body: &model.KeystoneCreateGroupRequestBody{
		Group: &model.KeystoneCreateGroupOption{Name: "readers"}}})
	ok(t, err)
	_, err = c.iam.KeystoneAddUserToGroup(&model.KeystoneAddUserToGroupRequest{GroupId: group.Group.Id, UserId: user.User.Id})
	ok(t, err)
	members, err := c.iam.KeystoneListUsersForGroupByAdmin(&model.KeystoneListUsersForGroupByAdminRequest{GroupId: group.Group.Id})
	ok(t, err)
	want(t, "members", len(*members.Users), 1)
	resources := []string{"swr:*:*:namespace:team"}
	policy, err := c.iam.CreateCloudServiceCustomPolicy(&model.CreateCloudServiceCustomPolicyRequest{Body: &model.CreateCloudServiceCustomPolicyRequestBody{
		Role: &model.ServicePolicyRoleOption{DisplayName: "look", Type: "AX", Description: "d", Policy: &model.ServicePolicy{Version: "1.1",
			Statement: []model.ServiceStatement{{Action: []string{"swr:namespace:get*"}, Effect: model.GetServiceStatementEffectEnum().ALLOW, Resource: &resources}}}}}})
	ok(t, err)
	domains, err := c.iam.KeystoneListAuthDomains(&model.KeystoneListAuthDomainsRequest{})
	ok(t, err)
	domain := (*domains.Domains)[0].Id
	_, err = c.iam.KeystoneAssociateGroupWithDomainPermission(&model.KeystoneAssociateGroupWithDomainPermissionRequest{DomainId: domain, GroupId: group.Group.Id, RoleId: policy.Role.Id})
	ok(t, err)
	granted, err := c.iam.KeystoneListDomainPermissionsForGroup(&model.KeystoneListDomainPermissionsForGroupRequest{DomainId: domain, GroupId: group.Group.Id})
	ok(t, err)
	want(t, "granted", (*granted.Roles)[0].Id, policy.Role.Id)
	key, err := c.iam.CreatePermanentAccessKey(&model.CreatePermanentAccessKeyRequest{Body: &model.CreatePermanentAccessKeyRequestBody{
		Credential: &model.CreateCredentialOption{UserId: user.User.Id}}})
	ok(t, err)
	eva := looks(t, s, key.Credential.Access, key.Credential.Secret, "")
	_, err = eva.ShowNamespace(&swrmodel.ShowNamespaceRequest{Namespace: "team"})
	ok(t, err)
	_, err = c.iam.KeystoneRemoveDomainPermissionFromGroup(&model.KeystoneRemoveDomainPermissionFromGroupRequest{DomainId: domain, GroupId: group.Group.Id, RoleId: policy.Role.Id})
	ok(t, err)
	_, err = eva.ShowNamespace(&swrmodel.ShowNamespaceRequest{Namespace: "team"})
	wantRefused(t, err, 403, "SVCSTG.SWR.4037017")
	_, err = c.iam.DeleteCustomPolicy(&model.DeleteCustomPolicyRequest{RoleId: policy.Role.Id})
	ok(t, err)
	_, err = c.iam.KeystoneDeleteGroup(&model.KeystoneDeleteGroupRequest{GroupId: group.Group.Id})
	ok(t, err)
	_, err = c.iam.KeystoneDeleteUser(&model.KeystoneDeleteUserRequest{UserId: user.User.Id})
	ok(t, err)
	_, err = eva.ShowNamespace(&swrmodel.ShowNamespaceRequest{Namespace: "team"})
	wantRefused(t, err, 401, "SVCSTG.SWR.4010000")
}

// TestCloudTemporaryKey signs with a temporary key and its security token.
func TestCloudTemporaryKey(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := s.Token(t)
	c := newCloud(t, s)
	made, err := c.iam.CreateTemporaryAccessKeyByToken(&model.CreateTemporaryAccessKeyByTokenRequest{Body: &model.CreateTemporaryAccessKeyByTokenRequestBody{
		Auth: &model.TokenAuth{Identity: &model.TokenAuthIdentity{Methods: []model.TokenAuthIdentityMethods{model.GetTokenAuthIdentityMethodsEnum().TOKEN}, Token: &model.IdentityToken{Id: ptr(token)}}}}})
	ok(t, err)
	k := made.Credential
	_, err = looks(t, s, k.Access, k.Secret, k.Securitytoken).ListNamespaces(&swrmodel.ListNamespacesRequest{})
	ok(t, err)
	_, err = looks(t, s, k.Access, k.Secret, "").ListNamespaces(&swrmodel.ListNamespacesRequest{})
	wantRefused(t, err, 401, "SVCSTG.SWR.4010000")
}

// looks returns a client that signs with these keys.
func looks(t *testing.T, s *server.Server, access, secret, token string) *swr.SwrClient {
	t.Helper()
	credentials, err := basic.NewCredentialsBuilder().WithAk(access).WithSk(secret).WithSecurityToken(token).WithProjectId(s.Project).SafeBuild()
	ok(t, err)
	hc, err := swr.SwrClientBuilder().WithRegion(region.NewRegion(server.Region, s.URL)).WithCredential(credentials).SafeBuild()
	ok(t, err)
	return swr.NewSwrClient(hc)
}

// TestCloudDerived signs with a key that is derived for the region and the
// service, as the SDK does where it is told to.
func TestCloudDerived(t *testing.T) {
	t.Parallel()
	s := start(t)
	list := func(secret string) error {
		credentials, err := basic.NewCredentialsBuilder().WithAk(s.AccessKey).WithSk(secret).WithProjectId(s.Project).
			WithDerivedPredicate(auth.DefaultDerivedPredicate).SafeBuild()
		ok(t, err)
		var signature string
		look := httphandler.NewHttpHandler().AddRequestHandler(func(r http.Request) { signature = r.Header.Get("Authorization") })
		hc, err := swr.SwrClientBuilder().WithRegion(region.NewRegion(server.Region, s.URL)).WithDerivedAuthServiceName("swr").WithCredential(credentials).
			WithHttpConfig(config.DefaultHttpConfig().WithHttpHandler(look)).SafeBuild()
		ok(t, err)
		_, err = swr.NewSwrClient(hc).ListReposDetails(&swrmodel.ListReposDetailsRequest{Filter: ptr("namespace::" + org + "|limit::5|offset::0")})
		if !strings.HasPrefix(signature, "V11-HMAC-SHA256 ") {
			t.Errorf("the SDK signs another way: %.20s", signature)
		}
		return err
	}
	ok(t, list(s.SecretKey))
	wantRefused(t, list(s.SecretKey+"x"), http.StatusUnauthorized, "SVCSTG.SWR.4010000")
}
