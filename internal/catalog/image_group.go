package catalog

import (
	"context"
	"encoding/json"

	"easel"
)

// MaxGroupTags is how many resource tags an image group may have.
const MaxGroupTags = 20

// joinGroup makes the group of an image that is about to be recorded, or
// joins it, adds tags and sets readMe if given. It returns the group's tags.
func (t *tx) joinGroup(i easel.Image, tags []easel.ResourceTag, readMe *string) ([]easel.ResourceTag, error) {
	id := easel.GroupID(i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())
	_, err := t.exec(`
		INSERT INTO image_group (id, project, workspace, org, name, read_me, tags, updated) VALUES ($1, $2, $3, $4, $5, NULL, '[]', 0)
		ON CONFLICT (id) DO NOTHING`, id, i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())
	if err != nil {
		return nil, err
	}
	text := "[]" // of a group that is going this moment: the image's foreign key makes the transaction run again
	if _, err := t.get([]any{&text}, `SELECT tags FROM image_group WHERE id = $1`+t.forUpdate(), id); err != nil {
		return nil, err
	}
	var have []easel.ResourceTag
	if err := json.Unmarshal([]byte(text), &have); err != nil {
		return nil, err
	}
	have = mergeTags(have, tags)
	if len(have) > MaxGroupTags {
		return nil, easel.E(easel.Invalid, "property", "the image group would have %d tags; at most %d are possible", len(have), MaxGroupTags)
	}
	if text, err = jsonList(have); err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		if _, err := t.exec(`UPDATE image_group SET tags = $1 WHERE id = $2`, text, id); err != nil {
			return nil, err
		}
	}
	if readMe != nil {
		if _, err := t.exec(`UPDATE image_group SET read_me = $1 WHERE id = $2`, *readMe, id); err != nil {
			return nil, err
		}
	}
	return have, nil
}

// mergeTags returns have with more added; a key that is there gets the new value.
func mergeTags(have, more []easel.ResourceTag) []easel.ResourceTag {
	at := map[string]int{}
	for n, tag := range have {
		at[tag.Key] = n
	}
	for _, tag := range more {
		if n, ok := at[tag.Key]; ok {
			have[n].Value = tag.Value
			continue
		}
		at[tag.Key] = len(have)
		have = append(have, tag)
	}
	return have
}

// groupColumns are what scanGroup reads from a join of image i and image_group g, grouped.
const groupColumns = `COALESCE(MAX(g.id), ''), i.project, i.workspace, i.org, i.name, MAX(g.read_me), COALESCE(MAX(g.tags), '[]'),
	MIN(i.created), CASE WHEN MAX(i.updated) >= COALESCE(MAX(g.updated), 0) THEN MAX(i.updated) ELSE MAX(g.updated) END AS last_change, count(*)`

func scanGroup(s scanner) (easel.ImageGroup, error) {
	var (
		g                easel.ImageGroup
		readMe           *string
		tags             string
		created, updated int64
	)
	if err := s.Scan(&g.ID, &g.Project, &g.Workspace, &g.Org, &g.Name, &readMe, &tags, &created, &updated, &g.Versions); err != nil {
		return g, err
	}
	if readMe != nil {
		g.ReadMe, g.HasReadMe = *readMe, true
	}
	if g.ID == "" { // built-in: no row of its own
		g.ID = easel.GroupID(g.Project, g.Workspace, string(g.Org), g.Name)
	}
	g.Created, g.Updated = fromMicros(created), fromMicros(updated)
	return g, json.Unmarshal([]byte(tags), &g.Tags)
}

// ImageGroups returns a page of the groups that have images which f matches,
// the one changed last first, and how many groups those are.
func (db *DB) ImageGroups(ctx context.Context, f ImageFilter, p Page) (page []easel.ImageGroup, total int64, err error) {
	err = db.view(ctx, func(t *tx) error {
		var a args
		rows := union(f.arms(&a))
		if _, err := t.get([]any{&total}, `SELECT count(*) FROM (SELECT DISTINCT project, workspace, org, name FROM `+rows+`) AS groups_of_images`, a...); err != nil {
			return err
		}
		page, err = all(t, scanGroup, `
			SELECT `+groupColumns+` FROM (SELECT * FROM `+rows+`) AS i LEFT JOIN image_group g ON g.id = i.grp
			GROUP BY i.project, i.workspace, i.org, i.name
			ORDER BY last_change DESC, i.name, i.org, i.project`+p.clause(&a), a...)
		return err
	})
	return page, total, err
}

// ImageGroup returns a group of the project. Errors: NotFound "group".
func (db *DB) ImageGroup(ctx context.Context, project, id string) (g easel.ImageGroup, err error) {
	err = db.view(ctx, func(t *tx) error {
		g, err = t.imageGroup(project, id)
		return err
	})
	return g, err
}

func (t *tx) imageGroup(project, id string) (easel.ImageGroup, error) {
	found, err := all(t, scanGroup, `
		SELECT `+groupColumns+` FROM image_group g JOIN image i ON i.grp = g.id
		WHERE g.id = $1 AND g.project = $2 GROUP BY i.project, i.workspace, i.org, i.name`, id, project)
	if err != nil {
		return easel.ImageGroup{}, err
	}
	if len(found) == 0 {
		return easel.ImageGroup{}, easel.E(easel.NotFound, "group", "image group %.64q was not found", id)
	}
	return found[0], nil
}

// GroupUpdate says what to change; nil leaves it as it is.
type GroupUpdate struct {
	ReadMe *string
	Tags   *[]easel.ResourceTag
}

// UpdateImageGroup changes a group of the project and returns it. The time of
// change moves only when something changed. Errors: NotFound "group".
func (db *DB) UpdateImageGroup(ctx context.Context, who easel.Principal, project, id string, u GroupUpdate) (g easel.ImageGroup, err error) {
	err = db.update(ctx, func(t *tx) error {
		if _, err := t.exists(`SELECT 1 FROM image_group WHERE id = $1`+t.forNoKeyUpdate(), id); err != nil {
			return err
		}
		if g, err = t.imageGroup(project, id); err != nil {
			return err
		}
		if err := t.updateGroup(who, g, u); err != nil {
			return err
		}
		g, err = t.imageGroup(project, id)
		return err
	})
	return g, err
}

func (t *tx) updateGroup(who easel.Principal, g easel.ImageGroup, u GroupUpdate) error {
	changed := false
	if u.ReadMe != nil && (!g.HasReadMe || *u.ReadMe != g.ReadMe) {
		changed = true
		if _, err := t.exec(`UPDATE image_group SET read_me = $1 WHERE id = $2`, *u.ReadMe, g.ID); err != nil {
			return err
		}
	}
	if u.Tags != nil {
		before, err := jsonList(g.Tags)
		if err != nil {
			return err
		}
		after, err := jsonList(*u.Tags)
		if err != nil {
			return err
		}
		if before != after {
			changed = true
			if _, err := t.exec(`UPDATE image_group SET tags = $1 WHERE id = $2`, after, g.ID); err != nil {
				return err
			}
		}
	}
	if !changed {
		return nil
	}
	if _, err := t.exec(`UPDATE image_group SET updated = $1 WHERE id = $2`, t.now-t.now%1000, g.ID); err != nil {
		return err
	}
	return t.audit(who, "updateNotebookImageGroup", g.ID, 0, nil)
}
