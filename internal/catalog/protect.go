package catalog

import (
	"context"
	"time"

	"easel"
)

// ProtectImage keeps a project's image from being deleted: the record, its tag
// and the content of that, by whatever route; and its tag from being moved.
// One that is protected already stays as it is. Errors: NotFound "image";
// NotFound "tag" when the registry has no such tag.
func (db *DB) ProtectImage(ctx context.Context, who easel.Principal, project, id string) (easel.Image, error) {
	return db.changeProtection(ctx, project, id, func(t *tx, i *easel.Image) error {
		if i.Protected != nil {
			return nil
		}
		// So a protected tag is always there, and with it its repository and organisation: nobody else can come to own the name.
		if _, found, err := t.tagSize(i.Repo, i.Tag, i.Arch); err != nil || !found {
			return orNotFound(err, "tag", "the registry has no %s:%s, so there is nothing to protect", i.Repo, i.Tag)
		}
		i.Protected = &easel.Protection{UserID: who.UserID, UserName: who.UserName, At: fromMicros(t.now)}
		if _, err := t.exec(`UPDATE image SET protected_by = $1, protected_by_name = $2, protected_at = $3 WHERE id = $4`,
			who.UserID, who.UserName, t.now, id); err != nil {
			return err
		}
		return t.audit(who, "protectImage", id, 0, nil)
	})
}

// UnprotectImage lets a project's image be deleted again. One that is not
// protected stays as it is. Errors: NotFound "image".
func (db *DB) UnprotectImage(ctx context.Context, who easel.Principal, project, id string) (easel.Image, error) {
	return db.changeProtection(ctx, project, id, func(t *tx, i *easel.Image) error {
		if i.Protected == nil {
			return nil
		}
		i.Protected = nil
		if _, err := t.exec(`UPDATE image SET protected_by = '', protected_by_name = '', protected_at = 0 WHERE id = $1`, id); err != nil {
			return err
		}
		return t.audit(who, "unprotectImage", id, 0, nil)
	})
}

// changeProtection runs change on a project's image under the lock of its
// repository, which deletions and pushes take before they look at protection.
func (db *DB) changeProtection(ctx context.Context, project, id string, change func(*tx, *easel.Image) error) (i easel.Image, err error) {
	err = db.update(ctx, func(t *tx) error {
		if i, err = t.image(id); err != nil {
			return err
		}
		if err = t.lockRepoOf(i.Repo); err != nil {
			return err
		}
		if i, err = t.image(id); err != nil {
			return err
		}
		if i.Project != project {
			return errNoImage(id)
		}
		return change(t, &i)
	})
	return i, err
}

// errProtected refuses the deletion of subject because of a protected image;
// it is nil for one that is not.
func errProtected(i easel.Image, subject string) error {
	if i.Protected == nil {
		return nil
	}
	err := easel.E(easel.InUse, "protection", "image %s (%s:%s) is protected by %s; lift that first: easel image unprotect %s", i.ID, i.Repo, i.Tag, since(*i.Protected), i.ID)
	return err.Blocked(easel.BlockedByProtection, subject, i.Protected.UserName)
}

// since says who protects something, and since when.
func since(p easel.Protection) string {
	return p.UserName + " since " + p.At.UTC().Format(time.DateOnly)
}

// movable refuses to point a tag at other content when a protected image
// names it or it is immutable. The caller holds the repository's lock.
func (t *tx) movable(repo int64, name easel.Repo, tag easel.Tag) error {
	protected, err := all(t, scanImage, `SELECT `+imageColumns+` FROM image WHERE image.repo = $1 AND image.tag = $2 AND image.protected_at > 0 ORDER BY image.id`, string(name), string(tag))
	if err != nil {
		return err
	}
	if len(protected) > 0 {
		return errProtected(protected[0], string(name)+":"+string(tag))
	}
	rules, err := t.tagRules(repo)
	if err != nil {
		return err
	}
	return immutable(rules, name, tag)
}

// tagsMayGo refuses to delete tags that are immutable.
func (t *tx) tagsMayGo(r *removal, tags ...easel.Tag) error {
	if len(tags) == 0 {
		return nil
	}
	if r.rules == nil {
		rules, err := t.tagRules(r.repo)
		if err != nil {
			return err
		}
		r.rules = rules
	}
	for _, tag := range tags {
		if err := t.refuse(immutable(r.rules, r.name, tag)); err != nil {
			return err
		}
	}
	return nil
}
