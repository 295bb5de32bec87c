package main

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

// op is an operation from one time to another; to 0 means that its answer was lost.
func op(from, to int64, e effect, value string) porcupine.Operation {
	o := porcupine.Operation{Input: event{effect: e, value: value, maybe: to == 0}, Call: from, Return: to}
	if to == 0 {
		o.Return = math.MaxInt64
	}
	return o
}

func TestSettle(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name     string
		at, then string // before and at rest
		ops      []porcupine.Operation
		legal    bool
	}{
		{"nothing", "m", "m", nil, true},
		{"lost without a reason", "m", "", nil, false},
		{"back without a reason", "", "m", nil, false},
		{"acknowledged push", "", "m", []porcupine.Operation{op(1, 2, write, "m")}, true},
		{"acknowledged push is lost", "", "", []porcupine.Operation{op(1, 2, write, "m")}, false},
		{"lost answer, it happened", "", "m", []porcupine.Operation{op(1, 0, write, "m")}, true},
		{"lost answer, it did not happen", "", "", []porcupine.Operation{op(1, 0, write, "m")}, true},
		{"deleted", "m", "", []porcupine.Operation{op(1, 2, take, "")}, true},
		{"deleted, and there again", "m", "m", []porcupine.Operation{op(1, 2, take, "")}, false},
		{"two deletions of one tag succeed", "m", "", []porcupine.Operation{op(1, 4, take, ""), op(2, 3, take, "")}, false},
		{"the second is refused", "m", "", []porcupine.Operation{op(1, 4, take, ""), op(2, 3, reads, "")}, true},
		{"refused before the first began", "m", "", []porcupine.Operation{op(3, 4, take, ""), op(1, 2, reads, "")}, false},
		{"push overlaps deletion, either may win", "m", "n", []porcupine.Operation{op(1, 4, write, "n"), op(2, 3, take, "")}, true},
		{"deleted by digest while the tag moves", "m", "n", []porcupine.Operation{op(1, 4, write, "n"), op(2, 3, takeIf, "m")}, true},
		{"a reader sees the old content after the push", "m", "n", []porcupine.Operation{op(1, 2, write, "n"), op(3, 4, reads, "m")}, false},
		{"a lost deletion may come late", "m", "", []porcupine.Operation{op(1, 0, take, ""), op(2, 3, reads, "m")}, true},
		{"registered while the tag was not there", "", "", []porcupine.Operation{op(1, 2, present, "")}, false},
	} {
		h := newHistory()
		h.initial = map[string]string{"tag": tt.at}
		h.events["tag"] = tt.ops
		found := map[string]string{}
		if tt.then != "" {
			found["tag"] = tt.then
		}
		if err := h.settle(found); (err == nil) != tt.legal {
			t.Errorf("%s: %v, want legal: %v", tt.name, err, tt.legal)
		}
	}
}

func TestSettleImages(t *testing.T) {
	t.Parallel()
	h := newHistory()
	h.add("image team/a 1", h.now(), event{effect: write, value: live})
	h.add("image team/b 2", h.now(), event{effect: write, value: live})
	h.add("group team/a", h.now(), event{effect: clears})
	// 3 is one whose registration was never answered.
	if err := h.settle(map[string]string{"image team/b 2": live, "image team/c 3": live}); err != nil {
		t.Error(err)
	}
	h.add("group team/b", h.now(), event{effect: clears})
	if err := h.settle(map[string]string{"image team/b 2": live, "image team/c 3": live}); err == nil {
		t.Error("an image of a deleted group is still there, and nobody noticed")
	}
}
