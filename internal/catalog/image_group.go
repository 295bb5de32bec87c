package catalog

import (
	"context"
	"encoding/json"
	"maps"
	"slices"

	"easel"
)

// MaxGroupTags is how many resource tags an image group may have.
const MaxGroupTags = 20

// joinGroup makes the group of an image that is about to be recorded, or
// joins it, adds tags and sets readMe if given. It returns the group's tags.
// The row stays locked: what the group says about its images changes with them.
func (t *tx) joinGroup(i easel.Image, tags []easel.ResourceTag, readMe *string) ([]easel.ResourceTag, error) {
	id := easel.GroupID(i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())
	var (
		versions int64
		text     string
	)
	_, err := t.get([]any{&versions, &text}, `
		INSERT INTO image_group (id, project, workspace, home, org, name, read_me, tags, updated, versions, created, changed)
		VALUES ($1, $2, $3, nullif(CAST($3 AS TEXT), '0'), $4, $5, NULL, '[]', 0, 1, $6, $7)
		ON CONFLICT (id) DO UPDATE SET versions = image_group.versions + 1,
			created = CASE WHEN excluded.created < image_group.created THEN excluded.created ELSE image_group.created END,
			changed = CASE WHEN excluded.changed > image_group.changed THEN excluded.changed ELSE image_group.changed END
		RETURNING versions, tags`, id, i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name(), micros(i.Created), micros(i.Updated))
	if err != nil {
		return nil, err
	}
	if versions == 1 {
		t.counts.add(i, 0, 1)
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

// leaveGroups takes images that are gone out of their groups, and removes
// groups that have none left.
func (t *tx) leaveGroups(gone []easel.Image) error {
	left := map[string][]easel.Image{}
	for _, i := range gone {
		id := easel.GroupID(i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())
		left[id] = append(left[id], i)
	}
	for _, id := range slices.Sorted(maps.Keys(left)) { // in one order: no two wait for each other
		var versions int64
		found, err := t.get([]any{&versions}, `UPDATE image_group SET versions = versions - $1 WHERE id = $2 RETURNING versions`, len(left[id]), id)
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		if versions > 0 {
			err = t.settleGroup(id)
		} else {
			t.counts.add(left[id][0], 0, -1)
			_, err = t.exec(`DELETE FROM image_group WHERE id = $1`, id)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// settleGroup reads again when the group's oldest image was made and when it last changed.
func (t *tx) settleGroup(id string) error {
	_, err := t.exec(`
		UPDATE image_group SET created = (SELECT min(image.created) FROM image WHERE image.grp = image_group.id),
			changed = (SELECT CASE WHEN max(image.updated) > image_group.updated THEN max(image.updated) ELSE image_group.updated END
				FROM image WHERE image.grp = image_group.id)
		WHERE id = $1`, id)
	return err
}

// groupsChanged records that images changed at the given time (µs).
func (t *tx) groupsChanged(at int64, images ...string) error {
	return chunks(images, func(images []string) error {
		a := args{at}
		_, err := t.exec(`UPDATE image_group SET changed = $1 WHERE changed < $1 AND id IN (SELECT grp FROM image WHERE image.id IN (`+addAll(&a, images)+`))`, a...)
		return err
	})
}

// groupColumns are what scanGroup reads of image_group.
const groupColumns = `id, project, workspace, org, name, read_me, tags, created, changed, versions`

// groupsOfImages is a table like image_group, made of the images that the
// tables and conditions of an ImageFilter leave. Built-in groups have no rows of their own.
func groupsOfImages(arms []string) string {
	return `(SELECT COALESCE(MAX(g.id), '') AS id, i.project, i.workspace, i.org, i.name, MAX(g.read_me) AS read_me, COALESCE(MAX(g.tags), '[]') AS tags,
		MIN(i.created) AS created, CASE WHEN MAX(i.updated) >= COALESCE(MAX(g.updated), 0) THEN MAX(i.updated) ELSE MAX(g.updated) END AS changed, count(*) AS versions
		FROM (SELECT * FROM ` + union(arms) + `) AS i LEFT JOIN image_group g ON g.id = i.grp GROUP BY i.project, i.workspace, i.org, i.name)`
}

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
		if f.Type == easel.Dedicated && f.ServiceType == "" && f.countable() {
			page, total, err = t.storedGroups(f, p)
			return err
		}
		var a args
		rows := groupsOfImages(f.arms(&a))
		if _, err := t.get([]any{&total}, `SELECT count(*) FROM `+rows+` AS g`, a...); err != nil {
			return err
		}
		page, err = all(t, scanGroup, `SELECT `+groupColumns+` FROM `+rows+` AS g ORDER BY changed DESC, name, org, project`+p.clause(&a), a...)
		return err
	})
	return page, total, err
}

// storedGroups is ImageGroups for filters that no image but its group answers.
func (t *tx) storedGroups(f ImageFilter, p Page) (page []easel.ImageGroup, total int64, err error) {
	var a args
	if _, err := t.get([]any{&total}, `SELECT CAST(coalesce(sum(image_groups), 0) AS BIGINT) FROM `+f.counted(&a)[0], a...); err != nil {
		return nil, 0, err
	}
	if total <= int64(p.Offset) {
		return []easel.ImageGroup{}, total, nil
	}
	a = nil
	group := `project = ` + a.add(f.Project) + ` AND workspace = ` + a.add(f.Workspace) + f.where(&a)
	const order = ` ORDER BY changed DESC, name, org`
	// The ids come from the index alone; only the rows of the page are read.
	page, err = all(t, scanGroup, `SELECT `+groupColumns+` FROM image_group WHERE id IN (
		SELECT id FROM image_group WHERE `+group+order+p.clause(&a)+`)`+order, a...)
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
	found, err := all(t, scanGroup, `SELECT `+groupColumns+` FROM image_group WHERE id = $1 AND project = $2`, id, project)
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
	if _, err := t.exec(`UPDATE image_group SET updated = $1, changed = CASE WHEN changed > $1 THEN changed ELSE $1 END WHERE id = $2`, t.now-t.now%1000, g.ID); err != nil {
		return err
	}
	return t.audit(who, "updateNotebookImageGroup", g.ID, 0, nil)
}
