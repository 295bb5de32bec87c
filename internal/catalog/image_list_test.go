package catalog_test

import (
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
	"easel/internal/workbench/imagetest"
)

// builtin returns a built-in image of "organisation/name:tag".
func builtin(t *testing.T, image, name string) easel.Image {
	t.Helper()
	r := registration(t, "", image)
	r.Image.Name, r.Image.Status, r.Image.Origin, r.Image.Visibility = name, easel.ImageActive, "", ""
	r.Image.ServiceType, r.Image.ShowName, r.Image.ShowTag = "COMMON", "Shown "+name, "one"
	return r.Image
}

// populated has two built-in images and, in AcmeOne, five of its own, made in
// this order; and one in another project and one in another workspace.
func populated(t *testing.T, w *imagetest.World) {
	t.Helper()
	must(t, w.DB.PutBuiltins(t.Context(), []easel.Image{
		builtin(t, "stock/base:one", "base-cpu"), builtin(t, "stock/base:two", "base-gpu"),
	}))
	for _, x := range []struct{ project, workspace, image, service string }{
		{imagetest.AcmeOne, "0", "team/torch:2.3", "TRAIN"},
		{imagetest.AcmeOne, "0", "team/torch_x:2.3", "DEV"},
		{imagetest.AcmeOne, "0", "team/torchx:2.3", "DEV"},
		{imagetest.AcmeOne, "0", "team/jax.nightly/gpu:v1", "DEV"},
		{imagetest.AcmeOne, "0", "team/torch:2.4", "UNKNOWN"},
		{imagetest.AcmeTwo, "0", "team/torch:2.3", "DEV"},
		{imagetest.AcmeOne, w.WorkspaceID(t, w.Ann, "other"), "team/apart:1", "DEV"},
	} {
		w.Push(t, w.Ann, x.image, "layer of "+x.image)
		r := registration(t, x.project, x.image)
		r.Image.Workspace, r.Image.ServiceType = x.workspace, x.service
		register(t, w, r)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names lists images as "name:tag".
func names(images []easel.Image) []string {
	out := []string{}
	for _, i := range images {
		out = append(out, i.Name+":"+string(i.Tag))
	}
	return out
}

func TestImagesFilter(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		own := []string{"torch:2.4", "jax.nightly/gpu:v1", "torchx:2.3", "torch_x:2.3", "torch:2.3"}
		stock := []string{"base-cpu:one", "base-gpu:two"}
		for _, tt := range []struct {
			name string
			f    catalog.ImageFilter
			want []string
		}{
			{"everything", catalog.ImageFilter{}, slices.Concat(own, stock)},
			{"dedicated", catalog.ImageFilter{Type: easel.Dedicated}, own},
			{"built-in", catalog.ImageFilter{Type: easel.BuildIn}, stock},
			{"part of a name", catalog.ImageFilter{Name: "torch"}, []string{"torch:2.4", "torchx:2.3", "torch_x:2.3", "torch:2.3"}},
			{"exact name", catalog.ImageFilter{Name: "torch", NameExact: true}, []string{"torch:2.4", "torch:2.3"}},
			{"part of an exact name", catalog.ImageFilter{Name: "orch", NameExact: true}, nil},
			{"underscore is no wildcard", catalog.ImageFilter{Name: "h_x"}, []string{"torch_x:2.3"}},
			{"percent is no wildcard", catalog.ImageFilter{Name: "%"}, nil},
			{"backslash is no escape", catalog.ImageFilter{Name: `\_`}, nil},
			{"a quote ends nothing", catalog.ImageFilter{Name: `' OR 1=1 --`}, nil},
			{"emoji", catalog.ImageFilter{Name: "🚀"}, nil},
			{"ten megabytes", catalog.ImageFilter{Name: strings.Repeat("torch", 2<<20)}, nil},
			{"slash and dot", catalog.ImageFilter{Name: "nightly/g"}, []string{"jax.nightly/gpu:v1"}},
			{"letter case counts", catalog.ImageFilter{Name: "TORCH"}, nil},
			{"organisation", catalog.ImageFilter{Org: "stock"}, stock},
			{"part of an organisation", catalog.ImageFilter{Org: "tea"}, nil},
			{"service type", catalog.ImageFilter{ServiceType: "DEV"}, []string{"jax.nightly/gpu:v1", "torchx:2.3", "torch_x:2.3"}},
			{"service type of built-ins", catalog.ImageFilter{ServiceType: "COMMON"}, stock},
			{"display name", catalog.ImageFilter{ShowName: "Shown base-gpu"}, []string{"base-gpu:two"}},
			{"display tag", catalog.ImageFilter{ShowTag: "one"}, stock},
			{"all at once", catalog.ImageFilter{Name: "torch", NameExact: true, Org: "team", Type: easel.Dedicated, ServiceType: "TRAIN"}, []string{"torch:2.3"}},
			{"another workspace", catalog.ImageFilter{Workspace: w.WorkspaceID(t, w.Ann, "other"), Type: easel.Dedicated}, []string{"apart:1"}},
			{"another project", catalog.ImageFilter{Project: imagetest.AcmeTwo, Type: easel.Dedicated}, []string{"torch:2.3"}},
			{"a project without images", catalog.ImageFilter{Project: imagetest.Globex}, stock},
		} {
			if tt.f.Project == "" {
				tt.f.Project = imagetest.AcmeOne
			}
			if tt.f.Workspace == "" {
				tt.f.Workspace = easel.DefaultWorkspace
			}
			images, total, err := w.DB.Images(t.Context(), tt.f, nil, false, catalog.Page{})
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if tt.want == nil {
				tt.want = []string{}
			}
			got := names(images)
			if tt.name != "everything" { // built-ins of one instant come in the order of their ids
				slices.Sort(got)
				slices.Sort(tt.want)
			} else {
				slices.Sort(got[5:])
			}
			if diff := cmp.Diff(tt.want, got); diff != "" || total != int64(len(tt.want)) {
				t.Errorf("%s: total %d, images (-want +got):\n%s", tt.name, total, diff)
			}
		}
	})
}

func TestImagesOrder(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		f := catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0", Type: easel.Dedicated}
		for _, tt := range []struct {
			name      string
			by        []catalog.ImageSort
			ascending bool
			want      []string
		}{
			{"default", nil, false, []string{"torch:2.4", "jax.nightly/gpu:v1", "torchx:2.3", "torch_x:2.3", "torch:2.3"}},
			{"created ascending", nil, true, []string{"torch:2.3", "torch_x:2.3", "torchx:2.3", "jax.nightly/gpu:v1", "torch:2.4"}},
			{"name, byte by byte", []catalog.ImageSort{catalog.ByName, catalog.ByTag}, true, []string{"jax.nightly/gpu:v1", "torch:2.3", "torch:2.4", "torch_x:2.3", "torchx:2.3"}},
			{"name and tag down", []catalog.ImageSort{catalog.ByName, catalog.ByTag}, false, []string{"torchx:2.3", "torch_x:2.3", "torch:2.4", "torch:2.3", "jax.nightly/gpu:v1"}},
			{"tag, then id", []catalog.ImageSort{catalog.ByTag}, false, []string{"jax.nightly/gpu:v1", "torch:2.4", "torch:2.3", "torch_x:2.3", "torchx:2.3"}},
			{"all equal: id ascending", []catalog.ImageSort{catalog.ByNamespace, catalog.ByType, catalog.ByArch, catalog.ByStatus}, false, []string{"torch:2.3", "torch_x:2.3", "torchx:2.3", "jax.nightly/gpu:v1", "torch:2.4"}},
			{"size", []catalog.ImageSort{catalog.BySize, catalog.ByName}, true, []string{"torch:2.3", "torch:2.4", "torchx:2.3", "torch_x:2.3", "jax.nightly/gpu:v1"}},
			{"id down", []catalog.ImageSort{catalog.ByID}, false, []string{"torch:2.4", "jax.nightly/gpu:v1", "torchx:2.3", "torch_x:2.3", "torch:2.3"}},
		} {
			images, _, err := w.DB.Images(t.Context(), f, tt.by, tt.ascending, catalog.Page{})
			if err != nil {
				t.Errorf("%s: %v", tt.name, err)
				continue
			}
			if diff := cmp.Diff(tt.want, names(images)); diff != "" && tt.name != "size" {
				t.Errorf("%s (-want +got):\n%s", tt.name, diff)
			}
			if tt.name == "size" && !slices.IsSortedFunc(images, func(a, b easel.Image) int { return int(a.Size - b.Size) }) {
				t.Errorf("size: %v is not sorted", images)
			}
		}
		if _, _, err := w.DB.Images(t.Context(), f, []catalog.ImageSort{"id; DROP TABLE image"}, false, catalog.Page{}); err == nil {
			t.Error("an unknown order was accepted")
		}
	})
}

func TestImagesPages(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		f := catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0"}
		whole, _, err := w.DB.Images(t.Context(), f, nil, false, catalog.Page{})
		must(t, err)
		for limit := 1; limit <= 8; limit++ {
			var joined []easel.Image
			for offset := 0; offset < 9; offset += limit {
				page, total, err := w.DB.Images(t.Context(), f, nil, false, catalog.Page{Limit: limit, Offset: offset})
				must(t, err)
				if total != 7 || len(page) > limit || page == nil {
					t.Errorf("limit %d, offset %d: %d images of %d, want at most %d of 7", limit, offset, len(page), total, limit)
				}
				joined = append(joined, page...)
			}
			if diff := cmp.Diff(whole, joined); diff != "" {
				t.Errorf("pages of %d do not make the whole list:\n%s", limit, diff)
			}
		}
		page, total, err := w.DB.Images(t.Context(), f, nil, false, catalog.Page{Limit: 1<<31 - 1, Offset: 1<<31 - 1})
		if err != nil || total != 7 || len(page) != 0 {
			t.Errorf("far beyond the end: %d of %d, %v; want 0 of 7", len(page), total, err)
		}
	})
}

// TestImagesWalk: page by page a walk sees what the whole list has, also when
// records come and go between two pages.
func TestImagesWalk(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		list := func(ascending bool, p catalog.Page) []string {
			t.Helper()
			found, total, err := w.DB.Images(t.Context(), catalog.ImageFilter{Project: imagetest.AcmeOne, Workspace: "0"}, nil, ascending, p)
			must(t, err)
			if all := len(names(found)); p.Limit == 0 && p.Offset == 0 && total != int64(all) {
				t.Errorf("the total of %d images is %d", all, total)
			}
			return names(found)
		}
		for _, ascending := range []bool{true, false} {
			for size := 1; size <= 4; size++ {
				for range 2 { // the second time, places are remembered
					walked := []string{}
					for page := list(ascending, catalog.Page{Limit: size}); len(page) > 0; page = list(ascending, catalog.Page{Limit: size, Offset: len(walked)}) {
						walked = append(walked, page...)
					}
					if diff := cmp.Diff(list(ascending, catalog.Page{}), walked); diff != "" {
						t.Errorf("walk in pages of %d, ascending %v (-whole list +walked):\n%s", size, ascending, diff)
					}
				}
			}
		}
		list(false, catalog.Page{Limit: 2})
		w.Push(t, w.Ann, "team/late:1", "late")
		register(t, w, registration(t, imagetest.AcmeOne, "team/late:1")) // now the first of the list
		whole := list(false, catalog.Page{})
		if diff := cmp.Diff(whole[2:4], list(false, catalog.Page{Limit: 2, Offset: 2})); diff != "" {
			t.Errorf("the second page after a registration (-want +got):\n%s", diff)
		}
	})
}

// TestImagesJump: a page that is jumped to is the same part of the whole list,
// wherever the built-in images are in it, also among images of one moment.
func TestImagesJump(t *testing.T) {
	slow := func() func() time.Time {
		var asked atomic.Int64
		return func() time.Time { return time.Unix(1_700_000_000+asked.Add(1)/50, 0) }
	}
	imagesOnBothAt(t, slow, func(t *testing.T, w *imagetest.World) {
		populated(t, w)
		between := builtin(t, "stock/base:three", "base-npu")
		must(t, w.DB.PutBuiltins(t.Context(), []easel.Image{builtin(t, "stock/base:one", "base-cpu"), between}))
		w.Push(t, w.Ann, "team/late:1", "late")
		register(t, w, registration(t, imagetest.AcmeOne, "team/late:1"))
		for _, f := range []catalog.ImageFilter{{}, {Type: easel.Dedicated}, {Type: easel.BuildIn}, {Org: "team"}, {Name: "torch"}, {ServiceType: "DEV"}, {Name: "none"}} {
			f.Project, f.Workspace = imagetest.AcmeOne, "0"
			for _, ascending := range []bool{true, false} {
				whole, total, err := w.DB.Images(t.Context(), f, nil, ascending, catalog.Page{})
				must(t, err)
				if f.Name == "torch" && !slices.ContainsFunc(whole[1:], func(i easel.Image) bool { return i.Created.Equal(whole[0].Created) }) {
					t.Fatal("no two images are of one moment")
				}
				for offset := range int(total) {
					page, err := w.DB.JumpToImages(t.Context(), f, ascending, catalog.Page{Limit: 2, Offset: offset}, total)
					must(t, err)
					if diff := cmp.Diff(whole[offset:min(offset+2, len(whole))], page); diff != "" {
						t.Errorf("%+v, ascending %v: page at %d (-want +got):\n%s", f, ascending, offset, diff)
					}
				}
			}
		}
	})
}

func TestPutBuiltins(t *testing.T) {
	imagesOnBoth(t, func(t *testing.T, w *imagetest.World) {
		list := func() []easel.Image {
			t.Helper()
			images, _, err := w.DB.Images(t.Context(), catalog.ImageFilter{Type: easel.BuildIn}, []catalog.ImageSort{catalog.ByTag}, true, catalog.Page{})
			must(t, err)
			return images
		}
		one, two := builtin(t, "stock/base:one", "base-cpu"), builtin(t, "stock/base:two", "base-gpu")
		two.ID = "e7a4b0d2-1c55-4a0e-8d39-52f6c9a1b870"
		two.Updated = time.UnixMilli(1_712_000_000_000).UTC()
		must(t, w.DB.PutBuiltins(t.Context(), []easel.Image{one, two}))
		first := list()
		if len(first) != 2 || first[1].ID != two.ID || !first[1].Updated.Equal(two.Updated) || !easel.IsUUID(first[0].ID) || first[0].Type != easel.BuildIn {
			t.Fatalf("built-ins are %+v", first)
		}
		must(t, w.DB.PutBuiltins(t.Context(), []easel.Image{two, one}))
		if diff := cmp.Diff(first, list()); diff != "" {
			t.Errorf("the same again (-before +after):\n%s", diff)
		}
		one.Description = "now described"
		must(t, w.DB.PutBuiltins(t.Context(), []easel.Image{one}))
		after := list()
		if len(after) != 1 || after[0].ID != first[0].ID || !after[0].Created.Equal(first[0].Created) || !after[0].Updated.After(first[0].Updated) {
			t.Errorf("changed to %+v; want the id and creation of %+v, and a later change", after, first[0])
		}
		wantError(t, "one path twice", w.DB.PutBuiltins(t.Context(), []easel.Image{one, one}), easel.Invalid, "image")
		if diff := cmp.Diff(after, list()); diff != "" {
			t.Errorf("a refused list changed something:\n%s", diff)
		}
		w.Push(t, w.Ann, "team/torch:1", "layer")
		own := register(t, w, registration(t, imagetest.AcmeOne, "team/torch:1"))
		one.ID = own.ID
		wantError(t, "the id of another image", w.DB.PutBuiltins(t.Context(), []easel.Image{one}), easel.Invalid, "image")
		must(t, w.DB.PutBuiltins(t.Context(), nil))
		if left := list(); len(left) != 0 {
			t.Errorf("left over: %+v", left)
		}
		if _, err := w.DB.Image(t.Context(), own.ID); err != nil {
			t.Errorf("a project's image went with the built-ins: %v", err)
		}
	})
}
