package catalog

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"easel"
)

// Restored is what a restore brought back.
type Restored struct {
	ID     string              `json:"id"`
	Tags   []RestoredTag       `json:"tags"`
	Images []easel.ReceiptItem `json:"images"`
	Moved  []string            `json:"images_moved"` // ids of those of Images whose workspace is gone: they are in the default one
	Bytes  int64               `json:"bytes"`        // that only trash held
}

// RestoredTag is a tag that came back, perhaps under another name.
type RestoredTag struct {
	Was string `json:"was"` // "repository:tag"
	Is  string `json:"is"`
}

// Restore brings back all that a deletion of who's domain left to trash:
// repositories with their grants and shares, manifests, tags and image records
// with their ids; those whose workspace is gone come into the default one. A tag whose
// name has other content by now comes back under a free one, with its records; as asks for
// a name, which must be free, when it is one tag. Errors: NotFound "trash"; NotFound
// "blob" when a blob was lost; Exists "tag" and "image"; Invalid "tag"; Denied
// "repository quota", "space quota" and "image quota".
func (db *DB) Restore(ctx context.Context, who easel.Principal, receipt string, as easel.Tag) (out Restored, err error) {
	err = db.update(ctx, func(t *tx) error {
		out = Restored{ID: receipt, Tags: []RestoredTag{}, Images: []easel.ReceiptItem{}, Moved: []string{}}
		rs, spaces, err := t.lockRestoration(who, receipt)
		if err != nil {
			return err
		}
		tags := 0
		for _, r := range rs {
			tags += len(r.content.Tags)
		}
		if as != "" && tags != 1 {
			return easel.E(easel.Invalid, "tag", "the deletion had %d tags: a name can only be given for one", tags)
		}
		rows := make([]int64, len(rs))
		for n, r := range rs {
			rows[n] = r.row
		}
		if out.Bytes, err = t.onlyTrash(rows); err != nil {
			return err
		}
		for _, r := range rs {
			if err := t.restore(who, r, as, &out); err != nil {
				return err
			}
		}
		for org, s := range spaces {
			if err := t.within(s, org); err != nil {
				return err
			}
		}
		if err := t.dropTrash(rows); err != nil {
			return err
		}
		return t.audit(who, "restoreTrash", receipt, out.Bytes, nil)
	})
	return out, err
}

// restoration is one trash row that is being restored.
type restoration struct {
	row, repo int64
	name      easel.Repo
	content   trashed
	manifests map[int64]int64 // rows now, by those in trash
	digests   map[int64]easel.Digest
}

// lockRestoration reads what is to be restored, makes the repositories that
// are not there, and locks those, the rows and the blobs. It returns what their
// organisations hold before.
func (t *tx) lockRestoration(who easel.Principal, receipt string) ([]*restoration, map[easel.Org]space, error) {
	rs, err := all(t, func(s scanner) (*restoration, error) {
		r := &restoration{manifests: map[int64]int64{}, digests: map[int64]easel.Digest{}}
		var text string
		if err := s.Scan(&r.row, &r.name, &text); err != nil {
			return nil, err
		}
		return r, json.Unmarshal([]byte(text), &r.content)
	}, `SELECT x.id, x.repo, x.content FROM trash x JOIN org o ON o.id = x.org WHERE x.receipt = $1 AND o.domain = $2 ORDER BY x.id`, receipt, who.DomainID)
	if err != nil {
		return nil, nil, err
	}
	var repos, rows []int64
	for _, r := range rs {
		if err := t.repoAgain(who, r); err != nil {
			return nil, nil, err
		}
		repos, rows = append(repos, r.repo), append(rows, r.row)
	}
	if err := t.lockRepos(repos...); err != nil {
		return nil, nil, err
	}
	spaces, err := t.spacesOf(rs)
	if err != nil {
		return nil, nil, err
	}
	there, err := t.lockTrash(rows)
	if err == nil && (len(there) == 0 || len(there) != len(rows)) {
		err = errNoTrash(receipt)
	}
	if err != nil {
		return nil, nil, err
	}
	blobs, err := t.trashBlobs(rows)
	if err != nil {
		return nil, nil, err
	}
	if err := t.lockBlobs(blobs); err != nil {
		return nil, nil, err
	}
	return rs, spaces, t.noneLost(rows)
}

// repoAgain finds the repository, or makes it as it was.
func (t *tx) repoAgain(who easel.Principal, r *restoration) error {
	there, err := t.get([]any{&r.repo}, `SELECT id FROM repo WHERE name = $1`, string(r.name))
	if err != nil || there {
		return err
	}
	if r.repo, err = t.ensureRepo(who, r.name); err != nil || r.content.Repo == nil {
		return err
	}
	was := r.content.Repo
	if _, err := t.exec(`UPDATE repo SET category = $1, description = $2, is_public = $3 WHERE id = $4`, was.Category, was.Description, flag(was.Public), r.repo); err != nil {
		return err
	}
	return t.open(r.repo, was)
}

// open grants and shares a repository as it was, to those who are still there.
func (t *tx) open(repo int64, was *trashedRepo) error {
	for _, g := range was.Grants {
		if _, err := t.exec(`
			INSERT INTO repo_grant (repo, account, level) SELECT CAST($1 AS BIGINT), a.id, CAST($2 AS INTEGER) FROM account a WHERE a.id = $3
			ON CONFLICT (repo, account) DO NOTHING`, repo, g.Level, g.Account); err != nil {
			return err
		}
	}
	for _, x := range was.Shares {
		if x.Ends != 0 && x.Ends <= t.now {
			continue
		}
		if _, err := t.exec(`
			INSERT INTO share (repo, domain, ends, description, creator, creator_name, created, updated)
			SELECT CAST($1 AS BIGINT), d.id, CAST($2 AS BIGINT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), CAST($7 AS BIGINT)
			FROM domain d WHERE d.id = $8 ON CONFLICT (repo, domain) DO NOTHING`,
			repo, x.Ends, x.Description, x.Creator, x.CreatorName, x.Created, t.now, x.Domain); err != nil {
			return err
		}
	}
	return nil
}

// spacesOf reads, and where they are bounded locks, the space of the
// organisations of what is restored.
func (t *tx) spacesOf(rs []*restoration) (map[easel.Org]space, error) {
	spaces := map[easel.Org]space{}
	for _, r := range slices.SortedFunc(slices.Values(rs), func(a, b *restoration) int { return strings.Compare(string(a.name.Org()), string(b.name.Org())) }) {
		if _, known := spaces[r.name.Org()]; known {
			continue
		}
		s, err := t.spaceOf(r.repo)
		if err != nil {
			return nil, err
		}
		spaces[r.name.Org()] = s
	}
	return spaces, nil
}

func (t *tx) noneLost(rows []int64) error {
	var a args
	var digest string
	lost, err := t.get([]any{&digest}, `
		SELECT b.digest FROM blob b JOIN trash_blob x ON x.blob = b.id WHERE b.lost = 1 AND x.trash IN (`+addAll(&a, rows)+`) ORDER BY b.digest`+limit(1), a...)
	if err == nil && lost {
		err = easel.E(easel.NotFound, "blob", "the blob %s was lost from the store while it was in trash; push it to any repository and restore again", digest)
	}
	return err
}

// restore brings back what one deletion took out of one repository.
func (t *tx) restore(who easel.Principal, r *restoration, as easel.Tag, out *Restored) error {
	if _, err := t.exec(`INSERT INTO link (repo, blob) SELECT CAST($1 AS BIGINT), x.blob FROM trash_blob x WHERE x.trash = $2 ON CONFLICT DO NOTHING`, r.repo, r.row); err != nil {
		return err
	}
	if err := t.restoreManifests(r); err != nil {
		return err
	}
	names := map[easel.Tag]easel.Tag{}
	for _, tag := range r.content.Tags {
		name, err := t.restoreTag(r, tag, as)
		if err != nil {
			return err
		}
		names[tag.Name] = name
		out.Tags = append(out.Tags, RestoredTag{string(r.name) + ":" + string(tag.Name), string(r.name) + ":" + string(name)})
	}
	for _, i := range r.content.Images {
		home, err := t.homeAgain(i.Image)
		if err != nil {
			return err
		}
		if home != i.Image.Workspace {
			i.Image.Workspace = home
			out.Moved = append(out.Moved, i.Image.ID)
		}
		path, err := t.restoreImage(i, names)
		if err != nil {
			return err
		}
		out.Images = append(out.Images, easel.ReceiptItem{ID: i.Image.ID, Path: path})
	}
	if err := t.restoreBroken(r, names); err != nil {
		return err
	}
	if _, err := t.exec(`UPDATE repo SET updated = $1 WHERE id = $2`, t.now, r.repo); err != nil {
		return err
	}
	return t.auditAbout(who, "restoreManifests", string(r.name), 0, About{Repo: r.name, Tags: slices.Sorted(maps.Values(names))})
}

// restoreManifests puts the manifests again that are not there, children
// before their parents. None of them waits for a pin to end any more.
func (t *tx) restoreManifests(r *restoration) error {
	type copied struct {
		row       int64
		digest    easel.Digest
		mediaType string
		body      []byte
	}
	found, err := all(t, func(s scanner) (c copied, err error) {
		err = s.Scan(&c.row, &c.digest, &c.mediaType, &c.body)
		return c, err
	}, `SELECT manifest, digest, media_type, body FROM trash_manifest WHERE trash = $1 ORDER BY manifest`, r.row)
	if err != nil {
		return err
	}
	for _, c := range found {
		m, err := easel.ParseManifest(c.mediaType, c.body)
		if err != nil {
			return fmt.Errorf("manifest %s in trash: %w", c.digest, err)
		}
		blobs, err := t.namedBlobs(r.repo, m)
		if err != nil {
			return err
		}
		children, err := t.namedChildren(r.repo, m)
		if err != nil {
			return err
		}
		id, _, err := t.insertManifest(r.repo, ManifestPut{Repo: r.name, Digest: c.digest, Manifest: m}, blobs, children)
		if err != nil {
			return err
		}
		if err := t.wanted(r.repo, id, false, c.digest, children); err != nil {
			return err
		}
		r.manifests[c.row], r.digests[c.row] = id, c.digest
	}
	return nil
}

// restoreTag brings a tag back under the first name that is free, and returns that.
func (t *tx) restoreTag(r *restoration, tag trashedTag, as easel.Tag) (easel.Tag, error) {
	manifest := r.manifests[tag.Manifest]
	name := tag.Name
	if as != "" {
		name = as
	}
	for n := 1; ; n++ {
		free, err := t.tagFree(r, tag.Name, name, manifest)
		if err != nil {
			return "", err
		}
		if free {
			break
		}
		if as != "" {
			return "", easel.E(easel.Exists, "tag", "%s:%s names other content, or an image record has that tag: choose another name", r.name, as)
		}
		suffix := fmt.Sprintf("-restored-%d", n)
		name = tag.Name[:min(len(tag.Name), 128-len(suffix))] + easel.Tag(suffix)
	}
	_, err := t.exec(`INSERT INTO tag (repo, name, manifest, created, updated) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (repo, name) DO NOTHING`,
		r.repo, string(name), manifest, tag.Created, t.now)
	return name, err
}

// tagFree reports whether name can be what the tag was is restored as: it
// names nothing, or the same, and the records that come back with it find room.
func (t *tx) tagFree(r *restoration, was, name easel.Tag, manifest int64) (bool, error) {
	var now int64
	there, err := t.get([]any{&now}, `SELECT manifest FROM tag WHERE repo = $1 AND name = $2`, r.repo, string(name))
	if err != nil || there && now != manifest {
		return false, err
	}
	for _, i := range r.content.Images {
		if i.Image.Tag != was {
			continue
		}
		taken, err := t.exists(`SELECT 1 FROM image WHERE project = $1 AND repo = $2 AND tag = $3`, i.Image.Project, string(r.name), string(name))
		if err != nil || taken {
			return false, err
		}
	}
	return true, nil
}

// homeAgain returns the workspace that an image comes back into: its own, or
// the default one when that was deleted meanwhile.
func (t *tx) homeAgain(i easel.Image) (string, error) {
	err := t.inWorkspace(i.Project, i.Workspace)
	if errors.Is(err, easel.NotFound) {
		return easel.DefaultWorkspace, nil
	}
	return i.Workspace, err
}

// restoreImage records an image again, with its id, and returns its path.
func (t *tx) restoreImage(x trashedImage, names map[easel.Tag]easel.Tag) (string, error) {
	i := x.Image
	if name, restored := names[i.Tag]; restored && name != i.Tag {
		i.Path = strings.TrimSuffix(i.Path, string(i.Tag)) + string(name)
		i.Tag = name
	}
	var other string
	taken, err := t.get([]any{&other}, `SELECT id FROM image WHERE project = $1 AND repo = $2 AND tag = $3`, i.Project, string(i.Repo), string(i.Tag))
	if err != nil {
		return "", err
	}
	if taken {
		return "", easel.E(easel.Exists, "image", "%s:%s is registered again, as image %s: delete that record first", i.Repo, i.Tag, other)
	}
	if _, found, err := t.tagSize(i.Repo, i.Tag, i.Arch); err != nil {
		return "", err
	} else if !found && i.Status == easel.ImageActive {
		i.Status, i.StatusMessage = easel.ImageError, "the tag was deleted from the registry"
	}
	i.Updated = fromMicros(t.now - t.now%1000)
	group := easel.GroupID(i.Project, i.Workspace, string(i.Repo.Org()), i.Repo.Name())
	tags, readMe := i.Tags, x.ReadMe
	if there, err := t.exists(`SELECT 1 FROM image_group WHERE id = $1`, group); err != nil {
		return "", err
	} else if there {
		tags, readMe = nil, nil // what is said about the group now counts
	}
	if err := t.roomForImage(i.Project); err != nil { // before the group: in the order of a registration
		return "", err
	}
	if err := t.roomInWorkspace(i.Workspace); err != nil {
		return "", err
	}
	if _, err := t.joinGroup(i, tags, readMe); err != nil {
		return "", err
	}
	return i.Path, t.insertImage(i, group)
}

// restoreBroken takes back that records became ERROR because of the deletion,
// where their tag has its name again.
func (t *tx) restoreBroken(r *restoration, names map[easel.Tag]easel.Tag) error {
	return chunks(r.content.Broken, func(ids []string) error {
		now := t.now - t.now%1000
		var healed []string
		for was, name := range names {
			if was != name {
				continue
			}
			a := args{string(r.name), string(name), now}
			some, err := all(t, column[string], `
				UPDATE image SET status = 'ACTIVE', status_message = '', updated = $3 WHERE repo = $1 AND tag = $2 AND status = 'ERROR' AND id IN (`+addAll(&a, ids)+`) RETURNING id`, a...)
			if err != nil {
				return err
			}
			healed = append(healed, some...)
		}
		return t.groupsChanged(now, healed...)
	})
}
