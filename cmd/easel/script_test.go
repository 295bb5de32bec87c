package main

import (
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"easel/internal/pgtest"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"easel": main, "docker-credential-easel": main, "browser": browser})
}

// TestScripts runs the user sessions in testdata/script. Beside testscript's
// own commands they use those of commands_test.go.
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, params("testdata/script", nil))
}

// TestPostgres runs those that need a PostgreSQL database, $DATABASE.
func TestPostgres(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		return
	}
	testscript.Run(t, params("testdata/postgres", func(env *testscript.Env) { env.Setenv("DATABASE", pgtest.Start(t)) }))
}

func params(dir string, more func(*testscript.Env)) testscript.Params {
	return testscript.Params{
		Dir:                 dir,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir+"/config")
			env.Setenv("HOME", env.WorkDir)
			if more != nil {
				more(env)
			}
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"serve":       serve,
			"halt":        halt,
			"crash":       crash,
			"push":        push,
			"pull":        pull,
			"blobs":       blobs,
			"find":        find,
			"damage":      damage,
			"get":         get,
			"exitcode":    exitcode,
			"certificate": certificate,
			"sink":        sink,
			"foreign":     foreign,
			"provider":    provider,
		},
	}
}
