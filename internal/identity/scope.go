package identity

import (
	"slices"
	"strings"

	"easel"
)

// MaxScopes bounds the scopes of one registry token.
const MaxScopes = 100

// ParseScopes parses the scopes of a token request (iam.md 10.3): each value
// may hold several, separated by spaces. Errors: Invalid "scope".
func ParseScopes(values []string) ([]easel.Scope, error) {
	var scopes []easel.Scope
	for _, v := range values {
		for _, text := range strings.Fields(v) {
			if len(scopes) == MaxScopes {
				return nil, easel.E(easel.Invalid, "scope", "more than %d scopes", MaxScopes)
			}
			s, err := ParseScope(text)
			if err != nil {
				return nil, err
			}
			scopes = append(scopes, s)
		}
	}
	return scopes, nil
}

// ParseScope parses type[(class)]:name:action[,action]. The name may contain
// colons; the class is dropped; the action list may be empty. Errors: Invalid
// "scope".
func ParseScope(text string) (easel.Scope, error) {
	bad := easel.E(easel.Invalid, "scope", "%.100q is no scope: want type:name:action,action", text)
	typ, rest, ok := strings.Cut(text, ":")
	last := strings.LastIndexByte(rest, ':')
	if !ok || last < 1 || len(text) > 512 {
		return easel.Scope{}, bad
	}
	if open := strings.IndexByte(typ, '('); open >= 0 && strings.HasSuffix(typ, ")") {
		typ = typ[:open]
	}
	if typ == "" || strings.Trim(typ, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
		return easel.Scope{}, bad
	}
	s := easel.Scope{Type: typ, Name: rest[:last]}
	if rest[last+1:] == "" {
		return s, nil
	}
	for action := range strings.SplitSeq(rest[last+1:], ",") {
		if action == "" || (action != "*" && strings.Trim(action, "abcdefghijklmnopqrstuvwxyz") != "") {
			return easel.Scope{}, bad
		}
		if !slices.Contains(s.Actions, action) {
			s.Actions = append(s.Actions, action)
		}
	}
	return s, nil
}

// FormatScopes writes scopes as a token answer lists them.
func FormatScopes(scopes []easel.Scope) string {
	texts := make([]string, len(scopes))
	for i, s := range scopes {
		texts[i] = s.Type + ":" + s.Name + ":" + strings.Join(s.Actions, ",")
	}
	return strings.Join(texts, " ")
}
