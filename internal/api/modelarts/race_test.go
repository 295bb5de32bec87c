package modelarts_test

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"easel"
	"easel/internal/api/modelarts"
	"easel/internal/workbench/imagetest"
)

// TestRaces sends requests of which at most one can win at the same time.
func TestRaces(t *testing.T) {
	t.Parallel()
	s := newServer(t, modelarts.Options{})
	const rivals = 8
	// race plays the same request rivals times and counts the answers.
	race := func(method, target, body string) map[string]int {
		var wg sync.WaitGroup
		answers := make([]string, rivals)
		for n := range rivals {
			wg.Go(func() {
				w := httptest.NewRecorder()
				s.Serve(w, request(method, target, body))
				answers[n] = said(t, w)
			})
		}
		wg.Wait()
		count := map[string]int{}
		for _, a := range answers {
			count[a]++
		}
		return count
	}
	for round := range 5 {
		image := fmt.Sprintf("team/torch:%d", round)
		s.Push(t, s.Ann, image, "base", image)
		if got := race("POST", one, `{"swr_path":"`+image+`"}`); got["200"] != 1 || got["400 6737"] != rivals-1 {
			t.Errorf("registrations of %s: %v, want one success, the others 6737", image, got)
		}
		page := decode[struct{ Data []struct{ ID string } }](t, s.Do(t, request("GET", one+"?type=DEDICATED", "")))
		if len(page.Data) != 1 {
			t.Fatalf("%d images after the registrations, want 1", len(page.Data))
		}
		target := one + "/" + page.Data[0].ID
		if round%2 == 1 {
			target = one + "/group/" + easel.GroupID(imagetest.AcmeOne, "0", "team", "torch")
		}
		if got := race("DELETE", target+"?force=true", ""); got["200"] != 1 || got["404 6404"] != rivals-1 {
			t.Errorf("deletions of %s: %v, want one success, the others 6404", image, got)
		}
		if s.HasTag(t, image) {
			t.Errorf("%s is still there", image)
		}
	}
}
