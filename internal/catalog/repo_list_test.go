package catalog_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
	"easel/internal/catalog"
)

func TestCreateAndUpdateRepo(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		ctx := t.Context()
		s.org(t, s.admin, "team")
		n := catalog.NewRepository{Name: "team/a/b", Category: "linux", Description: "it's a % test", Public: true}
		if err := s.CreateRepo(ctx, s.admin, n); err != nil {
			t.Fatal(err)
		}
		wantErr(t, s.CreateRepo(ctx, s.admin, n), easel.Exists, "repository")
		wantErr(t, s.CreateRepo(ctx, s.admin, catalog.NewRepository{Name: "none/app"}), easel.NotFound, "organisation")

		made, err := s.Repo(ctx, s.dev, "team/a/b")
		if err != nil {
			t.Fatal(err)
		}
		want := catalog.Repository{
			ID: made.ID, OrgID: made.OrgID, Name: "team/a/b", Domain: "id-acme", DomainName: "acme", Category: "linux", Description: "it's a % test",
			Public: true, Creator: "acme-admin", CreatorName: "admin", Created: made.Created, Updated: made.Created,
			Grants: easel.Grants{Domain: "id-acme", Public: true},
		}
		if diff := cmp.Diff(want, made); diff != "" {
			t.Errorf("Repo (-want +got):\n%s", diff)
		}

		if err := s.UpdateRepo(ctx, s.admin, "team/a/b", catalog.RepoChange{Public: new(false), Description: new("")}); err != nil {
			t.Fatal(err)
		}
		changed, err := s.Repo(ctx, s.admin, "team/a/b")
		if err != nil {
			t.Fatal(err)
		}
		if changed.Public || changed.Description != "" || changed.Category != "linux" || !changed.Updated.After(made.Updated) {
			t.Errorf("after the change: %+v", changed)
		}
		wantErr(t, s.UpdateRepo(ctx, s.admin, "team/none", catalog.RepoChange{Public: new(true)}), easel.NotFound, "repository")
		_, err = s.Repo(ctx, s.admin, "team/none")
		wantErr(t, err, easel.NotFound, "repository")
	})
}

func TestRepos(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		s.org(t, s.admin, "red")
		s.org(t, s.admin, "red-hat")
		s.org(t, s.dev, "blue")
		s.org(t, s.rival, "rival-red")
		for _, r := range []easel.Repo{"red/web", "red/a_b", "red-hat/axb", "blue/web/api", "rival-red/web"} {
			s.repo(t, s.admin, r)
		}
		config := s.blob(t, s.admin, "red/web", "config", 10)
		s.image(t, s.admin, "red/web", "v1", config)
		s.image(t, s.admin, "red/web", "v2", config, s.blob(t, s.admin, "red/web", "layer", 100))
		if err := s.UpdateRepo(t.Context(), s.admin, "red/a_b", catalog.RepoChange{Public: new(true), Category: new("linux")}); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			name string
			who  easel.Principal
			q    catalog.RepoQuery
			want []easel.Repo
		}{
			{"by name, equal names by organisation", s.admin, catalog.RepoQuery{Order: catalog.ReposByName}, []easel.Repo{"red/a_b", "red-hat/axb", "red/web", "blue/web/api"}},
			{"by name, descending", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, Desc: true}, []easel.Repo{"blue/web/api", "red/web", "red-hat/axb", "red/a_b"}},
			{"by organisation", s.admin, catalog.RepoQuery{Order: catalog.ReposByOrg}, []easel.Repo{"blue/web/api", "red/a_b", "red/web", "red-hat/axb"}},
			{"last changed first", s.admin, catalog.RepoQuery{Order: catalog.ReposByUpdated, Desc: true}, []easel.Repo{"red/a_b", "red/web", "blue/web/api", "red-hat/axb"}},
			{"most tags first, then by full name", s.admin, catalog.RepoQuery{Order: catalog.ReposByTags, Desc: true}, []easel.Repo{"red/web", "blue/web/api", "red-hat/axb", "red/a_b"}},
			{"public last", s.admin, catalog.RepoQuery{Order: catalog.ReposByPublic}, []easel.Repo{"blue/web/api", "red-hat/axb", "red/web", "red/a_b"}},
			{"granted", s.dev, catalog.RepoQuery{Order: catalog.ReposByName, Sight: catalog.Sight{Granted: true}}, []easel.Repo{"blue/web/api"}},
			{"organisation", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, Org: "red"}, []easel.Repo{"red/a_b", "red/web"}},
			{"part of the organisation", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, OrgPart: "ed"}, []easel.Repo{"red/a_b", "red-hat/axb", "red/web"}},
			{"part of the name", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, NamePart: "b/ap"}, []easel.Repo{"blue/web/api"}},
			{"the organisation is no part of the name", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, NamePart: "red"}, []easel.Repo{}},
			{"an underscore is no wildcard", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, NamePart: "a_b"}, []easel.Repo{"red/a_b"}},
			{"a percent sign is no wildcard", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, NamePart: "%"}, []easel.Repo{}},
			{"a quote is no quote", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, NamePart: "'"}, []easel.Repo{}},
			{"what no engine can hold", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, NamePart: "\x00"}, []easel.Repo{}},
			{"category", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, Category: "linux"}, []easel.Repo{"red/a_b"}},
			{"public", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, Public: new(true)}, []easel.Repo{"red/a_b"}},
			{"private", s.admin, catalog.RepoQuery{Order: catalog.ReposByName, Public: new(false), OrgPart: "red"}, []easel.Repo{"red-hat/axb", "red/web"}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				tt.q.Domain, tt.q.Limit = "id-acme", 100
				found, total, err := s.Repos(t.Context(), tt.who, tt.q)
				if err != nil {
					t.Fatal(err)
				}
				got := []easel.Repo{}
				for _, r := range found {
					got = append(got, r.Name)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if total != int64(len(tt.want)) {
					t.Errorf("total = %d, want %d", total, len(tt.want))
				}
			})
		}

		found, _, err := s.Repos(t.Context(), s.admin, catalog.RepoQuery{Domain: "id-acme", Org: "red", NamePart: "web", Order: catalog.ReposByName, Limit: 1})
		if err != nil || len(found) != 1 {
			t.Fatalf("Repos = %v, %v", found, err)
		}
		if r := found[0]; r.Size != 110 || r.TagCount != 2 || !slices.Equal(r.Tags, []easel.Tag{"v1", "v2"}) || r.Grants.Level != 7 || r.DomainName != "acme" {
			t.Errorf("red/web = %+v, want 110 bytes and two tags", r)
		}
	})
}

// TestReposWalk walks pages over as many repositories as clients get wrong.
func TestReposWalk(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		s.org(t, s.admin, "team")
		for have := range 12 {
			if have == 0 || have >= 9 {
				t.Run(fmt.Sprint(have), func(t *testing.T) { walk(t, s, have) })
			}
			s.repo(t, s.admin, easel.Repo(fmt.Sprintf("team/r%02d", have)))
		}
	})
}

func walk(t *testing.T, s *shelf, have int) {
	var names []string
	for offset := int64(0); ; {
		page, total, err := s.Repos(t.Context(), s.admin, catalog.RepoQuery{Domain: "id-acme", Order: catalog.ReposByUpdated, Limit: 5, Offset: offset})
		if err != nil {
			t.Fatal(err)
		}
		if total != int64(have) {
			t.Errorf("at %d: total = %d, want %d", offset, total, have)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			names = append(names, string(r.Name))
		}
		offset += int64(len(page))
	}
	if len(names) != have || !slices.IsSorted(names) || len(slices.Compact(names)) != have {
		t.Errorf("walked over %v, want %d different in order", names, have)
	}
	_, total, err := s.Repos(t.Context(), s.admin, catalog.RepoQuery{Domain: "id-acme", Order: catalog.ReposByName, Limit: 1000, Offset: 1 << 62})
	if err != nil || total != int64(have) {
		t.Errorf("far beyond the end: total %d, %v; want %d", total, err, have)
	}
}

func TestRepoTags(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		ctx := t.Context()
		s.org(t, s.admin, "team")
		const repo = easel.Repo("team/app")
		config, layer := s.blob(t, s.admin, repo, "config", 1862), s.blob(t, s.admin, repo, "layer", 1292800)
		config2 := s.blob(t, s.admin, repo, "config2", 5)
		amd := s.image(t, s.admin, repo, "v1", config, layer, s.blob(t, s.admin, repo, "layer2", 10240))
		arm := s.image(t, s.admin, repo, "", config2, layer, layer)
		inner := s.index(t, s.admin, repo, "multi", amd, arm)
		s.index(t, s.admin, repo, "nested", inner, amd)
		s.index(t, s.admin, repo, "empty")
		s.image(t, s.admin, repo, "v1_1", config)

		found, total, err := s.RepoTags(ctx, repo, catalog.TagQuery{Order: catalog.TagsByName, Limit: 10})
		if err != nil {
			t.Fatal(err)
		}
		got := map[easel.Tag]string{}
		for _, tag := range found {
			if len(tag.Body) == 0 || tag.Domain != "id-acme" || tag.Created != tag.Updated {
				t.Errorf("tag %+v", tag)
			}
			got[tag.Name] = fmt.Sprint(tag.Size, " ", tag.Config == config.Digest, " ", tag.MediaType == easel.MediaTypeOCIIndex)
		}
		const list = 1862 + 1292800 + 10240 + 5 + 2*1292800
		want := map[easel.Tag]string{
			"v1": "1304902 true false", "v1_1": "1862 true false", "empty": "0 false true",
			"multi": fmt.Sprint(list, " false true"), "nested": fmt.Sprint(list, " false true"), // amd64 once, though it is named twice
		}
		if diff := cmp.Diff(want, got); diff != "" || total != 5 {
			t.Errorf("size, config, index of %d tags (-want +got):\n%s", total, diff)
		}

		for _, tt := range []struct {
			name  string
			q     catalog.TagQuery
			want  []easel.Tag
			total int64
		}{
			{"by name", catalog.TagQuery{Order: catalog.TagsByName, Limit: 2}, []easel.Tag{"empty", "multi"}, 5},
			{"second page, descending", catalog.TagQuery{Order: catalog.TagsByName, Desc: true, Limit: 2, Offset: 2}, []easel.Tag{"nested", "multi"}, 5},
			{"last pushed first", catalog.TagQuery{Order: catalog.TagsByUpdated, Desc: true, Limit: 2}, []easel.Tag{"v1_1", "empty"}, 5},
			{"part", catalog.TagQuery{Order: catalog.TagsByName, NamePart: "1_", Limit: 9}, []easel.Tag{"v1_1"}, 1},
			{"no wildcard", catalog.TagQuery{Order: catalog.TagsByName, NamePart: "v%", Limit: 9}, []easel.Tag{}, 0},
			{"one", catalog.TagQuery{Order: catalog.TagsByName, Name: "v1", Limit: 1}, []easel.Tag{"v1"}, 1},
			{"past the end", catalog.TagQuery{Order: catalog.TagsByName, Limit: 9, Offset: 5}, []easel.Tag{}, 5},
		} {
			t.Run(tt.name, func(t *testing.T) {
				found, total, err := s.RepoTags(ctx, repo, tt.q)
				if err != nil {
					t.Fatal(err)
				}
				got := []easel.Tag{}
				for _, tag := range found {
					got = append(got, tag.Name)
				}
				if diff := cmp.Diff(tt.want, got); diff != "" || total != tt.total {
					t.Errorf("total %d, want %d; (-want +got):\n%s", total, tt.total, diff)
				}
			})
		}
	})
}

// TestTagTimes pushes a tag again: created stays, updated follows.
func TestTagTimes(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, s *shelf) {
		s.org(t, s.admin, "team")
		config := s.blob(t, s.admin, "team/app", "config", 1)
		s.image(t, s.admin, "team/app", "v1", config)
		s.image(t, s.admin, "team/app", "v1", config, s.blob(t, s.admin, "team/app", "layer", 2))
		found, _, err := s.RepoTags(t.Context(), "team/app", catalog.TagQuery{Order: catalog.TagsByName, Limit: 1})
		if err != nil || len(found) != 1 {
			t.Fatalf("RepoTags = %v, %v", found, err)
		}
		if tag := found[0]; !tag.Updated.After(tag.Created) || tag.Size != 3 {
			t.Errorf("tag %+v, want the size of the second push and updated after created", tag)
		}
	})
}
