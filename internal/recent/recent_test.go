package recent

import (
	"strconv"
	"testing"

	"pgregory.net/rapid"
)

// TestMap compares with a map that forgets nothing: what was used last is
// kept, what is not kept reads as zero, and there is never more than twice the
// limit.
func TestMap(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(t, "limit")
		m := New[string, int](limit)
		model, order := map[string]int{}, []string{}
		touch := func(key string) {
			for i, k := range order {
				if k == key {
					order = append(order[:i], order[i+1:]...)
					break
				}
			}
			order = append(order, key)
		}
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			key := strconv.Itoa(rapid.IntRange(0, 9).Draw(t, "key"))
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0:
				m.Update(key, func(int) (int, bool) { return 0, false })
				delete(model, key)
			default:
				m.Update(key, func(n int) (int, bool) {
					if n != 0 && n != model[key] {
						t.Fatalf("%s = %d, want %d", key, n, model[key])
					}
					model[key] = n + 1
					return n + 1, true
				})
				touch(key)
			}
			if n := m.Len(); n > 2*limit {
				t.Fatalf("%d entries with a limit of %d", n, limit)
			}
			if len(order) > 0 {
				if last := order[len(order)-1]; m.Get(last) != model[last] {
					t.Fatalf("the last one, %s, is %d, want %d", last, m.Get(last), model[last])
				}
			}
		}
	})
}

func TestMapKeepsTheLimit(t *testing.T) {
	t.Parallel()
	m := New[int, bool](8)
	for i := range 100 {
		m.Update(i, func(bool) (bool, bool) { return true, true })
		for j := max(0, i-7); j <= i; j++ {
			if !m.Get(j) {
				t.Fatalf("after %d entries the %d-th of the last 8 is gone", i+1, j)
			}
		}
	}
}
