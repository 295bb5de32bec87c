package catalogtest

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"easel"
	"easel/internal/catalog"
)

var deleteTests = []test{
	{"SharedContentStays", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "c1", "base", "own")
		w.push(w.ann, "team/a", "v2", "c2", "base")
		w.push(w.bob, "team/b", "v1", "c3", "base")
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("c1")+size("own"), size("base"), 0)
		if !slices.Equal(out.Receipt.SharedWith, []string{"team/a", "team/b"}) {
			t.Errorf("SharedWith = %v", out.Receipt.SharedWith)
		}
		out, err = w.db.DeleteTag(t.Context(), w.ann, "team/a", "v2", nil)
		w.must(err)
		w.bytes(out, size("c2"), size("base"), 0)
		if w.has("team/a", "base") {
			t.Error("team/a still serves what it has no manifest for")
		}
		out, err = w.db.DeleteTag(t.Context(), w.bob, "team/b", "v1", nil)
		w.must(err)
		w.bytes(out, size("c3")+size("base"), 0, 0)
	}},
	{"OtherDomainsAreNotNamed", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "c1", "base")
		w.push(w.eve, "foreign/a", "v1", "c2", "base")
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("c1"), size("base"), 0)
		if len(out.Receipt.SharedWith) != 0 {
			t.Errorf("SharedWith = %v", out.Receipt.SharedWith)
		}
	}},
	{"OneOfTwoTags", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		w.must(w.put(w.ann, "team/a", m, "v2"))
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, 0, size("config"), 0)
		if !w.hasManifest("team/a", m) {
			t.Error("the manifest of the other tag went")
		}
		_, err = w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.wants(err, easel.NotFound, "tag")
	}},
	{"DigestTakesAllItsTags", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		w.must(w.put(w.ann, "team/a", m, "v2"))
		out, err := w.db.DeleteManifest(t.Context(), w.ann, "team/a", manifestDigest(m), nil)
		w.must(err)
		w.bytes(out, size("config"), 0, 0)
		if len(out.Receipt.Tags) != 2 {
			t.Errorf("Tags = %v", out.Receipt.Tags)
		}
		_, err = w.db.DeleteManifest(t.Context(), w.ann, "team/a", manifestDigest(m), nil)
		w.wants(err, easel.NotFound, "manifest")
	}},
	{"BlobOfAManifestIsRefused", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		_, err := w.db.DeleteBlob(t.Context(), w.ann, "team/a", digest("config"))
		w.wants(err, easel.InUse, "blob")
		if !strings.Contains(err.Error(), string(manifestDigest(m))) {
			t.Errorf("%v does not name the manifest", err)
		}
	}},
	{"ChildOfAnIndexIsRefused", func(t *testing.T, w *world) {
		child := w.push(w.ann, "team/a", "child", "config")
		w.must(w.put(w.ann, "team/a", index(child), "all"))
		_, err := w.db.DeleteManifest(t.Context(), w.ann, "team/a", manifestDigest(child), nil)
		w.wants(err, easel.InUse, "manifest")
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "child", nil) // only the tag
		w.must(err)
		w.bytes(out, 0, size("config"), 0)
	}},
	{"ChildrenGoWithTheirIndex", func(t *testing.T, w *world) {
		amd, arm, shared := w.push(w.ann, "team/a", "amd", "c1", "amd layer"), w.push(w.ann, "team/a", "arm", "c2"), w.push(w.ann, "team/a", "x", "c3")
		w.must(w.put(w.ann, "team/a", index(amd, arm, shared), "all"))
		w.must(w.put(w.ann, "team/a", index(shared), "other"))
		for _, tag := range []easel.Tag{"amd", "x"} {
			_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", tag, nil)
			w.must(err)
		}
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "all", nil)
		w.must(err)
		w.bytes(out, size("c1")+size("amd layer"), size("c2")+size("c3"), 0)
		if w.hasManifest("team/a", amd) || !w.hasManifest("team/a", arm) || !w.hasManifest("team/a", shared) {
			t.Error("the child with a tag and the child of another index stay, the third goes")
		}
	}},
	{"NestedIndexes", func(t *testing.T, w *world) {
		leaf := w.push(w.ann, "team/a", "leaf", "config")
		inner := index(leaf)
		w.must(w.put(w.ann, "team/a", inner))
		w.must(w.put(w.ann, "team/a", index(inner, leaf), "outer"))
		_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "leaf", nil)
		w.must(err)
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "outer", nil)
		w.must(err)
		w.bytes(out, size("config"), 0, 0)
	}},
	{"ReferrersGoWithTheirSubject", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		for _, word := range []string{"sig", "sigsig", "tagged"} {
			w.upload(w.ann, "team/a", word)
		}
		sig := referrer(m, "sig")
		w.must(w.put(w.ann, "team/a", sig))
		w.must(w.put(w.ann, "team/a", referrer(sig, "sigsig")))
		w.must(w.put(w.ann, "team/a", referrer(m, "tagged"), "keep"))
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.bytes(out, size("config")+size("sig")+size("sigsig"), size("tagged"), 0)
		if len(out.Receipt.Manifests) != 3 || !w.has("team/a", "tagged") {
			t.Errorf("receipt %+v", out.Receipt)
		}
	}},
	{"ReferrerByDigestGoesAlone", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		w.upload(w.ann, "team/a", "sig")
		sig := referrer(m, "sig")
		w.must(w.put(w.ann, "team/a", sig))
		out, err := w.db.DeleteManifest(t.Context(), w.ann, "team/a", manifestDigest(sig), nil)
		w.must(err)
		w.bytes(out, size("sig"), 0, 0)
	}},
	{"RepositoryTakesEverything", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "c1", "base")
		w.must(w.put(w.ann, "team/a", index(m), "all"))
		w.push(w.ann, "team/b", "v1", "c2", "base")
		w.upload(w.ann, "team/a", "loose")
		out, err := w.db.DeleteRepo(t.Context(), w.ann, "team/a", nil)
		w.must(err)
		w.bytes(out, size("c1")+size("loose"), size("base"), 0)
		_, err = w.db.DeleteRepo(t.Context(), w.ann, "team/a", nil)
		w.wants(err, easel.NotFound, "repository")
		w.push(w.ann, "team/a", "v1", "c1", "base") // and it can come back
	}},
	{"RePushHasAnotherKey", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		before, err := w.db.Blob(t.Context(), "team/a", digest("config"))
		w.must(err)
		_, err = w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		w.push(w.ann, "team/a", "v1", "config")
		after, err := w.db.Blob(t.Context(), "team/a", digest("config"))
		w.must(err)
		if before.Key == after.Key || !slices.Contains(w.garbage(), before.Key) || slices.Contains(w.garbage(), after.Key) {
			t.Errorf("keys %s and %s, garbage %v", before.Key, after.Key, w.garbage())
		}
	}},
	{"ReceiptIsInTheAuditTrail", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		ctx := easel.WithRequestID(t.Context(), "request-1")
		out, err := w.db.DeleteTag(ctx, w.ann, "team/a", "v1", nil)
		w.must(err)
		text, err := w.db.Receipt(ctx, "lab", out.Receipt.ID)
		w.must(err)
		var got easel.Receipt
		w.must(json.Unmarshal(text, &got))
		if got.Freed != size("config") || len(got.Blobs) != 1 || got.Blobs[0].Digest != digest("config") {
			t.Errorf("receipt %+v", got)
		}
		if got.Actor != "ann" || got.Domain != "lab" || got.Action != "deleteImageTag" || got.Resource != "team/a:v1" {
			t.Errorf("the receipt does not tell who did what: %+v", got)
		}
		_, err = w.db.Receipt(ctx, "other", out.Receipt.ID)
		w.wants(err, easel.NotFound, "receipt")
		found, err := w.db.Audit(ctx, catalog.AuditQuery{Domain: "lab", Action: "deleteImageTag", Limit: 10})
		w.must(err)
		if len(found) != 1 || found[0].ActorName != "ann" || found[0].RequestID != "request-1" || found[0].Resource != "team/a:v1" || found[0].Bytes != size("config") {
			t.Errorf("audit %+v", found)
		}
	}},
}

// register makes an image record of a tag, as its project's.
func (w *world) register(who easel.Principal, repo easel.Repo, tag easel.Tag, change ...func(*easel.Image)) string {
	w.t.Helper()
	i := easel.Image{Project: who.ProjectID, Workspace: easel.DefaultWorkspace, Type: easel.Dedicated, Repo: repo, Tag: tag, Name: repo.Name(),
		Path: "localhost/" + string(repo) + ":" + string(tag), Arch: "x86_64", Services: []string{"NOTEBOOK"}, Origin: easel.OriginCustomize,
		ResourceCategories: []string{"CPU"}, ServiceType: "UNKNOWN", Visibility: easel.Private}
	for _, c := range change {
		c(&i)
	}
	made, err := w.db.RegisterImage(w.t.Context(), who, catalog.Registration{Image: i})
	w.must(err)
	return made.ID
}

func public(i *easel.Image) { i.Visibility = easel.Public }

func (w *world) remove(who easel.Principal, force bool, ids ...string) (catalog.Removed, error) {
	_, out, err := w.db.DeleteImages(w.t.Context(), who, catalog.ImageDeletion{Project: who.ProjectID, IDs: ids, Force: force})
	return out, err
}

var imageTests = []test{
	{"ForcedDeletionTakesTheTag", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config", "layer")
		id := w.register(w.ann, "team/a", "v1")
		out, err := w.remove(w.ann, true, id)
		w.must(err)
		w.bytes(out, size("config")+size("layer"), 0, 0)
		_, err = w.remove(w.ann, true, id)
		w.wants(err, easel.NotFound, "image")
	}},
	{"UnforcedDeletionKeepsTheTag", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		out, err := w.remove(w.ann, false, w.register(w.ann, "team/a", "v1"))
		w.must(err)
		w.bytes(out, 0, 0, 0)
		if !w.has("team/a", "config") {
			t.Error("the content went")
		}
	}},
	{"MissingTagIsSuccess", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		id := w.register(w.ann, "team/a", "v1")
		out, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.must(err)
		if !slices.Equal(out.Receipt.Broken, []string{id}) {
			t.Errorf("Broken = %v, want %s", out.Receipt.Broken, id)
		}
		i, err := w.db.Image(t.Context(), id)
		w.must(err)
		if i.Status != easel.ImageError {
			t.Errorf("status %s, want ERROR", i.Status)
		}
		_, err = w.remove(w.ann, true, id)
		w.must(err)
	}},
	{"AnotherRecordKeepsTheTag", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		id := w.register(w.ann, "team/a", "v1")
		other := w.ann
		other.ProjectID = "project-2"
		second := w.register(other, "team/a", "v1")
		out, err := w.remove(w.ann, true, id)
		w.must(err)
		if out.Receipt.Kept != "shared-tag" || out.Receipt.KeptFor != 1 || out.Receipt.Shared != size("config") || !w.has("team/a", "config") {
			t.Errorf("receipt %+v", out.Receipt)
		}
		out, err = w.remove(other, true, second)
		w.must(err)
		w.bytes(out, size("config"), 0, 0)
	}},
	{"PublicImageKeepsItsContent", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		id := w.register(w.ann, "team/a", "v1", public)
		other := w.eve
		_, err := w.remove(other, true, id)
		w.wants(err, easel.Denied, "image")
		out, err := w.remove(w.ann, true, id)
		w.must(err)
		if out.Receipt.Kept != "public" || !w.has("team/a", "config") {
			t.Errorf("receipt %+v", out.Receipt)
		}
	}},
	{"PrivateImageOfAnotherProjectIsNotFound", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		id := w.register(w.ann, "team/a", "v1")
		_, err := w.remove(w.eve, true, id)
		w.wants(err, easel.NotFound, "image")
	}},
	{"AllOfThemOrNone", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "c1", "base")
		w.push(w.ann, "team/b", "v1", "c2", "base")
		a, b := w.register(w.ann, "team/a", "v1"), w.register(w.ann, "team/b", "v1")
		_, err := w.remove(w.ann, true, a, b, "0b6c1f3e-7d5a-4b02-9f27-3a1de0c4a911")
		w.wants(err, easel.NotFound, "image")
		if !w.has("team/a", "c1") {
			t.Error("a failed deletion took something")
		}
		out, err := w.remove(w.ann, true, b, a, b)
		w.must(err)
		w.bytes(out, size("c1")+size("c2")+size("base"), 0, 0)
	}},
	{"GroupGoesAsOne", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "c1", "base")
		w.push(w.ann, "team/a", "v2", "c2", "base")
		w.register(w.ann, "team/a", "v1")
		w.register(w.ann, "team/a", "v2")
		group := easel.GroupID(w.ann.ProjectID, "0", "team", "a")
		d := catalog.ImageDeletion{Project: w.ann.ProjectID, Group: group, Force: true, InUse: func(context.Context, []easel.Image) error {
			return easel.E(easel.InUse, "image", "notebook n1 uses it")
		}}
		_, _, err := w.db.DeleteImages(t.Context(), w.ann, d)
		w.wants(err, easel.InUse, "image")
		d.InUse = nil
		images, out, err := w.db.DeleteImages(t.Context(), w.ann, d)
		w.must(err)
		w.bytes(out, size("c1")+size("c2")+size("base"), 0, 0)
		if len(images) != 2 {
			t.Errorf("images %v", images)
		}
		_, _, err = w.db.DeleteImages(t.Context(), w.ann, d)
		w.wants(err, easel.NotFound, "group")
	}},
	{"InUseRefusesEveryRoute", func(t *testing.T, w *world) {
		m := w.push(w.ann, "team/a", "v1", "config")
		id := w.register(w.ann, "team/a", "v1")
		used := func(_ context.Context, images []easel.Image) error {
			if slices.ContainsFunc(images, func(i easel.Image) bool { return i.ID == id }) {
				return easel.E(easel.InUse, "image", "notebook n1 uses it")
			}
			return nil
		}
		_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", used)
		w.wants(err, easel.InUse, "image")
		_, err = w.db.DeleteManifest(t.Context(), w.ann, "team/a", manifestDigest(m), used)
		w.wants(err, easel.InUse, "image")
		_, err = w.db.DeleteRepo(t.Context(), w.ann, "team/a", used)
		w.wants(err, easel.InUse, "image")
		if i, err := w.db.Image(t.Context(), id); err != nil || i.Status != easel.ImageActive {
			t.Errorf("the image is %s, %v", i.Status, err)
		}
	}},
	{"BuiltInRefusesItsTagsDeletion", func(t *testing.T, w *world) {
		w.push(w.ann, "team/a", "v1", "config")
		w.must(w.db.PutBuiltins(t.Context(), []easel.Image{{Type: easel.BuildIn, Workspace: "0", Repo: "team/a", Tag: "v1", Name: "base image", Path: "localhost/team/a:v1",
			Arch: "x86_64", Services: []string{"SSH"}, ServiceType: "COMMON", Status: easel.ImageActive}}))
		_, err := w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
		w.wants(err, easel.InUse, "tag")
		out, err := w.remove(w.ann, true, w.register(w.ann, "team/a", "v1"))
		w.must(err)
		if out.Receipt.Kept != "shared-tag" {
			t.Errorf("receipt %+v", out.Receipt)
		}
	}},
}
