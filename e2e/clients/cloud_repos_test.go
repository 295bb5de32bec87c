package clients

import (
	"net/http"
	"testing"

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
