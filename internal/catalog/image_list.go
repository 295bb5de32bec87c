package catalog

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"time"

	"easel"
)

// ImageFilter says which images of a workspace are wanted. The built-in
// images belong to every project and workspace. Zero fields do not filter.
type ImageFilter struct {
	Project, Workspace string
	Name               string
	NameExact          bool // Name is the whole name, else a part of it
	Org                easel.Org
	Type               string // easel.BuildIn or easel.Dedicated
	ServiceType        string
	ShowName, ShowTag  string
	Tag                string
	Visibility         string
	Status             string
	Age                time.Duration // since the record was made, more than this; of Images only

	before int64 // what Age means now
}

// ImageSort is what a list can be ordered by.
type ImageSort string

// The orders (images.md 3.3).
const (
	ByUpdated   ImageSort = "updated"
	ByCreated   ImageSort = "created"
	ByName      ImageSort = "name"
	ByTag       ImageSort = "tag"
	ByNamespace ImageSort = "org"
	BySize      ImageSort = "size"
	ByStatus    ImageSort = "status"
	ByType      ImageSort = "type"
	ByArch      ImageSort = "arch"
	ByID        ImageSort = "id"
)

// Page cuts a list. Limit is at least 1, or 0 for everything that follows Offset.
type Page struct{ Limit, Offset int }

// Images returns a page of what f matches and how many images it matches.
// They are ordered by the keys in one direction, and by ascending id where
// those are equal; without keys by creation time.
func (db *DB) Images(ctx context.Context, f ImageFilter, order []ImageSort, ascending bool, p Page) (page []easel.Image, total int64, err error) {
	if f.Age > 0 { // memory answers for a moment, not for an age
		f.before, f.Age = micros(db.time().Add(-f.Age)), 0
	}
	by, err := orderBy(order, ascending)
	if err != nil {
		return nil, 0, err
	}
	if total, err = db.countImages(ctx, f); err != nil || total <= int64(p.Offset) {
		return []easel.Image{}, total, err
	}
	if len(order) == 0 || len(order) == 1 && order[0] == ByCreated {
		page, err = db.imagesByTime(ctx, f, ascending, p, total)
		return page, total, err
	}
	err = db.view(ctx, func(t *tx) error {
		var a args
		arms := f.arms(&a)
		page, err = all(t, scanImage, `SELECT `+imageColumns+` FROM `+union(arms)+by+p.clause(&a), a...)
		return err
	})
	return page, total, err
}

func (db *DB) countImages(ctx context.Context, f ImageFilter) (int64, error) {
	type question struct{ f ImageFilter }
	return remember(db.memo(), images, question{f}, func() (total int64, err error) {
		err = db.view(ctx, func(t *tx) error {
			var a args
			number, parts := `count(*)`, []string(nil)
			if f.countable() {
				number, parts = `CAST(coalesce(sum(images), 0) AS BIGINT)`, f.counted(&a)
			} else {
				parts = f.arms(&a)
			}
			_, err := t.get([]any{&total}, `SELECT (SELECT `+number+` FROM `+strings.Join(parts, `) + (SELECT `+number+` FROM `)+`)`, a...)
			return err
		})
		return total, err
	})
}

// fewImages is how many images with a part of a name are found by name and
// sorted; more are looked for in the order of the list.
const fewImages = 2000

// fewArms is arms for a filter that matches few images. A part of a name is
// looked for among the names, each of which leads to its images by an index.
func (f ImageFilter) fewArms(a *args) []string {
	if f.Name == "" || f.NameExact || !f.countable() {
		return f.arms(a)
	}
	part := f
	f.Name = ""
	arms, names := f.arms(a), part.counted(a)
	for n := range arms {
		arms[n] += ` AND name IN (SELECT name FROM ` + names[n] + `)`
	}
	return arms
}

// orderBy writes the ORDER BY clause. Its words come from the constants above
// and from nowhere else.
func orderBy(order []ImageSort, ascending bool) (string, error) {
	if len(order) == 0 {
		order = []ImageSort{ByCreated}
	}
	direction := " DESC"
	if ascending {
		direction = ""
	}
	terms := make([]string, 0, len(order)+1)
	for _, o := range order {
		switch o {
		case ByUpdated, ByCreated, ByName, ByTag, ByNamespace, BySize, ByStatus, ByType, ByArch, ByID:
			terms = append(terms, "image."+string(o)+direction)
		default:
			return "", fmt.Errorf("images cannot be ordered by %q", o)
		}
	}
	return " ORDER BY " + strings.Join(append(terms, "image.id"), ", "), nil
}

// arms returns the tables and conditions that the matching images come from:
// the built-in ones and those of the project apart, so that each can use the
// index of its project and workspace.
func (f ImageFilter) arms(a *args) []string {
	var arms []string
	if f.Type != easel.Dedicated {
		arms = append(arms, `image WHERE project = ''`)
	}
	if f.Type != easel.BuildIn {
		arms = append(arms, `image WHERE project = `+a.add(f.Project)+` AND workspace = `+a.add(f.Workspace))
	}
	where := f.where(a)
	for i := range arms {
		arms[i] += where
	}
	return arms
}

// union returns the rows of all arms as a table called image.
func union(arms []string) string {
	return `(SELECT * FROM ` + strings.Join(arms, ` UNION ALL SELECT * FROM `) + `) AS image`
}

// where returns conditions that begin with AND. Only the first one on a whole
// value is for an index: each of those columns has one, and SQLite, which
// does not know how many rows share a value, would take any.
func (f ImageFilter) where(a *args) string {
	var b strings.Builder
	plain := true
	equal := func(column, value string) {
		if value == "" {
			return
		}
		if !plain {
			column += ` || ''`
		}
		b.WriteString(` AND ` + column + ` = CAST(` + a.add(value) + ` AS TEXT)`)
		plain = false
	}
	if f.NameExact {
		equal("name", f.Name)
	} else if f.Name != "" {
		b.WriteString(` AND ` + f.hasPart(a))
	}
	equal("org", string(f.Org))
	equal("service_type", f.ServiceType)
	equal("show_name", f.ShowName)
	equal("show_tag", f.ShowTag)
	equal("tag", f.Tag)
	equal("visibility", f.Visibility)
	equal("status", f.Status)
	if f.before != 0 {
		b.WriteString(` AND created < ` + a.add(f.before))
	}
	return b.String()
}

// hasPart returns the condition that name has the filter's name as a part. It
// is found with replace, to which no character is special.
func (f ImageFilter) hasPart(a *args) string {
	return `replace(name, CAST(` + a.add(f.Name) + ` AS TEXT), '') <> name`
}

// clause returns LIMIT and OFFSET.
func (p Page) clause(a *args) string {
	limit := int64(p.Limit)
	if p.Limit == 0 {
		limit = 1<<63 - 1
	}
	return ` LIMIT ` + a.add(limit) + ` OFFSET ` + a.add(int64(p.Offset))
}

// PutBuiltins makes images the built-in images of the installation: others of
// that type go, and what is the same stays as it is. An image without an id
// gets one that follows from its path, so that it keeps it. Errors: Invalid
// "image" when two have the same id or path.
func (db *DB) PutBuiltins(ctx context.Context, images []easel.Image) error {
	if len(images) == 0 { // most starts need not wait for a commit
		some := false
		err := db.view(ctx, func(t *tx) (err error) {
			some, err = t.exists(`SELECT 1 FROM image WHERE project = '' LIMIT 1`)
			return err
		})
		if err != nil || !some {
			return err
		}
	}
	return db.update(ctx, func(t *tx) error {
		before, err := all(t, scanImage, `SELECT `+imageColumns+` FROM image WHERE image.project = ''`)
		if err != nil {
			return err
		}
		old := make(map[string]easel.Image, len(before))
		for _, i := range before {
			old[i.ID] = i
		}
		// Rows go before rows come: a path may have moved to another id.
		if _, err := t.exec(`DELETE FROM image WHERE project = ''`); err != nil {
			return err
		}
		for _, i := range before {
			t.counts.add(i, -1, 0)
		}
		for _, i := range images {
			if err := t.putBuiltin(i, old); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) putBuiltin(i easel.Image, old map[string]easel.Image) error {
	if i.ID == "" {
		i.ID = easel.GroupID("", easel.DefaultWorkspace, string(i.Repo.Org()), i.Repo.Name()+":"+string(i.Tag))
	}
	i.Project, i.Workspace, i.Type = "", easel.DefaultWorkspace, easel.BuildIn
	i.Services, i.ResourceCategories, i.Tags = notNil(i.Services), notNil(i.ResourceCategories), []easel.ResourceTag{}
	i.Created, i.Updated = t.builtinTimes(i, old[i.ID])
	taken, err := t.exists(`SELECT 1 FROM image WHERE id = $1 OR (project = '' AND repo = $2 AND tag = $3)`, i.ID, string(i.Repo), string(i.Tag))
	if err != nil {
		return err
	}
	if taken {
		return easel.E(easel.Invalid, "image", "the built-in image %s is there twice, or has the id of another image: %s", i.Path, i.ID)
	}
	return t.insertImage(i, "")
}

// builtinTimes fills in the times that the configuration leaves out: made
// when the image first came, changed when something about it changed. was is
// the zero Image for one that is new.
func (t *tx) builtinTimes(i, was easel.Image) (created, updated time.Time) {
	now := fromMicros(t.now - t.now%1000)
	if was.ID == "" {
		was.Created, was.Updated = now, now
	}
	created, updated = i.Created, i.Updated
	if created.IsZero() {
		created = was.Created
	}
	if !updated.IsZero() {
		return created, updated
	}
	i.Created, i.Updated = was.Created, was.Updated
	if was.ID == "" || reflect.DeepEqual(i, was) {
		return created, was.Updated
	}
	return created, now
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
