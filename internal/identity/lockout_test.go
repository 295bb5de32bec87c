package identity

import (
	"context"
	"net/netip"
	"testing"
	"time"

	"easel"
)

// from returns a context of a client at addr; "local" is the server's machine.
func from(t *testing.T, addr string) context.Context {
	if addr == "local" {
		return easel.WithOrigin(t.Context(), easel.Origin{Addr: netip.MustParseAddr("127.0.0.1"), Local: true})
	}
	return easel.WithOrigin(t.Context(), easel.Origin{Addr: netip.MustParseAddr(addr)})
}

// try logs in as the administrator and returns "", "wrong", or how long the
// next attempt must wait.
func (f *fixture) try(t *testing.T, ctx context.Context, user, password string) string {
	t.Helper()
	_, _, err := f.IssueToken(ctx, TokenRequest{Methods: []string{"password"}, Password: Password{UserName: user, DomainName: "easel", Password: password}})
	e := easel.AsError(err)
	switch {
	case err == nil:
		return ""
	case e.Kind == easel.TooMany && e.Noun == "lock-out" && e.Retry > 0:
		return e.Retry.String()
	case e.Kind == easel.Unauthenticated:
		return "wrong"
	}
	t.Fatalf("IssueToken = %v", err)
	return ""
}

func (f *fixture) fail(t *testing.T, ctx context.Context, user string, times int) {
	t.Helper()
	for i := range times {
		if got := f.try(t, ctx, user, "guess"); got != "wrong" {
			t.Fatalf("guess %d of %d: %q", i+1, times, got)
		}
	}
}

func TestLockoutGrows(t *testing.T) {
	t.Parallel()
	for _, user := range []string{"admin", "nobody"} { // whether the user exists makes no difference
		f, here := newFixture(t), from(t, "203.0.113.7")
		f.fail(t, here, user, 10)
		for _, wait := range []string{"1s", "2s", "4s", "8s", "16s", "32s", "1m4s", "2m8s", "4m16s", "8m32s", "15m0s", "15m0s"} {
			if got := f.try(t, here, user, "guess"); got != wait {
				t.Fatalf("%s: the next attempt waits %q, want %s", user, got, wait)
			}
			if user == "admin" {
				if got := f.try(t, here, user, adminPassword); got != wait {
					t.Fatalf("the right password too early: %q", got)
				}
			}
			d, _ := time.ParseDuration(wait)
			f.clock.advance(d)
			f.fail(t, here, user, 1)
		}
		f.clock.advance(15 * time.Minute)
		if user == "admin" {
			if got := f.try(t, here, user, adminPassword); got != "" {
				t.Errorf("the right password after the wait: %q", got)
			}
			f.fail(t, here, user, 10)
		}
	}
}

// TestLockoutIsTheStrangersOwn: who guesses delays itself; it cannot keep the
// administrator out of the server's machine, nor elsewhere for long.
func TestLockoutIsTheStrangersOwn(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	f.fail(t, from(t, "203.0.113.7"), "admin", 10)
	if got := f.try(t, from(t, "203.0.113.7"), "admin", adminPassword); got != "1s" {
		t.Errorf("at the stranger's address: %q", got)
	}
	if got := f.try(t, from(t, "198.51.100.1"), "admin", adminPassword); got != "" {
		t.Errorf("elsewhere: %q", got)
	}
	for i := range 20 { // from many addresses
		addr := netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}).String()
		if i < 9 {
			f.fail(t, from(t, addr), "admin", 10)
			continue
		}
		f.clock.advance(time.Minute)
		f.fail(t, from(t, addr), "admin", 1)
	}
	f.clock.advance(time.Minute)
	f.fail(t, from(t, "192.0.2.200"), "admin", 1)
	if got := f.try(t, from(t, "198.51.100.1"), "admin", adminPassword); got != "1m0s" {
		t.Errorf("elsewhere, during an attack from many addresses: %q", got)
	}
	if got := f.try(t, from(t, "local"), "admin", adminPassword); got != "" {
		t.Errorf("on the server's machine, during the attack: %q", got)
	}
}

func TestLockoutOfAnAddress(t *testing.T) {
	t.Parallel()
	f, here := newFixture(t), from(t, "203.0.113.7")
	for i := range 100 { // one guess for each of many names
		f.fail(t, here, "user"+string(rune('0'+i%10))+string(rune('a'+i/10)), 1)
	}
	if got := f.try(t, here, "admin", "guess"); got != "1s" {
		t.Errorf("the next name: %q", got)
	}
	if got := f.try(t, from(t, "198.51.100.1"), "admin", adminPassword); got != "" {
		t.Errorf("elsewhere: %q", got)
	}
}

// TestResetPasswordEndsTheLockout: the failures were failures with the old one.
func TestResetPasswordEndsTheLockout(t *testing.T) {
	t.Parallel()
	f, here := newFixture(t), from(t, "local")
	f.fail(t, here, "admin", 10)
	other := New(f.o) // easel admin reset-password is a process of its own
	other.passwords = f.passwords
	password, err := other.ResetPassword(t.Context(), "", "admin")
	if err != nil {
		t.Fatal(err)
	}
	if got := f.try(t, here, "admin", password); got != "" {
		t.Errorf("the new password: %q", got)
	}
}

func TestLockoutOff(t *testing.T) {
	t.Parallel()
	f := newFixture(t)
	o := f.o
	o.Lockout.After = -1
	off := &fixture{Service: New(o), clock: f.clock}
	off.passwords = f.passwords
	off.fail(t, from(t, "203.0.113.7"), "admin", 50)
	if n := off.lockout.table.Len(); n != 0 {
		t.Errorf("%d counts are kept for nothing", n)
	}
}

// TestLockoutOfKeys: registry logins and signatures are counted by key and
// address, after more failures, and a refusal says when to come back.
func TestLockoutOfKeys(t *testing.T) {
	t.Parallel()
	f, here := newFixture(t), from(t, "203.0.113.7")
	seen := map[string]int{}
	f.lockout.o.Observe = func(kind string, refused bool) {
		if refused {
			kind += " refused"
		}
		seen[kind]++
	}
	sign := func(ctx context.Context, secret string) error {
		_, err := f.Verify(ctx, signed(ctx, "GET", "/v3/projects", f.first.AccessKey, secret, f.clock.now()))
		return err
	}
	login := func(ctx context.Context, secret string) error {
		_, err := f.CheckLogin(ctx, "eu-de@"+f.first.AccessKey, LoginKey(f.first.AccessKey, secret))
		return err
	}
	wantNoun(t, sign(here, "wrong"), easel.Unauthenticated, "signature")
	wantNoun(t, login(here, "wrong"), easel.Unauthenticated, "login")
	for range 98 {
		wantNoun(t, login(here, "wrong"), easel.Unauthenticated, "login")
	}
	wantNoun(t, login(here, vectorSecret), easel.TooMany, "lock-out")
	wantNoun(t, sign(here, vectorSecret), easel.TooMany, "lock-out")
	if err := login(from(t, "198.51.100.1"), vectorSecret); err != nil {
		t.Errorf("elsewhere: %v", err)
	}
	f.clock.advance(time.Second)
	if err := login(here, vectorSecret); err != nil {
		t.Errorf("after the wait: %v", err)
	}
	if seen["signature"] != 1 || seen["login"] != 99 || seen["login refused"] != 1 || seen["signature refused"] != 1 {
		t.Errorf("observed %v", seen)
	}
}
