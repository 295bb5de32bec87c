package identity

import (
	"context"
	"errors"
	"strings"
	"testing"

	"easel"
)

func TestPassword(t *testing.T) {
	t.Parallel()
	p := newPasswords(argonCost)
	hash, err := p.hash(t.Context(), "secret")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
		t.Errorf("hash = %s", hash)
	}
	if again, _ := p.hash(t.Context(), "secret"); again == hash {
		t.Error("two hashes of one password are equal: the salt is missing")
	}
	for _, tt := range []struct {
		password, hash string
		want           bool
	}{
		{"secret", hash, true},
		{"Secret", hash, false},
		{"secret ", hash, false},
		{"", hash, false},
		{"secret", "", false},
		// Made with another implementation and other costs.
		{"password", "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", true},
	} {
		got, err := p.check(t.Context(), tt.password, tt.hash)
		if err != nil || got != tt.want {
			t.Errorf("check(%q, %q) = %v, %v, want %v", tt.password, tt.hash, got, err, tt.want)
		}
	}
}

func TestParsePHCRefuses(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		"plain",
		"$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=0$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
		"$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$",
		"$argon2id$v=19$m=65536,t=2,p=1$c29t!XNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
	} {
		if h, err := parsePHC(s); err == nil {
			t.Errorf("parsePHC(%q) = %+v, want an error", s, h)
		}
	}
}

// TestPasswordQueue: one hash at a time, a bounded number waiting, and a
// client that went away does not wait.
func TestPasswordQueue(t *testing.T) {
	t.Parallel()
	p := newPasswords(argonCost)
	p.turn <- struct{}{} // somebody's hash is being computed
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.hash(gone, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("hash of a client that went away = %v", err)
	}
	p.waiting.Store(argonWaiting)
	_, err := p.hash(t.Context(), "x")
	wantNoun(t, err, easel.TooMany, "password")
	if n := p.waiting.Load(); n != argonWaiting {
		t.Errorf("%d wait after a refusal, want %d", n, argonWaiting)
	}
}
