package catalog

import (
	"context"
)

// OrgCount returns how many organisations a domain has. Errors: NotFound
// "project" when project is not one of the domain's.
func (db *DB) OrgCount(ctx context.Context, domain, project string) (n int, err error) {
	err = db.view(ctx, func(t *tx) error {
		if _, err := t.project(domain, project); err != nil {
			return err
		}
		_, err := t.get([]any{&n}, `SELECT COUNT(*) FROM org WHERE domain = $1`, domain)
		return err
	})
	return n, err
}
