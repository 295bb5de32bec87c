package swr

import (
	"slices"
	"testing"

	"easel"
	"easel/internal/catalog"
)

// TestQuotas counts the organisations of the whole account, and of no other.
func TestQuotas(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("eve", "theirs")
		for used, name := range []string{"a", "b", "c"} {
			var got map[string][]quota
			w.do(t, as("dev", "GET", "/v2/manage/projects/p-acme/quotas", ""), &got)
			if want := []quota{{Limit: 1000, Key: "namespace", Used: int32(used)}}; !slices.Equal(got["quotas"], want) {
				t.Errorf("quotas %+v, want %+v", got["quotas"], want)
			}
			if w.do(t, as("admin", "POST", "/v2/manage/namespaces", `{"namespace":"`+name+`"}`), nil).Code != 201 {
				t.Fatalf("%s was not made", name)
			}
		}
	})
}

// TestQuotasThatAreSet wants a bound for everything that has one: of
// repositories and bytes only when no organisation is without.
func TestQuotasThatAreSet(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("admin", "a")
		w.org("admin", "b")
		w.repo("admin", "a/app", false)
		admin := people["admin"]
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		set := func(org string, repos, space int64) {
			t.Helper()
			check(w.catalog.SetOrgQuota(t.Context(), admin, easel.Org(org), catalog.QuotaChange{Repos: &repos, Space: &space}))
		}
		wants := func(want ...quota) {
			t.Helper()
			var got map[string][]quota
			w.do(t, as("dev", "GET", "/v2/manage/projects/p-acme/quotas", ""), &got)
			if !slices.Equal(got["quotas"], want) {
				t.Errorf("quotas %+v, want %+v", got["quotas"], want)
			}
		}
		orgs := quota{Limit: 1000, Key: "namespace", Used: 2}
		set("a", 10, 0)
		wants(orgs)
		set("b", 5, 1<<20+1)
		wants(orgs, quota{Limit: 15, Key: "repo", Used: 1})
		set("a", 10, 1<<62)
		wants(orgs, quota{Limit: 15, Key: "repo", Used: 1}, quota{Limit: 1<<31 - 1, Key: "space", Unit: "MiB"})
		check(w.catalog.SetProjectQuota(t.Context(), admin, "p-acme", catalog.QuotaChange{Images: new(int64(7))}))
		set("a", 0, 1<<62)
		_, err := w.catalog.SetDomainQuota(t.Context(), admin, admin.DomainName, 0)
		check(err)
		wants(quota{Limit: -1, Key: "namespace", Used: 2}, quota{Limit: 1<<31 - 1, Key: "space", Unit: "MiB"}, quota{Limit: 7, Key: "image"})
	})
}
