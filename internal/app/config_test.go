package app

import (
	"encoding"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"
)

var _ encoding.TextUnmarshaler = (*Bytes)(nil)

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int64{
		"0": 0, "1": 1, "1023B": 1023, "64MiB": 64 << 20, "2 GiB": 2 << 30, "1TiB": 1 << 40, "3KiB": 3 << 10,
	} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err != nil || int64(b) != want {
			t.Errorf("%q = %d, %v; want %d", text, b, err, want)
		}
		printed, err := b.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		var again Bytes
		if err := again.UnmarshalText(printed); err != nil || again != b {
			t.Errorf("%q is printed as %s, which reads as %d, %v", text, printed, again, err)
		}
	}
	for _, text := range []string{"", "MiB", "-1", "1.5GiB", "1MB ", "x", "9999999999TiB", "64 m"} {
		var b Bytes
		if err := b.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q is accepted as %d", text, b)
		}
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		in              Place
		database, blobs string
		err             string
	}{
		{"defaults", Place{DataDir: "d"}, "sqlite:d/easel.db", "file:d/blobs", ""},
		{"elsewhere", Place{DataDir: "d", Database: "postgres://u@h/n", Blobs: "file:/mnt/b"}, "postgres://u@h/n", "file:/mnt/b", ""},
		{"S3", Place{DataDir: "d", Blobs: "s3://bucket/x"}, "", "", "not supported by this version"},
		{"a path is no URL", Place{DataDir: "d", Blobs: "/mnt/b"}, "", "", "want file:PATH"},
		{"another database", Place{DataDir: "d", Database: "mysql://h/n"}, "", "", "sqlite:PATH or postgres://"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := tt.in
			err := p.complete()
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Errorf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil || p.Database != tt.database || p.Blobs != tt.blobs {
				t.Errorf("= %s, %s, %v; want %s, %s", p.Database, p.Blobs, err, tt.database, tt.blobs)
			}
		})
	}
}

// The environment is the process's: these run one after the other.
func TestPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "easel.yaml")
	if err := os.WriteFile(file, []byte("listen: file:1\nlog_level: warn\nhost_alias: [a, b]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		env  map[string]string
		args []string
		want Config
	}{
		{"defaults", nil, nil, Config{Listen: "127.0.0.1:8580", LogLevel: "info"}},
		{"file", nil, []string{"--config", file}, Config{Listen: "file:1", LogLevel: "warn", HostAlias: []string{"a", "b"}}},
		{"file named by environment", map[string]string{"EASEL_CONFIG": file}, nil, Config{Listen: "file:1", LogLevel: "warn", HostAlias: []string{"a", "b"}}},
		{"environment over file", map[string]string{"EASEL_LISTEN": "env:1", "EASEL_HOST_ALIAS": "c"}, []string{"--config", file},
			Config{Listen: "env:1", LogLevel: "warn", HostAlias: []string{"c"}}},
		{"empty environment is none", map[string]string{"EASEL_LISTEN": "", "EASEL_LOG_LEVEL": ""}, []string{"--config", file},
			Config{Listen: "file:1", LogLevel: "warn", HostAlias: []string{"a", "b"}}},
		{"empty environment, no file", map[string]string{"EASEL_LISTEN": "", "EASEL_CONFIG": ""}, nil, Config{Listen: "127.0.0.1:8580", LogLevel: "info"}},
		{"flag over all", map[string]string{"EASEL_LISTEN": "env:1"}, []string{"--config", file, "--listen", "flag:1"},
			Config{Listen: "flag:1", LogLevel: "warn", HostAlias: []string{"a", "b"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			code, out, stderr := run(t, append([]string{"config"}, tt.args...)...)
			if code != exitOK {
				t.Fatalf("easel config = %d: %s", code, stderr)
			}
			var got Config
			if err := yaml.UnmarshalWithOptions([]byte(out), &got, yaml.Strict()); err != nil {
				t.Fatal(err)
			}
			if got.Listen != tt.want.Listen || got.LogLevel != tt.want.LogLevel || strings.Join(got.HostAlias, ",") != strings.Join(tt.want.HostAlias, ",") {
				t.Errorf("= %s, %s, %v; want %s, %s, %v", got.Listen, got.LogLevel, got.HostAlias, tt.want.Listen, tt.want.LogLevel, tt.want.HostAlias)
			}
		})
	}
}

// TestCompat compares the bounds with the cloud's (swr.md 4.1, iam.md 6).
func TestCompat(t *testing.T) {
	t.Parallel()
	code, out, stderr := run(t, "config", "--compat")
	var got Config
	if err := yaml.UnmarshalWithOptions([]byte(out), &got, yaml.Strict()); code != exitOK || err != nil {
		t.Fatal(code, err, stderr)
	}
	if got.quotas().Orgs != 5 || got.KeyQuota != 2 {
		t.Errorf("with --compat: %d organisations, %d access keys", got.quotas().Orgs, got.KeyQuota)
	}
}

func TestConfigNeverPrintsSecrets(t *testing.T) {
	secrets := map[string]string{
		"EASEL_ADMIN_PASSWORD": "hush-password", "EASEL_ADMIN_ACCESS_KEY": "HUSHACCESS", "EASEL_ADMIN_SECRET_KEY": "hush-secret",
		"EASEL_MASTER_KEY": strings.Repeat("ab", 32),
	}
	for name, value := range secrets {
		t.Setenv(name, value)
	}
	_, out, _ := run(t, "config")
	for name, value := range secrets {
		if strings.Contains(out, value) {
			t.Errorf("easel config prints %s", name)
		}
	}
}

func TestBuiltins(t *testing.T) {
	t.Parallel()
	c := Config{BuiltinImages: []BuiltinImage{{Path: "swr.example.test/builtin/torch:2"}}}
	images, err := c.builtins()
	if err != nil || len(images) != 1 {
		t.Fatalf("builtins = %v, %v", images, err)
	}
	i := images[0]
	if i.Repo != "builtin/torch" || i.Tag != "2" || i.Name != "torch" || i.Arch != "x86_64" || len(i.Services) == 0 {
		t.Errorf("builtins = %+v", i)
	}
	c.BuiltinImages = []BuiltinImage{{Path: "no-tag"}}
	if _, err := c.builtins(); err == nil || !strings.Contains(err.Error(), "builtin_images[0]") {
		t.Errorf("a path without a tag: %v", err)
	}
}

// TestEveryOptionIsDocumented compares docs/configuration.md with the flags
// of easel serve.
func TestEveryOptionIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join(moduleRoot, "docs", "configuration.md"))
	if err != nil {
		t.Fatal(err)
	}
	parser, err := kong.New(&commands{}, kong.DefaultEnvars("EASEL"))
	if err != nil {
		t.Fatal(err)
	}
	for _, command := range parser.Model.Leaves(true) {
		if command.Name != "serve" {
			continue
		}
		for _, flag := range command.Flags {
			def := ""
			if flag.Default != "" {
				def = "`" + flag.Default + "`"
			}
			line := fmt.Sprintf("| `%s` | `--%s` | `%s` | %s |", strings.ReplaceAll(flag.Name, "-", "_"), flag.Name, flag.Envs[0], def)
			if flag.Name != "config" && !strings.Contains(string(text), line) {
				t.Errorf("docs/configuration.md has no line %s", line)
			}
		}
	}
}

func FuzzBytes(f *testing.F) {
	for _, seed := range []string{"0", "64MiB", "2 GiB", "1TiB", "-1", "9999999999TiB", "B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var b, again Bytes
		if b.UnmarshalText([]byte(text)) != nil {
			return
		}
		printed, err := b.MarshalText()
		if err != nil || b < 0 {
			t.Fatalf("%q = %d, printed with %v", text, b, err)
		}
		if err := again.UnmarshalText(printed); err != nil || again != b {
			t.Errorf("%q = %d is printed as %s, which reads as %d, %v", text, b, printed, again, err)
		}
	})
}
