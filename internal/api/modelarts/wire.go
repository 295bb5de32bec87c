package modelarts

import (
	"net/http"

	"easel"
	"easel/internal/api"
)

// image is the Image object of images.md 2.1.
type image struct {
	Arch               string              `json:"arch"`
	CreateAt           int64               `json:"create_at"`
	Description        string              `json:"description"`
	DevServices        []string            `json:"dev_services"`
	FlavorType         string              `json:"flavor_type,omitempty"`
	ID                 string              `json:"id"`
	Name               string              `json:"name"`
	Namespace          string              `json:"namespace"`
	Origin             string              `json:"origin,omitempty"`
	ResourceCategories []string            `json:"resource_categories,omitempty"`
	ServiceType        string              `json:"service_type"`
	ShowName           string              `json:"show_name,omitempty"`
	ShowTag            string              `json:"show_tag,omitempty"`
	Size               *int64              `json:"size,omitempty"`
	Status             easel.ImageStatus   `json:"status"`
	StatusMessage      *string             `json:"status_message,omitempty"`
	SWRInstance        string              `json:"swr_instance_id,omitempty"`
	SWRPath            string              `json:"swr_path"`
	Tag                string              `json:"tag"`
	Tags               []easel.ResourceTag `json:"tags"`
	Type               string              `json:"type"`
	UpdateAt           int64               `json:"update_at"`
	Visibility         string              `json:"visibility,omitempty"`
	WorkspaceID        string              `json:"workspace_id"`
}

// wireImage applies the rules of presence. The size is there as soon as it is
// known; a status message only for images that were saved from a notebook.
func wireImage(i easel.Image) image {
	w := image{
		Arch: i.Arch, CreateAt: i.Created.UnixMilli(), Description: i.Description, DevServices: list(i.Services),
		FlavorType: i.FlavorType, ID: i.ID, Name: i.Name, Namespace: string(i.Repo.Org()), ResourceCategories: i.ResourceCategories,
		ServiceType: i.ServiceType, Status: i.Status, SWRInstance: i.SWRInstance, SWRPath: i.Path, Tag: string(i.Tag), Tags: list(i.Tags),
		Type: i.Type, UpdateAt: i.Updated.UnixMilli(), Visibility: i.Visibility, WorkspaceID: i.Workspace,
	}
	if i.Size > 0 || (i.Type == easel.Dedicated && i.Status == easel.ImageActive) {
		w.Size = &i.Size
	}
	if i.Type == easel.BuildIn {
		w.ShowName, w.ShowTag = i.ShowName, i.ShowTag
		return w
	}
	w.Origin = i.Origin
	if i.Origin == easel.OriginImageSave {
		w.StatusMessage = &i.StatusMessage
	}
	return w
}

// group is the ImageGroup object of images.md 2.2.
type group struct {
	Name         string  `json:"name"`
	Namespace    string  `json:"namespace"`
	CreateAt     int64   `json:"create_at"`
	UpdateAt     int64   `json:"update_at"`
	VersionCount int     `json:"version_count"`
	Description  string  `json:"description"`
	ReadMe       *string `json:"read_me,omitempty"`
	ID           string  `json:"id"`
}

func wireGroup(g easel.ImageGroup) group {
	w := group{
		Name: g.Name, Namespace: string(g.Org), CreateAt: g.Created.UnixMilli(), UpdateAt: g.Updated.UnixMilli(),
		VersionCount: g.Versions, ID: g.ID,
	}
	if g.HasReadMe {
		w.ReadMe = &g.ReadMe
	}
	return w
}

// pageOf is a page of a list (images.md section 3).
type pageOf[T any] struct {
	Current int64 `json:"current"`
	Data    []T   `json:"data"`
	Pages   int64 `json:"pages"`
	Size    int64 `json:"size"`
	Total   int64 `json:"total"`
}

// paged makes the page that begins with the record at offset.
func paged[T any](data []T, total, limit, offset int64) pageOf[T] {
	pages := total / limit
	if total%limit > 0 {
		pages++
	}
	return pageOf[T]{Current: offset / limit, Data: data, Pages: pages, Size: limit, Total: total}
}

func list[T any](v []T) []T {
	if v == nil {
		return []T{}
	}
	return v
}

func ok(w http.ResponseWriter, v any) error { return api.WriteJSON(w, http.StatusOK, v) }
