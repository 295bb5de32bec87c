package catalog

import (
	"context"
	"strings"

	"easel"
)

// place is where in a list by creation time a page ended.
type place struct {
	created int64
	id      string
}

// imagesByTime returns a page of the list by creation time, which is the list
// that is walked. It finds the ids in the index before it reads the rows. When
// the page before it was read since the images last changed, it goes on where
// that ended; else it jumps to a page that is far away.
func (db *DB) imagesByTime(ctx context.Context, f ImageFilter, ascending bool, p Page, total int64) (page []easel.Image, err error) {
	type question struct {
		f         ImageFilter
		ascending bool
		offset    int
	}
	var walked any // nil: no walk leads to this page
	var version uint64
	m := db.memo()
	if m != nil {
		walked, version, _ = m.get(images, question{f, ascending, p.Offset})
	}
	err = db.view(ctx, func(t *tx) error {
		from, known := walked.(place)
		rest := p
		if known {
			rest.Offset = 0
		} else if p.Offset > fewImages {
			if from, rest.Offset, err = t.jump(f, ascending, p.Offset, total); err != nil {
				return err
			}
		}
		page, err = t.imagesFrom(from, f, ascending, rest, total)
		return err
	})
	if err == nil && m != nil && len(page) > 0 && len(page) == p.Limit {
		last := page[len(page)-1]
		m.put(images, question{f, ascending, p.Offset + len(page)}, answer{version, place{micros(last.Created), last.ID}})
	}
	return page, err
}

// imagesFrom returns the page of the list that begins after a place; the zero
// place is its start.
func (t *tx) imagesFrom(from place, f ImageFilter, ascending bool, p Page, total int64) ([]easel.Image, error) {
	var a args
	find := f.arms
	if total <= fewImages {
		find = f.fewArms
	}
	arms := find(&a)
	if from != (place{}) {
		beyond := from.beyond(&a, ascending)
		for i := range arms {
			arms[i] += beyond
		}
	}
	by := direction(ascending)
	// The order is that of the compound itself: so it is merged from both
	// arms of the index, and only what is asked for is read.
	return all(t, scanImage, `SELECT `+imageColumns+` FROM (
		SELECT id, created FROM `+strings.Join(arms, ` UNION ALL SELECT id, created FROM `)+` ORDER BY created`+by+`, id`+p.clause(&a)+`) AS page
		JOIN image ON image.id = page.id ORDER BY page.created`+by+`, page.id`, a...)
}

// jump returns a place before an offset, and how far the offset is from there.
// Counting through a merge of the built-in images with the project's costs
// several times as much as counting entries of one index. So it counts the
// project's alone, from the nearer end, as if all the built-in ones came first;
// those that do not are what is left.
func (t *tx) jump(f ImageFilter, ascending bool, offset int, total int64) (place, int, error) {
	first, err := t.builtins(f, place{}, ascending)
	if err != nil || first >= offset {
		return place{}, offset, err
	}
	own := f
	own.Type = easel.Dedicated
	var a args
	arm := own.arms(&a)[0]
	order, skip := ` ORDER BY created`+direction(ascending)+`, id`, offset-first-1
	if behind := int(total) - offset; behind < skip {
		order, skip = ` ORDER BY created`+direction(!ascending)+`, id DESC`, behind
	}
	var p place
	found, err := t.get([]any{&p.created, &p.id}, `SELECT created, id FROM `+arm+order+Page{Limit: 1, Offset: skip}.clause(&a), a...)
	if err != nil || !found { // the total was another moment's
		return place{}, offset, err
	}
	left, err := t.builtins(f, p, ascending)
	return p, left, err
}

// builtins returns how many built-in images of the list come after a place.
func (t *tx) builtins(f ImageFilter, from place, ascending bool) (n int, err error) {
	if f.Type == easel.Dedicated {
		return 0, nil
	}
	f.Type = easel.BuildIn
	var a args
	arm := f.arms(&a)[0]
	if from != (place{}) {
		arm += from.beyond(&a, ascending)
	}
	_, err = t.get([]any{&n}, `SELECT count(*) FROM `+arm, a...)
	return n, err
}

func direction(ascending bool) string {
	if ascending {
		return ``
	}
	return ` DESC`
}

// beyond returns the condition, beginning with AND, on rows after the place.
func (p place) beyond(a *args, ascending bool) string {
	than := ` < `
	if ascending {
		than = ` > `
	}
	at, id := a.add(p.created), a.add(p.id)
	return ` AND created` + than[:2] + `= ` + at + ` AND (created` + than + at + ` OR id > ` + id + `)`
}
