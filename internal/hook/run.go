package hook

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"easel"
	"easel/internal/catalog"
)

// How turns are taken. A hook is delivered to by one process, one event at a
// time; a turn is short, so that no sink keeps others waiting, and ends with
// the first failure.
const (
	lookEvery  = time.Second
	maxTurns   = 16 // at once, by this process
	maxTenant  = 4  // of which for one domain
	turnLength = 30 * time.Second
	turnLease  = turnLength + 2*tryTimeout // longer than a turn with its last try
	maxInTurn  = 100
)

// What becomes of an event that is not taken.
const (
	firstWait = 5 * time.Second // doubles with each try
	longWait  = time.Hour
	giveUp    = 24 * time.Hour // after its first moment in the queue
)

// How long it is remembered.
const (
	keepDelivered = 24 * time.Hour
	keepGivenUp   = 7 * 24 * time.Hour
	forgetEvery   = 10 * time.Minute
)

// Run delivers until ctx ends, then cuts off what is under way: it is tried
// again at the next start, or by another process. Any number of processes may run
// it at once.
func (s *Service) Run(ctx context.Context) {
	defer s.send.client.CloseIdleConnections()
	defer s.ended.Wait()
	look, forget := time.NewTicker(lookEvery), time.NewTicker(forgetEvery)
	defer look.Stop()
	defer forget.Stop()
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			err = s.takeTurns(ctx)
		case <-forget.C:
			err = s.catalog.ForgetDeliveries(ctx, keepDelivered, keepGivenUp)
		}
		if err != nil && ctx.Err() == nil {
			s.o.Log.ErrorContext(ctx, "the deliveries to hooks could not be looked after; it is tried again", "err", err)
		}
	}
}

// takeTurns starts a turn for each hook that something is due to, as far as
// there are turns left.
func (s *Service) takeTurns(ctx context.Context) error {
	due, err := s.catalog.DueHooks(ctx)
	if err != nil {
		return err
	}
	for _, u := range due {
		if !s.enter(u) {
			continue
		}
		s.ended.Go(func() {
			defer s.leave(u)
			if err := s.turn(ctx, u.Hook); err != nil && ctx.Err() == nil {
				s.o.Log.ErrorContext(ctx, "a hook was not delivered to; it is tried again", "hook", u.Hook, "err", err)
			}
		})
	}
	return nil
}

// enter reports whether a turn for the hook may begin now.
func (s *Service) enter(u catalog.HookTurn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, under := s.turns[u.Hook]; under || len(s.turns) >= maxTurns {
		return false
	}
	tenant := 0
	for _, domain := range s.turns {
		if domain == u.Domain {
			tenant++
		}
	}
	if tenant >= maxTenant {
		return false
	}
	s.turns[u.Hook] = u.Domain
	return true
}

func (s *Service) leave(u catalog.HookTurn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.turns, u.Hook)
}

// turn delivers what is due to a hook, in order, until one try fails or the
// turn is over.
func (s *Service) turn(ctx context.Context, hook string) (err error) {
	u, taken, err := s.catalog.TakeTurn(ctx, hook, turnLease)
	if err != nil || !taken {
		return err
	}
	defer func() { err = errors.Join(err, s.catalog.EndTurn(context.WithoutCancel(ctx), u)) }()
	end := time.Now().Add(turnLength)
	for range maxInTurn {
		d, found, err := s.catalog.NextDelivery(ctx, u)
		if err != nil || !found {
			return err
		}
		done, err := s.try(ctx, u, d)
		if err != nil || !done || time.Now().After(end) {
			return err
		}
	}
	return nil
}

// try delivers once and records what came of it. done is false when it will be
// tried again.
func (s *Service) try(ctx context.Context, u catalog.HookTurn, d catalog.DueDelivery) (done bool, err error) {
	secret, err := s.o.Vault.Open(secretName(d.Hook.ID), d.Hook.Secret)
	if err != nil {
		return false, fmt.Errorf("the secret of the hook: %w", err)
	}
	now := time.Now()
	status, problem, err := s.send.deliver(ctx, d, secret, now)
	if err != nil {
		return false, err
	}
	o := outcome(status, problem, d.Tries, now.Sub(d.Created))
	s.o.Metrics.HookTried(names[o.State])
	err = s.catalog.EndDelivery(context.WithoutCancel(ctx), u, d.ID, o)
	if errors.Is(err, easel.Changed) {
		return false, nil
	}
	return o.State == catalog.Delivered, err
}

// names are the outcomes for metrics.
var names = [...]string{catalog.Waiting: "failed", catalog.Delivered: "delivered", catalog.GivenUp: "given up"}

// outcome decides what becomes of a delivery that was tried before as often as
// tries says, and that has been in the queue for age.
func outcome(status int, problem string, tries int, age time.Duration) catalog.Outcome {
	o := catalog.Outcome{Status: status, Problem: problem, State: catalog.Delivered}
	if status >= 200 && status < 300 {
		return o
	}
	wait := min(firstWait<<min(tries, 20), longWait)
	o.State, o.Wait = catalog.Waiting, wait/2+rand.N(wait) // half to one and a half: sinks that many share come back slowly
	if age+o.Wait > giveUp {
		o.State, o.Wait = catalog.GivenUp, 0
	}
	return o
}
