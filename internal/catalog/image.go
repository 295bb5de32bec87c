package catalog

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"easel"
)

// Registration asks to make an image record of a tag.
type Registration struct {
	// Image has everything but ID, Size, Status, Tags and the times.
	Image easel.Image
	// Tags are added to those of the image's group; a key that is there gets the new value.
	Tags []easel.ResourceTag
	// ReadMe replaces that of the group; nil: it stays.
	ReadMe *string
	// MaxSize is the largest image in bytes; 0: any size.
	MaxSize int64
	// Refusal is returned once it is known that the project has no such image:
	// the caller may not read the repository.
	Refusal error
}

// RegisterImage records an image, ACTIVE at once, and makes its group if need
// be. Errors: Exists "image" when the project has a record of that tag,
// r.Refusal, NotFound "tag" when the repository has no such tag, TooLarge
// "image", Denied "image quota", NotFound "workspace", and Invalid "property" when the group would get too many tags.
func (db *DB) RegisterImage(ctx context.Context, who easel.Principal, r Registration) (made easel.Image, err error) {
	err = db.update(ctx, func(t *tx) error {
		made, err = t.registerImage(who, r)
		return err
	})
	return made, err
}

func (t *tx) registerImage(who easel.Principal, r Registration) (easel.Image, error) {
	i := r.Image
	if err := t.lockRepoOf(i.Repo); err != nil {
		return i, err
	}
	taken, err := t.exists(`SELECT 1 FROM image WHERE project = $1 AND repo = $2 AND tag = $3`, i.Project, string(i.Repo), string(i.Tag))
	if err != nil {
		return i, err
	}
	if taken {
		return i, easel.E(easel.Exists, "image", "%s:%s is registered in this project already", i.Repo, i.Tag)
	}
	if r.Refusal != nil {
		return i, r.Refusal
	}
	size, found, err := t.tagSize(i.Repo, i.Tag, i.Arch)
	if err != nil {
		return i, err
	}
	if !found {
		return i, easel.E(easel.NotFound, "tag", "the registry has no image %s:%s that you may read", i.Repo, i.Tag)
	}
	if r.MaxSize > 0 && size > r.MaxSize {
		return i, easel.E(easel.TooLarge, "image", "%s:%s has %d bytes; at most %d can be registered", i.Repo, i.Tag, size, r.MaxSize)
	}
	if err := t.roomForImage(i.Project); err != nil {
		return i, err
	}
	if err := t.inWorkspace(i.Project, i.Workspace); err != nil {
		return i, err
	}
	if err := t.roomInWorkspace(i.Workspace); err != nil {
		return i, err
	}
	now := t.now - t.now%1000 // milliseconds go over the wire
	i.ID, i.Size, i.Status = easel.NewUUID(t.time()), size, easel.ImageActive
	i.Created, i.Updated = fromMicros(now), fromMicros(now)
	if i.Tags, err = t.joinGroup(i, r.Tags, r.ReadMe); err != nil {
		return i, err
	}
	if err := t.insertImage(i, easel.GroupID(i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())); err != nil {
		return i, err
	}
	return i, t.auditAbout(who, "createNotebookImage", i.ID, 0, About{Repo: i.Repo, Tags: []easel.Tag{i.Tag}})
}

// insertImage adds a row and counts it; group "" means none, else the caller
// has joined it.
func (t *tx) insertImage(i easel.Image, group string) error {
	services, err := jsonList(i.Services)
	if err != nil {
		return err
	}
	categories, err := jsonList(i.ResourceCategories)
	if err != nil {
		return err
	}
	_, err = t.exec(`
		INSERT INTO image (id, project, workspace, grp, type, path, org, repo, name, tag, arch, description, services, origin, categories,
			service_type, size, status, status_message, visibility, flavor_type, swr_instance, show_name, show_tag, created, updated)
		VALUES ($1, $2, $3, nullif(CAST($4 AS TEXT), ''), $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
			$16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26)`,
		i.ID, i.Project, i.Workspace, group, i.Type, i.Path, string(i.Repo.Org()), string(i.Repo), i.Name, string(i.Tag), i.Arch, i.Description,
		services, i.Origin, categories, i.ServiceType, i.Size, string(i.Status), i.StatusMessage, i.Visibility, i.FlavorType, i.SWRInstance,
		i.ShowName, i.ShowTag, micros(i.Created), micros(i.Updated))
	if err != nil {
		return err
	}
	t.counts.add(i, 1, 0)
	_, err = t.exec(`UPDATE tag SET left_behind = 0 WHERE left_behind > 0 AND name = $1 AND repo = (SELECT id FROM repo WHERE name = $2)`, string(i.Tag), string(i.Repo))
	return err
}

// Image returns a record of any project: whether the caller may see it is for
// the caller of this method to decide. Errors: NotFound "image".
func (db *DB) Image(ctx context.Context, id string) (i easel.Image, err error) {
	err = db.view(ctx, func(t *tx) error {
		i, err = t.image(id)
		return err
	})
	return i, err
}

func (t *tx) image(id string) (easel.Image, error) {
	found, err := all(t, scanImage, `SELECT `+imageColumns+` FROM image WHERE image.id = $1`, id)
	if err != nil {
		return easel.Image{}, err
	}
	if len(found) == 0 {
		return easel.Image{}, easel.E(easel.NotFound, "image", "image %.64q was not found", id)
	}
	return found[0], nil
}

// SyncImage corrects a project's record by what its tag names now (images.md,
// operation F) and returns it. The time of change moves only when something
// changed. Errors: NotFound "image".
func (db *DB) SyncImage(ctx context.Context, who easel.Principal, project, id string) (i easel.Image, err error) {
	err = db.update(ctx, func(t *tx) error {
		i, err = t.syncImage(who, project, id)
		return err
	})
	return i, err
}

func (t *tx) syncImage(who easel.Principal, project, id string) (easel.Image, error) {
	i, err := t.image(id)
	if err == nil {
		err = t.lockRepoOf(i.Repo)
	}
	if err != nil {
		return i, err
	}
	if i, err = t.image(id); err != nil { // what it is under the lock
		return i, err
	}
	if i.Project != project {
		return easel.Image{}, easel.E(easel.NotFound, "image", "image %.64q was not found", id)
	}
	size, found, err := t.tagSize(i.Repo, i.Tag, i.Arch)
	if err != nil {
		return i, err
	}
	before := i
	switch {
	case i.Status == easel.ImageInit || i.Status == easel.ImageCreating: // the save owns the record
	case found:
		i.Status, i.Size, i.StatusMessage = easel.ImageActive, size, ""
	case i.Status == easel.ImageActive:
		i.Status = easel.ImageError
		i.StatusMessage = fmt.Sprintf("The registry has no %s:%s any more.", i.Repo, i.Tag)
	}
	if i.Status == before.Status && i.Size == before.Size && i.StatusMessage == before.StatusMessage {
		return i, nil
	}
	now := t.now - t.now%1000
	i.Updated = fromMicros(now)
	_, err = t.exec(`UPDATE image SET status = $1, size = $2, status_message = $3, updated = $4 WHERE id = $5`,
		string(i.Status), i.Size, i.StatusMessage, now, id)
	if err != nil {
		return i, err
	}
	if err := t.groupsChanged(now, id); err != nil {
		return i, err
	}
	return i, t.audit(who, "updateNotebookImage", i.ID, 0, nil)
}

// lockRepoOf locks the repository, if there is one, so that its tags cannot
// go while something is decided on them.
func (t *tx) lockRepoOf(repo easel.Repo) error {
	ids, err := all(t, column[int64], `SELECT id FROM repo WHERE name = $1`, string(repo))
	if err != nil {
		return err
	}
	return t.lockRepos(ids...)
}

// tagSize returns the bytes of config and layers of what the tag names: of an
// index those of the child for arch, else of the first. false: no such tag.
func (t *tx) tagSize(repo easel.Repo, tag easel.Tag, arch string) (int64, bool, error) {
	var (
		id        int64
		mediaType string
		total     int64
	)
	found, err := t.get([]any{&id, &mediaType, &total}, `
		SELECT m.id, m.media_type, m.total FROM repo r JOIN tag g ON g.repo = r.id JOIN manifest m ON m.id = g.manifest
		WHERE r.name = $1 AND g.name = $2`, string(repo), string(tag))
	if err != nil || !found {
		return 0, false, err
	}
	total, err = t.platformSize(id, mediaType, total, arch, 4)
	return total, true, err
}

// platformSize follows indexes down to a manifest, depth levels at most.
func (t *tx) platformSize(id int64, mediaType string, total int64, arch string, depth int) (int64, error) {
	if depth == 0 || (mediaType != easel.MediaTypeOCIIndex && mediaType != easel.MediaTypeDockerList) {
		return total, nil
	}
	var body []byte
	if _, err := t.get([]any{&body}, `SELECT body FROM manifest WHERE id = $1`, id); err != nil {
		return 0, err
	}
	index, err := easel.ParseManifest(mediaType, body)
	if err != nil {
		return 0, fmt.Errorf("read the stored index %d: %w", id, err)
	}
	if len(index.Children) == 0 {
		return total, nil
	}
	child := index.Children[childFor(index.Children, arch)]
	var childID int64
	found, err := t.get([]any{&childID, &mediaType, &total}, `
		SELECT c.id, c.media_type, c.total FROM manifest p JOIN manifest c ON c.repo = p.repo WHERE p.id = $1 AND c.digest = $2`, id, string(child.Digest))
	if err != nil || !found {
		return 0, err
	}
	return t.platformSize(childID, mediaType, total, arch, depth-1)
}

// childFor returns the index of the first child that runs on arch, else 0
// (images.md, decision 16).
func childFor(children []easel.Descriptor, arch string) int {
	wire := map[string]string{"x86_64": "amd64", "aarch64": "arm64"}[arch]
	return max(0, slices.IndexFunc(children, func(d easel.Descriptor) bool {
		return d.Platform != nil && (d.Platform.Architecture == wire || d.Platform.Architecture == arch)
	}))
}

// imageColumns are what scanImage reads, to be selected FROM image.
const imageColumns = `image.id, image.project, image.workspace, image.type, image.path, image.repo, image.name, image.tag, image.arch,
	image.description, image.services, image.origin, image.categories, image.service_type, image.size, image.status, image.status_message,
	image.visibility, image.flavor_type, image.swr_instance, image.show_name, image.show_tag, image.created, image.updated,
	image.protected_by, image.protected_by_name, image.protected_at,
	COALESCE((SELECT image_group.tags FROM image_group WHERE image_group.id = image.grp), '[]')`

func scanImage(s scanner) (easel.Image, error) {
	var (
		i                          easel.Image
		services, categories, tags string
		created, updated, since    int64
		protected                  easel.Protection
	)
	err := s.Scan(&i.ID, &i.Project, &i.Workspace, &i.Type, &i.Path, &i.Repo, &i.Name, &i.Tag, &i.Arch,
		&i.Description, &services, &i.Origin, &categories, &i.ServiceType, &i.Size, &i.Status, &i.StatusMessage,
		&i.Visibility, &i.FlavorType, &i.SWRInstance, &i.ShowName, &i.ShowTag, &created, &updated,
		&protected.UserID, &protected.UserName, &since, &tags)
	if err != nil {
		return i, err
	}
	i.Created, i.Updated = fromMicros(created), fromMicros(updated)
	if since != 0 {
		protected.At = fromMicros(since)
		i.Protected = &protected
	}
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

// jsonList writes a list for a text column; nil is an empty one.
func jsonList[T any](list []T) (string, error) {
	if list == nil {
		list = []T{}
	}
	b, err := json.Marshal(list)
	return string(b), err
}
