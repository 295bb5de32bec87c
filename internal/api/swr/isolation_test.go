package swr

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"easel"
	"easel/internal/catalog"
)

// TestIsolation asks for everything of acme's as three other people. Nothing
// but what is public, and the fact that an organisation exists, is told.
func TestIsolation(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		w.org("eve", "evilcorp")
		w.repo("admin", "team/private", false)
		w.repo("admin", "team/public", true)
		w.push("admin", "team/private", "v1", "secret")
		w.push("admin", "team/public", "v1", "open")
		const org = "/v2/manage/namespaces/team"
		body := `{"is_public":true,"repository":"new"}`
		for _, tt := range []struct{ method, target, body, eve, dev string }{
			{"GET", org, "", "403 4039001", "403 4037017"},
			{"DELETE", org, "", "403 4039001", "403 4037017"},
			{"POST", org + "/repos", body, "403 4039001", "403 4037017"},
			{"GET", org + "/repos/private", "", "403 4039001", "404 4040113"},
			{"GET", org + "/repos/none", "", "403 4039001", "404 4040113"},
			{"PATCH", org + "/repos/private", body, "403 4039001", "404 4040113"},
			{"DELETE", org + "/repos/private", "", "403 4039001", "404 4040113"},
			{"GET", org + "/repos/private/tags", "", "403 4039001", "404 4040113"},
			{"GET", org + "/repos/private/tags/v1", "", "403 4039001", "404 4040113"},
			{"DELETE", org + "/repos/private/tags/v1", "", "403 4039001", "404 4040113"},
			{"GET", org + "/repos/public", "", "", ""},
			{"GET", org + "/repos/public/tags", "", "", ""},
			{"GET", org + "/repos/public/tags/v1", "", "", ""},
			{"PATCH", org + "/repos/public", body, "403 4039001", "403 4037020"},
			{"DELETE", org + "/repos/public", "", "403 4039001", "403 4037020"},
			{"DELETE", org + "/repos/public/tags/v1", "", "403 4039001", "403 4037020"},
		} {
			for who, want := range map[string]string{"eve": tt.eve, "dev": tt.dev, "": "401 S2I.4019000", "mallory": "401 4010000"} {
				rec := w.do(t, as(who, tt.method, tt.target, tt.body), nil)
				if got := code(t, rec); got != want {
					t.Errorf("%s %s as %q: %q, want %q", tt.method, tt.target, who, got, want)
				}
				if want != "" && strings.Contains(rec.Body.String(), "secret") {
					t.Errorf("%s %s as %q tells too much: %s", tt.method, tt.target, who, rec.Body)
				}
			}
		}
		for _, who := range []string{"eve", "dev"} {
			var repos []listedRepo
			rec := w.do(t, as(who, "GET", "/v2/manage/repos", ""), &repos)
			if len(repos) != 0 || rec.Header().Get("Content-Range") != "0-0/0" {
				t.Errorf("%s sees %v (%s)", who, repos, rec.Header().Get("Content-Range"))
			}
			var orgs map[string][]listedNamespace
			w.do(t, as(who, "GET", "/v2/manage/namespaces?filter=mode::visible", ""), &orgs)
			if slices.ContainsFunc(orgs["namespaces"], func(o listedNamespace) bool { return o.Name == "team" }) {
				t.Errorf("%s sees team", who)
			}
		}
		var tags []listedTag
		w.do(t, as("admin", "GET", org+"/repos/private/tags", ""), &tags)
		if len(tags) != 1 {
			t.Errorf("after all attempts the private repository has the tags %v, want one", tags)
		}
	})
}

// TestGrantedUser gives a user an organisation: the user has level 7 on it, and
// on nothing else.
func TestGrantedUser(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	w.org("admin", "team")
	if err := w.catalog.CreateOrg(t.Context(), people["dev"], "lab"); err != nil {
		t.Fatal(err)
	}
	w.repo("admin", "team/app", false)
	w.repo("dev", "lab/app", false)
	var orgs map[string][]listedNamespace
	w.do(t, as("dev", "GET", "/v2/manage/namespaces", ""), &orgs)
	if n := orgs["namespaces"]; len(n) != 1 || n[0].Name != "lab" || n[0].Auth != 7 {
		t.Errorf("dev sees %+v, want lab with level 7", n)
	}
	var repos []listedRepo
	w.do(t, as("dev", "GET", "/v2/manage/repos", ""), &repos)
	if len(repos) != 1 || repos[0].Namespace != "lab" {
		t.Errorf("dev sees %+v, want lab/app", repos)
	}
	for _, target := range []string{"/v2/manage/namespaces/lab/repos/app", "/v2/manage/namespaces/lab"} {
		if rec := w.do(t, as("dev", "DELETE", target, ""), nil); rec.Code != http.StatusNoContent || rec.Body.Len() > 0 {
			t.Errorf("DELETE %s: %d %s", target, rec.Code, rec.Body)
		}
	}
}

// TestPageWalk reads the list as Terraform does: until the offset reaches total_range.
func TestPageWalk(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "team")
		for have := range 12 {
			if have == 0 || have >= 9 {
				walk(t, w, have)
			}
			w.repo("admin", easel.Repo(fmt.Sprintf("team/r%02d", have)), false)
		}
	})
}

func walk(t *testing.T, w *world, have int) {
	t.Helper()
	names := map[string]bool{}
	for offset, total := 0, -1; offset != total; {
		var page []listedRepo
		rec := w.do(t, as("admin", "GET", fmt.Sprintf("/v2/manage/repos?limit=5&offset=%d", offset), ""), &page)
		if got, want := rec.Header().Get("Content-Range"), fmt.Sprintf("%d-%d/%d", offset, len(page), have); got != want {
			t.Errorf("Content-Range = %q, want %q", got, want)
		}
		if len(page) == 0 {
			break
		}
		for _, r := range page {
			names[r.Name] = true
		}
		offset, total = offset+len(page), int(page[0].Total)
	}
	if len(names) != have {
		t.Errorf("walked over %d repositories, want %d", len(names), have)
	}
}

// TestDeleteInUse refuses what a running notebook needs, and names it.
func TestDeleteInUse(t *testing.T) {
	t.Parallel()
	w := newWorldOn(t, "sqlite:"+t.TempDir()+"/easel.db", Options{}, busy)
	w.org("admin", "team")
	w.push("admin", "team/app", "v1", "layer")
	_, err := w.catalog.RegisterImage(t.Context(), people["admin"], catalog.Registration{Image: easel.Image{
		Project: "p1", Workspace: "0", Type: easel.Dedicated, Path: "registry.test/team/app:v1", Repo: "team/app", Name: "app", Tag: "v1",
		Visibility: easel.Private, Origin: easel.OriginCustomize,
	}})
	if err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{"/v2/manage/namespaces/team/repos/app/tags/v1", "/v2/manage/namespaces/team/repos/app"} {
		rec := w.do(t, as("admin", "DELETE", target, ""), nil)
		if got := code(t, rec); got != "409 4090023" || !strings.Contains(rec.Body.String(), "notebook n1") {
			t.Errorf("DELETE %s: %s %s, want 409 4090023 naming the notebook", target, got, rec.Body)
		}
		if rec := w.do(t, as("admin", "GET", "/v2/manage/namespaces/team/repos/app/tags/v1", ""), nil); rec.Code != http.StatusOK {
			t.Errorf("after the refusal: %d %s", rec.Code, rec.Body)
		}
	}
}

// TestContentTypes sends the spellings of the one content type there is.
func TestContentTypes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Options{})
	for i, ct := range []string{"application/json", "application/json;charset=utf-8", "charset=utf-8 application/json", ""} {
		r := as("admin", "POST", "/v2/manage/namespaces", fmt.Sprintf(`{"namespace":"team%d"}`, i))
		r.Header.Set("Content-Type", ct)
		if ct == "" {
			r.Header.Del("Content-Type")
		}
		rec := w.do(t, r, nil)
		if rec.Code != http.StatusCreated || strings.TrimSpace(rec.Body.String()) != "{}" || rec.Header().Get("Content-Type") != "application/json" {
			t.Errorf("Content-Type %q: %d %s, want 201 {}", ct, rec.Code, rec.Body)
		}
	}
	if rec := w.do(t, as("admin", "GET", "/v2/manage/repos", "", "Content-Type", "text/xml"), nil); rec.Code != http.StatusOK {
		t.Errorf("without a body the type is nobody's business, yet: %d %s", rec.Code, rec.Body)
	}
}
