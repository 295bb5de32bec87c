package app

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"easel"
	"easel/internal/human"
	"easel/internal/setup"
)

// served starts a server and returns a profile of its administrator.
func served(t *testing.T) (profile string) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	read, write := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--data-dir", t.TempDir(), "--rate-limit", "0"}, strings.NewReader(""), write, io.Discard)
		write.Close()
	}()
	lines, said := bufio.NewReader(read), ""
	for !strings.Contains(said, "listening on ") {
		line, err := lines.ReadString('\n')
		if said += line; err != nil {
			t.Fatalf("the server did not start: %s", said)
		}
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }() // the pipe must not fill up
	t.Cleanup(func() {
		stop()
		if code := <-ended; code != exitOK {
			t.Errorf("the server ended with %d", code)
		}
	})
	after := func(words string) string {
		m := regexp.MustCompile(words + ` +(\S+)`).FindStringSubmatch(said)
		if m == nil {
			t.Fatalf("no %s in %s", words, said)
		}
		return m[1]
	}
	profile = filepath.Join(t.TempDir(), "profile.yaml")
	text := "server: " + after("listening on") + "\naccess_key: " + after("access key") + "\nsecret_key: " + after("secret key") + "\nproject_id: \"\"\n"
	if err := os.WriteFile(profile, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return profile
}

// accounts draws states that a server takes, whatever it had before.
var accounts = rapid.Custom(func(t *rapid.T) setup.State {
	s := setup.State{}
	set := func(kind setup.Kind, of, name, at, value string) {
		s[setup.Key{Kind: kind, Of: of, Name: name, At: at}] = value
	}
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	users, levels := []string{"eva", "Team 2", "7"}, []string{"read", "edit", "manage"}
	for _, name := range users {
		set(setup.User, name, "", "", "")
	}
	policies := []string{
		`{"Statement":[{"Action":["swr:repo:download"],"Effect":"Allow"}],"Version":"1.1"}`,
		`{"Statement":[{"Action":["swr:repo:*"],"Effect":"Deny","Resource":["swr:*:*:repo:lab/*"]}],"Version":"1.1"}`,
	}
	set(setup.Policy, "own", "", "", rapid.SampledFrom(policies).Draw(t, "policy"))
	set(setup.Images, "eu-de", "", "", rapid.SampledFrom([]string{"none", "1", "4000000000"}).Draw(t, "images"))
	for _, group := range []string{"g", "null"} {
		set(setup.Group, group, "", "", "")
		if maybe("member") {
			set(setup.Member, group, rapid.SampledFrom(users).Draw(t, "user"), "", "")
		}
		if maybe("role") {
			set(setup.Role, group, rapid.SampledFrom([]string{"own", "SWR ReadOnlyAccess"}).Draw(t, "role"), rapid.SampledFrom([]string{"", "*", "eu-de"}).Draw(t, "place"), "")
		}
	}
	for _, name := range []string{"lab", "team"} {
		drawOrg(t, set, name, users, levels)
	}
	return s
})

func drawOrg(t *rapid.T, set func(setup.Kind, string, string, string, string), org string, users, levels []string) {
	maybe := func(what string) bool { return rapid.Bool().Draw(t, what) }
	patterns := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"v*", "1.10", "????"}), 1, 3), setup.PatternsText)
	set(setup.Org, org, "", "", "")
	if maybe("granted") {
		set(setup.OrgUser, org, rapid.SampledFrom(users).Draw(t, "user"), "", rapid.SampledFrom(levels).Draw(t, "level"))
	}
	if maybe("bounded") {
		set(setup.Repos, org, "", "", rapid.SampledFrom([]string{"none", "3"}).Draw(t, "repositories"))
		set(setup.Space, org, "", "", rapid.SampledFrom([]string{"none", "1", "3TiB"}).Draw(t, "space"))
	}
	if maybe("undo") {
		budget := human.Bytes(rapid.SampledFrom([]int64{0, 1, 1 << 30}).Draw(t, "budget"))
		set(setup.Undo, org, "", "", setup.UndoText(human.Span(rapid.Int64Range(1, 90*86400).Draw(t, "window")*1e9), budget))
	}
	if maybe("immutable") {
		set(setup.OrgImmutable, org, "", "", patterns.Draw(t, "patterns"))
	}
	repo := org + "/" + rapid.SampledFrom([]string{"app", "a/b"}).Draw(t, "repository")
	public := maybe("public")
	set(setup.Repo, repo, "", "", "")
	set(setup.Visibility, repo, "", "", visibility(public))
	if maybe("described") {
		set(setup.Description, repo, "", "", rapid.SampledFrom([]string{"x", "two\nlines\n", "a: 'b' # c"}).Draw(t, "text"))
	}
	if maybe("granted") {
		set(setup.RepoUser, repo, rapid.SampledFrom(users).Draw(t, "user"), "", rapid.SampledFrom(levels).Draw(t, "level"))
	}
	if maybe("immutable") {
		set(setup.RepoImmutable, repo, "", "", patterns.Draw(t, "patterns"))
	}
	if maybe("retained") {
		rule, err := easel.ParseRetention(rapid.SampledFrom([]string{easel.TagRule, easel.DateRule}).Draw(t, "rule"), rapid.IntRange(1, 365).Draw(t, "number"), nil)
		if err != nil {
			t.Fatal(err)
		}
		text, err := setup.RuleText(rule)
		if err != nil {
			t.Fatal(err)
		}
		set(setup.Retention, repo, "", "", text)
	}
	if !public && maybe("shared") {
		set(setup.Share, repo, "partner", "", rapid.SampledFrom([]string{setup.Forever, "2099-01-31", "2099-01-31T12:00:00Z"}).Draw(t, "until"))
	}
}

// TestApplyAnything brings a server from one state to another and another, and
// asks it each time what it has.
func TestApplyAnything(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	profile := served(t)
	easel := func(want int, args ...string) string {
		t.Helper()
		code, out, stderr := run(t, append(args, "--profile", profile)...)
		if code != want {
			t.Fatalf("easel %s = %d\n%s%s", strings.Join(args, " "), code, out, stderr)
		}
		return out
	}
	easel(exitOK, "domain", "create", "partner")
	file := filepath.Join(t.TempDir(), "account.yaml")
	for seed := range 10 {
		want := accounts.Example(seed)
		text, err := setup.Format(want)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, text, 0o600); err != nil {
			t.Fatal(err)
		}
		made := easel(exitOK, "apply", "-f", file, "--prune", "--yes")
		easel(exitOK, "apply", "-f", file, "--prune", "--dry-run")
		has := setup.NewSource()
		if err := has.Add("export", []byte(easel(exitOK, "export"))); err != nil {
			t.Fatal(err)
		}
		for k, v := range want {
			if got, there := has.State[k]; got != v || !there {
				t.Errorf("%d: %s %s is %q, want %q\n%s\n%s", seed, k.Subject(), k.What(), got, v, text, made)
			}
		}
		for _, c := range setup.Diff(has.State, want, true) {
			if c.Op == setup.Remove {
				t.Errorf("%d: %s %s was not asked for\n%s\n%s", seed, c.Key.Subject(), c, text, made)
			}
		}
	}
}
