package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"

	"easel"
)

// Bounds of a policy.
const (
	MaxDocument   = 6 << 10 // bytes
	MaxStatements = 8
	MaxPatterns   = 100 // of each list of a statement
	maxPattern    = 512 // bytes
)

// Parse reads a policy: JSON of the form
//
//	{"Version": "1.1", "Statement": [
//	  {"Effect": "Allow", "Action": ["swr:repo:*"], "Resource": ["swr:*:*:repo:team/*"]}]}
//
// Actions have three segments, service, type and operation, in which "*"
// stands for any text; without Resource a statement is about whatever there
// is. What Easel could not keep to is refused instead of ignored: conditions,
// other regions, unknown fields. Errors: Invalid "policy", with line, column
// and offset of the character.
func Parse(document []byte) ([]easel.Statement, error) {
	p := &parser{text: document, dec: json.NewDecoder(bytes.NewReader(document))}
	if len(document) > MaxDocument {
		return nil, p.fail(MaxDocument, "a policy has at most %d bytes", MaxDocument)
	}
	if !utf8.Valid(document) {
		return nil, p.fail(validPrefix(document), "a policy is UTF-8 text")
	}
	return p.document()
}

// validPrefix returns how many bytes of text are UTF-8.
func validPrefix(text []byte) int {
	n := 0
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		n += size
	}
	return n
}

// parser walks the tokens of a document and knows where it is.
type parser struct {
	text []byte
	dec  *json.Decoder
	at   int // where the last token began
}

// fail is an error about the character at offset.
func (p *parser) fail(offset int, format string, args ...any) error {
	offset = min(offset, len(p.text))
	before := p.text[:offset]
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	return easel.E(easel.Invalid, "policy", "the policy, line %d, column %d (offset %d): %s", line, column, offset, fmt.Sprintf(format, args...))
}

// next returns the next token.
func (p *parser) next() (json.Token, error) {
	p.at = int(p.dec.InputOffset())
	for p.at < len(p.text) && strings.IndexByte(" \t\r\n,:", p.text[p.at]) >= 0 {
		p.at++
	}
	t, err := p.dec.Token()
	if err != nil {
		at := p.at
		if syntax := (*json.SyntaxError)(nil); asSyntax(err, &syntax) && int(syntax.Offset) > at {
			at = int(syntax.Offset) - 1
		}
		return nil, p.fail(at, "this is not JSON")
	}
	return t, nil
}

func asSyntax(err error, target **json.SyntaxError) bool {
	s, ok := err.(*json.SyntaxError)
	*target = s
	return ok
}

func (p *parser) delim(want json.Delim, what string) error {
	t, err := p.next()
	if err == nil && t != want {
		err = p.fail(p.at, "want %s", what)
	}
	return err
}

// object calls field for each field of an object, which must be one of known;
// each once.
func (p *parser) object(what string, known []string, field func(name string) error) error {
	if err := p.delim('{', what+": a JSON object"); err != nil {
		return err
	}
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.next()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if !anyOf(known, func(k string) bool { return k == name }) {
			return p.fail(p.at, "%s has no field %.40q that is served here; it has %s", what, name, strings.Join(known, ", "))
		}
		if seen[name] {
			return p.fail(p.at, "the field %s is there twice", name)
		}
		seen[name] = true
		if err := field(name); err != nil {
			return err
		}
	}
	return p.delim('}', "the end of "+what)
}

// array calls element for each element of an array, of which there are 1 to limit.
func (p *parser) array(what string, limit int, element func() error) error {
	if err := p.delim('[', what+": a JSON array"); err != nil {
		return err
	}
	start := p.at
	n := 0
	for ; p.dec.More(); n++ {
		if n == limit {
			return p.fail(int(p.dec.InputOffset()), "%s has at most %d entries", what, limit)
		}
		if err := element(); err != nil {
			return err
		}
	}
	if n == 0 {
		return p.fail(start, "%s must not be empty", what)
	}
	return p.delim(']', "the end of "+what)
}

// string returns a string.
func (p *parser) string(what string) (string, error) {
	t, err := p.next()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", p.fail(p.at, "%s must be a string", what)
	}
	return s, nil
}

func (p *parser) document() ([]easel.Statement, error) {
	var found []easel.Statement
	version := false
	err := p.object("a policy", []string{"Version", "Statement"}, func(name string) error {
		if name == "Version" {
			version = true
			v, err := p.string("Version")
			if err == nil && v != "1.1" {
				err = p.fail(p.at, "the version %.20q is not served; it must be \"1.1\"", v)
			}
			return err
		}
		return p.array("Statement", MaxStatements, func() error {
			s, err := p.statement()
			s.Number = len(found) + 1
			found = append(found, s)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	if !version || len(found) == 0 {
		return nil, p.fail(p.at, "a policy needs Version and Statement")
	}
	if p.dec.More() {
		return nil, p.fail(int(p.dec.InputOffset()), "there is something behind the policy")
	}
	return found, nil
}

func (p *parser) statement() (easel.Statement, error) {
	var s easel.Statement
	effect := false
	err := p.object("a statement", []string{"Effect", "Action", "Resource", "Condition"}, func(name string) error {
		switch name {
		case "Effect":
			effect = true
			v, err := p.string("Effect")
			if err == nil && v != "Allow" && v != "Deny" {
				err = p.fail(p.at, "Effect must be \"Allow\" or \"Deny\"")
			}
			s.Deny = v == "Deny"
			return err
		case "Action":
			return p.array("Action", MaxPatterns, func() error { return p.pattern("an action", checkAction, true, &s.Actions) })
		case "Resource":
			return p.array("Resource", MaxPatterns, func() error { return p.pattern("a resource", checkResource, false, &s.Resources) })
		}
		return p.noCondition()
	})
	if err == nil && (!effect || len(s.Actions) == 0) {
		err = p.fail(p.at, "the statement that ends here needs Effect and Action")
	}
	return s, err
}

// noCondition takes an empty condition only: to ignore one would allow more
// than was meant.
func (p *parser) noCondition() error {
	if err := p.delim('{', "Condition: a JSON object"); err != nil {
		return err
	}
	if p.dec.More() {
		if _, err := p.next(); err != nil {
			return err
		}
		return p.fail(p.at, "conditions are not served: leave Condition away")
	}
	return p.delim('}', "the end of Condition")
}

// pattern adds a pattern to list. check returns where in it something is wrong.
func (p *parser) pattern(what string, check func(string) (int, string), fold bool, list *[]string) error {
	s, err := p.string(what)
	if err != nil {
		return err
	}
	if at, wrong := check(s); wrong != "" {
		return p.fail(p.at+1+at, "%.100q is not %s: %s", s, what, wrong) // behind the quotation mark
	}
	if fold {
		s = strings.ToLower(s)
	}
	*list = append(*list, s)
	return nil
}

const actionForm = "want service:type:operation, with \"*\" for any text"

func checkAction(s string) (int, string) {
	if s == "*" {
		return 0, ""
	}
	if len(s) > maxPattern {
		return maxPattern, "it is too long"
	}
	segments := strings.Split(s, ":")
	at := 0
	for i, segment := range segments {
		if i == 3 {
			return at - 1, actionForm
		}
		if segment == "" {
			return at, actionForm
		}
		if bad := strings.IndexFunc(segment, func(r rune) bool { return !isWord(r) && r != '*' }); bad >= 0 {
			return at + bad, actionForm
		}
		at += len(segment) + 1
	}
	if len(segments) < 3 {
		return len(s), actionForm
	}
	return 0, ""
}

func checkResource(s string) (int, string) {
	if s == "*" {
		return 0, ""
	}
	if len(s) > maxPattern {
		return maxPattern, "it is too long"
	}
	segments := strings.SplitN(s, ":", 5)
	at := 0
	for i, segment := range segments {
		switch {
		case (i == 1 || i == 2) && segment != "" && segment != "*":
			return at, "region and account must be \"*\": there is one of each"
		case i != 1 && i != 2 && segment == "":
			return at, "want service:*:*:type:name, with \"*\" for any text"
		}
		if bad := strings.IndexFunc(segment, func(r rune) bool { return r <= ' ' || r == utf8.RuneError }); bad >= 0 {
			return at + bad, "it has a character that no name has"
		}
		at += len(segment) + 1
	}
	if len(segments) < 5 {
		return len(s), "want service:*:*:type:name, with \"*\" for any text"
	}
	return 0, ""
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}
