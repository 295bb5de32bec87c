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
		line   string
		want   []string
		quoted bool
	}{
		{"", []string{""}, false},
		{"easel", []string{"easel"}, false},
		{"easel  org ", []string{"easel", "org", ""}, false},
		{`easel grant add g "SWR Read`, []string{"easel", "grant", "add", "g", "SWR Read"}, true},
		{`easel grant add 'a b' SWR\ Read`, []string{"easel", "grant", "add", "a b", "SWR Read"}, false},
		{`easel '' x`, []string{"easel", "", "x"}, false},
		{`easel x\`, []string{"easel", "x"}, false},
		{`easel "a\"b" 'c\`, []string{"easel", `a"b`, `c\`}, true},
	} {
		got, quoted := split(tt.line)
		if !slices.Equal(got, tt.want) || quoted != tt.quoted {
			t.Errorf("split(%q) = %q, %v; want %q, %v", tt.line, got, quoted, tt.want, tt.quoted)
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
