package human

import (
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestSpan(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"7d": "7d", "1.5d": "36h", "12h": "12h", "24h": "1d", "90m": "1h30m", "61s": "1m1s", "0d": "0d"} {
		var s Span
		if err := s.UnmarshalText([]byte(text)); err != nil || s.String() != want {
			t.Errorf("%s = %s, %v; want %s", text, s, err, want)
		}
	}
	for _, bad := range []string{"", "d", "7 days", "NaNd", "1e9d", "7", "x"} {
		var s Span
		if err := s.UnmarshalText([]byte(bad)); err == nil {
			t.Errorf("%q is accepted as %s", bad, s)
		}
	}
}

// TestSpanReadsBack writes times and reads them.
func TestSpanReadsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want, got := Span(rapid.Int64Range(0, 90*86400).Draw(t, "seconds")*int64(time.Second)), Span(0)
		if err := got.UnmarshalText([]byte(want.String())); err != nil || got != want {
			t.Fatalf("%s is read as %s, %v", want, got, err)
		}
	})
}

func TestParseDeadline(t *testing.T) {
	t.Parallel()
	east := time.FixedZone("east", 2*3600)
	for text, want := range map[string]string{
		"2027-01-31": "2027-01-31T21:59:59Z", "2027-01-31T18:00": "2027-01-31T16:00:00Z", "2027-01-31 18:00": "2027-01-31T16:00:00Z",
		"2027-01-31T18:00:00Z": "2027-01-31T18:00:00Z", "2027-01-31T18:00:00+01:00": "2027-01-31T17:00:00Z",
	} {
		at, err := ParseDeadline(text, east)
		if got := at.UTC().Format(time.RFC3339); err != nil || got != want {
			t.Errorf("%s = %s, %v; want %s", text, got, err, want)
		}
	}
	for _, bad := range []string{"", "tomorrow", "2027-02-30", "31.01.2027"} {
		if _, err := ParseDeadline(bad, east); err == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
