package registry

import (
	"context"
	"sync"

	"easel"
)

// served counts bytes of blobs sent since they were last written to the
// catalogue: a pull must not wait for a write. A crash loses the counts of the
// last seconds.
type served struct {
	mu    sync.Mutex
	bytes map[easel.Repo]int64
}

// CountServed tells that n bytes of a blob of repo were sent to a client.
func (s *Service) CountServed(repo easel.Repo, n int64) {
	s.o.Metrics.BytesOut(n)
	s.served.mu.Lock()
	defer s.served.mu.Unlock()
	if s.served.bytes == nil {
		s.served.bytes = map[easel.Repo]int64{}
	}
	s.served.bytes[repo] += n
}

// writeServed adds what was counted to the domains' days.
func (s *Service) writeServed(ctx context.Context) error {
	s.served.mu.Lock()
	bytes := s.served.bytes
	s.served.bytes = nil
	s.served.mu.Unlock()
	if len(bytes) == 0 {
		return nil
	}
	err := s.catalog.AddDownflow(ctx, bytes)
	if err != nil { // they are written with the next
		s.served.mu.Lock()
		defer s.served.mu.Unlock()
		if s.served.bytes == nil {
			s.served.bytes = map[easel.Repo]int64{}
		}
		for repo, n := range bytes {
			s.served.bytes[repo] += n
		}
	}
	return err
}
