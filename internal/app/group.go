package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"golang.org/x/term"

	"easel/internal/client"
)

// secret returns what the environment variable has, or asks for it.
func (s *streams) secret(variable, prompt string) (string, error) {
	if v := os.Getenv(variable); v != "" {
		return v, nil
	}
	return ask(s, prompt+": ")
}

// sure asks a question unless yes was said in advance.
func (s *streams) sure(yes bool, question string) error {
	if yes {
		return nil
	}
	f, isFile := s.in.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return errors.New("nobody is there to ask: add --yes")
	}
	answer := ""
	fmt.Fprintf(s.err, "%s [y/N] ", question)
	if _, err := fmt.Fscanln(s.in, &answer); err != nil || !strings.HasPrefix(strings.ToLower(answer), "y") {
		return errors.New("nothing was changed")
	}
	return nil
}

type groupCommands struct {
	Ls     groupLs     `cmd:"" help:"List groups, or the users in one."`
	Create groupCreate `cmd:"" help:"Make a group."`
	Rm     groupRm     `cmd:"" help:"Delete a group with what was granted to it."`
	Add    groupAdd    `cmd:"" help:"Put users into a group."`
	Remove groupRemove `cmd:"" help:"Take users out of a group."`
}

// group is a group of users as IAM sends it.
type group struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Description string `json:"description"`
}

func (s *session) groups(ctx context.Context) ([]group, error) {
	found, err := get[struct {
		Groups []group `json:"groups"`
	}](ctx, s, "/v3/groups", nil)
	return found.Groups, err
}

func (s *session) group(ctx context.Context, name string) (group, error) {
	found, err := s.groups(ctx)
	if err != nil {
		return group{}, err
	}
	return named(found, "group", name, func(g group) (string, string) { return g.ID, g.Name })
}

func (g group) path() string { return "/v3/groups/" + url.PathEscape(g.ID) }

type groupLs struct {
	viewer `embed:""`
	Group  string `arg:"" optional:"" help:"List the users in this group."`
}

// members returns the users in a group.
func (s *session) members(ctx context.Context, g group) ([]user, error) {
	found, err := get[struct {
		Users []user `json:"users"`
	}](ctx, s, g.path()+"/users", nil)
	return found.Users, err
}

// Run lists groups or members.
func (c *groupLs) Run(ctx context.Context, s *streams) error {
	if c.Group != "" {
		return show(ctx, s, &c.viewer, c.members, func(w io.Writer, found []user) {
			row(w, "NAME", "STATE")
			for _, u := range found {
				row(w, u.Name, u.state())
			}
		})
	}
	return show(ctx, s, &c.viewer, (*session).groups, func(w io.Writer, found []group) {
		row(w, "NAME", "ID", "DESCRIPTION")
		for _, g := range found {
			row(w, g.Name, g.ID, g.Description)
		}
	})
}

func (c *groupLs) members(s *session, ctx context.Context) ([]user, error) {
	g, err := s.group(ctx, c.Group)
	if err != nil {
		return nil, err
	}
	return s.members(ctx, g)
}

type groupCreate struct {
	account     `embed:""`
	Name        string `arg:"" help:"Letters, digits, spaces, '.', '_' and '-'."`
	Description string `env:"-" placeholder:"TEXT" help:"For people."`
}

// Run makes a group.
func (c *groupCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"group": map[string]any{"name": c.Name, "description": c.Description}}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3/groups", In: in}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Created %s. Give it rights: easel grant add %s ROLE\n", c.Name, c.Name)
	return nil
}

type groupRm struct {
	account `embed:""`
	Name    string `arg:"" help:"Name or id."`
	Yes     bool   `env:"-" short:"y" help:"Do not ask."`
}

// Run deletes a group.
func (c *groupRm) Run(ctx context.Context, s *streams) error {
	if err := s.sure(c.Yes, "Delete the group "+c.Name+" with its rights?"); err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	g, err := ses.group(ctx, c.Name)
	if err != nil {
		return err
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: g.path()}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Deleted %s.\n", g.Name)
	return nil
}

// membership names a group and users.
type membership struct {
	account `embed:""`
	Group   string   `arg:"" help:"Name or id of the group."`
	Users   []string `arg:"" name:"user" help:"Names or ids of users."`
}

func (c *membership) run(ctx context.Context, s *streams, method, done string) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	g, err := ses.group(ctx, c.Group)
	if err != nil {
		return err
	}
	for _, name := range c.Users {
		u, err := ses.user(ctx, name)
		if err != nil {
			return err
		}
		if _, err := ses.Do(ctx, client.Call{Method: method, Path: g.path() + "/users/" + url.PathEscape(u.ID)}); err != nil {
			return fmt.Errorf("%s: %w", u.Name, err)
		}
		fmt.Fprintf(s.out, "%s is %s %s.\n", u.Name, done, g.Name)
	}
	return nil
}

type groupAdd struct {
	membership `embed:""`
}

// Run puts users into a group.
func (c *groupAdd) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, http.MethodPut, "in")
}

type groupRemove struct {
	membership `embed:""`
}

// Run takes users out of a group.
func (c *groupRemove) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, http.MethodDelete, "no longer in")
}
