package catalog

import (
	"maps"
	"slices"
	"strings"

	"easel"
)

// imageCell is a row of image_count: a project's workspace and a value of each
// filter of the list of images, "" for any.
type imageCell struct{ project, workspace, org, service, name string }

// imageCounts is what a transaction adds to the rows of image_count.
type imageCounts map[imageCell]struct{ images, groups int64 }

// add counts n images like i, in groups that came (or, if negative, went).
func (c *imageCounts) add(i easel.Image, n, groups int64) {
	if *c == nil {
		*c = imageCounts{}
	}
	services := []string{""}
	if i.ServiceType != "" {
		services = append(services, i.ServiceType)
	}
	for _, org := range []string{"", string(i.Repo.Org())} {
		for _, service := range services {
			for _, name := range []string{"", i.Name} {
				cell := imageCell{i.Project, i.Workspace, org, service, name}
				sum := (*c)[cell]
				sum.images += n
				if service == "" {
					sum.groups += groups
				}
				(*c)[cell] = sum
			}
		}
	}
}

// compare orders cells so that the rows which most transactions write come
// first: whoever has those has no one to wait for.
func (c imageCell) compare(d imageCell) int {
	for _, x := range [][2]string{{c.project, d.project}, {c.workspace, d.workspace}, {c.org, d.org}, {c.service, d.service}, {c.name, d.name}} {
		if n := strings.Compare(x[0], x[1]); n != 0 {
			return n
		}
	}
	return 0
}

// writeImageCounts adds what the transaction counted. It is its last
// statement, because every transaction that adds or removes images of a project writes
// the same rows, and on PostgreSQL waits for the others to commit; in one
// order, so that no two wait for each other.
func (t *tx) writeImageCounts() error {
	cells := slices.SortedFunc(maps.Keys(t.counts), imageCell.compare)
	cells = slices.DeleteFunc(cells, func(c imageCell) bool { return t.counts[c].images == 0 && t.counts[c].groups == 0 })
	for len(cells) > 0 {
		n := min(powerOfTwo(len(cells)+1)/2, maxList/8) // in powers of two, so that there are few texts to prepare
		if err := t.addImageCounts(cells[:n]); err != nil {
			return err
		}
		cells = cells[n:]
	}
	return nil
}

func (t *tx) addImageCounts(cells []imageCell) error {
	var a, empty args
	added := make([]string, len(cells))
	gone := make([]string, 0, len(cells))
	for n, c := range cells {
		sum := t.counts[c]
		added[n] = "(" + a.add(c.project) + ", " + a.add(c.workspace) + ", " + a.add(c.org) + ", " + a.add(c.service) + ", " + a.add(c.name) + ", " +
			a.add(sum.images) + ", " + a.add(sum.groups) + ")"
		if sum.images < 0 {
			gone = append(gone, "("+empty.add(c.project)+", "+empty.add(c.workspace)+", "+empty.add(c.org)+", "+empty.add(c.service)+", "+empty.add(c.name)+")")
		}
	}
	_, err := t.exec(`
		INSERT INTO image_count (project, workspace, org, service_type, name, images, image_groups) VALUES `+strings.Join(added, ", ")+`
		ON CONFLICT (project, workspace, org, service_type, name) DO UPDATE
		SET images = image_count.images + excluded.images, image_groups = image_count.image_groups + excluded.image_groups`, a...)
	if err != nil || len(gone) == 0 {
		return err
	}
	_, err = t.exec(`DELETE FROM image_count WHERE (project, workspace, org, service_type, name) IN (VALUES `+strings.Join(gone, ", ")+`) AND images = 0`, empty...)
	return err
}

// counted returns the rows of image_count that add up to the number of images, or groups,
// that f matches: one, or those of all names that have a part. They are
// tables with a condition, to be selected from. f must be countable.
func (f ImageFilter) counted(a *args) []string {
	var places []string
	if f.Type != easel.Dedicated {
		places = append(places, `project = '' AND workspace = '`+easel.DefaultWorkspace+`'`)
	}
	if f.Type != easel.BuildIn {
		places = append(places, `project = `+a.add(f.Project)+` AND workspace = `+a.add(f.Workspace))
	}
	of := ` AND org = ` + a.add(string(f.Org)) + ` AND service_type = ` + a.add(f.ServiceType)
	if f.Name == "" || f.NameExact {
		of += ` AND name = ` + a.add(f.Name)
	} else {
		of += ` AND name <> '' AND ` + f.hasPart(a)
	}
	for n := range places {
		places[n] = `image_count WHERE ` + places[n] + of
	}
	return places
}

// countable reports whether image_count knows the total.
func (f ImageFilter) countable() bool {
	return f.ShowName == "" && f.ShowTag == "" && f.Tag == "" && f.Visibility == "" && f.Status == "" && f.before == 0
}
