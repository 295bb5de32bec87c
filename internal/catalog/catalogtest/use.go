package catalogtest

import (
	"testing"
	"time"

	"easel"
	"easel/internal/catalog"
)

var useTests = []test{{"UseIsCountedApart", useIsCountedApart}}

// useIsCountedApart adds pulls by people and machines, also late ones, and
// deletes what was pulled.
func useIsCountedApart(t *testing.T, w *world) {
	m := w.push(w.ann, "team/a", "v1", "base")
	d, at := manifestDigest(m), w.clock()
	add := func(machine bool, n int64, last time.Time) {
		t.Helper()
		w.must(w.db.AddPulls(t.Context(), map[catalog.Pull]catalog.Pulls{
			{Repo: "team/a", Digest: d, Machine: machine}:        {Count: n, Last: last},
			{Repo: "team/a", Digest: digest("gone")}:             {Count: 1, Last: last},
			{Repo: "team/none", Digest: d, Machine: machine}:     {Count: 1, Last: last},
			{Repo: "team/none", Digest: digest("none whatever")}: {Count: 1, Last: last},
		}))
	}
	add(false, 2, at.Add(time.Hour))
	add(true, 5, at.Add(3*time.Hour))
	add(false, 1, at.Add(time.Minute)) // written later than it happened
	u, err := w.db.Use(t.Context(), "team/a", easel.Ref{Tag: "v1"})
	hour, three := at.Add(time.Hour).UnixMilli(), at.Add(3*time.Hour).UnixMilli()
	if want := (catalog.Use{Digest: d, Pushed: at.UnixMilli(), HumanPulls: 3, LastHuman: hour, MachinePull: 5, LastMachine: three, LastUsed: hour}); err != nil || u != want {
		t.Errorf("use = %+v, %v; want %+v", u, err, want)
	}
	_, err = w.db.DeleteTag(t.Context(), w.ann, "team/a", "v1", nil)
	w.must(err)
	_, err = w.db.Use(t.Context(), "team/a", easel.Ref{Tag: "v1"})
	w.wants(err, easel.NotFound, "manifest")
	w.push(w.ann, "team/a", "v1", "base")
	if u, err := w.db.Use(t.Context(), "team/a", easel.Ref{Digest: d}); err != nil || u.HumanPulls != 0 {
		t.Errorf("use of what was pushed again = %+v, %v", u, err)
	}
}
