package main

import (
	"github.com/rogpeppe/go-internal/testscript"

	"easel/internal/adopt/adopttest"
)

// foreign writes the storage directory of another registry: foreign distribution|zot DIR.
func foreign(ts *testscript.TestScript, neg bool, args []string) {
	t := adopttest.New(args[0], ts.MkAbs(args[1]))
	t.Sample()
	ts.Check(t.Err)
}
