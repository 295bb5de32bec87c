package registry

import (
	"fmt"

	"easel"
)

// room returns NoSpace when writing n more bytes would leave less than the
// low-water mark on the store's disk. Deletions and pulls never ask.
func (s *Service) room(n int64) error {
	if s.o.Free == nil {
		return nil
	}
	free, err := s.o.Free()
	if err != nil {
		return fmt.Errorf("free space of the store: %w", err)
	}
	if free-max(n, 0) < s.o.LowSpace {
		return easel.E(easel.NoSpace, "blob", "the registry's disk is full: free some space, deleting works")
	}
	return nil
}
