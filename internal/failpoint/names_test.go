package failpoint

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var call = regexp.MustCompile(`failpoint\.(?:Hit|Err)\("([^"]+)"\)`)

// TestNames compares the list of points with the calls in the code.
func TestNames(t *testing.T) {
	t.Parallel()
	found := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		code, err := os.ReadFile(path)
		for _, m := range call.FindAllSubmatch(code, -1) {
			found[string(m[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(found)), Names()); diff != "" {
		t.Errorf("points in the code (-) and in Names (+):\n%s", diff)
	}
}
