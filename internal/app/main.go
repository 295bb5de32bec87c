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
	Serve serveCommand `cmd:"" help:"Run the server."`

	Login       loginCommand       `cmd:"" help:"Remember a server and an access key."`
	Logout      logoutCommand      `cmd:"" help:"Forget them."`
	DockerLogin dockerLoginCommand `cmd:"" help:"Print the docker login line for this account, or run it."`

	Retention        retentionCommands `cmd:"" help:"Let old tags go by themselves."`
	Quota            quotaCommands     `cmd:"" help:"Bound what organisations and projects hold."`
	DockerCredential dockerCredential  `cmd:"" help:"Be docker's credential helper."`

	Image imageCommands `cmd:"" help:"List, register and delete images."`
	Org   orgCommands   `cmd:"" help:"List, create and delete organisations."`
	Repo  repoCommands  `cmd:"" help:"List and delete repositories and tags."`
	Share shareCommands `cmd:"" help:"Let other domains pull from a repository until a deadline."`
	Robot robotCommands `cmd:"" help:"List, make and end the access keys of machines."`

	Trust     trustCommands     `cmd:"" help:"Let machines in with tokens of their CI system or cluster."`
	Trash     trashCommands     `cmd:"" help:"List, restore and purge what was deleted."`
	Apply     applyCommand      `cmd:"" help:"Bring organisations, rights, quotas and retention to what a file says."`
	Export    exportCommand     `cmd:"" help:"Print them as such a file."`
	Hook      hookCommands      `cmd:"" help:"Tell others what happens: webhooks and their deliveries."`
	User      userCommands      `cmd:"" help:"Users of the account."`
	Group     groupCommands     `cmd:"" help:"Groups of users; rights are granted to groups."`
	Grant     grantCommands     `cmd:"" help:"Which group has which role, and why somebody may do something."`
	Policy    policyCommands    `cmd:"" help:"Roles, and policies of your own."`
	Key       keyCommands       `cmd:"" help:"Access keys."`
	Project   projectCommands   `cmd:"" help:"Projects of the account."`
	Workspace workspaceCommands `cmd:"" help:"Workspaces of the project, which images belong to."`
	Domain    domainCommands    `cmd:"" help:"Domains of the installation."`

	Du    duCommand    `cmd:"" help:"Show what holds how many bytes, as a tree."`
	Free  freeCommand  `cmd:"" help:"Propose what to delete to make room, and delete it."`
	Adopt adoptCommand `cmd:"" help:"Tell what is in the directory of another registry, and import it."`

	Why     whyCommand      `cmd:"" help:"Tell what keeps a blob, or the blobs of an image."`
	Job     jobCommands     `cmd:"" help:"Watch, pause and cancel deletions of many images."`
	Receipt receiptCommands `cmd:"" help:"Show what a deletion did, and prove it."`

	Check   checkCommand   `cmd:"" help:"Prove that storage and catalogue agree, byte for byte."`
	Reclaim reclaimCommand `cmd:"" help:"Unlink what waits to be unlinked, now."`
	Audit   auditCommands  `cmd:"" help:"Show who deleted, registered and changed what, and prove it."`

	Config     configCommand     `cmd:"" help:"Print the effective server configuration."`
	Admin      adminCommands     `cmd:"" help:"Repair an installation on the machine it runs on."`
	Completion completionCommand `cmd:"" help:"Print a script with which a shell completes commands and names."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
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
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exit(code)) }),
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
