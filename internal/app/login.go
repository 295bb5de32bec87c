package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/term"

	"easel/internal/client"
)

type loginCommand struct {
	account   `embed:""`
	Address   string `arg:"" optional:"" placeholder:"URL" help:"Server, http://HOST:PORT."`
	AccessKey string `placeholder:"KEY" env:"EASEL_ACCESS_KEY,EASEL_ADMIN_ACCESS_KEY" help:"Access key."`
	User      string `env:"-" placeholder:"NAME" help:"Log in with a password instead: makes an access key."`
	SSO       bool   `name:"sso" env:"-" help:"Log in with the organisation's identity provider, in a browser."`
	Provider  string `env:"-" placeholder:"NAME" help:"Which one, when the server knows several."`
	Device    bool   `env:"-" help:"Log in on another device: no browser is needed here."`
	Trust     string `env:"-" placeholder:"ID" help:"Log in as a machine, with a token that the trust accepts."`
	TokenFile string `env:"-" placeholder:"FILE" help:"Where the token is (default: EASEL_TOKEN)."`
	Domain    string `env:"EASEL_DOMAIN_NAME" default:"easel" help:"The user's domain (${default})."`
	Project   string `placeholder:"NAME" env:"-" help:"Project, by name or id (default: the server's region project)."`
}

// Help is the text below the flags.
func (loginCommand) Help() string {
	return `Secret key and password are read from EASEL_SECRET_KEY and EASEL_PASSWORD or asked for; they are never flags.

Examples:

  easel login http://127.0.0.1:8580 --access-key AKXXXXXXXXXXXXXXXXXX
  echo "$SECRET" | easel login https://easel.example.org --access-key AKXX
  easel login https://easel.example.org --user alice
  easel login https://easel.example.org --sso
  easel login https://easel.example.org --sso --device
  easel login https://easel.example.org --trust ID --token-file /var/run/secrets/tokens/easel`
}

// Run asks the server who the key is and saves the profile.
func (c *loginCommand) Run(ctx context.Context, s *streams) error {
	p := profile{Server: strings.TrimSuffix(c.Address, "/")}
	if p.Server == "" {
		p.Server = strings.TrimSuffix(c.Server, "/")
	}
	if p.Server == "" {
		return errors.New("which server? easel login http://HOST:PORT")
	}
	if err := c.key(ctx, s, &p); err != nil {
		return err
	}
	if p.ProjectID == "" {
		cl, err := client.New(p.Server, client.Credentials{AccessKey: p.AccessKey, SecretKey: p.SecretKey})
		if err != nil {
			return err
		}
		defer cl.Close()
		if p.ProjectID, p.ProjectName, err = findProject(ctx, cl, c.Project); err != nil {
			return err
		}
	}
	path, err := c.save(p)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "Logged in to %s, project %s. The key is in %s.\n", p.Server, p.ProjectName, path)
	if !p.Ends.IsZero() {
		fmt.Fprintf(s.out, "The session ends at %s; then log in again.\n", p.Ends.Local().Format("2006-01-02 15:04"))
	}
	return nil
}

// key fills in the access key to log in with: the one given, or a new one of
// the user who gives a password or signs on.
func (c *loginCommand) key(ctx context.Context, s *streams, p *profile) (err error) {
	switch {
	case c.SSO && (c.User != "" || c.AccessKey != "" && c.AccessKey != os.Getenv("EASEL_ACCESS_KEY") && c.AccessKey != os.Getenv("EASEL_ADMIN_ACCESS_KEY")):
		return errors.New("--sso makes an access key of its own: leave --user and --access-key away")
	case !c.SSO && (c.Device || c.Provider != ""):
		return errors.New("--device and --provider belong to --sso")
	case c.Trust == "" && c.TokenFile != "":
		return errors.New("which trust? --trust ID; its id is in easel trust ls")
	case c.Trust != "" && (c.SSO || c.User != ""):
		return errors.New("--trust makes an access key of its own: leave --sso and --user away")
	case c.Trust != "":
		return c.exchange(ctx, p)
	case c.SSO:
		made, err := c.signOn(ctx, s, p.Server)
		p.AccessKey, p.SecretKey, p.Ends = made.AccessKey, made.SecretKey, made.ExpiresAt
		return err
	case c.User != "":
		password := os.Getenv("EASEL_PASSWORD")
		if password == "" {
			if password, err = ask(s, "Password: "); err != nil {
				return err
			}
		}
		p.AccessKey, p.SecretKey, err = makeKey(ctx, p.Server, c.Domain, c.User, password)
		return err
	case c.AccessKey == "":
		return errors.New("which access key? --access-key KEY (the server printed the first one when it was started for the first time), --user NAME, or --sso")
	}
	p.AccessKey, p.SecretKey = c.AccessKey, os.Getenv("EASEL_SECRET_KEY")
	if p.SecretKey == "" && c.AccessKey == os.Getenv("EASEL_ADMIN_ACCESS_KEY") {
		p.SecretKey = os.Getenv("EASEL_ADMIN_SECRET_KEY")
	}
	if p.SecretKey == "" {
		p.SecretKey, err = ask(s, "Secret key: ")
	}
	return err
}

// makeKey logs a user in with a password and makes an access key for this
// machine.
func makeKey(ctx context.Context, server, domain, user, password string) (access, secret string, err error) {
	cl, err := client.New(server, client.Credentials{})
	if err != nil {
		return "", "", err
	}
	defer cl.Close()
	type object = map[string]any
	var token struct {
		Token struct {
			User struct {
				ID string `json:"id"`
			} `json:"user"`
		} `json:"token"`
	}
	header, err := cl.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3/auth/tokens", Query: url.Values{"nocatalog": {"1"}}, Out: &token, In: object{"auth": object{
		"identity": object{"methods": []string{"password"}, "password": object{"user": object{
			"name": user, "password": password, "domain": object{"name": domain}}}},
		"scope": object{"domain": object{"name": domain}}}}})
	if err != nil {
		return "", "", err
	}
	var made struct {
		Credential struct {
			Access string `json:"access"`
			Secret string `json:"secret"`
		} `json:"credential"`
	}
	_, err = cl.Do(ctx, client.Call{Method: http.MethodPost, Path: "/v3.0/OS-CREDENTIAL/credentials",
		Header: http.Header{"X-Auth-Token": {header.Get("X-Subject-Token")}}, Out: &made,
		In: object{"credential": object{"user_id": token.Token.User.ID, "description": thisMachine()}}})
	return made.Credential.Access, made.Credential.Secret, err
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
	line, err := readLine(s.in)
	if line = strings.TrimSpace(line); line == "" {
		if err == nil || errors.Is(err, io.EOF) {
			err = errors.New("nothing was given for it")
		}
		return "", fmt.Errorf("%s %w", strings.TrimSpace(prompt), err)
	}
	return line, nil
}

// readLine reads a line and not a byte more: what follows may be the answer to
// the next question.
func readLine(r io.Reader) (string, error) {
	var line []byte
	for b := make([]byte, 1); len(line) < 1<<16; {
		n, err := r.Read(b)
		if n == 1 && b[0] != '\n' {
			line = append(line, b[0])
		} else if n == 1 || err != nil {
			return string(line), err
		}
	}
	return "", errors.New("the line is too long")
}

type logoutCommand struct {
	account `embed:""`
}

// Run removes the profile, and ends the session that is in it. Being logged
// out already is success.
func (c *logoutCommand) Run(ctx context.Context, s *streams) error {
	path, err := c.path()
	if err != nil {
		return err
	}
	saved, err := c.read()
	if err != nil {
		saved = profile{} // a damaged one is removed all the same
	}
	ended := !saved.Ends.IsZero() && endSession(ctx, saved) == nil
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove the profile: %w", err)
	}
	switch {
	case ended:
		fmt.Fprintln(s.out, "Logged out; the session has ended.")
	case !saved.Ends.IsZero():
		fmt.Fprintf(s.out, "Logged out. The server was not told: the session itself ends at %s.\n", saved.Ends.Local().Format("2006-01-02 15:04"))
	default:
		fmt.Fprintln(s.out, "Logged out. The access key itself still works: delete it on the server if it should not.")
	}
	return nil
}

// endSession deletes the access key of a session on the server. One that the
// server does not know any more has ended.
func endSession(ctx context.Context, p profile) error {
	cl, err := client.New(p.Server, client.Credentials{AccessKey: p.AccessKey, SecretKey: p.SecretKey})
	if err != nil {
		return err
	}
	defer cl.Close()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, err = cl.Do(ctx, client.Call{Method: http.MethodDelete, Path: "/v3.0/OS-CREDENTIAL/credentials/" + url.PathEscape(p.AccessKey)})
	if client.IsStatus(err, http.StatusUnauthorized) || client.IsStatus(err, http.StatusNotFound) {
		return nil
	}
	return err
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
