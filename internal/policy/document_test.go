package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"easel"
)

func TestParse(t *testing.T) {
	t.Parallel()
	got, err := Parse([]byte(`{
  "Version": "1.1",
  "Statement": [
    {"Effect": "Allow", "Action": ["SWR:repo:*", "modelarts:image:get*"], "Resource": ["swr:*:*:repo:team/*", "SWR:::namespace:Team"]},
    {"Effect": "Deny", "Action": ["*"], "Condition": {}}
  ]
}`))
	want := []easel.Statement{
		{Number: 1, Actions: []string{"swr:repo:*", "modelarts:image:get*"}, Resources: []string{"swr:*:*:repo:team/*", "SWR:::namespace:Team"}},
		{Number: 2, Deny: true, Actions: []string{"*"}},
	}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("Parse: %v (-want +got):\n%s", err, diff)
	}
}

// TestParsePoints: an error names the character that is wrong, which is where
// the mark § stands in the sample.
func TestParsePoints(t *testing.T) {
	t.Parallel()
	statement := func(s string) string { return `{"Version":"1.1","Statement":[` + s + `]}` }
	action := func(s string) string { return statement(`{"Effect":"Allow","Action":["` + s + `"]}`) }
	resource := func(s string) string {
		return statement(`{"Effect":"Allow","Action":["*"],"Resource":["` + s + `"]}`)
	}
	for _, sample := range []string{
		`§`, `§[]`, `{§}`, `{"Version":§"1.0","Statement":[{}]}`, `{"Version":§1.1}`, "{\"Version\":\"1.1\",\n  §\"Statements\":[]}",
		`{"Version":"1.1","Statement":§[]}`, `{"Version":"1.1",§"Version":"1.1"}`, `{"Version":"1.1"§}`, `{"Statement":[{"Effect":"Allow","Action":["*"]}]§}`,
		`{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["*"]}]§`, `{"Version":"1.1" §"Statement"`,
		statement(`§"x"`), statement(`{"Effect":"Allow"§}`), statement(`{"Action":["*"]§}`),
		statement(`{"Effect":§"allow","Action":["*"]}`), statement(`{"Effect":"Allow","Action":§"*"}`), statement(`{"Effect":"Allow","Action":[§7]}`),
		statement(`{"Effect":"Allow","Action":§[]}`), statement(`{"Effect":"Allow",§"NotAction":["*"]}`), statement(`{"Effect":"Allow","Resource":§{"uri":[]}}`),
		statement(`{"Effect":"Allow","Action":["*"],"Condition":{§"StringEquals":{}}}`),
		"{\n\t\"Version\": \"1.1\",\n\t\"Statement\": [\n\t\t{\"Effect\": \"Allow\", \"Action\": [\"swr:repo§\"]}\n\t]\n}",
		action(`swr:repo§!:get`), action(`swr:§:get`), action(`swr§`), action(`swr:repo:get§:more`), action(`swr:repo:§`), action(`§`), action(`swr:repo:get§ Repo`),
		resource(`swr:§eu-de:*:repo:team/*`), resource(`swr:*:§abc:repo:x`), resource(`swr:*:*:repo§`), resource(`swr:*:*:repo:§`), resource(`swr:*:*:repo:a§ b`), resource(`§:*:*:repo:a`),
		statement(`{"Effect":"Allow","Action":["*"]}`) + `§{}`,
		"{\"Version\":\"§\xff\"}",
	} {
		text := strings.Replace(sample, "§", "", 1)
		offset := strings.Index(sample, "§")
		lines := strings.Split(text[:offset], "\n")
		want := fmt.Sprintf("line %d, column %d (offset %d)", len(lines), len(lines[len(lines)-1])+1, offset)
		_, err := Parse([]byte(text))
		if e := easel.AsError(err); e.Kind != easel.Invalid || e.Noun != "policy" || !strings.Contains(e.Msg, want) {
			t.Errorf("Parse(%s) = %v, want %s", sample, err, want)
		}
	}
}

func TestParseBounds(t *testing.T) {
	t.Parallel()
	one := `{"Effect":"Allow","Action":["*"]}`
	for name, text := range map[string]string{
		"statements": `{"Version":"1.1","Statement":[` + strings.Repeat(one+",", MaxStatements) + one + `]}`,
		"actions":    `{"Version":"1.1","Statement":[{"Effect":"Allow","Action":[` + strings.Repeat(`"*",`, MaxPatterns) + `"*"]}]}`,
		"bytes":      `{"Version":"1.1","Statement":[` + one + `]}` + strings.Repeat(" ", MaxDocument),
		"nesting":    strings.Repeat("[", MaxDocument),
		"an action":  `{"Version":"1.1","Statement":[{"Effect":"Allow","Action":["` + strings.Repeat("a", maxPattern+1) + `"]}]}`,
	} {
		if _, err := Parse([]byte(text)); !errors.Is(err, easel.Invalid) {
			t.Errorf("%s: Parse = %v, want invalid", name, err)
		}
	}
}

// FuzzParse: whatever it is, it is a policy or the author's mistake, and a
// policy decides without trouble.
func FuzzParse(f *testing.F) {
	for _, r := range SystemRoles() {
		f.Add([]byte(r.Document))
	}
	f.Add([]byte(`{"Version":"1.1","Statement":[{"Effect":"Deny","Action":["swr:*:get*"],"Resource":["swr:*:*:repo:*a*b*"]}]}`))
	f.Add([]byte("{\"Version\":\"1.1\",\n\"Statement\":\xff"))
	f.Fuzz(func(t *testing.T, text []byte) {
		found, err := Parse(text)
		if err != nil {
			if e := easel.AsError(err); e.Kind != easel.Invalid || e.Noun != "policy" || !strings.Contains(e.Msg, "offset ") {
				t.Errorf("Parse(%q) = %v", text, err)
			}
			return
		}
		who := easel.Principal{UserID: "u", DomainID: "home", Statements: found}
		_ = Check(who, easel.Grants{Domain: "home"}, Pull, "repository", "team/aabb")
		for _, s := range found {
			if len(s.Actions) == 0 {
				t.Errorf("Parse(%q) has a statement without actions", text)
			}
		}
	})
}
