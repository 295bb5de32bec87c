package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// errSilent says that a question was not answered: at rest the server has died.
var errSilent = errors.New("the server does not answer")

func silent(what string, a answer) error { return fmt.Errorf("%w: %s: %v", errSilent, what, a) }

// puller pulls manifests with all that they name. While no client works,
// nothing has to be pulled twice.
type puller struct {
	*bench
	seen map[string]map[string]int // what whole returned, by repo@digest; nil: remember nothing
	good map[string]bool           // blobs with the right content, by repo@digest
}

func (b *bench) newPuller() *puller {
	return &puller{b, map[string]map[string]int{}, map[string]bool{}}
}

// whole pulls a manifest by digest with everything it names and compares
// digests. It returns the sizes of its blobs by digest; nil when the manifest
// is not there. A manifest that is there and lacks something is a broken promise.
func (b *puller) whole(ctx context.Context, repo, digest string) (map[string]int, error) {
	if blobs, ok := b.seen[repo+"@"+digest]; ok {
		return blobs, nil
	}
	blobs, err := b.pull(ctx, repo, digest)
	if err == nil && b.seen != nil {
		b.seen[repo+"@"+digest] = blobs
	}
	return blobs, err
}

func (b *puller) pull(ctx context.Context, repo, digest string) (map[string]int, error) {
	path := "/v2/" + repo + "/manifests/" + digest
	a := b.client.oci(ctx, pulls(repo), http.MethodGet, path)
	switch {
	case a.status == http.StatusNotFound:
		return nil, nil
	case !a.ok():
		return nil, silent(path, a)
	case newContent(a.body).digest != digest:
		return nil, broken("%s is answered with the content of %s", path, newContent(a.body).digest)
	}
	var m manifest
	if err := json.Unmarshal(a.body, &m); err != nil {
		return nil, broken("%s is answered with what is no manifest: %v", path, err)
	}
	blobs := map[string]int{}
	missing := ""
	for _, d := range m.Manifests {
		some, err := b.whole(ctx, repo, d.Digest)
		if err != nil {
			return nil, err
		}
		if some == nil {
			missing = d.Digest
		}
		maps.Copy(blobs, some)
	}
	if m.Config != nil {
		m.Layers = append(m.Layers, *m.Config)
	}
	for _, d := range m.Layers {
		found, err := b.blob(ctx, repo, d.Digest)
		if err != nil {
			return nil, err
		}
		if !found {
			missing = d.Digest
		}
		blobs[d.Digest] = d.Size
	}
	if missing == "" {
		return blobs, nil
	}
	// Nobody puts the same manifest twice: if it is there now, it was there all the time.
	if again := b.client.oci(ctx, pulls(repo), http.MethodGet, path); again.ok() {
		return nil, broken("%s is there, but %s, which it names, is not", path, missing)
	}
	return nil, nil
}

// blob pulls a blob and reports whether it is there.
func (b *puller) blob(ctx context.Context, repo, digest string) (found bool, err error) {
	if b.good[repo+"@"+digest] {
		return true, nil
	}
	path := "/v2/" + repo + "/blobs/" + digest
	a := b.client.oci(ctx, pulls(repo), http.MethodGet, path)
	switch {
	case a.status == http.StatusNotFound:
		return false, nil
	case !a.ok():
		return false, silent(path, a)
	case newContent(a.body).digest != digest:
		return false, broken("%s is answered with %d other bytes", path, len(a.body))
	}
	if b.good != nil {
		b.good[repo+"@"+digest] = true
	}
	return true, nil
}

// rest checks, while no client works, that everything is as it was promised.
// errSilent: the server died meanwhile.
func (b *bench) rest(ctx context.Context) error {
	if err := b.pauseBulk(ctx); err != nil {
		return err
	}
	if err := b.check(ctx); err != nil {
		return err
	}
	found, p := map[string]string{}, b.newPuller()
	if err := p.readTags(ctx, found); err != nil {
		return err
	}
	if err := p.readManifests(ctx); err != nil {
		return err
	}
	if err := p.shelve(ctx); err != nil {
		return err
	}
	if err := b.readImages(ctx, found); err != nil {
		return err
	}
	if err := p.readGuards(ctx, found); err != nil {
		return err
	}
	kept := func(value string) bool { return b.stored[value] != "" || b.trash.shelf[value].repo != "" }
	if err := b.hist.settle(found, kept); err != nil {
		return err
	}
	return b.resumeBulk(ctx)
}

// crowd is how many manifests the test keeps: a tag that moves leaves the old
// manifest behind, and what is there is pulled at each rest.
const crowd = 60

// fewTags is how many tags of their own a repository of lab keeps.
const fewTags = 8

// prune deletes, at rest, manifests that no tag names while there are too
// many, and tags that regrets and restores left.
func (b *bench) prune(ctx context.Context) {
	tagged := slices.Collect(maps.Values(b.hist.initial))
	for repo, more := range b.trash.tags {
		for _, tag := range more[min(fewTags, len(more)):] {
			call := b.hist.now()
			a := b.client.api(ctx, http.MethodDelete, manage(repo)+"/tags/"+tag, nil)
			if a.ok() || a.unknown() {
				b.hist.add("tag "+repo+":"+tag, call, event{effect: take, maybe: a.unknown()})
			}
		}
	}
	left := len(b.stored)
	for digest, repo := range maps.Clone(b.stored) {
		if left <= crowd {
			return
		}
		if !slices.Contains(tagged, digest) {
			b.deleteByDigest(ctx, digest, repo) // refused, perhaps, or its answer lost: the next rest sees what is there
			left--
		}
	}
}

// check runs `easel check --rehash`.
func (b *bench) check(ctx context.Context) error {
	out, code, err := b.server.easel(ctx, "check", "--rehash")
	switch {
	case err != nil:
		return err
	case code == 1:
		return broken("easel check --rehash:\n%s", out)
	case code != 0 && b.server.endsNow():
		return fmt.Errorf("%w: %s", errSilent, out)
	case code != 0:
		return fmt.Errorf("easel check --rehash: exit code %d\n%s", code, out)
	}
	return nil
}

func (b *puller) readTags(ctx context.Context, found map[string]string) error {
	for _, repo := range b.repos {
		all, err := b.listTags(ctx, repo)
		if err != nil {
			return err
		}
		for _, tag := range all {
			a := b.client.oci(ctx, pulls(repo), http.MethodGet, "/v2/"+repo+"/manifests/"+tag)
			if a.status == http.StatusNotFound {
				continue
			}
			if !a.ok() {
				return silent(repo+":"+tag, a)
			}
			digest := newContent(a.body).digest
			found["tag "+repo+":"+tag] = digest
			blobs, err := b.whole(ctx, repo, digest)
			if err == nil && blobs == nil {
				err = broken("%s:%s names %s, which is not there", repo, tag, digest)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// listTags returns the tags that there may be in a repository, and remembers
// those that are not known to everybody.
func (b *bench) listTags(ctx context.Context, repo string) ([]string, error) {
	a := b.client.oci(ctx, pulls(repo), http.MethodGet, "/v2/"+repo+"/tags/list")
	var list struct{ Tags []string }
	if a.status == http.StatusNotFound {
		b.trash.tags[repo] = nil
		return tags, nil
	}
	if !a.ok() || json.Unmarshal(a.body, &list) != nil {
		return nil, silent("the tags of "+repo, a)
	}
	more := slices.DeleteFunc(list.Tags, func(tag string) bool { return slices.Contains(tags, tag) })
	b.trash.tags[repo] = more
	return append(slices.Clone(tags), more...), nil
}

// readManifests pulls every manifest that may be there, and forgets those that
// are not; those that were deleted by digest must be gone.
func (b *puller) readManifests(ctx context.Context) error {
	for digest, repo := range maps.Clone(b.stored) {
		blobs, err := b.whole(ctx, repo, digest)
		if err != nil {
			return err
		}
		if blobs == nil {
			delete(b.stored, digest)
			if inLab(repo) {
				b.trash.shelf[digest] = shelved{repo, time.Now()}
			}
		} else if b.gone[digest] != "" {
			return broken("the manifest %s@%s is there again: its deletion was acknowledged", repo, digest)
		}
	}
	clear(b.gone)
	return nil
}

func (b *bench) readImages(ctx context.Context, found map[string]string) error {
	a := b.client.api(ctx, http.MethodGet, b.project("images?limit=500"), nil)
	var list struct {
		Data []struct{ ID, Name, Namespace, Tag string }
	}
	if !a.ok() || json.Unmarshal(a.body, &list) != nil {
		return silent("the list of images", a)
	}
	b.images = b.images[max(0, len(b.images)-4):] // a few that are gone: deleting them must be refused
	for _, i := range list.Data {
		record := imageRecord{i.ID, i.Namespace + "/" + i.Name, i.Tag}
		found["image "+record.repo+" "+i.ID] = live
		if !slices.Contains(b.images, record) {
			b.images = append(b.images, record)
		}
	}
	return nil
}

// balance checks that, with all pins, uploads and trash over, the bytes on disk
// are those of the blobs that manifests name. It returns how many they are.
func (b *bench) balance(ctx context.Context, wait time.Duration) (int64, error) {
	if err := b.endBulk(ctx); err != nil {
		return 0, err
	}
	pause(ctx, wait)
	if err := b.reclaim(ctx); err != nil {
		return 0, err
	}
	if err := b.rest(ctx); err != nil {
		return 0, err
	}
	named, err := b.named(ctx)
	if err != nil {
		return 0, err
	}
	return b.onDisk(named, "the blobs that manifests name")
}

// reclaim runs `easel reclaim`.
func (b *bench) reclaim(ctx context.Context) error {
	if out, code, err := b.server.easel(ctx, "reclaim"); err != nil || code != 0 {
		return fmt.Errorf("easel reclaim: exit code %d, %w\n%s", code, err, out)
	}
	return nil
}

// named returns the sizes of all blobs that manifests name, by digest.
func (b *bench) named(ctx context.Context) (map[string]int, error) {
	named, p := map[string]int{}, b.newPuller()
	for digest, repo := range b.stored {
		blobs, err := p.whole(ctx, repo, digest)
		if err != nil {
			return nil, err
		}
		maps.Copy(named, blobs)
	}
	return named, nil
}

// onDisk checks that the bytes on disk are those of blobs, and returns them.
func (b *bench) onDisk(blobs map[string]int, what string) (int64, error) {
	var want int64
	for _, size := range blobs {
		want += int64(size)
	}
	have, err := b.server.stored()
	if err == nil && have != want {
		err = broken("%d bytes are on disk; %s, %d of them, have %d", have, what, len(blobs), want)
	}
	return have, err
}

// deleteAll deletes everything to trash where there is an undo window,
// restores and deletes it again, purges the trash, and checks the bytes on
// disk after each of it. In the end none is left.
func (b *bench) deleteAll(ctx context.Context) error {
	if err := b.unprotectAll(ctx); err != nil {
		return err
	}
	if a := b.setUndo(ctx, time.Hour, 0); !a.ok() {
		return broken("set the undo window at the end: %v", a)
	}
	before := maps.Clone(b.hist.initial)
	whole, err := b.labBlobs(ctx)
	if err != nil {
		return err
	}
	for _, restore := range []bool{true, false} {
		if err := b.deleteEach(ctx); err != nil {
			return err
		}
		if _, err := b.onDisk(whole, "the blobs in trash"); err != nil {
			return err
		}
		if err := b.emptyTrash(ctx, restore); err != nil {
			return err
		}
		if !restore {
			break
		}
		if err := b.sameAsBefore(ctx, before); err != nil {
			return err
		}
		if _, err := b.onDisk(whole, "the blobs that were restored"); err != nil {
			return err
		}
	}
	left, err := b.server.stored()
	if err == nil && left != 0 {
		err = broken("%d bytes are on disk after everything was deleted", left)
	}
	return err
}

// labBlobs returns the blobs of all that lab has.
func (b *bench) labBlobs(ctx context.Context) (map[string]int, error) {
	all, p := map[string]int{}, b.newPuller()
	for digest, repo := range b.stored {
		if !inLab(repo) {
			continue
		}
		blobs, err := p.whole(ctx, repo, digest)
		if err != nil {
			return nil, err
		}
		maps.Copy(all, blobs)
	}
	return all, nil
}

// emptyTrash restores or purges every deletion.
func (b *bench) emptyTrash(ctx context.Context, restore bool) error {
	list, ok := b.listTrash(ctx, 500)
	if !ok || restore && len(list) == 500 {
		return broken("the list of trash at the end has %d entries", len(list))
	}
	for _, x := range list {
		path := "/easel/v1/trash/" + x.ID
		var a answer
		if restore {
			a = b.client.api(ctx, http.MethodPost, path+"/restore", struct{}{})
		} else {
			a = b.client.api(ctx, http.MethodDelete, path, nil)
		}
		if !a.ok() {
			return broken("restore (%v) or purge %s at the end: %v", restore, x.ID, a)
		}
	}
	return nil
}

// sameAsBefore checks that the tags and images of lab are what they were.
func (b *bench) sameAsBefore(ctx context.Context, before map[string]string) error {
	now, p := map[string]string{}, b.newPuller()
	if err := p.readTags(ctx, now); err != nil {
		return err
	}
	if err := b.readImages(ctx, now); err != nil {
		return err
	}
	maps.DeleteFunc(before, func(key, _ string) bool { return !inLab(strings.Fields(key)[1]) })
	if !maps.Equal(before, now) {
		return broken("restored at the end are\n%v\nthere were\n%v", now, before)
	}
	return nil
}

// deleteEach deletes every image and repository.
func (b *bench) deleteEach(ctx context.Context) error {
	for _, i := range b.images {
		a := b.client.api(ctx, http.MethodDelete, b.project("images/"+i.id+"?force=true"), nil)
		if !a.ok() && a.status != http.StatusNotFound {
			return broken("delete image %s at the end: %v", i.id, a)
		}
	}
	for _, repo := range b.repos {
		a := b.client.api(ctx, http.MethodDelete, manage(repo), nil)
		if !a.ok() && a.status != http.StatusNotFound {
			return broken("delete repository %s at the end: %v", repo, a)
		}
	}
	if out, code, err := b.server.easel(ctx, "reclaim"); err != nil || code != 0 {
		return fmt.Errorf("easel reclaim: exit code %d, %w\n%s", code, err, out)
	}
	return nil
}
