package catalog_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// undoable turns on the undo window of team.
func undoable(t *testing.T, w *imagetest.World, window time.Duration, budget int64) {
	t.Helper()
	if err := w.DB.SetOrgUndo(t.Context(), w.Ann, "team", catalog.Undo{Window: window, Budget: budget}); err != nil {
		t.Fatal(err)
	}
}

// sound fails when something in the catalogue is not as it must be.
func sound(t *testing.T, w *imagetest.World) {
	t.Helper()
	found, err := w.DB.Verify(t.Context(), false)
	if err != nil || len(found) > 0 {
		t.Errorf("findings %+v, %v", found, err)
	}
}

func garbage(t *testing.T, w *imagetest.World) (n int) {
	t.Helper()
	due, err := w.DB.Garbage(t.Context(), "", 1000)
	if err != nil {
		t.Fatal(err)
	}
	return len(due)
}

func deleteForced(t *testing.T, ctx context.Context, w *imagetest.World, ids ...string) easel.Receipt {
	t.Helper()
	_, out, err := w.DB.DeleteImages(ctx, w.Ann, catalog.ImageDeletion{Project: imagetest.AcmeOne, IDs: ids, Force: true})
	if err != nil {
		t.Fatal(err)
	}
	return out.Receipt
}

// TestUndo deletes by each route, looks that nothing can be read, restores, and
// compares with what there was.
func TestUndo(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		w.Push(t, w.Ann, "team/base:1", "base")
		size := w.Push(t, w.Ann, "team/torch:1", "base", "torch") - int64(len("base"))
		w.PushIndex(t, w.Ann, "team/multi:all", "amd64=x", "arm64=y")
		i := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		multi, err := w.DB.Manifest(t.Context(), "team/multi", easel.Ref{Tag: "all"})
		if err != nil {
			t.Fatal(err)
		}
		for name, remove := range map[string]func() (easel.Receipt, error){
			"image": func() (easel.Receipt, error) { return deleteForced(t, t.Context(), w, i.ID), nil },
			"tag": func() (easel.Receipt, error) {
				out, err := w.DB.DeleteTag(t.Context(), w.Ann, "team/torch", "1", nil)
				return out.Receipt, err
			},
			"repository": func() (easel.Receipt, error) {
				out, err := w.DB.DeleteRepo(t.Context(), w.Ann, "team/torch", nil)
				return out.Receipt, err
			},
			"index by digest": func() (easel.Receipt, error) {
				out, err := w.DB.DeleteManifest(t.Context(), w.Ann, "team/multi", multi.Digest, nil)
				return out.Receipt, err
			},
		} {
			before, spare := look(t, w, i.ID), garbage(t, w)
			receipt, err := remove()
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if receipt.Freed != 0 || receipt.Trash == 0 || receipt.RestoreUntil == nil || garbage(t, w) != spare {
				t.Errorf("%s: the receipt is %+v, with %d keys of garbage", name, receipt, garbage(t, w))
			}
			if name != "index by digest" && receipt.Trash != size {
				t.Errorf("%s: %d bytes in trash, want %d", name, receipt.Trash, size)
			}
			if after := look(t, w, i.ID); cmp.Equal(before, after) {
				t.Errorf("%s: nothing went", name)
			}
			sound(t, w)
			if _, err := w.DB.Restore(t.Context(), w.Ann, receipt.ID, ""); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			if diff := cmp.Diff(before, look(t, w, i.ID)); diff != "" {
				t.Errorf("%s: restored (-before +now):\n%s", name, diff)
			}
			sound(t, w)
			_, err = w.DB.Restore(t.Context(), w.Ann, receipt.ID, "")
			wantError(t, name+": restored twice", err, easel.NotFound, "trash")
		}
	})
}

// look is what a reader sees: tags with their digests, blobs, the image.
func look(t *testing.T, w *imagetest.World, image string) map[string]string {
	t.Helper()
	seen := map[string]string{}
	for _, repo := range []easel.Repo{"team/base", "team/torch", "team/multi"} {
		tags, _, err := w.DB.Tags(t.Context(), repo, "", 100)
		if err != nil && !errors.Is(err, easel.NotFound) {
			t.Fatal(err)
		}
		for _, tag := range tags {
			m, err := w.DB.Manifest(t.Context(), repo, easel.Ref{Tag: tag})
			if err != nil {
				t.Fatal(err)
			}
			seen[string(repo)+":"+string(tag)] = string(m.Digest) + " " + m.MediaType + " " + string(m.Body)
		}
		for _, word := range []string{"base", "torch", "x", "y"} {
			if b, err := w.DB.Blob(t.Context(), repo, easel.DigestOf(easel.SHA256, []byte(word))); err == nil {
				seen[string(repo)+" "+word] = string(b.Key)
			}
		}
	}
	if i, err := w.DB.Image(t.Context(), image); err == nil {
		seen["image"] = i.Path + " " + string(i.Status) + " " + i.StatusMessage + " " + i.Created.String()
	}
	return seen
}

// TestRestoreUnderAnotherName restores when the tag and its record are there
// again with other content.
func TestRestoreUnderAnotherName(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		var receipts []string
		for _, word := range []string{"one", "two", "three"} {
			w.Push(t, w.Ann, "team/torch:1", word)
			receipts = append(receipts, deleteForced(t, t.Context(), w, register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1")).ID).ID)
		}
		w.Push(t, w.Ann, "team/torch:1", "four")
		register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		for n, want := range []string{"team/torch:1-restored-1", "team/torch:1-restored-2", "team/torch:mine"} {
			as := easel.Tag("")
			if n == 2 {
				_, err := w.DB.Restore(t.Context(), w.Ann, receipts[n], "1")
				wantError(t, "a name that is taken", err, easel.Exists, "tag")
				as = "mine"
			}
			back, err := w.DB.Restore(t.Context(), w.Ann, receipts[n], as)
			if err != nil || len(back.Tags) != 1 || back.Tags[0].Is != want || back.Images[0].Path != "registry.test/"+want {
				t.Errorf("restored %+v, %v; want %s", back, err, want)
			}
			if i, err := w.DB.Image(t.Context(), back.Images[0].ID); err != nil || i.Path != "registry.test/"+want || string(i.Repo)+":"+string(i.Tag) != want {
				t.Errorf("the record is %+v, %v", i, err)
			}
			if !w.HasTag(t, want) {
				t.Errorf("there is no %s", want)
			}
		}
		sound(t, w)
	})
}

// TestRestoreWhatWasPushedAgain restores content of which a part is there.
func TestRestoreWhatWasPushedAgain(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		w.Push(t, w.Ann, "team/torch:1", "base", "torch")
		receipt := deleteForced(t, t.Context(), w, register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1")).ID)
		w.Push(t, w.Ann, "team/other:1", "base")
		w.Push(t, w.Ann, "team/torch:1", "base", "torch")
		back, err := w.DB.Restore(t.Context(), w.Ann, receipt.ID, "")
		if err != nil || back.Tags[0].Is != "team/torch:1" || back.Bytes != 0 {
			t.Errorf("restored %+v, %v", back, err)
		}
		w.Untag(t, w.Ann, "team/other:1")
		sound(t, w)
	})
}

// TestPurge ends trash by hand, by time, by budget, and for want of space.
func TestPurge(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 100)
		drop := func(tag string, words ...string) easel.Receipt {
			w.Push(t, w.Ann, "team/torch:"+tag, words...)
			out, err := w.DB.DeleteTag(t.Context(), w.Ann, "team/torch", easel.Tag(tag), nil)
			if err != nil {
				t.Fatal(err)
			}
			return out.Receipt
		}
		a := drop("a", "layer a")
		if _, err := w.DB.PurgeTrash(t.Context(), w.Gus, a.ID); !errors.Is(err, easel.NotFound) {
			t.Errorf("purged by another domain: %v", err)
		}
		out, err := w.DB.PurgeTrash(t.Context(), w.Ann, a.ID)
		if err != nil || out.Receipt.Freed != a.Trash || len(out.Receipt.Blobs) != 2 || len(out.Receipt.Manifests) != 1 || out.Receipt.Action != "purgeTrash" {
			t.Errorf("purged %+v, %v", out.Receipt, err)
		}
		_, err = w.DB.PurgeTrash(t.Context(), w.Ann, a.ID)
		wantError(t, "purged twice", err, easel.NotFound, "trash")

		// The oldest goes when together they are over the budget; one that is over it alone never gets there.
		b, c := drop("b", "layer b of forty bytes ..............."), drop("c", "layer c of forty bytes ...............")
		out, more, err := w.DB.PurgeEnded(t.Context())
		if err != nil || !more || out.Receipt.Resource != b.ID || out.Receipt.Freed != b.Trash {
			t.Errorf("over the budget: %+v, %v, %v", out.Receipt, more, err)
		}
		if _, more, err := w.DB.PurgeEnded(t.Context()); more || err != nil {
			t.Errorf("within the budget: %v, %v", more, err)
		}
		if big := drop("big", "a layer that is larger than the whole budget .................................................................."); big.Trash != 0 || big.Freed < 100 || big.RestoreUntil != nil {
			t.Errorf("larger than the budget: %+v", big)
		}
		// For want of space the time does not count.
		out, more, err = w.DB.PurgeOldest(t.Context())
		if err != nil || !more || out.Receipt.Resource != c.ID {
			t.Errorf("the oldest: %+v, %v, %v", out.Receipt, more, err)
		}
		if _, more, err := w.DB.PurgeOldest(t.Context()); more || err != nil {
			t.Errorf("nothing is left: %v, %v", more, err)
		}
		undoable(t, w, time.Millisecond, 0) // the clock ticks seconds
		d := drop("d", "layer d")
		if out, more, err = w.DB.PurgeEnded(t.Context()); err != nil || !more || out.Receipt.Resource != d.ID {
			t.Errorf("its time is over: %+v, %v, %v", out.Receipt, more, err)
		}
		sound(t, w)
	})
}

// TestTrashKeepsWhatItShares lets two deletions share a layer, of which one
// goes to trash, in both orders.
func TestTrashKeepsWhatItShares(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		for _, trashFirst := range []bool{true, false} {
			w.Push(t, w.Ann, "team/torch:1", "base", "torch")
			w.Push(t, w.Gus, "rival/torch:1", "base", "rival")
			var receipt easel.Receipt
			steps := []func(){
				func() {
					out, err := w.DB.DeleteTag(t.Context(), w.Ann, "team/torch", "1", nil)
					if err != nil {
						t.Fatal(err)
					}
					receipt = out.Receipt
				},
				func() {
					if out, err := w.DB.DeleteTag(t.Context(), w.Gus, "rival/torch", "1", nil); err != nil || out.Receipt.Freed == 0 {
						t.Errorf("the rival's deletion: %+v, %v", out.Receipt, err)
					}
				},
			}
			if !trashFirst {
				slices.Reverse(steps)
			}
			for _, step := range steps {
				step()
			}
			sound(t, w)
			if _, err := w.DB.Restore(t.Context(), w.Ann, receipt.ID, ""); err != nil {
				t.Fatal(err)
			}
			if _, err := w.DB.Blob(t.Context(), "team/torch", easel.DigestOf(easel.SHA256, []byte("base"))); err != nil {
				t.Errorf("trash first %v: the shared layer: %v", trashFirst, err)
			}
			sound(t, w)
		}
	})
}

// TestDeleteNow skips the window, and organisations with trash stay.
func TestDeleteNow(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		size := w.Push(t, w.Ann, "team/torch:1", "torch")
		r := deleteForced(t, easel.WithDeleteNow(t.Context()), w, register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1")).ID)
		if r.Freed != size || r.Trash != 0 || r.RestoreUntil != nil {
			t.Errorf("deleted now: %+v", r)
		}
		w.Push(t, w.Ann, "team/torch:1", "torch")
		out, err := w.DB.DeleteRepo(t.Context(), w.Ann, "team/torch", nil)
		if err != nil {
			t.Fatal(err)
		}
		wantError(t, "an organisation with trash", w.DB.DeleteOrg(t.Context(), w.Ann, "team"), easel.InUse, "organisation")
		found, err := w.DB.Trash(t.Context(), w.Ann, catalog.TrashQuery{Domain: w.Ann.DomainID, Limit: 10})
		if err != nil || len(found) != 1 || found[0].ID != out.Receipt.ID || found[0].Bytes != size || found[0].Manifests != 1 || found[0].Tags[0] != "1" || found[0].Grants.Level != 7 {
			t.Errorf("trash: %+v, %v", found, err)
		}
		for _, q := range []catalog.TrashQuery{{Domain: w.Gus.DomainID}, {Domain: w.Ann.DomainID, Org: "none"}, {Domain: w.Ann.DomainID, Before: found[0].Row}, {Domain: w.Ann.DomainID, ID: "\x00"}} {
			q.Limit = 10
			if found, err := w.DB.Trash(t.Context(), w.Ann, q); err != nil || len(found) != 0 {
				t.Errorf("%+v: %+v, %v", q, found, err)
			}
		}
		if found, err := w.DB.Trash(t.Context(), w.Ben, catalog.TrashQuery{Domain: w.Ann.DomainID, Limit: 10}); err != nil || len(found) != 1 || found[0].Grants.Level != 0 {
			t.Errorf("without a grant: %+v, %v", found, err)
		}
		if u, held, err := w.DB.OrgUndo(t.Context(), "team"); err != nil || u.Window != time.Hour || held != size {
			t.Errorf("undo: %+v, %d, %v", u, held, err)
		}
		_, err = w.DB.Restore(t.Context(), w.Gus, out.Receipt.ID, "")
		wantError(t, "restored by another domain", err, easel.NotFound, "trash")
	})
}

// TestRestoreALostBlob restores content whose object vanished.
func TestRestoreALostBlob(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		w.Push(t, w.Ann, "team/torch:1", "torch")
		b, err := w.DB.Blob(t.Context(), "team/torch", easel.DigestOf(easel.SHA256, []byte("torch")))
		if err != nil {
			t.Fatal(err)
		}
		out, err := w.DB.DeleteTag(t.Context(), w.Ann, "team/torch", "1", nil)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.DB.SetLost(t.Context(), b.Key); err != nil {
			t.Fatal(err)
		}
		_, err = w.DB.Restore(t.Context(), w.Ann, out.Receipt.ID, "")
		wantError(t, "a lost blob", err, easel.NotFound, "blob")
		w.Push(t, w.Ann, "team/other:1", "torch") // heals it
		if _, err = w.DB.Restore(t.Context(), w.Ann, out.Receipt.ID, ""); err != nil {
			t.Errorf("healed: %v", err)
		}
		sound(t, w)
	})
}

// TestRestoreIntoAWorkspace restores images whose workspace is there, and
// those whose workspace was deleted meanwhile: trash does not keep it.
func TestRestoreIntoAWorkspace(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		undoable(t, w, time.Hour, 0)
		vision := w.WorkspaceID(t, w.Ann, "vision")
		w.Push(t, w.Ann, "team/torch:1", "torch")
		r := registration(t, imagetest.AcmeOne, "team/torch:1")
		r.Image.Workspace = vision
		i := register(t, w, r)
		for _, stays := range []bool{true, false} {
			receipt := deleteForced(t, t.Context(), w, i.ID)
			want, moved := vision, []string{}
			if !stays {
				want, moved = easel.DefaultWorkspace, []string{i.ID}
				must(t, w.DB.DeleteWorkspace(t.Context(), w.Ann, imagetest.AcmeOne, vision))
			}
			back, err := w.DB.Restore(t.Context(), w.Ann, receipt.ID, "")
			if err != nil || len(back.Images) != 1 || !slices.Equal(back.Moved, moved) {
				t.Fatalf("restored %+v, %v; want %v moved", back, err, moved)
			}
			now, err := w.DB.Image(t.Context(), i.ID)
			if err != nil || now.Workspace != want {
				t.Errorf("the record is in %s, %v; want %s", now.Workspace, err, want)
			}
			found, total, err := w.DB.Images(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: want, Type: easel.Dedicated}, nil, false, catalog.Page{})
			if err != nil || total != 1 || len(found) != 1 {
				t.Errorf("the list of %s has %d of %d, %v", want, len(found), total, err)
			}
			sound(t, w)
		}
	})
}
