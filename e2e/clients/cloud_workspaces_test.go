package clients

import (
	"net/http"
	"testing"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/modelarts/v1/model"
)

// A workspace is made, filled, changed, emptied and deleted with the SDK.
func TestCloudWorkspaces(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	made, err := c.images.CreateWorkspace(&model.CreateWorkspaceRequest{Body: &model.CreateWorkspaceReq{
		Name:        "vision",
		Description: ptr("cameras"),
		AuthType:    ptr(model.GetCreateWorkspaceReqAuthTypeEnum().INTERNAL),
		Grants:      &[]model.CreateWorkspaceReqGrants{{UserName: ptr("admin")}},
	}})
	ok(t, err)
	id := *made.Id
	want(t, "length of the id", len(id), 32)
	want(t, "status", *made.Status, "NORMAL")
	want(t, "auth_type", *made.AuthType, "INTERNAL")
	want(t, "grants", len(*made.Grants), 1)
	want(t, "who is granted it", *(*made.Grants)[0].UserName, "admin")

	shown, err := c.images.ShowWorkspace(&model.ShowWorkspaceRequest{WorkspaceId: id})
	ok(t, err)
	want(t, "name", *shown.Name, "vision")
	want(t, "description", *shown.Description, "cameras")
	want(t, "owner", *shown.Owner, "admin")
	want(t, "create_time", *shown.CreateTime, *made.CreateTime)
	want(t, "kind of user", *(*shown.Grants)[0].UserType, "IAM")

	changed, err := c.images.UpdateWorkspace(&model.UpdateWorkspaceRequest{WorkspaceId: id, Body: &model.UpdateWorkspaceReq{
		Name: ptr("sight"), AuthType: ptr(model.GetUpdateWorkspaceReqAuthTypeEnum().PRIVATE), Grants: &[]model.ViewWorkspaceResponseGrants{},
	}})
	ok(t, err)
	want(t, "the id that was changed", *changed.WorkspaceId, id)

	listed, err := c.images.ListWorkspace(&model.ListWorkspaceRequest{
		SortBy: ptr(model.GetListWorkspaceRequestSortByEnum().NAME), Order: ptr(model.GetListWorkspaceRequestOrderEnum().ASC),
	})
	ok(t, err)
	want(t, "total_count", *listed.TotalCount, 2)
	want(t, "the first", *(*listed.Workspaces)[0].Id, "0")
	want(t, "the second", *(*listed.Workspaces)[1].Name, "sight")
	listed, err = c.images.ListWorkspace(&model.ListWorkspaceRequest{Name: ptr("igh"), FilterAccessible: ptr(true), Limit: ptr(int32(1))})
	ok(t, err)
	want(t, "count", *listed.Count, 1)
	want(t, "auth_type after the change", *(*listed.Workspaces)[0].AuthType, "PRIVATE")

	push(t, s, "lab:1", newImage(t, 1))
	registered, err := c.images.RegisterImage(&model.RegisterImageRequest{Body: &model.ImageRegRequest{SwrPath: s.Host + "/" + org + "/lab:1", WorkspaceId: &id}})
	ok(t, err)
	want(t, "workspace_id", *registered.WorkspaceId, id)
	for _, in := range []struct {
		workspace *string
		total     int64
	}{{nil, 0}, {&id, 1}} {
		found, err := c.images.ListImage(&model.ListImageRequest{Type: ptr(model.GetListImageRequestTypeEnum().DEDICATED), WorkspaceId: in.workspace})
		ok(t, err)
		want(t, "images", int64(*found.Total), in.total)
	}
	_, err = c.images.DeleteWorkspace(&model.DeleteWorkspaceRequest{WorkspaceId: id})
	wantRefused(t, err, http.StatusBadRequest, "ModelArts.6344")

	bounded, err := c.images.UpdateWorkspaceQuotas(&model.UpdateWorkspaceQuotasRequest{WorkspaceId: id, Body: &model.UpdateWorkspaceQuotasReq{
		Quotas: []model.UpdateWorkspaceQuotasReqQuotas{{Resource: "image", Quota: 1}},
	}})
	ok(t, err)
	want(t, "the quota that was set", *(*bounded.Quotas)[0].Quota, 1)
	quotas, err := c.images.ShowWorkspaceQuotas(&model.ShowWorkspaceQuotasRequest{WorkspaceId: id})
	ok(t, err)
	want(t, "resource", *(*quotas.Quotas)[0].Resource, "image")
	want(t, "used_quota", *(*quotas.Quotas)[0].UsedQuota, 1)
	push(t, s, "lab:2", newImage(t, 1))
	_, err = c.images.RegisterImage(&model.RegisterImageRequest{Body: &model.ImageRegRequest{SwrPath: s.Host + "/" + org + "/lab:2", WorkspaceId: &id}})
	wantRefused(t, err, http.StatusBadRequest, "ModelArts.0118")
	_, err = c.images.DeleteImage(&model.DeleteImageRequest{Id: *registered.Id, Body: &model.DeleteImageRequestBody{IsForce: ptr(true)}})
	ok(t, err)
	deleted, err := c.images.DeleteWorkspace(&model.DeleteWorkspaceRequest{WorkspaceId: id})
	ok(t, err)
	want(t, "the id that was deleted", *deleted.WorkspaceId, id)
	s.Check(t)
}

// What is refused is refused with the documented codes, and changes nothing.
func TestCloudWorkspacesRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	c := newCloud(t, s)
	create := func(name string) error {
		_, err := c.images.CreateWorkspace(&model.CreateWorkspaceRequest{Body: &model.CreateWorkspaceReq{Name: name}})
		return err
	}
	show := func(id string) error {
		_, err := c.images.ShowWorkspace(&model.ShowWorkspaceRequest{WorkspaceId: id})
		return err
	}
	remove := func(id string) error {
		_, err := c.images.DeleteWorkspace(&model.DeleteWorkspaceRequest{WorkspaceId: id})
		return err
	}
	list := func(workspace string) error {
		_, err := c.images.ListImage(&model.ListImageRequest{WorkspaceId: &workspace})
		return err
	}
	_, rename := c.images.UpdateWorkspace(&model.UpdateWorkspaceRequest{WorkspaceId: "0", Body: &model.UpdateWorkspaceReq{Name: ptr("renamed")}})
	ok(t, create("vision"))
	const unknown = "0123456789abcdefghijklmnopqrstuv"
	for _, refused := range []struct {
		what   string
		err    error
		status int
		code   string
	}{
		{"a name that is taken", create("vision"), 400, "ModelArts.0107"},
		{"the reserved name", create("default"), 400, "ModelArts.0107"},
		{"a short name", create("abc"), 400, "ModelArts.6336"},
		{"a space in the name", create("a name"), 400, "ModelArts.6334"},
		{"one that is not there", show(unknown), 400, "ModelArts.7005"},
		{"no id", show("vision"), 400, "ModelArts.0104"},
		{"deletion of one that is not there", remove(unknown), 400, "ModelArts.7005"},
		{"deletion of the default one", remove("0"), 403, "ModelArts.0108"},
		{"change of the default one", rename, 403, "ModelArts.0108"},
		{"images of one that is not there", list(unknown), 400, "ModelArts.0102"},
		{"images of what is no id", list("vision"), 400, "ModelArts.0104"},
	} {
		t.Log(refused.what)
		wantRefused(t, refused.err, refused.status, refused.code)
	}
	ok(t, show("0"))
	listed, err := c.images.ListWorkspace(&model.ListWorkspaceRequest{})
	ok(t, err)
	want(t, "workspaces", *listed.TotalCount, 2)
}
