package clients

import (
	"net/http"
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/modelarts/v1/model"

	"easel/e2e/server"
)

func TestCloudImages(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	img := newImage(t, 2)
	push(t, s, "lab:1", img)
	path := s.Host + "/" + org + "/lab:1"

	registered, err := c.images.RegisterImage(&model.RegisterImageRequest{Body: &model.ImageRegRequest{
		SwrPath:     path,
		Description: ptr("torch for the lab"),
		Arch:        ptr(model.GetImageRegRequestArchEnum().X86_64),
	}})
	ok(t, err)
	id := *registered.Id
	want(t, "swr_path", *registered.SwrPath, path)
	want(t, "status", registered.Status.Value(), "ACTIVE")

	shown, err := c.images.ShowImage(&model.ShowImageRequest{Id: id})
	ok(t, err)
	want(t, "name", *shown.Name, "lab")
	want(t, "tag", *shown.Tag, "1")
	want(t, "namespace", *shown.Namespace, org)
	want(t, "description", *shown.Description, "torch for the lab")
	want(t, "size", *shown.Size, contentSize(t, img))

	listed, err := c.images.ListImage(&model.ListImageRequest{Type: ptr(model.GetListImageRequestTypeEnum().DEDICATED)})
	ok(t, err)
	want(t, "total", *listed.Total, 1)
	want(t, "listed", *(*listed.Data)[0].Id, id)

	groups, err := c.images.ListImageGroup(&model.ListImageGroupRequest{})
	ok(t, err)
	want(t, "groups", len(*groups.Data), 1)
	want(t, "versions", *(*groups.Data)[0].VersionCount, 1)

	synced, err := c.images.SyncImage(&model.SyncImageRequest{ImageId: id})
	ok(t, err)
	want(t, "status after sync", synced.Status.Value(), "ACTIVE")

	deleted, err := c.images.DeleteImage(&model.DeleteImageRequest{Id: id, Body: &model.DeleteImageRequestBody{IsForce: ptr(true)}})
	ok(t, err)
	want(t, "status after deletion", deleted.Status.Value(), "DELETED")
	want(t, "receipt", c.receipt(t), server.Receipt{Freed: contentSize(t, img)})
	wantStored(t, s, 0, "after the deletion")
	_, err = c.images.ShowImage(&model.ShowImageRequest{Id: id})
	wantRefused(t, err, http.StatusNotFound, "ModelArts.6404")
	_, err = c.images.RegisterImage(&model.RegisterImageRequest{Body: &model.ImageRegRequest{SwrPath: path}})
	wantRefused(t, err, http.StatusBadRequest, "ModelArts.6797")
	s.Check(t)
}

// Without force the record goes and the content stays.
func TestCloudImagesKeepContent(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	img := newImage(t, 1)
	ref := push(t, s, "lab:1", img)
	id := s.Register(t, s.Host+"/"+org+"/lab:1")
	_, err := c.images.DeleteImage(&model.DeleteImageRequest{Id: id})
	ok(t, err)
	want(t, "receipt", c.receipt(t), server.Receipt{})
	wantSame(t, s, ref, img)
	deleteForced(t, s, "lab:1")
}

// All versions of a group go with their content, or none does.
func TestCloudImageGroup(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	one, two := newImage(t, 1), newImage(t, 2)
	s.Register(t, s.Host+"/"+push(t, s, "lab:1", one).Context().RepositoryStr()+":1")
	s.Register(t, s.Host+"/"+push(t, s, "lab:2", two).Context().RepositoryStr()+":2")
	groups, err := c.images.ListImageGroup(&model.ListImageGroupRequest{})
	ok(t, err)
	group := (*groups.Data)[0]
	want(t, "versions", *group.VersionCount, 2)

	_, err = c.images.UpdateImageGroup(&model.UpdateImageGroupRequest{Id: *group.Id, Body: &model.UpdateImageGroupRequestBody{
		ReadMe: ptr("Start with conda activate lab."),
	}})
	ok(t, err)
	_, err = c.images.DeleteImageGroup(&model.DeleteImageGroupRequest{Id: *group.Id, Body: &model.DeleteImageGroupRequestBody{IsForce: ptr(true)}})
	ok(t, err)
	want(t, "receipt", c.receipt(t), server.Receipt{Freed: contentSize(t, one) + contentSize(t, two)})
	wantStored(t, s, 0, "after the group went")
	if _, err := remote.Head(reference(t, s, "lab:2"), login(s)); !isStatus(err, http.StatusNotFound) {
		t.Errorf("HEAD after the deletion: %v, want 404", err)
	}
	s.Check(t)
}

func ptr[T any](v T) *T { return &v }

// want compares one value of an answer.
func want[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}
