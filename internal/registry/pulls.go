package registry

import (
	"context"
	"sync"

	"easel"
)

// pulls counts manifests served since they were last written to the
// catalogue: a pull must not wait for a write. A crash loses the counts of the
// last seconds.
type pulls struct {
	mu sync.Mutex
	n  map[easel.Repo]int64
}

// CountPull tells that a manifest of repo was sent to a client.
func (s *Service) CountPull(repo easel.Repo) {
	s.pulls.mu.Lock()
	defer s.pulls.mu.Unlock()
	if s.pulls.n == nil {
		s.pulls.n = map[easel.Repo]int64{}
	}
	s.pulls.n[repo]++
}

// writePulls adds what was counted to the repositories.
func (s *Service) writePulls(ctx context.Context) error {
	s.pulls.mu.Lock()
	n := s.pulls.n
	s.pulls.n = nil
	s.pulls.mu.Unlock()
	if len(n) == 0 {
		return nil
	}
	return s.catalog.AddDownloads(ctx, n)
}
