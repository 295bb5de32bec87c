package identity

import (
	"fmt"
	"strings"
	"testing"
)

// TestVerifiedIsBounded: however many tokens come, the oldest go, and those in
// use stay.
func TestVerifiedIsBounded(t *testing.T) {
	t.Parallel()
	var v verified
	v.add("in use", claims{Project: "p"})
	for i := range 10 * maxVerified {
		v.add(fmt.Sprint("token ", i), claims{})
		if c, ok := v.get("in use"); !ok || c.Project != "p" {
			t.Fatalf("after %d others the token in use is %v, %v", i+1, c, ok)
		}
	}
	if _, ok := v.get("token 0"); ok {
		t.Error("a token that nobody uses is still there")
	}
	if n := len(v.now) + len(v.past); n > 2*maxVerified {
		t.Errorf("%d tokens are kept", n)
	}
	long := strings.Repeat("x", maxRemembered+1)
	v.add(long, claims{})
	if _, ok := v.get(long); ok {
		t.Error("a token of any length is kept")
	}
}
