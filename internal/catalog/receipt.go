package catalog

import (
	"maps"
	"slices"
	"strconv"

	"easel"
)

// fillReceipt says in out what went, what stays and why. blobs are the rows
// that were considered; gone those that were deleted.
func (t *tx) fillReceipt(who easel.Principal, rs []*removal, gone []goneBlob, blobs []int64, out *Removed) error {
	r := &out.Receipt
	if r.At = t.time(); r.ID == "" {
		r.ID = easel.NewUUID(r.At)
	}
	r.Actor, r.ActorID, r.Domain, r.DomainID = who.UserName, who.UserID, who.DomainName, who.DomainID
	defer tidy(r)
	for _, b := range gone {
		r.Blobs = append(r.Blobs, b.ReceiptBlob)
		r.Freed += b.Size
		out.Garbage = append(out.Garbage, Garbage{Key: b.key, Size: b.Size})
	}
	var condemned, kept []int64
	for _, x := range rs {
		for _, d := range slices.Sorted(maps.Values(x.going)) {
			r.Manifests = append(r.Manifests, string(x.name)+"@"+string(d))
		}
		for _, d := range slices.Sorted(maps.Values(x.condemned)) {
			r.Condemned = append(r.Condemned, string(x.name)+"@"+string(d))
		}
		condemned = append(condemned, slices.Collect(maps.Keys(x.condemned))...)
		kept = append(kept, x.kept...)
	}
	shared, err := t.blobsOf(kept)
	if err != nil {
		return err
	}
	blobs = slices.Compact(slices.Sorted(slices.Values(slices.Concat(blobs, shared))))
	if err := t.countKept(blobs, r); err != nil {
		return err
	}
	if err := t.sharedWith(who, blobs, r); err != nil {
		return err
	}
	if out.plan.Sharers, err = t.sharers(who, blobs, r.Shared); err != nil {
		return err
	}
	return t.pinnedBy(rs, condemned, r)
}

// tidy makes empty lists of missing ones: they are JSON arrays, never null.
func tidy(r *easel.Receipt) {
	r.Images, r.Blobs = orEmpty(r.Images), orEmpty(r.Blobs)
	for _, list := range []*[]string{&r.Tags, &r.Manifests, &r.Condemned, &r.Broken} {
		*list = orEmpty(*list)
	}
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// countKept adds up the considered blobs that are still there: shared when a
// manifest that stays names them, pinned when a repository links them all the
// same, else in trash.
func (t *tx) countKept(blobs []int64, r *easel.Receipt) error {
	return chunks(blobs, func(ids []int64) error {
		var a args
		kept, err := all(t, func(s scanner) (k struct {
			size           int64
			shared, linked bool
		}, err error) {
			err = s.Scan(&k.size, &k.shared, &k.linked)
			return k, err
		}, `
			SELECT CASE WHEN b.lost = 1 THEN 0 ELSE b.size END, EXISTS (
				SELECT 1 FROM link l JOIN ref f ON f.repo = l.repo AND f.blob = l.blob JOIN manifest m ON m.id = f.manifest
				WHERE l.blob = b.id AND m.condemned = 0), EXISTS (SELECT 1 FROM link l WHERE l.blob = b.id)
			FROM blob b WHERE b.id IN (`+addAll(&a, ids)+`)`, a...)
		for _, k := range kept {
			switch {
			case k.shared:
				r.Shared += k.size
			case k.linked:
				r.Pinned += k.size
			default:
				r.Trash += k.size
			}
		}
		return err
	})
}

// maxSharers bounds the repositories that a receipt names.
const maxSharers = 20

// sharedWith names repositories of the caller's own domain that need what
// was kept; other domains' are never named.
func (t *tx) sharedWith(who easel.Principal, blobs []int64, r *easel.Receipt) error {
	if r.Shared == 0 {
		return nil
	}
	seen := map[string]bool{}
	err := chunks(blobs, func(ids []int64) error {
		a := args{who.DomainID}
		names, err := all(t, column[string], `
			SELECT rp.name FROM repo rp JOIN org o ON o.id = rp.org
			WHERE o.domain = $1 AND rp.id IN (
				SELECT l.repo FROM link l WHERE l.blob IN (`+addAll(&a, ids)+`) AND EXISTS (SELECT 1 FROM ref f WHERE f.repo = l.repo AND f.blob = l.blob))
			ORDER BY rp.name LIMIT `+strconv.Itoa(maxSharers), a...)
		for _, n := range names {
			seen[n] = true
		}
		return err
	})
	names := slices.Sorted(maps.Keys(seen))
	r.SharedWith = names[:min(len(names), maxSharers)]
	return err
}

// maxSharingTags bounds the tags that a plan names, and the manifests that are
// looked at for them: the layers of a base image are in thousands.
const maxSharingTags = 100

// sharers names, for a plan, tags of the caller's domain whose manifests name
// what was kept.
func (t *tx) sharers(who easel.Principal, blobs []int64, shared int64) ([]easel.Sharer, error) {
	if !t.planning || shared == 0 {
		return nil, nil
	}
	images := map[string][]string{}
	err := chunks(blobs, func(ids []int64) error {
		a := args{who.DomainID, who.ProjectID}
		_, err := all(t, func(s scanner) (struct{}, error) {
			var repo, tag, image string
			err := s.Scan(&repo, &tag, &image)
			name := repo + ":" + tag
			if images[name] = append([]string{}, images[name]...); image != "" {
				images[name] = append(images[name], image)
			}
			return struct{}{}, err
		}, `
			SELECT DISTINCT rp.name, tag.name, coalesce(i.id, '') FROM (
				SELECT DISTINCT f.repo, f.manifest FROM link l JOIN ref f ON f.repo = l.repo AND f.blob = l.blob
				JOIN repo rp ON rp.id = l.repo JOIN org o ON o.id = rp.org
				WHERE o.domain = $1 AND l.blob IN (`+addAll(&a, ids)+`) LIMIT `+strconv.Itoa(maxSharingTags)+`) AS f
			JOIN tag ON tag.repo = f.repo AND tag.manifest = f.manifest
			JOIN repo rp ON rp.id = f.repo
			LEFT JOIN image i ON i.project = $2 AND i.repo = rp.name AND i.tag = tag.name`, a...)
		return err
	})
	found := make([]easel.Sharer, 0, min(len(images), maxSharingTags))
	for _, tag := range slices.Sorted(maps.Keys(images)) {
		if len(found) == maxSharingTags {
			break
		}
		found = append(found, easel.Sharer{Tag: tag, Images: images[tag]})
	}
	return found, err
}

// pinnedBy says whose pins keep something, and until when the last does.
func (t *tx) pinnedBy(rs []*removal, condemned []int64, r *easel.Receipt) error {
	if r.Pinned == 0 && len(condemned) == 0 {
		return nil
	}
	var until int64
	names := map[string]bool{}
	add := func(query string, a args) error {
		_, err := all(t, func(s scanner) (struct{}, error) {
			var name string
			var end int64
			err := s.Scan(&name, &end)
			names[name], until = true, max(until, end)
			return struct{}{}, err
		}, query, a...)
		return err
	}
	for _, x := range rs {
		err := chunks(slices.Sorted(maps.Keys(x.blobs)), func(ids []int64) error {
			a := args{x.repo, t.now}
			return add(`SELECT coalesce(a.name, p.owner), p.until FROM pin p LEFT JOIN account a ON a.id = p.owner
				WHERE p.repo = $1 AND p.until > $2 AND p.blob IN (`+addAll(&a, ids)+`)`, a)
		})
		if err != nil {
			return err
		}
	}
	err := chunks(condemned, func(ids []int64) error {
		a := args{t.now}
		return add(`SELECT coalesce(a.name, p.owner), p.until FROM mpin p LEFT JOIN account a ON a.id = p.owner
			WHERE p.until > $1 AND p.manifest IN (`+addAll(&a, ids)+`)`, a)
	})
	if err != nil || until == 0 {
		return err
	}
	end := fromMicros(until)
	r.PinnedUntil, r.PinnedBy = &end, slices.Sorted(maps.Keys(names))
	return nil
}
