package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"
)

// spaceEvery is how often the free space is looked at. Pushes look at it
// themselves; this decides when the catalogue gives up its reserve.
const spaceEvery = 2 * time.Second

// space tells the catalogue when the disk is nearly full and when it is not.
type space struct {
	free    func() (int64, error)
	low     int64 // bytes
	catalog interface {
		SetLowSpace(ctx context.Context, low bool) error
	}
	log *slog.Logger
	was bool
}

// watch looks until ctx ends.
func (s *space) watch(ctx context.Context) error {
	tick := time.NewTicker(spaceEvery)
	defer tick.Stop()
	for {
		if err := s.look(ctx); err != nil && ctx.Err() == nil {
			s.log.ErrorContext(ctx, "free space", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look compares the free space with the mark and tells the catalogue about a
// change. It is no longer low only well above the mark, so that it does not
// change at every upload.
func (s *space) look(ctx context.Context) error {
	free, err := s.free()
	if err != nil {
		return err
	}
	isLow := free < s.low || s.was && free < s.low+s.low/2
	if isLow == s.was {
		return nil
	}
	if err := s.catalog.SetLowSpace(ctx, isLow); err != nil {
		return fmt.Errorf("tell the catalogue about the free space: %w", err)
	}
	s.was = isLow
	if isLow {
		s.log.WarnContext(ctx, "disk space is low: pushes are refused, deleting works", "free", free, "mark", s.low)
	} else {
		s.log.InfoContext(ctx, "disk space is back: pushes are taken again", "free", free)
	}
	return nil
}
