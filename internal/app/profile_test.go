package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestProfileIsPrivate(t *testing.T) {
	t.Parallel()
	a := account{Profile: filepath.Join(t.TempDir(), "easel", "profile.yaml")}
	want := profile{Server: "http://h:1", AccessKey: "AK", SecretKey: "sk: tricky #", ProjectID: "id", ProjectName: "eu-de"}
	// A file with wider rights from before must not lend them.
	if err := os.MkdirAll(filepath.Dir(a.Profile), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(a.Profile, []byte("server: old\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	path, err := a.save(want)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode = %v, %v; want 0600", info.Mode(), err)
	}
	got, err := a.read()
	if err != nil || got != want {
		t.Errorf("read back: %s, %v", cmp.Diff(want, got), err)
	}
	left, err := filepath.Glob(filepath.Join(filepath.Dir(path), ".profile-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// The environment is the process's: these run one after the other.
func TestWhoAsks(t *testing.T) {
	saved := profile{Server: "http://saved:1", AccessKey: "SAVED", SecretKey: "saved-secret", ProjectID: "saved-project", ProjectName: "eu-de"}
	full := map[string]string{"EASEL_ADMIN_ACCESS_KEY": "ADMIN", "EASEL_ADMIN_SECRET_KEY": "admin-secret"}
	for _, tt := range []struct {
		name   string
		server string
		env    map[string]string
		saved  profile
		want   profile
		err    error
	}{
		{"nothing", "", nil, profile{}, profile{}, errNotLoggedIn},
		{"profile", "", nil, saved, saved, nil},
		{"environment over profile", "http://h:2", map[string]string{"EASEL_ACCESS_KEY": "AK", "EASEL_SECRET_KEY": "sk"}, saved,
			profile{Server: "http://h:2", AccessKey: "AK", SecretKey: "sk"}, nil},
		{"administrator's variables are the last resort", "", full, saved, saved, nil},
		{"administrator's variables", "http://h:2", full, profile{}, profile{Server: "http://h:2", AccessKey: "ADMIN", SecretKey: "admin-secret"}, nil},
		{"a saved key is not sent to another server", "http://other:1", nil, saved, profile{}, errNotLoggedIn},
		{"project from the environment", "", map[string]string{"EASEL_PROJECT_ID": "p2"}, saved,
			profile{Server: saved.Server, AccessKey: "SAVED", SecretKey: "saved-secret", ProjectID: "p2", ProjectName: "eu-de"}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, name := range []string{"EASEL_ACCESS_KEY", "EASEL_SECRET_KEY", "EASEL_ADMIN_ACCESS_KEY", "EASEL_ADMIN_SECRET_KEY", "EASEL_PROJECT_ID"} {
				t.Setenv(name, tt.env[name])
			}
			a := account{Server: tt.server, Profile: filepath.Join(t.TempDir(), "profile.yaml")}
			if tt.saved != (profile{}) {
				if _, err := a.save(tt.saved); err != nil {
					t.Fatal(err)
				}
			}
			got, err := a.load()
			if tt.err != nil {
				if !errors.Is(err, tt.err) {
					t.Errorf("error %v, want %v", err, tt.err)
				}
				return
			}
			if diff := cmp.Diff(tt.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}
