package app

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path/filepath"
	"strings"

	"easel/internal/client"
)

// helperName is the program that docker looks for when its configuration
// names the credential helper "easel".
const helperName = "docker-credential-easel"

// Args returns the arguments of a command line, whose first word is the
// program: under the name of the credential helper it is that command.
func Args(commandLine []string) []string {
	if len(commandLine) == 0 {
		return nil
	}
	if name := strings.TrimSuffix(filepath.Base(commandLine[0]), ".exe"); name == helperName {
		return append([]string{"docker-credential"}, commandLine[1:]...)
	}
	return commandLine[1:]
}

// errNoCredentials is the text by which docker recognises that a helper has
// nothing for a registry, and goes on without a login.
var errNoCredentials = errors.New("credentials not found in native keychain")

// maxHelperInput bounds what a helper reads, in bytes.
const maxHelperInput = 64 << 10

type dockerCredential struct {
	account `embed:""`
	Verb    string `arg:"" enum:"get,store,erase,list" help:"get, store, erase or list: what docker asks for."`
}

// Help is the text below the flags.
func (dockerCredential) Help() string {
	return `Speaks the protocol of docker's credential helpers: docker, podman, skopeo and crane then log in with the profile of easel login
and store nothing. Put the program under the name ` + helperName + ` into the PATH,

  ln -s "$(command -v easel)" /usr/local/bin/` + helperName + `

and name it in ~/.docker/config.json for your registry:

  {"credHelpers": {"easel.example.org": "easel"}}

store and erase do nothing: easel login and easel logout are what changes the profile.`
}

// Run answers one question of docker. What it prints is read by a program: an
// error goes to the standard output, too.
func (c *dockerCredential) Run(ctx context.Context, s *streams) error {
	err := c.answer(ctx, s)
	if err == nil {
		return nil
	}
	fmt.Fprintln(s.out, err)
	return exit(exitFailed)
}

func (c *dockerCredential) answer(ctx context.Context, s *streams) error {
	if c.Verb == "list" {
		login, err := c.login(ctx, s)
		if errors.Is(err, errNotLoggedIn) {
			return json.NewEncoder(s.out).Encode(map[string]string{})
		}
		if err != nil {
			return err
		}
		return json.NewEncoder(s.out).Encode(map[string]string{login.ServerURL: login.Username})
	}
	asked, err := io.ReadAll(io.LimitReader(bufio.NewReader(s.in), maxHelperInput))
	if err != nil || c.Verb != "get" {
		return err
	}
	login, err := c.login(ctx, s)
	if errors.Is(err, errNotLoggedIn) || err == nil && !sameRegistry(strings.TrimSpace(string(asked)), login.ServerURL) {
		return errNoCredentials // the key is for its own server only
	}
	if err != nil {
		return err
	}
	return json.NewEncoder(s.out).Encode(login)
}

// registryLogin is a login in the form of the protocol.
type registryLogin struct {
	ServerURL, Username, Secret string
}

// login returns the login of the profile.
func (c *dockerCredential) login(ctx context.Context, s *streams) (registryLogin, error) {
	ses, err := c.open(s)
	if err != nil {
		return registryLogin{}, err
	}
	defer ses.Close()
	if ses.ProjectName == "" {
		if _, ses.ProjectName, err = findProject(ctx, ses.Client, ses.ProjectID); err != nil {
			return registryLogin{}, err
		}
	}
	u, err := url.Parse(ses.profile.Server)
	if err != nil {
		return registryLogin{}, err
	}
	return registryLogin{u.Host, ses.ProjectName + "@" + ses.AccessKey, client.LoginKey(ses.AccessKey, ses.SecretKey)}, nil
}

// sameRegistry reports whether what docker asks for, "HOST", "HOST/PATH" or
// "https://HOST/…", is the registry at host.
func sameRegistry(asked, host string) bool {
	if _, rest, ok := strings.Cut(asked, "://"); ok {
		asked = rest
	}
	asked, _, _ = strings.Cut(asked, "/")
	return asked != "" && strings.EqualFold(asked, host)
}
