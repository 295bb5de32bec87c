package app

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

type versionCommand struct{}

// Run prints version, commit and platform.
func (versionCommand) Run(s *streams) error {
	version, commit := build()
	_, err := fmt.Fprintf(s.out, "easel %s (%s, %s, %s/%s)\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// build returns the module version and the commit that the Go tool recorded.
func build() (version, commit string) {
	version, commit = "devel", "unknown commit"
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return version, commit
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		version = v
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			commit = s.Value[:12]
		}
	}
	return version, commit
}
