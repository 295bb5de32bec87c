package main

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// effect is what an operation does to a register: a tag, which holds a digest
// or "", or an image record, which holds "live" or "".
type effect string

const (
	write   effect = "write"        // becomes the value
	take    effect = "take"         // was not "", becomes ""
	takeIf  effect = "take if"      // becomes "" when it was the value
	clears  effect = "clear"        // becomes ""
	mayTake effect = "may take"     // becomes "" or stays
	back    effect = "restore"      // was "" or one of the values, becomes or stays one of them
	reads   effect = "read"         // is the value
	present effect = "read present" // is not ""
)

// live is the value of an image record that is there.
const live = "live"

// event is one operation on one register. An operation whose answer was lost
// with the server may have happened or not.
type event struct {
	effect effect
	value  string
	maybe  bool
	from   string   // register whose values a restore may bring back
	values []string // they, once everything is at rest
}

func (e event) String() string {
	s := strings.TrimSpace(string(e.effect) + " " + e.value)
	if e.maybe {
		s += " (answer lost)"
	}
	return s
}

// after returns the states that the register may have after e when its state
// was s; none when e cannot have happened then.
func (e event) after(s string) []string {
	next, possible := s, true
	switch e.effect {
	case mayTake:
		return []string{s, ""}
	case back:
		return e.afterRestore(s)
	case write:
		next = e.value
	case take:
		next, possible = "", s != ""
	case takeIf:
		if s == e.value {
			next = ""
		}
	case clears:
		next = ""
	case reads:
		possible = s == e.value
	case present:
		possible = s != ""
	}
	switch {
	case !possible && !e.maybe:
		return nil
	case e.maybe && possible && next != s:
		return []string{s, next}
	case e.maybe && !possible:
		return []string{s}
	}
	return []string{next}
}

// afterRestore is after of a restore.
func (e event) afterRestore(s string) []string {
	switch {
	case slices.Contains(e.values, s):
		return []string{s}
	case s != "" && e.maybe:
		return []string{s}
	case s != "":
		return nil
	case e.maybe:
		return append([]string{s}, e.values...)
	}
	return slices.Clone(e.values)
}

// history is what happened to all registers since the last time that everything
// was at rest.
type history struct {
	start time.Time

	mu      sync.Mutex // guards what follows
	initial map[string]string
	events  map[string][]porcupine.Operation
	values  map[string]map[string]bool // that each register had, ever
	total   int                        // of all times
}

func newHistory() *history {
	return &history{start: time.Now(), initial: map[string]string{}, events: map[string][]porcupine.Operation{}, values: map[string]map[string]bool{}}
}

// now is the time of the history.
func (h *history) now() int64 { return time.Since(h.start).Nanoseconds() }

// add records an operation that began at the time call and has just ended. One
// whose answer was lost may take effect until everything is at rest.
func (h *history) add(key string, call int64, e event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	end := h.now()
	if e.maybe {
		end = math.MaxInt64
	}
	h.events[key] = append(h.events[key], porcupine.Operation{Input: e, Call: call, Return: end})
	h.total++
}

// settle is called when everything is at rest, with the state of all registers
// that are not "". It returns an error when no order of the operations explains
// what clients were told and what is there now. The next epoch begins with
// what is there now. Values that kept does not report need not be remembered:
// no restore can bring them back.
func (h *history) settle(found map[string]string, kept func(value string) bool) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.remember()
	now := h.now()
	keys := map[string]string{}
	maps.Copy(keys, found)
	maps.Copy(keys, h.initial)
	for key := range h.events {
		if !strings.HasPrefix(key, "group ") && !strings.HasPrefix(key, "repo ") {
			keys[key] = ""
		}
	}
	for key := range keys {
		ops := h.expand(key)
		for i := range ops {
			ops[i].Return = min(ops[i].Return, now)
		}
		ops = append(ops, porcupine.Operation{Input: event{effect: reads, value: found[key]}, Call: now + 1, Return: now + 2})
		if h.adopted(key, ops) {
			continue
		}
		if !h.legal(h.initial[key], ops) {
			return broken("no order of the operations on %s explains what was answered:\n  at first %q\n%s", key, h.initial[key], describe(ops))
		}
	}
	h.initial, h.events = maps.Clone(found), map[string][]porcupine.Operation{}
	for key, values := range h.values {
		maps.DeleteFunc(values, func(v string, _ bool) bool { return !kept(v) })
		if len(values) == 0 {
			delete(h.values, key)
		}
	}
	return nil
}

// remember adds the values that registers have had since the last time, those
// that were restored from other registers too.
func (h *history) remember() {
	add := func(key, value string) (news bool) {
		if h.values[key] == nil {
			h.values[key] = map[string]bool{}
		}
		news = value != "" && !h.values[key][value]
		if news {
			h.values[key][value] = true
		}
		return news
	}
	for news := true; news; {
		news = false
		for key, ops := range h.events {
			for n, op := range ops {
				e := op.Input.(event)
				switch e.effect {
				case write:
					news = add(key, e.value) || news
				case back:
					e.values = slices.Sorted(maps.Keys(h.values[e.from]))
					ops[n].Input = e
					for _, v := range e.values {
						news = add(key, v) || news
					}
				}
			}
		}
	}
}

// adopted reports whether key is an image that nobody was told about: the
// answer of its registration was lost.
func (h *history) adopted(key string, ops []porcupine.Operation) bool {
	return strings.HasPrefix(key, "image ") && h.initial[key] == "" && len(h.events[key]) == 0 && ops[len(ops)-1].Input.(event).value == live
}

// expand returns the operations on key, with those on the whole group of an
// image, and on the whole repository of a tag.
func (h *history) expand(key string) []porcupine.Operation {
	ops := slices.Clone(h.events[key])
	switch f := strings.Fields(key); f[0] {
	case "image":
		ops = append(ops, h.events["group "+f[1]]...)
	case "tag":
		repo, _, _ := strings.Cut(f[1], ":")
		ops = append(ops, h.events["repo "+repo]...)
	}
	return ops
}

// checkTimeout bounds the search for an order; histories are short.
const checkTimeout = 30 * time.Second

func (h *history) legal(initial string, ops []porcupine.Operation) bool {
	model := porcupine.NondeterministicModel{
		Init: func() []any { return []any{initial} },
		Step: func(state, input, _ any) (next []any) {
			for _, s := range input.(event).after(state.(string)) {
				next = append(next, s)
			}
			return next
		},
	}
	return porcupine.CheckOperationsTimeout(model.ToModel(), ops, checkTimeout) != porcupine.Illegal
}

func describe(ops []porcupine.Operation) string {
	slices.SortFunc(ops, func(a, b porcupine.Operation) int { return int(a.Call - b.Call) })
	var b strings.Builder
	for _, op := range ops {
		fmt.Fprintf(&b, "  %12.6f to %12.6f s: %v\n", float64(op.Call)/1e9, float64(op.Return)/1e9, op.Input)
	}
	return b.String()
}
