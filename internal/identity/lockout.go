package identity

import (
	"context"
	"errors"
	"time"

	"easel"
	"easel/internal/recent"
)

// Lockout says when failed log-ins delay the next one. After a number of
// failures in a row the next attempt must wait a second, then two, four, and
// so on. The counts are this process's own and kept in memory.
type Lockout struct {
	// After is how many failures with the password of one user from one address
	// are free; with one access key it is ten times as many. 0 means 10; less
	// means that nothing is ever delayed.
	After int
	// Observe, if set, is told of every failure, and of every attempt that was
	// refused because it came too early: kind is "password", "login",
	// "signature", "sso" or "exchange".
	Observe func(kind string, refused bool)
}

// The counts. Those of one user from everywhere, and of one address with
// everybody, are larger: others share them. Nobody on the server's own machine
// does, so that no stranger can keep the administrator out of it.
const (
	lockAfter   = 10
	lockShared  = 10               // times After
	lockLongest = 15 * time.Minute // of one user or key from one address, and of one address
	lockAll     = time.Minute      // of one user from everywhere: its owner is kept waiting, too
	lockForget  = time.Hour        // without a failure
	maxFailures = 20_000
)

// failures counts what failed in a row under one name.
type failures struct {
	n     int
	last  time.Time
	until time.Time
}

// lockout is the table of failures.
type lockout struct {
	o     Lockout
	table *recent.Map[string, failures]
}

func newLockout(o Lockout) *lockout {
	if o.After == 0 {
		o.After = lockAfter
	}
	return &lockout{o: o, table: recent.New[string, failures](maxFailures)}
}

// counter is one count that an attempt is judged by.
type counter struct {
	name    string
	after   int
	longest time.Duration
}

// attempt is a log-in under way.
type attempt struct {
	l    *lockout
	kind string
	now  func() time.Time
	own  counter   // of this user or key from this address
	all  []counter // own and the shared ones
}

// attempt begins a log-in. subject names the user or key, known or not, and
// must change when the secret does: then the count begins again. Only
// passwords are counted from everywhere, and strictly: generated secrets cannot
// be guessed, and the machines that have them fail often and at many places.
func (s *Service) attempt(ctx context.Context, kind, subject string) attempt {
	l, from := s.lockout, easel.OriginFrom(ctx)
	a := attempt{l: l, kind: kind, now: s.now, own: counter{kind + " " + subject + " from " + from.Client(), l.o.After, lockLongest}}
	if kind != "password" {
		a.own.after *= lockShared
	}
	a.all = []counter{a.own}
	if !from.Local {
		a.all = append(a.all, counter{"from " + from.Client(), l.o.After * lockShared, lockLongest})
		if kind == "password" {
			a.all = append(a.all, counter{kind + " " + subject, l.o.After * lockShared, lockAll})
		}
	}
	return a
}

// early returns TooMany "lock-out" when the attempt comes too early, with the
// time to wait.
func (a attempt) early() error {
	if a.l.o.After < 0 {
		return nil
	}
	now, wait := a.now(), time.Duration(0)
	for _, c := range a.all {
		wait = max(wait, a.l.table.Get(c.name).until.Sub(now))
	}
	if wait <= 0 {
		return nil
	}
	a.observe(true)
	return easel.E(easel.TooMany, "lock-out", "too many failed log-ins; wait %s and try again", (wait + time.Second - 1).Truncate(time.Second)).After(wait)
}

// failed counts a failure.
func (a attempt) failed() {
	a.observe(false)
	if a.l.o.After < 0 {
		return
	}
	now := a.now()
	for _, c := range a.all {
		a.l.table.Update(c.name, func(f failures) (failures, bool) {
			if now.Sub(f.last) > lockForget {
				f = failures{}
			}
			f.n, f.last = f.n+1, now
			if over := f.n - c.after; over >= 0 {
				f.until = now.Add(min(time.Second<<min(over, 20), c.longest))
			}
			return f, true
		})
	}
}

// succeeded ends the count of this user or key from this address. The shared
// ones stay: an attacker has an account of its own, too.
func (a attempt) succeeded() {
	a.l.table.Update(a.own.name, func(failures) (failures, bool) { return failures{}, false })
}

// judge is told how the check of a secret ended. It counts err when that is a
// refusal, and hides a success that took until the next attempt had to wait:
// attempts at the same time are no way around the count.
func (a attempt) judge(err error) error {
	switch {
	case errors.Is(err, easel.Unauthenticated):
		a.failed()
		return err
	case err != nil:
		return err
	}
	if err := a.early(); err != nil {
		return err
	}
	a.succeeded()
	return nil
}

func (a attempt) observe(refused bool) {
	if a.l.o.Observe != nil {
		a.l.o.Observe(a.kind, refused)
	}
}
