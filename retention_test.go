package easel

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestParseRetention(t *testing.T) {
	t.Parallel()
	many := make([]TagSelector, 101)
	for i := range many {
		many[i] = TagSelector{SelectLabel, fmt.Sprint("v", i)}
	}
	for _, tt := range []struct {
		name, template string
		number         int
		selectors      []TagSelector
		ok             bool
	}{
		{"fewest days", DateRule, 1, nil, true},
		{"most days", DateRule, 365, nil, true},
		{"most tags", TagRule, 1000, nil, true},
		{"the selectors of the samples", TagRule, 7, []TagSelector{{SelectRegexp, "^123$"}, {SelectRegexp, "abc*"}, {SelectLabel, "latest"}}, true},
		{"no days", DateRule, 0, nil, false},
		{"too many days", DateRule, 366, nil, false},
		{"too many tags", TagRule, 1001, nil, false},
		{"a negative number", TagRule, -1, nil, false},
		{"a strange template", "size_rule", 1, nil, false},
		{"an expression that does not compile", TagRule, 1, []TagSelector{{SelectRegexp, "("}}, false},
		{"an expression beyond RE2", TagRule, 1, []TagSelector{{SelectRegexp, `(a)\1`}}, false},
		{"an expression that explodes", TagRule, 1, []TagSelector{{SelectRegexp, "((a{1000}){1000}){1000}"}}, false},
		{"an empty expression", TagRule, 1, []TagSelector{{SelectRegexp, ""}}, false},
		{"a long expression", TagRule, 1, []TagSelector{{SelectRegexp, strings.Repeat("a", 1001)}}, false},
		{"NUL", TagRule, 1, []TagSelector{{SelectRegexp, "a\x00"}}, false},
		{"a label that is no tag", TagRule, 1, []TagSelector{{SelectLabel, "a b"}}, false},
		{"a strange kind", TagRule, 1, []TagSelector{{"glob", "*"}}, false},
		{"too many selectors", TagRule, 1, many, false},
	} {
		_, err := ParseRetention(tt.template, tt.number, tt.selectors)
		if (err == nil) != tt.ok || err != nil && !errors.Is(err, Invalid) {
			t.Errorf("%s: ParseRetention = %v, want ok %v", tt.name, err, tt.ok)
		}
	}
}

func TestRetentionJSON(t *testing.T) {
	t.Parallel()
	const text = `{"template":"tag_rule","params":{"num":"7"},"tag_selectors":[]}`
	for in, want := range map[string]string{
		text: text,
		`{"template":"tag_rule","params":{"num":7},"tag_selectors":null}`:                                         text,
		`{"template":"date_rule","params":{"days":"30"},"tag_selectors":[{"kind":"regexp","pattern":"^v[0-9]"}]}`: `{"template":"date_rule","params":{"days":"30"},"tag_selectors":[{"kind":"regexp","pattern":"^v[0-9]"}]}`,
		`{"template":"tag_rule","params":{"days":"7"}}`:                                                           "",
		`{"template":"tag_rule","params":{"num":"7.5"}}`:                                                          "",
		`{"template":"tag_rule","params":{"num":99999999999999999999}}`:                                           "",
		`{"template":"tag_rule","params":["num",7]}`:                                                              "",
		`{}`:   "",
		`null`: "",
		`"7"`:  "",
	} {
		var r RetentionRule
		err := json.Unmarshal([]byte(in), &r)
		if want == "" {
			if !errors.Is(err, Invalid) && in != "null" {
				t.Errorf("Unmarshal(%s) = %v, want Invalid", in, err)
			}
			continue
		}
		out, _ := json.Marshal(r)
		if err != nil || string(out) != want {
			t.Errorf("Unmarshal(%s) = %s, %v, want %s", in, out, err, want)
		}
	}
}

// TestRetentionExpired compares the rule with its definition, tag by tag.
func TestRetentionExpired(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 1, 8, 0, 0, 0, time.UTC)
	rapid.Check(t, func(t *rapid.T) {
		var tags []TagPush
		for i := range rapid.IntRange(0, 12).Draw(t, "tags") {
			hours := rapid.IntRange(0, 96).Draw(t, "age")
			tags = append(tags, TagPush{Tag: Tag(fmt.Sprintf("%s%d", rapid.SampledFrom([]string{"v", "keep-"}).Draw(t, "name"), i)), At: now.Add(-time.Duration(hours) * time.Hour)})
		}
		template, number := rapid.SampledFrom([]string{DateRule, TagRule}).Draw(t, "template"), rapid.IntRange(1, 4).Draw(t, "number")
		r, err := ParseRetention(template, number, []TagSelector{{SelectRegexp, "^keep"}, {SelectLabel, "v3"}})
		if err != nil {
			t.Fatal(err)
		}
		expired := r.Expired(tags, now)
		if !slices.IsSortedFunc(expired, TagPush.Compare) {
			t.Fatalf("not the oldest first: %v", expired)
		}
		for _, p := range tags {
			exempt := strings.HasPrefix(string(p.Tag), "keep") || p.Tag == "v3"
			newer := 0
			for _, q := range tags {
				if q.Compare(p) > 0 && !r.Exempt(q.Tag) {
					newer++
				}
			}
			want := !exempt && (template == TagRule && newer >= number || template == DateRule && now.Sub(p.At) > time.Duration(number)*24*time.Hour)
			if got := slices.Contains(expired, p); got != want {
				t.Fatalf("%s %d: %v expired: %v, want %v, of %v", template, number, p, got, want, tags)
			}
		}
	})
}

func FuzzRetentionRule(f *testing.F) {
	f.Add(`{"template":"tag_rule","params":{"num":"7"},"tag_selectors":[{"kind":"regexp","pattern":"^v"}]}`)
	f.Add(`{"template":"date_rule","params":{"days":30},"tag_selectors":[{"kind":"label","pattern":"latest"}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		var r, again RetentionRule
		if r.UnmarshalJSON([]byte(text)) != nil {
			return
		}
		out, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := again.UnmarshalJSON(out); err != nil {
			t.Fatalf("%s is written as %s, which is refused: %v", text, out, err)
		}
		r.Exempt("v1")
	})
}
