package app

import (
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		line  string
		want  []string
		quote rune
	}{
		{"", []string{""}, 0},
		{"easel", []string{"easel"}, 0},
		{"easel  org ", []string{"easel", "org", ""}, 0},
		{`easel grant add g "SWR Read`, []string{"easel", "grant", "add", "g", "SWR Read"}, '"'},
		{`easel grant add 'a b' SWR\ Read`, []string{"easel", "grant", "add", "a b", "SWR Read"}, 0},
		{`easel '' x`, []string{"easel", "", "x"}, 0},
		{`easel x\`, []string{"easel", "x"}, 0},
		{`easel "a\"b" 'c\`, []string{"easel", `a"b`, `c\`}, '\''},
	} {
		got, quote := split(tt.line)
		if !slices.Equal(got, tt.want) || quote != tt.quote {
			t.Errorf("split(%q) = %q, %q; want %q, %q", tt.line, got, quote, tt.want, tt.quote)
		}
	}
}

// TestCompletedNames: whatever somebody called a thing, completing its name in
// bash neither ends the quotes nor runs anything.
func TestCompletedNames(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		quote rune
		want  string // "-": it is not offered
	}{
		{"nightly build", 0, `nightly\ build`},
		{"nightly build", '"', `nightly build`},
		{"$(reboot)", 0, `\$\(reboot\)`},
		{"$(reboot)", '"', `\$(reboot)`},
		{"$(reboot)", '\'', `$(reboot)`},
		{"`reboot`", '"', "\\`reboot\\`"},
		{`"; reboot; "`, '"', `\"; reboot; \"`},
		{`\`, '"', `\\`},
		{"'; reboot; '", '\'', "-"},
		{"'; reboot; '", '"', "'; reboot; '"},
		{"!reboot", '"', "-"},
		{"two\nlines", 0, "-"},
		{"\x1b[2J", '"', "-"},
	} {
		got := "-"
		if c := (candidate{word: tt.name}); c.fits(tt.quote) {
			got = c.line("bash", 0, tt.quote)
		}
		if got != tt.want {
			t.Errorf("%q in the quotes %q becomes %s, want %s", tt.name, tt.quote, got, tt.want)
		}
	}
}

func model(t testing.TB) *kong.Node {
	t.Helper()
	parser, err := kong.New(&commands{}, kong.Name("easel"), kong.DefaultEnvars("EASEL"))
	if err != nil {
		t.Fatal(err)
	}
	return parser.Model.Node
}

// TestNameSourcesAreAsked wants a flag or an argument for every line of the table.
func TestNameSourcesAreAsked(t *testing.T) {
	t.Parallel()
	used := map[string]bool{}
	for _, leaf := range model(t).Leaves(true) {
		for _, f := range leaf.Flags {
			used[f.Name] = true
		}
		for _, a := range leaf.Positional {
			used[a.Name] = true
			used[leaf.Parent.Name+" "+a.Name] = true
		}
	}
	for name := range nameSources {
		if !used[name] {
			t.Errorf("no command has %q", name)
		}
	}
}

// FuzzComplete types anything; there is no server to ask.
func FuzzComplete(f *testing.F) {
	for _, seed := range []string{"easel org ls --output=", "easel -", "easel org -- x", "easel apply -f", `easel "`, "easel image ls --output json -"} {
		f.Add("bash", seed)
	}
	for name, value := range map[string]string{"EASEL_PROFILE": f.TempDir() + "/none", "EASEL_ACCESS_KEY": "", "EASEL_ADMIN_ACCESS_KEY": ""} {
		f.Setenv(name, value)
	}
	root := model(f)
	f.Fuzz(func(t *testing.T, shell, line string) {
		complete(t.Context(), root, io.Discard, []string{shell, line, " =:"})
		complete(t.Context(), root, io.Discard, append([]string{shell}, strings.Fields(line)...))
	})
}
