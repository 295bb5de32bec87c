package api

import (
	"math"
	"net/http"
	"strconv"
	"time"

	"easel"
	"easel/internal/recent"
)

// Limits say how often a caller may ask. A rate of 0 is no limit.
type Limits struct {
	User     int // requests per second of one user, or of one robot, over a while
	Stranger int // of one address from which nobody has logged in
	// Refused, if set, is told of each request that was refused: "user", "robot"
	// or "address" is who asked too often.
	Refused func(who string)
	Clock   func() time.Time // nil: time.Now
}

// burst is for how many seconds a caller that was silent may ask as fast as
// it can: a client that pulls an image sends its requests at once.
const burst = 10 * time.Second

// maxCallers bounds the table of callers. A caller that was not heard of for
// burst may be forgotten without a difference.
const maxCallers = 20_000

// limiter counts the requests of each caller: next is when its last request
// would have come at the steady rate.
type limiter struct {
	o    Limits
	next *recent.Map[string, time.Time]
}

func newLimiter(o Limits) *limiter {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	return &limiter{o: o, next: recent.New[string, time.Time](maxCallers)}
}

// admit counts a request and returns TooMany "rate" when it is one too many;
// that one is not counted.
func (l *limiter) admit(who easel.Principal, from easel.Origin) error {
	kind, key, rate := "user", "user "+who.UserID, l.o.User
	switch {
	case who.Machine: // must not use up what its user may send
		kind, key = "robot", "robot "+who.AccessKey
	case who.Anonymous():
		kind, key, rate = "address", "address "+from.Client(), l.o.Stranger
	}
	if rate <= 0 {
		return nil
	}
	now, wait := l.o.Clock(), time.Duration(0)
	l.next.Update(key, func(next time.Time) (time.Time, bool) {
		if next.Before(now) {
			next = now
		}
		after := next.Add(time.Second / time.Duration(rate))
		if wait = after.Sub(now) - burst; wait > 0 {
			return next, true
		}
		return after, true
	})
	if wait <= 0 {
		return nil
	}
	if l.o.Refused != nil {
		l.o.Refused(kind)
	}
	return easel.E(easel.TooMany, "rate", "too many requests: at most %d per second are served to one %s; wait and try again", rate, kind).After(wait)
}

// Admit notes who sent the request, for the access log, and counts it: the
// anonymous caller by its address. Families call it once they know the caller.
// Errors: TooMany "rate", with the time to wait.
func Admit(r *http.Request, who easel.Principal) error {
	n := noteOf(r)
	SetUser(r, who)
	if n.limiter == nil {
		return nil
	}
	return n.limiter.admit(who, easel.OriginFrom(r.Context()))
}

// Refuse counts a request whose credentials were refused with err, by its
// address, and returns err, or TooMany "rate" when there were too many.
func Refuse(r *http.Request, err error) error {
	if limited := Admit(r, easel.Principal{}); limited != nil {
		return limited
	}
	return err
}

// RetryAfter sets the header of that name to when err says to ask again, or to
// otherwise, in seconds; 0: not at all.
func RetryAfter(h http.Header, err error, otherwise int) {
	if wait := easel.AsError(err).Retry; wait > 0 {
		otherwise = int(math.Ceil(wait.Seconds()))
	}
	if otherwise > 0 {
		h.Set("Retry-After", strconv.Itoa(otherwise))
	}
}
