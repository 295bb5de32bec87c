package clients

import (
	"net/http"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/iam/v3/model"
	swrmodel "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"
)

// domainOf returns the id of the domain of the SDK's user.
func domainOf(t *testing.T, c *cloud) string {
	t.Helper()
	domains, err := c.iam.KeystoneListAuthDomains(&model.KeystoneListAuthDomainsRequest{})
	ok(t, err)
	return (*domains.Domains)[0].Id
}

// TestCloudUsers makes users both ways, changes and removes them.
func TestCloudUsers(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	domain := domainOf(t, c)
	made, err := c.iam.CreateUser(&model.CreateUserRequest{Body: &model.CreateUserRequestBody{
		User: &model.CreateUserOption{Name: "eva", DomainId: domain, Password: ptr("correct horse"), Description: ptr("vision")}}})
	ok(t, err)
	eva := made.User.Id
	_, err = c.iam.CreateUser(&model.CreateUserRequest{Body: &model.CreateUserRequestBody{User: &model.CreateUserOption{Name: "eva", DomainId: domain}}})
	wantRefused(t, err, http.StatusConflict, "IAM.0005")
	found, err := c.iam.KeystoneListUsers(&model.KeystoneListUsersRequest{Name: ptr("eva")})
	ok(t, err)
	want(t, "users of that name", len(*found.Users), 1)
	shown, err := c.iam.ShowUser(&model.ShowUserRequest{UserId: eva})
	ok(t, err)
	want(t, "name", shown.User.Name, "eva")
	_, err = c.iam.UpdateUser(&model.UpdateUserRequest{UserId: eva, Body: &model.UpdateUserRequestBody{User: &model.UpdateUserOption{Description: ptr("speech")}}})
	ok(t, err)
	plain, err := c.iam.KeystoneShowUser(&model.KeystoneShowUserRequest{UserId: eva})
	ok(t, err)
	want(t, "description", *plain.User.Description, "speech")
	_, err = c.iam.KeystoneUpdateUserByAdmin(&model.KeystoneUpdateUserByAdminRequest{UserId: eva, Body: &model.KeystoneUpdateUserByAdminRequestBody{
		User: &model.KeystoneUpdateUserOption{Name: ptr("eve")}}})
	ok(t, err)
	projects, err := c.iam.KeystoneListProjectsForUser(&model.KeystoneListProjectsForUserRequest{UserId: eva})
	ok(t, err)
	want(t, "projects", len(*projects.Projects), 1)

	sam := s.NewUser(t, "sam")
	own := newCloud(t, sam)
	change := func(old, password string) error {
		_, err := own.iam.KeystoneUpdateUserPassword(&model.KeystoneUpdateUserPasswordRequest{UserId: sam.UserID, Body: &model.KeystoneUpdateUserPasswordRequestBody{
			User: &model.KeystoneUpdatePasswordOption{OriginalPassword: old, Password: password}}})
		return err
	}
	wantRefused(t, change("not this one", "battery staple"), http.StatusUnauthorized, "IAM.0062")
	ok(t, change(sam.Password, "battery staple"))
	sam.Password = "battery staple"
	sam.Token(t)

	_, err = c.iam.KeystoneDeleteUser(&model.KeystoneDeleteUserRequest{UserId: eva})
	ok(t, err)
	_, err = c.iam.ShowUser(&model.ShowUserRequest{UserId: eva})
	wantRefused(t, err, http.StatusNotFound, "IAM.0004")
}

// TestCloudGroups keeps groups, and tells who is in them.
func TestCloudGroups(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	eva := s.NewUser(t, "eva")
	made, err := c.iam.KeystoneCreateGroup(&model.KeystoneCreateGroupRequest{Body: &model.KeystoneCreateGroupRequestBody{Group: &model.KeystoneCreateGroupOption{Name: "vision"}}})
	ok(t, err)
	group := made.Group.Id
	isIn := func() error {
		_, err := c.iam.KeystoneCheckUserInGroup(&model.KeystoneCheckUserInGroupRequest{GroupId: group, UserId: eva.UserID})
		return err
	}
	wantStatus(t, isIn(), http.StatusNotFound) // HEAD: there is no body with a code
	_, err = c.iam.KeystoneAddUserToGroup(&model.KeystoneAddUserToGroupRequest{GroupId: group, UserId: eva.UserID})
	ok(t, err)
	ok(t, isIn())
	mine, err := newCloud(t, eva).iam.KeystoneListGroupsForUser(&model.KeystoneListGroupsForUserRequest{UserId: eva.UserID})
	ok(t, err)
	want(t, "groups of the user", len(*mine.Groups), 1)
	_, err = c.iam.KeystoneUpdateGroup(&model.KeystoneUpdateGroupRequest{GroupId: group, Body: &model.KeystoneUpdateGroupRequestBody{Group: &model.KeystoneUpdateGroupOption{Name: ptr("sight")}}})
	ok(t, err)
	all, err := c.iam.KeystoneListGroups(&model.KeystoneListGroupsRequest{Name: ptr("sight")})
	ok(t, err)
	want(t, "groups of that name", len(*all.Groups), 1)
	shown, err := c.iam.KeystoneShowGroup(&model.KeystoneShowGroupRequest{GroupId: group})
	ok(t, err)
	want(t, "name", shown.Group.Name, "sight")
	_, err = c.iam.KeystoneRemoveUserFromGroup(&model.KeystoneRemoveUserFromGroupRequest{GroupId: group, UserId: eva.UserID})
	ok(t, err)
	wantStatus(t, isIn(), http.StatusNotFound)
}

// TestCloudProjects makes a project and changes it.
func TestCloudProjects(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	made, err := c.iam.KeystoneCreateProject(&model.KeystoneCreateProjectRequest{Body: &model.KeystoneCreateProjectRequestBody{
		Project: &model.KeystoneCreateProjectOption{Name: "eu-de_lab", ParentId: s.Project}}})
	ok(t, err)
	_, err = c.iam.KeystoneUpdateProject(&model.KeystoneUpdateProjectRequest{ProjectId: made.Project.Id, Body: &model.KeystoneUpdateProjectRequestBody{
		Project: &model.KeystoneUpdateProjectOption{Description: ptr("trials")}}})
	ok(t, err)
	shown, err := c.iam.KeystoneShowProject(&model.KeystoneShowProjectRequest{ProjectId: made.Project.Id})
	ok(t, err)
	want(t, "name", shown.Project.Name, "eu-de_lab")
	want(t, "description", shown.Project.Description, "trials")
}

// TestCloudPolicies writes a policy, grants it everywhere a policy can be
// granted, and takes it back.
func TestCloudPolicies(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	domain := domainOf(t, c)
	role := func(action string) *model.ServicePolicyRoleOption {
		return &model.ServicePolicyRoleOption{DisplayName: "look", Type: "XA", Description: "d", Policy: &model.ServicePolicy{Version: "1.1",
			Statement: []model.ServiceStatement{{Action: []string{action}, Effect: model.GetServiceStatementEffectEnum().ALLOW}}}}
	}
	made, err := c.iam.CreateCloudServiceCustomPolicy(&model.CreateCloudServiceCustomPolicyRequest{Body: &model.CreateCloudServiceCustomPolicyRequestBody{Role: role("swr:repo:get*")}})
	ok(t, err)
	policy := made.Role.Id
	_, err = c.iam.UpdateCloudServiceCustomPolicy(&model.UpdateCloudServiceCustomPolicyRequest{RoleId: policy,
		Body: &model.UpdateCloudServiceCustomPolicyRequestBody{Role: role("nonsense")}})
	wantRefused(t, err, http.StatusBadRequest, "IAM.0011")
	_, err = c.iam.UpdateCloudServiceCustomPolicy(&model.UpdateCloudServiceCustomPolicyRequest{RoleId: policy,
		Body: &model.UpdateCloudServiceCustomPolicyRequestBody{Role: role("swr:repo:list*")}})
	ok(t, err)
	shown, err := c.iam.ShowCustomPolicy(&model.ShowCustomPolicyRequest{RoleId: policy})
	ok(t, err)
	want(t, "name", shown.Role.DisplayName, "look")
	own, err := c.iam.ListCustomPolicies(&model.ListCustomPoliciesRequest{Page: ptr(int32(1)), PerPage: ptr(int32(10))})
	ok(t, err)
	want(t, "policies", *own.TotalNumber, 1)
	ready, err := c.iam.KeystoneListPermissions(&model.KeystoneListPermissionsRequest{DisplayName: ptr("SWR ReadOnlyAccess")})
	ok(t, err)
	want(t, "roles of that name", len(*ready.Roles), 1)
	_, err = c.iam.KeystoneShowPermission(&model.KeystoneShowPermissionRequest{RoleId: (*ready.Roles)[0].Id})
	ok(t, err)

	group, err := c.iam.KeystoneCreateGroup(&model.KeystoneCreateGroupRequest{Body: &model.KeystoneCreateGroupRequestBody{Group: &model.KeystoneCreateGroupOption{Name: "readers"}}})
	ok(t, err)
	id := group.Group.Id
	_, err = c.iam.KeystoneAssociateGroupWithProjectPermission(&model.KeystoneAssociateGroupWithProjectPermissionRequest{ProjectId: s.Project, GroupId: id, RoleId: policy})
	ok(t, err)
	_, err = c.iam.KeystoneCheckProjectPermissionForGroup(&model.KeystoneCheckProjectPermissionForGroupRequest{ProjectId: s.Project, GroupId: id, RoleId: policy})
	ok(t, err)
	inProject, err := c.iam.KeystoneListProjectPermissionsForGroup(&model.KeystoneListProjectPermissionsForGroupRequest{ProjectId: s.Project, GroupId: id})
	ok(t, err)
	want(t, "roles in the project", len(*inProject.Roles), 1)
	_, err = c.iam.UpdateDomainGroupInheritRole(&model.UpdateDomainGroupInheritRoleRequest{DomainId: domain, GroupId: id, RoleId: policy})
	ok(t, err)
	_, err = c.iam.KeystoneCheckroleForGroup(&model.KeystoneCheckroleForGroupRequest{DomainId: domain, GroupId: id, RoleId: policy})
	ok(t, err)
	inAll, err := c.iam.KeystoneListAllProjectPermissionsForGroup(&model.KeystoneListAllProjectPermissionsForGroupRequest{DomainId: domain, GroupId: id})
	ok(t, err)
	want(t, "roles in all projects", len(*inAll.Roles), 1)
	_, err = c.iam.KeystoneCheckDomainPermissionForGroup(&model.KeystoneCheckDomainPermissionForGroupRequest{DomainId: domain, GroupId: id, RoleId: policy})
	wantStatus(t, err, http.StatusNotFound)
	assigned, err := c.iam.ShowDomainRoleAssignments(&model.ShowDomainRoleAssignmentsRequest{DomainId: domain, RoleId: &policy})
	ok(t, err)
	want(t, "grants of the policy", *assigned.TotalNum, 2)
	_, err = c.iam.DeleteCustomPolicy(&model.DeleteCustomPolicyRequest{RoleId: policy})
	wantRefused(t, err, http.StatusConflict, "IAM.0005") // a group has it
	_, err = c.iam.KeystoneRemoveProjectPermissionFromGroup(&model.KeystoneRemoveProjectPermissionFromGroupRequest{ProjectId: s.Project, GroupId: id, RoleId: policy})
	ok(t, err)
	_, err = c.iam.DeleteDomainGroupInheritedRole(&model.DeleteDomainGroupInheritedRoleRequest{DomainId: domain, GroupId: id, RoleId: policy})
	ok(t, err)
	_, err = c.iam.DeleteCustomPolicy(&model.DeleteCustomPolicyRequest{RoleId: policy})
	ok(t, err)
}

// TestCloudKeys makes an access key, which signs at once and no longer when it
// is inactive (iam.md 11, item 5, first half).
func TestCloudKeys(t *testing.T) {
	t.Parallel()
	s := start(t)
	c, eva := newCloud(t, s), s.NewUser(t, "eva")
	made, err := c.iam.CreatePermanentAccessKey(&model.CreatePermanentAccessKeyRequest{Body: &model.CreatePermanentAccessKeyRequestBody{
		Credential: &model.CreateCredentialOption{UserId: eva.UserID, Description: ptr("laptop")}}})
	ok(t, err)
	access := made.Credential.Access
	signs := looks(t, s, access, made.Credential.Secret, "")
	_, err = signs.ListNamespaces(&swrmodel.ListNamespacesRequest{})
	ok(t, err)
	keys, err := c.iam.ListPermanentAccessKeys(&model.ListPermanentAccessKeysRequest{UserId: &eva.UserID})
	ok(t, err)
	want(t, "keys", len(*keys.Credentials), 2)
	shown, err := c.iam.ShowPermanentAccessKey(&model.ShowPermanentAccessKeyRequest{AccessKey: access})
	ok(t, err)
	want(t, "description", shown.Credential.Description, "laptop")
	off := model.GetUpdateCredentialOptionStatusEnum().INACTIVE
	_, err = c.iam.UpdatePermanentAccessKey(&model.UpdatePermanentAccessKeyRequest{AccessKey: access, Body: &model.UpdatePermanentAccessKeyRequestBody{
		Credential: &model.UpdateCredentialOption{Status: &off}}})
	ok(t, err)
	_, err = signs.ListNamespaces(&swrmodel.ListNamespacesRequest{})
	wantRefused(t, err, http.StatusUnauthorized, "SVCSTG.SWR.4010000")
	_, err = c.iam.DeletePermanentAccessKey(&model.DeletePermanentAccessKeyRequest{AccessKey: access})
	ok(t, err)
	_, err = c.iam.ShowPermanentAccessKey(&model.ShowPermanentAccessKeyRequest{AccessKey: access})
	wantRefused(t, err, http.StatusNotFound, "IAM.0004")
}

// TestCloudTokens logs in with the password and reads what a client that only
// has a token reads.
func TestCloudTokens(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	made, err := c.iam.KeystoneCreateUserTokenByPassword(&model.KeystoneCreateUserTokenByPasswordRequest{Body: &model.KeystoneCreateUserTokenByPasswordRequestBody{Auth: &model.PwdAuth{
		Identity: &model.PwdIdentity{Methods: []model.PwdIdentityMethods{model.GetPwdIdentityMethodsEnum().PASSWORD}, Password: &model.PwdPassword{
			User: &model.PwdPasswordUser{Name: s.User, Password: s.Password, Domain: &model.PwdPasswordUserDomain{Name: s.Domain}}}},
		Scope: &model.AuthScope{Project: &model.AuthScopeProject{Id: &s.Project}},
	}}})
	ok(t, err)
	want(t, "project of the token", made.Token.Project.Id, s.Project)
	valid, err := c.iam.KeystoneValidateToken(&model.KeystoneValidateTokenRequest{XSubjectToken: *made.XSubjectToken})
	ok(t, err)
	want(t, "user of the token", valid.Token.User.Name, "admin")
	catalogue, err := c.iam.KeystoneShowCatalog(&model.KeystoneShowCatalogRequest{})
	ok(t, err)
	services := map[string]bool{}
	for _, service := range *catalogue.Catalog {
		services[service.Type] = true
	}
	want(t, "identity in the catalogue", services["identity"], true)
	want(t, "SWR in the catalogue", services["swr"], true)
	version, err := c.iam.KeystoneShowVersion(&model.KeystoneShowVersionRequest{})
	ok(t, err)
	want(t, "version", version.Version.Status, "stable")
	versions, err := c.iam.KeystoneListVersions(&model.KeystoneListVersionsRequest{})
	ok(t, err)
	want(t, "versions", len(versions.Versions.Values), 1)
}
