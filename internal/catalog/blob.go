package catalog

import (
	"context"
	"errors"

	"easel"
	"easel/internal/blob"
)

// StoredBlob is a blob that a repository links.
type StoredBlob struct {
	Digest easel.Digest
	Size   int64 // bytes
	Key    blob.Key
}

// linkedBlob is a StoredBlob with its rows.
type linkedBlob struct {
	StoredBlob
	repo, id int64
}

func (t *tx) linkedBlob(repo easel.Repo, digest easel.Digest) (b linkedBlob, err error) {
	b.Digest = digest
	ok, err := t.get([]any{&b.repo, &b.id, &b.Size, &b.Key}, `
		SELECT l.repo, b.id, b.size, b.storage_key FROM blob b JOIN link l ON l.blob = b.id JOIN repo r ON r.id = l.repo
		WHERE b.digest = $1 AND b.lost = 0 AND r.name = $2`, string(digest), string(repo))
	if err != nil || ok {
		return b, err
	}
	if _, err := t.repoID(repo); err != nil {
		return b, err
	}
	return b, easel.E(easel.NotFound, "blob", "the repository %s has no blob %s", repo, digest)
}

// Blob finds a blob for a puller: nothing is pinned. Errors: NotFound "blob" or "repository".
func (db *DB) Blob(ctx context.Context, repo easel.Repo, digest easel.Digest) (StoredBlob, error) {
	var b linkedBlob
	err := db.view(ctx, func(t *tx) (err error) {
		b, err = t.linkedBlob(repo, digest)
		return err
	})
	return b.StoredBlob, err
}

// PinBlob finds a blob for someone who may push and is about to be told that
// it is there: it is pinned first. The token whose upload made it is not
// counted again. On a full disk the blob is found without a pin.
func (db *DB) PinBlob(ctx context.Context, who easel.Principal, repo easel.Repo, digest easel.Digest) (StoredBlob, error) {
	var b linkedBlob
	var counted bool
	err := db.view(ctx, func(t *tx) (err error) { // most questions of a push are about blobs that are not there: they need no writer
		if b, err = t.linkedBlob(repo, digest); err != nil || who.TokenID == "" {
			return err
		}
		counted, err = t.exists(`SELECT 1 FROM pin WHERE repo = $1 AND blob = $2 AND owner = $3 AND finisher = $4 AND until > $5`,
			b.repo, b.id, who.UserID, who.TokenID, t.now)
		return err
	})
	if err != nil || counted {
		return b.StoredBlob, err
	}
	found := b
	err = db.update(ctx, func(t *tx) (err error) {
		if b, err = t.linkedBlob(repo, digest); err != nil {
			return err
		}
		return t.countPin(b.repo, b.id, who.UserID, "")
	})
	if errors.Is(err, easel.NoSpace) {
		return found.StoredBlob, nil
	}
	return b.StoredBlob, err
}

// Holder is a repository that links a blob, with what the caller may do there.
type Holder struct {
	Repo   easel.Repo
	Grants easel.Grants
}

// BlobHolders returns up to 20 repositories that link digest and that who may
// be able to read; the caller asks policy about each.
func (db *DB) BlobHolders(ctx context.Context, who easel.Principal, digest easel.Digest) (found []Holder, err error) {
	err = db.view(ctx, func(t *tx) error {
		found, err = all(t, func(s scanner) (h Holder, err error) {
			err = s.Scan(&h.Repo, &h.Grants.Domain, &h.Grants.OrgLevel, &h.Grants.Level, &h.Grants.Public, &h.Grants.Shared)
			return h, err
		}, `
			SELECT r.name, o.domain, coalesce(g.level, 0), `+grantedLevel+`, r.is_public, CASE WHEN s.repo IS NULL THEN 0 ELSE 1 END
			FROM blob b JOIN link l ON l.blob = b.id JOIN repo r ON r.id = l.repo JOIN org o ON o.id = r.org
			LEFT JOIN org_grant g ON g.org = o.id AND g.account = $1
			LEFT JOIN repo_grant rg ON rg.repo = r.id AND rg.account = $1
			LEFT JOIN share s ON s.repo = r.id AND s.domain = $3 AND (s.ends = 0 OR s.ends > $4)
			WHERE b.digest = $2 AND b.lost = 0 AND (r.is_public = 1 OR g.level > 0 OR rg.level > 0 OR s.repo IS NOT NULL OR o.domain = $3)
			ORDER BY r.id LIMIT 20`, who.UserID, string(digest), who.DomainID, t.now)
		return err
	})
	return found, err
}

// Mount links digest, which from links, into to (made if need be) and pins it.
// Errors: NotFound "blob" when from has no such blob (any more), NotFound "organisation".
func (db *DB) Mount(ctx context.Context, who easel.Principal, from, to easel.Repo, digest easel.Digest) (StoredBlob, error) {
	var b linkedBlob
	err := db.update(ctx, func(t *tx) (err error) {
		if b, err = t.linkedBlob(from, digest); err != nil {
			return err
		}
		repo, err := t.ensureRepo(who, to)
		if err != nil {
			return err
		}
		return t.linkAndPin(repo, b.id, who.UserID, "")
	})
	return b.StoredBlob, err
}
