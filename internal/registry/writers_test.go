package registry

import (
	"testing"

	"easel"
)

func TestWritersAreBounded(t *testing.T) {
	t.Parallel()
	w := newWriters(5)
	leave := map[string]func(){}
	for _, tt := range []struct {
		owner, id string
		kind      easel.Kind // Internal: it may
	}{
		{"alice", "1", 0},
		{"alice", "1", easel.InUse},
		{"alice", "2", 0},
		{"alice", "3", easel.TooMany}, // half of the places
		{"bob", "1", 0},               // another session, whatever its id
		{"bob", "2", 0},
		{"carol", "1", 0},
		{"dave", "1", easel.TooMany}, // all places
	} {
		l, err := w.enter(tt.owner, tt.id)
		if tt.kind == easel.Internal {
			must(t, err)
			leave[tt.owner+tt.id] = l
			continue
		}
		wantErr(t, err, tt.kind, "upload")
	}
	leave["alice1"]()
	_, err := w.enter("alice", "3")
	must(t, err)
	leave["bob1"]()
	leave["bob2"]()
	if n := len(w.active); n != 3 || len(w.owners) != 2 {
		t.Errorf("%d sessions of %d owners are left, want 3 of 2", n, len(w.owners))
	}
}
