package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// TestAccessPage follows the worked example of docs/access.md: what the page
// says to type is typed, what it says comes out comes out, and then the teams,
// the robot and the other domain can do what the page says, and no more.
func TestAccessPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(text)
	_, example, found := strings.Cut(page, "\n## Two teams, a robot, a shared repository\n")
	if !found {
		t.Fatal("docs/access.md has no worked example")
	}
	example, _, _ = strings.Cut(example, "\n## ")
	_, policy, _ := strings.Cut(page, "```json\n")
	policy, _, _ = strings.Cut(policy, "```")
	pull := strings.NewReplacer(`"swr:repo:upload", `, "", "vision-team/*", "vision-team/torch").Replace(policy)

	var script strings.Builder
	script.WriteString(accessBefore)
	for _, command := range commandsIn(t, example) {
		command.write(&script)
	}
	script.WriteString(accessAfter)
	for name, content := range map[string]string{"vision": policy, "speech": strings.ReplaceAll(policy, "vision-team", "speech-team"), "torch": pull} {
		fmt.Fprintf(&script, "-- %s.json --\n%s", name, content)
	}
	file := filepath.Join(t.TempDir(), "access.txtar")
	if err := os.WriteFile(file, []byte(script.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	p := params("", nil)
	p.Files = []string{file}
	testscript.Run(t, p)
}

const accessBefore = `env EASEL_ADMIN_ACCESS_KEY=AKADMIN0000000000002
env EASEL_ADMIN_SECRET_KEY=skAdminSecretKey000000000000000000000002
env EASEL_PASSWORD='correct horse battery'
serve --data-dir data
`

const accessAfter = `
# The robot and the other domain's administrator pull what they may, and push nothing.
push vision-team/secret:1
env EASEL_ADMIN_ACCESS_KEY=$ROBOT EASEL_ADMIN_SECRET_KEY=$ROBOT_SECRET
pull vision-team/torch:1
pull vision-team/secret:1
pull speech-team/whisper:1
! push vision-team/torch:2
env EASEL_ADMIN_ACCESS_KEY=$PARTNER EASEL_ADMIN_SECRET_KEY=$PARTNER_SECRET
pull vision-team/torch:1
! pull vision-team/secret:1
! pull speech-team/whisper:1
! push vision-team/torch:2
halt
`

// typed is a command of a page with what it prints, as far as the page says.
type typed struct {
	line   string
	prints []string
}

var comment = regexp.MustCompile(`\s{2,}# .*$`)

// commandsIn returns the commands of the fenced blocks: all lines of a block of
// the shell, in others those after a "$".
func commandsIn(t *testing.T, text string) (all []typed) {
	t.Helper()
	blocks := regexp.MustCompile("(?s)```([a-z]*)\n(.*?)```").FindAllStringSubmatch(text, -1)
	for _, block := range blocks {
		for line := range strings.Lines(block[2]) {
			line = strings.TrimSpace(comment.ReplaceAllString(strings.TrimRight(line, "\n"), ""))
			command, prompted := strings.CutPrefix(line, "$ ")
			switch {
			case line == "":
			case prompted || block[1] == "sh":
				all = append(all, typed{line: command})
			case len(all) == 0:
				t.Fatalf("no command prints %q", line)
			default:
				all[len(all)-1].prints = append(all[len(all)-1].prints, line)
			}
		}
	}
	if len(all) < 10 {
		t.Fatalf("the page has %d commands", len(all))
	}
	return all
}

// write adds the command to a script. Questions are answered no with exit code 1.
func (c typed) write(script *strings.Builder) {
	if len(c.prints) > 0 && strings.HasPrefix(c.prints[0], "no: ") {
		script.WriteString("! ")
	}
	fmt.Fprintf(script, "exec %s\n", strings.ReplaceAll(c.line, `"`, `'`))
	for _, line := range c.prints {
		fmt.Fprintf(script, "stdout '^%s$'\n", regexp.QuoteMeta(line))
	}
	switch {
	case strings.HasPrefix(c.line, "easel org create "):
		org := strings.TrimPrefix(c.line, "easel org create ")
		fmt.Fprintf(script, "push %s/%s:1\n", org, map[string]string{"vision-team": "torch", "speech-team": "whisper"}[org])
	case strings.HasPrefix(c.line, "easel robot create "):
		script.WriteString("find ROBOT stdout 'access key +([A-Z0-9]+)'\nfind ROBOT_SECRET stdout 'secret key +([A-Za-z0-9]+)'\n")
	case strings.HasPrefix(c.line, "easel domain create "):
		script.WriteString("find PARTNER stdout 'ACCESS KEY +([A-Z0-9]+)'\nfind PARTNER_SECRET stdout 'SECRET KEY +([A-Za-z0-9]+)'\n")
	}
}
