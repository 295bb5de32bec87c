package easel_test

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"

	"easel"
)

func claims(t *testing.T, text string) easel.Claims {
	t.Helper()
	var c easel.Claims
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestClaims(t *testing.T) {
	t.Parallel()
	c := claims(t, `{"sub":"a","groups":["x","y",3,null,{"z":1}],"verified":true,"id":12345678901234567890,"kubernetes.io":{"namespace":"ci","a/b":{"c~":"deep"}},"null":null}`)
	for name, want := range map[string]string{
		"sub": "a", "groups": "x y 3", "verified": "true", "id": "12345678901234567890", "missing": "", "null": "", "kubernetes.io": "",
		"/kubernetes.io/namespace": "ci", "/kubernetes.io/a~1b/c~0": "deep", "/kubernetes.io": "", "/sub/x": "", "/": "", "//": "",
	} {
		if got := strings.Join(c.Strings(name), " "); got != want {
			t.Errorf("%s = %q, want %q", name, got, want)
		}
	}
}

func TestConditions(t *testing.T) {
	t.Parallel()
	c := claims(t, `{"sub":"repo:org/app:ref:refs/heads/main","groups":["dev","ops"],"admin":true,"n":7}`)
	for _, tt := range []struct {
		name, pattern string
		fits          bool
	}{
		{"sub", "repo:org/app:ref:refs/heads/main", true},
		{"sub", "repo:org/app:ref:refs/heads/*", true},
		{"sub", "repo:org/*:ref:refs/heads/main", true},
		{"sub", "repo:*/app:**", true},
		{"sub", "**/main", true},
		{"sub", "repo:org/app:ref:refs/heads/main*", true},
		{"sub", "repo:*:ref:refs/heads/main", false}, // org/app has a slash
		{"sub", "repo:org/*", false},
		{"sub", "repo:org/app", false},
		{"sub", "epo:org/app:ref:refs/heads/main", false},
		{"sub", "Repo:org/app:ref:refs/heads/main", false},
		{"groups", "ops", true}, {"groups", "op", false}, {"groups", "o*", true},
		{"admin", "true", true}, {"n", "7", true}, {"n", "70", false}, {"missing", "x**", false},
	} {
		conditions, err := easel.ParseConditions(map[string]string{tt.name: tt.pattern})
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
		} else if missed := conditions.Missed(c); (missed == "") != tt.fits {
			t.Errorf("%s: %q, want fits %v", tt.pattern, missed, tt.fits)
		}
	}
	if missed := (easel.Conditions{"sub": "x", "groups": "dev", "a": "y"}).Missed(c); missed != "a" {
		t.Errorf("the first that does not fit is %q", missed)
	}
	for name, bad := range map[string]map[string]string{
		"everything": {"sub": "*"}, "everything deep": {"sub": "**"}, "all but everything": {"sub": "*/*:**"}, "three stars": {"sub": "a***"},
		"empty": {"sub": ""}, "no name": {"": "x"}, "NUL": {"sub": "a\x00"}, "no UTF-8": {"sub": "\xff"}, "long": {"sub": strings.Repeat("x", 501)},
	} {
		if _, err := easel.ParseConditions(bad); !errors.Is(err, easel.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// FuzzConditions compares patterns with regular expressions.
func FuzzConditions(f *testing.F) {
	f.Add("repo:org/*:ref:**", "repo:org/app:ref:refs/heads/main")
	f.Add("a*b**c", "abbc/c")
	f.Fuzz(func(t *testing.T, pattern, value string) {
		conditions, err := easel.ParseConditions(map[string]string{"x": pattern})
		if err != nil || len(value) > 200 {
			return
		}
		expression := regexp.QuoteMeta(pattern)
		expression = strings.ReplaceAll(expression, `\*\*`, `(?s:.*)`)
		expression = strings.ReplaceAll(expression, `\*`, `[^/:]*`)
		want, err := regexp.MatchString(`\A(?:`+expression+`)\z`, value)
		if err != nil {
			return // what is no UTF-8
		}
		if got := conditions.Missed(easel.Claims{"x": value}) == ""; got != want {
			t.Errorf("%q fits %q: %v, a regular expression says %v", value, pattern, got, want)
		}
	})
}
