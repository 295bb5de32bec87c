package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"

	"easel/internal/client"
	"easel/internal/policy"
)

type policyCommands struct {
	Ls     policyLs     `cmd:"" help:"List roles and the account's own policies."`
	Show   policyShow   `cmd:"" help:"Print a role or policy."`
	Create policyCreate `cmd:"" help:"Make a policy from a JSON file."`
	Rm     policyRm     `cmd:"" help:"Delete a policy that no group has."`
}

// role is a role or policy as IAM sends it.
type role struct {
	ID          string          `json:"id"`
	Name        string          `json:"name"`
	Display     string          `json:"display_name"`
	Domain      *string         `json:"domain_id"`
	Type        string          `json:"type"`
	Description string          `json:"description"`
	Policy      json.RawMessage `json:"policy"`
}

// roles returns what comes with Easel and what is the account's own.
func (s *session) roles(ctx context.Context) ([]role, error) {
	all := []role{}
	for _, path := range []string{"/v3.0/OS-ROLE/roles", "/v3/roles"} {
		var out struct {
			Roles []role `json:"roles"`
		}
		if _, err := s.Do(ctx, client.Call{Method: http.MethodGet, Path: path, Out: &out}); err != nil {
			return nil, err
		}
		all = append(all, out.Roles...)
	}
	return all, nil
}

func (s *session) role(ctx context.Context, name string) (role, error) {
	found, err := s.roles(ctx)
	if err != nil {
		return role{}, err
	}
	for _, r := range found {
		if r.Name == name {
			return r, nil
		}
	}
	return named(found, "policy", name, func(r role) (string, string) { return r.ID, r.Display })
}

type policyLs struct {
	viewer `embed:""`
}

// Run lists roles.
func (c *policyLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).roles, func(w io.Writer, found []role) {
		row(w, "NAME", "FROM", "DESCRIPTION")
		for _, r := range found {
			from := "the account"
			if r.Domain == nil {
				from = "Easel"
			}
			row(w, r.Display, from, r.Description)
		}
	})
}

type policyShow struct {
	account `embed:""`
	Name    string `arg:"" help:"Name or id."`
}

// Run prints a policy as JSON, so that it can be changed and given back.
func (c *policyShow) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	r, err := ses.role(ctx, c.Name)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(r.Policy, "", "  ")
	if err != nil {
		return err
	}
	fmt.Fprintln(s.out, string(text))
	return nil
}

type policyCreate struct {
	account     `embed:""`
	Name        string `arg:"" help:"Name of the policy."`
	File        string `arg:"" help:"JSON file, - for standard input."`
	Description string `env:"-" placeholder:"TEXT" help:"For people."`
	Replace     bool   `env:"-" help:"Change the policy of this name instead."`
}

// Help is the text below the flags.
func (policyCreate) Help() string {
	return `The file is checked to the last character before it is sent:

  {"Version": "1.1", "Statement": [
    {"Effect": "Allow", "Action": ["swr:repo:download", "swr:repo:get*"], "Resource": ["swr:*:*:repo:team/*"]}]}`
}

// Run makes or changes a policy.
func (c *policyCreate) Run(ctx context.Context, s *streams) error {
	text, err := c.read(s)
	if err != nil {
		return err
	}
	if _, err := policy.Parse(text); err != nil {
		return fmt.Errorf("%s: %w", c.File, err)
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"display_name": c.Name, "policy": json.RawMessage(text)}
	call := client.Call{Method: http.MethodPost, Path: "/v3.0/OS-ROLE/roles", In: map[string]any{"role": in}}
	if c.Replace {
		r, err := ses.role(ctx, c.Name)
		if err != nil {
			return err
		}
		call.Method, call.Path = http.MethodPatch, "/v3.0/OS-ROLE/roles/"+url.PathEscape(r.ID)
	} else {
		in["type"] = "AX"
	}
	if !c.Replace || c.Description != "" {
		in["description"] = c.Description
	}
	if _, err := ses.Do(ctx, call); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s is stored. Give it to a group: easel grant add GROUP %q\n", c.Name, c.Name)
	return nil
}

func (c *policyCreate) read(s *streams) ([]byte, error) {
	if c.File == "-" {
		return io.ReadAll(io.LimitReader(s.in, policy.MaxDocument+1))
	}
	return os.ReadFile(c.File)
}

type policyRm struct {
	account `embed:""`
	Name    string `arg:"" help:"Name or id."`
	Yes     bool   `env:"-" short:"y" help:"Do not ask."`
}

// Run deletes a policy.
func (c *policyRm) Run(ctx context.Context, s *streams) error {
	if err := s.sure(c.Yes, "Delete the policy "+c.Name+"?"); err != nil {
		return err
	}
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	r, err := ses.role(ctx, c.Name)
	if err != nil {
		return err
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: "/v3.0/OS-ROLE/roles/" + url.PathEscape(r.ID)}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Deleted %s.\n", r.Display)
	return nil
}
