package main

import (
	"math"
	"testing"

	"github.com/anishathalye/porcupine"
)

func keepAll(string) bool { return true }

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
	const register = "tag team/a:v1"
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
		h.initial = map[string]string{register: tt.at}
		h.events[register] = tt.ops
		found := map[string]string{}
		if tt.then != "" {
			found[register] = tt.then
		}
		if err := h.settle(found, keepAll); (err == nil) != tt.legal {
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
	if err := h.settle(map[string]string{"image team/b 2": live, "image team/c 3": live}, keepAll); err != nil {
		t.Error(err)
	}
	h.add("group team/b", h.now(), event{effect: clears})
	if err := h.settle(map[string]string{"image team/b 2": live, "image team/c 3": live}, keepAll); err == nil {
		t.Error("an image of a deleted group is still there, and nobody noticed")
	}
}

func TestSettleRestores(t *testing.T) {
	t.Parallel()
	const was, is = "tag lab/a:v1", "tag lab/a:v1-restored-1"
	begin := func() *history {
		h := newHistory()
		h.initial = map[string]string{was: "m"}
		h.values[was] = map[string]bool{"m": true}
		return h
	}
	for _, tt := range []struct {
		name  string
		do    func(h *history)
		found map[string]string
		legal bool
	}{
		{"restored", func(h *history) { h.events[was] = ops(op(1, 2, take, ""), restored(3, 4, was)) }, map[string]string{was: "m"}, true},
		{"and not there", func(h *history) { h.events[was] = ops(op(1, 2, take, ""), restored(3, 4, was)) }, nil, false},
		{"there before it was restored", func(h *history) { h.events[was] = ops(op(1, 2, take, ""), op(3, 4, reads, "m"), restored(5, 6, was)) }, map[string]string{was: "m"}, false},
		{"with content that it never had", func(h *history) { h.events[was] = ops(op(1, 2, take, ""), restored(3, 4, was)) }, map[string]string{was: "n"}, false},
		{"in the place of other content", func(h *history) { h.events[was] = ops(op(1, 2, write, "n"), restored(3, 4, is)) }, map[string]string{was: "n"}, false},
		{"the answer is lost, it happened", func(h *history) { h.events[was] = ops(op(1, 2, take, ""), restored(3, 0, was)) }, map[string]string{was: "m"}, true},
		{"the answer is lost, it did not happen", func(h *history) { h.events[was] = ops(op(1, 2, take, ""), restored(3, 0, was)) }, nil, true},
		{"under another name", func(h *history) {
			h.events[was], h.events[is] = ops(op(1, 2, write, "n")), ops(restored(3, 4, was))
		}, map[string]string{was: "n", is: "m"}, true},
		{"under another name, with content that came later and went", func(h *history) {
			h.events[was], h.events[is] = ops(op(1, 2, write, "n"), op(3, 4, take, "")), ops(restored(5, 6, was))
		}, map[string]string{is: "n"}, true},
		{"all of the repository went", func(h *history) {
			h.events[is], h.events["repo lab/a"] = ops(restored(1, 2, was)), ops(op(3, 4, clears, ""))
		}, nil, true},
		{"it went and is there", func(h *history) { h.events["repo lab/a"] = ops(op(3, 4, clears, "")) }, map[string]string{was: "m"}, false},
	} {
		h := begin()
		tt.do(h)
		if err := h.settle(tt.found, keepAll); (err == nil) != tt.legal {
			t.Errorf("%s: %v, want legal: %v", tt.name, err, tt.legal)
		}
	}
}

func ops(ops ...porcupine.Operation) []porcupine.Operation { return ops }

// restored is op of a restore of what the register from had.
func restored(start, to int64, from string) porcupine.Operation {
	o := op(start, to, back, "")
	o.Input = event{effect: back, from: from, maybe: to == 0}
	return o
}

func TestForgetsValues(t *testing.T) {
	t.Parallel()
	h := newHistory()
	h.add("tag lab/a:v1", h.now(), event{effect: write, value: "m"})
	h.add("tag lab/a:v1", h.now(), event{effect: take})
	if err := h.settle(nil, func(string) bool { return false }); err != nil {
		t.Fatal(err)
	}
	h.add("tag lab/a:v1", h.now(), event{effect: back, from: "tag lab/a:v1", maybe: true})
	if err := h.settle(map[string]string{"tag lab/a:v1": "m"}, keepAll); err == nil {
		t.Error("a manifest that nobody could restore is there again, and nobody noticed")
	}
}
