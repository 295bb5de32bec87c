package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"easel/internal/client"
)

const keysPath = "/v3.0/OS-CREDENTIAL/credentials"

type keyCommands struct {
	Ls      keyLs      `cmd:"" help:"List access keys, without secrets."`
	Create  keyCreate  `cmd:"" help:"Make an access key; its secret is shown once."`
	Disable keyDisable `cmd:"" help:"Stop an access key, and docker logins with it, at once."`
	Enable  keyEnable  `cmd:"" help:"Let an access key work again."`
	Rm      keyRm      `cmd:"" help:"Delete an access key."`
}

// key is an access key as IAM sends it (iam.md section 6).
type key struct {
	Access      string `json:"access"`
	Secret      string `json:"secret,omitempty"`
	Status      string `json:"status"`
	User        string `json:"user_id"`
	Description string `json:"description"`
	Created     string `json:"create_time"`
}

type keyLs struct {
	viewer `embed:""`
	User   string `env:"-" placeholder:"NAME" help:"Of this user (default: your own)."`
}

// keys returns the caller's own access keys.
func (s *session) keys(ctx context.Context) ([]key, error) { return s.keysOf(ctx, "") }

// keysOf returns the access keys of a user, "" for the caller.
func (s *session) keysOf(ctx context.Context, user string) ([]key, error) {
	query := url.Values{}
	if user != "" {
		u, err := s.user(ctx, user)
		if err != nil {
			return nil, err
		}
		query.Set("user_id", u.ID)
	}
	found, err := get[struct {
		Keys []key `json:"credentials"`
	}](ctx, s, keysPath, query)
	return found.Keys, err
}

// Run lists access keys.
func (c *keyLs) Run(ctx context.Context, s *streams) error {
	of := func(s *session, ctx context.Context) ([]key, error) { return s.keysOf(ctx, c.User) }
	return show(ctx, s, &c.viewer, of, func(w io.Writer, found []key) {
		row(w, "ACCESS KEY", "STATUS", "CREATED", "DESCRIPTION")
		for _, k := range found {
			row(w, k.Access, k.Status, clip(k.Created), k.Description)
		}
	})
}

type keyCreate struct {
	viewer      `embed:""`
	User        string `env:"-" placeholder:"NAME" help:"For this user (default: yourself)."`
	Description string `env:"-" placeholder:"TEXT" help:"Where it is used."`
}

// Run makes an access key.
func (c *keyCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	id, err := c.owner(ctx, ses)
	if err != nil {
		return err
	}
	var out struct {
		Key key `json:"credential"`
	}
	in := map[string]any{"credential": map[string]string{"user_id": id, "description": c.Description}}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: keysPath, In: in, Out: &out}); err != nil {
		return err
	}
	return ses.print(out.Key, func(w io.Writer) {
		row(w, "ACCESS KEY", out.Key.Access)
		row(w, "SECRET KEY", out.Key.Secret)
		fmt.Fprintln(w, "Nobody can read the secret key again.")
	})
}

// owner returns whose key it is to be: the owner of the key that asks, unless
// a user is named.
func (c *keyCreate) owner(ctx context.Context, ses *session) (string, error) {
	if c.User != "" {
		u, err := ses.user(ctx, c.User)
		return u.ID, err
	}
	return ses.self(ctx)
}

// self returns the id of the user whose access key asks.
func (s *session) self(ctx context.Context) (string, error) {
	var own struct {
		Key key `json:"credential"`
	}
	_, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: keysPath + "/" + url.PathEscape(s.AccessKey), Out: &own})
	return own.Key.User, err
}

// oneKey names an access key.
type oneKey struct {
	account `embed:""`
	Access  string `arg:"" name:"access-key" help:"Access key."`
}

func (c *oneKey) run(ctx context.Context, s *streams, method string, in any, done string) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if _, err := ses.Do(ctx, client.Call{Method: method, Path: keysPath + "/" + url.PathEscape(c.Access), In: in}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s is %s.\n", c.Access, done)
	return nil
}

func statusBody(status string) any {
	return map[string]any{"credential": map[string]string{"status": status}}
}

type keyDisable struct {
	oneKey `embed:""`
}

// Run stops an access key.
func (c *keyDisable) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, http.MethodPut, statusBody("inactive"), "inactive")
}

type keyEnable struct {
	oneKey `embed:""`
}

// Run lets an access key work again.
func (c *keyEnable) Run(ctx context.Context, s *streams) error {
	return c.run(ctx, s, http.MethodPut, statusBody("active"), "active")
}

type keyRm struct {
	oneKey `embed:""`
	Yes    bool `env:"-" short:"y" help:"Do not ask."`
}

// Run deletes an access key.
func (c *keyRm) Run(ctx context.Context, s *streams) error {
	if err := s.sure(c.Yes, "Delete the access key "+c.Access+"?"); err != nil {
		return err
	}
	return c.run(ctx, s, http.MethodDelete, nil, "deleted")
}
