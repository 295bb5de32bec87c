package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/term"

	"easel/internal/client"
)

type loginCommand struct {
	account   `embed:""`
	Address   string `arg:"" optional:"" placeholder:"URL" help:"Server, http://HOST:PORT."`
	AccessKey string `placeholder:"KEY" help:"Access key."`
	Project   string `placeholder:"NAME" env:"-" help:"Project, by name or id (default: the server's region project)."`
}

// Help is the text below the flags.
func (loginCommand) Help() string {
	return `The secret key is read from EASEL_SECRET_KEY or asked for; it is never a flag.

Examples:

  easel login http://127.0.0.1:8580 --access-key AKXXXXXXXXXXXXXXXXXX
  echo "$SECRET" | easel login https://easel.example.org --access-key AKXX`
}

// Run asks the server who the key is and saves the profile.
func (c *loginCommand) Run(ctx context.Context, s *streams) error {
	p := profile{Server: strings.TrimSuffix(c.Address, "/"), AccessKey: c.AccessKey, SecretKey: os.Getenv("EASEL_SECRET_KEY")}
	if p.Server == "" {
		p.Server = strings.TrimSuffix(c.Server, "/")
	}
	if p.Server == "" {
		return errors.New("which server? easel login http://HOST:PORT")
	}
	if p.AccessKey == "" {
		p.AccessKey, p.SecretKey = os.Getenv("EASEL_ADMIN_ACCESS_KEY"), os.Getenv("EASEL_ADMIN_SECRET_KEY")
	}
	if p.AccessKey == "" {
		return errors.New("which access key? --access-key KEY (the server printed the first one when it was started for the first time)")
	}
	if p.SecretKey == "" {
		var err error
		if p.SecretKey, err = ask(s, "Secret key: "); err != nil {
			return err
		}
	}
	cl, err := client.New(p.Server, client.Credentials{AccessKey: p.AccessKey, SecretKey: p.SecretKey})
	if err != nil {
		return err
	}
	defer cl.Close()
	if p.ProjectID, p.ProjectName, err = findProject(ctx, cl, c.Project); err != nil {
		return err
	}
	path, err := c.save(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Logged in to %s, project %s. The key is in %s.\n", p.Server, p.ProjectName, path)
	return nil
}

// findProject returns id and name of the project that is called want, or of
// the region project: the first one.
func findProject(ctx context.Context, c *client.Client, want string) (id, name string, err error) {
	var found struct {
		Projects []struct {
			ID   string `json:"id"`
			Name string `json:"name"`
		} `json:"projects"`
	}
	if _, err := c.Do(ctx, client.Call{Method: http.MethodGet, Path: "/v3/projects", Out: &found}); err != nil {
		return "", "", err
	}
	var names []string
	for _, p := range found.Projects {
		if want == "" || want == p.Name || want == p.ID {
			return p.ID, p.Name, nil
		}
		names = append(names, p.Name)
	}
	if want == "" {
		return "", "", errors.New("this key's account has no project")
	}
	return "", "", fmt.Errorf("there is no project %s; there are: %s", want, strings.Join(names, ", "))
}

// ask reads one line, without echo when it is typed.
func ask(s *streams, prompt string) (string, error) {
	f, isFile := s.in.(*os.File)
	if isFile && term.IsTerminal(int(f.Fd())) {
		fmt.Fprint(s.err, prompt)
		line, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(s.err)
		return string(line), err
	}
	line, err := bufio.NewReader(s.in).ReadString('\n')
	if line = strings.TrimSpace(line); line == "" {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("nothing was given for it")
		}
		return "", fmt.Errorf("%s %w", strings.TrimSpace(prompt), err)
	}
	return line, nil
}

type logoutCommand struct {
	account `embed:""`
}

// Run removes the profile. Being logged out already is success.
func (c *logoutCommand) Run(s *streams) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the profile: %w", err)
	}
	fmt.Fprintln(s.out, "Logged out. The access key itself still works: delete it on the server if it should not.")
	return nil
}

type dockerLoginCommand struct {
	account `embed:""`
	Exec    bool   `env:"-" help:"Run it: the password goes through a pipe."`
	Docker  string `default:"docker" env:"-" help:"Program to run with --exec, such as podman (${default})."`
}

// Help is the text below the flags.
func (dockerLoginCommand) Help() string {
	return `The user name is PROJECT@ACCESS_KEY, the password is derived from the secret key.

Examples:

  easel docker-login --exec
  eval "$(easel docker-login)"`
}

// Run prints the login line or runs it.
func (c *dockerLoginCommand) Run(ctx context.Context, s *streams) error {
	ses, err := c.open(s)
	if err != nil {
		return err
	}
	defer ses.Close()
	if ses.ProjectName == "" {
		if _, ses.ProjectName, err = findProject(ctx, ses.Client, ses.ProjectID); err != nil {
			return err
		}
	}
	u, err := url.Parse(ses.profile.Server)
	if err != nil {
		return err
	}
	user, key := ses.ProjectName+"@"+ses.AccessKey, client.LoginKey(ses.AccessKey, ses.SecretKey)
	if !c.Exec {
		_, err := fmt.Fprintln(s.out, dockerLine(u.Host, user, key))
		return err
	}
	cmd := exec.CommandContext(ctx, c.Docker, "login", "--username", user, "--password-stdin", u.Host)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(key), s.out, s.err
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("%s login: %w", c.Docker, err)
	}
	return nil
}

// dockerLine is the command that logs docker in.
func dockerLine(host, user, key string) string {
	return fmt.Sprintf("printf %%s %s | docker login --username %s --password-stdin %s", key, user, host)
}
