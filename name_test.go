package easel_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"easel"
)

func TestNames(t *testing.T) {
	t.Parallel()
	org := func(s string) error { _, err := easel.ParseOrg(s); return err }
	repo := func(s string) error { _, err := easel.ParseRepo(s); return err }
	tag := func(s string) error { _, err := easel.ParseTag(s); return err }
	digest := func(s string) error { _, err := easel.ParseDigest(s); return err }
	ref := func(s string) error { _, err := easel.ParseRef(s); return err }
	tests := []struct {
		parse func(string) error
		kind  string
		good  []string
		bad   []string
	}{
		{org, "organisation", []string{"a", "team", "a-b", "a--b", "a__b", "a.b", "t3am", strings.Repeat("a", 64)},
			[]string{"", "A", "3a", "a-", "-a", "a..b", "a___b", "a-.b", "library", "manage", "a/b", "ä", strings.Repeat("a", 65)}},
		{repo, "repository", []string{"team/a", "team/a/b/c", "team/1", "team/a.b_c-d", "team/" + strings.Repeat("a", 128)},
			[]string{"", "team", "team/", "/a", "team//a", "team/A", "team/a/", "team/../a", "team/a%2fb", "team/_a", "manage/a", "team/" + strings.Repeat("a", 129), "team/a\x00"}},
		{tag, "tag", []string{"v1", "_", "A.b-c", strings.Repeat("a", 128)},
			[]string{"", ".a", "-a", "a b", "a/b", "a:b", "é", strings.Repeat("a", 129)}},
		{digest, "digest", []string{digestA, "sha512:" + strings.Repeat("0", 128)},
			[]string{"", "sha256", "sha256:", "sha256:" + strings.Repeat("a", 63), "sha256:" + strings.Repeat("A", 64), "md5:" + strings.Repeat("a", 32),
				"sha512:" + strings.Repeat("a", 64), "SHA256:" + strings.Repeat("a", 64), digestA + "/..", "sha256:" + strings.Repeat("/", 64)}},
		{ref, "reference", []string{"v1", digestA}, []string{"", "a:b", "sha256:x", ".."}},
	}
	for _, tt := range tests {
		for _, s := range tt.good {
			if err := tt.parse(s); err != nil {
				t.Errorf("%s %.70q: %v", tt.kind, s, err)
			}
		}
		for _, s := range tt.bad {
			if err := tt.parse(s); !errors.Is(err, easel.Invalid) {
				t.Errorf("%s %.70q: err = %v, want Invalid", tt.kind, s, err)
			}
		}
	}
}

func TestParseImagePath(t *testing.T) {
	t.Parallel()
	good := map[string]easel.ImagePath{
		"team/a:v1":                    {Repo: "team/a", Tag: "v1"},
		"localhost/team/a:v1":          {Registry: "localhost", Repo: "team/a", Tag: "v1"},
		"swr.example.test/team/a/b:v1": {Registry: "swr.example.test", Repo: "team/a/b", Tag: "v1"},
		"127.0.0.1:8580/team/a:v1":     {Registry: "127.0.0.1:8580", Repo: "team/a", Tag: "v1"},
		"[::1]:8580/team/a:v1":         {Registry: "[::1]:8580", Repo: "team/a", Tag: "v1"},
	}
	for s, want := range good {
		got, err := easel.ParseImagePath(s)
		if err != nil || got != want {
			t.Errorf("ParseImagePath(%q) = %+v, %v; want %+v", s, got, err, want)
		}
		if got.String() != s {
			t.Errorf("String of %q = %q", s, got)
		}
	}
	for _, s := range []string{"", "team/a", "localhost:8580/team/a", "a:v1", "team/a:", "team/A:v1", "team/a@" + digestA, strings.Repeat("a", 2049)} {
		if got, err := easel.ParseImagePath(s); !errors.Is(err, easel.Invalid) {
			t.Errorf("ParseImagePath(%.60q) = %+v, %v; want Invalid", s, got, err)
		}
	}
}

func FuzzParseImagePath(f *testing.F) {
	f.Add("127.0.0.1:8580/team/a:v1")
	f.Add("team/a/b:latest")
	f.Fuzz(func(t *testing.T, s string) {
		p, err := easel.ParseImagePath(s)
		if err != nil {
			return
		}
		if again, err := easel.ParseImagePath(p.String()); err != nil || again != p {
			t.Fatalf("%q parses as %+v, its String as %+v, %v", s, p, again, err)
		}
	})
}

func FuzzParseRef(f *testing.F) {
	f.Add("v1")
	f.Add(digestA)
	f.Fuzz(func(t *testing.T, s string) {
		r, err := easel.ParseRef(s)
		if err == nil && (r.String() != s || (r.Tag != "") == (r.Digest != "")) {
			t.Fatalf("ParseRef(%q) = %+v", s, r)
		}
	})
}

func TestIDs(t *testing.T) {
	t.Parallel()
	now := time.Now()
	a, b := easel.NewUUID(now), easel.NewUUID(now.Add(time.Microsecond))
	if !easel.IsUUID(a) || a >= b || a[14] != '7' {
		t.Errorf("UUIDs %s, %s: want version 7 in the order of their times", a, b)
	}
	g := easel.GroupID("p", "0", "team", "a")
	if !easel.IsUUID(g) || g[14] != '5' || g != easel.GroupID("p", "0", "team", "a") || g == easel.GroupID("p", "0", "tea", "ma") {
		t.Errorf("group id %s: want version 5, stable, and no two names alike", g)
	}
	for _, s := range []string{"", "x", strings.ToUpper(a), strings.Replace(a, "-", "", 1), a + "0"} {
		if s != a && easel.IsUUID(s) {
			t.Errorf("IsUUID(%q)", s)
		}
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cause := errors.New("a detail")
	err := error(easel.E(easel.NotFound, "tag", "no %s", "tag").Because(cause))
	if !errors.Is(err, easel.NotFound) || errors.Is(err, easel.Denied) || !errors.Is(err, cause) || err.Error() != "no tag: a detail" {
		t.Errorf("err = %v", err)
	}
	if e := easel.AsError(cause); e.Kind != easel.Internal || strings.Contains(e.Msg, "detail") || !errors.Is(e, cause) {
		t.Errorf("AsError(unknown) = %+v: its text is for the log only", e)
	}
}

func TestTagPattern(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern string
		tag     easel.Tag
		want    bool
	}{
		{"*", "latest", true}, {"v*", "v1.2", true}, {"v*", "rev1", false}, {"v?", "v1", true}, {"v?", "v10", false}, {"v?", "v", false},
		{"V1", "v1", false}, {"a.b", "a-b", false}, {"*-rc*", "1.0-rc1", true}, {"-*", "a", false},
	} {
		p, err := easel.ParseTagPattern(tt.pattern)
		if err != nil || p.Matches(tt.tag) != tt.want {
			t.Errorf("%q matches %q: %v, %v; want %v", tt.pattern, tt.tag, p.Matches(tt.tag), err, tt.want)
		}
	}
	for _, bad := range []string{"", "a/b", "[a]", `a\*`, "a b", "é", strings.Repeat("a", 129), "a\x00"} {
		if p, err := easel.ParseTagPattern(bad); err == nil {
			t.Errorf("easel.ParseTagPattern(%q) = %q", bad, p)
		}
	}
}
