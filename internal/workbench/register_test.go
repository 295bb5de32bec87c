package workbench_test

import (
	"strings"
	"testing"

	"easel"
	"easel/internal/workbench"
	"easel/internal/workbench/imagetest"
)

func TestRegisterPath(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	long := "team/" + strings.Repeat("n", 128) + ":" + strings.Repeat("t", 128)
	for _, image := range []string{"team/torch:1", "team/deep/er/name:1", "team/n:1", long} {
		b.Push(t, b.Ann, image, "layer")
	}
	for _, tt := range []struct {
		path, host string
		want       string // the path recorded, or the error
	}{
		{"team/torch:1", "", "registry.test/team/torch:1"},
		{"team/deep/er/name:1", "", "registry.test/team/deep/er/name:1"},
		{long, "", "registry.test/" + long},
		{"registry.test/team/torch:1", "", "registry.test/team/torch:1"},
		{"REGISTRY.test/team/torch:1", "", "REGISTRY.test/team/torch:1"},
		{"registry.test:443/team/torch:1", "", "registry.test:443/team/torch:1"},
		{"localhost:8580/team/torch:1", "", "localhost:8580/team/torch:1"},
		{"127.0.0.1:8580/team/torch:1", "", "127.0.0.1:8580/team/torch:1"},
		{"[::1]:8580/team/torch:1", "", "[::1]:8580/team/torch:1"},
		{"alias.test:5000/team/torch:1", "", "alias.test:5000/team/torch:1"},
		{"team/torch:1", "easel", "easel/team/torch:1"}, // a host that no path could name

		{"alias.test/team/torch:1", "", "not found: registry"},
		{"localhost:8581/team/torch:1", "", "not found: registry"},
		{"localhost/team/torch:1", "", "not found: registry"},
		{"docker.io/team/torch:1", "", "not found: registry"},
		{"registry.test:5000/team/torch:1", "", "not found: registry"},
		{"registry.test.evil.test/team/torch:1", "", "not found: registry"},

		{"team/torch", "", "invalid: image path"},
		{"registry.test/team/torch", "", "invalid: image path"},
		{"team/n:1", "ho.st", "invalid: image path"}, // 14 characters
		{"team/torch:1", strings.Repeat("h", 2036) + ".test", "invalid: image path"},
		{strings.Repeat("x", 3000), "", "invalid: image path"},
		{"torch:1", "", "invalid: repository"},
		{"Team/torch:1", "", "invalid: repository"},
		{"team/../torch:1", "", "invalid: repository"},
		{"team//torch:1", "", "invalid: repository"},
		{"team/torch@sha256:" + strings.Repeat("0", 64), "", "invalid: repository"},
		{"team/torch:1\x00", "", "invalid: tag"},
		{"team/torch:🚀 and more", "", "invalid: tag"},
	} {
		r := ask(b.Ann, tt.path)
		if tt.host != "" {
			r.Host = tt.host
		}
		ctx := imagetest.As(t, b.Ann)
		i, err := b.Register(ctx, r)
		got := i.Path
		if err != nil {
			got = outcome(err)
		} else if _, _, err := b.Delete(ctx, b.Ann.ProjectID, i.ID, false); err != nil {
			t.Fatal(err)
		}
		if got != tt.want {
			t.Errorf("Register(%.60q at %.20q) = %q (%v), want %q", tt.path, tt.host, got, err, tt.want)
		}
	}
}

func TestRegisterRights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	b.Push(t, b.Ann, "team/torch:1", "layer")
	b.Push(t, b.Gus, "rival/secret:1", "layer")
	inWorkspace := func(ws string) func(*workbench.Registration) {
		return func(r *workbench.Registration) { r.Workspace = ws }
	}
	for _, tt := range []struct {
		name   string
		who    easel.Principal
		path   string
		change func(*workbench.Registration)
		want   string
	}{
		{"nobody", easel.Principal{}, "team/torch:1", nil, "not authenticated: credential"},
		{"another project", b.Ann, "team/torch:1", func(r *workbench.Registration) { r.Project = imagetest.AcmeTwo }, "denied: project"},
		{"malformed workspace", b.Ann, "team/torch:1", inWorkspace("A"), "invalid: workspace"},
		{"unknown workspace", b.Ann, "team/torch:1", inWorkspace(imagetest.AcmeOne), "not found: workspace"},
		{"workspace before path", b.Ann, "team", inWorkspace(imagetest.AcmeOne), "not found: workspace"},
		{"no organisation", b.Ann, "nowhere/torch:1", nil, "not found: organisation"},
		{"no repository", b.Ann, "team/jax:1", nil, "not found: tag"},
		{"no tag", b.Ann, "team/torch:2", nil, "not found: tag"},
		{"not readable", b.Ann, "rival/secret:1", nil, "not found: tag"},
		{"not readable, not there", b.Ann, "rival/nothing:1", nil, "not found: tag"},
		{"no grant in the own domain", b.Ben, "team/torch:1", nil, "not found: tag"},
		{"the owner", b.Ann, "team/torch:1", nil, ""},
		{"again", b.Ann, "team/torch:1", nil, "already exists: image"},
		{"again by one who may not read", b.Ben, "team/torch:1", nil, "already exists: image"},
		{"another project of the domain", b.Cleo, "team/torch:1", nil, ""},
	} {
		r := ask(tt.who, tt.path)
		if tt.change != nil {
			tt.change(&r)
		}
		_, err := b.Register(imagetest.As(t, tt.who), r)
		if got := outcome(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
	// What may not be read and what is not there must not be told apart.
	_, there := b.Register(imagetest.As(t, b.Ann), ask(b.Ann, "rival/secret:1"))
	_, absent := b.Register(imagetest.As(t, b.Ann), ask(b.Ann, "rival/absent:1"))
	if a, b := easel.AsError(there).Msg, strings.ReplaceAll(easel.AsError(absent).Msg, "absent", "secret"); a != b {
		t.Errorf("messages differ: %q and %q", a, b)
	}
}

func TestSyncRights(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	private := b.have(t, b.Ann, "team/private:1", easel.Private)
	public := b.have(t, b.Ann, "team/public:1", easel.Public)
	must(t, b.DB.PutBuiltins(t.Context(), []easel.Image{{Path: "registry.test/stock/base:1", Repo: "stock/base", Tag: "1", Name: "base", Status: easel.ImageActive}}))
	stock := list(t, b, b.Gus)[0]
	for _, tt := range []struct {
		name string
		who  easel.Principal
		id   string
		want string
	}{
		{"own", b.Ann, private.ID, ""},
		{"one who may not read the tag", b.Ben, private.ID, "denied: image"},
		{"foreign private", b.Gus, private.ID, "not found: image"},
		{"foreign public", b.Gus, public.ID, "denied: image"},
		{"built-in", b.Ann, stock.ID, "denied: image"},
		{"unknown", b.Ann, "0b6c1f3e-7d5a-4b02-9f27-3a1de0c4a911", "not found: image"},
		{"no UUID", b.Ann, "'; --", "not found: image"},
	} {
		_, err := b.Sync(imagetest.As(t, tt.who), tt.who.ProjectID, tt.id)
		if got := outcome(err); got != tt.want {
			t.Errorf("%s: %q (%v), want %q", tt.name, got, err, tt.want)
		}
	}
	for _, status := range []easel.ImageStatus{easel.ImageInit, easel.ImageCreating, easel.ImageCreateFailed, easel.ImageError} {
		b.SetStatus(t, private.ID, status)
		want := status // of a save that owns the record
		if status == easel.ImageCreateFailed || status == easel.ImageError {
			want = easel.ImageActive
		}
		if i, err := b.Sync(imagetest.As(t, b.Ann), b.Ann.ProjectID, private.ID); err != nil || i.Status != want {
			t.Errorf("sync of an image in %s: %s, %v; want %s", status, i.Status, err, want)
		}
	}
}
