package setup

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// MaxFile is the largest file that is read, in bytes; maxErrors how many
// mistakes are told at once.
const (
	MaxFile   = 4 << 20
	maxErrors = 20
)

// Source is a State with where in which file everything was said.
type Source struct {
	State State
	at    map[Key]place
}

// place is where something is said.
type place struct {
	file         string
	line, column int
}

func (p place) String() string { return fmt.Sprintf("%s:%d:%d", p.file, p.line, p.column) }

// mistake is an error about what a file says.
type mistake struct {
	place
	text string
}

// Error implements error.
func (m *mistake) Error() string { return m.place.String() + ": " + m.text }

// Join returns the mistakes as one error, in the order of what they are about,
// and nil for none.
func Join(errs []error) error {
	at := func(err error) (p place) {
		if m := (*mistake)(nil); errors.As(err, &m) {
			p = m.place
		}
		return p
	}
	slices.SortStableFunc(errs, func(a, b error) int {
		p, q := at(a), at(b)
		return cmp.Or(cmp.Compare(p.file, q.file), cmp.Compare(p.line, q.line), cmp.Compare(p.column, q.column))
	})
	return errors.Join(errs...)
}

// NewSource returns one to which files are added.
func NewSource() *Source { return &Source{State{}, map[Key]place{}} }

// Error returns an error about what the files say of k.
func (s *Source) Error(k Key, format string, args ...any) error {
	return &mistake{s.at[k], fmt.Sprintf(format, args...)}
}

// Add reads a file. What two files say must not contradict: an organisation,
// repository or group may be in several, what is set only in one. The error
// names up to 20 mistakes with line and column.
func (s *Source) Add(name string, text []byte) error {
	if len(text) > MaxFile {
		return fmt.Errorf("%s: the file has more than %d bytes", name, MaxFile)
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	r := &reader{Source: s, file: name}
	for _, doc := range file.Docs {
		if doc.Body != nil {
			r.document(doc.Body)
		}
	}
	if len(r.errs) > maxErrors {
		return errors.Join(Join(r.errs[:maxErrors]), fmt.Errorf("%s: and %d mistakes more", name, len(r.errs)-maxErrors))
	}
	return Join(r.errs)
}

// reader walks the nodes of a file. It goes on after a mistake, so that all
// are told.
type reader struct {
	*Source
	file string
	errs []error
}

func (r *reader) place(n ast.Node) place {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return place{r.file, t.Position.Line, t.Position.Column}
	}
	return place{r.file, 1, 1}
}

func (r *reader) fail(n ast.Node, format string, args ...any) {
	r.errs = append(r.errs, &mistake{r.place(n), fmt.Sprintf(format, args...)})
}

// wrong is fail unless err is nil, and reports whether it is not.
func (r *reader) wrong(n ast.Node, err error) bool {
	if err != nil {
		r.fail(n, "%v", err)
	}
	return err != nil
}

// set notes a value, once.
func (r *reader) set(n ast.Node, k Key, value string) {
	if at, twice := r.at[k]; twice && !k.Kind.container() {
		r.fail(n, "this is said already at %s", at)
		return
	} else if !twice {
		r.at[k] = r.place(n)
	}
	r.State[k] = value
}

// container reports whether a kind holds others, and may be named several times.
func (k Kind) container() bool { return k == Org || k == Repo || k == Group || k == User }

// entry is a key of a mapping with its value.
type entry struct {
	key         string
	node, value ast.Node
}

// mapping returns the entries of a mapping; nothing is an empty one.
func (r *reader) mapping(n ast.Node, what string) []entry {
	var pairs []*ast.MappingValueNode
	switch n := n.(type) {
	case *ast.NullNode:
	case *ast.MappingNode:
		pairs = n.Values
	case *ast.MappingValueNode:
		pairs = []*ast.MappingValueNode{n}
	default:
		r.fail(n, "want %s", what)
	}
	var entries []entry
	for _, p := range pairs {
		if key, ok := scalar(p.Key); ok {
			entries = append(entries, entry{key, p.Key, p.Value})
		} else {
			r.fail(p.Key, "a key must be plain text")
		}
	}
	return entries
}

// fields calls the reader of each key of a mapping that has no others.
func (r *reader) fields(n ast.Node, what string, known map[string]func(entry)) {
	for _, e := range r.mapping(n, what) {
		if read, ok := known[e.key]; ok {
			read(e)
		} else {
			r.fail(e.node, "there is no key %q here; there are: %s", e.key, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
		}
	}
}

// list returns the elements of a sequence; nothing is an empty one.
func (r *reader) list(n ast.Node, what string) []ast.Node {
	switch n := n.(type) {
	case *ast.NullNode:
		return nil
	case *ast.SequenceNode:
		return n.Values
	}
	r.fail(n, "want a list of %s", what)
	return nil
}

// texts returns the elements of a sequence of texts.
func (r *reader) texts(n ast.Node, what string) (all []string) {
	for _, element := range r.list(n, what) {
		if text, ok := r.text(element, what); ok {
			all = append(all, text)
		}
	}
	return all
}

// text returns a scalar that is not empty, as it is written: 1.10 is no number.
func (r *reader) text(n ast.Node, what string) (string, bool) {
	text, ok := scalar(n)
	if !ok || text == "" {
		r.fail(n, "want %s", what)
		return "", false
	}
	return text, true
}

// scalar returns the text of a node that is one.
func scalar(n ast.Node) (string, bool) {
	switch n := n.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.LiteralNode:
		return n.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}
