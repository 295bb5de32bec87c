package clients

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/swr/v2/model"
)

func TestCloudRepositories(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	_, err := c.repos.CreateNamespace(&model.CreateNamespaceRequest{Body: &model.CreateNamespaceRequestBody{Namespace: "audio"}})
	ok(t, err)
	_, err = c.repos.CreateNamespace(&model.CreateNamespaceRequest{Body: &model.CreateNamespaceRequestBody{Namespace: "audio"}})
	wantRefused(t, err, http.StatusConflict, "SVCSTG.SWR.4090060")
	orgs, err := c.repos.ListNamespaces(&model.ListNamespacesRequest{})
	ok(t, err)
	want(t, "organisations", len(*orgs.Namespaces), 2)

	_, err = c.repos.CreateRepo(&model.CreateRepoRequest{Namespace: org, Body: &model.CreateRepoRequestBody{
		Repository: "lab", Category: ptr(model.GetCreateRepoRequestBodyCategoryEnum().LINUX),
	}})
	ok(t, err)
	img := newImage(t, 2)
	push(t, s, "lab:1", img)
	repo, err := c.repos.ShowRepository(&model.ShowRepositoryRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "tags", *repo.NumImages, 1)
	want(t, "path", *repo.Path, s.Host+"/"+org+"/lab")
	repos, err := c.repos.ListReposDetails(&model.ListReposDetailsRequest{Namespace: ptr(org)})
	ok(t, err)
	want(t, "repositories", len(*repos.Body), 1)

	tags, err := c.repos.ListRepositoryTags(&model.ListRepositoryTagsRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "number of tags", len(*tags.Body), 1)
	tag := (*tags.Body)[0]
	want(t, "tag", tag.Tag, "1")
	want(t, "digest", tag.Digest, digestOf(t, img))
	want(t, "size", tag.Size, contentSize(t, img))

	_, err = c.repos.DeleteNamespaces(&model.DeleteNamespacesRequest{Namespace: org})
	wantRefused(t, err, http.StatusNotAcceptable, "SVCSTG.SWR.4060074")
	_, err = c.repos.DeleteRepoTag(&model.DeleteRepoTagRequest{Namespace: org, Repository: "lab", Tag: "1"})
	ok(t, err)
	want(t, "freed", c.receipt(t).Freed, contentSize(t, img))
	wantStored(t, s, 0, "after the tag went")

	push(t, s, "lab:2", img)
	_, err = c.repos.DeleteRepo(&model.DeleteRepoRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "freed", c.receipt(t).Freed, contentSize(t, img))
	wantStored(t, s, 0, "after the repository went")
	_, err = c.repos.ShowRepository(&model.ShowRepositoryRequest{Namespace: org, Repository: "lab"})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4040113")
	_, err = c.repos.DeleteNamespaces(&model.DeleteNamespacesRequest{Namespace: org})
	ok(t, err)
	s.Check(t)
}

// The login command that the API hands out is good for the registry.
func TestCloudDockerLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	img := newImage(t, 1)
	ref := push(t, s, "lab:1", img)
	secret, err := c.repos.CreateSecret(&model.CreateSecretRequest{})
	ok(t, err)
	who, host := badgeIn(t, *secret.XSwrDockerlogin)
	want(t, "registry", host, s.Host)
	if access, ok := strings.CutPrefix(who.user, "eu-de@"); !ok || access == s.AccessKey {
		t.Errorf("the login command is for %s", who.user)
	}
	if len(secret.Auths) != 1 || secret.Auths[s.Host].Auth == "" {
		t.Errorf("%d registries to log in to, want %s", len(secret.Auths), s.Host)
	}
	ends, err := time.Parse(time.RFC3339, *secret.XSwrExpireat)
	ok(t, err)
	if left := time.Until(ends); left < 5*time.Hour || left > 6*time.Hour {
		t.Errorf("the login ends in %v, want 6 h", left)
	}
	got, err := remote.Image(ref, remote.WithAuth(&authn.Basic{Username: who.user, Password: who.password}))
	ok(t, err)
	want(t, "digest", digestOf(t, got), digestOf(t, img))
}

// Permissions on an organisation and on a repository: given, changed, shown and
// taken, and refused for nobody.
func TestCloudPermissions(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	push(t, s, "lab:1", newImage(t, 1))
	onOrg, err := c.repos.ShowNamespaceAuth(&model.ShowNamespaceAuthRequest{Namespace: org})
	ok(t, err)
	want(t, "organisation", *onOrg.Name, org)
	want(t, "own level on the organisation", onOrg.SelfAuth.Auth, model.GetUserAuthAuthEnum().E_7)
	onRepo, err := c.repos.ShowUserRepositoryAuth(&model.ShowUserRepositoryAuthRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "own level on the repository", onRepo.SelfAuth.Auth, model.GetUserAuthAuthEnum().E_7)
	want(t, "others on the repository", len(*onRepo.OthersAuths), 0)

	nobody := []model.UserAuth{{UserId: "0123456789abcdef0123456789abcdef", UserName: "nobody", Auth: model.GetUserAuthAuthEnum().E_1}}
	_, err = c.repos.CreateNamespaceAuth(&model.CreateNamespaceAuthRequest{Namespace: org, Body: &nobody})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4001067")
	_, err = c.repos.UpdateNamespaceAuth(&model.UpdateNamespaceAuthRequest{Namespace: org, Body: &nobody})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4040078")
	_, err = c.repos.DeleteNamespaceAuth(&model.DeleteNamespaceAuthRequest{Namespace: org, Body: &[]string{nobody[0].UserId}})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4040078")
	_, err = c.repos.CreateUserRepositoryAuth(&model.CreateUserRepositoryAuthRequest{Namespace: org, Repository: "lab", Body: &nobody})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4001067")
	_, err = c.repos.UpdateUserRepositoryAuth(&model.UpdateUserRepositoryAuthRequest{Namespace: org, Repository: "lab", Body: &nobody})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4040091")
	_, err = c.repos.DeleteUserRepositoryAuth(&model.DeleteUserRepositoryAuthRequest{Namespace: org, Repository: "lab", Body: &[]string{nobody[0].UserId}})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4040091")

	eva := s.NewUser(t, "eva")
	level := func(auth model.UserAuthAuth) *[]model.UserAuth {
		return &[]model.UserAuth{{UserId: eva.UserID, UserName: "eva", Auth: auth}}
	}
	levels := model.GetUserAuthAuthEnum()
	_, err = c.repos.CreateNamespaceAuth(&model.CreateNamespaceAuthRequest{Namespace: org, Body: level(levels.E_1)})
	ok(t, err)
	_, err = c.repos.UpdateNamespaceAuth(&model.UpdateNamespaceAuthRequest{Namespace: org, Body: level(levels.E_3)})
	ok(t, err)
	_, err = c.repos.CreateUserRepositoryAuth(&model.CreateUserRepositoryAuthRequest{Namespace: org, Repository: "lab", Body: level(levels.E_3)})
	ok(t, err)
	_, err = c.repos.UpdateUserRepositoryAuth(&model.UpdateUserRepositoryAuthRequest{Namespace: org, Repository: "lab", Body: level(levels.E_7)})
	ok(t, err)
	hers := newCloud(t, eva)
	onOrg, err = hers.repos.ShowNamespaceAuth(&model.ShowNamespaceAuthRequest{Namespace: org})
	ok(t, err)
	want(t, "her level on the organisation", onOrg.SelfAuth.Auth, levels.E_3)
	onRepo, err = hers.repos.ShowUserRepositoryAuth(&model.ShowUserRepositoryAuthRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "her level on the repository", onRepo.SelfAuth.Auth, levels.E_7)
	_, err = c.repos.DeleteUserRepositoryAuth(&model.DeleteUserRepositoryAuthRequest{Namespace: org, Repository: "lab", Body: &[]string{eva.UserID}})
	ok(t, err)
	_, err = c.repos.DeleteNamespaceAuth(&model.DeleteNamespaceAuthRequest{Namespace: org, Body: &[]string{eva.UserID}})
	ok(t, err)
	_, err = hers.repos.ShowRepository(&model.ShowRepositoryRequest{Namespace: org, Repository: "lab"})
	wantRefused(t, err, http.StatusNotFound, "SVCSTG.SWR.4040113")
}

// Shares with nobody are refused, and one with another account comes and goes.
func TestCloudShares(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	push(t, s, "lab:1", newImage(t, 1))
	_, err := c.repos.CreateRepoDomains(&model.CreateRepoDomainsRequest{Namespace: org, Repository: "lab",
		Body: &model.CreateRepoDomainsRequestBody{AccessDomain: "nobody", Permit: "read", Deadline: "forever"}})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4001041")
	all, err := c.repos.ListRepoDomains(&model.ListRepoDomainsRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "shares", len(*all.Body), 0)
	one, err := c.repos.ShowAccessDomain(&model.ShowAccessDomainRequest{Namespace: org, Repository: "lab", AccessDomain: "nobody"})
	ok(t, err)
	want(t, "a share with nobody", *one.Exist, false)
	_, err = c.repos.UpdateRepoDomains(&model.UpdateRepoDomainsRequest{Namespace: org, Repository: "lab", AccessDomain: "nobody",
		Body: &model.UpdateRepoDomainsRequestBody{Permit: "read", Deadline: "forever"}})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4001090")
	_, err = c.repos.DeleteRepoDomains(&model.DeleteRepoDomainsRequest{Namespace: org, Repository: "lab", AccessDomain: "nobody"})
	wantRefused(t, err, http.StatusBadRequest, "SVCSTG.SWR.4001090")
	for _, center := range []string{"self", "thirdparty"} {
		shared, err := c.repos.ListSharedReposDetails(&model.ListSharedReposDetailsRequest{Center: center, Filter: ptr("center::" + center + "|limit::5|offset::0")})
		ok(t, err)
		want(t, "shared repositories, "+center, *shared.ContentRange, "0-0/0")
	}

	partner := newCloud(t, s.NewDomain(t, "partner"))
	_, err = c.repos.CreateRepoDomains(&model.CreateRepoDomainsRequest{Namespace: org, Repository: "lab",
		Body: &model.CreateRepoDomainsRequestBody{AccessDomain: "partner", Permit: "read", Deadline: "2099-01-01T00:00:00Z", Description: ptr("for the trial")}})
	ok(t, err)
	all, err = c.repos.ListRepoDomains(&model.ListRepoDomainsRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	want(t, "account", (*all.Body)[0].AccessDomain, "partner")
	want(t, "valid", (*all.Body)[0].Status, true)
	_, err = partner.repos.ShowRepository(&model.ShowRepositoryRequest{Namespace: org, Repository: "lab"})
	ok(t, err)
	_, err = c.repos.DeleteRepoDomains(&model.DeleteRepoDomainsRequest{Namespace: org, Repository: "lab", AccessDomain: "partner"})
	ok(t, err)
	_, err = partner.repos.ShowRepository(&model.ShowRepositoryRequest{Namespace: org, Repository: "lab"})
	wantRefused(t, err, http.StatusForbidden, "SVCSTG.SWR.4039001")
}

func TestCloudQuotas(t *testing.T) {
	t.Parallel()
	c := newCloud(t, start(t))
	quotas, err := c.repos.ListQuotas(&model.ListQuotasRequest{})
	ok(t, err)
	want(t, "quotas", len(*quotas.Quotas), 1)
	want(t, "organisations", (*quotas.Quotas)[0].Used, 1)
	gates, err := c.repos.ShowShareFeatureGates(&model.ShowShareFeatureGatesRequest{})
	ok(t, err)
	want(t, "image synchronisation", *gates.EnableImageSync, false)
}
