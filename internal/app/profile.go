package app

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/goccy/go-yaml"

	"easel/internal/client"
)

// errNotLoggedIn says that neither profile nor environment name a server and
// an access key.
var errNotLoggedIn = errors.New("no access key")

// profile is what easel login remembers.
type profile struct {
	Server      string `yaml:"server"`
	AccessKey   string `yaml:"access_key"`
	SecretKey   string `yaml:"secret_key"`
	ProjectID   string `yaml:"project_id"`
	ProjectName string `yaml:"project_name,omitempty"`
	// Ends is when a session of single sign-on ends; zero: the key is one that stays.
	Ends time.Time `yaml:"ends,omitempty"`
}

// account is the flags of every command that asks a server: which one, as whom.
type account struct {
	Server  string `placeholder:"URL" help:"Server to ask, http://HOST:PORT (default: from easel login)."`
	Profile string `placeholder:"FILE" help:"Profile file (default: easel/profile.yaml in the user's configuration directory)."`
}

// viewer is an account for commands that show what the server said.
type viewer struct {
	account `embed:""`
	Output  string `short:"o" enum:"table,json,yaml" default:"table" help:"table, json or yaml (${default})."`
}

// path returns the profile file.
func (a *account) path() (string, error) {
	if a.Profile != "" {
		return a.Profile, nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", fmt.Errorf("find the configuration directory: %w; name a file with --profile", err)
	}
	return filepath.Join(dir, "easel", "profile.yaml"), nil
}

// load returns whom to ask as whom. The access key is taken as a whole from
// one place: EASEL_ACCESS_KEY, else the profile, else EASEL_ADMIN_ACCESS_KEY;
// a profile's key is only ever sent to the profile's server.
func (a *account) load() (profile, error) {
	saved, err := a.read()
	if err != nil {
		return profile{}, err
	}
	p := profile{Server: a.Server, AccessKey: os.Getenv("EASEL_ACCESS_KEY"), SecretKey: os.Getenv("EASEL_SECRET_KEY")}
	switch {
	case p.AccessKey != "":
	case saved.AccessKey != "" && (a.Server == "" || a.Server == saved.Server):
		p = saved
	default:
		p.AccessKey, p.SecretKey = os.Getenv("EASEL_ADMIN_ACCESS_KEY"), os.Getenv("EASEL_ADMIN_SECRET_KEY")
	}
	if p.SecretKey == "" {
		p.SecretKey = os.Getenv("EASEL_ADMIN_SECRET_KEY")
	}
	if id := os.Getenv("EASEL_PROJECT_ID"); id != "" {
		p.ProjectID = id
	}
	if p.Server == "" {
		p.Server = saved.Server
	}
	if p.Server == "" {
		p.Server = "http://127.0.0.1:8580"
	}
	if p.AccessKey == "" || p.SecretKey == "" {
		return p, errNotLoggedIn
	}
	return p, nil
}

// read returns the saved profile; the zero one when there is none.
func (a *account) read() (profile, error) {
	path, err := a.path()
	if err != nil {
		return profile{}, err
	}
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return profile{}, nil
	}
	if err != nil {
		return profile{}, fmt.Errorf("read the profile: %w", err)
	}
	var p profile
	if err := yaml.UnmarshalWithOptions(text, &p, yaml.Strict()); err != nil {
		return profile{}, fmt.Errorf("the profile %s is damaged: run easel login again: %w", path, err)
	}
	return p, nil
}

// save writes the profile, readable by its owner only, and returns its path.
func (a *account) save(p profile) (string, error) {
	path, err := a.path()
	if err != nil {
		return "", err
	}
	text, err := yaml.Marshal(p)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("save the profile: %w", err)
	}
	// A new file, renamed: an old one may have had wider rights.
	f, err := os.CreateTemp(filepath.Dir(path), ".profile-*")
	if err != nil {
		return "", fmt.Errorf("save the profile: %w", err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return "", fmt.Errorf("save the profile: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return path, nil
}

// session is an account with a client for its server.
type session struct {
	*client.Client
	profile
	printer
}

// deleteNow makes the session skip the undo window.
func (s *session) deleteNow(now bool) {
	if now {
		s.SetHeader("X-Easel-Delete-Now", "true")
	}
}

// open returns a session. The project is asked for when none is known.
func (a *account) open(s *streams) (*session, error) {
	p, err := a.load()
	if err != nil {
		return nil, err
	}
	c, err := client.New(p.Server, client.Credentials{AccessKey: p.AccessKey, SecretKey: p.SecretKey, ProjectID: p.ProjectID})
	if err != nil {
		return nil, err
	}
	return &session{Client: c, profile: p, printer: printer{w: s.out}}, nil
}

// open returns a session that prints in the form asked for.
func (v *viewer) open(s *streams) (*session, error) {
	ses, err := v.account.open(s)
	if err == nil {
		ses.format = v.Output
	}
	return ses, err
}
