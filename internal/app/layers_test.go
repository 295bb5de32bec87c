package app

import (
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// layer says what the code of a package, tests aside, may import.
type layer struct {
	inside  []string // packages of this module, without the "easel/" in front
	outside []string // modules; the standard library is free
}

// layers is the architecture: imports only point downwards. A new arrow, or a
// new dependency, is a line here with a reason in the commit.
var layers = map[string]layer{
	"": {},

	"internal/policy": {inside: []string{""}},
	// Sizes and times as people write them.
	"internal/human": {inside: []string{""}},
	// What a team's file says, what a server has, and the difference.
	"internal/setup": {inside: []string{"", "internal/human", "internal/policy"}, outside: []string{"github.com/goccy/go-yaml"}},
	// A map of bounded size.
	"internal/recent": {},
	// Points where tests end the process; empty without its build tag.
	"internal/failpoint": {},
	"internal/blob":      {inside: []string{""}, outside: []string{"golang.org/x/sys"}},
	"internal/adopt":     {inside: []string{""}},
	"internal/client":    {inside: []string{""}},

	"internal/catalog": {inside: []string{"", "internal/blob", "internal/failpoint"},
		outside: []string{"modernc.org/sqlite", "github.com/jackc/pgx/v5", "github.com/pressly/goose/v3", "golang.org/x/sys"}},

	"internal/identity": {inside: []string{"", "internal/policy", "internal/catalog", "internal/recent", "internal/issuer"},
		outside: []string{"github.com/go-jose/go-jose/v4", "golang.org/x/crypto", "golang.org/x/sync"}},
	"internal/registry": {inside: []string{"", "internal/policy", "internal/blob", "internal/catalog", "internal/failpoint"}},
	// Which addresses that users chose are dialled.
	"internal/outbound":  {},
	"internal/issuer":    {inside: []string{"", "internal/outbound", "internal/recent"}, outside: []string{"github.com/coreos/go-oidc/v3", "github.com/go-jose/go-jose/v4", "golang.org/x/oauth2"}},
	"internal/hook":      {inside: []string{"", "internal/policy", "internal/catalog", "internal/outbound"}},
	"internal/workbench": {inside: []string{"", "internal/policy", "internal/catalog", "internal/registry"}},

	"internal/api":        {inside: []string{"", "internal/recent"}},
	"internal/api/docs":   {inside: []string{"", "internal/api"}, outside: []string{"github.com/goccy/go-yaml"}},
	"internal/api/ociapi": {inside: []string{"", "internal/api", "internal/registry"}},
	// Edges see data types of lower layers in the signatures of their services, and name policy's actions.
	"internal/api/modelarts": {inside: []string{"", "internal/api", "internal/workbench", "internal/policy", "internal/catalog"}},
	"internal/api/swr":       {inside: []string{"", "internal/api", "internal/registry", "internal/identity", "internal/policy", "internal/catalog"}},
	"internal/api/iam":       {inside: []string{"", "internal/api", "internal/identity", "internal/catalog"}},
	"internal/api/easelapi":  {inside: []string{"", "internal/api", "internal/identity", "internal/registry", "internal/workbench", "internal/hook", "internal/issuer", "internal/catalog"}},

	"internal/app": {inside: []string{"*"}, outside: []string{"github.com/alecthomas/kong", "github.com/goccy/go-yaml",
		"github.com/prometheus/client_golang", "go.opentelemetry.io/otel", "github.com/vbauerster/mpb/v8", "golang.org/x/sync", "golang.org/x/sys", "golang.org/x/term"}},
	"cmd/easel": {inside: []string{"internal/app"}},
	// Attacks are tests; the package has nothing else.
	"internal/attack": {},
	// Benchmarks know servers from outside; only the one that fills a catalogue knows it.
	"internal/bench":           {inside: []string{"internal/bench/load"}},
	"internal/bench/lists":     {inside: []string{"internal/client"}},
	"internal/bench/load":      {},
	"internal/bench/peer":      {inside: []string{"internal/bench/load", "internal/client"}},
	"internal/bench/seed":      {inside: []string{"", "internal/blob", "internal/catalog"}},
	"internal/bench/scale":     {inside: []string{"", "internal/bench/seed", "internal/catalog"}, outside: []string{"golang.org/x/sys"}},
	"internal/bench/yardstick": {},
	"cmd/easel-bench": {inside: []string{"", "internal/bench", "internal/bench/lists", "internal/bench/load", "internal/bench/peer", "internal/bench/scale", "internal/bench/seed", "internal/bench/yardstick", "internal/catalog", "internal/client"},
		outside: []string{"github.com/alecthomas/kong", "golang.org/x/sys"}},
	// It knows the server from outside only, and where it can be made to die.
	"cmd/easel-soak": {inside: []string{"internal/failpoint"}, outside: []string{"github.com/anishathalye/porcupine"}},
}

// testOnly reports whether a package is for tests, by its name: it may import
// what it likes, and only tests may import it.
func testOnly(pkg string) bool { return strings.HasSuffix(pkg, "test") }

const moduleRoot = "../.."

// sources calls visit with every Go file of the module.
func sources(t *testing.T, visit func(path, pkg string)) {
	t.Helper()
	err := filepath.WalkDir(moduleRoot, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && path != moduleRoot && (d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") || isFile(filepath.Join(path, "go.mod"))):
			return fs.SkipDir // another module has an architecture of its own
		case !d.IsDir() && strings.HasSuffix(path, ".go"):
			pkg, err := filepath.Rel(moduleRoot, filepath.Dir(path))
			if err != nil {
				return err
			}
			visit(path, strings.TrimPrefix(filepath.ToSlash(pkg), "."))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestLayers(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	sources(t, func(path, pkg string) {
		if strings.HasSuffix(path, "_test.go") || testOnly(pkg) {
			return
		}
		allowed, known := layers[pkg]
		if !known {
			t.Errorf("%s: the package is not in the layer table", path)
			return
		}
		seen[pkg] = true
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			t.Error(err)
			return
		}
		for _, imported := range file.Imports {
			name, err := strconv.Unquote(imported.Path.Value)
			if err != nil {
				t.Error(err)
			} else if !allowed.allows(name) {
				t.Errorf("%s may not import %s", path, name)
			}
		}
	})
	for pkg := range layers {
		if !seen[pkg] {
			t.Errorf("the layer table has %q, which is not there", pkg)
		}
	}
}

func (l layer) allows(name string) bool {
	if name == "easel" || strings.HasPrefix(name, "easel/") {
		inside := strings.TrimPrefix(strings.TrimPrefix(name, "easel"), "/")
		return !testOnly(inside) && (slices.Contains(l.inside, "*") || slices.Contains(l.inside, inside))
	}
	if first, _, _ := strings.Cut(name, "/"); !strings.Contains(first, ".") {
		return true // standard library
	}
	return slices.ContainsFunc(l.outside, func(module string) bool {
		return module == "*" || name == module || strings.HasPrefix(name, module+"/")
	})
}
