package app

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/goccy/go-yaml"

	"easel/internal/catalog"
	"easel/internal/identity"
)

type adminCommands struct {
	ResetPassword resetPassword `cmd:"" help:"Give a user a new password, on the stopped server's machine."`
}

type resetPassword struct {
	Place  `embed:""`
	User   string `arg:"" optional:"" default:"admin" help:"User (${default})."`
	Domain string `env:"-" placeholder:"NAME" help:"The user's domain, when several have a user of this name."`
}

// Help is the text below the flags.
func (resetPassword) Help() string {
	return `Stop the server first. The user's tokens end; access keys go on working.

Examples:

  easel admin reset-password --data-dir /var/lib/easel
  easel admin reset-password eva --domain partner --data-dir /var/lib/easel`
}

// Run prints the new password.
func (c *resetPassword) Run(ctx context.Context, s *streams) (err error) {
	if err := errors.Join(c.exists(), c.complete()); err != nil {
		return err
	}
	st, err := openStores(ctx, c.Place, os.Getenv("EASEL_MASTER_KEY"), catalog.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, st.close()) }()
	password, err := identity.New(identity.Options{Catalog: st.catalog, MasterKey: st.masterKey}).ResetPassword(ctx, c.Domain, c.User)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "The new password of %s is: %s\n", c.User, password)
	return err
}

type configCommand struct {
	Config `embed:""`
	File   string `name:"config" placeholder:"FILE" help:"Configuration file (YAML)."`
}

// Help is the text below the flags.
func (configCommand) Help() string {
	return `Takes the flags of easel serve and prints, as a configuration file, what the server would work with. Secrets come from
the environment only and are not printed.

Example:

  EASEL_LOG_FORMAT=json easel config --listen 0.0.0.0:8580 > easel.yaml`
}

// Run prints the configuration.
func (c *configCommand) Run(s *streams, file *File) error {
	if err := c.complete(file); err != nil {
		return err
	}
	text, err := yaml.MarshalWithOptions(c.Config, yaml.IndentSequence(true))
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}
