// Package human reads and writes sizes and times as people do, in flags and in
// files: 500GiB, 7d, 2027-01-31. It knows nothing of what they are for.
package human

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// Span is a time.Duration that can also be given in days: 7d, 12h, 1h30m.
type Span time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Span) UnmarshalText(text []byte) error {
	if n, ok := strings.CutSuffix(string(text), "d"); ok {
		days, err := strconv.ParseFloat(n, 64)
		if err != nil || !(days >= -1000 && days <= 1000) {
			return fmt.Errorf("%q is no time: want days such as 7d, or hours such as 12h", text)
		}
		*s = Span(days * float64(day))
		return nil
	}
	parsed, err := time.ParseDuration(string(text))
	if err != nil {
		return fmt.Errorf("%q is no time: want days such as 7d, or hours such as 12h", text)
	}
	*s = Span(parsed)
	return nil
}

// String writes whole days as such, and else hours, minutes and seconds. It
// reads back as s when s is at most 1000 days.
func (s Span) String() string {
	d := time.Duration(s)
	if d%day == 0 {
		return strconv.FormatInt(int64(d/day), 10) + "d"
	}
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// ParseDeadline reads a day, which it includes, or a time of day. What names
// no zone is a time of loc.
func ParseDeadline(text string, loc *time.Location) (time.Time, error) {
	if at, err := time.ParseInLocation(time.DateOnly, text, loc); err == nil {
		return at.AddDate(0, 0, 1).Add(-time.Second), nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.RFC3339} {
		if at, err := time.ParseInLocation(layout, text, loc); err == nil {
			return at, nil
		}
	}
	return time.Time{}, fmt.Errorf("%.40q is no day: want 2027-01-31, 2027-01-31T18:00 or 2027-01-31T18:00:00Z", text)
}
