package app

import (
	"context"
	"fmt"

	"easel/internal/setup"
)

type exportCommand struct {
	account `embed:""`
	Orgs    []string `arg:"" optional:"" name:"organisation" help:"Only these (default: all that you manage, and users, groups, policies and projects)."`
}

// Help is the text below the flags.
func (exportCommand) Help() string {
	return `Prints how things are in the form that easel apply reads, so that easel apply -f changes nothing. Your own level is
left out: nobody changes the own one. Bounds that are the configuration's are left out, too.

Examples:

  easel export > account.yaml
  easel export vision-team > vision-team.yaml`
}

// Run prints the state of the account.
func (c *exportCommand) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	wanted := setup.State{}
	for _, name := range c.Orgs {
		wanted[setup.Key{Kind: setup.Org, Of: name}] = ""
	}
	if len(c.Orgs) == 0 {
		if wanted, err = ses.everything(ctx); err != nil {
			return err
		}
	}
	have, _, err := ses.readSetup(ctx, wanted, true)
	if err != nil {
		return err
	}
	for _, name := range c.Orgs {
		if _, ok := have[setup.Key{Kind: setup.Org, Of: name}]; !ok {
			return fmt.Errorf("there is no organisation %s; easel org ls lists those that you may see", name)
		}
	}
	text, err := setup.Format(have)
	if err != nil {
		return err
	}
	_, err = s.out.Write(text)
	return err
}
