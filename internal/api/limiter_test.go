package api

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	"easel"
)

func TestLimiter(t *testing.T) {
	t.Parallel()
	now := time.Unix(1000, 0)
	refused := map[string]int{}
	l := newLimiter(Limits{User: 5, Stranger: 2, Clock: func() time.Time { return now }, Refused: func(who string) { refused[who]++ }})
	ann, ben := easel.Principal{UserID: "ann"}, easel.Principal{UserID: "ben"}
	here := easel.Origin{Addr: netip.MustParseAddr("203.0.113.7")}
	there := easel.Origin{Addr: netip.MustParseAddr("203.0.113.8")}
	admitted := func(who easel.Principal, from easel.Origin) (n int, wait time.Duration) {
		for {
			err := l.admit(who, from)
			if err != nil {
				if e := easel.AsError(err); e.Kind != easel.TooMany || e.Noun != "rate" {
					t.Fatalf("admit = %v", err)
				}
				return n, easel.AsError(err).Retry
			}
			n++
		}
	}
	for _, tt := range []struct {
		name  string
		after time.Duration
		who   easel.Principal
		from  easel.Origin
		want  int
		wait  time.Duration
	}{
		{"a silent user's burst", 0, ann, here, 50, 200 * time.Millisecond},
		{"the same user elsewhere", 0, ann, there, 0, 200 * time.Millisecond},
		{"another user at the same place", 0, ben, here, 50, 200 * time.Millisecond},
		{"nobody's burst", 0, easel.Principal{}, here, 20, 500 * time.Millisecond},
		{"nobody, elsewhere", 0, easel.Principal{}, there, 20, 500 * time.Millisecond},
		{"a second later", time.Second, ann, here, 5, 200 * time.Millisecond},
		{"after half an interval", 100 * time.Millisecond, ann, here, 0, 100 * time.Millisecond},
		{"after the whole interval", 100 * time.Millisecond, ann, here, 1, 200 * time.Millisecond},
		{"after a day", 24 * time.Hour, ann, here, 50, 200 * time.Millisecond},
	} {
		now = now.Add(tt.after)
		if n, wait := admitted(tt.who, tt.from); n != tt.want || wait != tt.wait {
			t.Errorf("%s: %d admitted, then wait %s; want %d, %s", tt.name, n, wait, tt.want, tt.wait)
		}
	}
	if refused["user"] != 7 || refused["address"] != 2 {
		t.Errorf("refused %v", refused)
	}
}

func TestLimiterOff(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limits{})
	for range 100_000 {
		if err := l.admit(easel.Principal{UserID: "ann"}, easel.Origin{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.next.Len(); n != 0 {
		t.Errorf("%d callers are remembered for nothing", n)
	}
}

// TestLimiterIsBounded: a stranger has as many addresses as it likes.
func TestLimiterIsBounded(t *testing.T) {
	t.Parallel()
	l := newLimiter(Limits{Stranger: 1})
	addr := netip.MustParseAddr("2001:db8::1").As16()
	for i := range 3 * maxCallers {
		addr[5], addr[6], addr[7] = byte(i>>16), byte(i>>8), byte(i)
		if err := l.admit(easel.Principal{}, easel.Origin{Addr: netip.AddrFrom16(addr)}); err != nil {
			t.Fatal(err)
		}
	}
	if n := l.next.Len(); n > 2*maxCallers {
		t.Errorf("%d callers are remembered", n)
	}
}

// TestRefuse: who sends wrong credentials is counted by address, and is told
// to wait in place of the refusal.
func TestRefuse(t *testing.T) {
	t.Parallel()
	wrong := easel.E(easel.Unauthenticated, "token", "wrong")
	h := Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := Refuse(r, wrong)
		RetryAfter(w.Header(), err, 0)
		fmt.Fprint(w, easel.AsError(err).Kind)
	}), ServeOptions{Log: slog.New(slog.DiscardHandler), Limits: Limits{Stranger: 1, Clock: func() time.Time { return time.Unix(1000, 0) }}})
	for i := range 12 {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), "GET", "/", nil))
		want, retry := easel.Unauthenticated.Error(), ""
		if i >= 10 {
			want, retry = easel.TooMany.Error(), "1"
		}
		if got := w.Body.String(); got != want || w.Header().Get("Retry-After") != retry {
			t.Errorf("request %d: %s, Retry-After %q; want %s, %q", i, got, w.Header().Get("Retry-After"), want, retry)
		}
	}
}
