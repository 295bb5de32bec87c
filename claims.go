package easel

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"
)

// Claims are what a token says, by name. Numbers are json.Number.
type Claims map[string]any

// UnmarshalJSON implements json.Unmarshaler. Numbers keep their digits.
func (c *Claims) UnmarshalJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var all map[string]any
	err := d.Decode(&all)
	*c = all
	return err
}

// At returns the claim called name. A name that begins with a slash is a JSON
// pointer (RFC 6901) to what is further inside.
func (c Claims) At(name string) any {
	path, isPointer := strings.CutPrefix(name, "/")
	if !isPointer {
		return c[name]
	}
	var at any = map[string]any(c)
	for step := range strings.SplitSeq(path, "/") {
		inside, ok := at.(map[string]any)
		if !ok {
			return nil
		}
		at = inside[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return at
}

// Strings returns a claim as text: of a list each entry that is one, of
// anything else that is one only it.
func (c Claims) Strings(name string) []string {
	at := c.At(name)
	list, isList := at.([]any)
	if !isList {
		list = []any{at}
	}
	var found []string
	for _, one := range list {
		switch v := one.(type) {
		case string:
			found = append(found, v)
		case bool, json.Number:
			found = append(found, fmt.Sprint(v))
		}
	}
	return found
}

// The longest conditions.
const (
	maxConditions  = 32
	maxConditionBy = 500 // bytes of a name or pattern
)

// Conditions are patterns that claims must fit, by the claims' names. In a
// pattern "*" is any run of characters without "/" and ":", "**" any run at all.
// They are written as JSON into the database.
type Conditions map[string]string

// ParseConditions checks conditions. Errors: Invalid "claims".
func ParseConditions(c map[string]string) (Conditions, error) {
	if len(c) > maxConditions {
		return nil, E(Invalid, "claims", "there may be %d conditions at most", maxConditions)
	}
	for name, pattern := range c {
		for _, text := range []string{name, pattern} {
			if text == "" || len(text) > maxConditionBy || !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
				return nil, E(Invalid, "claims", "a condition is the name of a claim and a pattern, each text of 1 to %d bytes", maxConditionBy)
			}
		}
		if strings.Trim(pattern, "*/:") == "" {
			return nil, E(Invalid, "claims", "the condition on %.100q fits everything: write out a part of what the claim must be", name)
		}
		if strings.Contains(pattern, "***") {
			return nil, E(Invalid, "claims", "the condition on %.100q must be * (no / and no :) or ** (any characters), not more stars", name)
		}
	}
	return Conditions(c), nil
}

// Missed returns the name of a claim that does not fit its condition, the
// first by name, and "" when all do. A claim that is a list fits when one of
// its entries does; one that is not there never fits.
func (c Conditions) Missed(claims Claims) string {
	for _, name := range slices.Sorted(maps.Keys(c)) {
		if !slices.ContainsFunc(claims.Strings(name), func(v string) bool { return fitsPath(c[name], v) }) {
			return name
		}
	}
	return ""
}

// fitsPath reports whether s fits a pattern with * and **. It takes time in
// proportion to both lengths, whatever they are.
func fitsPath(pattern, s string) bool {
	fits := make([]bool, len(s)+1) // whether the pattern so far fits the first i bytes
	fits[0] = true
	for len(pattern) > 0 {
		deep := strings.HasPrefix(pattern, "**")
		switch {
		case deep, pattern[0] == '*':
			for i := 1; i <= len(s); i++ {
				fits[i] = fits[i] || fits[i-1] && (deep || s[i-1] != '/' && s[i-1] != ':')
			}
		default:
			for i := len(s); i > 0; i-- {
				fits[i] = fits[i-1] && s[i-1] == pattern[0]
			}
			fits[0] = false
		}
		if pattern = pattern[1:]; deep {
			pattern = pattern[1:]
		}
	}
	return fits[len(s)]
}
