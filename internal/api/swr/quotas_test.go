package swr

import (
	"slices"
	"testing"
)

// TestQuotas counts the organisations of the whole account, and of no other.
func TestQuotas(t *testing.T) {
	t.Parallel()
	onEngines(t, func(t *testing.T, w *world) {
		w.org("eve", "theirs")
		for used, name := range []string{"a", "b", "c"} {
			var got map[string][]quota
			w.do(t, as("dev", "GET", "/v2/manage/projects/p-acme/quotas", ""), &got)
			if want := []quota{{Limit: 1000, Key: "namespace", Used: used}}; !slices.Equal(got["quotas"], want) {
				t.Errorf("quotas %+v, want %+v", got["quotas"], want)
			}
			if w.do(t, as("admin", "POST", "/v2/manage/namespaces", `{"namespace":"`+name+`"}`), nil).Code != 201 {
				t.Fatalf("%s was not made", name)
			}
		}
	})
}
