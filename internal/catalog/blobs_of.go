package catalog

import (
	"cmp"
	"context"
	"slices"

	"easel"
)

// BlobsOf returns the blobs that the manifest ref and the children below it
// name, the largest first. Errors: NotFound "repository" or "manifest".
func (db *DB) BlobsOf(ctx context.Context, repo easel.Repo, ref easel.Ref) (found []easel.ReceiptBlob, err error) {
	err = db.view(ctx, func(t *tx) error {
		_, _, id, err := t.manifest(repo, ref)
		if err != nil {
			return err
		}
		manifests, seen := []int64{id}, map[int64]bool{id: true}
		for level := manifests; len(level) > 0; {
			var next []int64
			err := chunks(level, func(ids []int64) error {
				var a args
				children, err := all(t, column[int64], `
					SELECT DISTINCT c.child FROM child c WHERE c.parent IN (`+addAll(&a, ids)+`)`, a...)
				for _, c := range children {
					if !seen[c] {
						seen[c], next = true, append(next, c)
					}
				}
				return err
			})
			if err != nil {
				return err
			}
			manifests, level = append(manifests, next...), next
		}
		blobs, err := t.blobsOf(manifests)
		if err != nil {
			return err
		}
		found, err = t.sized(blobs)
		return err
	})
	return found, err
}

// sized returns digests and sizes of blobs, the largest first.
func (t *tx) sized(ids []int64) (found []easel.ReceiptBlob, err error) {
	slices.Sort(ids)
	found = []easel.ReceiptBlob{}
	err = chunks(slices.Compact(ids), func(ids []int64) error {
		var a args
		some, err := all(t, func(s scanner) (b easel.ReceiptBlob, err error) { err = s.Scan(&b.Digest, &b.Size); return b, err },
			`SELECT digest, CASE WHEN lost = 1 THEN 0 ELSE size END FROM blob WHERE id IN (`+addAll(&a, ids)+`)`, a...)
		found = append(found, some...)
		return err
	})
	slices.SortFunc(found, largestFirst)
	return found, err
}

func largestFirst(a, b easel.ReceiptBlob) int {
	return cmp.Or(cmp.Compare(b.Size, a.Size), cmp.Compare(a.Digest, b.Digest))
}
