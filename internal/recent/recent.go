// Package recent has a map of bounded size for things that a stranger can
// make many of: callers, failures, tokens.
package recent

import "sync"

// Map keeps at least the limit entries that were used last, and at most twice
// as many. The zero Map keeps none; see [New]. It is safe for concurrent use.
type Map[K comparable, V any] struct {
	limit int

	mu        sync.Mutex
	now, past map[K]V // past is dropped when now is full
}

// New returns a Map that keeps at least limit entries.
func New[K comparable, V any](limit int) *Map[K, V] {
	return &Map[K, V]{limit: limit, now: map[K]V{}}
}

// Update calls f with the value of key, the zero one when there is none, and
// stores what f returns; false removes it. Nobody else uses the map meanwhile.
func (m *Map[K, V]) Update(key K, f func(V) (V, bool)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	v, ok := m.now[key]
	if !ok {
		v = m.past[key]
	}
	v, keep := f(v)
	delete(m.past, key)
	if !keep {
		delete(m.now, key)
		return
	}
	if !ok && len(m.now) >= m.limit {
		m.now, m.past = make(map[K]V), m.now
	}
	m.now[key] = v
}

// Get returns the value of key, the zero one when there is none.
func (m *Map[K, V]) Get(key K) V {
	m.mu.Lock()
	defer m.mu.Unlock()
	if v, ok := m.now[key]; ok {
		return v
	}
	return m.past[key]
}

// Len returns how many entries are kept.
func (m *Map[K, V]) Len() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.now) + len(m.past)
}
