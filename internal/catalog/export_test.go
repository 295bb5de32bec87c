package catalog

import (
	"context"

	"easel"
)

// JumpToImages returns a page of the list by creation time, jumped to however
// near it is.
func (db *DB) JumpToImages(ctx context.Context, f ImageFilter, ascending bool, p Page, total int64) (page []easel.Image, err error) {
	err = db.view(ctx, func(t *tx) error {
		from, left, err := t.jump(f, ascending, p.Offset, total)
		if err != nil {
			return err
		}
		page, err = t.imagesFrom(from, f, ascending, Page{Limit: p.Limit, Offset: left}, total)
		return err
	})
	return page, err
}
