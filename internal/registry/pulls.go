package registry

import (
	"context"
	"slices"
	"strings"
	"sync"

	"easel"
	"easel/internal/catalog"
	"easel/internal/policy"
)

// pulls counts manifests served since they were last written to the
// catalogue: a pull must not wait for a write. A crash loses the counts of the
// last seconds.
type pulls struct {
	mu sync.Mutex
	n  map[catalog.Pull]catalog.Pulls
}

// CountPull tells that a manifest of repo was sent to a client that calls
// itself agent. A robot's pull is no use by a person, whatever its agent.
func (s *Service) CountPull(ctx context.Context, repo easel.Repo, digest easel.Digest, agent string) {
	p := catalog.Pull{Repo: repo, Digest: digest, Machine: easel.PrincipalFrom(ctx).Machine || s.machine(agent)}
	now := s.o.Clock()
	s.pulls.mu.Lock()
	defer s.pulls.mu.Unlock()
	if s.pulls.n == nil {
		s.pulls.n = map[catalog.Pull]catalog.Pulls{}
	}
	s.pulls.n[p] = catalog.Pulls{Count: s.pulls.n[p].Count + 1, Last: now}
}

// machine reports whether a client that calls itself agent is a scanner or a mirror.
func (s *Service) machine(agent string) bool {
	agent = strings.ToLower(agent)
	return slices.ContainsFunc(s.o.MachineAgents, func(part string) bool { return strings.Contains(agent, part) })
}

// writePulls adds what was counted to manifests and repositories.
func (s *Service) writePulls(ctx context.Context) error {
	s.pulls.mu.Lock()
	n := s.pulls.n
	s.pulls.n = nil
	s.pulls.mu.Unlock()
	if len(n) == 0 {
		return nil
	}
	err := s.catalog.AddPulls(ctx, n)
	if err != nil { // they are written with the next
		s.pulls.mu.Lock()
		defer s.pulls.mu.Unlock()
		if s.pulls.n == nil {
			s.pulls.n = map[catalog.Pull]catalog.Pulls{}
		}
		for p, x := range n {
			now := s.pulls.n[p]
			now.Count += x.Count
			if x.Last.After(now.Last) {
				now.Last = x.Last
			}
			s.pulls.n[p] = now
		}
	}
	return err
}

// Use tells how an image was used: who pulls it may see who else does.
// Errors: NotFound "repository" or "manifest".
func (s *Service) Use(ctx context.Context, repo easel.Repo, ref easel.Ref) (catalog.Use, error) {
	if err := s.may(ctx, policy.Pull, repo); err != nil {
		return catalog.Use{}, err
	}
	return s.catalog.Use(ctx, repo, ref)
}
