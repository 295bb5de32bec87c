package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"easel/internal/client"
)

const trustsPath = "/easel/v1/trusts"

type trustCommands struct {
	Ls      trustLs     `cmd:"" help:"List whose tokens are exchanged for what."`
	Create  trustCreate `cmd:"" help:"Trust tokens of a CI system or a cluster."`
	Show    trustShow   `cmd:"" help:"Show a trust."`
	Enable  trustOn     `cmd:"" help:"Turn a trust on."`
	Disable trustOff    `cmd:"" help:"Turn a trust off; what was exchanged ends."`
	Rm      trustRm     `cmd:"" help:"End a trust; what was exchanged ends."`
}

// trust is a trust as the server sends it.
type trust struct {
	ID           string            `json:"id"`
	Name         string            `json:"name"`
	UserName     string            `json:"user_name"`
	Issuer       string            `json:"issuer"`
	Audience     string            `json:"audience"`
	Claims       map[string]string `json:"claims"`
	JWKS         any               `json:"jwks"`
	Repositories []string          `json:"repositories"`
	Actions      []string          `json:"actions"`
	Networks     []string          `json:"networks"`
	Life         int64             `json:"lifetime_seconds"`
	Active       bool              `json:"active"`
	CreatedAt    time.Time         `json:"created_at"`
	LastUsedAt   *time.Time        `json:"last_used_at"`
}

// show prints a trust, a line for each thing about it.
func (r trust) show(w io.Writer) {
	row(w, "id", r.ID)
	row(w, "name", r.Name)
	row(w, "issuer", r.Issuer)
	row(w, "audience", r.Audience)
	for _, name := range slices.Sorted(maps.Keys(r.Claims)) {
		row(w, "claim", name+" = "+r.Claims[name])
	}
	if r.JWKS != nil {
		row(w, "keys", "given")
	}
	row(w, "rights of", r.UserName)
	row(w, "may", strings.Join(r.Actions, ","))
	row(w, "in", strings.Join(r.Repositories, " "))
	row(w, "from", anywhere(r.Networks))
	row(w, "for", (time.Duration(r.Life) * time.Second).String())
	row(w, "active", fmt.Sprint(r.Active))
	row(w, "last used", day(r.LastUsedAt, "never"))
}

func (s *session) trusts(ctx context.Context) ([]trust, error) {
	found, err := get[struct {
		Trusts []trust `json:"trusts"`
	}](ctx, s, trustsPath, nil)
	return found.Trusts, err
}

// trust returns the trust that is called want, by id or by a name that only
// one has.
func (s *session) trust(ctx context.Context, want string) (trust, error) {
	all, err := s.trusts(ctx)
	if err != nil {
		return trust{}, err
	}
	var ids []string
	var found trust
	for _, r := range all {
		if r.ID == want {
			return r, nil
		}
		if r.Name == want {
			found, ids = r, append(ids, r.ID)
		}
	}
	switch len(ids) {
	case 0:
		return trust{}, fmt.Errorf("there is no trust %s; see easel trust ls", want)
	case 1:
		return found, nil
	}
	return trust{}, fmt.Errorf("%d trusts are called %s: name one by its id: %s", len(ids), want, strings.Join(ids, ", "))
}

type trustLs struct {
	viewer `embed:""`
}

// Run lists trusts.
func (c *trustLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).trusts, func(w io.Writer, found []trust) {
		row(w, "NAME", "ID", "ISSUER", "MAY", "IN", "RIGHTS OF", "ACTIVE", "LAST USED")
		for _, r := range found {
			row(w, r.Name, r.ID, r.Issuer, strings.Join(r.Actions, ","), strings.Join(r.Repositories, " "), r.UserName, fmt.Sprint(r.Active), day(r.LastUsedAt, "never"))
		}
	})
}

type trustCreate struct {
	viewer     `embed:""`
	Name       string            `arg:"" help:"What the machine is called."`
	Issuer     string            `required:"" env:"-" placeholder:"URL" help:"Who signs its tokens: the claim iss, byte by byte."`
	Audience   string            `env:"-" placeholder:"TEXT" help:"Whom the tokens must be for: the claim aud (default: the address of the server)."`
	Claim      map[string]string `required:"" short:"c" env:"-" mapsep:"none" placeholder:"NAME=PATTERN" help:"What a claim must be, with * for any text without / and :, ** for any text. Can be repeated; all must fit."`
	JWKS       string            `name:"jwks" env:"-" placeholder:"FILE" help:"The issuer's public keys, when the server cannot ask it."`
	Repository []string          `short:"r" env:"-" required:"" sep:"none" placeholder:"PATTERN" help:"ORG/NAME, with * in NAME for any characters; * alone is all. Can be repeated."`
	Action     []string          `short:"a" env:"-" default:"pull" placeholder:"ACTION,…" help:"pull, push, delete, read: what the management interfaces show (${default})."`
	Network    []string          `env:"-" placeholder:"CIDR" help:"From where it may ask (default: from anywhere)."`
	For        time.Duration     `env:"-" default:"15m" placeholder:"TIME" help:"How long what it gets is good: 1m to 1h (${default})."`
	User       string            `env:"-" placeholder:"NAME" help:"Whose rights are given: a user, by name or id (default: you)."`
}

// Help is the text below the flags.
func (trustCreate) Help() string {
	return `A machine with a token that fits exchanges it for a credential that may do what its user may, within these limits. No secret is stored.

Examples:

  easel trust create app-main --user ci --issuer https://token.actions.githubusercontent.com -c sub=repo:acme/app:ref:refs/heads/main -r 'team/app-*' -a pull,push
  easel trust create cluster --issuer https://kubernetes.default.svc --jwks keys.json -c 'sub=system:serviceaccount:ci:*' -r 'team/*'`
}

// Run makes a trust.
func (c *trustCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if c.Audience == "" {
		c.Audience = ses.profile.Server
	}
	var user string
	if c.User != "" {
		owner, err := ses.user(ctx, c.User)
		if err != nil {
			return err
		}
		user = owner.ID
	}
	in := map[string]any{"name": c.Name, "user_id": user, "issuer": c.Issuer, "audience": c.Audience, "claims": c.Claim,
		"repositories": c.Repository, "actions": c.Action, "networks": c.Network, "lifetime_seconds": int64(c.For / time.Second)}
	if c.JWKS != "" {
		text, err := os.ReadFile(c.JWKS)
		if err != nil {
			return fmt.Errorf("read the keys: %w", err)
		}
		if !json.Valid(text) {
			return fmt.Errorf("%s is no JSON Web Key Set", c.JWKS)
		}
		in["jwks"] = json.RawMessage(text)
	}
	var made trust
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: trustsPath, In: in, Out: &made}); err != nil {
		return err
	}
	return ses.print(made, made.show)
}

type trustShow struct {
	viewer `embed:""`
	Trust  string `arg:"" help:"Its id, or its name."`
}

// Run shows a trust.
func (c *trustShow) Run(ctx context.Context, s *streams) error {
	load := func(ses *session, ctx context.Context) (trust, error) { return ses.trust(ctx, c.Trust) }
	return show(ctx, s, &c.viewer, load, func(w io.Writer, r trust) { r.show(w) })
}

type trustOn struct {
	account `embed:""`
	Trust   string `arg:"" help:"Its id, or its name."`
}

// Run turns a trust on.
func (c *trustOn) Run(ctx context.Context, s *streams) error {
	return setTrust(ctx, s, &c.account, c.Trust, http.MethodPatch, map[string]bool{"active": true}, "on")
}

type trustOff struct {
	account `embed:""`
	Trust   string `arg:"" help:"Its id, or its name."`
}

// Run turns a trust off.
func (c *trustOff) Run(ctx context.Context, s *streams) error {
	return setTrust(ctx, s, &c.account, c.Trust, http.MethodPatch, map[string]bool{"active": false}, "off")
}

type trustRm struct {
	account `embed:""`
	Trust   string `arg:"" help:"Its id, or its name."`
}

// Run ends a trust.
func (c *trustRm) Run(ctx context.Context, s *streams) error {
	return setTrust(ctx, s, &c.account, c.Trust, http.MethodDelete, nil, "gone")
}

// setTrust changes or ends a trust, which then is what state says.
func setTrust(ctx context.Context, s *streams, a *account, want, method string, in any, state string) error {
	ses, err := a.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	found, err := ses.trust(ctx, want)
	if err != nil {
		return err
	}
	if _, err := ses.Do(ctx, client.Call{Method: method, Path: trustsPath + "/" + url.PathEscape(found.ID), In: in}); err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "The trust %s is %s.\n", found.Name, state)
	return err
}
