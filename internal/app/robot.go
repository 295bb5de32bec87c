package app

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"easel/internal/client"
)

const robotsPath = "/easel/v1/robots"

type robotCommands struct {
	Ls     robotLs     `cmd:"" help:"List robots."`
	Create robotCreate `cmd:"" help:"Make an access key for a machine."`
	Rm     robotRm     `cmd:"" help:"End a robot, with the tokens it has."`
}

// robot is a robot as the server sends it.
type robot struct {
	AccessKey    string     `json:"access_key"`
	SecretKey    string     `json:"secret_key,omitempty"`
	Name         string     `json:"name"`
	UserName     string     `json:"user_name"`
	Repositories []string   `json:"repositories"`
	Actions      []string   `json:"actions"`
	Networks     []string   `json:"networks"`
	ExpiresAt    *time.Time `json:"expires_at"`
	LastUsedAt   *time.Time `json:"last_used_at"`
	Active       bool       `json:"active"`
}

func (s *session) robots(ctx context.Context) ([]robot, error) {
	found, err := get[struct {
		Robots []robot `json:"robots"`
	}](ctx, s, robotsPath, nil)
	return found.Robots, err
}

type robotLs struct {
	viewer `embed:""`
}

// Run lists robots.
func (c *robotLs) Run(ctx context.Context, s *streams) error {
	return show(ctx, s, &c.viewer, (*session).robots, func(w io.Writer, found []robot) {
		row(w, "NAME", "ACCESS KEY", "OF", "MAY", "IN", "FROM", "UNTIL", "LAST USED")
		for _, r := range found {
			row(w, r.Name, r.AccessKey, r.UserName, strings.Join(r.Actions, ","), strings.Join(r.Repositories, " "),
				anywhere(r.Networks), day(r.ExpiresAt, "-"), day(r.LastUsedAt, "never"))
		}
	})
}

func anywhere(networks []string) string {
	if len(networks) == 0 {
		return "anywhere"
	}
	return strings.Join(networks, " ")
}

// day prints a time that may be none.
func day(t *time.Time, none string) string {
	if t == nil {
		return none
	}
	return t.Format("2006-01-02 15:04")
}

type robotCreate struct {
	viewer     `embed:""`
	Name       string        `arg:"" help:"What the machine is called."`
	Repository []string      `short:"r" env:"-" required:"" sep:"none" placeholder:"PATTERN" help:"ORG/NAME, with * in NAME for any characters; * alone is all. Can be repeated."`
	Action     []string      `short:"a" env:"-" default:"pull" placeholder:"ACTION,…" help:"pull, push, delete, read: what the management interfaces show (${default})."`
	Network    []string      `env:"-" placeholder:"CIDR" help:"From where it may ask (default: from anywhere)."`
	For        time.Duration `env:"-" placeholder:"TIME" help:"How long it lives, such as 720h (default: until it is removed)."`
	User       string        `env:"-" placeholder:"NAME" help:"Whose robot it is: a user, by name or id (default: you)."`
}

// Help is the text below the flags.
func (robotCreate) Help() string {
	return `A robot may do what its user may, within these limits. It makes no tokens, keys or robots, and its pulls do not count as use.

Examples:

  easel robot create nightly-build -r 'team/app-*' -a pull,push --network 10.0.0.0/8 --for 720h
  easel robot create cluster -r 'team/*'`
}

// Run makes a robot and prints its keys, this once.
func (c *robotCreate) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	in := map[string]any{"name": c.Name, "repositories": c.Repository, "actions": c.Action, "networks": c.Network}
	if c.User != "" {
		owner, err := ses.user(ctx, c.User)
		if err != nil {
			return err
		}
		in["user_id"] = owner.ID
	}
	if c.For != 0 {
		in["expires_at"] = time.Now().Add(c.For).UTC().Truncate(time.Second)
	}
	var made robot
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodPost, Path: robotsPath, In: in, Out: &made}); err != nil {
		return err
	}
	project := ses.ProjectName
	if project == "" {
		if _, project, err = findProject(ctx, ses.Client, ses.ProjectID); err != nil {
			return err
		}
	}
	u, err := url.Parse(ses.profile.Server)
	if err != nil {
		return err
	}
	return ses.print(made, func(w io.Writer) {
		row(w, "access key", made.AccessKey)
		row(w, "secret key", made.SecretKey)
		row(w, "docker", dockerLine(u.Host, project+"@"+made.AccessKey, client.LoginKey(made.AccessKey, made.SecretKey)))
	})
}

type robotRm struct {
	account `embed:""`
	Robot   string `arg:"" help:"Its access key, or its name."`
}

// Run ends a robot.
func (c *robotRm) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	found, err := ses.robots(ctx)
	if err != nil {
		return err
	}
	var keys []string
	for _, r := range found {
		if r.AccessKey == c.Robot {
			keys = []string{r.AccessKey}
			break
		}
		if r.Name == c.Robot {
			keys = append(keys, r.AccessKey)
		}
	}
	switch len(keys) {
	case 0:
		return fmt.Errorf("there is no robot %s; see easel robot ls", c.Robot)
	case 1:
	default:
		return fmt.Errorf("%d robots are called %s: name one by its access key: %s", len(keys), c.Robot, strings.Join(keys, ", "))
	}
	if _, err := ses.Do(ctx, client.Call{Method: http.MethodDelete, Path: robotsPath + "/" + url.PathEscape(keys[0])}); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "The robot %s is gone.\n", c.Robot)
	return nil
}
