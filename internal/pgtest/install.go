package pgtest

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

var errMissing = errors.New("there is no initdb on this machine: install PostgreSQL 14 or later (Debian: apt-get install postgresql), " +
	"or run the tests with -short")

// programs returns the directory of initdb and postgres, which are installed
// when that is possible.
func programs() (string, error) {
	if dir, ok := findPrograms(); ok {
		return dir, nil
	}
	if os.Geteuid() != 0 {
		return "", errMissing
	}
	if _, err := exec.LookPath("apt-get"); err != nil {
		return "", errMissing
	}
	if err := install("postgresql"); err != nil {
		return "", fmt.Errorf("%w: %w", errMissing, err)
	}
	if dir, ok := findPrograms(); ok {
		return dir, nil
	}
	return "", errMissing
}

// findPrograms looks in PATH, then for the newest version where Debian keeps
// them all.
func findPrograms() (dir string, found bool) {
	if initdb, err := exec.LookPath("initdb"); err == nil {
		if initdb, err = filepath.EvalSymlinks(initdb); err == nil {
			return filepath.Dir(initdb), true
		}
	}
	all, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil || len(all) == 0 {
		return "", false
	}
	newest := slices.MaxFunc(all, func(a, b string) int { return cmp.Compare(version(a), version(b)) })
	return filepath.Dir(newest), true
}

// version returns the number in /usr/lib/postgresql/15/bin/initdb.
func version(initdb string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(initdb))))
	if err != nil {
		return 0
	}
	return n
}

// install waits for another test binary that may be installing as well.
func install(pkg string) error {
	for _, args := range [][]string{
		{"update"},
		{"install", "--yes", "--no-install-recommends", pkg},
	} {
		apt := exec.Command("apt-get", append([]string{"-o", "DPkg::Lock::Timeout=600"}, args...)...)
		apt.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive")
		if out, err := apt.CombinedOutput(); err != nil {
			return fmt.Errorf("apt-get %s: %w\n%s", args[0], err, out)
		}
	}
	return nil
}
