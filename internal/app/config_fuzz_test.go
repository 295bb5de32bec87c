package app

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// FuzzConfigFile: a configuration file is read strictly or refused with its
// name, and never takes the program down.
func FuzzConfigFile(f *testing.F) {
	for _, s := range []string{
		"", "listen: 127.0.0.1:0\n", "low_space: 64MiB\n", "low_space: -1\n", "unknown: 1\n", "host_alias: [a, b]\n", "builtin_images:\n- path: h/o/n:t\n",
		"pin_for: forever\n", "listen: [\n", "? !!binary x", "a: &a [*a]\n", "listen: 1\nlisten: 2\n", "\ufefflisten: x\n", "- 1\n", "null", "admin_password: secret\n",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), "easel.yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		file := &File{}
		err := file.read(path)
		if inFile := (*fileError)(nil); err != nil && !errors.As(err, &inFile) {
			t.Errorf("%q = %v", text, err)
		}
		if err == nil && file.config.AdminPassword+file.config.AdminSecretKey+file.config.MasterKey != "" {
			t.Errorf("%q sets a secret, which belongs into the environment", text)
		}
	})
}
