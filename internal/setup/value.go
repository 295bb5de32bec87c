package setup

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"easel"
	"easel/internal/human"
)

// Forever is the value of a Share without a deadline.
const Forever = "forever"

// DeadlineText writes a deadline: a day when it is the end of that day in UTC.
func DeadlineText(at time.Time) string {
	at = at.UTC()
	if at.Hour() == 23 && at.Minute() == 59 && at.Second() == 59 {
		return at.Format(time.DateOnly)
	}
	return at.Format("2006-01-02T15:04:05Z")
}

// ParseDeadline reads what DeadlineText writes, and other times in UTC; zero
// for Forever.
func ParseDeadline(text string) (time.Time, error) {
	if text == Forever {
		return time.Time{}, nil
	}
	return human.ParseDeadline(text, time.UTC)
}

// UndoText writes an undo window, and how many bytes trash may hold; 0: any number.
func UndoText(window human.Span, budget human.Bytes) string {
	if budget == 0 {
		return window.String()
	}
	return fmt.Sprintf("%s, at most %s", window, bytesText(budget))
}

// ParseUndo reads what UndoText writes.
func ParseUndo(text string) (window human.Span, budget human.Bytes, err error) {
	first, second, bounded := strings.Cut(text, ", at most ")
	if err := window.UnmarshalText([]byte(first)); err != nil || !bounded {
		return window, 0, err
	}
	err = budget.UnmarshalText([]byte(second))
	return window, budget, err
}

// bytesText writes a size so that it reads back.
func bytesText(b human.Bytes) string {
	text, _ := b.MarshalText() // it has no errors
	return string(text)
}

// SpaceText writes a bound of bytes, 0 as None.
func SpaceText(n int64) string {
	if n == 0 {
		return None
	}
	return bytesText(human.Bytes(n))
}

// CountText writes a bound of things, 0 as None.
func CountText(n int64) string {
	if n == 0 {
		return None
	}
	return fmt.Sprint(n)
}

// ParseBound reads what SpaceText and CountText write.
func ParseBound(text string) (int64, error) {
	if text == None {
		return 0, nil
	}
	var b human.Bytes
	err := b.UnmarshalText([]byte(text))
	return int64(b), err
}

// PatternsText writes patterns of tags.
func PatternsText(patterns []string) string {
	return strings.Join(slices.Compact(slices.Sorted(slices.Values(patterns))), " ")
}

// Patterns reads what PatternsText writes.
func Patterns(text string) []string { return append([]string{}, strings.Fields(text)...) }

// RuleText writes a retention rule.
func RuleText(rule easel.RetentionRule) (string, error) {
	text, err := json.Marshal(rule)
	return string(text), err
}

// PolicyText writes a policy's document in one form, whatever its order and
// its white space are.
func PolicyText(document []byte) (string, error) {
	var v any
	d := json.NewDecoder(bytes.NewReader(document))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		return "", err
	}
	text, err := json.Marshal(v)
	return string(text), err
}
