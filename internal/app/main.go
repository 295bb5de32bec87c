// Package app is the program: the command line, the configuration, the wiring
// of the server and its life cycle. It is the only package that sees all
// others, and it decides nothing that they decide.
//
// # Reading order
//
// main.go has the commands. serve.go starts the server, stores.go opens what
// it stands on, wire.go puts the services and protocol families together,
// dispatch.go sends a request to its family. The client commands are one file
// per noun (image.go, org.go, …) and speak to a server through package client.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/alecthomas/kong"

	"easel"
	"easel/internal/client"
)

// The exit codes of easel check; other commands use exitOK and exitFailed,
// and exitUsage for a command line that cannot be understood.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// commands is the command line.
type commands struct {
	Serve  serveCommand  `cmd:"" group:"server" help:"Run the server."`
	Config configCommand `cmd:"" group:"server" help:"Print the effective server configuration."`
	Admin  adminCommands `cmd:"" group:"server" help:"Repair an installation on the machine it runs on."`

	Login            loginCommand       `cmd:"" group:"login" help:"Remember a server and an access key."`
	Logout           logoutCommand      `cmd:"" group:"login" help:"Forget them."`
	DockerLogin      dockerLoginCommand `cmd:"" group:"login" help:"Print the docker login line for this account, or run it."`
	DockerCredential dockerCredential   `cmd:"" group:"login" help:"Be docker's credential helper."`

	Image     imageCommands     `cmd:"" group:"content" help:"List, register and delete images."`
	Workspace workspaceCommands `cmd:"" group:"content" help:"Workspaces of the project, which images belong to."`
	Org       orgCommands       `cmd:"" group:"content" help:"List, create and delete organisations."`
	Repo      repoCommands      `cmd:"" group:"content" help:"List and delete repositories and tags."`
	Share     shareCommands     `cmd:"" group:"content" help:"Let other domains pull from a repository until a deadline."`
	Job       jobCommands       `cmd:"" group:"content" help:"Watch, pause and cancel deletions of many images."`
	Trash     trashCommands     `cmd:"" group:"content" help:"List, restore and purge what was deleted."`
	Receipt   receiptCommands   `cmd:"" group:"content" help:"Show what a deletion did, and prove it."`
	Adopt     adoptCommand      `cmd:"" group:"content" help:"Tell what is in the directory of another registry, and import it."`

	Du        duCommand         `cmd:"" group:"space" help:"Show what holds how many bytes, as a tree."`
	Why       whyCommand        `cmd:"" group:"space" help:"Tell what keeps a blob, or the blobs of an image."`
	Free      freeCommand       `cmd:"" group:"space" help:"Propose what to delete to make room, and delete it."`
	Reclaim   reclaimCommand    `cmd:"" group:"space" help:"Delete what was left behind; unlink what waits to be unlinked, now."`
	Retention retentionCommands `cmd:"" group:"space" help:"Let old tags go by themselves."`
	Quota     quotaCommands     `cmd:"" group:"space" help:"Bound what organisations and projects hold."`
	Check     checkCommand      `cmd:"" group:"space" help:"Prove that storage and catalogue agree, byte for byte."`

	Domain  domainCommands  `cmd:"" group:"people" help:"Domains of the installation."`
	Project projectCommands `cmd:"" group:"people" help:"Projects of the account."`
	User    userCommands    `cmd:"" group:"people" help:"Users of the account."`
	Group   groupCommands   `cmd:"" group:"people" help:"Groups of users; rights are granted to groups."`
	Policy  policyCommands  `cmd:"" group:"people" help:"Roles, and policies of your own."`
	Grant   grantCommands   `cmd:"" group:"people" help:"Which group has which role, and why somebody may do something."`
	Key     keyCommands     `cmd:"" group:"people" help:"Access keys."`
	Robot   robotCommands   `cmd:"" group:"people" help:"List, make and end the access keys of machines."`
	Trust   trustCommands   `cmd:"" group:"people" help:"Let machines in with tokens of their CI system or cluster."`
	Apply   applyCommand    `cmd:"" group:"people" help:"Bring organisations, rights, quotas and retention to what a file says."`
	Export  exportCommand   `cmd:"" group:"people" help:"Print them as such a file."`
	Audit   auditCommands   `cmd:"" group:"people" help:"Show who deleted, registered and changed what, and prove it."`
	Hook    hookCommands    `cmd:"" group:"people" help:"Tell others what happens: webhooks and their deliveries."`

	Completion completionCommand `cmd:"" group:"rest" help:"Print a script with which a shell completes commands and names."`
	Version    versionCommand    `cmd:"" group:"rest" help:"Print the version."`
}

// groups are the headings of easel --help, in order.
var groups = []kong.Group{
	{Key: "server", Title: "Server:"},
	{Key: "login", Title: "Log in:"},
	{Key: "content", Title: "Images and repositories:"},
	{Key: "space", Title: "Space:"},
	{Key: "people", Title: "People, machines and rights:"},
	{Key: "rest", Title: "More:"},
}

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// exit is an exit code for the command line; it has been reported already.
type exit int

// Error implements error.
func (e exit) Error() string { return fmt.Sprintf("exit status %d", int(e)) }

// Main runs the command that args name and returns the exit code.
func Main(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) (code int) {
	defer func() {
		switch p := recover().(type) {
		case nil:
		case exit: // kong printed help
			code = int(p)
		default:
			panic(p)
		}
	}()
	s := &streams{in: stdin, out: stdout, err: stderr}
	var cli commands
	file := &File{}
	parser, err := kong.New(&cli,
		kong.Name("easel"),
		kong.Description("A registry and catalogue for machine-learning images in which deleting is safe and gives the bytes back at once."),
		kong.DefaultEnvars("EASEL"), kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
		kong.ExplicitGroups(groups), kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exit(code)) }),
		kong.WithBeforeResolve(file.resolve),
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Bind(s, file))
	if err != nil {
		fmt.Fprintln(stderr, "easel:", err)
		return exitUsage
	}
	if len(args) > 0 && args[0] == "__complete" {
		complete(ctx, parser.Model.Node, stdout, args[1:])
		return exitOK
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	command, err := parser.Parse(args)
	if err != nil {
		fmt.Fprintln(stderr, "easel:", err)
		var parse *kong.ParseError
		if inFile := (*fileError)(nil); !errors.As(err, &inFile) && errors.As(err, &parse) {
			fmt.Fprintf(stderr, "Try: easel %s--help\n", subcommand(parse.Context))
		}
		return exitUsage
	}
	return report(stderr, command.Run())
}

// subcommand returns the words of the command that was recognised, with a
// space at the end.
func subcommand(c *kong.Context) string {
	if c == nil || c.Selected() == nil {
		return ""
	}
	return strings.TrimPrefix(c.Selected().FullPath(), "easel ") + " "
}

// report prints err with what to do next and returns the exit code.
func report(stderr io.Writer, err error) int {
	if err == nil {
		return exitOK
	}
	if code := exit(0); errors.As(err, &code) {
		return int(code)
	}
	fmt.Fprintln(stderr, "easel:", err)
	if hint := advice(err); hint != "" {
		fmt.Fprintln(stderr, hint)
	}
	return exitFailed
}

// advice says what a user can do about err, or nothing.
func advice(err error) string {
	switch {
	case errors.Is(err, errNotLoggedIn):
		return "Log in: easel login http://HOST:PORT --access-key KEY, or set EASEL_SERVER, EASEL_ACCESS_KEY and EASEL_SECRET_KEY."
	case client.IsStatus(err, http.StatusUnauthorized):
		return "The server does not accept these credentials: run easel login again, and compare the clocks of both machines."
	case errors.Is(err, easel.NoSpace):
		return "Deleting works on a full disk: easel image rm --force IMAGE frees space."
	}
	return ""
}
