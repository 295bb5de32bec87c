package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"easel/internal/client"
)

type userCommands struct {
	Ls     userLs     `cmd:"" help:"List users."`
	Create userCreate `cmd:"" help:"Make a user; it has no rights yet."`
	Show   userShow   `cmd:"" help:"Show a user with its groups."`
	Update userUpdate `cmd:"" help:"Rename, enable or disable a user."`
	Passwd userPasswd `cmd:"" help:"Give yourself, or a user, another password."`
	Rm     userRm     `cmd:"" help:"Delete a user with keys and tokens."`
}

// user is a user as IAM sends it (iam.md 5.6).
type user struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Enabled     bool   `json:"enabled"`
	Owner       bool   `json:"is_domain_owner"`
	Description string `json:"description"`
	Created     string `json:"create_time"`
}

func (u user) state() string {
	switch {
	case !u.Enabled:
		return "disabled"
	case u.Owner:
		return "administrator"
	}
	return "enabled"
}

// named returns the one thing of a list that has this name, or this id.
func named[T any](found []T, what, name string, idOf func(T) (id, name string)) (T, error) {
	for _, x := range found {
		if id, n := idOf(x); id == name || n == name {
			return x, nil
		}
	}
	var none T
	return none, fmt.Errorf("there is no %s %s; easel %s ls lists those that you may see", what, name, what)
}

func (s *session) users(ctx context.Context) ([]user, error) {
	found, err := get[struct {
		Users []user `json:"users"`
	}](ctx, s, "/v3/users", nil)
	return found.Users, err
}

func (s *session) user(ctx context.Context, name string) (user, error) {
	found, err := s.users(ctx)
	if err != nil {
		return user{}, err
	}
	return named(found, "user", name, func(u user) (string, string) { return u.ID, u.Name })
}

type userLs struct {
	viewer `embed:""`
}

// Run lists users.
func (c *userLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).users, func(w io.Writer, found []user) {
		row(w, "NAME", "STATE", "CREATED", "DESCRIPTION")
		for _, u := range found {
			row(w, u.Name, u.state(), clip(u.Created), u.Description)
		}
	})
}

type userCreate struct {
	account     `embed:""`
	Name        string `arg:"" help:"Letters, digits, spaces, '.', '_' and '-'."`
	Description string `env:"-" placeholder:"TEXT" help:"For people."`
	NoPassword  bool   `env:"-" help:"The user logs in with access keys only."`
}

// Help is the text below the flags.
func (userCreate) Help() string {
	return "The password is read from EASEL_PASSWORD or asked for; it is never a flag."
}

// Run makes a user.
func (c *userCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"name": c.Name, "description": c.Description}
	if !c.NoPassword {
		if in["password"], err = s.secret("EASEL_PASSWORD", "Password of "+c.Name); err != nil {
			return err
		}
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3/users", In: map[string]any{"user": in}}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Created %s, who has no rights yet: easel group add GROUP %s\n", c.Name, c.Name)
	return nil
}

type userShow struct {
	viewer `embed:""`
	Name   string `arg:"" help:"Name or id."`
}

// shownUser is a user with the names of its groups.
type shownUser struct {
	User   user     `json:"user"`
	Groups []string `json:"groups"`
}

// Run shows a user.
func (c *userShow) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, c.load, func(w io.Writer, x shownUser) {
		row(w, "NAME", "ID", "STATE", "GROUPS")
		row(w, x.User.Name, x.User.ID, x.User.state(), strings.Join(x.Groups, ", "))
	})
}

func (c *userShow) load(s *session, ctx context.Context) (shownUser, error) {
	u, err := s.user(ctx, c.Name)
	if err != nil {
		return shownUser{}, err
	}
	in, err := get[struct {
		Groups []group `json:"groups"`
	}](ctx, s, "/v3/users/"+url.PathEscape(u.ID)+"/groups", nil)
	x := shownUser{u, make([]string, len(in.Groups))}
	for i, g := range in.Groups {
		x.Groups[i] = g.Name
	}
	return x, err
}

type userUpdate struct {
	account     `embed:""`
	Name        string  `arg:"" help:"Name or id."`
	Rename      *string `env:"-" placeholder:"NAME" help:"Another name."`
	Description *string `env:"-" placeholder:"TEXT" help:"For people."`
	Enable      bool    `env:"-" xor:"enabled" help:"Let the user log in again."`
	Disable     bool    `env:"-" xor:"enabled" help:"End tokens, keys and logins at once."`
}

// Run changes a user.
func (c *userUpdate) Run(ctx context.Context, s *streams) error {
	in := map[string]any{}
	if c.Rename != nil {
		in["name"] = *c.Rename
	}
	if c.Description != nil {
		in["description"] = *c.Description
	}
	if c.Enable || c.Disable {
		in["enabled"] = c.Enable
	}
	if len(in) == 0 {
		return errors.New("nothing to change: add --rename, --description, --enable or --disable")
	}
	return c.account.onUser(ctx, s, c.Name, "Changed", func(u user) client.Call {
		return client.Call{Method: http.MethodPatch, Path: "/v3/users/" + url.PathEscape(u.ID), In: map[string]any{"user": in}}
	})
}

type userPasswd struct {
	account `embed:""`
	Name    string `arg:"" optional:"" help:"Name or id (default: yourself)."`
}

// Help is the text below the flags.
func (userPasswd) Help() string {
	return `An administrator gives any user another password. For the own one the old password is asked for, too, whoever it is:
leave the name out. The new password is read from EASEL_PASSWORD or asked for, the old one from EASEL_OLD_PASSWORD. Another
password ends the user's tokens; access keys stay.`
}

// Run gives a user another password.
func (c *userPasswd) Run(ctx context.Context, s *streams) error {
	if c.Name == "" {
		return c.own(ctx, s)
	}
	password, err := s.secret("EASEL_PASSWORD", "New password of "+c.Name)
	if err != nil {
		return err
	}
	return c.account.onUser(ctx, s, c.Name, "Changed the password of", func(u user) client.Call {
		return client.Call{Method: http.MethodPatch, Path: "/v3/users/" + url.PathEscape(u.ID), In: map[string]any{"user": map[string]any{"password": password}}}
	})
}

// own changes the password of the user whose access key asks.
func (c *userPasswd) own(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	id, err := ses.self(ctx)
	if err != nil {
		return err
	}
	in := map[string]string{}
	if in["original_password"], err = s.secret("EASEL_OLD_PASSWORD", "Old password"); err != nil {
		return err
	}
	if in["password"], err = s.secret("EASEL_PASSWORD", "New password"); err != nil {
		return err
	}
	path := "/v3/users/" + url.PathEscape(id) + "/password"
	_, err = ses.Do(ctx, client.Call{Method: http.MethodPost, Path: path, In: map[string]any{"user": in}})
	if client.IsStatus(err, http.StatusUnauthorized) { // the key was good a moment ago
		return errors.New("the old password is wrong, or too many wrong ones were tried: wait a while")
	}
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, "Changed your password. Your tokens have ended; access keys stay.")
	return nil
}

type userRm struct {
	account `embed:""`
	Name    string `arg:"" help:"Name or id."`
	Yes     bool   `env:"-" short:"y" help:"Do not ask."`
}

// Run deletes a user.
func (c *userRm) Run(ctx context.Context, s *streams) error {
	if err := s.sure(c.Yes, "Delete the user "+c.Name+" with its keys?"); err != nil {
		return err
	}
	return c.account.onUser(ctx, s, c.Name, "Deleted", func(u user) client.Call {
		return client.Call{Method: http.MethodDelete, Path: "/v3/users/" + url.PathEscape(u.ID)}
	})
}

// onUser makes a call about the user called name and says done.
func (a *account) onUser(ctx context.Context, s *streams, name, done string, call func(user) client.Call) error {
	ses, err := a.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	u, err := ses.user(ctx, name)
	if err != nil {
		return err
	}
	if _, err := ses.Do(ctx, call(u)); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s %s.\n", done, u.Name)
	return nil
}
