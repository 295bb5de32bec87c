package catalog

import (
	"encoding/json"
	"fmt"

	"easel"
)

// imageColumns are what scanImage reads, to be selected FROM image.
const imageColumns = `image.id, image.project, image.workspace, image.type, image.path, image.repo, image.name, image.tag, image.arch,
	image.description, image.services, image.origin, image.categories, image.service_type, image.size, image.status, image.status_message,
	image.visibility, image.flavor_type, image.swr_instance, image.show_name, image.show_tag, image.created, image.updated,
	COALESCE((SELECT image_group.tags FROM image_group WHERE image_group.id = image.grp), '[]')`

func scanImage(s scanner) (easel.Image, error) {
	var (
		i                          easel.Image
		services, categories, tags string
		created, updated           int64
	)
	err := s.Scan(&i.ID, &i.Project, &i.Workspace, &i.Type, &i.Path, &i.Repo, &i.Name, &i.Tag, &i.Arch,
		&i.Description, &services, &i.Origin, &categories, &i.ServiceType, &i.Size, &i.Status, &i.StatusMessage,
		&i.Visibility, &i.FlavorType, &i.SWRInstance, &i.ShowName, &i.ShowTag, &created, &updated, &tags)
	if err != nil {
		return i, err
	}
	i.Created, i.Updated = fromMicros(created), fromMicros(updated)
	for _, l := range []struct {
		text string
		into any
	}{{services, &i.Services}, {categories, &i.ResourceCategories}, {tags, &i.Tags}} {
		if err := json.Unmarshal([]byte(l.text), l.into); err != nil {
			return i, fmt.Errorf("image %s: %w", i.ID, err)
		}
	}
	return i, nil
}
